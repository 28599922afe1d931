//! The surfaces: how nodes are shared out, measured, interpolated, recorded and checked.

use std::time::Instant;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::adaptive::Adaptive;
use burnscape_landscape::evaluate::{EvaluateError, Loss, evaluate_layers};
use burnscape_landscape::grid::Grid;
use burnscape_landscape::surface::{NodeState, Surface};
use burnscape_trace::{F64s, LayerNodes, Nodes, Note, Record, RunFolder, U32s};

use super::Survey;
use super::centres::same;
use super::planes::Plan;
use super::quantities::Quantity;
use super::resume::Unfinished;
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
        let mut started = Vec::new();
        for mut plan in plans {
            self.add_true_losses(&mut plan)?;
            started.push(self.start_slice(plan)?);
        }
        self.go_on(started)
    }

    /// Makes a slice part of the landscape that `finish` gives back.
    pub(super) fn keep(&mut self, surface: &SliceSurface) {
        self.slices.retain(|known| known.slice.slice != surface.slice.slice);
        self.slices.push(surface.clone());
    }

    /// Measures what is missing of slices that the trace knows.
    pub(super) fn go_on(&mut self, started: Vec<Started<M>>) -> Result<Vec<SliceSurface>> {
        let Some(first) = started.first() else {
            return Ok(Vec::new());
        };
        let pace = self.pace(&first.plan)?;
        let missing = |it: &Started<M>| it.layers[0].counts().unmeasured;
        let nodes: Vec<usize> = started.iter().map(missing).collect();
        let Active { config, recorder, .. } = &self.active;
        let samples = self.quantities.sets[0].samples;
        let progress = SurfaceProgress::new(config, &recorder.lanes, samples, &nodes, pace.secs);
        let mut slices = Vec::new();
        for (number, slice) in started.into_iter().enumerate() {
            slices.push(self.finish_slice(slice, number, pace, &progress)?);
        }
        Ok(slices)
    }

    /// Numbers a slice within the run and tells it to the trace; what no seed gives back is saved.
    fn start_slice(&mut self, mut plan: Plan<M>) -> Result<Started<M>> {
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
        let layers = vec![Surface::new(plan.grid); 1 + plan.slice.layers.len()];
        Ok(Started { plan, layers })
    }

    /// Layers whose statistics no batch changes.
    fn note_kept_statistics(&self, plan: &Plan<M>) {
        let kept = plan.recalibration.as_ref().map_or(&[][..], |it| it.kept());
        if kept.is_empty() {
            return;
        }
        let (name, kept) = (&plan.slice.name, kept.join("`, `"));
        self.record(Record::Note(Note {
            level: "info".to_string(),
            text: format!(
                "the slice `{name}` keeps the BatchNorm statistics of the centre in `{kept}`: frozen, or \
                 before all parameters"
            ),
        }));
    }

    fn finish_slice(
        &mut self,
        started: Started<M>,
        number: usize,
        pace: Pace,
        progress: &SurfaceProgress,
    ) -> Result<SliceSurface> {
        let Started { plan, mut layers } = started;
        let watch = self.stop_watch(number, progress);
        progress.start_slice(number, &plan.slice.name, watch.listens_to_keys());
        let begun = Instant::now();
        let outcome = self.measure(&plan, &mut layers, pace, &watch, progress);
        let took = begun.elapsed();
        self.spent += took;
        progress.end_slice(matches!(outcome, Ok((None, _))));
        let (stopped, largest_miss) = outcome?;
        if let Some(reason) = stopped {
            self.note_unfinished(&plan, &layers[0], reason);
            if reason != StopReason::TimeBudget {
                // Whoever stopped one surface does not want to wait for the next.
                self.stopper.stop();
            }
        }
        self.check_centre(&plan, &layers[0]);
        let Plan { slice, trajectory, gram, .. } = plan;
        if stopped.is_some() {
            let (slice, trajectory, layers) = (slice.clone(), trajectory.clone(), layers.clone());
            self.unfinished.retain(|it| it.slice.slice != slice.slice);
            self.unfinished.push(Unfinished { slice, trajectory, layers });
        }
        let surface = layers.remove(0);
        let trajectory = trajectory.unwrap_or_default();
        Ok(SliceSurface { slice, surface, layers, trajectory, gram, largest_miss, took })
    }

    fn stop_watch(&self, number: usize, progress: &SurfaceProgress) -> StopWatch {
        let settings = &self.active.config.study;
        StopWatch::start(
            &self.stopper,
            self.deadline(number, progress.slices()),
            settings.stop_on_interrupt,
            progress.is_on_terminal(),
        )
    }

    /// Measures nodes until all are done or somebody stops it; each goes to the trace as it is done. Gives
    /// why it was stopped, and how far interpolation was off at most where it was checked.
    fn measure(
        &self,
        plan: &Plan<M>,
        layers: &mut [Surface],
        pace: Pace,
        watch: &StopWatch,
        progress: &SurfaceProgress,
    ) -> Result<(Option<StopReason>, Option<f64>)> {
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
                return Ok((watch.reason().or(Some(StopReason::Asked)), None));
            }
        }
        Ok((None, self.interpolate(slice, layers, rounds)))
    }

    /// Fills in what adaptive evaluation did not measure, and tells it to the trace.
    fn interpolate(&self, slice: u32, layers: &mut [Surface], rounds: Rounds) -> Option<f64> {
        let Rounds::Adaptive(adaptive) = rounds else {
            return None;
        };
        let report = layers.iter_mut().map(|layer| adaptive.fill(layer)).next()?;
        for layer in layers.iter_mut().skip(1) {
            adaptive.fill(layer);
        }
        let states = layers[0].states().iter().enumerate();
        let interpolated = states.filter(|(_, state)| **state == NodeState::Interpolated);
        let nodes: Vec<usize> = interpolated.map(|(node, _)| node).collect();
        if !nodes.is_empty() {
            self.record(Record::Nodes(tile(slice, layers, &nodes, true)));
        }
        Some(report.largest_miss)
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
            let times = threads.into_iter().map(|it| it.join().unwrap_or(Ok(0.0)));
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

    fn note_unfinished(&self, plan: &Plan<M>, surface: &Surface, reason: StopReason) {
        let (missing, all) = (surface.counts().unmeasured, plan.grid.len());
        let (name, why) = (&plan.slice.name, reason.in_words());
        self.record(Record::Note(Note {
            level: "info".to_string(),
            text: format!(
                "the surface `{name}` was stopped {why} with {missing} of {all} nodes not measured; \
                 `Run::open(…)` and `resume()` go on from there"
            ),
        }));
    }
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
