//! Sharpness around a point of a study, and slices along the eigenvectors that it finds.

use std::any::Any;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use burn::train::{InferenceStep, TrainStep};
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::surface::{Along, Surface};
use burnscape_landscape::words::{percent, with_error};
use burnscape_trace::{Curvature, CurvatureReason, Record};

use super::Study;
use super::centre::Centre;
use super::means::Quantity;
use super::model_subject::ModelSubject;
use super::open_study::{AnyStudy, OpenStudy};
use super::results::Eigenvectors;
use super::slice_spec::{Direction, GivenDirection};
use super::stop::StopWatch;
use crate::config::clock::Deadline;
use crate::curvature::gradients::{Gradients, Shard};
use crate::curvature::measure::{Analysis, Found};
use crate::curvature::spec::SharpnessSpec;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::loss::{Loss, Losses};
use crate::model::point::Point;
use crate::{Error, Result};

/// A surface may miss an eigenvalue by this share before the summary says that they disagree: grids are coarse, and
/// a surface bends.
const AGREES: f64 = 0.1;

/// How curved the loss is around a point.
#[derive(Debug, Clone, Default)]
pub struct Sharpness {
    /// Everything that was found, as the trace has it.
    pub record: Curvature,
    /// Eigenvectors of the largest eigenvalues, in layout order, each of length 1.
    pub largest: Vec<Vec<f32>>,
    /// Eigenvectors of the smallest.
    pub smallest: Vec<Vec<f32>>,
}

impl Sharpness {
    /// The largest eigenvalue; NaN if none was asked for, or from a disabled study.
    pub fn lambda_max(&self) -> f64 {
        self.record.largest.first().copied().unwrap_or(f64::NAN)
    }

    /// The smallest eigenvalue; NaN if none was asked for, or from a disabled study.
    pub fn lambda_min(&self) -> f64 {
        self.record.smallest.first().copied().unwrap_or(f64::NAN)
    }

    /// A measure by its name in the trace, such as `sam` or `keskar`.
    pub fn measure(&self, name: &str) -> Option<f64> {
        self.record.measures.iter().find(|it| it.name == name).map(|it| it.value)
    }

    /// What was found, and what can and cannot be concluded from it, in plain sentences.
    pub fn summary(&self) -> &[String] {
        &self.record.sentences
    }

    /// The direction of the eigenvector of the `number`-th largest eigenvalue, counted from 1.
    pub fn direction(&self, number: usize) -> Option<Direction> {
        let values = self.largest.get(number.checked_sub(1)?)?.clone();
        Some(Direction::Given(GivenDirection {
            label: format!("eigenvector {number}"),
            kind: "hessian",
            values: values.into(),
        }))
    }
}

impl<M> Study<'_, M>
where
    M: InferenceStep + Module,
    <M as InferenceStep>::Input: Clone,
{
    /// How curved the loss is around a point: eigenvalues of its Hessian, and further measures of sharpness, each with
    /// its error. The result goes to the trace of the run.
    ///
    /// Gradients come from the model's own `TrainStep` on `batches` (on the device where the model trains), with
    /// dropout off and normalisation statistics untouched. A product with the Hessian costs two of them.
    ///
    /// # Errors
    ///
    /// If the spec makes no sense, names blocks that are not there or do not train, the loss is not finite, its output
    /// is not known, the model is random in inference mode too, or it is stopped before its eigenvalues are found.
    pub fn sharpness<T>(&mut self, spec: &SharpnessSpec, batches: &[T]) -> Result<Sharpness>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        self.sharpness_in(spec, vec![(None, batches.to_vec())])
    }

    /// As [`sharpness`](Self::sharpness), with a share of the batches on each of several devices, which work at the
    /// same time.
    ///
    /// # Errors
    ///
    /// As [`sharpness`](Self::sharpness).
    pub fn sharpness_on<T>(
        &mut self,
        spec: &SharpnessSpec,
        shares: Vec<(Device, Vec<T>)>,
    ) -> Result<Sharpness>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        let shares = shares.into_iter().map(|(device, batches)| (Some(device), batches));
        self.sharpness_in(spec, shares.collect())
    }

    fn sharpness_in<T>(&mut self, spec: &SharpnessSpec, shares: Vec<Shard<T>>) -> Result<Sharpness>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        spec.validate()?;
        match &mut self.open {
            Some(open) => open.sharpness(spec, shares),
            None => Ok(Sharpness::default()),
        }
    }
}

impl<M> OpenStudy<ModelSubject<'_, M>>
where
    M: InferenceStep + Module,
    <M as InferenceStep>::Input: Clone,
{
    fn sharpness<T>(&mut self, spec: &SharpnessSpec, shares: Vec<Shard<T>>) -> Result<Sharpness>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        let began = Instant::now();
        let this: &mut AnyStudy<'_> = self;
        let centre = this.centre(&spec.centre)?;
        let plane = if spec.plane { this.plane_of_components(&centre) } else { None };
        let found = self.analysed(spec, &centre, shares, plane)?;
        let this: &mut AnyStudy<'_> = self;
        Ok(this.keep_sharpness(spec, &centre, found, began))
    }

    fn analysed<T>(
        &self,
        spec: &SharpnessSpec,
        centre: &Centre,
        shares: Vec<Shard<T>>,
        plane: Option<[Vec<f32>; 2]>,
    ) -> Result<Found>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        let this: &AnyStudy<'_> = self;
        let loss = &self.subject.quantities[0];
        let losses = &self.active.hook.losses;
        let loss_of = |output: &dyn Any| loss_in(loss, losses, output);
        let map = this.map_at(centre);
        let mut gradients =
            Gradients::new(&*self.subject.model_at(&centre.model), &map, shares, &loss_of)?;
        let watch = this.curvature_watch();
        let goes_on = || watch.reason().is_none();
        let seed = spec.seed.unwrap_or(self.active.config.study.seed);
        let mut analysis = Analysis::new(spec, &mut gradients, seed, &goes_on)?;
        let last = self.active.recorder.handle.last_values();
        analysis.lr = spec.lr.or(last.map(|last| last.lr));
        analysis.plane = plane;
        analysis.run()
    }
}

impl AnyStudy<'_> {
    /// Tells what was found around a centre.
    fn keep_sharpness(
        &mut self,
        spec: &SharpnessSpec,
        centre: &Centre,
        found: Found,
        began: Instant,
    ) -> Sharpness {
        let Found { mut record, largest, smallest } = found;
        let frozen = self.frozen_in_words(centre);
        record
            .sentences
            .extend(frozen.map(|it| format!("{it}: the Hessian is that of what trained.")));
        let at = centre.snapshot.and_then(|index| self.snapshot(index).ok());
        record.reason = CurvatureReason::Study;
        record.snapshot = centre.snapshot;
        record.step = at.as_ref().map_or(self.active.hook.steps(), |it| it.step);
        record.epoch = at.and_then(|it| it.epoch);
        record.elapsed_secs = self.active.hook.elapsed_secs();
        record.took_secs = began.elapsed().as_secs_f64();
        self.record(Record::Curvature(record.clone()));
        self.results.curvatures.push(record.clone());
        self.keep_eigenvectors(spec, &record, &largest);
        Sharpness { record, largest, smallest }
    }

    pub(super) fn curvature_watch(&self) -> StopWatch {
        let (config, settings) = (&self.active.config, &self.active.config.study);
        let limit = settings.limit();
        let deadline = Deadline::at(&config.clock, limit.map(|it| config.clock.now() + it));
        let handle = &self.active.recorder.handle;
        StopWatch::start(&self.stopper, handle, deadline, settings.stop_on_interrupt, false)
    }

    /// The first two principal components, if the snapshots have as many.
    fn plane_of_components(&mut self, centre: &Centre) -> Option<[Vec<f32>; 2]> {
        self.analyse(2).ok()?;
        let geometry = self.path.geometry.as_ref()?;
        let component = |k: usize| {
            let (_, direction) = geometry.component(k).filter(|(it, _)| !it.degenerate)?;
            direction.whole(&self.studied.map.layout, &centre.weights).ok()
        };
        Some([component(0)?, component(1)?])
    }

    fn keep_eigenvectors(
        &mut self,
        spec: &SharpnessSpec,
        record: &Curvature,
        largest: &[Vec<f32>],
    ) {
        self.results.keep_eigenvectors(Eigenvectors {
            at: spec.centre.clone(),
            values: record.largest.to_vec(),
            errors: record.largest_error.to_vec(),
            vectors: largest.to_vec(),
        });
    }

    /// The eigenvector of the `number`-th largest eigenvalue at a point, counted from 1.
    ///
    /// # Errors
    ///
    /// [`Error::NoEigenvector`].
    pub(super) fn eigenvector(&self, at: &Point, number: usize, centre: &str) -> Result<Vec<f32>> {
        let known = self.results.eigenvectors_at(at);
        let vector = known.and_then(|known| known.vectors.get(number.checked_sub(1)?));
        let missing = || Error::NoEigenvector { number, centre: centre.to_string() };
        vector.cloned().ok_or_else(missing)
    }

    /// Holds a surface along eigenvectors against their eigenvalues, and says how it came out.
    pub(super) fn compare_with_eigenvalues(
        &mut self,
        directions: [Option<&Direction>; 2],
        at: &Point,
        slice: &SliceSurface,
    ) {
        let known = self.results.eigenvectors_at(at);
        let Some(known) = known else { return };
        let mut sentences = Vec::new();
        let mut passed = true;
        for (axis, direction) in directions.into_iter().enumerate() {
            let Some(Direction::Eigenvector(number)) = direction else { continue };
            let place = number - 1;
            let read = second_difference(&slice.surface, axis);
            let (Some(read), Some(&value)) = (read, known.values.get(place)) else { continue };
            let (agrees, sentence) = compared(*number, read, value, known.errors[place]);
            passed &= agrees;
            sentences.push(sentence);
        }
        if !sentences.is_empty() {
            let detail = sentences.join(" ");
            self.check(Some(slice.slice.slice), "hessian-curvature", passed, &detail);
            self.results.remarks.push(format!("{}: {detail}", slice.slice.name));
        }
    }
}

/// The loss of the study, where outputs for training are those for inference; else that of a known output.
pub(super) fn loss_in<O: 'static>(
    loss: &Quantity<'_, O>,
    losses: &Losses,
    output: &dyn Any,
) -> Option<Loss> {
    match output.downcast_ref::<O>() {
        Some(output) => (loss.of)(output),
        None => losses.of(output),
    }
}

/// `read` is the curvature of the surface with its error, `value` the eigenvalue with its own.
fn compared(number_of: usize, read: (f64, f64), value: f64, error: f64) -> (bool, String) {
    let (read, rounding) = read;
    let apart = (read - value).abs();
    let agrees = apart <= AGREES * value.abs() + error + rounding;
    let verdict = match agrees {
        true if rounding > AGREES * value.abs() => {
            "nodes lie so near to each other that rounding of losses hides whether they agree: ask for a wider range"
        }
        true => "they agree",
        false => "they do not agree: the spacing is so wide that the loss bends within it",
    };
    let share = if value == 0.0 { 0.0 } else { apart / value.abs() };
    let sentence = format!(
        "Along eigenvector {number_of} the surface has the curvature {}, products with the Hessian say vᵀHv = {}: {} \
         apart, {verdict}.",
        with_error(read, rounding),
        with_error(value, error),
        percent(share)
    );
    (agrees, sentence)
}

/// (f(h) − 2 f(0) + f(−h)) / h² at the centre along an axis, for a direction of length 1, and by how much rounding may
/// move it; `None` at the border, and where a node is not measured or not finite.
fn second_difference(surface: &Surface, axis: usize) -> Option<(f64, f64)> {
    let grid: &Grid = surface.grid();
    let (nodes, along): (&Axis, _) =
        if axis == 0 { (grid.x(), Along::X) } else { (grid.y()?, Along::Y) };
    let is_inside = nodes.centre() > 0 && nodes.centre() + 1 < nodes.count();
    surface.second_difference_with_error(along).filter(|_| is_inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burnscape_landscape::surface::NodeValue;

    /// ½(θ − 1)² along θ = 1e-5 + α, with losses rounded to f32: its curvature is 1.
    #[test]
    fn rounding_is_part_of_what_a_surface_says_of_an_eigenvalue() {
        let read = |half_width: f64| {
            let grid = Grid::line(Axis::symmetric(half_width, 5).unwrap());
            let mut surface = Surface::new(grid);
            for node in 0..5 {
                let theta = 1e-5 + grid.coordinates(node).0;
                let loss = f64::from((0.5 * (theta - 1.0).powi(2)) as f32);
                surface.set(node, NodeValue { mean: loss, stderr: f64::NAN });
            }
            second_difference(&surface, 0).unwrap()
        };
        for half_width in [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0] {
            let (curvature, error) = read(half_width);
            assert!((curvature - 1.0).abs() <= error, "{half_width}: {curvature} ± {error}");
        }
        let (agrees, sentence) = compared(1, read(1e-5), 1.0, 0.0);
        assert!(agrees && sentence.contains("rounding of losses hides"), "{sentence}");
        let (agrees, sentence) = compared(1, read(1.0), 1.0, 0.0);
        assert!(agrees && sentence.ends_with("they agree."), "{sentence}");
        let (agrees, sentence) = compared(1, read(1.0), 1.5, 0.01);
        assert!(!agrees && sentence.contains("do not agree"), "{sentence}");
    }
}
