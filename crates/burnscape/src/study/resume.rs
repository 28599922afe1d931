//! Going on with slices that were stopped: from what the trace tells to what it had been.

use std::rc::Rc;

use burn::module::Module;
use burn::tensor::TensorData;
use burn::train::InferenceStep;
use burnscape_landscape::direction::{self, Biases, DirectionOptions, Normalisation};
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::surface::{NodeValue, Surface};
use burnscape_trace::{Nodes, Slice, Trajectory};

use super::Survey;
use super::centres::{Centre, Located, same};
use super::planes::{Plan, gram_of};
use super::surfaces::Started;
use crate::landscape::SliceSurface;
use crate::model_map::NamedTensor;
use crate::slice_spec::{BatchNormMode, Point};
use crate::snapshot::StoredDirections;
use crate::{Error, Result, snapshot};

/// A slice of which nodes are missing.
#[derive(Debug, Clone)]
pub(crate) struct Unfinished {
    pub slice: Slice,
    pub trajectory: Option<Trajectory>,
    /// One surface per layer, the loss first.
    pub layers: Vec<Surface>,
}

impl Unfinished {
    /// A slice as the trace tells it; `None` if its axes are no grid.
    pub fn of(slice: &Slice, trajectory: Option<&Trajectory>, nodes: &[&Nodes]) -> Option<Self> {
        let grid = grid_of(slice)?;
        let mut layers = vec![Surface::new(grid); 1 + slice.layers.len()];
        for tile in nodes {
            put(&mut layers, tile);
        }
        Some(Self { slice: slice.clone(), trajectory: trajectory.cloned(), layers })
    }

    pub fn is_complete(&self) -> bool {
        self.layers[0].is_complete()
    }
}

/// A centre, and the directions from it.
type Placed<M> = (Rc<Centre<M>>, Vec<Vec<f32>>);

/// Nodes that a slice may claim: more than 2000 × 2000 is a damaged record, not a surface.
const MAX_NODES: u64 = 4_000_000;

/// The grid of a recorded slice.
fn grid_of(slice: &Slice) -> Option<Grid> {
    let rows = slice.y.as_ref().map_or(1, |y| y.count);
    if slice.x.count.saturating_mul(rows) > MAX_NODES {
        return None;
    }
    let axis = |it: &burnscape_trace::Axis| {
        Axis::new(it.first, usize::try_from(it.count).ok()?, it.spacing).ok()
    };
    let x = axis(&slice.x)?;
    match &slice.y {
        Some(y) => Some(Grid::plane(x, axis(y)?)),
        None => Some(Grid::line(x)),
    }
}

/// Puts recorded nodes into the surfaces; what was measured is not replaced by what was interpolated.
fn put(layers: &mut [Surface], tile: &Nodes) {
    for (place, &node) in tile.index.iter().enumerate() {
        let node = node as usize;
        if node >= layers[0].grid().len() {
            continue;
        }
        let of_loss = (tile.loss.get(place), tile.stderr.get(place));
        let of_layers = tile.layers.iter().map(|it| (it.value.get(place), it.stderr.get(place)));
        let values = std::iter::once(of_loss).chain(of_layers);
        for (layer, (value, stderr)) in layers.iter_mut().zip(values) {
            let Some(&mean) = value else { continue };
            let stderr = stderr.copied().unwrap_or(f64::NAN);
            match tile.interpolated {
                true if layer.is_measured(node) => {}
                true => layer.set_interpolated(node, mean),
                false => layer.set(node, NodeValue { mean, stderr }),
            }
        }
    }
}

impl<M> Survey<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Measures what is missing of all slices that were stopped.
    pub(super) fn resume(&mut self) -> Result<Vec<SliceSurface>> {
        self.stopper.clear();
        let mut started = Vec::new();
        for unfinished in self.unfinished.clone() {
            started.push(self.start_again(unfinished)?);
        }
        let slices = self.go_on(started)?;
        let is_complete = |number: u32| {
            let found = slices.iter().find(|it| it.slice.slice == number);
            found.is_some_and(|it| it.surface.is_complete())
        };
        self.unfinished.retain(|it| !is_complete(it.slice.slice));
        for slice in &slices {
            self.keep(slice);
        }
        Ok(slices)
    }

    fn start_again(&mut self, unfinished: Unfinished) -> Result<Started<M>> {
        let Unfinished { slice, trajectory, layers } = unfinished;
        let (centre, directions) = self.recorded_directions(&slice)?;
        self.check_same_study(&slice, &centre)?;
        let vectors: Vec<&[f32]> = directions.iter().map(Vec::as_slice).collect();
        let gram = gram_of(&vectors)?;
        let grid = *layers[0].grid();
        let batchnorm = match slice.batchnorm.as_str() {
            "recalibrate" => BatchNormMode::Recalibrate,
            _ => BatchNormMode::Centre,
        };
        let recalibration = self.recalibration(batchnorm, &centre)?;
        let plan =
            Plan { slice, grid, centre, directions, gram, trajectory, batchnorm, recalibration };
        Ok(Started { plan, layers })
    }

    fn recorded_directions(&mut self, slice: &Slice) -> Result<Placed<M>> {
        let Some(file) = &slice.directions else {
            let centre = self.recorded_centre(slice, Vec::new())?;
            let directions = self.drawn_again(slice, &centre)?;
            return Ok((centre, directions));
        };
        let path = self.active.recorder.folder.resolve(file)?;
        let StoredDirections { centre, directions, buffers } =
            snapshot::read_directions(&path, self.map.layout.len())?;
        let expected = 1 + usize::from(slice.y.is_some());
        if directions.len() != expected {
            let reason =
                format!("it holds {} direction(s), the slice has {expected}", directions.len());
            return Err(Error::SnapshotRead { file: path, reason });
        }
        let centre = self.recorded_centre(slice, self.split(&centre, buffers))?;
        Ok((centre, directions))
    }

    /// The centre of a slice: a snapshot of the run, or these tensors.
    fn recorded_centre(
        &mut self,
        slice: &Slice,
        tensors: Vec<NamedTensor>,
    ) -> Result<Rc<Centre<M>>> {
        match slice.centre_snapshot {
            Some(index) if self.final_snapshot == Some(index) => self.centre(&Point::Final),
            Some(index) => self.centre(&Point::Snapshot(index)),
            None => {
                let (label, snapshot) = (slice.centre.clone(), None);
                Ok(Rc::new(self.make_centre(Located { label, snapshot, tensors })?))
            }
        }
    }

    /// A flat vector and buffers as the tensors of a model.
    fn split(&self, flat: &[f32], buffers: Vec<NamedTensor>) -> Vec<NamedTensor> {
        let tensor = |block: &burnscape_landscape::layout::Block| NamedTensor {
            path: block.path.clone(),
            data: TensorData::new(flat[block.range()].to_vec(), block.shape.clone()),
        };
        self.map.layout.blocks().iter().map(tensor).chain(buffers).collect()
    }

    fn drawn_again(&self, slice: &Slice, centre: &Centre<M>) -> Result<Vec<Vec<f32>>> {
        let options = DirectionOptions {
            normalisation: normalisation(&slice.normalisation),
            biases: biases(&slice.biases),
            move_frozen: slice.moves_frozen,
        };
        let seeds = std::iter::once(&slice.x).chain(&slice.y).map(|axis| axis.seed);
        let draw = |seed: Option<u64>| {
            let seed =
                seed.ok_or_else(|| self.other_study(slice, "its directions are not kept"))?;
            Ok(direction::random(&self.map.layout, &centre.flat, seed, &options)?)
        };
        let mut directions = seeds.map(draw).collect::<Result<Vec<_>>>()?;
        if let [x, y] = &mut directions[..]
            && slice.orthogonalised
        {
            direction::orthogonalise(x, y)?;
        }
        Ok(directions)
    }

    /// The same quantities on the same batches: bit for bit the same values at the centre.
    fn check_same_study(&self, slice: &Slice, centre: &Centre<M>) -> Result<()> {
        let names = self.quantities.layers();
        let recorded = slice.layers.iter().map(|layer| layer.name.as_str());
        let now: Vec<&str> = names.iter().skip(1).map(|layer| layer.name.as_str()).collect();
        if recorded.clone().ne(now.iter().copied()) {
            let recorded: Vec<&str> = recorded.collect();
            let what = format!(
                "it was begun with the further quantities {recorded:?}, this study has {now:?}"
            );
            return Err(self.other_study(slice, &what));
        }
        let recorded = slice.layers.iter().map(|layer| layer.centre);
        let recorded = std::iter::once(slice.centre_loss).chain(recorded);
        for (recorded, (value, name)) in recorded.zip(centre.values.iter().zip(&names)) {
            if !same(recorded, value.mean) {
                let what = format!(
                    "`{}` at its centre was {recorded} when it was begun and is {} now",
                    name.name, value.mean
                );
                return Err(self.other_study(slice, &what));
            }
        }
        Ok(())
    }

    fn other_study(&self, slice: &Slice, what: &str) -> Error {
        Error::OtherStudy { slice: slice.name.clone(), what: what.to_string() }
    }
}

pub(super) fn normalisation(name: &str) -> Normalisation {
    match name {
        "layer" => Normalisation::Layer,
        "weight" => Normalisation::Weight,
        "none" => Normalisation::None,
        _ => Normalisation::Filter,
    }
}

pub(super) fn biases(name: &str) -> Biases {
    match name {
        "kept" => Biases::Kept,
        "filter" => Biases::Filter,
        _ => Biases::Ignored,
    }
}
