//! A bent path of low loss between two models.

use std::path::PathBuf;
use std::sync::Arc;

use burn::module::Module;
use burn::train::{InferenceStep, TrainStep};
use burnscape_landscape::barrier::Barrier;
use burnscape_landscape::curve::{Bend, BendOptions};

use super::barrier::NODES;
use super::measured::Comparison;
use super::words;
use crate::config::check::check;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::{Point, Weights, WeightsOf};
use crate::study::bending::{Ends, MeasuredBend};
use crate::study::comparing::Findings;
use crate::study::open_study::OpenStudy;
use crate::study::ways::Way;
use crate::{Error, Result};

/// How the bend of a path is trained; by default 1,000 steps at a rate of 0.05, with a momentum of 0.9.
///
/// The rate stays for half of the steps, then falls in a straight line to a hundredth (Garipov et al. 2018, appendix A.2).
///
/// # Examples
///
/// ```
/// let long = burnscape::BentPathSpec::new().steps(5000).rate(0.01);
/// # let _ = long;
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Comparison::connect_with`"]
pub struct BentPathSpec {
    options: BendOptions,
    nodes: usize,
    resume_from: Option<PathBuf>,
}

impl Default for BentPathSpec {
    fn default() -> Self {
        Self { options: BendOptions::default(), nodes: NODES, resume_from: None }
    }
}

impl BentPathSpec {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Steps of training in all, each on one batch.
    pub fn steps(mut self, steps: usize) -> Self {
        self.options.steps = steps;
        self
    }

    /// Learning rate of the first half of the steps: about that of plain gradient descent on the model.
    pub fn rate(mut self, rate: f64) -> Self {
        self.options.rate = rate;
        self
    }

    /// Share of each step that the next one takes again, from 0 to below 1.
    pub fn momentum(mut self, share: f64) -> Self {
        self.options.momentum = share;
        self
    }

    /// Nodes on the path at which everything is measured, at least 3.
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes.max(3);
        self
    }

    /// Goes on with the bend between the same two models that a comparison in this run folder has kept when it was stopped.
    pub fn resume_from(mut self, comparison: impl Into<PathBuf>) -> Self {
        self.resume_from = Some(comparison.into());
        self
    }

    fn validate(&self) -> Result<()> {
        let BendOptions { steps, rate, momentum } = self.options;
        check("steps", steps > 0, &steps, "one step or more")?;
        check("rate", rate > 0.0 && rate.is_finite(), &rate, "a positive number")?;
        check("momentum", (0.0..1.0).contains(&momentum), &momentum, "from 0 to below 1")
    }
}

/// A path between two models that a bend keeps low: φ(t) = (1 − t)²·a + 2t(1 − t)·bend + t²·b.
#[derive(Debug, Clone)]
pub struct BentPath {
    /// The point that bends it, towards which it is drawn.
    pub bend: Point,
    /// Steps of training that it took; fewer than asked for where it was stopped.
    pub steps: usize,
    /// The plane through both ends and the bend, with the curve as its path; none where it was stopped, and where the
    /// bend lies on the straight line.
    pub surface: Option<SliceSurface>,
    /// Of every layer by name, such as `loss` or `valid loss`, how high it climbs on the path; none where it was stopped.
    pub curve: Vec<(String, Barrier)>,
    /// The same on the straight line, at as many nodes.
    pub line: Vec<(String, Barrier)>,
    /// What can be concluded, as sentences.
    pub sentences: Vec<String>,
    way: Option<Arc<Way>>,
}

/// A bend that was trained between two points, as far as it came.
pub(super) struct KeptBend {
    points: [Point; 2],
    options: BendOptions,
    bend: Bend,
}

impl BentPath {
    /// The largest finite loss on the path; NaN where it was stopped before it was measured.
    pub fn highest(&self) -> f64 {
        self.curve.first().map_or(f64::NAN, |(_, losses)| highest(losses))
    }

    /// The largest finite loss on the straight line; NaN where it was stopped before it was measured.
    pub fn highest_on_line(&self) -> f64 {
        self.line.first().map_or(f64::NAN, |(_, losses)| highest(losses))
    }

    /// The model at `t` from 0 to 1 on the path: a model of its own to measure around, or to average outputs with.
    pub fn at(&self, t: f64) -> Point {
        match &self.way {
            Some(way) => {
                let label = format!("t = {t} on the bent path");
                Point::Weights(Weights(Arc::new(WeightsOf { label, tensors: way.at(t) })))
            }
            None => self.bend.clone(),
        }
    }

    fn stopped(bend: Point, steps: usize, way: Option<Arc<Way>>, sentences: Vec<String>) -> Self {
        let (curve, line) = (Vec::new(), Vec::new());
        Self { bend, steps, surface: None, curve, line, sentences, way }
    }
}

impl<M> Comparison<'_, M>
where
    M: InferenceStep + Module,
    <M as InferenceStep>::Input: Clone,
{
    /// Looks for a path of low loss between two models, as [`connect_with`](Self::connect_with) with its defaults.
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with).
    pub fn connect<T>(&mut self, a: &Point, b: &Point, batches: &[T]) -> Result<BentPath>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        self.connect_with(a, b, batches, &BentPathSpec::new())
    }

    /// Looks for a path of low loss between two models (Garipov et al. 2018, arXiv 1802.10026): a quadratic Bézier curve
    /// whose bend is trained by the model's own `TrainStep` on `batches`, one batch a step in their order, in training mode.
    /// The losses on it are then measured on the batches of the study, beside those on the straight line, and drawn in
    /// the plane through both ends and the bend. Statistics of BatchNorm are recomputed at every node.
    ///
    /// The steps can be stopped as a surface can: the bend is kept as far as it came, and the same call, once
    /// [`Study::resume`](crate::Study::resume) has lifted the stop, goes on from there; the result is bit for bit that of a
    /// training that was never stopped, unless the model draws at random.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) for a spec that makes no sense,
    /// [`Error::BendDiverged`](crate::Error::BendDiverged) where the rate is too large; else as
    /// [`Study::sharpness`](crate::Study::sharpness) and [`Study::slice`](crate::Study::slice).
    pub fn connect_with<T>(
        &mut self,
        a: &Point,
        b: &Point,
        batches: &[T],
        spec: &BentPathSpec,
    ) -> Result<BentPath>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        spec.validate()?;
        let names = [a, b].map(|point| self.runs.name_of(point));
        let Some(open) = self.study.open_mut() else {
            return Ok(BentPath::stopped(a.clone(), 0, None, Vec::new()));
        };
        let bends = &mut self.bends;
        open.within_budget(|open| {
            if open.distance([a, b])? == 0.0 {
                let sentences = vec![words::same_weights(&names)];
                return Ok(BentPath::stopped(a.clone(), 0, None, sentences));
            }
            let name = format!("{} to {}", names[0], names[1]);
            let tensors = [open.tensors_at(a)?, open.tensors_at(b)?];
            let ends = Ends { points: [a, b], tensors, name: &name };
            let number = kept(bends, open, &ends, spec)?;
            let bend = &mut bends[number].bend;
            open.train_bend(&ends, bend, &spec.options, batches)?;
            open.keep_bend(number, &ends, bend)?;
            measured(open, &ends, bend, spec, &names)
        })
    }
}

/// The number of the bend that was begun between these points in the same way, or of a new one.
fn kept<M>(
    bends: &mut Vec<KeptBend>,
    open: &OpenStudy<'_, M>,
    ends: &Ends<'_>,
    spec: &BentPathSpec,
) -> Result<usize>
where
    M: InferenceStep + Module,
    <M as InferenceStep>::Input: Clone,
{
    let (points, options) = (ends.points.map(Clone::clone), spec.options);
    let is_same = |it: &KeptBend| it.points == points && it.options == options;
    if let Some(number) = bends.iter().position(is_same) {
        return Ok(number);
    }
    let bend = match &spec.resume_from {
        None => open.bend_between(ends)?,
        Some(folder) => open.kept_bend(folder, ends)?.ok_or_else(|| Error::Setting {
            setting: "resume_from",
            found: folder.display().to_string(),
            expected: "a comparison that has kept a bend between the same two models, in this order",
        })?,
    };
    bends.push(KeptBend { points, options, bend });
    Ok(bends.len() - 1)
}

fn measured<M>(
    open: &mut OpenStudy<'_, M>,
    ends: &Ends<'_>,
    bend: &Bend,
    spec: &BentPathSpec,
    names: &[String; 2],
) -> Result<BentPath>
where
    M: InferenceStep + Module,
    <M as InferenceStep>::Input: Clone,
{
    let way = Arc::new(open.bent_way(ends, bend));
    let label = format!("the bend between {} and {}", names[0], names[1]);
    let tensors = way.bend().unwrap_or_default();
    let point = Point::Weights(Weights(Arc::new(WeightsOf { label, tensors })));
    let is_trained = bend.step >= spec.options.steps;
    let found = match is_trained {
        true => open.measure_bend(ends, bend, spec.nodes)?,
        false => None,
    };
    let Some(found) = found else {
        let sentences = vec![words::unfinished_bend(names, bend.step, spec.options.steps)];
        return Ok(BentPath::stopped(point, bend.step, Some(way), sentences));
    };
    let statistics = open.statistics_of_ways();
    let sentences = words::bent_path(names, bend.step, statistics, &found);
    let (curve, line) = (found.curve.clone(), found.line.clone());
    let findings = findings(&found, bend.step, sentences.clone());
    let surface = open.measure_plane_of_bend(ends, found, findings)?;
    Ok(BentPath { bend: point, steps: bend.step, surface, curve, line, sentences, way: Some(way) })
}

fn findings(found: &MeasuredBend, steps: usize, sentences: Vec<String>) -> Findings {
    let (curve, line) = (&found.curve[0].1, &found.line[0].1);
    Findings { sentences, ..Findings::default() }
        .with("highest", vec![highest(curve)])
        .with("highest_on_line", vec![highest(line)])
        .with("barrier", vec![curve.height])
        .with("barrier_stderr", vec![curve.stderr])
        .with("steps", vec![steps as f64])
}

pub(super) fn highest(losses: &Barrier) -> f64 {
    losses.losses.iter().copied().filter(|it| it.is_finite()).fold(f64::NAN, f64::max)
}
