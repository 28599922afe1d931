//! Are two minima connected? Two trainings from different weights, and two that part from one parent.
//!
//! `cargo run --release --example connected` trains all of them, and measures the loss between their ends: on the straight
//! line (Frankle et al. 2020), on that line after the hidden units of one were swapped to meet those of the other
//! (Ainsworth et al. 2023), and on a bent path that is trained to stay low (Garipov et al. 2018).

use std::path::PathBuf;

use anyhow::{Result, ensure};
use burn::optim::AdamConfig;
use burn::tensor::Device;
use burnscape::{Comparison, Point, Recording, Runs, accuracy};
use burnscape_examples::cli::Flags;
use burnscape_examples::mlp::Mlp;
use burnscape_examples::{data, report};
use clap::Parser;

const EPOCHS: usize = 15;
/// Of the parent, before its children part.
const COMMON_EPOCHS: usize = 3;
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f64 = 1e-3;
