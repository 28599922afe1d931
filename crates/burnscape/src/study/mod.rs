//! A study: slices of the landscape of one run, measured around its models and kept in its trace.
//!
//! `plan` (directions, range, provenance) → `measure_all` (nodes) → the trace and a [`SliceSurface`].

pub(crate) mod active;
pub(crate) mod batches;
pub(crate) mod centre;
pub(crate) mod centres;
pub(crate) mod compare;
pub(crate) mod comparing;
pub(crate) mod defaults;
pub(crate) mod directions;
pub(crate) mod eigenvalue_map;
pub(crate) mod evaluate;
pub(crate) mod known;
pub(crate) mod look;
pub(crate) mod offending;
pub(crate) mod outlook;
pub(crate) mod pace;
pub(crate) mod perturb;
pub(crate) mod planes;
pub(crate) mod progress;
pub(crate) mod quantities;
pub(crate) mod reading;
pub(crate) mod recalibrate;
pub(crate) mod resume;
pub(crate) mod rounds;
pub(crate) mod sharpness;
pub(crate) mod slice_spec;
pub(crate) mod stop;
pub(crate) mod surfaces;
pub(crate) mod survey;
pub(crate) mod time;
pub(crate) mod trajectory;

use std::time::Duration;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::grid::Grid;

use crate::channel::message::{Control, WeightsAt};
use crate::channel::report::Report;
use crate::config::study::StudySettings;
use crate::landscape::Landscape;
use crate::landscape::recording::Recording;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::loss::{BatchLoss, Loss};
use crate::model::point::{Point, Weights, WeightsOf};
use crate::model::{map, snapshot};
use crate::{Error, Result};
use active::{Active, Failed, failed};
use batches::{Batches, OnChange};
use compare::{Agreement, InitialAndTrained, ScaleSweep};
use known::RecordedSlices;
use quantities::{Quantity, Reader, ValueOf};
use slice_spec::{Direction, Given, SliceSpec};
use stop::Stopper;
use survey::{Beginning, Survey};

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

    /// `None` where it is switched off.
    pub(crate) fn survey_mut(&mut self) -> Option<&mut Survey<'a, M>> {
        self.survey.as_deref_mut()
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
        let tensors = map::read_tensors(&model, &survey.map)?;
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
    let tensors = map::read_tensors(&model, &map)?;
    let measured = active.hook.last_update(&model, &map);
    let weights = Box::new(WeightsAt { at: active.moment(), tensors });
    active.recorder.lanes.send(Control::FinalSnapshot(weights));
    let Report { snapshots, frozen, .. } = active.recorder.sync()?;
    map.freeze(&frozen.at(None));
    let last = snapshots.last().filter(|last| last.reason == "final");
    let (last_update, recorded) = match (active.is_reopened, last) {
        (true, Some(last)) => {
            let kept = snapshot::last_update(folder, map.layout.len(), last)?;
            (kept, RecordedSlices::of(&burnscape_trace::read_run(folder.path())?))
        }
        _ => {
            snapshot::keep_last_update(folder, measured.as_deref(), snapshots.last())?;
            (measured, RecordedSlices::default())
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
        recorded,
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
                crate::curvature::mean_gradient::mean_gradient(
                    &survey.model,
                    &survey.map,
                    batches,
                    losses,
                )?
            }
            None => Vec::new(),
        };
        let label = "gradient".to_string();
        Ok(Direction::Given(Given { label, kind: "gradient", values: values.into() }))
    }
}
