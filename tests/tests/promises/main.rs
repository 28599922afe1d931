//! The promises of burnscape, each checked from outside.
//!
//! What needs burn's random stream to itself (flex has one per process) runs the `trainee` program.

mod bit_identity;
mod checkpoints;
mod comparisons;
mod crash;
mod epochs;
mod events;
mod example;
mod exported;
mod measurements;
mod resumed;
mod rows;
mod started;
mod strangers;
mod support;
mod training;
