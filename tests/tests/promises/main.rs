//! The promises of burnscape, each checked from outside.
//!
//! What needs burn's random stream to itself (flex has one per process) runs the `trainee` program.

mod batches_and_outputs;
mod bit_identity;
mod checkpoints;
mod crash;
mod epochs;
mod example;
mod measurements;
mod mistakes;
mod snapshots;
mod support;
mod surfaces;
mod tidy;
