//! The queue between whoever records and the screen: bounded, and lossy where it must be.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burnscape_trace::Record;

/// Records that come at every step may wait up to here: a few seconds of a fast training.
const ROOM_FOR_STEPS: usize = 4096;
/// Beyond this nothing waits, whatever it is.
const ROOM: usize = 4 * ROOM_FOR_STEPS;

/// Records on their way to the screen.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    records: Vec<Record>,
    lost: u64,
    is_closed: bool,
}

/// What was waiting.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) records: Vec<Record>,
    /// Records lost to the screen since the beginning; the file has them.
    pub(crate) lost: u64,
}

impl Queue {
    /// Puts a record at the end if there is room for it. The lock is only ever held for a moment.
    pub(crate) fn push(&self, record: &Record) {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return;
        }
        let room = if comes_with_steps(record) { ROOM_FOR_STEPS } else { ROOM };
        match waiting.records.len() < room {
            true => waiting.records.push(record.clone()),
            false => waiting.lost += 1,
        }
    }

    /// Takes everything.
    pub(crate) fn take(&self) -> Taken {
        let mut waiting = self.lock();
        Taken { records: std::mem::take(&mut waiting.records), lost: waiting.lost }
    }

    /// Nobody looks any more.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.records = Vec::new();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there is one for many steps, so that a missing one is a small gap.
fn comes_with_steps(record: &Record) -> bool {
    matches!(
        record,
        Record::Step(_) | Record::Progress(_) | Record::Activation(_) | Record::Histogram(_)
    )
}

#[cfg(test)]
mod tests {
    use burnscape_trace::{Alert, Step};

    use super::*;

    #[test]
    fn steps_are_lost_before_anything_else_and_counted() {
        let queue = Queue::default();
        let (step, alert) = (Record::Step(Step::default()), Record::Alert(Alert::default()));
        for _ in 0..ROOM_FOR_STEPS + 7 {
            queue.push(&step);
        }
        queue.push(&alert);
        let taken = queue.take();
        assert_eq!((taken.records.len(), taken.lost), (ROOM_FOR_STEPS + 1, 7));
        assert_eq!(taken.records.last(), Some(&alert));
        assert!(queue.take().records.is_empty());
    }

    #[test]
    fn the_queue_is_bounded_for_every_kind_and_a_closed_one_keeps_nothing() {
        let queue = Queue::default();
        let alert = Record::Alert(Alert::default());
        for _ in 0..=ROOM {
            queue.push(&alert);
        }
        assert_eq!(queue.take().records.len(), ROOM);
        queue.push(&alert);
        queue.close();
        queue.push(&alert);
        assert!(queue.take().records.is_empty());
    }
}
