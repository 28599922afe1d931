#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod batches;
mod config;
mod error;
mod evaluate;
mod events;
mod finish;
mod head;
mod hook;
mod landscape;
mod lines;
mod loss;
mod measure;
mod model_map;
mod perturb;
mod probe;
mod progress;
mod recorder;
mod schedule;
mod snapshot;
mod watched;
mod words;

pub use batches::{Batches, BatchesFrom};
pub use burnscape_landscape as geometry;
pub use burnscape_trace as trace;
pub use error::{Error, Result};
pub use events::EpochEvents;
pub use landscape::{Landscape, Recording, SliceSurface};
pub use lines::Lines;
pub use loss::BatchLoss;
pub use probe::{Probe, ProbeBuilder, SWITCH};
pub use schedule::SnapshotSchedule;
pub use watched::Watched;
