//! Where in the run this process begins: behind nothing, or behind what an earlier recording left.

use super::earlier::Earlier;
use crate::channel::message::Moment;

/// Counts of a process start at 0; those of its run need not.
#[derive(Default)]
pub(super) struct Start {
    pub earlier: Option<Earlier>,
    /// Counts of this process start here in the run.
    pub base: Moment,
    /// Burn told where training starts, or nobody will.
    pub is_known: bool,
}

impl Start {
    pub fn behind(earlier: Option<Earlier>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// Training starts at `first_epoch`: counts go on from the end of the epoch before it. Told twice, the first holds.
    pub fn at_epoch(&mut self, first_epoch: u64) {
        if std::mem::replace(&mut self.is_known, true) {
            return;
        }
        if let Some(earlier) = &self.earlier {
            self.base = match first_epoch {
                ..=1 => Moment::default(),
                _ => earlier.end_of_epoch(first_epoch - 1),
            };
        }
    }

    /// Training starts, and nobody told where: then it goes on.
    pub fn where_it_ended(&mut self) {
        if let (false, Some(earlier)) = (self.is_known, &self.earlier) {
            self.base = earlier.recorded;
        }
    }

    /// What an earlier recording left of a model; one that ended before its first step left none.
    pub fn earlier_model(&self) -> Option<&Earlier> {
        self.earlier.as_ref().filter(|it| !it.is_of_no_model())
    }

    /// A moment of this process in the run.
    pub fn in_run(&self, at: Moment) -> Moment {
        at.after(self.base)
    }
}
