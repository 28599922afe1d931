//! One way to check every model: train it, then recompute its surfaces from the files of the run.

use burn::module::Module;
use burn::tensor::Device;
use burn::train::{InferenceStep, TrainStep};
use burnscape::geometry::direction::{DirectionOptions, random};
use burnscape::geometry::layout::{self, Filters, Layout};

use super::plain::{Weights, weights};
use super::support::{Run, assert_close, device, largest, sgd, step};

/// What one parameter tensor is: a line of the table beside a model.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub path: &'static str,
    pub container: &'static str,
    pub shape: &'static [usize],
    pub kind: Kind,
    pub frozen: bool,
}

/// What random directions do with a tensor, and what its filters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A filter is a fixed index of dimension 0.
    Rows,
    /// A filter is a fixed index of dimension 1.
    Columns,
    /// A filter is a pair (group, index of dimension 1), dimension 0 being cut into so many groups.
    GroupedColumns(usize),
    /// Added: random directions leave it.
    Bias,
    /// Part of a normalisation: random directions leave it.
    Norm,
}

impl Part {
    /// A line of the table.
    pub const fn new(
        path: &'static str,
        container: &'static str,
        shape: &'static [usize],
        kind: Kind,
    ) -> Self {
        Self { path, container, shape, kind, frozen: false }
    }

    /// The weight of a `Linear`: a filter is a column.
    pub const fn linear(path: &'static str, shape: &'static [usize]) -> Self {
        Self::new(path, "Linear", shape, Kind::Columns)
    }

    /// A bias.
    pub const fn bias(
        path: &'static str,
        container: &'static str,
        shape: &'static [usize],
    ) -> Self {
        Self::new(path, container, shape, Kind::Bias)
    }

    /// A scale or shift of a normalisation.
    pub const fn norm(
        path: &'static str,
        container: &'static str,
        shape: &'static [usize],
    ) -> Self {
        Self::new(path, container, shape, Kind::Norm)
    }

    /// The same, left alone by training.
    pub const fn frozen(self) -> Self {
        Self { frozen: true, ..self }
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn is_moved_by_random_directions(&self) -> bool {
        !self.frozen && !matches!(self.kind, Kind::Bias | Kind::Norm)
    }

    /// The filter that an entry belongs to: its index, unravelled.
    fn filter_of(&self, entry: usize) -> usize {
        let behind = |axis: usize| self.shape[axis + 1..].iter().product::<usize>();
        let index = |axis: usize| entry / behind(axis) % self.shape[axis];
        match self.kind {
            Kind::Rows => index(0),
            Kind::Columns => index(1),
            Kind::GroupedColumns(groups) => {
                index(0) / (self.shape[0] / groups) * self.shape[1] + index(1)
            }
            Kind::Bias | Kind::Norm => 0,
        }
    }

    /// Squared norm of every filter.
    fn filters(&self, values: &[f32]) -> Vec<f64> {
        let mut squares = Vec::new();
        for (entry, value) in values.iter().enumerate() {
            let filter = self.filter_of(entry);
            squares.resize(squares.len().max(filter + 1), 0.0);
            squares[filter] += f64::from(*value).powi(2);
        }
        squares
    }

    /// The block as burnscape's geometry knows it, every property from the table.
    fn block(&self) -> layout::Block {
        let (role, filters) = match self.kind {
            Kind::Rows => (layout::Role::Weight, Filters::Axis(0)),
            Kind::Columns => (layout::Role::Weight, Filters::Axis(1)),
            Kind::GroupedColumns(groups) => {
                (layout::Role::Weight, Filters::GroupedAxis1 { groups })
            }
            Kind::Bias => (layout::Role::Bias, Filters::Whole),
            Kind::Norm => (layout::Role::Norm, Filters::Whole),
        };
        let block = layout::Block::new(self.path, self.container, self.shape, None);
        layout::Block { role, ..block }.with_filters(filters).frozen(self.frozen)
    }

    /// Role, filter axis and groups as the trace tells them.
    fn told(&self) -> (&'static str, Option<u8>, u32) {
        match self.kind {
            Kind::Rows => ("weight", Some(0), 1),
            Kind::Columns => ("weight", Some(1), 1),
            Kind::GroupedColumns(groups) => ("weight", Some(1), groups as u32),
            Kind::Bias => ("bias", None, 1),
            Kind::Norm => ("norm", None, 1),
        }
    }
}

/// A model that was trained, watched and finished, with the table of its parameters.
pub struct Specimen {
    pub run: Run,
    parts: Vec<Part>,
}

/// Trains three epochs of two passes over the batches and evaluates both planes on them.
pub fn train_and_finish<M>(
    run: Run,
    device: &Device,
    model: M,
    batches: impl Fn(&Device) -> Vec<<M as TrainStep>::Input>,
) -> Run
where
    M: TrainStep + InferenceStep<Input = <M as TrainStep>::Input> + Module,
    <M as TrainStep>::Input: Clone,
{
    let probe = run.probe();
    let mut model = probe.watch(model);
    for _epoch in 0..3 {
        for batch in [batches(device), batches(device)].concat() {
            model = step(model, &mut sgd(), 0.05, batch);
        }
        let _ = model.valid();
    }
    let fixed = batches(&device.clone().inner());
    let landscape = probe.finish(&model.valid(), &fixed).expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    run
}

impl Specimen {
    /// Trains the model on flex and evaluates both planes.
    pub fn of<M>(
        parts: &[Part],
        model: M,
        batches: impl Fn(&Device) -> Vec<<M as TrainStep>::Input>,
    ) -> Self
    where
        M: TrainStep + InferenceStep<Input = <M as TrainStep>::Input> + Module,
        <M as TrainStep>::Input: Clone,
    {
        let run = train_and_finish(Run::new(), &device(), model, batches);
        Self { run, parts: parts.to_vec() }
    }

    /// Everything: the layout, the directions, and the loss at every node of both planes.
    pub fn assert_sound(&self, loss: impl Fn(&Weights) -> f64) {
        self.assert_layout();
        self.assert_pca_directions();
        self.assert_random_directions();
        let (before, after) = (loss(&self.first()), loss(&self.last()));
        assert!(after < before, "training brought the loss down: {before}, {after}");
        let [_, d1, d2] = self.run.pca_directions();
        self.assert_surface("pca", [&d1, &d2], &loss);
        let [d1, d2] = self.drawn();
        self.assert_surface("random", [&d1, &d2], &loss);
    }

    /// The tensors of the returned model.
    pub fn last(&self) -> Weights {
        weights(&self.run.snapshot(self.run.snapshots().len() - 1))
    }

    /// The initial tensors.
    pub fn first(&self) -> Weights {
        weights(&self.run.snapshot(0))
    }

    fn snapshots(&self) -> impl Iterator<Item = Weights> {
        (0..self.run.snapshots().len()).map(|index| weights(&self.run.snapshot(index)))
    }

    /// The parts with their entries in a flat vector.
    fn pieces<'a>(&self, flat: &'a [f32]) -> Vec<(Part, &'a [f32])> {
        let mut rest = flat;
        let mut next = |part: &Part| {
            let (piece, behind) = rest.split_at(part.len());
            rest = behind;
            (*part, piece)
        };
        let pieces = self.parts.iter().map(&mut next).collect();
        assert!(rest.is_empty(), "the table holds every parameter once");
        pieces
    }

    /// The directions of the random plane, drawn again from the seeds and the table.
    fn drawn(&self) -> [Vec<f32>; 2] {
        let layout = Layout::new(self.parts.iter().map(Part::block).collect()).expect("a layout");
        let [centre, ..] = self.run.pca_directions();
        let options = DirectionOptions::default();
        let draw = |seed| random(&layout, &centre, seed, &options).expect("a direction");
        self.run.seeds().map(draw)
    }

    /// The trace and the flat centre name each parameter once, as the table does.
    fn assert_layout(&self) {
        let blocks = self.run.head().blocks;
        let told: Vec<&str> = blocks.iter().map(|block| block.path.as_str()).collect();
        assert_eq!(told, self.parts.iter().map(|part| part.path).collect::<Vec<_>>());
        for (block, part) in blocks.iter().zip(&self.parts) {
            let shape: Vec<usize> = block.shape.iter().map(|&length| length as usize).collect();
            assert_eq!(shape, part.shape, "{}", part.path);
            let told = (block.role.as_str(), block.filter_axis, block.groups);
            assert_eq!(told, part.told(), "{}", part.path);
            assert_eq!(block.container, part.container, "{}", part.path);
            assert_eq!(block.frozen, part.frozen, "{}", part.path);
            assert!(!block.filter_guessed, "{}", part.path);
        }
        let [centre, ..] = self.run.pca_directions();
        let last = self.last();
        for (part, values) in self.pieces(&centre) {
            let values: Vec<f64> = values.iter().copied().map(f64::from).collect();
            assert_eq!(values, last[part.path], "{} at the centre", part.path);
        }
    }

    /// Principal components move what training moved and nothing else, frozen parts least of all.
    fn assert_pca_directions(&self) {
        let [_, d1, d2] = self.run.pca_directions();
        let first = self.first();
        let snapshots: Vec<Weights> = self.snapshots().collect();
        for direction in [&d1, &d2] {
            for (part, values) in self.pieces(direction) {
                let stayed = snapshots.iter().all(|it| it[part.path] == first[part.path]);
                assert!(stayed || !part.frozen, "{} was frozen", part.path);
                let is_still = values.iter().all(|&value| value == 0.0);
                assert_eq!(is_still, stayed, "{} in a component", part.path);
            }
        }
    }

    /// Every filter of a random direction has the norm of the model's own; the rest is zero.
    fn assert_random_directions(&self) {
        let [centre, ..] = self.run.pca_directions();
        for (number, direction) in self.drawn().iter().enumerate() {
            let pieces = self.pieces(direction);
            for ((part, moved), (_, own)) in pieces.iter().zip(self.pieces(&centre)) {
                if !part.is_moved_by_random_directions() {
                    assert!(moved.iter().all(|&value| value == 0.0), "{} stays", part.path);
                    continue;
                }
                for (found, expected) in part.filters(moved).iter().zip(part.filters(own)) {
                    assert!(expected > 0.0, "{} has no empty filter", part.path);
                    assert_close(found.sqrt(), expected.sqrt(), expected.sqrt(), part.path);
                }
            }
            self.assert_told(number, direction);
        }
    }

    /// The length of a random direction and its shares are in the trace.
    fn assert_told(&self, number: usize, direction: &[f32]) {
        let slice = self.run.slice("random");
        let squares = |values: &[f32]| values.iter().map(|&it| f64::from(it).powi(2)).sum::<f64>();
        let whole = squares(direction);
        let y = slice.y.expect("a plane");
        let told = [slice.x.direction_norm, y.direction_norm][number];
        assert_close(told, whole.sqrt(), whole.sqrt(), "‖d‖");
        let pieces = self.pieces(direction);
        assert_eq!(slice.shares[number].len(), pieces.len());
        for ((part, values), share) in pieces.iter().zip(slice.shares[number].iter()) {
            assert_close(*share, squares(values) / whole, 1.0, part.path);
        }
    }

    /// Every node is the loss of the model with the weights moved there; what is no parameter stays.
    fn assert_surface(
        &self,
        slice: &str,
        directions: [&[f32]; 2],
        loss: &impl Fn(&Weights) -> f64,
    ) {
        let centre = self.last();
        let losses = self.run.losses(slice);
        let scale = largest(&losses);
        let nodes = self.run.nodes(slice);
        let off_centre = nodes.iter().filter(|node| node.alpha != 0.0 && node.beta != 0.0);
        assert!(off_centre.count() >= 3, "nodes beside both axes");
        let differs = losses.iter().any(|loss| (loss - losses[0]).abs() > 1e-2 * scale);
        assert!(differs, "{slice} is not flat: {losses:?}");
        for node in nodes {
            let there = self.moved(&centre, directions, [node.alpha, node.beta]);
            let what = format!("{slice} at ({}, {})", node.alpha, node.beta);
            assert_close(node.loss, loss(&there), scale, &what);
        }
    }

    fn moved(&self, centre: &Weights, directions: [&[f32]; 2], coordinates: [f64; 2]) -> Weights {
        let mut moved = centre.clone();
        for (direction, coordinate) in directions.into_iter().zip(coordinates) {
            for (part, values) in self.pieces(direction) {
                let tensor = moved.get_mut(part.path).expect("a tensor of the snapshot");
                for (value, step) in tensor.iter_mut().zip(values) {
                    *value += coordinate * f64::from(*step);
                }
            }
        }
        moved
    }
}
