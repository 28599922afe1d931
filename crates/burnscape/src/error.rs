//! What can go wrong, and what to do about it.

use std::path::PathBuf;

/// Everything that starting, closing and finishing a run can fail with.
///
/// Nothing here ever reaches the training loop: what goes wrong while recording is counted and
/// comes back from [`Probe::finish`](crate::Probe::finish).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run folder or its trace cannot be written or read.
    #[error(transparent)]
    Trace(#[from] burnscape_trace::Error),

    /// The geometry cannot be computed.
    #[error(transparent)]
    Landscape(#[from] burnscape_landscape::Error),

    /// The landscape cannot be drawn in this terminal.
    #[cfg(feature = "tui")]
    #[error(transparent)]
    Terminal(#[from] burnscape_tui::Error),

    /// The page about the run cannot be written.
    #[cfg(feature = "report")]
    #[error(transparent)]
    Page(#[from] burnscape_report::Error),

    /// A setting makes no sense.
    #[error("{setting} = {found} cannot be used: {expected}")]
    Setting {
        /// The builder method.
        setting: &'static str,
        /// What it was given.
        found: String,
        /// What it accepts.
        expected: &'static str,
    },

    /// The model has no float parameter.
    #[error(
        "the watched model has no float parameters, so there is nothing to record; watch the module that owns the layers"
    )]
    NoParameters,

    /// A model whose steps were not recorded, beside the recorded one.
    #[error(
        "this is not the model that was recorded but a second one of the same structure, whose steps were not: give each model a probe of its own, such as `probe.child(\"second\")?`"
    )]
    SecondModel,

    /// No optimizer step was recorded.
    #[error(
        "no optimizer step was recorded in {run}: train through `probe.training(…)` or `probe.observe()`, or the model that `probe.watch(…)` returned, then call `finish`"
    )]
    NothingRecorded {
        /// The run folder.
        run: PathBuf,
    },

    /// A trajectory needs two points.
    #[error(
        "a trajectory takes at least 2 snapshots, and {run} holds {found}: train one epoch or more, or take snapshots with `.snapshot_every_steps(n)`"
    )]
    TooFewSnapshots {
        /// The run folder.
        run: PathBuf,
        /// Distinct snapshots found.
        found: usize,
    },

    /// All snapshots but one, or all, hold NaN or infinite values.
    #[error(
        "{run} holds {snapshots} snapshots, of which {finite} are finite: the training diverged, its weights are NaN or infinite. Train with a smaller learning rate, or take snapshots before it diverges with `.snapshot_every_steps(n)`"
    )]
    Diverged {
        /// The run folder.
        run: PathBuf,
        /// Distinct snapshots.
        snapshots: usize,
        /// Those without NaN and infinite values.
        finite: usize,
    },

    /// Fewer than two runs can be compared.
    #[error("a comparison takes two runs, and of these {fit} will do: {reasons}")]
    NothingToCompare {
        /// Runs that fit.
        fit: usize,
        /// Why the others do not.
        reasons: String,
    },

    /// Nothing would show that a model computes something else once its hidden units are swapped.
    #[error(
        "whether {model} computes the same once its units are swapped cannot be told, since none of its losses on the batches is \
         finite: compare on batches that have one"
    )]
    NothingToProveOn {
        /// Which model.
        model: String,
    },

    /// A model computes something else once its hidden units are swapped.
    #[error(
        "with its units swapped the model has the loss {is} on a batch, and {was} before: the units that write into `{block}` \
         are not connected as it was told; tell `align_with` which layers feed which, residual connections included"
    )]
    NotTheSameFunction {
        /// First block of the group that changes the function by itself; empty if none does.
        block: String,
        /// Loss before.
        was: f64,
        /// Loss with the units swapped.
        is: f64,
    },

    /// The bend of a path was trained at too high a rate.
    #[error(
        "the loss on the bent path or its gradient was not finite after {step} steps: train the bend at a rate below {rate}"
    )]
    BendDiverged {
        /// Steps taken before.
        step: usize,
        /// Learning rate.
        rate: f64,
    },

    /// A model has another structure than the one that was trained.
    #[error(
        "this model is not the one that was recorded: parameter `{path}` is {found} in it and {recorded} in the run; a model of the recorded structure is needed, such as the one that training returned"
    )]
    OtherModel {
        /// The first parameter or buffer that differs.
        path: String,
        /// Shape in the model given, or `missing`.
        found: String,
        /// Shape in the run, or `missing`.
        recorded: String,
    },

    /// The batch source gave nothing.
    #[error(
        "there are no batches: the surface is the loss over a fixed set of batches, so pass at least one to `finish`, or keep a \
         loader that has items with `probe.surface_on(&loader)` for `surface`"
    )]
    NoBatches,

    /// The batch source failed.
    #[error("the batches given to `finish` cannot be read: {reason}")]
    BatchSource {
        /// What the source says.
        reason: String,
    },

    /// One batch has no samples.
    #[error("batch {index} of those given to `finish` holds no samples: leave it out")]
    EmptyBatch {
        /// Position of the batch, from 0.
        index: usize,
    },

    /// Two passes over the batch source differ.
    #[error(
        "the batches given to `finish` differ from pass to pass (loss at the final weights {first} in the first, {second} in the second): \
         a surface over changing data is noise. Give a loader, which is read once, or collect the batches into a Vec"
    )]
    ChangingBatches {
        /// Loss of the first pass.
        first: f64,
        /// Loss of the second pass.
        second: f64,
    },

    /// Two evaluations of the same weights on the same batches differ.
    #[error(
        "the model is random even for inference: the same weights and batches gave the loss {first}, then {second}. \
         Make `InferenceStep::step` draw nothing (burn's Dropout is off there by itself)"
    )]
    RandomModel {
        /// Loss of the first evaluation.
        first: f64,
        /// Loss of the second evaluation.
        second: f64,
    },

    /// The loss at the weights themselves is NaN or infinite.
    #[error(
        "the loss at these weights is {loss}, so it has no slope and no curvature: measure around weights of before training diverged"
    )]
    NonFiniteLoss {
        /// The loss.
        loss: f64,
    },

    /// The curvature of the loss cannot be measured.
    #[error("the curvature of the loss cannot be measured: {reason}")]
    NoCurvature {
        /// Why.
        reason: String,
    },

    /// No block was chosen.
    #[error(
        "no parameter matches {patterns:?}: `*` stands for any characters, and paths are whole ones, such as `{example}`"
    )]
    NothingChosen {
        /// What was to be chosen.
        patterns: Vec<String>,
        /// The first path that there is.
        example: String,
    },

    /// A block that the Hessian is to be restricted to is not there.
    #[error(
        "no parameter is called `{path}` or lies below it: paths are those of the `head` record, such as `{example}`"
    )]
    NoSuchBlock {
        /// What was asked for.
        path: String,
        /// The first path that there is.
        example: String,
    },

    /// Nothing that the Hessian is to be taken over trains.
    #[error("{blocks} can not move, since {why}: there is no curvature to measure along them")]
    NothingTrains {
        /// The blocks in words.
        blocks: String,
        /// Why they cannot.
        why: &'static str,
    },

    /// A slice along an eigenvector that is not known.
    #[error(
        "eigenvector {number} of the Hessian at `{centre}` is not known: call `study.sharpness(…)` around the same point first, with `.largest({number})` or more"
    )]
    NoEigenvector {
        /// The number asked for, from 1.
        number: usize,
        /// The centre of the slice.
        centre: String,
    },

    /// Code of the user's panicked.
    #[error("{what} panicked: {message}; what was measured before is in the trace")]
    Panicked {
        /// Which code.
        what: String,
        /// The message of the panic.
        message: String,
    },

    /// A node could not be measured.
    #[error("at ({alpha}, {beta}): {source}")]
    AtNode {
        /// Coefficient of the first direction.
        alpha: f64,
        /// Coefficient of the second direction.
        beta: f64,
        /// Why.
        source: Box<Error>,
    },

    /// A slice cannot lie around weights that are NaN or infinite.
    #[error(
        "the weights of the {centre} model are not finite, first in `{path}`: a slice needs a finite centre{}",
        hint_of_finite(*finite)
    )]
    NonFiniteCentre {
        /// The centre.
        centre: String,
        /// The first parameter that holds NaN or an infinity.
        path: String,
        /// The last snapshot that is finite.
        finite: Option<u64>,
    },

    /// A direction holds NaN or infinite entries.
    #[error("the direction `{direction}` holds NaN or infinite values, so no slice lies along it")]
    NonFiniteDirection {
        /// The direction.
        direction: String,
    },

    /// A direction moves nothing.
    #[error(
        "the direction `{direction}` is zero, so the loss would be flat along it: every parameter that it \
         may move is frozen, zero, a bias or a norm parameter. Let them move with `.move_frozen(true)` or \
         `.biases(Biases::Filter)`, or choose another direction"
    )]
    ZeroDirection {
        /// The direction.
        direction: String,
    },

    /// Two directions do not span a plane.
    #[error(
        "the directions `{x}` and `{y}` are parallel (cosine {cosine}), so they span no plane: draw the \
         second with another seed, choose another one, or ask for a line"
    )]
    ParallelDirections {
        /// The first direction.
        x: String,
        /// The second direction.
        y: String,
        /// Cosine of the angle between them.
        cosine: f64,
    },

    /// Neither training nor a random direction moves anything.
    #[error(
        "no slice of {run} can be drawn: training moved no parameter, and those that a random direction \
         could move are frozen, zero, biases or norm parameters. Ask for slices of your own with \
         `probe.study(…)`, such as `SliceSpec::random().biases(Biases::Filter)` or `.move_frozen(true)`"
    )]
    NothingMoves {
        /// The run folder.
        run: PathBuf,
    },

    /// The run has no such snapshot.
    #[error("{run} has no snapshot {index}: it has {}", list(available))]
    NoSuchSnapshot {
        /// The number asked for.
        index: u64,
        /// The run folder.
        run: PathBuf,
        /// The numbers that there are.
        available: Vec<u64>,
    },

    /// There are fewer principal components than that.
    #[error(
        "there is no principal component {component}: {snapshots} snapshots have at most {}, counted from 1",
        snapshots - 1
    )]
    NoSuchComponent {
        /// The number asked for.
        component: usize,
        /// Snapshots that are finite.
        snapshots: usize,
    },

    /// The last update was not kept.
    #[error(
        "the last update of the optimizer is not kept in {run}: ask for it before training with `.keep_last_update()`, or take the difference of two snapshots"
    )]
    NoLastUpdate {
        /// The run folder.
        run: PathBuf,
    },

    /// A stopped slice cannot be gone on with.
    #[error(
        "the slice `{slice}` cannot be resumed, since {what}: give the same batches and quantities, in the same order"
    )]
    OtherStudy {
        /// The slice.
        slice: String,
        /// What differs.
        what: String,
    },

    /// The centre of a slice is neither a snapshot of the run nor kept with the slice.
    #[error(
        "the centre `{centre}` of the slice `{slice}` is not in {run}, so no slice beside it can be drawn: measure the slice with this study first"
    )]
    NoSuchCentre {
        /// The slice.
        slice: String,
        /// Its centre.
        centre: String,
        /// The run folder.
        run: PathBuf,
    },

    /// Something that no shard does alone.
    #[error(
        "{what} is not shared out among processes, and this one is shard {shard}: shards measure the slices of a run that was \
         recorded before (`Run::open(…)?.study(…)`, then `slice` or `default_slices`). Do the rest without `BURNSCAPE_SHARD`, \
         once the shards are merged"
    )]
    NotShared {
        /// What was asked for.
        what: &'static str,
        /// The shard.
        shard: String,
    },

    /// A shard that does not fit the plan of the others.
    #[error(
        "this process does not measure `{slice}` as it was planned in {plan}: {what} is {found} here, and was planned to be \
         {planned}. Run the same program on the same run and data, or remove that folder and the traces of its shards to begin \
         anew"
    )]
    OtherPlan {
        /// The slice.
        slice: String,
        /// The folder of the plan, or of the trace that follows another one.
        plan: PathBuf,
        /// What differs.
        what: &'static str,
        /// As it was planned.
        planned: String,
        /// As it is here.
        found: String,
    },

    /// The batches of a further device are not those of the study.
    #[error(
        "the batches for {device} are not those of the study, since {reason}: give the same batches in the same order, on that \
         device, or the same loader"
    )]
    OtherBatches {
        /// The device.
        device: String,
        /// What differs.
        reason: String,
    },

    /// A further device does not work.
    #[error("{device} cannot be used beside the device of the model, leave it out: {source}")]
    UnusableDevice {
        /// The device.
        device: String,
        /// What happened there.
        source: Box<Error>,
    },

    /// A plan of shards cannot be used.
    #[error(
        "the plan {plan} cannot be used: {reason}; remove that folder, and the next shard makes it again"
    )]
    BadPlan {
        /// Its folder.
        plan: PathBuf,
        /// Why.
        reason: String,
    },

    /// Only random slices have others to agree with.
    #[error(
        "the slice `{slice}` is not random, so there are no others like it: agreement is for random directions"
    )]
    NotRandom {
        /// The slice.
        slice: String,
    },

    /// The output type of the model is not one of burn's.
    #[error(
        "burnscape does not know where `{output}` keeps its loss, so there is no loss over steps and no surface: before training, add \
         `probe.loss_of(|output: &{output}| BatchLoss {{ mean: …, samples: … }});`, or \
         `probe.loss_of(burnscape::adapted_loss::<{output}>);` where burn's `LossMetric` reads it"
    )]
    UnknownOutput {
        /// The type of the output.
        output: &'static str,
    },

    /// The model has not the parameters of the recorded run.
    #[error(
        "{file} does not fit the model: parameter `{path}` is {found} in the snapshot, {expected} in the model"
    )]
    SnapshotMismatch {
        /// The snapshot file.
        file: PathBuf,
        /// The parameter.
        path: String,
        /// Shape in the file, or `missing`.
        found: String,
        /// Shape in the model, or `missing`.
        expected: String,
    },

    /// A snapshot file cannot be read.
    #[error(
        "cannot read the snapshot {file}: {reason}; `trace.cbor` alone still draws what was computed before"
    )]
    SnapshotRead {
        /// The snapshot file.
        file: PathBuf,
        /// Why.
        reason: String,
    },

    /// A snapshot, or the directions of a slice, cannot be written.
    #[error("cannot write {file}: {reason}")]
    SnapshotWrite {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },

    /// A tensor could not be read from its device.
    #[error("cannot read a tensor from its device: {reason}")]
    Device {
        /// What burn says.
        reason: String,
    },

    /// Finishing failed, and recording had trouble before.
    #[error("{source}; before that, while recording: {}", problems.join("; "))]
    AfterProblems {
        /// Why finishing failed.
        source: Box<Error>,
        /// What went wrong during training, as sentences.
        problems: Vec<String>,
    },

    /// The writer thread is gone.
    #[error("the recording thread of {run} has died; what it wrote before is whole")]
    RecorderGone {
        /// The run folder.
        run: PathBuf,
    },
}

fn hint_of_finite(finite: Option<u64>) -> String {
    match finite {
        Some(index) => format!(
            ". Snapshot {index} is the last finite one: `.centre(Point::Snapshot({index}))`"
        ),
        None => String::new(),
    }
}

fn list(numbers: &[u64]) -> String {
    match numbers {
        [] => "none".to_string(),
        [one] => format!("only {one}"),
        [first, .., last] => format!("{} of them, {first} to {last}", numbers.len()),
    }
}

impl From<burnscape_landscape::curvature::CurvatureError<Error>> for Error {
    fn from(error: burnscape_landscape::curvature::CurvatureError<Error>) -> Self {
        match error {
            burnscape_landscape::curvature::CurvatureError::Caller(error) => error,
            other => Self::NoCurvature { reason: other.to_string() },
        }
    }
}

impl Error {
    /// Whether two directions were asked for and there is at most one.
    pub(crate) fn spans_no_plane(&self) -> bool {
        matches!(self, Self::ZeroDirection { .. } | Self::ParallelDirections { .. })
    }

    /// Adds the place at which it happened.
    pub(crate) fn at(self, alpha: f64, beta: f64) -> Self {
        Self::AtNode { alpha, beta, source: Box::new(self) }
    }

    /// Adds the problems of the recording to the failure of finishing, unless they are the same.
    pub(crate) fn after(self, problems: &[String]) -> Self {
        let itself = self.to_string();
        let others: Vec<String> = problems.iter().filter(|it| **it != itself).cloned().collect();
        match others.is_empty() {
            true => self,
            false => Self::AfterProblems { source: Box::new(self), problems: others },
        }
    }
}

/// A [`std::result::Result`] with our [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
