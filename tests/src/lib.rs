//! What the integration tests share: models with the traps of burn in them, and the program that
//! trains them in a process of its own (flex has one random stream per process).

pub mod models;
pub mod trainee;
