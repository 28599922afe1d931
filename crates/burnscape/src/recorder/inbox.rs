//! The receiving ends of what training hands over.

use std::sync::mpsc::{Receiver, SyncSender};

use crate::channel::handle::Spare;
use crate::channel::message::Control;
use crate::channel::samples::{LossSample, OwnSample, StepSample, TapSample};
use crate::measure::statistics::sample::StatisticsSample;

/// One queue for each kind; buffers of written steps go back.
pub(super) struct Inbox {
    pub control: Receiver<Control>,
    pub steps: Receiver<StepSample>,
    pub losses: Receiver<LossSample>,
    pub looks: Receiver<StatisticsSample>,
    pub taps: Receiver<TapSample>,
    pub own: Receiver<OwnSample>,
    pub spare: SyncSender<Spare>,
}
