//! The records of a trace: what each kind holds, field by field, with units.
//!
//! A record is written as the CBOR array `[kind, {fields}]`. Unknown kinds are kept as
//! [`Record::Unknown`], unknown fields are skipped, so that an old reader survives a newer minor
//! version. Every kind that the format reserves is listed in [`RESERVED_KINDS`].

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::vocabulary::{
    AlertRule, AxisKind, BatchNormMode, BiasMode, BlockRole, CurvatureReason, EndReason,
    HistogramOf, LossSource, LossWeights, Normalisation, SampleUnit, Severity, SnapshotReason,
    Split, StudyKind,
};
use crate::{F32s, F64s, U32s};

/// The version `[major, minor]` that this crate writes.
pub const FORMAT: [u16; 2] = [1, 3];

/// All kinds that format 1.3 knows; 1.0 has no `hyperparameters`, no `frozen` and no `plan`, before 1.2 no `runs`, before
/// 1.3 no `shard`.
pub const RESERVED_KINDS: [&str; 25] = [
    "head",
    "hyperparameters",
    "step",
    "epoch",
    "metric",
    "activation",
    "histogram",
    "alert",
    "blackbox",
    "dropped",
    "frozen",
    "snapshot",
    "trajectory",
    "slice",
    "check",
    "study",
    "plan",
    "nodes",
    "curvature",
    "note",
    "resume",
    "end",
    "progress",
    "runs",
    "shard",
];

/// One item of a trace.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Record {
    /// What is being recorded: written first, repeated at epochs and at the end by the
    /// [`Writer`](crate::Writer), so that damage to one copy costs little. The last one holds.
    Head(Head),
    /// What the training was set to.
    Hyperparameters(Hyperparameters),
    /// One optimizer step.
    Step(Step),
    /// One complete epoch.
    Epoch(Epoch),
    /// Where training is inside an epoch and split, as burn's progress events tell it.
    Progress(Progress),
    /// A value of a metric of the user's, or one that the program told.
    Metric(Metric),
    /// What the values that passed a tap looked like.
    Activation(Activation),
    /// How the values of a gradient, a weight or an activation are spread.
    Histogram(Histogram),
    /// Something went wrong, or looks as if it will.
    Alert(Alert),
    /// What happened just before an alert.
    Blackbox(Blackbox),
    /// How curved the loss is around the weights at one moment.
    Curvature(Curvature),
    /// Step records that were lost because the queue was full.
    Dropped(Dropped),
    /// Other blocks are frozen than before.
    Frozen(Frozen),
    /// A file with all parameters and buffers at one moment.
    Snapshot(Snapshot),
    /// The snapshots in the coordinates of a slice.
    Trajectory(Trajectory),
    /// The provenance of a line or plane on which the loss is evaluated.
    Slice(Slice),
    /// What is going to be measured of some slices.
    Plan(Plan),
    /// Nodes of a slice, measured or interpolated.
    Nodes(Nodes),
    /// Slices that belong together, and what they say about each other.
    Study(Study),
    /// The runs that a comparison is about.
    Runs(Runs),
    /// Which part of a slice this trace holds, by which plan.
    Shard(Shard),
    /// A self-check and how it came out.
    Check(Check),
    /// A sentence for the reader.
    Note(Note),
    /// Recording goes on in a run that had stopped.
    Resume(Resume),
    /// Nothing follows, unless a `resume` does.
    End(End),
    /// A kind that this version does not know; its payload was skipped.
    Unknown {
        /// The kind as written.
        kind: String,
    },
}

/// What is being recorded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Head {
    /// `[major, minor]` of the format.
    pub format: [u16; 2],
    /// Random identifier of the run, 32 hexadecimal digits.
    pub run_id: String,
    /// Start of recording, seconds since 1970-01-01 UTC.
    pub started_unix_secs: f64,
    /// Version of burnscape that wrote the run.
    pub burnscape_version: String,
    /// Version of burn that trained.
    pub burn_version: String,
    /// Device of the parameters, as burn prints it.
    pub device: String,
    /// Element type of the parameters, such as `f32`.
    pub dtype: String,
    /// Seed of our own generator (directions), not of the training.
    pub seed: u64,
    /// Epochs planned, where burn told it.
    pub epochs_planned: Option<u64>,
    /// First epoch of this recording (1, or more after burn's checkpoint); `None`: unknown.
    pub first_epoch: Option<u64>,
    /// Parameter blocks in layout order; columns of `step` records follow this order.
    pub blocks: Vec<Block>,
    /// Buffers (BatchNorm running statistics …): in snapshots, in no direction.
    pub buffers: Vec<Buffer>,
    /// Patterns of the blocks that were chosen to be recorded, `*` for any characters; empty: all blocks of the model are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
}

impl Head {
    /// That of a run that begins now: its format, identity and start.
    #[must_use]
    pub fn of_new_run() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let started_unix_secs = now.map_or(0.0, |since| since.as_secs_f64());
        Self { format: FORMAT, run_id: Self::new_run_id(), started_unix_secs, ..Self::default() }
    }

    /// An identifier of a new run: 32 hexadecimal digits from the standard library's own entropy, so that no random stream
    /// of a program is touched.
    #[must_use]
    pub fn new_run_id() -> String {
        let random = || RandomState::new().hash_one(SystemTime::now());
        format!("{:016x}{:016x}", random(), random())
    }
}

/// What the training was set to, as the program told it. It may be told in parts: of a name that comes again, the
/// last value holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Hyperparameters {
    /// Values by name, each as JSON text, such as `0.001`, `"adam"` or `[64, 10]`. Names of nested settings are
    /// joined by dots (`optimizer.beta_1`). NaN and infinities are the texts `"NaN"`, `"Infinity"`, `"-Infinity"`.
    pub values: BTreeMap<String, String>,
}

/// One parameter tensor of the layout.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Block {
    /// Dotted module path, such as `encoder.0.weight`.
    pub path: String,
    /// Lengths of the dimensions.
    pub shape: Vec<u64>,
    /// What it is for.
    pub role: BlockRole,
    /// Container type burn reports, such as `Linear`.
    pub container: String,
    /// Dimension whose index names a filter; `None`: the whole tensor is one filter.
    pub filter_axis: Option<u8>,
    /// Groups of a grouped transposed convolution, else 1.
    pub groups: u32,
    /// The filter axis is a guess: a tensor of the user's own module.
    pub filter_guessed: bool,
    /// The parameter required no gradient when recording began; each [`Frozen`] tells a change of that.
    pub frozen: bool,
    /// Index of the first element in the flat parameter vector.
    pub offset: u64,
}

/// One buffer: saved in snapshots, never perturbed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Buffer {
    /// Dotted module path.
    pub path: String,
    /// Lengths of the dimensions.
    pub shape: Vec<u64>,
}

/// One optimizer step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Step {
    /// Optimizer steps before this one in the run (0 is the first).
    pub step: u64,
    /// Calls of `TrainStep::step` in the run, this step's included.
    pub batches: u64,
    /// Epoch, counted from 1 as burn does; `None`: unknown.
    pub epoch: Option<u64>,
    /// Batch within the epoch at which the step happened, counted from 1; `None`: unknown.
    pub iteration: Option<u64>,
    /// Batches whose gradients were summed for this step (accumulation × devices).
    pub accumulated: u32,
    /// Seconds since recording started, of this process.
    pub elapsed_secs: f64,
    /// Learning rate, of the first parameter group.
    pub lr: f64,
    /// Training loss: mean over the batches of this step, which count as in an epoch
    /// ([`Epoch::weighted_by`]); `None`: the output has none.
    pub loss: Option<f64>,
    /// Blocks that no gradient reached (frozen, unused): what their `grad_` columns hold, NaN or not,
    /// says nothing, and nothing is wrong.
    pub missing: U32s,
    /// One value per parameter block and quantity; [`columns`](crate::columns) says what each is called,
    /// means, and how blocks are put together.
    pub columns: BTreeMap<String, F32s>,
}

/// One complete epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Epoch {
    /// Number, counted from 1 as burn does.
    pub epoch: u64,
    /// Optimizer steps in the run until its end.
    pub steps: u64,
    /// Calls of `TrainStep::step` in the run until its end.
    pub batches: u64,
    /// Seconds since recording started, of this process.
    pub elapsed_secs: f64,
    /// Mean training loss over the epoch, where known.
    pub train_loss: Option<f64>,
    /// Mean validation loss over the epoch, where known.
    pub valid_loss: Option<f64>,
    /// What batches count by in these means.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub weighted_by: LossWeights,
}

impl Epoch {
    /// What its losses are means by, as in "1.6 by sample"; `None` where it is not told.
    pub fn weighting(&self) -> Option<&'static str> {
        match self.weighted_by {
            LossWeights::Samples => Some("by sample"),
            LossWeights::Tokens => Some("by token"),
            LossWeights::Positions => Some("by position"),
            LossWeights::Entries => Some("by entry"),
            LossWeights::Batches => Some("by batch"),
            LossWeights::Other(_) => None,
        }
    }
}

/// Where training is, told at most a few times a second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Progress {
    /// `train`, `valid`, or `surface` while a slice is evaluated.
    pub split: Split,
    /// Epoch, counted from 1; 0 for `surface`.
    pub epoch: u64,
    /// Items (samples, nodes) done.
    pub done: u64,
    /// Items in all.
    pub total: u64,
    /// Seconds left as estimated by the writer, where it can tell.
    pub eta_secs: Option<f64>,
}

/// A value of a metric, or one that the program told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Metric {
    /// `train`, `valid`, the name of a test, or `own`: the program told the value itself, at any step.
    pub split: Split,
    /// Name, such as `accuracy`.
    pub name: String,
    /// Epoch, counted from 1; 0: unknown.
    pub epoch: u64,
    /// Optimizer steps in the run before it was taken.
    pub step: u64,
    /// The value; NaN and infinities are kept.
    pub value: f64,
}

/// What the values that passed a tap looked like in one training step, over all its calls in that step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Activation {
    /// Name of the tap, such as `fc1.relu`.
    pub tap: String,
    /// Optimizer steps in the run before the one that this batch belongs to.
    pub step: u64,
    /// Calls of `TrainStep::step` in the run, this one included.
    pub batches: u64,
    /// Calls of the tap in the step: devices, and uses of one module.
    pub calls: u32,
    /// Values that passed.
    pub values: u64,
    /// Of these NaN or infinite: they are left out of all that follows.
    pub non_finite: u64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, of the population.
    pub std: f64,
    /// Root mean square.
    pub rms: f64,
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
    /// Share of values that are exactly 0.
    pub zero_share: f64,
    /// Share of values within 0.01 of the bounds of a sigmoid, 0 and 1, where all lie between these, or else of a
    /// tanh, −1 and 1. NaN where some lie beyond, or are exactly 0, as a rectifier gives them and neither of these.
    pub saturated_share: f64,
    /// Units: indices of dimension 1 (channels, features), or 1.
    pub units: u64,
    /// Units that were 0 for every sample of every observation in the window.
    pub dead_units: u64,
    /// Observations in that window so far.
    pub window: u32,
    /// The larger of the distances of mean and standard deviation from those of the first window, in units of
    /// its standard deviation; NaN during the first window.
    pub drift: f64,
}

/// How values are spread, in bins of one octave each.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Histogram {
    /// Whose values they are.
    pub of: HistogramOf,
    /// Number of the parameter block; `None` for an activation.
    pub block: Option<u32>,
    /// Name of the tap, for an activation.
    pub tap: Option<String>,
    /// Optimizer steps in the run before it was taken.
    pub step: u64,
    /// Bin `i` holds values with 2^(first_exponent + i) ≤ |x| < 2^(first_exponent + i + 1). The first holds what
    /// is smaller as well, and the last what is larger.
    pub first_exponent: i16,
    /// Counts of positive values per bin.
    pub positive: U32s,
    /// Counts of negative values per bin; as many bins.
    pub negative: U32s,
    /// Values that are exactly 0.
    pub zeros: u64,
    /// Values that are NaN or infinite.
    pub non_finite: u64,
}

/// Something went wrong, or looks as if it will.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Alert {
    /// The rule that is broken.
    pub rule: AlertRule,
    /// How bad it is.
    pub level: Severity,
    /// Optimizer steps in the run before the one that it concerns.
    pub step: u64,
    /// Epoch, counted from 1; `None`: unknown.
    pub epoch: Option<u64>,
    /// Batch within the epoch, counted from 1; `None`: unknown.
    pub iteration: Option<u64>,
    /// Number of the parameter block that it concerns, the worst if several do.
    pub block: Option<u32>,
    /// Tap that it concerns.
    pub tap: Option<String>,
    /// Blocks or taps that break the rule in this step.
    pub places: u32,
    /// The value that breaks the rule.
    pub value: f64,
    /// What it was held against.
    pub threshold: f64,
    /// What happened, as a sentence.
    pub text: String,
    /// What usually helps, with its source.
    pub advice: String,
}

/// What happened just before an alert, and where training stood.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Blackbox {
    /// Optimizer steps in the run before the one that the alert concerns.
    pub step: u64,
    /// Rule of the alert.
    pub rule: AlertRule,
    /// The last steps, that of the alert included, with everything that was measured in them.
    pub steps: Vec<Step>,
    /// Weights before the update that led here: one step earlier. File relative to the run folder.
    pub previous: Option<String>,
    /// Weights at the alert, before its update.
    pub before: Option<String>,
    /// Weights after its update.
    pub after: Option<String>,
    /// What the optimizer received at the alert.
    pub gradient: Option<String>,
}

/// How curved the loss is around the weights at one moment: eigenvalues λ of the Hessian of the mean loss over
/// a fixed set of batches, with what else was asked for. What was not measured is empty, `None` or 0 probes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Curvature {
    /// Why it was measured.
    pub reason: CurvatureReason,
    /// Optimizer steps before it.
    pub step: u64,
    /// Epochs complete at that moment; `None`: unknown.
    pub epoch: Option<u64>,
    /// The snapshot whose weights these are, where they are one's.
    pub snapshot: Option<u64>,
    /// Seconds since recording started, of this process.
    pub elapsed_secs: f64,
    /// Samples that the loss is averaged over.
    pub samples: u64,
    /// What `samples` counts, if not samples.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub unit: SampleUnit,
    /// Batches that they came in.
    pub batches: u64,
    /// Element type that gradients were computed in.
    pub dtype: String,
    /// The blocks that the Hessian is restricted to; empty: all that train.
    pub blocks: U32s,
    /// Loss there.
    pub loss: f64,
    /// Norm of its gradient.
    pub grad_norm: f64,
    /// Largest eigenvalues, the largest first: algebraically, not by magnitude.
    pub largest: F64s,
    /// By how much each may be off, the error of the products with the Hessian included. The first one's covers the
    /// largest eigenvalue for all but one of a thousand random starts; where a sentence says that it was followed, it is
    /// about some eigenvalue.
    pub largest_error: F64s,
    /// Smallest eigenvalues, the smallest first.
    pub smallest: F64s,
    /// By how much each may be off.
    pub smallest_error: F64s,
    /// Trace of the Hessian: sum of its eigenvalues.
    pub trace: Option<f64>,
    /// Its standard error over probes; `None`: unknown, as with one probe.
    pub trace_stderr: Option<f64>,
    /// Random vectors that the trace is estimated from.
    pub trace_probes: u64,
    /// How eigenvalues are spread.
    pub density: Option<Density>,
    /// Largest eigenvalue of the Hessian restricted to each block of the layout; NaN where not measured.
    pub block_largest: F64s,
    /// By how much each may be off.
    pub block_largest_error: F64s,
    /// Learning rate of that moment.
    pub lr: f64,
    /// The optimizer as it was named, with its constants; empty: not named, which is read as gradient descent.
    pub optimizer: String,
    /// The Hessian is that of the loss in the coordinates of an adaptive optimizer (P⁻¹ᐟ² H P⁻¹ᐟ²).
    pub preconditioned: bool,
    /// `λ · lr` from which on a step overshoots; 2 for gradient descent.
    pub stability_limit: Option<f64>,
    /// Further measures of sharpness.
    pub measures: Vec<Measure>,
    /// Relative error of a product with the Hessian, as the same difference with half the step tells it.
    pub product_error: f64,
    /// Distance of the two gradients of a product from the weights.
    pub product_step: f64,
    /// What it cost, in gradients over all batches.
    pub gradients: u64,
    /// What it took, in seconds.
    pub took_secs: f64,
    /// What can be concluded and what not, as sentences.
    pub sentences: Vec<String>,
}

/// How the eigenvalues of a Hessian are spread: a density over λ whose integral is 1.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Density {
    /// Places, ascending.
    pub eigenvalue: F64s,
    /// Density at each place.
    pub density: F64s,
    /// Its standard error over probes; NaN where unknown.
    pub stderr: F64s,
    /// Standard deviation of the Gaussian that each eigenvalue is drawn as.
    pub width: f64,
    /// Random vectors.
    pub probes: u64,
    /// Steps of Lanczos' iteration from each.
    pub lanczos_steps: u64,
}

/// One measure of sharpness beside the spectrum.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Measure {
    /// What it is, such as `sam`, `keskar`, `average-direction`, `filter-normalised`.
    pub name: String,
    /// Its value; NaN where it is not defined.
    pub value: f64,
    /// Standard error or spread, where there is one.
    pub error: Option<f64>,
    /// Radius that it is taken over, where it has one.
    pub radius: Option<f64>,
    /// Which rescalings leave it unchanged, and what else there is to know, as a sentence.
    pub meaning: String,
}

/// Step records that were lost because the queue was full.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Dropped {
    /// How many since the last such record.
    pub records: u64,
    /// Step after which they are missing.
    pub after_step: u64,
}

/// Other blocks require no gradient than before: the model was frozen or unfrozen in part.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Frozen {
    /// Optimizer steps before the first one of which this holds.
    pub step: u64,
    /// Numbers of all blocks that are frozen from there on.
    pub blocks: U32s,
}

/// A file with all parameters and buffers at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Snapshot {
    /// Number in the run; 0 is the initial model.
    pub index: u64,
    /// Why it was taken.
    pub reason: SnapshotReason,
    /// Epochs complete at that moment; `None`: unknown.
    pub epoch: Option<u64>,
    /// Optimizer steps before it.
    pub step: u64,
    /// File name relative to the run folder.
    pub file: String,
    /// Size of the file.
    pub bytes: u64,
    /// CRC-32 (IEEE) of the file.
    pub crc32: u32,
    /// An earlier snapshot with exactly the same values, of which this names the same file.
    pub same_as: Option<u64>,
    /// Numbers of earlier snapshots whose files were deleted when this one was stored, so that a long run keeps few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<u64>,
    /// Since they were, every so many-th of the snapshots that are due is kept; `None`: none was given up with this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stride: Option<u64>,
    /// In a comparison the run that it is of, by its place in [`Runs::runs`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// Element type that parameters are rounded to, such as `f16`; `None`: they are stored as they were trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
}

/// One further quantity that is measured at the nodes of a slice, beside the loss.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Layer {
    /// What it is, such as `accuracy` or `valid loss`.
    pub name: String,
    /// Value at the centre.
    pub centre: f64,
    /// Samples that it is averaged over.
    pub samples: u64,
    /// What `samples` counts, if not samples.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub unit: SampleUnit,
    /// Batches that they came in.
    pub batches: u64,
}

/// One axis of a slice: nodes lie at `(first + i) · spacing`, so 0 is always a node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Axis {
    /// What the direction is, such as `PC 1` or `random 1`.
    pub label: String,
    /// How it was made.
    pub kind: AxisKind,
    /// Multiple of `spacing` at which the first node lies (negative or 0).
    pub first: i64,
    /// Number of nodes.
    pub count: u64,
    /// Distance of neighbouring nodes, in units of the direction.
    pub spacing: f64,
    /// Euclidean length of the direction.
    pub direction_norm: f64,
    /// Seed of a random direction.
    pub seed: Option<u64>,
    /// Share of the explained variance of a principal component.
    pub explained: Option<f64>,
    /// Number of a principal component, counted from 1; `None` of other directions, and before format 1.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<u64>,
}

impl Axis {
    /// Number of the principal component, counted from 1, that the direction is; `None`: it is none. Before format 1.2
    /// only the label tells it.
    #[must_use]
    pub fn principal_component(&self) -> Option<usize> {
        let of_label = || self.label.strip_prefix("PC ")?.parse().ok();
        let told = self.component.map(usize::try_from).and_then(Result::ok);
        told.or_else(of_label).filter(|number| self.kind == AxisKind::Pca && *number > 0)
    }
}

/// The provenance of a line or plane on which the loss is evaluated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Slice {
    /// Number in the run.
    pub slice: u32,
    /// Short name, such as `pca` or `random`.
    pub name: String,
    /// Where (0, 0) lies: `final`, `initial`, `best`, `snapshot N` or `given`.
    pub centre: String,
    /// The snapshot whose parameters and buffers the centre has; `None`: it is none of the run's.
    pub centre_snapshot: Option<u64>,
    /// First axis (α, drawn to the right).
    pub x: Axis,
    /// Second axis (β, drawn upwards); `None`: a line.
    pub y: Option<Axis>,
    /// To what random directions are scaled.
    pub normalisation: Normalisation,
    /// What biases and norm parameters do.
    #[serde(deserialize_with = "word_or_flag")]
    pub biases: BiasMode,
    /// Frozen parameters move as well.
    pub moves_frozen: bool,
    /// The second direction was made orthogonal to the first.
    pub orthogonalised: bool,
    /// Cosine of the angle between the directions.
    pub cosine: Option<f64>,
    /// Euclidean length of the centre.
    pub centre_norm: f64,
    /// Loss at the centre.
    pub centre_loss: f64,
    /// Share of ‖d‖² per block, first and second direction.
    pub shares: Vec<F64s>,
    /// Samples that the loss is averaged over.
    pub samples: u64,
    /// What `samples` counts, if not samples.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub unit: SampleUnit,
    /// Batches of the fixed set.
    pub batches: u64,
    /// Which samples these are: `targets ` and 16 hexadecimal digits, a hash of the targets of its batches where outputs hold
    /// them, else `name ` and what the program called them; empty: unknown. Equal ones are of the same samples in the same
    /// batches.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
    /// What BatchNorm normalises with.
    pub batchnorm: BatchNormMode,
    /// Element type the loss was computed in.
    pub dtype: String,
    /// Device the loss was computed on.
    pub device: String,
    /// What the loss is.
    pub loss: LossSource,
    /// Further quantities measured at the same nodes, in the order of [`Nodes::layers`].
    pub layers: Vec<Layer>,
    /// Adaptive evaluation: nodes that interpolation gives to this share of the range of losses are
    /// interpolated and flagged; `None`: every node is measured.
    pub tolerance: Option<f64>,
    /// The study that this slice belongs to.
    pub study: Option<u32>,
    /// File with centre and directions relative to the run folder, where written.
    pub directions: Option<String>,
    /// Patterns of the blocks that were chosen to move, `*` for any characters; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
}

/// The snapshots in the coordinates of a slice, one entry per snapshot. It may be told again: the last one
/// of a slice holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trajectory {
    /// Slice whose coordinates these are; `None`: a path told while training goes on, in the principal
    /// components of the snapshots until then, about their mean.
    pub slice: Option<u32>,
    /// Snapshot numbers; empty on a path that no training took, such as a bent path between two models.
    pub snapshots: U32s,
    /// In a comparison the entries, counted from 0, at which the path of another run begins, the first among them;
    /// empty: all are of one run.
    #[serde(skip_serializing_if = "has_none")]
    pub starts: U32s,
    /// Epoch at each snapshot, NaN where unknown.
    pub epochs: F64s,
    /// First coordinate, in units of the first direction.
    pub x: F64s,
    /// Second coordinate, in units of the second direction; empty on a line.
    pub y: F64s,
    /// Distance from the plane or line, in the units of the parameters.
    pub out_of_plane: F64s,
    /// Its share of the squared distance from the centre; NaN or 0 at the centre.
    pub out_of_plane_share: F64s,
    /// Loss at the snapshot; empty while not all are evaluated, NaN where none is going to be.
    pub loss: F64s,
    /// Loss at its projection onto the plane; empty while not all are evaluated, NaN where none is going to be.
    pub loss_on_plane: F64s,
    /// Entries of this path, counted from 0, at which losses are evaluated; empty: at all.
    #[serde(skip_serializing_if = "has_none")]
    pub loss_at: U32s,
    /// Explained variance ratio of the components, largest first (PCA slices).
    pub explained: F64s,
    /// The same for a random walk of as many equal steps.
    pub random_walk: F64s,
    /// The same for a random walk with the measured step lengths.
    pub random_walk_measured: F64s,
    /// A component of the slice carries no variance (straight or two-point trajectory): that of the axis
    /// whose [`explained`](Axis::explained) is 0.
    pub degenerate: bool,
    /// How far rounding to the element type of its file may have moved a snapshot, in the units of the parameters; `None`:
    /// none was rounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounding: Option<f64>,
}

impl Snapshot {
    /// Leaves out of earlier snapshots those that were given up when this one was stored.
    pub fn forget_given_up(&self, earlier: &mut Vec<Snapshot>) {
        if !self.given_up.is_empty() {
            let given_up: BTreeSet<u64> = self.given_up.iter().copied().collect();
            earlier.retain(|it| !given_up.contains(&it.index));
        }
    }
}

impl Trajectory {
    /// Whether the losses of this entry, counted from 0, were evaluated: then NaN is what came out.
    #[must_use]
    pub fn has_loss_at(&self, entry: usize) -> bool {
        let is_told =
            self.loss_at.is_empty() || self.loss_at.iter().any(|&it| it as usize == entry);
        is_told && entry < self.loss.len()
    }
}

impl Trajectory {
    /// The entries of each run, one after the other: all of them where there is only one.
    #[must_use]
    pub fn runs(&self) -> Vec<std::ops::Range<usize>> {
        let count = self.x.len();
        let mut bounds: Vec<usize> = self.starts.iter().map(|&start| start as usize).collect();
        // What a damaged or foreign trace claims stays within what there is.
        bounds.retain(|&start| 0 < start && start < count);
        bounds.sort_unstable();
        bounds.dedup();
        bounds.insert(0, 0);
        bounds.push(count);
        bounds.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }
}

fn has_none(numbers: &U32s) -> bool {
    numbers.is_empty()
}

/// What is going to be measured of some slices: told before their nodes, decided once. The same plan on the
/// same run gives the same bits, however long it takes. The last one that names a slice holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Plan {
    /// The slices, those that the first ones are compared with behind them.
    pub slices: Vec<u32>,
    /// The time that it was made for, in seconds; `None`: as long as it takes.
    pub budget_secs: Option<f64>,
    /// Batches that losses are means over, by their place among all of the fixed set, counted from 0; empty:
    /// all.
    pub batches: U32s,
    /// Batches of the fixed set.
    pub of_batches: u64,
    /// Numbers of the snapshots that the path of training is made of; empty: all.
    #[serde(skip_serializing_if = "is_all")]
    pub snapshots: U32s,
    /// Nodes that interpolation gives to this share of the range of losses are interpolated and flagged;
    /// `None`: none is.
    pub tolerance: Option<f64>,
    /// Nodes that are measured of each slice at most, those of the further planes apart; `None`: as many as
    /// it takes.
    pub most_nodes: Option<u64>,
    /// Further random planes that the random plane is compared with.
    pub agreement: u64,
    /// Nodes of each of these at most; `None`: the usual coarse grid.
    pub agreement_nodes: Option<u64>,
    /// The true losses on the path of training are measured.
    pub true_losses: bool,
    /// What all nodes on all samples would take, in seconds, estimated from the first ones.
    pub exact_secs: Option<f64>,
    /// The same as a sentence.
    pub text: String,
}

impl Plan {
    /// Whether every node is measured, on all batches of the fixed set, and all snapshots are read.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let is_everywhere = self.tolerance.is_none() && self.most_nodes.is_none();
        is_everywhere && self.batches.is_empty() && self.snapshots.is_empty()
    }
}

fn is_all(numbers: &U32s) -> bool {
    numbers.is_empty()
}

/// Values of one [`Layer`] at the nodes of a tile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LayerNodes {
    /// Mean over samples; NaN and infinities are kept.
    pub value: F64s,
    /// Standard error over batches; NaN where unknown.
    pub stderr: F64s,
}

/// Nodes of a slice: a tile of values, in any order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Nodes {
    /// Slice they belong to.
    pub slice: u32,
    /// Row-major node numbers, `iy · x.count + ix`.
    pub index: U32s,
    /// Mean loss over samples; NaN and infinities are kept.
    pub loss: F64s,
    /// Standard error over batches; NaN where unknown (one batch).
    pub stderr: F64s,
    /// Further quantities, in the order of [`Slice::layers`].
    pub layers: Vec<LayerNodes>,
    /// These nodes were not measured but filled in from measured ones; a later measurement replaces
    /// them.
    pub interpolated: bool,
}

/// Slices that belong together, and what they say about each other. It is told before they are measured and
/// again after: the last one of a number holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Study {
    /// Number in the run.
    pub study: u32,
    /// What they have to do with each other.
    pub kind: StudyKind,
    /// The slices, the one that is drawn first.
    pub slices: Vec<u32>,
    /// Lowest finite loss over all slices: one end of their common scale.
    pub lowest: Option<f64>,
    /// Highest finite loss over all slices: its other end.
    pub highest: Option<f64>,
    /// Numbers per slice, in the order of `slices`, NaN where one is undefined; by name, such as
    /// `convexity`, `doubling_radius`, `largest_curvature`, with `curvature_error` by how much curvatures may be off.
    pub measures: BTreeMap<String, F64s>,
    /// What can be concluded, as sentences.
    pub sentences: Vec<String>,
}

/// The runs that a comparison is about, told once at its beginning.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Runs {
    /// In the order in which they are compared.
    pub runs: Vec<ComparedRun>,
}

/// One of the runs that a comparison is about.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ComparedRun {
    /// What it is called in the comparison.
    pub name: String,
    /// Its folder, relative to that of the comparison, with `/` between its parts; absolute where there is no way.
    pub path: String,
    /// Its [`Head::run_id`].
    pub run_id: String,
    /// What is to be known of it, such as that it still trains, as sentences.
    pub remarks: Vec<String>,
    /// The side that it is on, where runs that differ in their seeds stand together; empty: it is one by itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub side: String,
    /// Numbers of it by name, such as `valid_loss` or `lambda_max`; what is unknown is left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
}

/// Which part of a slice a trace holds, by which plan. It stands in the traces below `shards/` of a run, and nowhere else;
/// the versions that measured are those of the head before it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Shard {
    /// The slice that is shared out, by its number in the run.
    pub slice: u32,
    /// Which shard, counted from 1; 0 in the plan itself.
    pub index: u32,
    /// Of how many; 0 in the plan itself.
    pub count: u32,
    /// Fingerprint of the plan, 32 hexadecimal digits.
    pub plan: String,
    /// Fingerprint of the parameters and buffers at the centre, 32 hexadecimal digits.
    pub weights: String,
    /// The loss of each batch at the centre, which tells batches apart: bit for bit the same on equal hardware.
    pub batches: F64s,
}

/// A self-check and how it came out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Check {
    /// Slice it concerns, if one.
    pub slice: Option<u32>,
    /// What was checked, such as `centre-twice`.
    pub name: String,
    /// It holds.
    pub passed: bool,
    /// What was found, as a sentence.
    pub detail: String,
}

/// A sentence for the reader.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Note {
    /// How much it matters.
    pub level: Severity,
    /// The sentence.
    pub text: String,
}

/// Recording goes on in a run that had stopped.
///
/// It may go on from an earlier point than the last record, such as the checkpoint of an epoch. What was
/// recorded before belongs to a path that training has left, and readers leave it out, where its `step` is
/// at or behind `steps` (steps, activations, histograms, alerts, black boxes, `frozen`), or where its `steps` or
/// `step` is behind it (epochs, metrics, snapshots, live curvature).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Resume {
    /// When the process that goes on began, in seconds since 1970-01-01 UTC: two resumes with the same one are one process,
    /// which learnt later from which checkpoint training goes on.
    pub resumed_unix_secs: f64,
    /// Optimizer steps before the next one.
    pub steps: u64,
    /// `TrainStep::step` calls before the next one.
    pub batches: u64,
    /// Bytes of a torn tail that were cut off.
    pub truncated_bytes: u64,
}

/// Nothing follows, unless a `resume` does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// Optimizer steps recorded.
    pub steps: u64,
    /// Step records lost to a full queue.
    pub dropped: u64,
    /// Seconds since recording started, of this process.
    pub elapsed_secs: f64,
    /// The records before this one, since format 1.2: a writer fills it in. Whoever counts others misses some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

/// The records of a trace up to a place in it. Two traces of equal tallies hold the same records in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// How many.
    pub records: u64,
    /// CRC-32 of their checksums, one after the other, each as the 4 bytes that stand in its frame.
    pub crc32: u32,
}

/// The first traces only said whether biases were moved.
fn word_or_flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BiasMode, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Word(BiasMode),
        Flag(bool),
    }
    Ok(match Told::deserialize(deserializer)? {
        Told::Word(word) => word,
        Told::Flag(true) => BiasMode::Moved,
        Told::Flag(false) => BiasMode::Ignored,
    })
}

/// A record, or a part of one, of some of its fields: the others are as by default, or as in another one.
///
/// Records gain fields in minor versions of the format, so that they cannot be written as literals elsewhere.
///
/// ```
/// use burnscape_trace::{Severity, Step, Note, record};
///
/// let first = record!(Step { step: 0, lr: 0.1, loss: Some(2.5) });
/// let second = record!(Step { step: 1, ..first.clone() });
/// assert_eq!((second.lr, second.batches), (0.1, 0));
/// let note = record!(Note { level: Severity::Info, text: "It fell.".into() });
/// ```
#[macro_export]
macro_rules! record {
    ($kind:path { $($field:ident $(: $value:expr)?),* $(, ..$base:expr)? $(,)? }) => {{
        #[allow(unused_mut, reason = "without fields")]
        let mut record: $kind = $crate::record!(@first $($base)?, ::std::default::Default::default());
        $(record.$field = $crate::record!(@first $($value)?, $field);)*
        record
    }};
    (@first , $otherwise:expr) => { $otherwise };
    (@first $given:expr, $otherwise:expr) => { $given };
}
