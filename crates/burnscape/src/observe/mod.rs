//! What happens in a training step, on the training thread.

pub(crate) mod events;
pub(crate) mod hook;
pub(crate) mod identity;
pub(crate) mod lines;
pub(crate) mod metric_values;
pub(crate) mod observer;
pub(crate) mod renderer;
pub(crate) mod tap;
pub(crate) mod watched;
