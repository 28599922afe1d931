//! A study: slices of the landscape of one run, measured around its models and kept in its trace.
//!
//! `plan` (directions, range, provenance) → `measure_all` (nodes) → the trace and a [`SliceSurface`].

pub(crate) mod active_recording;
pub(crate) mod batches;
pub(crate) mod bending;
pub(crate) mod centre;
pub(crate) mod centres;
pub(crate) mod compare;
pub(crate) mod comparing;
pub(crate) mod defaults;
pub(crate) mod devices;
pub(crate) mod directions;
pub(crate) mod eigenvalue_map;
pub(crate) mod evaluate;
pub(crate) mod first_look;
pub(crate) mod further_device;
pub(crate) mod known;
pub(crate) mod means;
pub(crate) mod memory;
pub(crate) mod model_subject;
pub(crate) mod offending;
pub(crate) mod open_study;
pub(crate) mod outlook;
pub(crate) mod pace;
pub(crate) mod perturb;
pub(crate) mod planes;
pub(crate) mod progress;
pub(crate) mod quantities;
pub(crate) mod reading;
pub(crate) mod recalibrate;
pub(crate) mod results;
pub(crate) mod resume;
pub(crate) mod rounds;
pub(crate) mod share;
pub(crate) mod sharpness;
pub(crate) mod slice_spec;
pub(crate) mod stop;
pub(crate) mod studied_model;
pub(crate) mod study_time;
pub(crate) mod subject;
pub(crate) mod surfaces;
pub(crate) mod sweep;
pub(crate) mod taking_part;
pub(crate) mod training_path;
pub(crate) mod trajectory;
pub(crate) mod vector;
pub(crate) mod ways;
pub(crate) mod weights;

use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use burn::train::InferenceStep;
use burnscape_landscape::grid::Grid;

use crate::channel::message::{Control, WeightsAt};
use crate::channel::report::Report;
use crate::config::study::StudyConfig;
use crate::landscape::Landscape;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::loss::{BatchLoss, Loss};
use crate::model::point::{Point, Weights, WeightsOf};
use crate::model::{map, snapshot};
use crate::{Error, Result};
use active_recording::{ActiveRecording, Failed, failed};
use batches::{Batches, OnChange};
use compare::{Agreement, InitialAndTrained, ScaleSweep};
use known::RecordedSlices;
use means::Reader;
use model_subject::ModelSubject;
use open_study::{AnyStudy, OpenStudy, StudyStart};
use slice_spec::{Direction, GivenDirection, SliceSpec};
use stop::Stopper;
use studied_model::StudiedModel;

/// Slices of the loss landscape around the models of one run.
///
/// It comes from [`Probe::study`](crate::Probe::study) right after training, or from
/// [`Run::study`](crate::Run::study) for a run whose training ended in another process. Every slice goes to
/// the trace of the run while it is measured. Call [`finish`](Self::finish) at the end.
///
/// From a disabled probe it does nothing: slices come back with no node measured.
#[must_use = "measure slices with it, then call `finish`"]
pub struct Study<'a, M: InferenceStep + 'a> {
    open: Option<Box<OpenStudy<ModelSubject<'a, M>>>>,
}

impl<'a, M> Study<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    pub(crate) fn disabled() -> Self {
        Self { open: None }
    }

    /// Begins a study; one that cannot begin ends the run.
    pub(crate) fn begin<B>(
        active: ActiveRecording,
        start: StudyStart,
        subject: ModelSubject<'a, M>,
        batches: &B,
        on_change: OnChange,
    ) -> Result<Self, Failed>
    where
        B: Batches<M::Input> + ?Sized,
    {
        let begun = start.begun;
        let mut open = Box::new(OpenStudy::new(active, start, subject));
        any(&mut open).begin();
        let looked = open.add_batches(None, batches, on_change);
        open.time.spent_since(begun);
        match looked {
            Ok(()) => Ok(Self { open: Some(open) }),
            Err(error) => Err(failed(open.active, error)),
        }
    }

    /// `None` where it is switched off.
    pub(crate) fn open_mut(&mut self) -> Option<&mut AnyStudy<'a>> {
        self.open.as_deref_mut().map(any)
    }

    /// The same with the type of its model.
    pub(crate) fn open_typed(&mut self) -> Option<&mut OpenStudy<ModelSubject<'a, M>>> {
        self.open.as_deref_mut()
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
        if let Some(open) = &mut self.open {
            let name = name.into();
            open.quantities.names.push(name.clone());
            open.subject.measure_too(name, Box::new(move |output| Some(of(output))));
            any(open).forget_measurements();
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
        if let Some(open) = &mut self.open {
            any(open).refuse_with_devices()?;
            let name = Some(name.into());
            open.within_budget(|it| it.add_batches(name, batches, OnChange::Refuse))?;
        }
        Ok(self)
    }

    /// Measures the nodes of the slices that follow on further devices too, beside the one that the model is on: each has a
    /// model of its own and takes the next nodes when it is free, so that a slow one does not hold up a fast one. Inputs can
    /// only be cloned, so that every device comes with its batches, the same as those of the study, or with a loader. A device
    /// that is named twice, or that the model is on, counts once.
    ///
    /// On devices of one kind every node is bit for bit what one device gives; by how much others differ is a check of each
    /// slice, and more than 0.01 % of the range does not pass. One that fails later on loses the nodes that it was at, which the
    /// others measure. Slices whose BatchNorm statistics are recomputed at every node are measured on the first device alone.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBatches`] if the losses of the model on a device's batches are others, or there are others than those of
    /// the study ([`also_on`](Self::also_on)); if a device cannot be used.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use burn::module::Module;
    /// use burn::tensor::Device;
    /// use burn::train::InferenceStep;
    /// use burnscape::{Result, SliceSpec, Study};
    ///
    /// fn on_all<M>(study: &mut Study<'_, M>, gpus: Vec<(Device, Vec<<M as InferenceStep>::Input>)>) -> Result<()>
    /// where
    ///     M: InferenceStep + Module,
    ///     <M as InferenceStep>::Input: Clone,
    /// {
    ///     study.devices(gpus)?.slice(&SliceSpec::random())?;
    ///     Ok(())
    /// }
    /// ```
    pub fn devices<B>(
        &mut self,
        devices: impl IntoIterator<Item = (Device, B)>,
    ) -> Result<&mut Self>
    where
        B: Batches<M::Input>,
    {
        if let Some(open) = &mut self.open {
            for (device, batches) in devices {
                open.within_budget(|it| it.add_device(device, &batches))?;
            }
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
        match self.open_mut() {
            Some(open) => open.within_budget(|open| open.slice(spec)),
            None => nothing_measured(spec),
        }
    }

    /// Measures the slices that `finish` gives without being asked: the plane of the first two principal
    /// components, a random plane, and how typical that one is among others. What the run holds of them
    /// already, measured in the same way, is gone on with and not measured again.
    ///
    /// # Errors
    ///
    /// As [`Probe::finish`](crate::Probe::finish).
    pub fn default_slices(&mut self) -> Result<()> {
        match self.open_mut() {
            Some(open) => open.within_budget(AnyStudy::default_slices),
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
        match self.open_mut() {
            Some(open) => {
                open.time.refill();
                open.within_budget(AnyStudy::resume)
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
        match self.open_mut() {
            Some(open) => open.within_budget(|open| open.initial_and_trained(spec)),
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
        match self.open_mut() {
            Some(open) => open.within_budget(|open| open.agreement(shown, planes)),
            None => Ok(Agreement::default()),
        }
    }

    /// One slice at several ranges: each of `factors` times the range that it has by itself.
    ///
    /// # Errors
    ///
    /// As [`slice`](Self::slice).
    pub fn scale_sweep(&mut self, spec: &SliceSpec, factors: &[f64]) -> Result<ScaleSweep> {
        match self.open_mut() {
            Some(open) => open.within_budget(|open| open.scale_sweep(spec, factors)),
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
        match self.open_mut() {
            Some(open) => open.within_budget(AnyStudy::offending_updates),
            None => Ok(Vec::new()),
        }
    }

    /// A point at another model of the same structure, for instance one read from a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::OtherModel`] naming the first parameter that differs.
    pub fn point(&self, label: impl Into<String>, model: &M) -> Result<Point> {
        let Some(open) = &self.open else {
            return Ok(Point::Final);
        };
        let model = model.valid();
        open.studied.map.check_model(&model)?;
        let tensors = map::read_tensors(&model, &open.studied.map)?;
        Ok(Point::Weights(Weights(WeightsOf { label: label.into(), tensors }.into())))
    }

    /// What asks a running evaluation to stop, from another thread or from a signal handler.
    ///
    /// While a surface is measured, Ctrl-C and, with the feature `tui`, the key `q` in the terminal do the
    /// same; a second Ctrl-C ends the program.
    pub fn stopper(&self) -> Stopper {
        self.open.as_ref().map(|open| open.stopper.clone()).unwrap_or_default()
    }

    /// How long the nodes of a slice will take, from some of them that are measured for it: at most, where it is
    /// adaptive, and no longer than what is left of the budget.
    ///
    /// # Errors
    ///
    /// As [`slice`](Self::slice).
    pub fn estimate(&mut self, spec: &SliceSpec) -> Result<Duration> {
        match self.open_mut() {
            Some(open) => open.within_budget(|open| open.estimate(spec)),
            None => Ok(Duration::ZERO),
        }
    }

    /// The paths of the parameters with their shapes, in the order of the entries of a direction.
    pub fn layout(&self) -> Option<&burnscape_landscape::layout::Layout> {
        self.open.as_ref().map(|open| &open.studied.map.layout)
    }

    /// Checks that the model is as it was, and ends the run.
    ///
    /// # Errors
    ///
    /// [`Error::RecorderGone`] if the writer thread has died.
    pub fn finish(mut self) -> Result<Landscape> {
        match self.open_mut() {
            Some(open) => {
                let reason = open.active.end_reason();
                open.finish(reason)
            }
            None => Ok(Landscape::default()),
        }
    }

    /// Ends the run with what there is, also if something went wrong with the rest of it.
    pub(crate) fn end(mut self, failed: Option<Error>) -> (Landscape, Option<Error>) {
        match self.open_mut() {
            Some(open) => open.end(failed),
            None => (Landscape::default(), failed),
        }
    }
}

/// A study without the type of its model.
fn any<'o, 'a, M>(open: &'o mut OpenStudy<ModelSubject<'a, M>>) -> &'o mut AnyStudy<'a>
where
    M: InferenceStep + Module + 'a,
    M::Input: Clone,
{
    open
}

/// The slice that a disabled study gives.
fn nothing_measured(spec: &SliceSpec) -> Result<SliceSurface> {
    use burnscape_landscape::grid::Axis;
    let [x, y] = spec.resolution.unwrap_or(StudyConfig::default().resolution);
    let grid = match spec.y {
        Some(_) => Grid::plane(Axis::symmetric(1.0, x)?, Axis::symmetric(1.0, y)?),
        None => Grid::line(Axis::symmetric(1.0, x)?),
    };
    Ok(SliceSurface::unmeasured(grid))
}

/// Begins a study of the run that `active` records, after its training.
pub(crate) fn after_training<'a, M, B>(
    active: ActiveRecording,
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
    // In inference mode, which also brings shared buffers up to date: read before, they may be one
    // update old.
    let begun = active.config.clock.now();
    let bare = model.valid();
    match start_after_training(&active, begun, &bare, reader.name) {
        Ok(start) => {
            let subject = ModelSubject::new(model, bare, reader);
            Study::begin(active, start, subject, batches, on_change)
        }
        Err(error) => Err(failed(active, error)),
    }
}

fn start_after_training<M: Module>(
    active: &ActiveRecording,
    begun: Duration,
    model: &M,
    loss_name: &'static str,
) -> Result<StudyStart> {
    active.recorder.sync()?;
    let folder = &active.recorder.folder;
    let mut map = active.hook.map().cloned().ok_or_else(|| {
        let run = folder.path().to_path_buf();
        active.hook.refusal().unwrap_or(Error::NothingRecorded { run })
    })?;
    map.check_model(model)?;
    if active.hook.is_second(model) {
        return Err(Error::SecondModel);
    }
    let tensors = map::read_tensors(model, &map)?;
    let measured = active.hook.last_update(model, &map);
    let weights = Box::new(WeightsAt { at: active.moment(), tensors });
    active.recorder.handle.send(Control::FinalSnapshot(weights));
    let Report { snapshots, frozen, .. } = active.recorder.sync()?;
    map.freeze(&frozen.at(None));
    let last = snapshots.last().filter(|last| last.reason == "final");
    let mut studied = StudiedModel::new(map, frozen);
    studied.final_snapshot = last.map(|last| last.same_as.unwrap_or(last.index));
    let next_study = active.recorder.first_study;
    let held = match (active.is_reopened, last) {
        (true, Some(last)) => {
            studied.last_update = snapshot::last_update(folder, studied.map.layout.len(), last)?;
            RecordedSlices::of(&burnscape_trace::read_run(folder.path())?, next_study)
        }
        _ => {
            snapshot::keep_last_update(folder, measured.as_deref(), snapshots.last())?;
            studied.last_update = measured;
            RecordedSlices::none(next_study)
        }
    };
    Ok(StudyStart { begun, studied, snapshots, loss_name, held, share: None })
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
        let values = match &self.open {
            Some(open) => {
                let losses = &open.active.hook.losses;
                crate::curvature::mean_gradient::mean_gradient(
                    &*open.subject.model,
                    &open.studied.map,
                    batches,
                    losses,
                )?
            }
            None => Vec::new(),
        };
        let label = "gradient".to_string();
        Ok(Direction::Given(GivenDirection { label, kind: "gradient", values: values.into() }))
    }
}
