//! What the example programs share: the data, the models, the command line and the last words.
//!
//! Start with `digits.rs`, one folder up: it is the whole diff to a burn program.

pub mod cli;
pub mod convnet;
pub mod data;
pub mod deep;
pub mod descent;
pub mod mlp;
pub mod report;
pub mod resnet;
pub mod tanh;
