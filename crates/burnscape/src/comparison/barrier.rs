//! How high the loss climbs on the straight line between two models.

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::barrier::Barrier;

use super::measured::Comparison;
use super::words;
use crate::Result;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;
use crate::study::comparing::{Findings, MeasuredLine};
use crate::study::open_study::OpenStudy;
use crate::study::slice_spec::BatchNormMode;
use crate::study::ways::{NODES, Statistics};

/// The lines between two models: one, or, where there is BatchNorm, one for each way of treating its statistics.
#[derive(Debug, Clone)]
pub struct Barriers {
    /// With interpolated statistics first; none between models with the same weights, and none that was stopped before
    /// both ends were measured.
    pub lines: Vec<BarrierLine>,
    /// Distance between the models in parameter space.
    pub distance: f64,
    /// What can be concluded, as sentences.
    pub sentences: Vec<String>,
}

/// The line between two models, and how high each quantity climbs on it.
#[derive(Debug, Clone)]
pub struct BarrierLine {
    /// The losses on it, at λ from 0 to 1.
    pub surface: SliceSurface,
    /// Whether the statistics of BatchNorm were recomputed at every node; none without BatchNorm. Otherwise they were
    /// interpolated between those of the ends.
    pub batchnorm: Option<BatchNormMode>,
    /// Of every layer by name, such as `loss`, `accuracy` or `valid loss`, the loss first.
    pub barriers: Vec<(String, Barrier)>,
}

impl Barriers {
    /// How high the loss climbs at least, whichever way BatchNorm is treated: what is left when statistics are no reason.
    /// 0 between models with the same weights.
    pub fn lowest(&self) -> f64 {
        let heights = self.lines.iter().map(|line| line.loss().height);
        heights.reduce(f64::min).unwrap_or(0.0)
    }
}

impl BarrierLine {
    /// How high the loss climbs.
    pub fn loss(&self) -> &Barrier {
        &self.barriers[0].1
    }

    /// How high a quantity climbs, such as `valid loss`.
    pub fn barrier(&self, name: &str) -> Option<&Barrier> {
        self.barriers.iter().find(|(known, _)| known == name).map(|(_, barrier)| barrier)
    }
}

impl<M> Comparison<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Measures the straight line between two models at 25 nodes: everything that the study measures, on all of its batches.
    ///
    /// The barrier is max over λ of L(θ(λ)) − [(1 − λ)·L(a) + λ·L(b)] (Frankle et al. 2020), with the standard error over
    /// batches, which all nodes share. Where there is BatchNorm, the line is measured twice: with the statistics of the ends
    /// interpolated as the weights are, and with statistics recomputed at every node, without which most barriers are an
    /// artefact.
    ///
    /// It may be stopped early, as a surface may: the ends are measured first, then ever finer between them, and the barrier
    /// is that of the nodes that were measured, which is said.
    ///
    /// # Errors
    ///
    /// As [`Study::slice`](crate::Study::slice).
    pub fn barrier(&mut self, a: &Point, b: &Point) -> Result<Barriers> {
        self.barrier_at(a, b, NODES)
    }

    /// The same with so many nodes, at least 3.
    ///
    /// # Errors
    ///
    /// As [`barrier`](Self::barrier).
    pub fn barrier_at(&mut self, a: &Point, b: &Point, nodes: usize) -> Result<Barriers> {
        let names = [a, b].map(|point| self.runs.name_of(point));
        let Some(open) = self.study.open_mut() else {
            return Ok(Barriers { lines: Vec::new(), distance: f64::NAN, sentences: Vec::new() });
        };
        open.within_budget(|open| {
            let distance = open.distance([a, b])?;
            if distance == 0.0 {
                let sentences = vec![words::same_weights(&names)];
                return Ok(Barriers { lines: Vec::new(), distance, sentences });
            }
            measured(open, [a, b], &names, nodes.max(3), distance)
        })
    }
}

fn measured<M>(
    open: &mut OpenStudy<'_, M>,
    ends: [&Point; 2],
    names: &[String; 2],
    nodes: usize,
    distance: f64,
) -> Result<Barriers>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    let ways = match open.has_batchnorm() {
        true => vec![Statistics::Interpolated, Statistics::Recalibrated],
        false => vec![Statistics::None],
    };
    let title = format!("{} to {}", names[0], names[1]);
    let all: Result<Vec<_>> = ways.iter().map(|&way| open.line(ends, nodes, way, &title)).collect();
    let (all, mut lines, mut sentences) = (all?, Vec::new(), Vec::new());
    for (line, &way) in all.iter().zip(&ways) {
        if line.missing > 0 {
            sentences.push(words::unfinished_line(names, line.missing, nodes));
        }
        if line.layers.is_empty() {
            continue;
        }
        let line = BarrierLine::of(line, way);
        let losses = line.barriers.iter().filter(|(name, _)| name.ends_with("loss"));
        sentences.extend(losses.map(|(name, found)| words::barrier(names, name, way, found)));
        lines.push(line);
    }
    let of = |read: fn(&Barrier) -> f64| {
        let barrier = |line: &MeasuredLine| line.layers.first().map(|(_, it)| read(&it.barrier()));
        all.iter().map(|line| barrier(line).unwrap_or(f64::NAN)).collect()
    };
    let findings = Findings { sentences: sentences.clone(), ..Findings::default() }
        .with("barrier", of(|it| it.height))
        .with("barrier_stderr", of(|it| it.stderr))
        .with("barrier_at", of(|it| it.lambda));
    open.tell_lines("barrier", &all, findings);
    Ok(Barriers { lines, distance, sentences })
}

impl BarrierLine {
    fn of(line: &MeasuredLine, way: Statistics) -> Self {
        let barriers = line.layers.iter().map(|(name, losses)| (name.clone(), losses.barrier()));
        Self {
            surface: line.surface.clone(),
            batchnorm: match way {
                Statistics::None => None,
                Statistics::Interpolated => Some(BatchNormMode::Centre),
                Statistics::Recalibrated => Some(BatchNormMode::Recalibrate),
            },
            barriers: barriers.collect(),
        }
    }
}
