#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod alerts;
mod batches;
mod black_box;
mod config;
mod curvature;
#[cfg(feature = "tui")]
mod dashboard;

mod error;
mod evaluate;
mod events;
mod finishing;
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
mod session;
mod slice_spec;
mod snapshot;
mod stop;
mod study;
mod tap;
mod trained;
mod watched;
mod with_loss;
mod words;

pub use alerts::{AlertAction, AlertRules};
pub use batches::{Batches, BatchesFrom};
pub use black_box::BlackBox;
pub use burnscape_landscape as geometry;
pub use burnscape_landscape::curvature::{Optimizer, TraceMethod};
pub use burnscape_landscape::direction::{Biases, Normalisation};
pub use burnscape_trace as trace;
pub use curvature::{LiveCurvature, SharpnessSpec};
pub use error::{Error, Result};
pub use events::EpochEvents;
pub use landscape::{Landscape, Recording, SliceSurface};
pub use lines::Lines;
pub use loss::{BatchLoss, Loss, accuracy, adapted_loss};
pub use measurements::{Level, Measurements};
pub use observe::{CurvatureGauge, Observer};
pub use probe::{Probe, ProbeBuilder, SWITCH};
pub use run::Run;
pub use schedule::{Schedule, SnapshotSchedule};
pub use slice_spec::{BatchNormMode, Direction, Given, Point, SliceSpec, Weights};
pub use snapshot::SnapshotMatrix;
pub use stop::Stopper;
pub use study::{Agreement, InitialAndTrained, ScaleSweep, Sharpness, Study};
pub use tap::tap;
pub use trained::{Bare, Trained, Wrapped};
pub use watched::Watched;
pub use with_loss::WithLoss;
