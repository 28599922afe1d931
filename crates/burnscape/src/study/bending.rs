//! A bent path between two models: its bend trained by the model's own `TrainStep`, then all of it measured.

use std::any::Any;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::TensorData;
use burn::train::{InferenceStep, TrainStep};
use burnscape_landscape::barrier::{Barrier, LineLosses};
use burnscape_landscape::curve::{Bend, BendOptions, ThroughThree};
use burnscape_trace::{F64s, RunFolder, Trajectory, record};

use super::compare::study_of;
use super::comparing::Findings;
use super::model_subject::ModelSubject;
use super::open_study::{AnyStudy, OpenStudy};
use super::progress::Noun;
use super::sharpness::loss_in;
use super::slice_spec::{BatchNormMode, Direction, SliceSpec};
use super::stop::StopReason;
use super::ways::{Statistics, Way, WayToMeasure};
use crate::curvature::training::TrainingGradients;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;
use crate::model::snapshot::{self, EachPiece};
use crate::model::tensors::NamedTensor;
use crate::model::vector_file::StoredVector;
use crate::{Error, Result};

/// By how much of its extent the plane reaches beyond the curve on every side.
const MARGIN: f64 = 0.2;

/// What a file of a bend tells beside it.
const IDENTITY: &str = "step and ends";
/// How it is trained.
const OPTIONS: &str = "options";

fn file_of(folder: &RunFolder, number: usize) -> PathBuf {
    folder.directions_dir().join(format!("bend-{number:04}.safetensors"))
}

/// Two models, and what a path between them is called.
pub(crate) struct Ends<'e> {
    pub points: [&'e Point; 2],
    pub tensors: [Vec<NamedTensor>; 2],
    pub name: &'e str,
}

/// A bent path and the straight line, measured at the same nodes: of every layer how high it climbs.
pub(crate) struct MeasuredBend {
    pub line: Vec<(String, Barrier)>,
    pub curve: Vec<(String, Barrier)>,
    /// Where the nodes of the curve lie in the plane, with their losses.
    path: Trajectory,
    /// None where the bend lies on the line.
    plane: Option<ThroughThree>,
}

impl<M> OpenStudy<ModelSubject<'_, M>>
where
    M: InferenceStep + Module,
    <M as InferenceStep>::Input: Clone,
{
    /// Takes steps until all are taken or somebody stops it, and tells why it was stopped.
    pub(crate) fn train_bend<T>(
        &self,
        ends: &Ends<'_>,
        bend: &mut Bend,
        options: &BendOptions,
        batches: &[T],
    ) -> Result<Option<StopReason>>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        let left = options.steps.saturating_sub(bend.step);
        let sentence = format!("a bent path of {left} steps, {}", ends.name);
        let this: &AnyStudy<'_> = self;
        let progress = this.announced(&sentence, left, Noun::BEND);
        let watch = this.stop_watch(self.time.reserve, &progress);
        progress.turn(ends.name, watch.listens_to_keys());
        let goes_on = || watch.reason().is_none();
        let trained = self.descend(ends, bend, options, batches, &goes_on, || progress.advance(1));
        progress.end();
        trained?;
        let stopped = watch.reason().filter(|_| bend.step < options.steps);
        if let Some(reason) = stopped {
            let how_far = format!(
                "{} of {} steps taken; the same call goes on from there",
                bend.step, options.steps
            );
            this.stopped(reason, format!("the bent path `{}`", ends.name), how_far);
        }
        Ok(stopped)
    }

    fn descend<T>(
        &self,
        ends: &Ends<'_>,
        bend: &mut Bend,
        options: &BendOptions,
        batches: &[T],
        goes_on: &impl Fn() -> bool,
        advance: impl Fn(),
    ) -> Result<()>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        let (loss, losses) = (&self.subject.quantities[0], &self.active.hook.losses);
        let loss_of = |output: &dyn Any| loss_in(loss, losses, output);
        let (model, map) = (&self.subject.model, &self.studied.map);
        let mut gradients = TrainingGradients::new(&**model, map, batches.to_vec(), &loss_of)?;
        let [a, b] = ends.tensors.each_ref().map(|it| map.flatten(it));
        let (mut point, mut wide) = (vec![0.0; a.len()], vec![0.0; a.len()]);
        while bend.step < options.steps && goes_on() {
            bend.point(&a, &b, &mut point)?;
            wide.iter_mut().zip(&point).for_each(|(wide, value)| *wide = f64::from(*value));
            let (loss, gradient) = gradients.at(&wide, bend.step)?;
            if !loss.is_finite() || gradient.iter().any(|entry| !entry.is_finite()) {
                return Err(Error::BendDiverged { step: bend.step, rate: options.rate });
            }
            bend.descend(&gradient, options)?;
            advance();
        }
        Ok(())
    }
}

impl AnyStudy<'_> {
    /// A bend in the middle of the straight line.
    pub(crate) fn bend_between(&self, ends: &Ends<'_>) -> Result<Bend> {
        let [a, b] = ends.tensors.each_ref().map(|it| self.studied.map.flatten(it));
        Ok(Bend::between(&a, &b)?)
    }

    /// Keeps a bend as far as it came, in a file of the run.
    pub(crate) fn keep_bend(
        &self,
        number: usize,
        ends: &Ends<'_>,
        bend: &Bend,
        options: &BendOptions,
    ) -> Result<()> {
        let file = file_of(&self.active.recorder.folder, number);
        let vectors = [&bend.at, &bend.velocity];
        let mut vectors = vectors.map(|it| -> Box<EachPiece<'_>> { Box::new(|visit| visit(it)) });
        let told = [self.identity(ends, bend.step), in_file(options)];
        snapshot::write_directions(&file, bend.at.len(), &mut vectors, &told)
    }

    /// The bend between these ends that another comparison has kept, of several the one that was trained by these options;
    /// none if it has none. Files before these were told hold for any.
    pub(crate) fn kept_bend(
        &self,
        comparison: &Path,
        ends: &Ends<'_>,
        options: &BendOptions,
    ) -> Result<Option<Bend>> {
        let folder = RunFolder::open(comparison)?;
        for file in (0..).map(|number| file_of(&folder, number)).take_while(|it| it.is_file()) {
            let stored = snapshot::open_directions(&file, self.studied.map.layout.len())?;
            let told = stored.buffers.iter().find(|it| it.path == IDENTITY);
            let step = told.and_then(|it| it.data.iter::<f64>().next()).unwrap_or(f64::NAN);
            let own = self.identity(ends, step as usize);
            let is_own = told.is_some_and(|it| it.data.as_bytes() == own.data.as_bytes());
            let trained_by = stored.buffers.iter().find(|it| it.path == OPTIONS);
            let asked = in_file(options);
            let is_own =
                is_own && trained_by.is_none_or(|it| it.data.as_bytes() == asked.data.as_bytes());
            if let (true, Some(velocity)) = (is_own, stored.directions.first()) {
                let (at, velocity) = (self.whole(&stored.centre)?, self.whole(velocity)?);
                return Ok(Some(Bend { at, velocity, step: step as usize }));
            }
        }
        Ok(None)
    }

    fn whole(&self, stored: &StoredVector) -> Result<Vec<f32>> {
        let mut values = vec![0.0; self.studied.map.layout.len()];
        stored.read(0, &mut values)?;
        Ok(values)
    }

    /// Steps taken, and sums of both ends, to tell them from others.
    fn identity(&self, ends: &Ends<'_>, step: usize) -> NamedTensor {
        let sum = |tensors: &Vec<NamedTensor>| {
            let flat = self.studied.map.flatten(tensors);
            let bytes: Vec<u8> = flat.iter().flat_map(|value| value.to_le_bytes()).collect();
            f64::from(crc32fast::hash(&bytes))
        };
        let [a, b] = ends.tensors.each_ref().map(sum);
        let data = TensorData::new(vec![step as f64, a, b], [3]);
        NamedTensor { path: IDENTITY.to_string(), data }
    }

    /// The losses on the straight line and on the bent path; none where it was stopped before all nodes were measured.
    pub(crate) fn measure_bend(
        &mut self,
        ends: &Ends<'_>,
        bend: &Bend,
        nodes: usize,
    ) -> Result<Option<MeasuredBend>> {
        let statistics = self.statistics_of_ways();
        let name = format!("{}, straight", ends.name);
        let line = self.line(ends.points, nodes, statistics, &name)?;
        let way = self.bent_way(ends, bend);
        let name = format!("{}, bent", ends.name);
        let what = WayToMeasure { way: &way, name: &name, nodes, statistics };
        let curve = self.measure_way(&what, |_, _| ())?;
        if line.missing + curve.missing() > 0 {
            return Ok(None);
        }
        let [a, b] = ends.tensors.each_ref().map(|it| self.studied.map.flatten(it));
        let plane = ThroughThree::new(&a, &b, &bend.at).ok();
        let layers = curve.layers(&self.layer_names())?;
        let losses = layers[0].1.means().iter().map(|it| it.mean).collect();
        let path = on_curve(plane.as_ref(), losses);
        let barriers = |(name, losses): &(String, LineLosses)| (name.clone(), losses.barrier());
        let line = line.layers.iter().map(barriers).collect();
        let curve = layers.iter().map(barriers).collect();
        Ok(Some(MeasuredBend { line, curve, path, plane }))
    }

    /// Measures the plane through both ends and the bend, with the curve in it, and tells what is concluded.
    pub(crate) fn measure_plane_of_bend(
        &mut self,
        ends: &Ends<'_>,
        measured: MeasuredBend,
        findings: Findings,
    ) -> Result<Option<SliceSurface>> {
        let MeasuredBend { path, plane, .. } = measured;
        let Some(plane) = plane else {
            self.tell_findings(study_of("bent-path", vec![]), findings);
            return Ok(None);
        };
        let spec = self.spec_of_bend(ends, &path, plane);
        let mut plan = self.plan_with(&spec, false)?;
        plan.trajectory = Some(path);
        let (study, mut slices) = self.measure_study(study_of("bent-path", vec![]), vec![plan])?;
        let surface = slices.remove(0);
        self.results.keep(&surface);
        self.tell_findings(study, findings);
        Ok(Some(surface))
    }

    fn spec_of_bend(&self, ends: &Ends<'_>, path: &Trajectory, plane: ThroughThree) -> SliceSpec {
        let [a, b] = ends.points;
        let reach = |values: &[f64]| {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let margin = MARGIN * (high - low);
            low - margin..=high + margin
        };
        let right = Direction::given("towards the bend", plane.d2);
        let mode = match self.statistics_of_ways() {
            Statistics::Recalibrated => BatchNormMode::Recalibrate,
            _ => BatchNormMode::Centre,
        };
        SliceSpec::plane(Direction::To(b.clone()), right)
            .centre(a.clone())
            .name(format!("bent path, {}", ends.name))
            .ranges(reach(&path.x), reach(&path.y))
            .batchnorm(mode)
    }

    /// Recomputed at every node where there are any: what a model between two others has of its own.
    pub(crate) fn statistics_of_ways(&self) -> Statistics {
        match self.has_batchnorm() {
            true => Statistics::Recalibrated,
            false => Statistics::None,
        }
    }

    /// The way over a bend.
    pub(crate) fn bent_way(&self, ends: &Ends<'_>, bend: &Bend) -> Way {
        let blocks = self.studied.map.layout.blocks().iter();
        let tensors = blocks.map(|block| NamedTensor {
            path: block.path.clone(),
            data: TensorData::new(bend.at[block.range()].to_vec(), block.shape.clone()),
        });
        Way::bent(ends.tensors.clone(), tensors.collect())
    }
}

fn in_file(options: &BendOptions) -> NamedTensor {
    let BendOptions { steps, rate, momentum } = *options;
    let data = TensorData::new(vec![steps as f64, rate, momentum], [3]);
    NamedTensor { path: OPTIONS.to_string(), data }
}

/// A curve in the coordinates of its plane: no snapshots lie on it.
fn on_curve(plane: Option<&ThroughThree>, losses: Vec<f64>) -> Trajectory {
    let count = losses.len();
    let place = |node: usize| {
        let t = node as f64 / (count - 1) as f64;
        plane.map_or((t, 0.0), |plane| plane.on_curve(t))
    };
    let (x, y): (Vec<f64>, Vec<f64>) = (0..count).map(place).unzip();
    record!(Trajectory {
        epochs: F64s(vec![f64::NAN; count]),
        x: F64s(x),
        y: F64s(y),
        out_of_plane: F64s(vec![0.0; count]),
        out_of_plane_share: F64s(vec![0.0; count]),
        loss: F64s(losses.clone()),
        loss_on_plane: F64s(losses),
    })
}
