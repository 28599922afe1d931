//! A slice before it is evaluated: its grid, its path of training, its provenance.

use std::rc::Rc;
use std::sync::Arc;

use burnscape_landscape::direction::{Biases, Normalisation};
use burnscape_landscape::grid::{self, Grid};
use burnscape_landscape::plane::PlaneGram;
use burnscape_landscape::surface::NodeValue;
use burnscape_trace::{F64s, Layer, Slice, Trajectory, record};

use super::centre::Centre;
use super::directions::Axis;
use super::known::Planned;
use super::open_study::AnyStudy;
use super::perturb::SentDirections;
use super::quantities::{LayerName, Size};
use super::recalibrate::Recalibration;
use super::slice_spec::{BatchNormMode, Direction, Reach, SliceSpec};
use super::subject::Stand;
use super::sweep::Facts;
use super::vector::Vector;
use crate::Result;
use crate::config::study::{check_resolution, check_tolerance};
use crate::model::map::device_name;

/// Share of ‖θ*‖ that an axis extends to where the trajectory has no extent at all.
const REACH_WITHOUT_TRAJECTORY: f64 = 0.01;

/// A slice before it is evaluated.
pub(super) struct Plan {
    pub slice: Slice,
    pub grid: Grid,
    pub centre: Rc<Centre>,
    /// One for a line, two for a plane.
    pub directions: Vec<Arc<Vector>>,
    /// The same on devices that have them by now.
    pub sent: SentDirections,
    /// Blocks that they move.
    pub moving: Vec<bool>,
    pub gram: PlaneGram,
    pub trajectory: Option<Trajectory>,
    pub batchnorm: BatchNormMode,
    /// How statistics are recomputed at every node, if they are.
    pub recalibration: Option<Recalibration>,
    /// What of it is measured for now.
    pub extent: Measuring,
    /// What of it was going to be measured when it was told.
    pub planned: Planned,
}

/// What of a slice is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measuring {
    /// Nodes at most.
    pub most_nodes: Option<usize>,
    /// The losses on the path of training too.
    pub true_losses: bool,
}

impl Default for Measuring {
    fn default() -> Self {
        Self { most_nodes: None, true_losses: true }
    }
}

impl AnyStudy<'_> {
    /// Directions, range and provenance of a slice; no loss of it is evaluated yet.
    pub(super) fn plan(&mut self, spec: &SliceSpec) -> Result<Plan> {
        self.plan_with(spec, true)
    }

    pub(super) fn plan_with(&mut self, spec: &SliceSpec, with_path: bool) -> Result<Plan> {
        check_tolerance(spec.tolerance)?;
        let centre = self.centre(&spec.centre)?;
        let (axes, facts) = self.axes(spec, &centre)?;
        let (gram, moving) = (facts.gram, facts.moving());
        let trajectory = match with_path {
            true => self.path(&axes, &centre, &gram)?,
            false => None,
        };
        let lie = Lie { axes: &axes, facts: &facts, centre: &centre };
        let grid = self.grid(spec, &lie, trajectory.as_ref())?;
        let mut slice = self.provenance(spec, &grid, &lie);
        slice.name = self.held.free_name(name_of(spec, &axes));
        let directions = axes.into_iter().map(|axis| axis.values).collect();
        let batchnorm = spec.batchnorm;
        let recalibration = self.recalibration(batchnorm, &centre)?;
        let (extent, planned) = (Measuring::default(), Planned::default());
        Ok(Plan {
            slice,
            grid,
            centre,
            directions,
            sent: SentDirections::default(),
            moving,
            gram,
            trajectory,
            batchnorm,
            recalibration,
            extent,
            planned,
        })
    }

    /// Says on what a slice is measured, and what its centre has there.
    pub(super) fn say_on_what(&self, plan: &mut Plan) -> Result<()> {
        let found = self.found_at(&plan.centre)?;
        let layers = self.quantities.layers();
        let layer = |((it, value), size): ((&LayerName, &NodeValue), &Size)| {
            record!(Layer {
                name: it.name.clone(),
                centre: value.mean,
                samples: size.count as u64,
                unit: size.unit.recorded().into(),
                batches: it.batches as u64,
            })
        };
        let at_centre = layers.iter().zip(&found.values).zip(&found.sizes);
        let mut at_centre = at_centre.map(layer);
        let Some(loss) = at_centre.next() else { return Ok(()) };
        let Layer { centre, samples, unit, batches, .. } = loss;
        let layers = at_centre.collect();
        let named = self.active.config.study.batches_name.as_ref();
        let fingerprint =
            found.fingerprint.or_else(|| Some(format!("name {}", named?))).unwrap_or_default();
        plan.slice = record!(Slice {
            centre_loss: centre,
            samples,
            unit,
            batches,
            fingerprint,
            layers,
            ..std::mem::take(&mut plan.slice)
        });
        Ok(())
    }

    /// How statistics are recomputed around a centre; `None` if they stay.
    pub(super) fn recalibration(
        &self,
        mode: BatchNormMode,
        centre: &Centre,
    ) -> Result<Option<Recalibration>> {
        if self.batchnorm_name(mode) != "recalibrate" {
            return Ok(None);
        }
        self.recalibration_of(Stand::At(&centre.model)).map(Some)
    }

    pub(super) fn recalibration_of(&self, stand: Stand<'_>) -> Result<Recalibration> {
        let batch = self.quantities.sets[0].selected.places[0];
        self.subject.recalibration(stand, &self.studied.map, batch)
    }

    /// The snapshots in the coordinates of the slice; `None` where there are none.
    fn path(
        &mut self,
        axes: &[Axis],
        centre: &Centre,
        gram: &PlaneGram,
    ) -> Result<Option<Trajectory>> {
        self.analyse(2)?;
        if self.path.used().is_empty() {
            return Ok(None);
        }
        let directions: Vec<&Vector> = axes.iter().map(|axis| axis.values.as_ref()).collect();
        let mut trajectory = self.project(&centre.weights, &directions, gram)?;
        trajectory.rounding = self.rounding(centre.norm);
        if axes.iter().all(|axis| axis.kind == "pca") {
            self.explain(&mut trajectory)?;
            trajectory.degenerate = axes.iter().any(|axis| axis.degenerate);
        }
        Ok(Some(trajectory))
    }

    fn grid(
        &self,
        spec: &SliceSpec,
        lie: &Lie<'_>,
        trajectory: Option<&Trajectory>,
    ) -> Result<Grid> {
        let Lie { axes, facts, centre } = lie;
        let mut count = spec.resolution.unwrap_or(self.active.config.study.resolution);
        if axes.len() == 1 {
            count[1] = count[0];
        }
        check_resolution(&count[..axes.len()])?;
        let path = |axis: usize| {
            let along = trajectory.map(|it| if axis == 0 { &it.x } else { &it.y });
            along.map_or((0.0, 0.0), |values| extent(values))
        };
        let paths: Vec<_> = (0..axes.len()).map(path).collect();
        let widest = paths.iter().enumerate().map(|(k, (min, max))| (max - min) * facts.norm(k));
        let without = REACH_WITHOUT_TRAJECTORY * centre.norm;
        let widest = widest.fold(without, f64::max);
        let widest = if widest > 0.0 { widest } else { 1.0 };
        let axis = |number: usize| -> Result<grid::Axis> {
            let wanted = match number {
                0 => Some(&spec.x),
                _ => spec.y.as_ref(),
            };
            let fallback = widest / facts.norm(number);
            let extent = Extent { path: paths[number], fallback, count: count[number] };
            self.reach(&spec.reach[number], wanted, &extent)
        };
        Ok(match axes.len() {
            1 => Grid::line(axis(0)?),
            _ => Grid::plane(axis(0)?, axis(1)?),
        })
    }

    fn reach(
        &self,
        reach: &Reach,
        direction: Option<&Direction>,
        extent: &Extent,
    ) -> Result<grid::Axis> {
        let settings = &self.active.config.study;
        let covering =
            |min: f64, max: f64, margin| Ok(grid::Axis::covering(min, max, margin, extent.count)?);
        match (reach, direction) {
            (Reach::Given(range), _) => covering(*range.start(), *range.end(), 0.0),
            (Reach::Natural, Some(Direction::Random { .. })) => {
                covering(-settings.random_range, settings.random_range, 0.0)
            }
            (Reach::Natural, Some(Direction::To(_))) => covering(0.0, 1.0, settings.margin),
            (Reach::Natural, Some(Direction::Difference(..) | Direction::LastUpdate)) => {
                covering(-1.0, 1.0, settings.margin)
            }
            _ => self.around(extent),
        }
    }

    /// An axis over the trajectory, or, where that has no extent, over half of the widest both ways.
    fn around(&self, extent: &Extent) -> Result<grid::Axis> {
        // A component that carries no variance has coordinates that are rounding errors, and so may be
        // the part of an extent that lies beyond the centre.
        let snapped = |end: f64| if end.abs() > 1e-6 * extent.fallback { end } else { 0.0 };
        let (min, max) = (snapped(extent.path.0), snapped(extent.path.1));
        let axis = match max > min {
            true => grid::Axis::covering(min, max, self.active.config.study.margin, extent.count),
            false => grid::Axis::symmetric(0.5 * extent.fallback, extent.count),
        };
        Ok(axis?)
    }

    fn provenance(&self, spec: &SliceSpec, grid: &Grid, lie: &Lie<'_>) -> Slice {
        let Lie { axes, facts, centre } = lie;
        let random = spec.directions().filter(|it| it.is_random()).count();
        let is_random = random > 0;
        let biases = match random {
            0 => "moved",
            some if some < axes.len() => "mixed",
            _ => biases_name(spec.biases),
        };
        let tolerance = spec.tolerance.or(self.active.config.study.tolerance);
        let tolerance = tolerance.filter(|_| self.share.is_none());
        record!(Slice {
            centre: centre.label.clone(),
            centre_snapshot: centre.snapshot,
            x: axis_record(grid.x(), &axes[0], facts.norm(0)),
            y: grid.y().map(|y| axis_record(y, &axes[1], facts.norm(1))),
            normalisation: if is_random { normalisation_name(spec.normalisation) } else { "none" }
                .into(),
            biases: biases.into(),
            moves_frozen: is_random && spec.move_frozen,
            orthogonalised: spec.orthogonal,
            cosine: (axes.len() == 2).then(|| facts.gram.cosine()),
            centre_norm: centre.norm,
            shares: (0..axes.len()).map(|axis| F64s(facts.shares(axis))).collect(),
            batchnorm: self.batchnorm_name(spec.batchnorm).into(),
            dtype: format!("{:?}", self.studied.map.dtype).to_lowercase(),
            device: device_name(&self.studied.map.device),
            loss: self.quantities.loss_name.into(),
            tolerance: tolerance.filter(|&tolerance| tolerance > 0.0),
            patterns: spec.blocks.0.clone(),
        })
    }

    fn batchnorm_name(&self, mode: BatchNormMode) -> &'static str {
        let has_buffers = self.studied.map.buffers.len() > self.studied.map.aliases.len();
        match mode {
            _ if !has_buffers => "none",
            BatchNormMode::Centre => "centre",
            BatchNormMode::Recalibrate => "recalibrate",
        }
    }
}

/// The name that was asked for, or one from the directions.
fn name_of(spec: &SliceSpec, axes: &[Axis]) -> String {
    let labels: Vec<&str> = axes.iter().map(|axis| axis.label.as_str()).collect();
    spec.name.clone().unwrap_or_else(|| labels.join(", "))
}

/// Where a slice lies.
struct Lie<'a> {
    axes: &'a [Axis],
    facts: &'a Facts,
    centre: &'a Centre,
}

/// What an axis has to cover.
struct Extent {
    /// Lowest and highest coordinate of a snapshot, and 0.
    path: (f64, f64),
    /// The widest extent of all axes, in units of this one's direction.
    fallback: f64,
    count: usize,
}

fn extent(values: &[f64]) -> (f64, f64) {
    let min = values.iter().copied().fold(0.0, f64::min);
    let max = values.iter().copied().fold(0.0, f64::max);
    (min, max)
}

fn axis_record(grid: &grid::Axis, axis: &Axis, direction_norm: f64) -> burnscape_trace::Axis {
    record!(burnscape_trace::Axis {
        label: axis.label.clone(),
        kind: axis.kind.into(),
        first: grid.first(),
        count: grid.count() as u64,
        spacing: grid.spacing(),
        direction_norm,
        seed: axis.seed,
        explained: axis.explained,
        component: axis.component.map(|k| k as u64),
    })
}

/// As the trace spells it.
pub(super) fn normalisation_name(normalisation: Normalisation) -> &'static str {
    match normalisation {
        Normalisation::Filter => "filter",
        Normalisation::Layer => "layer",
        Normalisation::Weight => "weight",
        Normalisation::None => "none",
    }
}

/// As the trace spells it.
pub(super) fn biases_name(biases: Biases) -> &'static str {
    match biases {
        Biases::Ignored => "ignored",
        Biases::Kept => "kept",
        Biases::Filter => "filter",
    }
}
