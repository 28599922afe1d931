//! What training hands over to the writer thread, and the way there.

pub(crate) mod counters;
pub(crate) mod ending;
pub(crate) mod epoch_values;
pub(crate) mod event;
pub(crate) mod handle;
pub(crate) mod listeners;
pub(crate) mod message;
pub(crate) mod report;
pub(crate) mod samples;
pub(crate) mod voice;
