#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod alerts;
mod batches;
mod black_box;
mod config;
#[cfg(feature = "tui")]
mod dashboard;
mod error;
mod evaluate;
mod events;
mod gradient;
mod head;
mod hook;
mod landscape;
mod lines;
mod loss;
mod measure;
mod measurements;
mod model_map;
mod observe;
mod perturb;
mod probe;
mod progress;
mod recalibrate;
mod recorder;
mod run;
mod schedule;
mod slice_spec;
mod snapshot;
mod stop;
mod study;
mod tap;
mod watched;
mod words;

pub use alerts::{AlertAction, AlertRules};
pub use batches::{Batches, BatchesFrom};
pub use black_box::BlackBox;
pub use burnscape_landscape as geometry;
pub use burnscape_landscape::direction::{Biases, Normalisation};
pub use burnscape_trace as trace;
pub use error::{Error, Result};
pub use events::EpochEvents;
pub use landscape::{Landscape, Recording, SliceSurface};
pub use lines::Lines;
pub use loss::{BatchLoss, accuracy};
pub use measurements::{Level, Measurements};
pub use observe::Observer;
pub use probe::{Probe, ProbeBuilder, SWITCH};
pub use run::Run;
pub use schedule::{Schedule, SnapshotSchedule};
pub use slice_spec::{BatchNormMode, Direction, Given, Point, SliceSpec, Weights};
pub use snapshot::SnapshotMatrix;
pub use stop::Stopper;
pub use study::{Agreement, InitialAndTrained, ScaleSweep, Study};
pub use tap::tap;
pub use watched::Watched;
