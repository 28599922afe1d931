//! Everything that is asked about the curvature at one point, one question after the other.

use std::ops::{ControlFlow, Range};

use burn::module::Module;
use burn::train::TrainStep;
use burnscape_landscape::curvature::{
    AscentOptions, CurvatureError, DensityOptions, Estimate, Extremes, ExtremesOptions,
    FilterScales, HessianProduct, Optimizer, Preconditioned, Restricted, TraceOptions,
    adaptive_scales, average_direction, ball, density, extremes, filter_normalised,
    filter_normalised_by_sampling, keskar, sam, trace,
};
use burnscape_trace::{Curvature, Density, F64s, Measure, U32s, record};

use super::gradients::Gradients;
use super::product::Hessian;
use super::spec::SharpnessSpec;
use crate::model::map::ModelMap;
use crate::{Error, Result};

/// Error of the largest eigenvalue of a block that is small enough, as a share of it.
const BLOCK_TOLERANCE: f64 = 1e-2;

/// What was found: the record, and the eigenvectors in layout order.
pub(crate) struct Found {
    pub record: Curvature,
    pub largest: Vec<Vec<f32>>,
    pub smallest: Vec<Vec<f32>>,
}

/// The parameters that are asked about.
pub(crate) struct Selection {
    /// Numbers of the blocks; empty: all that train.
    pub blocks: U32s,
    pub ranges: Vec<Range<usize>>,
}

impl Selection {
    /// The blocks with these paths, or below them; all for none. Those that do not train, or that no gradient
    /// reaches, are left out.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBlock`], [`Error::NothingTrains`].
    pub fn of(map: &ModelMap, paths: &[String], reaches: impl Fn(usize) -> bool) -> Result<Self> {
        let blocks = map.layout.blocks();
        let is_meant = |path: &str, wanted: &str| {
            let below = path.strip_prefix(wanted);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        for wanted in paths {
            if !blocks.iter().any(|block| is_meant(&block.path, wanted)) {
                let example = blocks.first().map_or(String::new(), |block| block.path.clone());
                return Err(Error::NoSuchBlock { path: wanted.clone(), example });
            }
        }
        let is_asked = |path: &str| paths.is_empty() || paths.iter().any(|it| is_meant(path, it));
        let asked: Vec<usize> =
            (0..blocks.len()).filter(|&block| is_asked(&blocks[block].path)).collect();
        let names = || match paths {
            [] => "the parameters of the model".to_string(),
            paths => format!("`{}`", paths.join("`, `")),
        };
        if asked.iter().all(|&block| blocks[block].frozen) {
            return Err(Error::NothingTrains { blocks: names(), why: "all of them are frozen" });
        }
        let moving: Vec<usize> =
            asked.into_iter().filter(|&block| !blocks[block].frozen && reaches(block)).collect();
        if moving.is_empty() {
            let why =
                "no gradient reaches them: the loss does not depend on them, or not differentiably";
            return Err(Error::NothingTrains { blocks: names(), why });
        }
        let ranges = moving.iter().map(|&block| blocks[block].range()).collect();
        let blocks = match paths.is_empty() {
            true => U32s::default(),
            false => U32s(moving.iter().map(|&block| block as u32).collect()),
        };
        Ok(Self { blocks, ranges })
    }

    /// Length of a vector in layout order, as far as it is asked about.
    pub fn norm(&self, whole: &[f64]) -> f64 {
        norm(&self.pick(whole))
    }

    pub fn pick<T: Copy>(&self, whole: &[T]) -> Vec<T> {
        self.ranges.iter().flat_map(|range| whole[range.clone()].iter().copied()).collect()
    }

    pub fn lift(&self, part: &[f64], len: usize) -> Vec<f64> {
        let mut whole = vec![0.0; len];
        let entries = self.ranges.iter().cloned().flatten();
        entries.zip(part).for_each(|(place, value)| whole[place] = *value);
        whole
    }
}

/// Where a spec is measured.
pub(crate) struct Analysis<'s, 'g, 'a, M: TrainStep> {
    pub spec: &'s SharpnessSpec,
    pub hessian: Hessian<'g, 'a, M>,
    pub selection: Selection,
    pub seed: u64,
    pub lr: Option<f64>,
    /// Unit vectors along the trajectory and across it, where the run has a plane.
    pub plane: Option<[Vec<f32>; 2]>,
    /// Asked before each product.
    pub goes_on: &'s dyn Fn() -> bool,
    record: Curvature,
    slope: Vec<f64>,
    product_error: f64,
}

impl<'s, 'g, 'a, M> Analysis<'s, 'g, 'a, M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    /// Finds what may move and how long a step is to be.
    ///
    /// # Errors
    ///
    /// As [`Selection::of`] and a gradient.
    pub fn new(
        spec: &'s SharpnessSpec,
        gradients: &'g mut Gradients<'a, M>,
        seed: u64,
        goes_on: &'s dyn Fn() -> bool,
    ) -> Result<Self> {
        let map = gradients.map();
        let selection = Selection::of(map, &spec.blocks, |block| gradients.reaches(block))?;
        let (loss, slope) = (gradients.loss, gradients.slope.clone());
        let record = record!(Curvature {
            samples: gradients.samples as u64,
            unit: gradients.unit.recorded().into(),
            batches: gradients.batches as u64,
            dtype: format!("{:?}", map.dtype).to_lowercase(),
            blocks: selection.blocks.clone(),
            loss,
            grad_norm: selection.norm(&slope),
            lr: f64::NAN,
        });
        if !record.grad_norm.is_finite() {
            return Err(Error::NonFiniteDirection { direction: "gradient".to_string() });
        }
        let along = probe_direction(&selection, &slope);
        let hessian = Hessian::calibrated(gradients, &along)?;
        let (plane, lr, product_error) = (None, None, f64::NAN);
        Ok(Self {
            spec,
            hessian,
            selection,
            seed,
            lr,
            plane,
            goes_on,
            record,
            slope,
            product_error,
        })
    }

    /// Asks everything.
    ///
    /// # Errors
    ///
    /// As a gradient; being stopped before the eigenvalues are found.
    pub fn run(mut self) -> Result<Found> {
        let ends = self.extremes()?;
        let len = self.slope.len();
        let lift = |pairs: &[burnscape_landscape::curvature::Eigenpair]| {
            let vectors = pairs.iter().map(|pair| self.selection.lift(&pair.vector, len));
            vectors.collect::<Vec<_>>()
        };
        let (largest, smallest) = (lift(&ends.largest), lift(&ends.smallest));
        self.note_error(largest.first().or(smallest.first()))?;
        self.tell_extremes(&ends);
        self.tell_stability(&ends)?;
        self.trace()?;
        self.density()?;
        self.per_block()?;
        self.plane()?;
        self.measures()?;
        self.record.product_step = self.hessian.step;
        self.record.gradients = self.hessian.gradients.count;
        self.record.sentences = super::sentences::sentences(&self.record, ends.converged);
        let single = |vectors: Vec<Vec<f64>>| {
            let single = |vector: Vec<f64>| vector.into_iter().map(|it| it as f32).collect();
            vectors.into_iter().map(single).collect()
        };
        Ok(Found { record: self.record, largest: single(largest), smallest: single(smallest) })
    }

    /// The Hessian of what is asked about.
    fn part(&mut self) -> Restricted<&mut Hessian<'g, 'a, M>> {
        let (len, ranges) = (self.slope.len(), self.selection.ranges.clone());
        Restricted::new(&mut self.hessian, len, ranges)
    }

    fn extremes(&mut self) -> Result<Extremes> {
        let SharpnessSpec { largest, smallest, tolerance, most_products, .. } = *self.spec;
        let seed = self.seed;
        let options = ExtremesOptions {
            largest,
            smallest,
            tolerance,
            most_products,
            seed,
            ..ExtremesOptions::default()
        };
        let goes_on = self.goes_on;
        Ok(extremes(&mut self.part(), &options, &mut |_| flow(goes_on()))?)
    }

    fn note_error(&mut self, vector: Option<&Vec<f64>>) -> Result<()> {
        if let Some(vector) = vector {
            self.product_error = self.hessian.relative_error(vector)?;
        }
        self.record.product_error = self.product_error;
        Ok(())
    }

    fn tell_extremes(&mut self, ends: &Extremes) {
        let both = ends.largest.iter().chain(&ends.smallest);
        let size = both.fold(0.0, |size: f64, pair| size.max(pair.value.abs()));
        let off = self.product_error * size;
        let values = |pairs: &[burnscape_landscape::curvature::Eigenpair]| {
            let values = F64s(pairs.iter().map(|pair| pair.value).collect());
            (values, F64s(pairs.iter().map(|pair| pair.error + off).collect()))
        };
        (self.record.largest, self.record.largest_error) = values(&ends.largest);
        (self.record.smallest, self.record.smallest_error) = values(&ends.smallest);
    }

    /// The limit of the optimizer; for Adam's kin, also the largest eigenvalue that it is about.
    fn tell_stability(&mut self, ends: &Extremes) -> Result<()> {
        let optimizer = self.spec.optimizer;
        self.record.lr = self.lr.unwrap_or(f64::NAN);
        self.record.optimizer = optimizer.map(|it| it.to_string()).unwrap_or_default();
        let named = optimizer.unwrap_or(Optimizer::GradientDescent);
        let Optimizer::Adam { epsilon, .. } = named else {
            self.record.stability_limit = ends.largest.first().map(|_| named.limit());
            return Ok(());
        };
        let scales = preconditioner(self.hessian.gradients, epsilon)?;
        let scales = self.selection.pick(&scales);
        let options = ExtremesOptions { tolerance: 1e-2, seed: self.seed, ..Default::default() };
        let goes_on = self.goes_on;
        let mut part = Preconditioned::new(self.part(), &scales);
        let found = extremes(&mut part, &options, &mut |_| flow(goes_on()))?;
        let top = &found.largest[0];
        self.record.measures.push(record!(Measure {
            name: "preconditioned-largest".into(),
            value: top.value,
            error: Some(top.error + self.product_error * top.value.abs()),
            radius: None,
            meaning: format!(
                "largest eigenvalue of P⁻¹ᐟ² H P⁻¹ᐟ² with P from the squared gradients of these batches, which the \
                 optimizer's own state may differ from: times the learning rate it is to stay below {:.3}",
                named.limit()
            ),
}));

        Ok(())
    }

    fn trace(&mut self) -> Result<()> {
        let Some((method, products)) = self.spec.trace else { return Ok(()) };
        let options = TraceOptions { method, products, seed: self.seed };
        let goes_on = self.goes_on;
        let found = trace(&mut self.part(), &options, &mut |_| flow(goes_on()));
        if let Some(Estimate { value, stderr, probes, .. }) = unless_stopped(found)? {
            self.record.trace = Some(value);
            self.record.trace_stderr = stderr;
            self.record.trace_probes = probes;
        }
        Ok(())
    }

    fn density(&mut self) -> Result<()> {
        let Some(options) = self.spec.density else { return Ok(()) };
        let options = DensityOptions { seed: self.seed, ..options };
        let goes_on = self.goes_on;
        let found = density(&mut self.part(), &options, &mut |_| flow(goes_on()));
        self.record.density = unless_stopped(found)?.map(|found| {
            record!(Density {
                eigenvalue: F64s(found.eigenvalues),
                density: F64s(found.density),
                stderr: F64s(found.stderr),
                width: found.width,
                probes: found.probes,
                lanczos_steps: found.steps,
            })
        });
        Ok(())
    }

    fn per_block(&mut self) -> Result<()> {
        if !self.spec.per_block {
            return Ok(());
        }
        let map = self.hessian.gradients.map();
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for block in map.layout.blocks() {
            let range = block.range();
            let is_asked = self.selection.ranges.contains(&range);
            let top = if is_asked { self.largest_of(range)? } else { None };
            let (value, error) = top.unwrap_or((f64::NAN, f64::NAN));
            values.push(value);
            errors.push(error);
        }
        self.record.block_largest = F64s(values);
        self.record.block_largest_error = F64s(errors);
        Ok(())
    }

    fn largest_of(&mut self, range: Range<usize>) -> Result<Option<(f64, f64)>> {
        let options = ExtremesOptions {
            tolerance: BLOCK_TOLERANCE,
            most_products: 60,
            seed: self.seed,
            ..ExtremesOptions::default()
        };
        let goes_on = self.goes_on;
        let len = self.slope.len();
        let mut block = Restricted::new(&mut self.hessian, len, vec![range]);
        let found = extremes(&mut block, &options, &mut |_| flow(goes_on()));
        let found = unless_stopped(found)?;
        let top = found.and_then(|found| found.largest.into_iter().next());
        Ok(top.map(|top| (top.value, top.error + self.product_error * top.value.abs())))
    }

    /// Curvature along the trajectory and across it: how elongated the valley is that the plane of components shows.
    fn plane(&mut self) -> Result<()> {
        let Some([along, across]) = self.plane.take() else { return Ok(()) };
        let curvatures = [self.curvature_along(&along)?, self.curvature_along(&across)?];
        let [along, across] = curvatures;
        let meaning = |what: &str| {
            format!(
                "curvature dᵀHd along the {what} principal component of the snapshots, a unit vector; invariant to \
                 orthogonal changes of coordinates, not to rescaling weights"
            )
        };
        self.push("plane-along", along, meaning("first"));
        self.push("plane-across", across, meaning("second"));
        let ratio = if along == 0.0 { f64::NAN } else { across / along };
        let condition = "curvature across the trajectory over that along it: far above 1, training moves along the \
                         floor of a valley; not defined where that along it is 0; invariant to the scale of the loss";
        self.push("plane-condition", ratio, condition.to_string());
        Ok(())
    }

    fn curvature_along(&mut self, direction: &[f32]) -> Result<f64> {
        let direction: Vec<f64> = direction.iter().copied().map(f64::from).collect();
        let mut product = vec![0.0; direction.len()];
        self.hessian.apply(&direction, &mut product)?;
        let along: f64 = direction.iter().zip(&product).map(|(d, hd)| d * hd).sum();
        Ok(along / norm(&direction).powi(2))
    }

    fn push(&mut self, name: &str, value: f64, meaning: String) {
        let name = name.to_string();
        self.record.measures.push(record!(Measure {
            name,
            value,
            error: None,
            radius: None,
            meaning
        }));
    }

    fn measures(&mut self) -> Result<()> {
        if !self.spec.measures {
            return Ok(());
        }
        let weights: Vec<f32> =
            self.hessian.gradients.centre().iter().map(|&weight| weight as f32).collect();
        let part = self.selection.pick(&weights);
        let questions = [
            Question::Sam(false),
            Question::Sam(true),
            Question::Ball(false),
            Question::Ball(true),
            Question::Average(false),
            Question::Average(true),
            Question::Keskar,
        ];
        for question in questions {
            if !(self.goes_on)() {
                return Ok(());
            }
            let measure = self.ask(question, &part)?;
            self.record.measures.push(measure);
        }
        match self.spec.blocks.is_empty() {
            true => self.filter_normalised(&weights),
            false => Ok(()),
        }
    }

    fn ask(&mut self, question: Question, weights: &[f32]) -> Result<Measure> {
        let (len, ranges) = (self.slope.len(), self.selection.ranges.clone());
        let near = Restricted::new(&mut *self.hessian.gradients, len, ranges);
        question.ask(near, weights, self.spec, self.seed)
    }

    fn filter_normalised(&mut self, weights: &[f32]) -> Result<()> {
        let map = self.hessian.gradients.map();
        let scales = FilterScales::of(&map.layout, weights)?;
        let (probes, seed, goes_on) = (self.spec.directions, self.seed, self.goes_on);
        let watch = &mut |_| flow(goes_on());
        let found = filter_normalised(&mut self.hessian, &scales, probes, seed, watch);
        let meaning = "mean curvature along filter-normalised random directions by its closed form Σ ‖θ_f‖²/n_f · \
                       tr H_ff; invariant to rescaling filters so that the function stays";
        self.push_estimate("filter-normalised", found, meaning)?;
        let layout = &map.layout;
        let watch = &mut |_| flow(goes_on());
        let found =
            filter_normalised_by_sampling(&mut self.hessian, layout, weights, probes, seed, watch);
        let meaning = "the same mean, from directions as random slices draw them: the two agree within their errors";
        self.push_estimate("filter-normalised-sampled", found, meaning)
    }

    fn push_estimate(
        &mut self,
        name: &str,
        found: Result<Estimate, CurvatureError<Error>>,
        meaning: &str,
    ) -> Result<()> {
        if let Some(found) = unless_stopped(found)? {
            let (name, meaning) = (name.to_string(), meaning.to_string());
            let (value, error) = (found.value, found.stderr);
            self.record.measures.push(record!(Measure {
                name,
                value,
                error,
                radius: None,
                meaning
            }));
        }
        Ok(())
    }
}

/// A measure of sharpness by losses nearby; `true`: its adaptive variant.
#[derive(Clone, Copy)]
enum Question {
    Sam(bool),
    Ball(bool),
    Average(bool),
    Keskar,
}

impl Question {
    fn ask<L>(self, near: L, weights: &[f32], spec: &SharpnessSpec, seed: u64) -> Result<Measure>
    where
        L: burnscape_landscape::curvature::LossNear<Error = Error>,
    {
        let mut near = near;
        let is_adaptive = matches!(self, Self::Sam(true) | Self::Ball(true) | Self::Average(true));
        let (radius, scales) = match is_adaptive {
            true => (spec.adaptive_radius, adaptive_scales(weights)),
            false => (spec.radius, vec![1.0; weights.len()]),
        };
        let ascent = AscentOptions { seed, ..spec.ascent };
        let found = match self {
            Self::Sam(_) => sam(&mut near, radius, &scales).map(|it| (it.value, None)),
            Self::Ball(_) => ball(&mut near, radius, &scales, &ascent).map(|it| (it.value, None)),
            Self::Average(_) => {
                let directions = spec.directions;
                let found = average_direction(&mut near, radius, &scales, directions, seed);
                found.map(|it| (it.value, it.spread))
            }
            Self::Keskar => {
                let found = keskar(&mut near, spec.epsilon, weights, &ascent);
                found.map(|it| (it.value, None))
            }
        };
        let radius = if matches!(self, Self::Keskar) { spec.epsilon } else { radius };
        let (value, error, meaning) = match found {
            Ok((value, error)) => (value, error, self.meaning()),
            Err(error @ (CurvatureError::Undefined { .. } | CurvatureError::NonFinite { .. })) => {
                (f64::NAN, None, error.to_string())
            }
            Err(error) => return Err(error.into()),
        };
        Ok(record!(Measure {
            name: self.name().into(),
            value,
            error,
            radius: Some(radius),
            meaning
        }))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sam(false) => "sam",
            Self::Sam(true) => "sam-adaptive",
            Self::Ball(false) => "ball",
            Self::Ball(true) => "ball-adaptive",
            Self::Average(false) => "average-direction",
            Self::Average(true) => "average-direction-adaptive",
            Self::Keskar => "keskar",
        }
    }

    fn meaning(self) -> String {
        let what = match self {
            Self::Sam(_) => {
                "rise of the loss one step of the radius up the gradient (Foret et al. 2021)"
            }
            Self::Ball(_) => {
                "highest rise of the loss that several ascents find within the radius: a lower bound"
            }
            Self::Average(_) => {
                "mean rise of the loss at the radius over random directions, with the spread of one direction"
            }
            Self::Keskar => {
                "highest rise of the loss in a box of ε(|θ| + 1), in per cent of 1 + loss (Keskar et al. 2017)"
            }
        };
        let invariant = match self {
            Self::Keskar => {
                "invariant to neither rotations nor rescaling weights, nor to the scale of the loss"
            }
            Self::Sam(true) | Self::Ball(true) | Self::Average(true) => {
                "invariant to rescaling weights so that the function stays (radius in units of |θ|, Kwon et al. 2021)"
            }
            _ => "invariant to orthogonal changes of coordinates, not to rescaling weights",
        };
        format!("{what}; {invariant}")
    }
}

/// The gradient as far as it is asked about, or, where it is 0, all ones: a direction in which to try steps.
pub(crate) fn probe_direction(selection: &Selection, slope: &[f64]) -> Vec<f64> {
    let part = selection.pick(slope);
    match norm(&part) > 0.0 {
        true => selection.lift(&part, slope.len()),
        false => selection.lift(&vec![1.0; part.len()], slope.len()),
    }
}

/// P⁻¹ᐟ² of Adam from the squared gradients of the batches, in layout order.
///
/// # Errors
///
/// As a gradient.
pub(crate) fn preconditioner<M>(gradients: &mut Gradients<'_, M>, epsilon: f64) -> Result<Vec<f64>>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    let squares = gradients.squares()?;
    Ok(squares.into_iter().map(|square| (square.sqrt() + epsilon).sqrt().recip()).collect())
}

pub(crate) fn flow(goes_on: bool) -> ControlFlow<()> {
    if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// What was found, or nothing where it was stopped before.
fn unless_stopped<T>(found: Result<T, CurvatureError<Error>>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(CurvatureError::Stopped { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
