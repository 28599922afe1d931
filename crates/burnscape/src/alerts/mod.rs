//! The rules of alerts: what in a step, a loss or a curvature breaks one, and in which words that is told.
//!
//! Rules are judged on the writer thread, from the records as they are written, and by nothing else: `watchdog.rs` judges
//! a step, `loss.rs` its loss, `block.rs` each block, `already_told.rs` remembers what was told, `sentences.rs` and `advice.rs` say
//! what happened and what usually helps. `suspicion.rs` sits on the training thread: it asks for the update of a step in
//! which gradients look wrong.

pub(crate) mod advice;
pub(crate) mod already_told;
pub(crate) mod block;
pub(crate) mod loss;
pub(crate) mod rate;
pub(crate) mod replay;
pub(crate) mod robust;
pub(crate) mod sentences;
pub(crate) mod suspicion;
pub(crate) mod watchdog;
