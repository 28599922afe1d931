//! The zoo: one small model of every common family, its surfaces recomputed from the files of the run.
//!
//! Each family is written down twice: with burn's modules, and in plain loops over `f64` that read
//! nothing but a snapshot and two directions. What a filter is stands in a table beside each model.

mod attention;
mod autoencoder;
mod backends;
mod by_hand;
mod cnn;
mod frozen;
mod layers;
mod mlp;
mod plain;
mod recurrent;
mod shared;
mod specimen;
#[path = "../geometry/support.rs"]
#[expect(dead_code, reason = "the geometry tests use all of it")]
mod support;
mod wide;
