//! The signals of a run, checked from outside: quantities per step, activations, alerts, black boxes, and loops
//! that train by hand.
//!
//! Expected numbers are closed forms, or come from plain arithmetic in f64 beside the training.

mod black_box;
mod families;
mod faults;
mod full_queue;
mod loops;
mod modules;
mod own;
mod quantities;
mod rules;
mod statistics;
mod support;
mod taps;
