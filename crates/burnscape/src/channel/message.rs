//! What is never lost on the way to the writer thread.

use std::sync::mpsc::Sender;

use burnscape_trace::Record;

use super::event::TrainingEvent;
use super::report::Report;
use crate::model::map::ModelMap;
use crate::model::tensors::NamedTensor;

/// A moment in the run, in optimizer steps and `TrainStep::step` calls before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub steps: u64,
    pub batches: u64,
}

impl Moment {
    pub fn after(self, earlier: Moment) -> Moment {
        Moment { steps: self.steps + earlier.steps, batches: self.batches + earlier.batches }
    }
}

/// All tensors of the model at a moment of this process.
#[derive(Debug)]
pub(crate) struct WeightsAt {
    pub at: Moment,
    pub tensors: Vec<NamedTensor>,
}

impl WeightsAt {
    pub fn bytes(&self) -> u64 {
        let lens = self.tensors.iter().map(|it| it.data.as_bytes().len());
        lens.sum::<usize>() as u64
    }
}

/// Weights that a validation begins with.
#[derive(Debug)]
pub(crate) struct Validated {
    pub weights: Box<WeightsAt>,
    /// Validation batches of this process before it.
    pub valid_before: u64,
    /// Training was asked to stop before: unless it goes on, this is how burn gives back a model whose epoch was cut.
    pub may_be_cut: bool,
}

/// Whoever is shown what is written, on the writer thread; it must not wait for anything.
pub(crate) type Viewer = Box<dyn FnMut(&Record) + Send>;

/// Where an answer goes.
pub(crate) type Reply<T> = Sender<T>;

/// What is never lost on the way to the writer thread.
pub(crate) enum Control {
    /// The model, and snapshot 0: sent at the first update.
    Introduce(Box<(ModelMap, WeightsAt)>),
    /// One of burn's progress events.
    Event(TrainingEvent),
    /// Weights that burn validates: an epoch's, if events confirm it.
    Validated(Validated),
    /// Other blocks are frozen than before, from a step of this process on.
    Frozen { step: u64, frozen: Vec<bool> },
    /// A hand-written loop ends an epoch, after so many validation batches.
    ValidatedThrough(u64),
    /// Weights after a step whose snapshot is due.
    StepSnapshot(Box<WeightsAt>),
    /// The returned model.
    FinalSnapshot(Box<WeightsAt>),
    /// A record made elsewhere.
    Record(Box<Record>),
    /// Something that went wrong elsewhere.
    Problem(String),
    /// The same, for a person to see at once.
    UrgentProblem(String),
    /// Show everything that is written from now on, too; answered with the length of the trace so far.
    #[cfg_attr(not(feature = "tui"), expect(dead_code, reason = "only a dashboard asks for it"))]
    Show(Viewer, Reply<u64>),
    /// What is to be said right before the end.
    LastWord(String),
    /// Write all that came before, then answer with the state of the run.
    Sync(Reply<Report>),
    /// Write all that came before and the end of the run, then answer and stop.
    Stop(&'static str, Reply<Report>),
}

impl Control {
    /// Steps and losses that were sent before have to be taken in first.
    pub fn comes_after_steps(&self) -> bool {
        match self {
            Self::Validated(_)
            | Self::Frozen { .. }
            | Self::Event(TrainingEvent::EpochEnd { .. } | TrainingEvent::End) => true,
            // A metric of a split says behind which step it stands.
            Self::Record(record) => matches!(**record, Record::Metric(_)),
            _ => false,
        }
    }
}
