//! The surfaces: how nodes are shared out, measured, interpolated, recorded and checked.

use std::time::Instant;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::adaptive::{Adaptive, Filled};
use burnscape_landscape::evaluate::{EvaluateError, Loss, evaluate_layers};
use burnscape_landscape::grid::Grid;
use burnscape_landscape::surface::{NodeState, Surface};
use burnscape_landscape::words::{number as number_in_words, percent};
use burnscape_trace::{F64s, LayerNodes, Nodes, Record, RunFolder, Slice, U32s};

use super::Survey;
use super::centres::same;
use super::planes::Plan;
use super::quantities::{LOSS, Quantity, panicked};
use super::resume::{KnownSlice, empty_layers};
use crate::evaluate::{Cores, SliceContext, SliceLoss};
use crate::landscape::SliceSurface;
use crate::perturb::Directions;
use crate::probe::Active;
use crate::progress::SurfaceProgress;
use crate::snapshot;
use crate::stop::{StopReason, StopWatch};
use crate::{Error, Result};

/// How nodes are shared out, and the seconds that then go by from node to node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub workers: usize,
    pub secs: f64,
}

/// A slice that was told to the trace, and what is known of its nodes.
pub(super) struct Started<M> {
    pub plan: Plan<M>,
    /// One surface per layer, the loss first.
    pub layers: Vec<Surface>,
}

impl<M> Survey<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Tells all slices to the trace, then measures one after the other, so that those that are not reached
    /// can be resumed.
    pub(super) fn measure_all(&mut self, plans: Vec<Plan<M>>) -> Result<Vec<SliceSurface>> {
        let started = self.start_all(plans)?;
        self.go_on(started)
    }

    pub(super) fn start_all(&mut self, plans: Vec<Plan<M>>) -> Result<Vec<Started<M>>> {
        plans.into_iter().map(|plan| self.start_slice(plan)).collect()
    }

    /// Makes a slice part of the landscape that `finish` gives back.
    pub(super) fn keep(&mut self, surface: &SliceSurface) {
        self.slices.retain(|known| known.slice.slice != surface.slice.slice);
        self.slices.push(surface.clone());
    }

    /// Measures what is missing of slices that the trace knows.
    pub(super) fn go_on(&mut self, started: Vec<Started<M>>) -> Result<Vec<SliceSurface>> {
        let Some(first) = started.iter().find(|it| !it.known().is_complete()) else {
            return Ok(started.iter().map(|it| it.known().surface()).collect());
        };
        let pace = self.pace(&first.plan)?;
        let nodes: Vec<usize> = started.iter().map(Started::missing_nodes).collect();
        let points: Vec<usize> = started.iter().map(|it| self.missing_points(&it.plan)).collect();
        let Active { config, recorder, .. } = &self.active;
        let samples = self.quantities.sets[0].size.count;
        let progress =
            SurfaceProgress::new(config, &recorder.lanes, samples, &nodes, &points, pace.secs);
        let mut slices = Vec::new();
        for (number, slice) in started.into_iter().enumerate() {
            slices.push(self.finish_slice(slice, number, pace, &progress)?);
        }
        Ok(slices)
    }

    /// Numbers a slice within the run and tells it to the trace; what no seed gives back is saved.
    pub(super) fn start_slice(&mut self, mut plan: Plan<M>) -> Result<Started<M>> {
        let number = self.next_slice;
        self.next_slice += 1;
        plan.slice.slice = number;
        let axes = std::iter::once(&plan.slice.x).chain(&plan.slice.y);
        let is_given_back =
            plan.centre.snapshot.is_some() && axes.clone().all(|it| it.seed.is_some());
        if !is_given_back {
            let path = self.active.recorder.folder.directions_path(number);
            let Plan { centre, directions, .. } = &plan;
            snapshot::write_directions(&path, &centre.flat, directions, &centre.buffers)?;
            plan.slice.directions = Some(RunFolder::directions_file(number));
        }
        self.names.push(plan.slice.name.clone());
        self.record(Record::Slice(plan.slice.clone()));
        self.note_kept_statistics(&plan);
        if let Some(trajectory) = &mut plan.trajectory {
            trajectory.slice = Some(number);
            self.record(Record::Trajectory(trajectory.clone()));
        }
        let layers = empty_layers(&plan.slice, plan.grid);
        let started = Started { plan, layers };
        self.know(started.known());
        Ok(started)
    }

    pub(super) fn know(&mut self, slice: KnownSlice) {
        self.known.retain(|known| known.slice.slice != slice.slice.slice);
        self.known.push(slice);
    }

    /// Layers whose statistics no batch changes.
    fn note_kept_statistics(&self, plan: &Plan<M>) {
        let kept = plan.recalibration.as_ref().map_or(&[][..], |it| it.kept());
        if kept.is_empty() {
            return;
        }
        let (name, kept) = (&plan.slice.name, kept.join("`, `"));
        self.note(
            "info",
            format!(
                "the slice `{name}` keeps the BatchNorm statistics of the centre in `{kept}`: frozen, or \
                 before all parameters"
            ),
        );
    }

    fn finish_slice(
        &mut self,
        started: Started<M>,
        number: usize,
        pace: Pace,
        progress: &SurfaceProgress,
    ) -> Result<SliceSurface> {
        let mut started = started;
        let watch = self.stop_watch(number, progress);
        progress.start_slice(number, &started.plan.slice.name, watch.listens_to_keys());
        let begun = Instant::now();
        let outcome = self.measure(&mut started, pace, &watch, progress);
        let took = begun.elapsed();
        let outcome =
            outcome.and_then(|found| self.add_path(&mut started, found, &watch, progress));
        self.spent += begun.elapsed();
        self.know(started.known());
        progress.end_slice(matches!(outcome, Ok(Measured { stopped: None, .. })));
        let Measured { stopped, largest_miss } = outcome?;
        if let Some(reason) = stopped {
            self.note_unfinished(&started, reason);
            if reason != StopReason::TimeBudget {
                // Whoever stopped one surface does not want to wait for the next.
                self.stopper.stop();
            }
        }
        self.check_centre(&started.plan, &started.layers[0]);
        Ok(SliceSurface { largest_miss, took, ..started.known().surface() })
    }

    /// The true losses of the path of training, once all nodes are measured.
    fn add_path(
        &mut self,
        started: &mut Started<M>,
        found: Measured,
        watch: &StopWatch,
        progress: &SurfaceProgress,
    ) -> Result<Measured> {
        if found.stopped.is_some() {
            return Ok(found);
        }
        let goes_on = || watch.reason().is_none();
        match self.measure_path(&mut started.plan, goes_on, || progress.advance(1))? {
            true => Ok(found),
            false => {
                let stopped = watch.reason().or(Some(StopReason::Asked));
                Ok(Measured { stopped, ..found })
            }
        }
    }

    fn stop_watch(&self, number: usize, progress: &SurfaceProgress) -> StopWatch {
        let settings = &self.active.config.study;
        StopWatch::start(
            &self.stopper,
            &self.active.recorder.lanes,
            self.deadline(number, progress.slices()),
            settings.stop_on_interrupt,
            progress.is_on_terminal(),
        )
    }

    /// Measures nodes until all are done or somebody stops it; each goes to the trace as it is done.
    fn measure(
        &self,
        started: &mut Started<M>,
        pace: Pace,
        watch: &StopWatch,
        progress: &SurfaceProgress,
    ) -> Result<Measured> {
        let Started { plan, layers } = started;
        if layers[0].is_complete() {
            return Ok(Measured::default());
        }
        let context = self.context(plan)?;
        let mut workers = self.workers(&context, plan, pace);
        let slice = plan.slice.slice;
        let on_tile = |layers: &[Surface], nodes: &[usize]| {
            self.record(Record::Nodes(tile(slice, layers, nodes, false)));
            progress.advance(nodes.len());
        };
        let should_stop = || watch.reason().is_some();
        let mut rounds = Rounds::of(plan)?;
        while let Some(nodes) = rounds.next(&layers[0]) {
            let outcome = evaluate_layers(layers, &nodes, &mut workers, on_tile, should_stop);
            let outcome = outcome.map_err(|error| match error {
                EvaluateError::Loss { source, alpha, beta, .. } => source.at(alpha, beta),
                EvaluateError::NoWorkers => Error::NoBatches,
            })?;
            if outcome.remaining > 0 {
                let stopped = watch.reason().or(Some(StopReason::Asked));
                return Ok(Measured { stopped, largest_miss: None });
            }
        }
        Ok(Measured { stopped: None, largest_miss: self.interpolate(plan, layers, rounds) })
    }

    /// Fills in what adaptive evaluation did not measure, and tells it to the trace with its error.
    fn interpolate(&self, plan: &Plan<M>, layers: &mut [Surface], rounds: Rounds) -> Option<f64> {
        let Rounds::Adaptive(adaptive) = rounds else {
            return None;
        };
        let filled: Vec<Filled> = layers.iter_mut().map(|layer| adaptive.fill(layer)).collect();
        let states = layers[0].states().iter().enumerate();
        let interpolated = states.filter(|(_, state)| **state == NodeState::Interpolated);
        let nodes: Vec<usize> = interpolated.map(|(node, _)| node).collect();
        if !nodes.is_empty() {
            self.record(Record::Nodes(tile(plan.slice.slice, layers, &nodes, true)));
        }
        for (number, (layer, filled)) in layers.iter().zip(&filled).enumerate() {
            self.check_interpolation(&plan.slice, number, layer, filled);
        }
        filled.first().map(|filled| filled.largest_miss)
    }

    /// Whether interpolation is estimated to come as close as it was asked to, for each layer.
    fn check_interpolation(&self, slice: &Slice, number: usize, layer: &Surface, filled: &Filled) {
        let tolerance = slice.tolerance.unwrap_or(0.0);
        let allowed = tolerance * layer.range().unwrap_or(0.0);
        let further = number.checked_sub(1).and_then(|number| slice.layers.get(number));
        let what = further.map_or(LOSS, |layer| layer.name.as_str());
        let name = match further {
            None => "adaptive-error".to_string(),
            Some(layer) => format!("adaptive-error of {}", layer.name),
        };
        let detail = format!(
            "{} nodes of `{what}` are interpolated: the error is estimated at up to {} and was up to {} \
             where it was checked by measuring; {} were asked for, {} of the range",
            filled.interpolated,
            number_in_words(filled.estimated_error),
            number_in_words(filled.largest_miss),
            number_in_words(allowed),
            percent(tolerance),
        );
        self.check(Some(slice.slice), &name, filled.estimated_error <= allowed, &detail);
    }

    /// Measures which is quicker: several nodes at a time, each on one core, or one node at a time
    /// with the backend's kernels on all cores.
    pub(super) fn pace(&mut self, plan: &Plan<M>) -> Result<Pace> {
        if let Some(pace) = self.paces[plan.batchnorm as usize] {
            return Ok(pace);
        }
        let pace = self.measure_pace(plan)?;
        self.paces[plan.batchnorm as usize] = Some(pace);
        Ok(pace)
    }

    fn measure_pace(&self, plan: &Plan<M>) -> Result<Pace> {
        let context = self.context(plan)?;
        let on_all_cores = Pace { workers: 1, secs: self.time_node(&context, plan, 1)? };
        let workers = self.active.config.study.worker_threads();
        if !self.map.is_on_host || workers == 1 {
            return Ok(on_all_cores);
        }
        let side_by_side = Pace { workers, secs: self.time_node(&context, plan, workers)? };
        Ok(if side_by_side.secs <= on_all_cores.secs { side_by_side } else { on_all_cores })
    }

    /// Seconds from node to node with so many workers at once; each measures two nodes, the second of which
    /// counts.
    fn time_node(
        &self,
        context: &SliceContext<'_, M::Output>,
        plan: &Plan<M>,
        workers: usize,
    ) -> Result<f64> {
        let pace = Pace { workers, secs: 0.0 };
        let point = plan.grid.coordinates(0);
        let time = |mut worker: SliceLoss<'_, M>| -> Result<f64> {
            worker.values(&[point])?;
            let start = Instant::now();
            worker.values(&[point])?;
            Ok(start.elapsed().as_secs_f64())
        };
        std::thread::scope(|scope| {
            let spawn = |worker| scope.spawn(move || time(worker));
            let threads: Vec<_> =
                self.workers(context, plan, pace).into_iter().map(spawn).collect();
            let died = |panic| Err(panicked("a worker that measures how long a node takes", panic));
            let times = threads.into_iter().map(|it| it.join().unwrap_or_else(died));
            let slowest = times.collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
            Ok(slowest / workers as f64)
        })
    }

    /// Everything that is measured at the points of a slice.
    pub(super) fn context<'p>(&'p self, plan: &'p Plan<M>) -> Result<SliceContext<'p, M::Output>> {
        self.context_of(plan, &self.quantities.quantities)
    }

    /// Nothing but the loss.
    pub(super) fn loss_context<'p>(
        &'p self,
        plan: &'p Plan<M>,
    ) -> Result<SliceContext<'p, M::Output>> {
        self.context_of(plan, &self.quantities.quantities[..1])
    }

    fn context_of<'p>(
        &'p self,
        plan: &'p Plan<M>,
        quantities: &'p [Quantity<'p, M::Output>],
    ) -> Result<SliceContext<'p, M::Output>> {
        let directions = plan.directions.iter().map(Vec::as_slice).collect();
        let Plan { centre, .. } = plan;
        Ok(SliceContext {
            map: &self.map,
            directions: Directions::prepare(&centre.flat, directions, &centre.tied, &self.map),
            quantities,
            recalibration: plan.recalibration.as_ref(),
        })
    }

    fn workers<'c>(
        &self,
        context: &'c SliceContext<'c, M::Output>,
        plan: &Plan<M>,
        pace: Pace,
    ) -> Vec<SliceLoss<'c, M>> {
        let cores = if pace.workers > 1 { Cores::One } else { Cores::All };
        let worker =
            |_| SliceLoss::new(context, &plan.centre.model, self.quantities.batches(), cores);
        (0..pace.workers).map(worker).collect()
    }

    /// What is left of the time budget, shared evenly by the slices to come.
    fn deadline(&self, number: usize, slices: usize) -> Option<Instant> {
        let budget = self.active.config.study.time_budget?;
        let left = budget.saturating_sub(self.spent);
        Some(Instant::now() + left.div_f64((slices - number).max(1) as f64))
    }

    fn check_centre(&self, plan: &Plan<M>, surface: &Surface) {
        let Some(found) = surface.centre_loss() else {
            return;
        };
        if plan.recalibration.is_some() {
            return;
        }
        let expected = plan.centre.values[0].mean;
        self.check(
            Some(plan.slice.slice),
            "centre-on-grid",
            same(found, expected),
            &format!("the node (0, 0) has the loss {found}, the model itself {expected}"),
        );
    }

    fn note_unfinished(&self, started: &Started<M>, reason: StopReason) {
        let (missing, all) = (started.missing_nodes(), started.plan.grid.len());
        let (name, why) = (&started.plan.slice.name, reason.in_words());
        let what = match missing {
            0 => "true losses on the path of training not measured".to_string(),
            _ => format!("{missing} of {all} nodes not measured"),
        };
        self.note(
            "info",
            format!(
                "the surface `{name}` was stopped {why} with {what}; `Run::open(…)` and `resume()` go on \
                 from there"
            ),
        );
    }
}

impl<M> Started<M> {
    pub fn known(&self) -> KnownSlice {
        let Plan { slice, trajectory, gram, .. } = &self.plan;
        let (slice, trajectory) = (slice.clone(), trajectory.clone());
        KnownSlice { slice, trajectory, layers: self.layers.clone(), gram: *gram }
    }

    fn missing_nodes(&self) -> usize {
        self.layers[0].counts().unmeasured
    }
}

/// How far a slice was measured.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    /// Why it was stopped.
    stopped: Option<StopReason>,
    /// Adaptive evaluation: how far interpolation was off at most where it was checked.
    largest_miss: Option<f64>,
}

/// The nodes to measure, in the order in which they are asked for.
enum Rounds {
    /// All of them, coarse to fine; taken once.
    Exact(Option<Grid>),
    Adaptive(Box<Adaptive>),
}

impl Rounds {
    fn of<M>(plan: &Plan<M>) -> Result<Self> {
        Ok(match plan.slice.tolerance {
            Some(tolerance) => Self::Adaptive(Box::new(Adaptive::new(plan.grid, tolerance)?)),
            None => Self::Exact(Some(plan.grid)),
        })
    }

    fn next(&mut self, surface: &Surface) -> Option<Vec<usize>> {
        match self {
            Self::Exact(grid) => {
                let levels = grid.take()?.coarse_to_fine();
                Some(levels.into_iter().flat_map(|level| level.nodes).collect())
            }
            Self::Adaptive(adaptive) => {
                let round = adaptive.next_round(surface);
                (!round.is_empty()).then_some(round)
            }
        }
    }
}

fn tile(slice: u32, layers: &[Surface], nodes: &[usize], interpolated: bool) -> Nodes {
    let pick = |values: &[f64]| F64s(nodes.iter().map(|&node| values[node]).collect());
    let layer =
        |layer: &Surface| LayerNodes { value: pick(layer.losses()), stderr: pick(layer.stderrs()) };
    Nodes {
        slice,
        index: U32s(nodes.iter().map(|&node| node as u32).collect()),
        loss: pick(layers[0].losses()),
        stderr: pick(layers[0].stderrs()),
        layers: layers[1..].iter().map(layer).collect(),
        interpolated,
    }
}
