//! How long a node takes, and how nodes are best shared out.

use std::time::Duration;

use burn::tensor::DType;
use burnscape_landscape::evaluate::Loss;

use super::evaluate::{Cores, Pace, SliceContext, SliceLoss};
use super::memory;
use super::open_study::AnyStudy;
use super::planes::Plan;
use super::slice_spec::SliceSpec;
use crate::Result;
use crate::panics::panicked;

/// Nodes that take no time are timed again, since one that was held up would spoil the estimate.
const MOST_TIMES: usize = 5;

const LONG_SECS: f64 = 0.002;

impl AnyStudy<'_> {
    /// How long the nodes of a slice will take at most, within what is left of the budget.
    pub(super) fn estimate(&mut self, spec: &SliceSpec) -> Result<Duration> {
        let plan = self.plan_with(spec, true)?;
        let pace = self.pace(&plan)?;
        let takes = Duration::from_secs_f64(self.node_secs(pace) * plan.grid.len() as f64);
        Ok(self.time.deadline.left().map_or(takes, |left| takes.min(left)))
    }

    /// Seconds from node to node on the batches that are used now, on all devices together.
    pub(super) fn node_secs(&self, pace: Pace) -> f64 {
        self.point_secs(pace) / pace.at_once
    }

    /// Seconds of a point on the path of training: those are measured on the device of the model.
    pub(super) fn point_secs(&self, pace: Pace) -> f64 {
        pace.secs(self.quantities.sets[0].len())
    }

    /// With what further devices measure meanwhile.
    fn beside_devices(&self, pace: Pace) -> Pace {
        let secs = self.point_secs(pace);
        let batches = self.quantities.sets[0].len() as f64;
        let at_work = self.devices.iter().filter(|it| it.is_at_work());
        let meanwhile = at_work.map(|it| secs / (it.batch_secs * batches));
        let at_once = 1.0 + meanwhile.filter(|it| it.is_finite()).sum::<f64>();
        Pace { at_once, ..pace }
    }

    /// Measures which is quicker: several nodes at a time, each on one core, or one node at a time
    /// with the backend's kernels on all cores.
    pub(super) fn pace(&mut self, plan: &Plan) -> Result<Pace> {
        if let Some(pace) = self.pacing.paces[plan.batchnorm as usize] {
            return Ok(pace);
        }
        let pace = self.beside_devices(self.measure_pace(plan)?);
        self.pacing.paces[plan.batchnorm as usize] = Some(pace);
        Ok(pace)
    }

    fn measure_pace(&self, plan: &Plan) -> Result<Pace> {
        let batches = self.quantities.sets[0].len();
        let batch_secs = self.pacing.looked_at.as_ref().and_then(|looked| looked.batch_secs);
        let expected = batch_secs.unwrap_or(0.0) * batches as f64;
        // Two nodes alone, and two of each worker side by side.
        if !self.time.affords(4.0 * expected) {
            let batch_secs = expected / batches as f64;
            return Ok(Pace { workers: 1, fixed_secs: 0.0, batch_secs, at_once: 1.0 });
        }
        let context = self.context(plan);
        let (alone, growth) = memory::with_growth(|| self.time_node(&context, plan, 1));
        let (alone, workers) = (alone?, self.workers_that_fit(growth));
        // Each worker would move a model of its own.
        if !self.studied.map.is_on_host || workers == 1 || !self.holds_vectors() {
            return Ok(self.pace_of(1, alone, alone, batch_secs));
        }
        let side_by_side = self.time_node(&context, plan, workers)?;
        match side_by_side <= alone {
            true => Ok(self.pace_of(workers, side_by_side, alone, batch_secs)),
            false => Ok(self.pace_of(1, alone, alone, batch_secs)),
        }
    }

    /// As many workers as there are threads, or fewer where each with its model and activations would take so many bytes that
    /// all of them do not fit.
    fn workers_that_fit(&self, growth: u64) -> usize {
        let wanted = self.active.config.study.worker_threads();
        let element = |dtype: &DType| dtype.size() as u64;
        let blocks = self.studied.map.layout.blocks().iter().zip(&self.studied.map.dtypes);
        let model: u64 = blocks.map(|(block, dtype)| block.len() as u64 * element(dtype)).sum();
        let Some(free) = memory::free_bytes().filter(|_| self.studied.map.is_on_host) else {
            return wanted;
        };
        let bytes = growth.max(model);
        let fit = memory::that_fit(wanted, bytes, free);
        if fit < wanted {
            let mib = |bytes: u64| bytes >> 20;
            let sentence = format!(
                "{fit} of {wanted} workers measure surfaces: each takes about {} MiB for its model and activations, and together \
                 they may take half of the {} MiB that are free",
                mib(bytes),
                mib(free)
            );
            log::info!("burnscape: {sentence}");
            self.note("info", sentence);
        }
        fit
    }

    /// A node that takes so long; what one alone takes beside its batches is there however many they are.
    fn pace_of(&self, workers: usize, secs: f64, alone: f64, batch_secs: Option<f64>) -> Pace {
        let batches = self.quantities.sets[0].len() as f64;
        let is_loss_alone = self.quantities.names.len() == 1;
        let in_batches = batch_secs.filter(|_| is_loss_alone).map_or(alone, |it| it * batches);
        let share = if alone > 0.0 { (in_batches / alone).min(1.0) } else { 1.0 };
        let (fixed_secs, batch_secs) = ((1.0 - share) * secs, share * secs / batches);
        Pace { workers, fixed_secs, batch_secs, at_once: 1.0 }
    }

    /// Seconds from node to node with so many workers at once; the first one of each does not count.
    fn time_node(&self, context: &SliceContext<'_>, plan: &Plan, workers: usize) -> Result<f64> {
        let point = plan.grid.coordinates(0);
        let clock = &self.active.config.clock;
        let time = |mut worker: SliceLoss<'_>| -> Result<f64> {
            worker.values(&[point])?;
            let mut least = f64::INFINITY;
            for _ in 0..MOST_TIMES {
                let begun = clock.now();
                worker.values(&[point])?;
                least = least.min(clock.now().saturating_sub(begun).as_secs_f64());
                if least > LONG_SECS {
                    break;
                }
            }
            Ok(least)
        };
        std::thread::scope(|scope| {
            let spawn = |worker| scope.spawn(move || time(worker));
            let threads: Vec<_> =
                self.workers(context, plan, workers).into_iter().map(spawn).collect();
            let died = |panic| Err(panicked("a worker that measures how long a node takes", panic));
            let times = threads.into_iter().map(|it| it.join().unwrap_or_else(died));
            let slowest = times.collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
            Ok(slowest / workers as f64)
        })
    }

    pub(super) fn workers<'c>(
        &'c self,
        context: &'c SliceContext<'c>,
        plan: &Plan,
        workers: usize,
    ) -> Vec<SliceLoss<'c>> {
        let cores = if workers > 1 { Cores::One } else { Cores::All };
        let evaluator = || self.subject.evaluator(&plan.centre.model, context);
        (0..workers).map(|_| SliceLoss::new(evaluator(), context.map, cores)).collect()
    }
}
