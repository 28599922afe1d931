//! Moving a model to a point: the centre plus multiples of directions, or any stored tensors.
//!
//! Always from the saved centre, never step by step; buffers are left as they are.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};
use burnscape_landscape::layout::Block;

use super::sweep::each_piece;
use super::vector::Vector;
use super::weights::Weights;
use crate::model::map::{ModelMap, Slot};
use crate::model::tensors::{NamedTensor, to_host};
use crate::{Error, Result};

/// The directions of a slice, ready to move a model along them.
#[derive(Debug)]
pub(crate) struct Directions<'a> {
    parts: Parts<'a>,
    /// Per buffer, whether it is the second name of a parameter and equal to it: then they move
    /// together.
    tied: &'a [bool],
    /// Blocks that any of them moves.
    moving: &'a [bool],
}

#[derive(Debug)]
enum Parts<'a> {
    /// In host memory: points are written in one pass over weights and directions.
    Host { centre: &'a [f32], directions: Vec<&'a [f32]> },
    /// On the device, in the element type of the model, by block; `None` where they are zero.
    Device(Arc<OnDevice>),
    /// Nowhere as a whole: one block at a time is drawn or read.
    Pieces { centre: &'a Weights, directions: Vec<&'a Vector>, is_in_place: bool },
}

/// Directions by block; `None` where they are zero.
type OnDevice = Vec<Vec<Option<Tensor<1>>>>;

/// The directions of one slice on the devices that they were sent to: once to each.
#[derive(Debug, Default)]
pub(crate) struct SentDirections(RefCell<Vec<(Device, Arc<OnDevice>)>>);

impl SentDirections {
    fn on_device_of(&self, map: &ModelMap, directions: &[&[f32]]) -> Arc<OnDevice> {
        let mut sent = self.0.borrow_mut();
        if let Some((_, known)) = sent.iter().find(|(device, _)| *device == map.device) {
            return known.clone();
        }
        let new: Arc<OnDevice> = Arc::new(directions.iter().map(|it| upload(it, map)).collect());
        sent.push((map.device.clone(), new.clone()));
        new
    }
}

impl<'a> Directions<'a> {
    /// Prepares directions that follow the layout of `map`, as do `centre`, and `moving` its blocks. Where they are needed on
    /// a device that `sent` knows, they are there.
    pub fn prepare(
        centre: &'a Weights,
        directions: &'a [Arc<Vector>],
        tied: &'a [bool],
        moving: &'a [bool],
        map: &ModelMap,
        sent: &SentDirections,
    ) -> Self {
        let is_in_place = map.is_on_host && map.dtypes.iter().all(|&dtype| dtype == DType::F32);
        let held: Option<Vec<&[f32]>> = directions.iter().map(|it| it.held()).collect();
        let parts = match (centre.held(), held) {
            (Some(centre), Some(directions)) if is_in_place => Parts::Host { centre, directions },
            (Some(_), Some(directions)) => Parts::Device(sent.on_device_of(map, &directions)),
            _ => {
                let directions = directions.iter().map(Arc::as_ref).collect();
                Parts::Pieces { centre, directions, is_in_place }
            }
        };
        Self { parts, tied, moving }
    }

    /// One for a line, two for a plane.
    pub fn count(&self) -> usize {
        match &self.parts {
            Parts::Host { directions, .. } => directions.len(),
            Parts::Device(directions) => directions.len(),
            Parts::Pieces { directions, .. } => directions.len(),
        }
    }
}

fn upload(direction: &[f32], map: &ModelMap) -> Vec<Option<Tensor<1>>> {
    let device = map.device.clone().inner();
    let part = |(block, dtype): (&Block, &DType)| {
        let values = &direction[block.range()];
        let data = TensorData::new(values.to_vec(), [values.len()]);
        let moves = values.iter().any(|&value| value != 0.0);
        moves.then(|| Tensor::from_data(data, (&device, *dtype)))
    };
    map.layout.blocks().iter().zip(&map.dtypes).map(part).collect()
}

/// A model that is moved about, always from the centre, in tensors of its own that it writes over.
#[derive(Debug)]
pub(crate) struct MovableModel<M> {
    centre: M,
    /// Where it was moved last; `None` before.
    point: Option<M>,
}

impl<M: Module> MovableModel<M> {
    /// Starts at `centre`, in inference mode, with state that it shares with nobody.
    pub fn new(centre: &M) -> Self {
        Self { centre: centre.valid(), point: None }
    }

    /// The model at `centre + Σ coefficient · direction`; at the centre it is the model as it was given.
    ///
    /// # Errors
    ///
    /// If directions that are not held cannot be read.
    pub fn at(
        &mut self,
        map: &ModelMap,
        directions: &Directions<'_>,
        coefficients: &[f64],
    ) -> Result<&M> {
        if coefficients.iter().all(|&coefficient| coefficient == 0.0) {
            return Ok(&self.centre);
        }
        let Directions { tied, moving, .. } = *directions;
        let slots = Moving { slots: map.slots.iter(), tied };
        let point = match &directions.parts {
            Parts::Host { centre, directions } => {
                let from = self.point.take().unwrap_or_else(|| self.centre.valid());
                from.map(&mut HostMover { slots, map, centre, directions, moving, coefficients })
            }
            Parts::Device(directions) => {
                self.centre.clone().map(&mut DeviceMover { slots, directions, coefficients })
            }
            Parts::Pieces { centre, directions, is_in_place } => {
                let before = self.point.take().filter(|_| *is_in_place);
                let from = before.unwrap_or_else(|| self.centre.valid());
                let (is_in_place, failed) = (*is_in_place, None);
                let parts = BlockAt { map, centre, directions, coefficients };
                let mut mover = PieceMover { slots, parts, moving, is_in_place, failed };
                let point = from.map(&mut mover);
                if let Some(error) = mover.failed {
                    return Err(error);
                }
                point
            }
        };
        Ok(self.point.insert(point))
    }
}

/// Walks the slots of a model beside a mapper: which block moves the tensor that is mapped now.
struct Moving<'a> {
    slots: std::slice::Iter<'a, Slot>,
    tied: &'a [bool],
}

impl Moving<'_> {
    fn next_block(&mut self) -> Option<usize> {
        match *self.slots.next()? {
            Slot::Block(block) => Some(block),
            Slot::Alias { block, buffer } if self.tied[buffer] => Some(block),
            Slot::Alias { .. } | Slot::Buffer(_) | Slot::LeftOut => None,
        }
    }
}

/// Writes points into tensors that nobody else holds, so that nothing is allocated.
struct HostMover<'a> {
    slots: Moving<'a>,
    map: &'a ModelMap,
    centre: &'a [f32],
    directions: &'a [&'a [f32]],
    moving: &'a [bool],
    coefficients: &'a [f64],
}

impl HostMover<'_> {
    fn write(&self, block: usize, out: &mut [f32]) {
        let range = self.map.layout.blocks()[block].range();
        let centre = &self.centre[range.clone()];
        let part = |direction: usize| &self.directions[direction][range.clone()];
        let coefficient = |direction: usize| self.coefficients[direction] as f32;
        match self.directions.len() {
            1 => write_line(out, centre, part(0), coefficient(0)),
            _ => write_plane(out, centre, [part(0), part(1)], [coefficient(0), coefficient(1)]),
        }
    }
}

fn write_line(out: &mut [f32], centre: &[f32], d: &[f32], alpha: f32) {
    for ((out, centre), d) in out.iter_mut().zip(centre).zip(d) {
        *out = centre + alpha * d;
    }
}

fn write_plane(out: &mut [f32], centre: &[f32], [d1, d2]: [&[f32]; 2], [alpha, beta]: [f32; 2]) {
    for (((out, centre), d1), d2) in out.iter_mut().zip(centre).zip(d1).zip(d2) {
        *out = centre + alpha * d1 + beta * d2;
    }
}

impl ModuleMapper for HostMover<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.slots.next_block() {
            Some(block) if self.moving[block] => {
                param.map(|old| overwritten(old, |out| self.write(block, out)))
            }
            _ => param,
        }
    }
}

/// The tensor with new values in the same memory, if nobody else holds it.
fn overwritten<const D: usize>(old: Tensor<D>, write: impl FnOnce(&mut [f32])) -> Tensor<D> {
    let device = old.device();
    let mut data = old.into_data();
    match data.as_mut_slice::<f32>() {
        Ok(values) => write(values),
        Err(_) => unreachable!("only models of f32 are moved on the host"),
    }
    Tensor::from_data(data, (&device, DType::F32))
}

/// One block of a point, from directions that are drawn or read for it.
struct BlockAt<'a> {
    map: &'a ModelMap,
    centre: &'a Weights,
    directions: &'a [&'a Vector],
    coefficients: &'a [f64],
}

impl BlockAt<'_> {
    fn write(&self, number: usize, out: &mut [f32]) -> Result<()> {
        let block = &self.map.layout.blocks()[number];
        let centre = self.centre.block(number, block)?;
        let coefficient = |direction: usize| self.coefficients[direction] as f32;
        each_piece(number, block, &centre, self.directions, |within, directions| {
            let (out, centre) = (&mut out[within.clone()], &centre[within]);
            match directions {
                [d] => write_line(out, centre, d, coefficient(0)),
                [d1, d2] => write_plane(out, centre, [d1, d2], [coefficient(0), coefficient(1)]),
                _ => {}
            }
            Ok(())
        })
    }

    /// Σ coefficient · direction beside a tensor of the centre, on its device and in its element type.
    fn step<const D: usize>(&self, number: usize, mut centre: Tensor<D>) -> Result<Tensor<D>> {
        let block = &self.map.layout.blocks()[number];
        // Only where an entry is that of the centre it matters what that is.
        let values = self.centre.block(number, block)?;
        for (&direction, &coefficient) in self.directions.iter().zip(self.coefficients) {
            let mut entries = Vec::with_capacity(block.len());
            each_piece(number, block, &values, &[direction], |_, piece| {
                entries.extend_from_slice(&piece[0]);
                Ok(())
            })?;
            let data = TensorData::new(entries, centre.shape());
            let direction = Tensor::from_data(data, (&centre.device(), centre.dtype()));
            centre = centre + direction.mul_scalar(coefficient);
        }
        Ok(centre)
    }
}

/// Moves a model of which neither the centre nor the directions are held, in place where that can be.
struct PieceMover<'a> {
    slots: Moving<'a>,
    parts: BlockAt<'a>,
    moving: &'a [bool],
    is_in_place: bool,
    failed: Option<Error>,
}

impl ModuleMapper for PieceMover<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let block = match self.slots.next_block() {
            Some(block) if self.moving[block] && self.failed.is_none() => block,
            _ => return param,
        };
        let (parts, mut moved) = (&self.parts, Ok(()));
        let param = param.map(|old| match self.is_in_place {
            true => overwritten(old, |out| moved = parts.write(block, out)),
            false => parts.step(block, old.clone()).unwrap_or_else(|error| {
                moved = Err(error);
                old
            }),
        });
        self.failed = moved.err();
        param
    }
}

struct DeviceMover<'a> {
    slots: Moving<'a>,
    directions: &'a [Vec<Option<Tensor<1>>>],
    coefficients: &'a [f64],
}

impl ModuleMapper for DeviceMover<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(block) = self.slots.next_block() else {
            return param;
        };
        let parts = self.directions.iter().map(|it| it[block].as_ref());
        let due = self.coefficients.iter().zip(parts);
        let mut due = due.filter_map(|(&coefficient, part)| Some((coefficient, part?))).peekable();
        if due.peek().is_none() {
            return param;
        }
        param.map(|centre| {
            due.fold(centre, |point, (coefficient, direction)| {
                let direction = direction.clone().reshape(point.shape());
                point + direction.mul_scalar(coefficient)
            })
        })
    }
}

/// The model with these parameters and buffers, in inference mode and with state of its own: the buffers of
/// `like` are not touched.
///
/// # Errors
///
/// [`Error::OtherModel`] naming a tensor that is missing.
pub(crate) fn at_tensors<M: Module>(
    like: &M,
    map: &ModelMap,
    tensors: Vec<NamedTensor>,
) -> Result<M> {
    load(like, map, tensors, Kept::Nothing)
}

/// The same, sharing memory with `like` wherever that has a parameter to the bit.
///
/// # Errors
///
/// As [`at_tensors`].
pub(crate) fn at_tensors_shared<M: Module>(
    like: &M,
    map: &ModelMap,
    tensors: Vec<NamedTensor>,
) -> Result<M> {
    load(like, map, tensors, Kept::EqualParameters)
}

/// The same with the parameters of `like`, of which nothing is copied.
///
/// # Errors
///
/// As [`at_tensors`].
pub(crate) fn at_buffers<M: Module>(
    like: &M,
    map: &ModelMap,
    buffers: Vec<NamedTensor>,
) -> Result<M> {
    load(like, map, buffers, Kept::Parameters)
}

/// What a model keeps of its own when it is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Nothing,
    /// Those that are to the bit what they would become.
    EqualParameters,
    Parameters,
}

fn load<M: Module>(like: &M, map: &ModelMap, tensors: Vec<NamedTensor>, kept: Kept) -> Result<M> {
    let tensors = tensors.into_iter().map(|it| (it.path, it.data)).collect();
    let mut loader = Loader { slots: map.slots.iter(), map, tensors, kept, missing: None };
    let model = like.valid().map(&mut loader);
    match loader.missing {
        Some(path) => Err(Error::OtherModel {
            path,
            found: "missing".to_string(),
            recorded: "a parameter or buffer".to_string(),
        }),
        None => Ok(model),
    }
}

struct Loader<'a> {
    slots: std::slice::Iter<'a, Slot>,
    map: &'a ModelMap,
    tensors: HashMap<String, TensorData>,
    kept: Kept,
    missing: Option<String>,
}

impl ModuleMapper for Loader<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let slot = self.slots.next();
        let may_stay = matches!(slot, Some(Slot::Block(_))) && self.kept == Kept::EqualParameters;
        let path = match slot {
            Some(Slot::Block(_)) if self.kept == Kept::Parameters => return param,
            Some(Slot::Block(block)) => &self.map.layout.blocks()[*block].path,
            Some(Slot::Buffer(buffer) | Slot::Alias { buffer, .. }) => {
                &self.map.buffers[*buffer].path
            }
            Some(Slot::LeftOut) | None => return param,
        };
        match self.tensors.remove(path) {
            Some(data) if may_stay && has(&param, &data) => param,
            Some(data) => param.map(|old| Tensor::from_data(data, (&old.device(), old.dtype()))),
            None => {
                self.missing = Some(path.clone());
                param
            }
        }
    }
}

/// Whether a parameter has these bits.
fn has<const D: usize>(param: &Param<Tensor<D>>, data: &TensorData) -> bool {
    let is_same = |it: TensorData| it.dtype() == data.dtype() && it.as_bytes() == data.as_bytes();
    to_host(param.base()).is_ok_and(is_same)
}
