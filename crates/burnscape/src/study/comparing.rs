//! What a comparison of several runs asks of a study: planes and lines that are told for what they are, and models with
//! their units swapped.

use burn::module::Module;
use burn::tensor::TensorData;
use burn::train::InferenceStep;
use burnscape_landscape::barrier::LineLosses;
use burnscape_landscape::direction;
use burnscape_landscape::evaluate::{BatchLoss, mean_over_samples};
use burnscape_landscape::layout::Layout;
use burnscape_trace::{F64s, Record, Study as TraceStudy, record};

use super::open_study::OpenStudy;
use super::perturb::at_tensors;
use super::quantities::measure_batches;
use super::recalibrate::Recalibration;
use super::slice_spec::SliceSpec;
use super::surfaces::tile;
use crate::Result;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;
use crate::model::tensors::NamedTensor;

/// What a study says about its slices: numbers by name, one for each slice, and sentences.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub measures: Vec<(&'static str, Vec<f64>)>,
    pub sentences: Vec<String>,
}

impl Findings {
    /// One more number of each slice.
    pub fn with(mut self, name: &'static str, values: Vec<f64>) -> Self {
        self.measures.push((name, values));
        self
    }
}

/// What BatchNorm normalises with on the line between two models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistics {
    /// The model has none.
    None,
    /// Those of both ends, mixed as the weights are.
    Interpolated,
    /// Recomputed at every node.
    Recalibrated,
}

impl Statistics {
    /// As the trace spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Interpolated => "interpolated",
            Self::Recalibrated => "recalibrate",
        }
    }
}

/// A line between two models, measured batch by batch.
pub(crate) struct MeasuredLine {
    pub surface: SliceSurface,
    /// Of every layer, the loss first.
    pub layers: Vec<(String, LineLosses)>,
}

impl<M> OpenStudy<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Measures a slice as the only one of a study of its kind, and tells what is concluded from it.
    pub(crate) fn measure_as(
        &mut self,
        kind: &str,
        spec: &SliceSpec,
        conclude: impl FnOnce(&SliceSurface) -> Findings,
    ) -> Result<(SliceSurface, Vec<String>)> {
        let plan = self.plan(spec)?;
        let (study, mut slices) =
            self.measure_study(super::compare::study_of(kind, vec![]), vec![plan])?;
        let surface = slices.remove(0);
        self.results.keep(&surface);
        let findings = conclude(&surface);
        let sentences = findings.sentences.clone();
        self.tell_findings(study, findings);
        Ok((surface, sentences))
    }

    /// Tells what lines say that are measured already.
    pub(crate) fn tell_lines(&mut self, kind: &str, lines: &[MeasuredLine], findings: Findings) {
        let numbers = lines.iter().map(|line| line.surface.slice.slice).collect();
        let mut study = super::compare::study_of(kind, numbers);
        study.study = self.held.next_study;
        self.held.next_study += 1;
        self.tell_findings(study, findings);
    }

    fn tell_findings(&mut self, study: TraceStudy, findings: Findings) {
        let Findings { measures, sentences } = findings;
        let measures = measures.into_iter().map(|(name, values)| (name.into(), F64s(values)));
        self.results.remarks.extend(sentences.iter().cloned());
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
        let spec = SliceSpec::between(from.clone(), to.clone()).name(name).range(0.0..=1.0);
        let mut plan = self.plan_with(&spec.resolution(nodes, 1).exact(), false)?;
        plan.slice.batchnorm = statistics.name().into();
        self.say_on_what(&mut plan)?;
        let ends = [self.tensors_at(from)?, self.tensors_at(to)?];
        let lambdas: Vec<f64> = (0..nodes).map(|k| k as f64 / (nodes - 1) as f64).collect();
        let rows = self.rows(&ends, &lambdas, statistics)?;
        let mut started = self.start_slice(plan)?;
        for (layer, surface) in started.layers.iter_mut().enumerate() {
            rows.iter()
                .enumerate()
                .for_each(|(node, row)| surface.set(node, mean_over_samples(&row[layer])));
        }
        let all: Vec<usize> = (0..nodes).collect();
        self.record(Record::Nodes(tile(started.plan.slice.slice, &started.layers, &all, false)));
        self.held.know(started.known());
        let surface = started.known().surface();
        self.results.keep(&surface);
        let names = self.quantities.layers().into_iter().map(|layer| layer.name);
        let of_layer = |(layer, name): (usize, String)| {
            let batches = rows.iter().map(|row| row[layer].clone()).collect();
            Ok((name, LineLosses::new(lambdas.clone(), batches)?))
        };
        let layers = names.enumerate().map(of_layer).collect::<Result<_>>()?;
        Ok(MeasuredLine { surface, layers })
    }

    /// For every node all layers, batch by batch.
    fn rows(
        &self,
        ends: &[Vec<NamedTensor>; 2],
        lambdas: &[f64],
        statistics: Statistics,
    ) -> Result<Vec<Vec<Vec<BatchLoss>>>> {
        let recalibration = match statistics {
            Statistics::Recalibrated => Some(self.recalibration_at(&ends[0])?),
            _ => None,
        };
        let row = |&lambda: &f64| {
            let model = at_tensors(&self.studied.model, &self.studied.map, between(ends, lambda))?;
            let model = match &recalibration {
                Some(it) => self.recalibrated(it, &model)?,
                None => model,
            };
            self.batch_losses(&model)
        };
        lambdas.iter().map(row).collect()
    }

    fn recalibration_at(&self, tensors: &[NamedTensor]) -> Result<Recalibration> {
        let model = at_tensors(&self.studied.model, &self.studied.map, tensors.to_vec())?;
        let (sets, quantities) = (&self.quantities.sets, &self.quantities.quantities);
        Recalibration::of(&model, &self.studied.map, &sets[0].batches[0], &quantities[0])
    }

    fn recalibrated(&self, recalibration: &Recalibration, model: &M) -> Result<M> {
        let (sets, quantities) = (&self.quantities.sets, &self.quantities.quantities);
        recalibration.at(model, &self.studied.map, &sets[0].batches, &quantities[0])
    }

    /// All layers of a model, batch by batch.
    fn batch_losses(&self, model: &M) -> Result<Vec<Vec<BatchLoss>>> {
        let sets = self.quantities.batches();
        measure_batches(model, &sets, &self.quantities.quantities, self.studied.map.is_on_host)
    }

    /// The same of a model given by its tensors.
    pub(crate) fn batch_losses_at(&self, tensors: &[NamedTensor]) -> Result<Vec<Vec<BatchLoss>>> {
        self.batch_losses(&at_tensors(&self.studied.model, &self.studied.map, tensors.to_vec())?)
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

/// (1 − λ)·a + λ·b of every tensor, buffers too; the ends to the bit.
fn between([a, b]: &[Vec<NamedTensor>; 2], lambda: f64) -> Vec<NamedTensor> {
    if lambda == 0.0 || lambda == 1.0 {
        return if lambda == 0.0 { a.clone() } else { b.clone() };
    }
    // A model may tell its tensors in another order than a file does.
    let mixed = |a: &NamedTensor| {
        let b = b.iter().find(|b| b.path == a.path)?;
        let values = a.data.iter::<f64>().zip(b.data.iter::<f64>());
        let values: Vec<f64> = values.map(|(a, b)| (1.0 - lambda) * a + lambda * b).collect();
        let data = TensorData::new(values, a.data.shape().clone());
        Some(NamedTensor { path: a.path.clone(), data })
    };
    a.iter().filter_map(mixed).collect()
}
