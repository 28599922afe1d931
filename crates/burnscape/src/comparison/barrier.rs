//! How high the loss climbs on the straight line between two models.

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::barrier::{Barrier, LineLosses};

use super::measured::Comparison;
use super::words;
use crate::Result;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;
use crate::study::comparing::{Findings, MeasuredLine};
use crate::study::open_study::AnyStudy;
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
    falls: Vec<(String, Barrier)>,
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

    /// How far a quantity falls below the straight connection of its ends: the barrier of what is better the more there is
    /// of it, such as `valid accuracy`.
    pub fn fall(&self, name: &str) -> Option<&Barrier> {
        self.falls.iter().find(|(known, _)| known == name).map(|(_, fall)| fall)
    }
}

impl<M> Comparison<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Measures the straight line between two models at 25 nodes: everything that the study measures, on all of its batches.
    ///
    /// What is no loss, such as an accuracy, is told by how far it falls.
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
        let title = [a, b].map(|point| self.runs.short_name_of(point)).join(" to ");
        let Some(open) = self.study.open_mut() else {
            return Ok(Barriers { lines: Vec::new(), distance: f64::NAN, sentences: Vec::new() });
        };
        open.within_budget(|open| {
            let distance = open.distance([a, b])?;
            if distance == 0.0 {
                let sentences = vec![words::same_weights(&names)];
                return Ok(Barriers { lines: Vec::new(), distance, sentences });
            }
            measured(open, [a, b], (&names, &title), nodes.max(3), distance)
        })
    }
}

fn measured(
    open: &mut AnyStudy<'_>,
    ends: [&Point; 2],
    (names, title): (&[String; 2], &str),
    nodes: usize,
    distance: f64,
) -> Result<Barriers> {
    let ways = match open.has_batchnorm() {
        true => vec![Statistics::Interpolated, Statistics::Recalibrated],
        false => vec![Statistics::None],
    };
    let all: Result<Vec<_>> = ways.iter().map(|&way| open.line(ends, nodes, way, title)).collect();
    let (all, mut lines, mut sentences) = (all?, Vec::new(), Vec::new());
    for (line, &way) in all.iter().zip(&ways) {
        if line.missing > 0 {
            sentences.push(words::unfinished_line(names, line.missing, nodes));
        }
        if line.layers.is_empty() {
            continue;
        }
        let line = BarrierLine::of(line, way);
        for ((name, barrier), (_, fall)) in line.barriers.iter().zip(&line.falls) {
            sentences.push(match is_loss(name) {
                true => words::barrier(names, name, way, barrier),
                false => words::fall(names, name, way, fall),
            });
        }
        lines.push(line);
    }
    let findings = findings(&all, sentences.clone());
    open.tell_lines("barrier", &all, findings);
    Ok(Barriers { lines, distance, sentences })
}

/// Of what is no loss and no error more is better, as of an accuracy.
fn is_loss(layer: &str) -> bool {
    layer.ends_with("loss") || layer.contains("error")
}

/// How high every layer climbs, or falls, on each line; NaN where its ends were not measured.
fn findings(lines: &[MeasuredLine], sentences: Vec<String>) -> Findings {
    let of = |layer: usize, read: &dyn Fn(&LineLosses) -> f64| -> Vec<f64> {
        lines
            .iter()
            .map(|line| line.layers.get(layer).map_or(f64::NAN, |(_, it)| read(it)))
            .collect()
    };
    let mut findings = Findings { sentences, ..Findings::default() }
        .with("barrier", of(0, &|it| it.barrier().height))
        .with("barrier_stderr", of(0, &|it| it.barrier().stderr))
        .with("barrier_at", of(0, &|it| it.barrier().lambda));
    let layers = lines.iter().map(|line| &line.layers).max_by_key(|layers| layers.len());
    for (layer, (name, _)) in layers.into_iter().flatten().enumerate().skip(1) {
        findings = match is_loss(name) {
            true => {
                findings.with(format!("barrier of {name}"), of(layer, &|it| it.barrier().height))
            }
            false => findings.with(format!("fall of {name}"), of(layer, &|it| it.fall().height)),
        };
    }
    findings
}

impl BarrierLine {
    fn of(line: &MeasuredLine, way: Statistics) -> Self {
        let barriers = line.layers.iter().map(|(name, losses)| (name.clone(), losses.barrier()));
        let falls = line.layers.iter().map(|(name, losses)| (name.clone(), losses.fall()));
        Self {
            surface: line.surface.clone(),
            batchnorm: match way {
                Statistics::None => None,
                Statistics::Interpolated => Some(BatchNormMode::Centre),
                Statistics::Recalibrated => Some(BatchNormMode::Recalibrate),
            },
            barriers: barriers.collect(),
            falls: falls.collect(),
        }
    }
}
