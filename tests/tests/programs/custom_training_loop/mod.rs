//! A training loop of one's own: forward pass, gradients and optimizer by hand, validation after each epoch.

mod bare;
mod watched;

use super::check::{Expected, Program, Size};
use super::data::{device, image_loaders};
use super::guide::Model;
use super::stand_in as burnscape;
use super::trained::bytes;

pub const PROGRAM: Program = Program {
    name: "custom-training-loop",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 4, train: 512, valid: 64, batch: 64, side: 8, width: 8 },
    full: Size { epochs: 2, train: 4096, valid: 1024, batch: 64, side: 28, width: 32 },
    models: &[Expected::BY_HAND],
};

#[test]
fn custom_training_loop() {
    PROGRAM.check();
}
