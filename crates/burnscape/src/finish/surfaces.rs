//! The surfaces: how nodes are shared out, measured, recorded and checked.

use std::time::Instant;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::evaluate::{EvaluateError, Loss, evaluate};
use burnscape_landscape::surface::Surface;
use burnscape_trace::{F64s, Nodes, Note, Record, U32s};

use super::Finisher;
use super::planes::Plan;
use crate::evaluate::{Cores, SliceContext, SliceLoss};
use crate::landscape::SliceSurface;
use crate::perturb::Directions;
use crate::progress::SurfaceProgress;
use crate::snapshot;
use crate::{Error, Result};

/// How nodes are shared out, and the seconds that then go by from node to node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub workers: usize,
    pub secs: f64,
}

impl<M> Finisher<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Records a plane and measures its nodes.
    pub(super) fn evaluate(
        &self,
        mut plan: Plan,
        number: usize,
        pace: Pace,
        progress: &SurfaceProgress,
    ) -> Result<SliceSurface> {
        self.name_slice(&mut plan, number)?;
        self.record(Record::Slice(plan.slice.clone()));
        self.record(Record::Trajectory(plan.trajectory.clone()));
        progress.start_slice(number, &plan.slice.name);
        let started = Instant::now();
        let deadline = self.deadline(number, progress.slices());
        let surface = self.measure(&plan, pace, deadline, progress);
        let took = started.elapsed();
        progress.end_slice();
        let surface = surface?;
        self.check_centre(plan.slice.slice, &surface);
        let Plan { slice, trajectory, gram, .. } = plan;
        Ok(SliceSurface { slice, surface, trajectory, gram, took })
    }

    /// Measures nodes coarse to fine until all are done or the deadline has passed; each goes to
    /// the trace as it is done.
    fn measure(
        &self,
        plan: &Plan,
        pace: Pace,
        deadline: Option<Instant>,
        progress: &SurfaceProgress,
    ) -> Result<Surface> {
        let mut surface = Surface::new(plan.grid);
        let context = self.context(plan);
        let mut workers = self.workers(&context, pace);
        let order = plan.grid.coarse_to_fine();
        let on_tile = |surface: &Surface, nodes: &[usize]| {
            self.record(Record::Nodes(tile(plan.slice.slice, surface, nodes)));
            progress.advance(nodes.len());
        };
        let should_stop = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let outcome = evaluate(&mut surface, &order, &mut workers, on_tile, should_stop);
        let outcome = outcome.map_err(|error| match error {
            EvaluateError::Loss { source, .. } => source,
            EvaluateError::NoWorkers => Error::NoBatches,
        })?;
        if outcome.remaining > 0 {
            self.note_unfinished(&plan.slice.name, outcome.remaining, plan.grid.len());
        }
        Ok(surface)
    }

    /// Measures which is quicker: several nodes at a time, each on one core, or one node at a time
    /// with the backend's kernels on all cores.
    pub(super) fn pace(&self, plan: &Plan) -> Result<Pace> {
        let context = self.context(plan);
        let on_all_cores = Pace { workers: 1, secs: self.time_node(&context, plan, Cores::All)? };
        let workers = self.active.config.worker_threads();
        if !self.map.is_on_host || workers == 1 {
            return Ok(on_all_cores);
        }
        let alone = self.time_node(&context, plan, Cores::One)?;
        let side_by_side = Pace { workers, secs: alone / workers as f64 };
        Ok(if side_by_side.secs <= on_all_cores.secs { side_by_side } else { on_all_cores })
    }

    /// Seconds for one node, on a thread of its own.
    fn time_node(&self, context: &SliceContext<'_, M>, plan: &Plan, cores: Cores) -> Result<f64> {
        let mut worker = SliceLoss::new(context, &self.model, &self.batches, cores);
        let (alpha, beta) = plan.grid.coordinates(0);
        let time = move || -> Result<f64> {
            worker.loss(alpha, beta)?;
            let start = Instant::now();
            worker.loss(alpha, beta)?;
            Ok(start.elapsed().as_secs_f64())
        };
        std::thread::scope(|scope| scope.spawn(time).join().unwrap_or(Ok(0.0)))
    }

    pub(super) fn context<'p>(&'p self, plan: &'p Plan) -> SliceContext<'p, M> {
        let directions = plan.directions.iter().map(Vec::as_slice).collect();
        SliceContext {
            map: self.map,
            directions: Directions::prepare(&self.centre, directions, &self.tied, self.map),
            loss_of: self.loss_of,
        }
    }

    fn workers<'c>(&self, context: &'c SliceContext<'c, M>, pace: Pace) -> Vec<SliceLoss<'c, M>> {
        let cores = if pace.workers > 1 { Cores::One } else { Cores::All };
        let worker = |_| SliceLoss::new(context, &self.model, &self.batches, cores);
        (0..pace.workers).map(worker).collect()
    }

    /// Numbers the slice within the run; directions that no seed gives back are saved.
    fn name_slice(&self, plan: &mut Plan, number: usize) -> Result<()> {
        let slice = self.active.recorder.first_slice + number as u32;
        plan.slice.slice = slice;
        plan.trajectory.slice = slice;
        if plan.slice.x.seed.is_none() {
            let path = self.active.recorder.folder.directions_path(slice);
            let [d1, d2] = &plan.directions;
            snapshot::write_directions(&path, [&self.centre, d1, d2])?;
            plan.slice.directions = Some(burnscape_trace::RunFolder::directions_file(slice));
        }
        Ok(())
    }

    /// The time budget, shared evenly by the slices.
    fn deadline(&self, number: usize, slices: usize) -> Option<Instant> {
        let budget = self.active.config.time_budget?;
        Some(self.started + budget.mul_f64((number + 1) as f64 / slices as f64))
    }

    fn check_centre(&self, slice: u32, surface: &Surface) {
        let Some(found) = surface.centre_loss() else {
            return;
        };
        let expected = self.centre_value.mean;
        self.check(
            Some(slice),
            "centre-on-grid",
            found.to_bits() == expected.to_bits(),
            &format!("the node (0, 0) has the loss {found}, the model itself {expected}"),
        );
    }

    fn note_unfinished(&self, name: &str, remaining: usize, nodes: usize) {
        self.record(Record::Note(Note {
            level: "info".to_string(),
            text: format!(
                "the time budget ended the surface `{name}` with {remaining} of {nodes} nodes not measured"
            ),
        }));
    }
}

fn tile(slice: u32, surface: &Surface, nodes: &[usize]) -> Nodes {
    Nodes {
        slice,
        index: U32s(nodes.iter().map(|&node| node as u32).collect()),
        loss: F64s(nodes.iter().map(|&node| surface.losses()[node]).collect()),
        stderr: F64s(nodes.iter().map(|&node| surface.stderrs()[node]).collect()),
    }
}
