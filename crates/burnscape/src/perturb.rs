//! Moving a model to a point: the centre plus multiples of directions, or a stored snapshot.
//!
//! Always from the saved centre, never step by step; buffers are left as they are.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

use crate::model_map::{ModelMap, Slot};
use crate::snapshot::SnapshotFile;
use crate::{Error, Result};

/// A direction cut into blocks, on the device and in the element type of the model; `None` where
/// it is zero.
#[derive(Debug, Clone)]
pub(crate) struct DeviceDirection(Vec<Option<Tensor<1>>>);

impl DeviceDirection {
    /// Uploads a flat direction that follows the layout of `map`.
    pub fn upload(direction: &[f32], map: &ModelMap) -> Self {
        let blocks = map.layout.blocks().iter();
        let parts = blocks.map(|block| upload_part(&direction[block.range()], map));
        Self(parts.collect())
    }
}

fn upload_part(values: &[f32], map: &ModelMap) -> Option<Tensor<1>> {
    if values.iter().all(|&value| value == 0.0) {
        return None;
    }
    let data = TensorData::new(values.to_vec(), [values.len()]);
    let device = map.device.clone().inner();
    Some(Tensor::from_data(data, (&device, map.dtype)))
}

/// `centre + Σ coefficient · direction`, where `centre` is the model as it stands.
pub(crate) fn moved<M: Module>(centre: &M, map: &ModelMap, moves: &[(f64, &DeviceDirection)]) -> M {
    centre.clone().map(&mut Mover { slots: map.slots.iter(), moves })
}

struct Mover<'a> {
    slots: std::slice::Iter<'a, Slot>,
    moves: &'a [(f64, &'a DeviceDirection)],
}

impl ModuleMapper for Mover<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(Slot::Block(block) | Slot::Alias(block)) = self.slots.next() else {
            return param;
        };
        let due = self.moves.iter().filter(|(coefficient, _)| *coefficient != 0.0);
        let due = due.filter_map(|(coefficient, it)| Some((*coefficient, it.0[*block].as_ref()?)));
        let due: Vec<_> = due.collect();
        if due.is_empty() {
            return param;
        }
        param.map(|centre| {
            due.into_iter().fold(centre, |point, (coefficient, direction)| {
                let direction = direction.clone().reshape(point.shape());
                point + direction.mul_scalar(coefficient)
            })
        })
    }
}

/// The model with the parameters and buffers of a snapshot, in inference mode and with state of
/// its own: the buffers of `like` are not touched.
///
/// # Errors
///
/// [`Error::SnapshotRead`] if the file cannot be read.
pub(crate) fn at_snapshot<M: Module>(
    like: &M,
    map: &ModelMap,
    file: &mut SnapshotFile,
) -> Result<M> {
    let mut loader = Loader { slots: map.slots.iter(), map, file, error: None };
    let model = like.valid().map(&mut loader);
    match loader.error {
        Some(error) => Err(error),
        None => Ok(model),
    }
}

struct Loader<'a> {
    slots: std::slice::Iter<'a, Slot>,
    map: &'a ModelMap,
    file: &'a mut SnapshotFile,
    error: Option<Error>,
}

impl ModuleMapper for Loader<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = match self.slots.next() {
            Some(Slot::Block(block) | Slot::Alias(block)) => &self.map.layout.blocks()[*block].path,
            Some(Slot::Buffer(buffer)) => &self.map.buffers[*buffer].path,
            None => return param,
        };
        match self.file.tensor(path) {
            Ok(data) => param.map(|old| Tensor::from_data(data, (&old.device(), old.dtype()))),
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}
