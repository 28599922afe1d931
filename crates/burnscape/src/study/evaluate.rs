//! What is measured at a point of a slice, by one worker with a model and batches of its own.

use std::thread::ThreadId;

use burnscape_landscape::evaluate::Loss;
use burnscape_landscape::surface::NodeValue;

use super::perturb::Directions;
use super::quantities::Selected;
use super::recalibrate::Recalibration;
use crate::model::map::ModelMap;
use crate::{Error, Result};

/// Nodes whose losses leave an accelerator together: enough to keep its queue full.
const NODES_PER_TRANSFER: usize = 16;

/// Everything that the loss on a slice depends on, shared by its workers.
pub(crate) struct SliceContext<'a> {
    pub map: &'a ModelMap,
    pub directions: Directions<'a>,
    pub sets: Vec<Selected>,
    /// The loss and no further quantity.
    pub loss_alone: bool,
    /// Normalisation statistics that are recomputed at every point; `None`: those of the centre.
    pub recalibration: Option<&'a Recalibration>,
}

/// What measures the points of a slice: for each the loss, then every further layer.
pub(crate) trait Evaluate: Send {
    /// # Errors
    ///
    /// As [`Subject::measure`](super::subject::Subject::measure).
    fn values(&mut self, points: &[(f64, f64)]) -> Result<Vec<NodeValue>>;
}

/// How a worker uses the cores of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// One of several workers: it stays on its own thread.
    One,
    /// The only worker: the backend may use them all.
    All,
}

/// One worker: a model of its own and its own copy of the batches.
pub(crate) struct SliceLoss<'a> {
    evaluator: Box<dyn Evaluate + 'a>,
    is_on_host: bool,
    cores: Cores,
    serial: Option<(ThreadId, rayon::ThreadPool)>,
    /// Number of the further device that it measures on; the others measure on without it.
    device: Option<usize>,
    failure: Option<Error>,
}

impl<'a> SliceLoss<'a> {
    pub fn new(evaluator: Box<dyn Evaluate + 'a>, map: &ModelMap, cores: Cores) -> Self {
        let is_on_host = map.is_on_host;
        Self { evaluator, is_on_host, cores, serial: None, device: None, failure: None }
    }

    /// As the worker on a further device.
    pub fn on_device(self, number: usize) -> Self {
        Self { device: Some(number), ..self }
    }

    /// The number of the further device that it is on.
    pub fn device(&self) -> Option<usize> {
        self.device
    }

    /// Why it measures no more, and on which further device.
    pub fn take_failure(&mut self) -> Option<(usize, Error)> {
        Some((self.device?, self.failure.take()?))
    }

    /// Gives this thread a rayon pool that consists of itself: nodes are computed in parallel, so
    /// parallel loops inside one node would only get in each other's way.
    fn stay_on_this_thread(&mut self) {
        let thread = std::thread::current().id();
        let is_set = self.serial.as_ref().is_some_and(|(known, _)| *known == thread);
        if self.cores == Cores::One && !is_set {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
            self.serial = pool.use_current_thread().build().ok().map(|pool| (thread, pool));
        }
    }
}

impl Loss for SliceLoss<'_> {
    type Error = Error;

    fn values(&mut self, points: &[(f64, f64)]) -> Result<Vec<NodeValue>> {
        self.stay_on_this_thread();
        self.evaluator.values(points)
    }

    fn give_up(&mut self, error: Error) -> Option<Error> {
        match self.device {
            None => Some(error),
            Some(_) => {
                self.failure = Some(error);
                None
            }
        }
    }

    fn points_at_once(&self) -> usize {
        if self.is_on_host { 1 } else { NODES_PER_TRANSFER }
    }
}

/// How nodes are shared out, and the seconds that then go by from node to node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub workers: usize,
    /// However many batches there are.
    pub fixed_secs: f64,
    /// For each batch.
    pub batch_secs: f64,
    /// How many nodes are measured on all devices while the one of the model measures one.
    pub at_once: f64,
}

impl Pace {
    /// Seconds from node to node on the device of the model.
    pub fn secs(&self, batches: usize) -> f64 {
        self.fixed_secs + self.batch_secs * batches as f64
    }
}
