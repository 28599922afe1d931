//! burn's progress events, passed on to the recorder: they alone tell the epoch.

use burn::train::logger::TrainingProgressLogger;

use crate::recorder::epochs::TrainingEvent;
use crate::recorder::lanes::Lanes;

/// A progress logger that tells a probe where training is.
///
/// [`Probe::attach`](crate::Probe::attach) registers one. burn keeps a single progress logger, so
/// a program that has its own wraps it: `probe.progress_logger().beside(mine)`.
pub struct EpochEvents {
    lanes: Option<Lanes>,
    beside: Option<Box<dyn TrainingProgressLogger>>,
}

impl EpochEvents {
    pub(crate) fn new(lanes: Option<Lanes>) -> Self {
        Self { lanes, beside: None }
    }

    /// Also calls `logger` with every event.
    #[must_use]
    pub fn beside(mut self, logger: impl TrainingProgressLogger + 'static) -> Self {
        self.beside = Some(Box::new(logger));
        self
    }

    fn tell(&mut self, event: TrainingEvent) {
        if let Some(lanes) = &self.lanes {
            lanes.event(event);
        }
    }

    fn pass_on(&mut self, call: impl FnOnce(&mut dyn TrainingProgressLogger)) {
        if let Some(beside) = &mut self.beside {
            call(beside.as_mut());
        }
    }
}

impl TrainingProgressLogger for EpochEvents {
    fn start(
        &mut self,
        total_epochs: usize,
        starting_epoch: usize,
        total_items: Option<usize>,
        label: Option<&str>,
    ) {
        self.tell(TrainingEvent::Start {
            total_epochs: total_epochs as u64,
            first_epoch: starting_epoch as u64,
        });
        self.pass_on(|it| it.start(total_epochs, starting_epoch, total_items, label));
    }

    fn update_epoch(&mut self, epoch: usize) {
        self.tell(TrainingEvent::EpochEnd { epoch: epoch as u64 });
        self.pass_on(|it| it.update_epoch(epoch));
    }

    fn start_split(&mut self, split: &str, total_items: usize) {
        self.tell(TrainingEvent::SplitStart { train: split == "train", items: total_items as u64 });
        self.pass_on(|it| it.start_split(split, total_items));
    }

    fn update_split(&mut self, items_processed: usize) {
        self.tell(TrainingEvent::Batch { items: items_processed as u64 });
        self.pass_on(|it| it.update_split(items_processed));
    }

    fn end_split(&mut self) {
        self.tell(TrainingEvent::SplitEnd);
        self.pass_on(|it| it.end_split());
    }

    fn end(&mut self) {
        self.tell(TrainingEvent::End);
        self.pass_on(|it| it.end());
    }

    fn log_event_training(&mut self, event: String) {
        self.pass_on(|it| it.log_event_training(event));
    }
}
