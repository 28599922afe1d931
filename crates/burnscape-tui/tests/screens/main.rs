//! Keys in, screen out, one module per view or subject, each test a sentence.

mod activations;
mod closed;
mod gradients;
mod landscape;
mod overview;
mod pointing;
mod recorded;
mod relief;
mod sharpness;
mod support;
mod time;
mod views;
