//! What the integration tests share: models with the traps of burn in them, the program that trains
//! them in a process of its own (flex has one random stream per process), and where the examples are.

pub mod devices;
pub mod models;
#[cfg(unix)]
pub mod pseudo_terminal;
#[cfg(unix)]
pub mod screen;
pub mod trainee;
pub mod waiting;
pub mod weights;

mod examples;

pub use examples::example;
