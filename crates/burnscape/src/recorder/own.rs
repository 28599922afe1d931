//! Values that the program tells itself: each waits until the epoch of its step is known.

use std::collections::VecDeque;

use crate::channel::samples::OwnSample;

/// Values that may wait for the writer thread, and with it for their epochs.
pub(super) const OWN_QUEUE: usize = 16_384;

/// Values that wait.
#[derive(Debug, Default)]
pub(super) struct OwnValues(pub VecDeque<OwnSample>);
