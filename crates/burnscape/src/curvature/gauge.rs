//! The curvature while training goes on: when it is measured, and what is remembered from time to time.
//!
//! It is measured on the training thread, before an update, on a copy of the weights: nothing of the model changes,
//! and nothing is drawn from burn's random streams.

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::train::TrainStep;
use burnscape_landscape::curvature::{
    Extremes, ExtremesOptions, HessianProduct, Optimizer, Preconditioned, Restricted, extremes,
};
use burnscape_trace::{Curvature, F64s, record};

use super::gradients::{Gradients, LossOf};
use super::measure::{Selection, flow, preconditioner, probe_direction};
use super::product::Hessian;
use super::spec::check_optimizer;
use crate::config::check::check;
use crate::config::schedule::{Schedule, StepPlace};
use crate::model::loss::Losses;
use crate::model::map::ModelMap;
use crate::{Error, Result};

/// Gradients that the first measurement is expected to cost, as `cargo bench --bench hook -- curvature` prints them.
const COLD_GRADIENTS: f64 = 45.0;

/// Measurements after which the step of differences is looked for anew, and the largest eigenvalue among all: weights
/// have moved on. In between, the one that is known is followed.
const KNOWN_LASTS: u64 = 20;

/// What is known of the largest eigenvalue ends before that where the one that is followed has fallen by this share of
/// it: another one may be larger by then.
const FALLEN: f64 = 0.3;

/// When the curvature is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pace {
    /// As often as this share of the time of training allows.
    Share(f64),
    EverySteps(u64),
    EveryEpochs(u64),
}

/// A gauge of the curvature while training goes on, for [`Probe::curvature`](crate::Probe::curvature): the largest
/// eigenvalue of the Hessian, from where the last one was found, against the learning rate of that moment.
///
/// # Examples
///
/// ```
/// use burnscape::{LiveCurvature, OptimizerKind};
///
/// let by_itself = LiveCurvature::new(); // as often as a twentieth of the training time allows
/// let momentum = OptimizerKind::HeavyBall { momentum: 0.9, dampening: 0.1 };
/// let named = LiveCurvature::new().every_epochs(1).optimizer(momentum);
/// # let _ = (by_itself, named);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Probe::curvature`"]
pub struct LiveCurvature {
    pace: Pace,
    tolerance: f64,
    most_products: usize,
    optimizer: Option<Optimizer>,
}

impl Default for LiveCurvature {
    fn default() -> Self {
        Self { pace: Pace::Share(0.05), tolerance: 1e-2, most_products: 40, optimizer: None }
    }
}

impl LiveCurvature {
    /// A gauge that takes a twentieth of the time of training, by its own clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// Before every `steps`-th step, starting with the first.
    pub fn every_steps(mut self, steps: u64) -> Self {
        self.pace = Pace::EverySteps(steps);
        self
    }

    /// Before the first step of every `epochs`-th epoch, starting with the first.
    pub fn every_epochs(mut self, epochs: u64) -> Self {
        self.pace = Pace::EveryEpochs(epochs);
        self
    }

    /// As often as this share of the time of training allows. Default 0.05.
    pub fn share(mut self, share: f64) -> Self {
        self.pace = Pace::Share(share);
        self
    }

    /// The error of the eigenvalue that is small enough, as a share of it. Default 0.01.
    ///
    /// Every twentieth measurement looks for the largest of all, with an error that covers it. Those in between follow
    /// the one that is known, for a third of the cost: an eigenvalue within its residual, perhaps not the largest, as the
    /// record says.
    pub fn tolerance(mut self, share: f64) -> Self {
        self.tolerance = share;
        self
    }

    /// Products with the Hessian, of two gradients each, after which one measurement gives up. Default 40.
    pub fn most_products(mut self, products: usize) -> Self {
        self.most_products = products;
        self
    }

    /// The optimizer with its constants, which burn does not tell. Default: not named, which is read as gradient
    /// descent.
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = Some(optimizer);
        self
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`].
    fn validate(&self) -> Result<()> {
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        match self.pace {
            Pace::Share(share) => {
                check("share", is_share(share), &share, "a share of the time between 0 and 1")?;
            }
            Pace::EverySteps(every) | Pace::EveryEpochs(every) => {
                check("every", every > 0, &every, "every 1 or more")?;
            }
        }
        let tolerance = self.tolerance;
        check("tolerance", is_share(tolerance), &tolerance, "a share between 0 and 1")?;
        check("most_products", self.most_products > 0, &self.most_products, "1 or more")?;
        check_optimizer(self.optimizer)
    }
}

/// What a measurement leaves for the next one.
#[derive(Default)]
struct Memory {
    /// In the coordinates of what trains.
    eigenvector: Option<Vec<f64>>,
    /// Step of differences, and the relative error of products with it.
    step: Option<(f64, f64)>,
    /// The largest eigenvalue when it was last looked for among all.
    largest: Option<f64>,
    /// Which blocks were frozen then.
    frozen: Vec<bool>,
    measured: u64,
}

/// What measures the curvature of models of one type; a watched model knows no more of its gauge.
pub(crate) trait Measures<M>: Send {
    /// Measures, if it is due before this step; after an error it is off.
    fn at(
        &mut self,
        model: &M,
        map: &ModelMap,
        place: StepPlace,
        lr: f64,
    ) -> Option<Result<Curvature>>;

    /// How often it measures by its own clock, once it knows; told once.
    fn schedule_in_words(&self, step: u64) -> Option<String>;
}

/// A gauge that clones of a watched model share.
pub(crate) type GaugeOf<M> = Arc<Mutex<dyn Measures<M>>>;

/// A gauge with its batches.
pub(crate) struct Gauge<M: TrainStep> {
    settings: LiveCurvature,
    batches: Vec<M::Input>,
    losses: Arc<Losses>,
    memory: Memory,
    clock: Clock,
    epochs: u64,
    is_off: bool,
}

impl<M> Gauge<M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    /// # Errors
    ///
    /// [`Error::Setting`], [`Error::NoBatches`].
    pub fn new(
        settings: LiveCurvature,
        batches: Vec<M::Input>,
        losses: Arc<Losses>,
    ) -> Result<Self> {
        settings.validate()?;
        if batches.is_empty() {
            return Err(Error::NoBatches);
        }
        let (memory, clock) = (Memory::default(), Clock::new());
        Ok(Self { settings, batches, losses, memory, clock, epochs: 0, is_off: false })
    }

    fn is_due(&mut self, model: &M, map: &ModelMap, place: StepPlace) -> Result<bool> {
        match self.settings.pace {
            Pace::EverySteps(every) => Ok(Schedule::Every(every).is_due(place)),
            Pace::EveryEpochs(every) => {
                let is_due = place.starts_epoch && self.epochs.is_multiple_of(every);
                self.epochs += u64::from(place.starts_epoch);
                Ok(is_due)
            }
            Pace::Share(share) => {
                if self.clock.expected.is_none() {
                    let began = Instant::now();
                    self.try_once(model, map)?;
                    self.clock.tried(began.elapsed());
                }
                Ok(self.clock.allows(share))
            }
        }
    }

    /// One gradient, to see what it costs.
    fn try_once(&self, model: &M, map: &ModelMap) -> Result<()> {
        let shards = vec![(None, self.batches.clone())];
        let losses = &self.losses;
        let loss_of = |output: &dyn Any| losses.of(output);
        Gradients::new(&model.valid(), map, shards, &loss_of).map(|_| ())
    }

    fn measured(&mut self, model: &M, map: &ModelMap, lr: f64) -> Result<Curvature> {
        let began = Instant::now();
        let Self { settings, batches, losses, memory, .. } = self;
        memory.follow(map);
        let loss_of = |output: &dyn Any| losses.of(output);
        let mut record = measure(model, map, batches, &loss_of, settings, memory)?;
        let took = began.elapsed();
        self.clock.measured(took);
        record.lr = lr;
        record.took_secs = took.as_secs_f64();
        record.sentences.extend(super::sentences::stability(&record));
        Ok(record)
    }
}

impl<M> Measures<M> for Gauge<M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    fn at(
        &mut self,
        model: &M,
        map: &ModelMap,
        place: StepPlace,
        lr: f64,
    ) -> Option<Result<Curvature>> {
        if self.is_off {
            return None;
        }
        let measured = match self.is_due(model, map, place) {
            Ok(false) => return None,
            Ok(true) => self.measured(model, map, lr),
            Err(error) => Err(error),
        };
        self.is_off = measured.is_err();
        Some(measured)
    }

    fn schedule_in_words(&self, step: u64) -> Option<String> {
        let Pace::Share(share) = self.settings.pace else { return None };
        if self.memory.measured != 2 || step == 0 {
            return None;
        }
        let per_step = self.clock.training_secs() / step as f64;
        let cost = self.clock.expected?;
        Some(format!(
            "the curvature is measured about every {:.0} steps: a measurement takes {:.0} ms, a step {:.1} ms, and {:.0} % \
             of the time are allowed",
            (cost / (share * per_step)).max(1.0),
            1e3 * cost,
            1e3 * per_step,
            100.0 * share
        ))
    }
}

/// What measuring costs beside training.
struct Clock {
    started: Instant,
    spent: Duration,
    /// Seconds that the next measurement is expected to take.
    expected: Option<f64>,
}

impl Clock {
    fn new() -> Self {
        Self { started: Instant::now(), spent: Duration::ZERO, expected: None }
    }

    fn tried(&mut self, gradient: Duration) {
        // The clock begins with training, not with the probe.
        self.started = Instant::now();
        self.spent = gradient;
        self.expected = Some(COLD_GRADIENTS * gradient.as_secs_f64());
    }

    fn measured(&mut self, took: Duration) {
        self.spent += took;
        self.expected = Some(took.as_secs_f64());
    }

    fn training_secs(&self) -> f64 {
        (self.started.elapsed().as_secs_f64() - self.spent.as_secs_f64()).max(0.0)
    }

    fn allows(&self, share: f64) -> bool {
        let spent = self.spent.as_secs_f64() + self.expected.unwrap_or(0.0);
        spent <= share * self.training_secs()
    }
}

fn measure<M>(
    model: &M,
    map: &ModelMap,
    batches: &[M::Input],
    loss_of: LossOf<'_>,
    settings: &LiveCurvature,
    memory: &mut Memory,
) -> Result<Curvature>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    let shards = vec![(None, batches.to_vec())];
    let model = model.valid();
    let mut gradients = match memory.measured {
        0 => Gradients::new(&model, map, shards, loss_of)?,
        _ => Gradients::unchecked(&model, map, shards, loss_of)?,
    };
    let selection = Selection::of(map, &[], |block| gradients.reaches(block))?;
    let optimizer = settings.optimizer.unwrap_or(Optimizer::GradientDescent);
    let scales = match optimizer {
        Optimizer::Adam { epsilon, .. } => Some(preconditioner(&mut gradients, epsilon)?),
        _ => None,
    };
    let mut record = record!(Curvature {
        reason: "live".into(),
        samples: gradients.samples as u64,
        unit: gradients.unit.recorded().into(),
        batches: gradients.batches as u64,
        dtype: format!("{:?}", map.dtype).to_lowercase(),
        loss: gradients.loss,
        grad_norm: selection.norm(&gradients.slope),
        optimizer: settings.optimizer.map(|it| it.to_string()).unwrap_or_default(),
        preconditioned: scales.is_some(),
        stability_limit: Some(optimizer.limit()),
    });
    let mut hessian = stepped(&mut gradients, &selection, memory)?;
    let found = largest(&mut hessian, &selection, scales.as_deref(), settings, memory)?;
    if let Some(top) = found.largest.into_iter().next() {
        let error = known_error(&mut hessian, &selection, &top.vector, memory)?;
        let is_covered = memory.largest.is_none();
        let own = if is_covered { top.error } else { top.residual };
        record.largest = F64s(vec![top.value]);
        record.largest_error = F64s(vec![own + error * top.value.abs()]);
        record.product_error = error;
        record.sentences.extend(super::sentences::followed(is_covered));
        memory.eigenvector = Some(top.vector);
        memory.know(top.value);
    }
    record.product_step = hessian.step;
    record.gradients = hessian.gradients.count;
    memory.measured += 1;
    Ok(record)
}

impl Memory {
    /// Where other blocks are frozen than before, it is another Hessian.
    fn follow(&mut self, map: &ModelMap) {
        let frozen: Vec<bool> = map.layout.blocks().iter().map(|block| block.frozen).collect();
        if self.frozen != frozen {
            *self = Self { frozen, measured: self.measured, ..Self::default() };
        }
    }

    /// Remembers the largest eigenvalue, or forgets it where the one that was followed may not be the largest any more.
    fn know(&mut self, value: f64) {
        let known = self.largest.unwrap_or(value);
        let is_spent = (self.measured + 1).is_multiple_of(KNOWN_LASTS);
        let has_fallen = known - value > FALLEN * known.abs();
        self.largest = (!is_spent && !has_fallen).then_some(known);
    }
}

/// The Hessian with the step of differences that is known, or that is looked for now.
fn stepped<'g, 'a, M>(
    gradients: &'g mut Gradients<'a, M>,
    selection: &Selection,
    memory: &mut Memory,
) -> Result<Hessian<'g, 'a, M>>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    if memory.measured.is_multiple_of(KNOWN_LASTS) {
        memory.step = None;
    }
    match memory.step {
        Some((step, _)) => Ok(Hessian::with_step(gradients, step)),
        None => {
            let along = probe_direction(selection, &gradients.slope);
            Hessian::calibrated(gradients, &along)
        }
    }
}

/// The relative error of products, measured where the step is new.
fn known_error<M>(
    hessian: &mut Hessian<'_, '_, M>,
    selection: &Selection,
    vector: &[f64],
    memory: &mut Memory,
) -> Result<f64>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    if let Some((_, error)) = memory.step {
        return Ok(error);
    }
    let error = hessian.relative_error(&selection.lift(vector, hessian.len()))?;
    memory.step = Some((hessian.step, error));
    Ok(error)
}

fn largest<M>(
    hessian: &mut Hessian<'_, '_, M>,
    selection: &Selection,
    scales: Option<&[f64]>,
    settings: &LiveCurvature,
    memory: &Memory,
) -> Result<Extremes>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    let (len, ranges) = (hessian.len(), selection.ranges.clone());
    let mut part = Restricted::new(hessian, len, ranges);
    // Where it is known, it leads; to cover all others takes a random start.
    let known = memory.eigenvector.as_deref().filter(|_| memory.largest.is_some());
    let start = known.filter(|start| start.len() == part.len());
    let options = ExtremesOptions {
        tolerance: settings.tolerance,
        until_covered: memory.largest.is_none(),
        most_products: settings.most_products,
        seed: memory.measured,
        start,
        ..ExtremesOptions::default()
    };
    let watch = &mut |_| flow(true);
    match scales {
        None => Ok(extremes(&mut part, &options, watch)?),
        Some(scales) => {
            let scales = selection.pick(scales);
            Ok(extremes(&mut Preconditioned::new(part, &scales), &options, watch)?)
        }
    }
}
