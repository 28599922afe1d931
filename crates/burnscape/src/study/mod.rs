//! A study: slices of the landscape of one run, measured around its models and kept in its trace.
//!
//! `plan` (directions, range, provenance) → `measure_all` (nodes) → the trace and a [`SliceSurface`].

mod centres;
mod compare;
mod defaults;
mod directions;
mod eigenvalue_map;
mod look;
mod offending;
mod outlook;
mod pace;
mod planes;
mod quantities;
mod reading;
mod resume;
mod rounds;
mod settings;
mod sharpness;
mod surfaces;
mod time;
mod trajectory;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::budget::evenly;
use burnscape_landscape::grid::Grid;
use burnscape_trace::{Check, Note, Record, Snapshot, record};

use crate::batches::Batches;
use crate::clock::Deadline;
use crate::frozen::FrozenHistory;
use crate::landscape::{Landscape, Recording, SliceSurface};
use crate::loss::{BatchLoss, Loss};
use crate::model_map::{self, ModelMap};
use crate::probe::Active;
use crate::recorder::{Control, Report, WeightsAt};
use crate::run::Run;
use crate::slice_spec::{Direction, Given, Point, SliceSpec, Weights, WeightsOf};
use crate::snapshot;
use crate::stop::Stopper;
use crate::{Error, Result};

pub use compare::{Agreement, InitialAndTrained, ScaleSweep};
pub(crate) use quantities::{Means, Quantities, Quantity, Reader, ValueOf, count_samples};
pub(crate) use resume::KnownSlice;
pub(crate) use settings::{Budget, StudySettings};
pub use sharpness::Sharpness;

use centres::Centre;
use look::Looked;
use pace::Pace;
use quantities::LOSS;
pub(crate) use quantities::panicked;
use trajectory::Geometry;

/// Slices of the loss landscape around the models of one run.
///
/// It comes from [`Probe::study`](crate::Probe::study) right after training, or from
/// [`Run::study`](crate::Run::study) for a run whose training ended in another process. Every slice goes to
/// the trace of the run while it is measured. Call [`finish`](Self::finish) at the end.
///
/// From a disabled probe it does nothing: slices come back with no node measured.
#[must_use = "measure slices with it, then call `finish`"]
pub struct Study<'a, M: InferenceStep> {
    survey: Option<Box<Survey<'a, M>>>,
}

/// A study that is switched on.
pub(crate) struct Survey<'a, M: InferenceStep> {
    active: Active,
    map: ModelMap,
    /// The model as the user gave it: shares its state with theirs.
    given: M,
    /// Its bytes when the study began.
    fingerprint: Result<Vec<u8>, String>,
    /// The model that slices lie around unless they say otherwise, in inference mode, with state of its own.
    model: M,
    final_label: String,
    /// The snapshot that has its tensors.
    final_snapshot: Option<u64>,
    quantities: Quantities<'a, M::Input, M::Output>,
    loss_name: &'static str,
    /// Snapshots in order; one that repeats the one before it counts once.
    snapshots: Vec<Snapshot>,
    all_snapshots: Vec<Snapshot>,
    /// Numbers of those that are read, once that was decided; none: all.
    read: Option<Vec<u32>>,
    geometry: Option<Geometry>,
    /// Which blocks were frozen when; the map has the flags of the end.
    frozen: FrozenHistory,
    /// By the number of the snapshot.
    true_losses: BTreeMap<u64, f64>,
    centres: Vec<(Point, Rc<Centre<M>>)>,
    last_update: Option<Vec<f32>>,
    paces: [Option<Pace>; 2],
    /// The loss of the model as it was given, on the batches that were looked at.
    looked_at: Option<Looked>,
    stopper: Stopper,
    /// When the budget of what goes on now is spent, and how much was spent before.
    deadline: Deadline,
    spent: Duration,
    /// What of it is kept for what comes later.
    reserve: Duration,
    /// What it takes to end the study.
    closing: Duration,
    /// What is measured of the slices that are started now, if that was decided.
    plan: Option<burnscape_trace::Plan>,
    /// The plan as it was told last, of all slices that it named.
    told_plan: Option<burnscape_trace::Plan>,
    /// How far the default slices came, and how to go on.
    outlook: Option<String>,
    next_slice: u32,
    next_study: u32,
    names: Vec<String>,
    slices: Vec<SliceSurface>,
    studies: Vec<burnscape_trace::Study>,
    curvatures: Vec<burnscape_trace::Curvature>,
    /// Eigenvectors of the Hessian, by the point that they are at.
    eigenvectors: Vec<sharpness::Eigenvectors>,
    /// Further sentences of the summary.
    remarks: Vec<String>,
    /// All slices of the run, and how far each is measured.
    known: Vec<KnownSlice>,
    /// All studies of the run, the last of each number.
    known_studies: Vec<burnscape_trace::Study>,
}

/// What a study begins with, beside the run.
pub(crate) struct Beginning<'a, M: InferenceStep> {
    /// When it was asked for, by the clock of the study.
    pub begun: Duration,
    pub map: ModelMap,
    pub given: M,
    /// Snapshots of the run, as recorded.
    pub snapshots: Vec<Snapshot>,
    pub final_snapshot: Option<u64>,
    pub final_label: String,
    pub frozen: FrozenHistory,
    pub reader: Reader<'a, M::Output>,
    pub last_update: Option<Vec<f32>>,
    pub next_study: u32,
    pub told: Told,
}

/// What the run holds of slices already.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub names: Vec<String>,
    pub slices: Vec<KnownSlice>,
    /// The last of each number.
    pub studies: Vec<burnscape_trace::Study>,
}

impl<'a, M> Study<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    pub(crate) fn disabled() -> Self {
        Self { survey: None }
    }

    pub(crate) fn of(survey: Survey<'a, M>) -> Self {
        Self { survey: Some(Box::new(survey)) }
    }

    /// Measures one more quantity at every node of the slices that follow, such as an accuracy: `of` reads its
    /// mean over one batch out of the model's output. It becomes a layer of each slice, and is averaged over
    /// samples as the loss is.
    pub fn measure(
        &mut self,
        name: impl Into<String>,
        of: impl Fn(&M::Output) -> BatchLoss + Sync + 'a,
    ) -> &mut Self {
        self.measure_over(name, move |output| of(output).into())
    }

    /// As [`measure`](Self::measure), for a mean over something else than samples, such as the share of tokens that are
    /// foretold.
    pub fn measure_over(
        &mut self,
        name: impl Into<String>,
        of: impl Fn(&M::Output) -> Loss + Sync + 'a,
    ) -> &mut Self {
        if let Some(survey) = &mut self.survey {
            let of: ValueOf<'a, M::Output> = Box::new(move |output| Some(of(output)));
            survey.quantities.quantities.push(Quantity { name: name.into(), of });
            survey.forget_measurements();
        }
        self
    }

    /// Measures everything on one more set of batches as well, such as validation data: its layers are called
    /// `name loss` and so on.
    ///
    /// # Errors
    ///
    /// As [`Probe::finish`](crate::Probe::finish) says about batches.
    pub fn also_on<B>(&mut self, name: impl Into<String>, batches: &B) -> Result<&mut Self>
    where
        B: Batches<M::Input> + ?Sized,
    {
        if let Some(survey) = &mut self.survey {
            let name = Some(name.into());
            survey.within_budget(|it| it.add_batches(name, batches, OnChange::Refuse))?;
        }
        Ok(self)
    }

    /// Measures a slice.
    ///
    /// It may be stopped early, see [`stopper`](Self::stopper): then some nodes are not measured, and
    /// [`resume`](Self::resume) measures them.
    ///
    /// # Errors
    ///
    /// If the slice makes no sense (a direction that is zero, two that are parallel, a range of width 0, a
    /// centre that is not finite, a snapshot that is not there), or a loss cannot be computed; what was
    /// measured before is in the trace.
    pub fn slice(&mut self, spec: &SliceSpec) -> Result<SliceSurface> {
        let Some(survey) = &mut self.survey else {
            return nothing_measured(spec);
        };
        survey.within_budget(|survey| {
            let plan = survey.plan(spec)?;
            let surface = survey.measure_all(vec![plan])?.remove(0);
            let directions = [Some(&spec.x), spec.y.as_ref()];
            survey.compare_with_eigenvalues(directions, &spec.centre, &surface);
            survey.keep(&surface);
            Ok(surface)
        })
    }

    /// Measures the slices that `finish` gives without being asked: the plane of the first two principal
    /// components, a random plane, and how typical that one is among others. What the run holds of them
    /// already, measured in the same way, is gone on with and not measured again.
    ///
    /// # Errors
    ///
    /// As [`Probe::finish`](crate::Probe::finish).
    pub fn default_slices(&mut self) -> Result<()> {
        match &mut self.survey {
            Some(survey) => survey.within_budget(Survey::default_slices),
            None => Ok(()),
        }
    }

    /// Goes on with all slices of the run that were stopped before all their nodes were measured, also in an
    /// earlier process; the result is bit for bit that of an evaluation that was never stopped. Each call has
    /// the whole time budget. Slices that were begun with other batches, quantities or files than this study
    /// has are left out and noted in the run; studies of which slices are measured now are told again.
    ///
    /// # Errors
    ///
    /// If none of the slices can be gone on with, or a loss cannot be computed.
    pub fn resume(&mut self) -> Result<Vec<SliceSurface>> {
        match &mut self.survey {
            Some(survey) => {
                survey.refill();
                survey.within_budget(Survey::resume)
            }
            None => Ok(Vec::new()),
        }
    }

    /// The same random slice around the initial and around the trained model: the same draw (by seed),
    /// normalised to each model's own weights, and one scale for both.
    ///
    /// # Errors
    ///
    /// As [`slice`](Self::slice).
    pub fn initial_and_trained(&mut self, spec: &SliceSpec) -> Result<InitialAndTrained> {
        match &mut self.survey {
            Some(survey) => survey.within_budget(|survey| survey.initial_and_trained(spec)),
            None => {
                let (initial, trained) = (nothing_measured(spec)?, nothing_measured(spec)?);
                Ok(InitialAndTrained::new(initial, trained))
            }
        }
    }

    /// Whether a random slice is typical: the same surface, on a coarse grid, for `planes` further seeds, with
    /// the spread of convexity, of the distance at which the loss doubles and of the curvature.
    ///
    /// `shown` is a slice of this study along random directions.
    ///
    /// # Errors
    ///
    /// [`Error::NotRandom`] if it is not; else as [`slice`](Self::slice).
    pub fn agreement(&mut self, shown: &SliceSurface, planes: usize) -> Result<Agreement> {
        match &mut self.survey {
            Some(survey) => survey.within_budget(|survey| survey.agreement(shown, planes)),
            None => Ok(Agreement::default()),
        }
    }

    /// One slice at several ranges: each of `factors` times the range that it has by itself.
    ///
    /// # Errors
    ///
    /// As [`slice`](Self::slice).
    pub fn scale_sweep(&mut self, spec: &SliceSpec, factors: &[f64]) -> Result<ScaleSweep> {
        match &mut self.survey {
            Some(survey) => survey.within_budget(|survey| survey.scale_sweep(spec, factors)),
            None => Ok(ScaleSweep::default()),
        }
    }

    /// The loss along the updates that led into alerts, where the
    /// [black box](crate::ProbeBuilder::black_box) kept weights: was the step too long, or the direction bad? Two
    /// lines for each alert: the update before its step, and that of the step itself.
    ///
    /// # Errors
    ///
    /// As [`slice`](Self::slice); also if the files of a black box are damaged.
    pub fn offending_updates(&mut self) -> Result<Vec<SliceSurface>> {
        match &mut self.survey {
            Some(survey) => survey.within_budget(Survey::offending_updates),
            None => Ok(Vec::new()),
        }
    }

    /// A point at another model of the same structure, for instance one read from a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::OtherModel`] naming the first parameter that differs.
    pub fn point(&self, label: impl Into<String>, model: &M) -> Result<Point> {
        let Some(survey) = &self.survey else {
            return Ok(Point::Final);
        };
        let model = model.valid();
        survey.map.check_model(&model)?;
        let tensors = model_map::read_tensors(&model, &survey.map)?;
        Ok(Point::Weights(Weights(WeightsOf { label: label.into(), tensors }.into())))
    }

    /// What asks a running evaluation to stop, from another thread or from a signal handler.
    ///
    /// While a surface is measured, Ctrl-C and, with the feature `tui`, the key `q` in the terminal do the
    /// same; a second Ctrl-C ends the program.
    pub fn stopper(&self) -> Stopper {
        self.survey.as_ref().map(|survey| survey.stopper.clone()).unwrap_or_default()
    }

    /// How long the nodes of a slice will take, from some of them that are measured for it: at most, where it is
    /// adaptive, and no longer than what is left of the budget.
    ///
    /// # Errors
    ///
    /// As [`slice`](Self::slice).
    pub fn estimate(&mut self, spec: &SliceSpec) -> Result<Duration> {
        let Some(survey) = &mut self.survey else {
            return Ok(Duration::ZERO);
        };
        survey.within_budget(|survey| {
            let plan = survey.plan_with(spec, true)?;
            let pace = survey.pace(&plan)?;
            let takes = Duration::from_secs_f64(survey.node_secs(pace) * plan.grid.len() as f64);
            Ok(survey.deadline.left().map_or(takes, |left| takes.min(left)))
        })
    }

    /// The paths of the parameters with their shapes, in the order of the entries of a direction.
    pub fn layout(&self) -> Option<&burnscape_landscape::layout::Layout> {
        self.survey.as_ref().map(|survey| &survey.map.layout)
    }

    /// Checks that the model is as it was, and ends the run.
    ///
    /// # Errors
    ///
    /// [`Error::RecorderGone`] if the writer thread has died.
    pub fn finish(self) -> Result<Landscape> {
        match self.survey {
            Some(survey) => {
                let reason = survey.active.end_reason();
                survey.finish(reason)
            }
            None => Ok(Landscape::default()),
        }
    }

    /// Ends the run with what there is, also if something went wrong with the rest of it.
    pub(crate) fn end(self, failed: Option<Error>) -> (Landscape, Option<Error>) {
        let Some(survey) = self.survey else {
            return (Landscape::default(), failed);
        };
        let reason = match &failed {
            Some(error) => {
                survey.active.recorder.lanes.problem(error.to_string());
                "failed"
            }
            None => survey.active.end_reason(),
        };
        match (survey.finish(reason), failed) {
            (Ok(landscape), failed) => (landscape, failed),
            (Err(gone), failed) => {
                let error = failed.unwrap_or(gone);
                (Landscape::of_nothing(Recording::default(), &error), Some(error))
            }
        }
    }
}

/// The slice that a disabled study gives.
fn nothing_measured(spec: &SliceSpec) -> Result<SliceSurface> {
    use burnscape_landscape::grid::Axis;
    let [x, y] = spec.resolution.unwrap_or(StudySettings::default().resolution);
    let grid = match spec.y {
        Some(_) => Grid::plane(Axis::symmetric(1.0, x)?, Axis::symmetric(1.0, y)?),
        None => Grid::line(Axis::symmetric(1.0, x)?),
    };
    Ok(SliceSurface::unmeasured(grid))
}

impl<'a, M> Survey<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Begins a study; one that cannot begin ends the run.
    pub(crate) fn new<B>(
        active: Active,
        beginning: Beginning<'a, M>,
        model: M,
        batches: &B,
        on_change: OnChange,
    ) -> Result<Self, Failed>
    where
        B: Batches<M::Input> + ?Sized,
    {
        let given = beginning.given;
        let mut snapshots = beginning.snapshots.clone();
        snapshots.dedup_by(|next, kept| next.file == kept.file);
        let (clock, limit) =
            (active.config.study.clock.clone(), active.config.study.budget.limit());
        let (begun, before) = (beginning.begun, clock.now());
        let fingerprint = fingerprint(&given, &beginning.map);
        let closing = clock.now().saturating_sub(before);
        let mut survey = Self {
            fingerprint,
            given,
            model,
            map: beginning.map,
            final_label: beginning.final_label,
            final_snapshot: beginning.final_snapshot,
            quantities: Quantities {
                sets: Vec::new(),
                quantities: vec![Quantity { name: LOSS.to_string(), of: beginning.reader.loss_of }],
            },
            loss_name: beginning.reader.name,
            snapshots,
            all_snapshots: beginning.snapshots,
            read: None,
            geometry: None,
            frozen: beginning.frozen,
            true_losses: BTreeMap::new(),
            centres: Vec::new(),
            last_update: beginning.last_update,
            paces: [None, None],
            looked_at: None,
            stopper: Stopper::default(),
            deadline: Deadline::at(&clock, limit.map(|limit| begun + limit)),
            spent: Duration::ZERO,
            reserve: Duration::ZERO,
            closing,
            plan: None,
            told_plan: None,
            outlook: None,
            next_slice: active.recorder.first_slice,
            next_study: beginning.next_study,
            names: beginning.told.names,
            slices: Vec::new(),
            studies: Vec::new(),
            curvatures: Vec::new(),
            eigenvectors: Vec::new(),
            remarks: Vec::new(),
            known: beginning.told.slices,
            known_studies: beginning.told.studies,
            active,
        };
        survey.leave_out_twin_of_final();
        let looked = survey.add_batches(None, batches, on_change);
        survey.spent = clock.now().saturating_sub(begun);
        match looked {
            Ok(()) => Ok(survey),
            Err(error) => Err(failed(survey.active, error)),
        }
    }

    /// The last epoch may have the weights of the final model and statistics that were merged after it: that is one
    /// point of the path, not two.
    fn leave_out_twin_of_final(&mut self) {
        let [.., before, last] = &self.snapshots[..] else { return };
        let flat = |snapshot| self.snapshot_tensors(snapshot).map(|it| self.map.flatten(&it));
        let may_be_twins = before.step == last.step && !self.map.buffers.is_empty();
        let are_twins =
            may_be_twins && matches!((flat(before), flat(last)), (Ok(a), Ok(b)) if a == b);
        if are_twins {
            self.snapshots.remove(self.snapshots.len() - 2);
        }
    }

    /// What is measured has changed: values at centres, and how long a node takes.
    fn forget_measurements(&mut self) {
        self.centres.clear();
        self.paces = [None, None];
    }

    /// Places of the batches that losses are means over, among all of the first set; empty: all.
    fn batches_in_use(&self) -> Vec<u32> {
        let set = &self.quantities.sets[0];
        match set.batches.len() < set.available() {
            true => set.places().into_iter().map(|place| place as u32).collect(),
            false => Vec::new(),
        }
    }

    /// Uses these batches from now on, and as large a share of every further set.
    fn use_batches(&mut self, places: &[u32]) {
        if *places == self.batches_in_use() {
            return;
        }
        let [first, further @ ..] = &mut self.quantities.sets[..] else { return };
        let available = first.available();
        let wanted = places.iter().map(|&place| place as usize).filter(|place| *place < available);
        let wanted: Vec<usize> = wanted.collect();
        let count = if wanted.is_empty() { available } else { wanted.len() };
        first.select(if wanted.is_empty() { (0..available).collect() } else { wanted });
        for set in further {
            let own = set.available();
            set.select(evenly((own * count).div_ceil(available), own));
        }
        self.true_losses.clear();
    }

    /// Does something on these batches, then goes back to those that were used before.
    fn on_batches<T>(&mut self, places: &[u32], run: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.batches_in_use();
        self.use_batches(places);
        let result = run(self);
        self.use_batches(&before);
        result
    }

    fn finish(mut self, reason: &'static str) -> Result<Landscape> {
        let after = fingerprint(&self.given, &self.map);
        self.check(
            None,
            "model-unchanged",
            self.fingerprint.is_ok() && self.fingerprint == after,
            "parameters and buffers are bit for bit what they were before the surfaces",
        );
        let report = self.active.recorder.stop(reason)?;
        let mut landscape = Landscape::new(self.slices, self.studies, self.map.layout);
        landscape.set_curvatures(self.curvatures, self.remarks);
        landscape.set_plan(self.told_plan, self.outlook);
        landscape.set_recording(Recording::new(self.active.recorder.folder.path(), report));
        Ok(landscape)
    }

    pub(super) fn check(&self, slice: Option<u32>, name: &str, passed: bool, detail: &str) {
        if !passed {
            log::error!("burnscape: check `{name}` failed: {detail}");
        }
        self.record(Record::Check(record!(Check {
            slice,
            name: name.to_string(),
            passed,
            detail: detail.to_string(),
        })));
    }

    fn note(&self, level: &str, text: String) {
        self.record(Record::Note(record!(Note { level: level.into(), text })));
    }

    pub(super) fn record(&self, record: Record) {
        self.active.recorder.lanes.record(record);
    }
}

/// The bytes of a model's parameters and buffers, as a snapshot would hold them.
fn fingerprint<M: Module>(model: &M, map: &ModelMap) -> Result<Vec<u8>, String> {
    let tensors = model_map::read_tensors(&model.valid(), map);
    tensors.map_err(|error| error.to_string()).and_then(|it| snapshot::encode(&it))
}

/// What becomes of batches that differ from pass to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnChange {
    /// There is no study.
    Refuse,
    /// The first pass holds, and the difference is told.
    Tell,
}

/// A study that could not begin: how the recording went, and why.
pub(crate) type Failed = Box<(Recording, Error)>;

/// Why a study could not begin, with what went wrong before.
#[expect(clippy::boxed_local, reason = "it comes boxed out of a `Result`")]
pub(crate) fn error_of(failed: Failed) -> Error {
    let (recording, error) = *failed;
    error.after(recording.problems())
}

/// Ends the run of a study that could not begin.
pub(crate) fn failed(mut active: Active, error: Error) -> Failed {
    active.recorder.lanes.problem(error.to_string());
    let run = active.recorder.folder.path().to_path_buf();
    match active.recorder.stop("failed") {
        Ok(report) => (Recording::new(&run, report), error).into(),
        Err(_) => (Recording::default(), error).into(),
    }
}

/// Begins a study of the run that `active` records, after its training.
pub(crate) fn after_training<'a, M, B>(
    active: Active,
    model: &M,
    batches: &B,
    reader: Reader<'a, M::Output>,
    on_change: OnChange,
) -> Result<Study<'a, M>, Failed>
where
    M: InferenceStep + Module,
    M::Input: Clone,
    B: Batches<M::Input> + ?Sized,
{
    match begin_after_training(&active, model, reader) {
        Ok((beginning, inference)) => {
            Survey::new(active, beginning, inference, batches, on_change).map(Study::of)
        }
        Err(error) => Err(failed(active, error)),
    }
}

fn begin_after_training<'a, M>(
    active: &Active,
    given: &M,
    reader: Reader<'a, M::Output>,
) -> Result<(Beginning<'a, M>, M)>
where
    M: InferenceStep + Module,
{
    let begun = active.config.study.clock.now();
    active.recorder.sync()?;
    let folder = &active.recorder.folder;
    let mut map = active.hook.map().cloned().ok_or_else(|| {
        let run = folder.path().to_path_buf();
        active.hook.refusal().unwrap_or(Error::NothingRecorded { run })
    })?;
    // In inference mode, which also brings shared buffers up to date: read before, they may be one
    // update old.
    let model = given.valid();
    map.check_model(&model)?;
    if active.hook.is_second(&model) {
        return Err(Error::SecondModel);
    }
    let tensors = model_map::read_tensors(&model, &map)?;
    let measured = active.hook.last_update(&model, &map);
    let weights = Box::new(WeightsAt { at: active.moment(), tensors });
    active.recorder.lanes.send(Control::FinalSnapshot(weights));
    let Report { snapshots, frozen, .. } = active.recorder.sync()?;
    map.freeze(&frozen.at(None));
    let last = snapshots.last().filter(|last| last.reason == "final");
    let (last_update, told) = match (active.is_reopened, last) {
        (true, Some(last)) => {
            let kept = snapshot::last_update(folder, map.layout.len(), last)?;
            (kept, Run::open(folder.path())?.told())
        }
        _ => {
            snapshot::keep_last_update(folder, measured.as_deref(), snapshots.last())?;
            (measured, Told::default())
        }
    };
    let beginning = Beginning {
        begun,
        final_snapshot: last.map(|last| last.same_as.unwrap_or(last.index)),
        final_label: "final".to_string(),
        map,
        given: given.clone(),
        snapshots,
        frozen,
        reader,
        last_update,
        next_study: active.recorder.first_study,
        told,
    };
    Ok((beginning, model))
}

impl<M> Study<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// The gradient of the mean loss at the final model, in inference mode, as a direction: computed through
    /// the model's own `TrainStep` on `batches`, with dropout off and normalisation statistics untouched.
    ///
    /// # Errors
    ///
    /// If the output has no loss that is known, the loss is not finite, or the model is random in inference
    /// mode too.
    pub fn gradient<T>(&self, batches: &[T]) -> Result<Direction>
    where
        M: burn::train::TrainStep<Input = T>,
        T: Clone,
        <M as burn::train::TrainStep>::Output: 'static,
    {
        let values = match &self.survey {
            Some(survey) => {
                let losses = &survey.active.hook.losses;
                crate::gradient::mean_gradient(&survey.model, &survey.map, batches, losses)?
            }
            None => Vec::new(),
        };
        let label = "gradient".to_string();
        Ok(Direction::Given(Given { label, kind: "gradient", values: values.into() }))
    }
}
