#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod alerts;
mod channel;
mod comparison;
mod config;
mod curvature;
mod error;
mod landscape;
mod measure;
mod model;
mod observe;
mod panics;
mod probe;
mod recorder;
mod run;
mod study;

pub use burnscape_landscape as geometry;
pub use burnscape_landscape::curvature::{Optimizer as OptimizerKind, TraceMethod};
pub use burnscape_landscape::direction::{Biases, Normalisation};
pub use burnscape_run as recorded;
pub use burnscape_run::{CompareError, SideBySide, Sides};
pub use burnscape_trace as trace;
pub use comparison::{
    Aligned, BarrierLine, Barriers, BentPath, BentPathSpec, ComparedRun, Comparison, JointPlane,
    Runs,
};
pub use config::alerts::{AlertAction, AlertRules};
pub use config::black_box::BlackBox;
pub use config::measurements::{Level, Measurements};
pub use config::schedule::Schedule;
pub use config::shard::{SHARD_VARIABLE, Shard};
pub use config::study::StudyConfig;
pub use curvature::gauge::LiveCurvature;
pub use curvature::spec::SharpnessSpec;
pub use error::{Error, Result};
pub use landscape::Landscape;
pub use landscape::recording::Recording;
pub use landscape::slice_surface::SliceSurface;
pub use model::loss::{BatchLoss, Loss, accuracy, adapted_loss};
pub use model::point::{Point, Weights};
pub use model::snapshot::SnapshotMatrix;
pub use model::with_loss::WithLoss;
pub use observe::events::ProgressEvents;
pub use observe::lines::Lines;
pub use observe::observer::{CurvatureGauge, Observer};
pub use observe::tap::tap;
pub use observe::watched::Watched;
pub use probe::builder::ProbeBuilder;
pub use probe::trained::{Bare, Trained, Wrapped};
pub use probe::training::Training;
pub use probe::{Probe, SWITCH_VARIABLE};
pub use run::Run;
pub use study::Study;
pub use study::batches::{Batches, BatchesFrom};
pub use study::compare::{Agreement, InitialAndTrained, ScaleSweep};
pub use study::sharpness::Sharpness;
pub use study::slice_spec::{BatchNormMode, Direction, GivenDirection, SliceSpec};
pub use study::stop::Stopper;

/// As [`GivenDirection`].
#[deprecated(since = "0.2.0", note = "it is called `GivenDirection`")]
pub type Given = GivenDirection;

/// As [`OptimizerKind`].
#[deprecated(
    since = "0.2.0",
    note = "it is called `OptimizerKind`, since burn has an `Optimizer` of its own"
)]
pub type Optimizer = OptimizerKind;

/// As [`ProgressEvents`].
#[deprecated(since = "0.2.0", note = "it is called `ProgressEvents`")]
pub type EpochEvents = ProgressEvents;

/// As [`SWITCH_VARIABLE`].
#[deprecated(since = "0.2.0", note = "it is called `SWITCH_VARIABLE`")]
pub const SWITCH: &str = SWITCH_VARIABLE;
