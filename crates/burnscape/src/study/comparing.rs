//! What a comparison of several runs asks of a study: planes and lines that are told for what they are, and models with
//! their units swapped.

use burnscape_landscape::barrier::LineLosses;
use burnscape_landscape::direction;
use burnscape_landscape::evaluate::{BatchLoss, mean_over_samples};
use burnscape_landscape::layout::Layout;
use burnscape_landscape::words;
use burnscape_run::node_record;
use burnscape_trace::{F64s, Record, Study as TraceStudy, record};

use super::open_study::AnyStudy;
use super::slice_spec::{BatchNormMode, SliceSpec};
use super::subject::Stand;
use super::ways::{Statistics, Way, WayToMeasure};
use crate::Result;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;
use crate::model::tensors::NamedTensor;

/// What a study says about its slices: numbers by name, one for each slice, and sentences.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub measures: Vec<(String, Vec<f64>)>,
    pub sentences: Vec<String>,
}

impl Findings {
    /// The basins of a slice, in one sentence.
    pub fn of_basins(surface: &SliceSurface) -> Self {
        let tree = burnscape_run::basins(&surface.slice, &surface.surface);
        let count = |count: usize| vec![count as f64];
        Self { sentences: vec![words::topology(&tree)], ..Self::default() }
            .with("minima", count(tree.minima()))
            .with("saddles", count(tree.saddles()))
            .with("noise", count(tree.noise()))
    }

    /// What a plane says of its basins, its last sentence, in the place of what it said before more was measured.
    pub fn basins_again(study: TraceStudy, surface: &SliceSurface) -> TraceStudy {
        let found = Self::of_basins(surface);
        let (mut measures, mut sentences) = (study.measures.clone(), study.sentences.clone());
        sentences.pop();
        sentences.extend(found.sentences);
        measures.extend(found.measures.into_iter().map(|(name, it)| (name, F64s(it))));
        record!(TraceStudy { measures, sentences, ..study })
    }

    /// One more number of each slice.
    pub fn with(mut self, name: impl Into<String>, values: Vec<f64>) -> Self {
        self.measures.push((name.into(), values));
        self
    }
}

/// A line between two models, measured batch by batch.
pub(crate) struct MeasuredLine {
    pub surface: SliceSurface,
    /// Of every layer, the loss first; none where it was stopped before both ends were measured.
    pub layers: Vec<(String, LineLosses)>,
    /// Nodes that were not measured, since it was stopped.
    pub missing: usize,
}

impl AnyStudy<'_> {
    /// Says what snapshots are called, for axes and centres.
    pub(crate) fn name_snapshots(&mut self, names: impl Iterator<Item = (u64, String)>) {
        self.path.names = names.collect();
    }

    /// Measures a slice as the only one of a study of its kind, and tells what is concluded from it.
    pub(crate) fn measure_as(
        &mut self,
        kind: &str,
        spec: &SliceSpec,
        conclude: impl FnOnce(&SliceSurface) -> Findings,
    ) -> Result<(SliceSurface, Vec<String>)> {
        self.within_budget(|open| {
            let plan = open.plan(spec)?;
            let study = super::compare::study_of(kind, vec![]);
            let (study, mut slices) = open.measure_study(study, vec![plan])?;
            let surface = slices.remove(0);
            open.results.keep(&surface);
            let findings = conclude(&surface);
            let sentences = findings.sentences.clone();
            open.tell_findings(study, findings);
            Ok((surface, sentences))
        })
    }

    /// Tells what lines say that are measured already.
    pub(crate) fn tell_lines(&mut self, kind: &str, lines: &[MeasuredLine], findings: Findings) {
        let numbers = lines.iter().map(|line| line.surface.slice.slice).collect();
        let mut study = super::compare::study_of(kind, numbers);
        study.study = self.held.next_study;
        self.held.next_study += 1;
        self.tell_findings(study, findings);
    }

    pub(super) fn tell_findings(&mut self, study: TraceStudy, findings: Findings) {
        let Findings { measures, sentences } = findings;
        let measures = measures.into_iter().map(|(name, values)| (name, F64s(values)));
        self.tell(record!(TraceStudy { measures: measures.collect(), sentences, ..study }));
    }

    /// The losses on the straight line between two points, both ends among the nodes.
    pub(crate) fn line(
        &mut self,
        [from, to]: [&Point; 2],
        nodes: usize,
        statistics: Statistics,
        name: &str,
    ) -> Result<MeasuredLine> {
        let mode = match statistics {
            Statistics::Recalibrated => BatchNormMode::Recalibrate,
            _ => BatchNormMode::Centre,
        };
        let spec = SliceSpec::between(from.clone(), to.clone()).name(name).range(0.0..=1.0);
        let mut plan = self.plan_with(&spec.resolution(nodes, 1).batchnorm(mode).exact(), false)?;
        plan.slice.batchnorm = statistics.name().into();
        self.say_on_what(&mut plan)?;
        let way = Way::straight([self.tensors_at(from)?, self.tensors_at(to)?]);
        let mut started = self.start_slice(plan)?;
        let (slice, handle) = (started.plan.slice.slice, self.active.recorder.handle.clone());
        let what = WayToMeasure { way: &way, name, nodes, statistics };
        let measured = self.measure_way(&what, |node, row| {
            for (surface, losses) in started.layers.iter_mut().zip(row) {
                surface.set(node, mean_over_samples(losses));
            }
            handle.record(Record::Nodes(node_record(slice, &started.layers, &[node], false)));
        })?;
        self.held.know(started.known());
        let surface = started.known().surface();
        self.results.keep(&surface);
        let layers = measured.layers(&self.layer_names())?;
        Ok(MeasuredLine { surface, layers, missing: measured.missing() })
    }

    pub(super) fn layer_names(&self) -> Vec<String> {
        self.quantities.layers().into_iter().map(|layer| layer.name).collect()
    }

    /// All layers of a model given by its tensors, batch by batch.
    pub(crate) fn batch_losses_at(&self, tensors: &[NamedTensor]) -> Result<Vec<Vec<BatchLoss>>> {
        self.batch_losses(Stand::Tensors(tensors.to_vec()), None)
    }

    /// Parameters and buffers at a point.
    pub(crate) fn tensors_at(&mut self, point: &Point) -> Result<Vec<NamedTensor>> {
        Ok(self.locate(point)?.tensors)
    }

    /// Euclidean distance between the parameters of two points.
    pub(crate) fn distance(&mut self, points: [&Point; 2]) -> Result<f64> {
        let [a, b] = [self.tensors_at(points[0])?, self.tensors_at(points[1])?];
        let [a, b] = [self.studied.map.flatten(&a), self.studied.map.flatten(&b)];
        Ok(direction::norm(&direction::between(&a, &b)?))
    }

    /// Whether there are statistics that can be recomputed.
    pub(crate) fn has_batchnorm(&self) -> bool {
        self.studied.map.buffers.iter().any(|buffer| buffer.path.ends_with("running_mean"))
    }

    /// The layout of the parameters, and the paths and shapes of the buffers.
    pub(crate) fn structure(&self) -> (&Layout, Vec<(String, Vec<usize>)>) {
        let buffer = |(path, shape): (&str, &[usize])| (path.to_string(), shape.to_vec());
        let is_buffer =
            |(path, _): &(&str, &[usize])| self.studied.map.layout.block(path).is_none();
        (
            &self.studied.map.layout,
            self.studied.map.expected_tensors().filter(is_buffer).map(buffer).collect(),
        )
    }
}
