//! burn's progress events, passed on to the recorder: they tell the epoch, and how far training came.

use std::sync::atomic::{AtomicU64, Ordering};

use burn::train::logger::TrainingProgressLogger;

use crate::channel::ending::Ending;
use crate::channel::event::TrainingEvent;
use crate::channel::handle::RecorderHandle;

/// Listens to the events of one training. Of several that do, one alone tells them.
pub(crate) struct Events {
    handle: Option<RecorderHandle>,
    number: u64,
    is_heard: bool,
    ending: Ending,
}

impl Events {
    /// Epochs come from burn's events, as long as this one lives or has heard any.
    pub fn new(handle: Option<RecorderHandle>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if let Some(handle) = &handle {
            handle.counters().listeners.enter();
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { handle, number, is_heard: false, ending: Ending::default() }
    }

    /// The one that tells events, whoever else listens.
    pub fn telling(handle: RecorderHandle) -> Self {
        let events = Self::new(Some(handle.clone()));
        handle.counters().teller.take(events.number);
        events
    }

    fn tells(&self) -> Option<&RecorderHandle> {
        self.handle.as_ref().filter(|handle| handle.counters().teller.is(self.number))
    }

    fn tell(&mut self, event: TrainingEvent) {
        self.is_heard = true;
        if let Some(handle) = self.tells() {
            handle.event(event);
        }
    }

    pub fn start(&mut self, total_epochs: usize, starting_epoch: usize) {
        if let Some(handle) = &self.handle {
            handle.counters().teller.take_if_free(self.number);
        }
        self.ending = Ending { planned: total_epochs as u64, ..Ending::default() };
        if starting_epoch > total_epochs {
            self.ending.complete = Some(starting_epoch as u64 - 1);
        }
        self.tell(TrainingEvent::Start {
            total_epochs: total_epochs as u64,
            first_epoch: starting_epoch as u64,
        });
    }

    pub fn update_epoch(&mut self, epoch: usize) {
        self.ending.complete = Some(epoch as u64);
        self.tell(TrainingEvent::EpochEnd { epoch: epoch as u64 });
    }

    pub fn start_split(&mut self, split: &str, total_items: usize) {
        let (train, items) = (split == "train", total_items as u64);
        self.tell(TrainingEvent::SplitStart { train, items });
    }

    pub fn update_split(&mut self, items_processed: usize) {
        self.tell(TrainingEvent::Batch { items: items_processed as u64 });
    }

    pub fn end_split(&mut self) {
        self.tell(TrainingEvent::SplitEnd);
    }

    /// Training is over. burn's own screen forgets right afterwards that it was interrupted.
    pub fn end(&mut self) {
        if let Some(handle) = self.tells().cloned() {
            let counters = handle.counters();
            if let Some(interrupter) = counters.interrupter.get() {
                self.ending.ask(&interrupter);
            }
            counters.set_ending(self.ending.clone());
        }
        self.tell(TrainingEvent::End);
        self.leave();
    }

    fn leave(&self) {
        if let Some(handle) = &self.handle {
            handle.counters().teller.leave(self.number);
        }
    }
}

/// burn keeps a single progress logger: one that is replaced before training goes unheard.
impl Drop for Events {
    fn drop(&mut self) {
        self.leave();
        if let (Some(handle), false) = (&self.handle, self.is_heard) {
            handle.counters().listeners.leave();
            handle.event(TrainingEvent::Unheard);
        }
    }
}

/// A progress logger that tells a probe where training is.
///
/// [`Probe::attach`](crate::Probe::attach) registers one. burn keeps a single progress logger, so
/// a program that has its own and trains without [`Probe::training`](crate::Probe::training), which needs none of
/// this, wraps it: `probe.progress_logger().beside(mine)`.
pub struct ProgressEvents {
    events: Events,
    beside: Option<Box<dyn TrainingProgressLogger>>,
}

impl ProgressEvents {
    pub(crate) fn new(handle: Option<RecorderHandle>) -> Self {
        Self { events: Events::new(handle), beside: None }
    }

    /// Also calls `logger` with every event.
    #[must_use]
    pub fn beside(mut self, logger: impl TrainingProgressLogger + 'static) -> Self {
        self.beside = Some(Box::new(logger));
        self
    }

    fn pass_on(&mut self, call: impl FnOnce(&mut dyn TrainingProgressLogger)) {
        if let Some(beside) = &mut self.beside {
            call(beside.as_mut());
        }
    }
}

impl TrainingProgressLogger for ProgressEvents {
    fn start(
        &mut self,
        total_epochs: usize,
        starting_epoch: usize,
        total_items: Option<usize>,
        label: Option<&str>,
    ) {
        self.events.start(total_epochs, starting_epoch);
        self.pass_on(|it| it.start(total_epochs, starting_epoch, total_items, label));
    }

    fn update_epoch(&mut self, epoch: usize) {
        self.events.update_epoch(epoch);
        self.pass_on(|it| it.update_epoch(epoch));
    }

    fn start_split(&mut self, split: &str, total_items: usize) {
        self.events.start_split(split, total_items);
        self.pass_on(|it| it.start_split(split, total_items));
    }

    fn update_split(&mut self, items_processed: usize) {
        self.events.update_split(items_processed);
        self.pass_on(|it| it.update_split(items_processed));
    }

    fn end_split(&mut self) {
        self.events.end_split();
        self.pass_on(|it| it.end_split());
    }

    fn end(&mut self) {
        self.events.end();
        self.pass_on(|it| it.end());
    }

    fn log_event_training(&mut self, event: String) {
        self.pass_on(|it| it.log_event_training(event));
    }
}
