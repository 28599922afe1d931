//! Slices that the trace holds, whole or in part.

use std::time::Duration;

use burnscape_landscape::adaptive::Adaptive;
use burnscape_landscape::grid::Grid;
use burnscape_landscape::plane::PlaneGram;
use burnscape_landscape::surface::Surface;
use burnscape_run::Run;
use burnscape_trace::{Plan, Slice, Study, Trace, Trajectory, record};

use crate::landscape::slice_surface::SliceSurface;

/// What the run holds of slices already.
#[derive(Debug, Default)]
pub(crate) struct RecordedSlices {
    pub names: Vec<String>,
    pub slices: Vec<KnownSlice>,
    /// The last of each number.
    pub studies: Vec<Study>,
    /// Numbers of the next ones.
    pub next_slice: u32,
    pub next_study: u32,
}

impl RecordedSlices {
    /// What the records of a trace tell of them.
    pub fn of(trace: &Trace, next_study: u32) -> Self {
        let mut run = Run::default();
        trace.records.iter().for_each(|record| run.apply(record));
        let landscapes = run.landscapes();
        let known = landscapes
            .iter()
            .filter_map(|it| KnownSlice::of(it.clone(), landscapes.plan_of(it.slice())));
        Self {
            names: landscapes.iter().map(|it| it.slice().name.clone()).collect(),
            slices: known.collect(),
            studies: landscapes.studies().values().cloned().collect(),
            next_slice: 0,
            next_study,
        }
    }

    /// None, in a run in which the next study has this number.
    pub fn none(next_study: u32) -> Self {
        Self { next_study, ..Self::default() }
    }

    /// Takes a slice, in the place of what was known of it before.
    pub fn know(&mut self, slice: KnownSlice) {
        self.slices.retain(|known| known.slice.slice != slice.slice.slice);
        self.slices.push(slice);
    }

    /// Takes a study, in the place of what was known of it before.
    pub fn know_study(&mut self, study: Study) {
        self.studies.retain(|known| known.study != study.study);
        self.studies.push(study);
    }

    pub fn slice(&self, number: u32) -> Option<&KnownSlice> {
        self.slices.iter().find(|known| known.slice.slice == number)
    }

    /// Those that were stopped before all that was asked for was measured.
    pub fn unfinished(&self, is_wanted: impl Fn(&Slice) -> bool) -> Vec<KnownSlice> {
        let unfinished = self.slices.iter().filter(|it| !it.is_complete());
        unfinished.filter(|it| is_wanted(&it.slice)).cloned().collect()
    }

    /// A name that no slice has: this one, or with a number behind it.
    pub fn free_name(&self, name: String) -> String {
        let is_taken = |name: &str| self.names.iter().any(|taken| taken == name);
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|name| !is_taken(name)).unwrap_or(name)
    }
}

/// What the trace tells of the plan of a slice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Places of the batches that its losses are means over; empty: all.
    pub batches: Vec<u32>,
    /// Nodes at most.
    pub most_nodes: Option<u64>,
}

/// A slice that the trace holds, whole or in part.
#[derive(Debug, Clone)]
pub(crate) struct KnownSlice {
    pub slice: Slice,
    pub trajectory: Option<Trajectory>,
    /// One surface per layer, the loss first.
    pub layers: Vec<Surface>,
    pub gram: PlaneGram,
    pub planned: Planned,
}

/// One surface per layer, with nothing measured, of losses in the element type of the model.
pub(super) fn empty_layers(slice: &Slice, grid: Grid) -> Vec<Surface> {
    let mut empty = Surface::new(grid);
    empty.set_resolution(resolution(&slice.dtype));
    vec![empty; 1 + slice.layers.len()]
}

/// How finely an element type resolves losses near 1.
fn resolution(dtype: &str) -> f64 {
    match dtype {
        "f64" => f64::EPSILON,
        "f16" => 2.0_f64.powi(-10),
        "bf16" => 2.0_f64.powi(-7),
        _ => f64::from(f32::EPSILON),
    }
}

impl KnownSlice {
    /// A slice as the trace tells it; `None` if its axes are no grid.
    fn of(known: burnscape_run::Landscape, plan: Option<&Plan>) -> Option<Self> {
        let (slice, layers, trajectory) = known.into_parts();
        let mut layers = layers.ok()?;
        layers.iter_mut().for_each(|layer| layer.set_resolution(resolution(&slice.dtype)));
        let gram = recorded_gram(&slice);
        let planned = plan.map_or_else(Planned::default, |plan| Planned {
            batches: plan.batches.0.clone(),
            // Planes that others are compared with have few nodes anyway.
            most_nodes: plan.most_nodes.filter(|_| slice.study.is_none()),
        });
        Some(Self { slice, trajectory, layers, gram, planned })
    }

    /// Whether all of its nodes and of its path are measured.
    pub fn is_complete(&self) -> bool {
        self.has_its_nodes() && self.trajectory.as_ref().is_none_or(has_losses)
    }

    /// Whether all of its nodes are measured, or interpolated as closely as it was asked for.
    pub fn has_its_nodes(&self) -> bool {
        self.layers[0].is_complete() && !self.was_cut_short()
    }

    /// Whether its plan kept it from measuring what it takes to interpolate that closely.
    fn was_cut_short(&self) -> bool {
        let loss = &self.layers[0];
        let tolerance = self.slice.tolerance.filter(|_| self.planned.most_nodes.is_some());
        let adaptive = tolerance.and_then(|it| Adaptive::new(*loss.grid(), it).ok());
        adaptive.is_some_and(|mut it| !it.next_round(loss).is_empty())
    }

    pub fn surface(&self) -> SliceSurface {
        let Self { slice, trajectory, mut layers, gram, .. } = self.clone();
        let surface = layers.remove(0);
        let trajectory = trajectory.unwrap_or_default();
        let (largest_miss, estimated_error, took) = (None, None, Duration::ZERO);
        SliceSurface {
            slice,
            surface,
            layers,
            trajectory,
            gram,
            largest_miss,
            estimated_error,
            took,
        }
    }

    /// The slice without what tells it from another one that is measured in the same way.
    pub fn description(slice: &Slice, planned: &Planned) -> String {
        let slice = slice.clone();
        // Traces of before format 1.2 tell no fingerprint; the loss at the centre tells other samples as well.
        let (name, fingerprint, directions, study) = (String::new(), String::new(), None, None);
        // As text, since NaN is not equal to itself.
        let slice = record!(Slice { slice: 0, name, fingerprint, directions, study, ..slice });
        format!("{slice:?} {planned:?}")
    }
}

/// Whether the true losses of a path are told.
pub(super) fn has_losses(path: &Trajectory) -> bool {
    let count = path.x.len();
    path.loss.len() == count && path.loss_on_plane.len() == count
}

/// Lengths and angle of the directions, up to rounding.
fn recorded_gram(slice: &Slice) -> PlaneGram {
    let first = slice.x.direction_norm;
    let second = slice.y.as_ref().map_or(0.0, |y| y.direction_norm);
    let d1_d2 = slice.cosine.unwrap_or(0.0) * first * second;
    PlaneGram { d1_d1: first * first, d1_d2, d2_d2: second * second }
}
