//! Ways between two models, the straight line and a curve with one bend, and what is measured on them node by node.

use burn::tensor::TensorData;
use burnscape_landscape::barrier::LineLosses;
use burnscape_landscape::curve::Bezier;
use burnscape_landscape::evaluate::BatchLoss;
use burnscape_trace::{Note, Record, record};

use super::open_study::AnyStudy;
use super::progress::{Noun, SurfaceProgress};
use super::recalibrate::Recalibration;
use super::stop::StopReason;
use super::subject::Stand;
use crate::Result;
use crate::model::tensors::NamedTensor;

/// Nodes on a line, both ends among them: every twenty-fifth, so that the middle and the quarters are nodes.
pub(crate) const NODES: usize = 25;

/// A way from one model to another, parameters and buffers.
#[derive(Debug)]
pub(crate) struct Way {
    ends: [Vec<NamedTensor>; 2],
    bend: Option<Vec<NamedTensor>>,
}

impl Way {
    pub fn straight(ends: [Vec<NamedTensor>; 2]) -> Self {
        Self { ends, bend: None }
    }

    /// Over the parameters of `bend`; buffers are mixed as on the straight line.
    pub fn bent(ends: [Vec<NamedTensor>; 2], bend: Vec<NamedTensor>) -> Self {
        Self { ends, bend: Some(bend) }
    }

    /// Every tensor at `t` from 0 to 1, in the element type that it has; the ends to the bit.
    pub fn at(&self, t: f64) -> Vec<NamedTensor> {
        let [a, b] = &self.ends;
        if t == 0.0 || t == 1.0 {
            return if t == 0.0 { a.clone() } else { b.clone() };
        }
        // A model may tell its tensors in another order than a file does.
        let at = |a: &NamedTensor| Some(self.mixed(a, find(b, &a.path)?, t));
        a.iter().filter_map(at).collect()
    }

    /// The model towards which the way bends, with the buffers of its middle; none of a straight one.
    pub fn bend(&self) -> Option<Vec<NamedTensor>> {
        let bend = self.bend.as_ref()?;
        let mut tensors = self.at(0.5);
        for tensor in &mut tensors {
            if let Some(own) = find(bend, &tensor.path) {
                tensor.data = own.data.clone();
            }
        }
        Some(tensors)
    }

    fn mixed(&self, a: &NamedTensor, b: &NamedTensor, t: f64) -> NamedTensor {
        let bend = self.bend.as_deref().and_then(|bend| find(bend, &a.path));
        let ends = a.data.iter::<f64>().zip(b.data.iter::<f64>());
        let values: Vec<f64> = match bend {
            None => ends.map(|(a, b)| (1.0 - t) * a + t * b).collect(),
            Some(bend) => {
                let [of_a, of_bend, of_b] = Bezier::weights(t);
                let bend = bend.data.iter::<f64>();
                ends.zip(bend).map(|((a, b), bend)| of_a * a + of_bend * bend + of_b * b).collect()
            }
        };
        let data = TensorData::new(values, a.data.shape().clone());
        NamedTensor { path: a.path.clone(), data: data.convert_dtype(a.data.dtype()) }
    }
}

fn find<'t>(tensors: &'t [NamedTensor], path: &str) -> Option<&'t NamedTensor> {
    tensors.iter().find(|it| it.path == path)
}

/// What normalisation layers go by on a way.
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

/// Of every layer the losses of all batches.
pub(super) type Row = Vec<Vec<BatchLoss>>;

/// Which way is measured, at how many nodes, and how.
pub(crate) struct WayToMeasure<'w> {
    pub way: &'w Way,
    pub name: &'w str,
    pub nodes: usize,
    pub statistics: Statistics,
}

/// A way as far as it was measured.
pub(crate) struct MeasuredWay {
    /// One for each node, from one end to the other; none where it was stopped before.
    pub rows: Vec<Option<Row>>,
    /// Why it was stopped.
    pub stopped: Option<StopReason>,
}

impl MeasuredWay {
    /// Where a node lies.
    pub fn place(&self, node: usize) -> f64 {
        node as f64 / (self.rows.len() - 1) as f64
    }

    pub fn missing(&self) -> usize {
        self.rows.iter().filter(|row| row.is_none()).count()
    }

    /// Losses by layer at the nodes that are measured; none without both ends.
    pub fn layers(&self, names: &[String]) -> Result<Vec<(String, LineLosses)>> {
        let (Some(Some(_)), Some(Some(_))) = (self.rows.first(), self.rows.last()) else {
            return Ok(Vec::new());
        };
        let known = self.rows.iter().enumerate().filter_map(|(k, row)| Some((k, row.as_ref()?)));
        let places: Vec<f64> = known.clone().map(|(node, _)| self.place(node)).collect();
        let of_layer = |(layer, name): (usize, &String)| {
            let losses = known.clone().map(|(_, row)| row[layer].clone()).collect();
            Ok((name.clone(), LineLosses::new(places.clone(), losses)?))
        };
        names.iter().enumerate().map(of_layer).collect()
    }
}

impl AnyStudy<'_> {
    /// Measures everything at the nodes of a way, both ends first, each told as it is done, until somebody stops it.
    pub(crate) fn measure_way(
        &mut self,
        what: &WayToMeasure<'_>,
        mut on_node: impl FnMut(usize, &Row),
    ) -> Result<MeasuredWay> {
        let recalibration = match what.statistics {
            Statistics::Recalibrated => {
                Some(self.recalibration_of(Stand::Tensors(what.way.ends[0].clone()))?)
            }
            _ => None,
        };
        let progress = self.progress_of(what);
        let watch = self.stop_watch(self.time.reserve, &progress);
        progress.turn(what.name, watch.listens_to_keys());
        let mut measured = MeasuredWay { rows: vec![None; what.nodes], stopped: None };
        for node in ends_first(what.nodes) {
            measured.stopped = watch.reason();
            if measured.stopped.is_some() {
                break;
            }
            let row = self.row(what.way.at(measured.place(node)), recalibration.as_ref());
            let row = row.inspect_err(|_| progress.end())?;
            on_node(node, &row);
            measured.rows[node] = Some(row);
            progress.advance(1);
        }
        progress.end();
        if let Some(reason) = measured.stopped {
            let (name, missing) = (what.name, measured.missing());
            self.stopped(
                reason,
                format!("the line `{name}`"),
                format!("{missing} of {} nodes not measured", what.nodes),
            );
        }
        Ok(measured)
    }

    fn progress_of(&self, what: &WayToMeasure<'_>) -> SurfaceProgress {
        let (nodes, name) = (what.nodes, what.name);
        self.announced(&format!("a line of {nodes} nodes, {name}"), nodes, Noun::LINE)
    }

    pub(super) fn announced(&self, sentence: &str, total: usize, noun: Noun) -> SurfaceProgress {
        let deadline = self.time.deadline.earlier(self.time.reserve);
        let (config, handle) = (&self.active.config, &self.active.recorder.handle);
        SurfaceProgress::announced(config, handle, sentence, total, noun, deadline)
    }

    /// Notes that something was stopped; whoever stops one thing does not want to wait for the next.
    pub(super) fn stopped(&self, reason: StopReason, what: String, how_far: String) {
        let text = format!("{what} was stopped {} with {how_far}", reason.in_words());
        self.record(Record::Note(record!(Note { level: "info".into(), text })));
        if reason != StopReason::TimeBudget {
            self.stopper.stop();
        }
    }

    fn row(&self, tensors: Vec<NamedTensor>, recalibration: Option<&Recalibration>) -> Result<Row> {
        self.batch_losses(Stand::Tensors(tensors), recalibration)
    }
}

/// Both ends, then halves, quarters and so on.
fn ends_first(nodes: usize) -> Vec<usize> {
    let mut order = vec![0, nodes - 1];
    let mut stride = nodes.next_power_of_two();
    while stride > 0 {
        let more = (0..nodes).step_by(stride).filter(|node| !order.contains(node));
        order.extend(more.collect::<Vec<_>>());
        stride /= 2;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_come_first_and_every_node_once() {
        assert_eq!(ends_first(5), [0, 4, 2, 1, 3]);
        for nodes in 2..60 {
            let mut order = ends_first(nodes);
            assert_eq!(order[..2], [0, nodes - 1]);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..nodes), "{nodes}");
        }
    }
}
