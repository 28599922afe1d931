//! A run that was recorded before: its snapshots serve slices long after its training has ended.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::layout::{Block, Filters, Layout};
use burnscape_trace::{Head, Plan, Record, Resumed, RunFolder, Snapshot, Trace, Writer};

use crate::config::Config;
use crate::config::chosen::Chosen;
use crate::config::filters::FilterOverride;
use crate::config::shard::Shard;
use crate::config::study::study_setters;
use crate::model::loss::BatchLoss;
use crate::model::map::ModelMap;
use crate::model::snapshot::{self, SnapshotFile, SnapshotMatrix};
use crate::observe::hook::Hook;
use crate::recorder::earlier::Earlier;
use crate::recorder::{Recorder, head};
use crate::study::Study;
use crate::study::active_recording::{ActiveRecording, error_of};
use crate::study::batches::{Batches, OnChange};
use crate::study::known::RecordedSlices;
use crate::study::means::{Reader, ValueOf};
use crate::study::model_subject::ModelSubject;
use crate::study::open_study::StudyStart;
use crate::study::perturb::at_tensors_shared;
use crate::study::share::Share;
use crate::study::studied_model::StudiedModel;
use crate::{Error, Result};

/// A recorded run.
///
/// # Examples
///
/// ```no_run
/// use burn::module::Module;
/// use burn::train::InferenceStep;
/// use burnscape::{Run, SliceSpec};
///
/// fn wider<M>(model: &M, batches: Vec<<M as InferenceStep>::Input>) -> burnscape::Result<()>
/// where
///     M: InferenceStep + Module,
///     <M as InferenceStep>::Input: Clone,
/// {
///     let mut study = Run::open("runs/digits")?.study(model, &batches)?;
///     study.resume()?; // what was stopped, if anything
///     study.slice(&SliceSpec::random().range(-3.0..=3.0).name("wide"))?;
///     study.finish()?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "call `study` to measure slices"]
pub struct Run {
    folder: RunFolder,
    trace: Trace,
    config: Config,
}

impl Run {
    /// Opens a run by its folder or its `trace.cbor`, for reading.
    ///
    /// # Errors
    ///
    /// If there is no run, it cannot be read, or its format is newer.
    pub fn open(run: impl AsRef<Path>) -> Result<Self> {
        let folder = RunFolder::open(run)?;
        let trace = burnscape_trace::read_run(folder.path())?;
        let config = Config::new(folder.path().to_path_buf());
        let mut run = Self { folder, trace, config };
        if let Some(head) = run.head() {
            run.config.study.seed = head.seed;
        }
        Ok(run)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All records, and what was lost.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What was recorded; without blocks or `None` if the run ended before its first step.
    pub fn head(&self) -> Option<&Head> {
        let heads = self.trace.records.iter().rev();
        heads.clone().find_map(|record| match record {
            Record::Head(head) => Some(head),
            _ => None,
        })
    }

    /// The snapshots on the path of training as one matrix, for
    /// [`geometry::pca`](crate::geometry::pca): no model is needed.
    ///
    /// # Errors
    ///
    /// If a snapshot is missing, damaged, or not of the recorded model.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use burnscape::geometry::pca::{PcaOptions, pca};
    ///
    /// let run = burnscape::Run::open("runs/digits")?;
    /// let options = PcaOptions { components: 3, ..PcaOptions::default() };
    /// println!("{:?}", pca(&mut run.snapshots()?, &options)?.explained());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshots(&self) -> Result<SnapshotMatrix<'static>> {
        let run = || self.folder.path().to_path_buf();
        let head = self.head().filter(|head| !head.blocks.is_empty());
        let head = head.ok_or_else(|| Error::NothingRecorded { run: run() })?;
        let layout = structure_of(head)?;
        let shapes = head.buffers.iter().map(|buffer| lengths(&buffer.shape)).collect::<Vec<_>>();
        let paths = head.buffers.iter().map(|buffer| buffer.path.as_str());
        let buffers = paths.zip(shapes.iter().map(Vec::as_slice));
        let blocks = layout.blocks().iter();
        let blocks = blocks.map(|block| (block.path.as_str(), block.shape.as_slice()));
        let expected: Vec<(&str, &[usize])> = blocks.chain(buffers).collect();
        let mut snapshots = Resumed::of(&self.trace.records).snapshots;
        snapshots.dedup_by(|next, kept| next.file == kept.file);
        let open =
            |it: &Snapshot| SnapshotFile::open_with(&self.folder.resolve(&it.file)?, &expected);
        let files = snapshots.iter().map(open);
        SnapshotMatrix::new(files, Cow::Owned(layout.clone()))
    }

    study_setters!();

    /// Measures a share of every slice, into a trace of its own, beside other processes that measure the others:
    /// `burnscape merge` puts them together. Every node of the share is measured on all samples, whatever budget, tolerance
    /// and samples say. Default: what the variable [`BURNSCAPE_SHARD`](crate::SHARD_VARIABLE) says, else everything.
    pub fn shard(mut self, shard: Shard) -> Self {
        self.config.shard = Some(shard);
        self
    }

    /// Measures what a plan says; see [`ProbeBuilder::plan`](crate::ProbeBuilder::plan).
    pub fn follow(mut self, plan: &Plan) -> Self {
        self.config.plan = Some(plan.clone());
        self
    }

    /// What was going to be measured of the slices that the run holds, as it was told last; `None`: everything.
    pub fn plan(&self) -> Option<&Plan> {
        self.trace.records.iter().rev().find_map(|record| match record {
            Record::Plan(plan) => Some(plan),
            _ => None,
        })
    }

    /// Begins to measure slices of this run, which goes on recording for it.
    ///
    /// `model` gives the structure and the device; its weights are those of the run's last snapshot, whatever
    /// it holds. The loss is found as in [`Probe::finish`](crate::Probe::finish).
    ///
    /// # Errors
    ///
    /// If somebody else is recording the run, the model does not have its parameters, it holds no snapshot,
    /// or the batches do not do.
    pub fn study<'a, M, B>(self, model: &M, batches: &B) -> Result<Study<'a, M>>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        self.begin(model, batches, None)
    }

    /// As [`study`](Self::study), with the loss read out of the output by `loss_of`.
    ///
    /// # Errors
    ///
    /// As [`study`](Self::study).
    pub fn study_with<'a, M, B, F>(self, model: &M, batches: &B, loss_of: F) -> Result<Study<'a, M>>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
        F: Fn(&M::Output) -> BatchLoss + Sync + 'a,
    {
        self.begin(model, batches, Some(Box::new(move |output| Some(loss_of(output).into()))))
    }

    fn begin<'a, M, B>(
        mut self,
        given: &M,
        batches: &B,
        loss_of: Option<ValueOf<'a, M::Output>>,
    ) -> Result<Study<'a, M>>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        self.config.validate()?;
        let begun = self.config.clock.now();
        let model = given.valid();
        let mut map = self.map_of(&model)?;
        let (writer, earlier, share) = self.writer(&map)?;
        map.freeze(&earlier.frozen.at(None));
        let snapshots = earlier.snapshots.clone();
        let (last, model) = self.at_last(&model, &map, &snapshots)?;
        let mut studied = StudiedModel::new(map, earlier.frozen.clone());
        studied.final_snapshot = Some(last.same_as.unwrap_or(last.index));
        if last.reason != "final" {
            studied.final_label = format!("snapshot {}", last.index);
        }
        let parameters = studied.map.layout.len();
        studied.last_update = snapshot::last_update(&self.folder, parameters, &last)?;
        let held = RecordedSlices::of(&self.trace, earlier.studies);
        let reader = Reader::new(loss_of, &Arc::default());
        // A shard looks at plans instead of at what the run holds.
        let share = share.map(|share| share.beside(held.names.clone()));
        let held = if share.is_some() { RecordedSlices::default() } else { held };
        let active = self.reopen(writer, earlier)?;
        let start = StudyStart { begun, studied, snapshots, loss_name: reader.name, held, share };
        let subject = ModelSubject::new(given, model, reader);
        Study::begin(active, start, subject, batches, OnChange::Refuse).map_err(error_of)
    }

    /// What the study is written to: the trace of the run, or the one of a shard beside it, which leaves the run as it is.
    fn writer(&mut self, map: &ModelMap) -> Result<(Writer, Earlier, Option<Share>)> {
        let shard = match self.config.shard {
            Some(shard) => Some(shard),
            None => Shard::of_environment()?,
        };
        let Some(shard) = shard else {
            let (writer, resumed) = Writer::resume(&self.folder)?;
            let mut earlier = Earlier::from(resumed);
            earlier.slices = earlier.slices.max(Share::slices_planned(&self.folder));
            return Ok((writer, earlier, None));
        };
        self.config.study.exact();
        self.config.plan = None;
        let earlier = Earlier::from(Resumed::of(&self.trace.records));
        let head = self.head().cloned().unwrap_or_default();
        let share = Share::new(&self.folder, shard, head::by_this_process(&head, &map.device));
        let writer = share.writer()?;
        Ok((writer, earlier, Some(share)))
    }

    /// The map of the model with what the run knows better: named filters, and what was frozen.
    fn map_of<M: Module>(&self, model: &M) -> Result<ModelMap> {
        let run = || self.folder.path().to_path_buf();
        let head = self.head().filter(|head| !head.blocks.is_empty());
        let head = head.ok_or_else(|| Error::NothingRecorded { run: run() })?;
        let named = self.config.filter_axes.iter().cloned();
        let overrides: Vec<_> = named.chain(head.blocks.iter().filter_map(fixed_filter)).collect();
        let chosen = Chosen(head.patterns.clone());
        let mut map = ModelMap::of(model, &overrides, &chosen)?;
        map.adopt(head)?;
        let is_unknown = |it: &&FilterOverride| map.layout.block(&it.path).is_none();
        if let Some(unknown) = self.config.filter_axes.iter().find(is_unknown) {
            let example = map.paths().first().map_or(String::new(), |path| (*path).to_string());
            return Err(Error::NoSuchBlock { path: unknown.path.clone(), example });
        }
        Ok(map)
    }

    /// The last snapshot, and a model with its tensors.
    fn at_last<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        snapshots: &[Snapshot],
    ) -> Result<(Snapshot, M)> {
        let run = || self.folder.path().to_path_buf();
        let last =
            snapshots.last().ok_or_else(|| Error::TooFewSnapshots { run: run(), found: 0 })?;
        let mut file = SnapshotFile::open(&self.folder.resolve(&last.file)?, map)?;
        let tensors = file.tensors(map)?;
        Ok((last.clone(), at_tensors_shared(model, map, tensors)?))
    }

    fn reopen(self, writer: Writer, earlier: Earlier) -> Result<ActiveRecording> {
        let (config, started) = (self.config, Instant::now());
        let recorder = Recorder::reopen(&config, self.folder, writer, earlier, started)?;
        let hook = Hook::new(config.clone(), recorder.handle.clone(), started);
        Ok(ActiveRecording { config, recorder, hook: hook.into(), is_reopened: true })
    }
}

/// The recorded blocks as far as their places in the vector go.
pub(crate) fn structure_of(head: &Head) -> Result<Layout, burnscape_landscape::Error> {
    Layout::new(head.blocks.iter().map(plain_block).collect())
}

/// A recorded block as far as its place in the vector goes.
fn plain_block(block: &burnscape_trace::Block) -> Block {
    Block::new(&block.path, &block.container, &lengths(&block.shape), None)
}

fn lengths(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&length| length as usize).collect()
}

/// Filters that were named, or are those of a known layer.
fn fixed_filter(block: &burnscape_trace::Block) -> Option<FilterOverride> {
    let axis = block.filter_axis.filter(|_| !block.filter_guessed)?;
    let filters = match block.groups as usize {
        groups @ 2.. => Filters::GroupedAxis1 { groups },
        _ => Filters::Axis(usize::from(axis)),
    };
    Some(FilterOverride { path: block.path.clone(), filters })
}
