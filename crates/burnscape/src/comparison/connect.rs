//! A bent path of low loss between two models.

use std::sync::Arc;

use burn::module::Module;
use burn::train::{InferenceStep, TrainStep};
use burnscape_landscape::barrier::Barrier;
use burnscape_landscape::curve::Bend;

use super::bend::{BentPathSpec, kept};
use super::measured::Comparison;
use super::words;
use crate::Result;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::{Point, Weights, WeightsOf};
use crate::study::bending::{Ends, MeasuredBend};
use crate::study::comparing::Findings;
use crate::study::open_study::AnyStudy;
use crate::study::ways::Way;

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

impl BentPath {
    /// The largest finite loss on the path; NaN where it was stopped before it was measured.
    pub fn highest(&self) -> f64 {
        self.curve.first().map_or(f64::NAN, |(_, losses)| losses.highest())
    }

    /// The largest finite loss on the straight line; NaN where it was stopped before it was measured.
    pub fn highest_on_line(&self) -> f64 {
        self.line.first().map_or(f64::NAN, |(_, losses)| losses.highest())
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
        let name = [a, b].map(|point| self.runs.short_name_of(point)).join(" to ");
        let Some(open) = self.study.open_typed() else {
            return Ok(BentPath::stopped(a.clone(), 0, None, Vec::new()));
        };
        let bends = &mut self.bends;
        open.within_budget(|typed| {
            let open: &mut AnyStudy<'_> = typed;
            if open.distance([a, b])? == 0.0 {
                let sentences = vec![words::same_weights(&names)];
                return Ok(BentPath::stopped(a.clone(), 0, None, sentences));
            }
            let tensors = [open.tensors_at(a)?, open.tensors_at(b)?];
            let ends = Ends { points: [a, b], tensors, name: &name };
            let number = kept(bends, open, &ends, spec)?;
            let bend = &mut bends[number].bend;
            typed.train_bend(&ends, bend, &spec.options, batches)?;
            let open: &mut AnyStudy<'_> = typed;
            open.keep_bend(number, &ends, bend, &spec.options)?;
            measured(open, &ends, bend, spec, &names)
        })
    }
}

fn measured(
    open: &mut AnyStudy<'_>,
    ends: &Ends<'_>,
    bend: &Bend,
    spec: &BentPathSpec,
    names: &[String; 2],
) -> Result<BentPath> {
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
        .with("highest", vec![curve.highest()])
        .with("highest_on_line", vec![line.highest()])
        .with("barrier", vec![curve.height])
        .with("barrier_stderr", vec![curve.stderr])
        .with("steps", vec![steps as f64])
}
