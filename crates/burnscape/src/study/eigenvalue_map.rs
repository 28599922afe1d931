//! A map of the largest and the smallest eigenvalue of the Hessian over a slice: where it is convex (Li et al. 2018,
//! figure 7).

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

use burn::module::Module;
use burn::train::{InferenceStep, TrainStep};
use burnscape_landscape::curvature::{ExtremesOptions, Restricted, extremes};
use burnscape_landscape::surface::NodeValue;
use burnscape_run::node_record;
use burnscape_trace::{Layer, Record, record};

use super::Study;
use super::model_subject::ModelSubject;
use super::open_study::{AnyStudy, OpenStudy};
use super::planes::Plan;
use super::sharpness::loss_in;
use super::slice_spec::SliceSpec;
use super::surfaces::Started;
use super::vector::Vector;
use crate::Result;
use crate::curvature::gradients::Gradients;
use crate::curvature::measure::{Selection, probe_direction};
use crate::curvature::product::Hessian;
use crate::landscape::slice_surface::SliceSurface;

/// The layers beside the loss.
const LAYERS: [&str; 3] = ["lambda_max", "lambda_min", "|lambda_min / lambda_max|"];

/// Residuals that are small enough: a coarser one may stop at the neighbour of the eigenvalue at an end.
const TOLERANCE: f64 = 1e-3;

const MOST_PRODUCTS: usize = 60;

impl<M> Study<'_, M>
where
    M: InferenceStep + Module,
    <M as InferenceStep>::Input: Clone,
{
    /// The largest and the smallest eigenvalue of the Hessian at every node of a slice, and the magnitude of their
    /// ratio: 0 where the loss is convex (Li et al. 2018, figure 7). They are layers of the slice, called `lambda_max`,
    /// `lambda_min` and `|lambda_min / lambda_max|`; NaN where the loss is not finite.
    ///
    /// A node costs some fifty to a hundred and twenty gradients: ask for few nodes. Stopped early, what was measured is kept.
    ///
    /// # Errors
    ///
    /// As [`slice`](Self::slice) and [`sharpness`](Self::sharpness).
    pub fn eigenvalue_map<T>(&mut self, spec: &SliceSpec, batches: &[T]) -> Result<SliceSurface>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        match &mut self.open {
            Some(open) => open.eigenvalue_map(spec, batches),
            None => super::nothing_measured(spec),
        }
    }
}

impl<M> OpenStudy<ModelSubject<'_, M>>
where
    M: InferenceStep + Module,
    <M as InferenceStep>::Input: Clone,
{
    fn eigenvalue_map<T>(&mut self, spec: &SliceSpec, batches: &[T]) -> Result<SliceSurface>
    where
        M: TrainStep<Input = T>,
        T: Clone + Send,
    {
        let this: &mut AnyStudy<'_> = self;
        let mut started = this.start_map(spec, batches.len())?;
        let this: &AnyStudy<'_> = self;
        let loss = &self.subject.quantities[0];
        let losses = &self.active.hook.losses;
        let loss_of = |output: &dyn Any| loss_in(loss, losses, output);
        let shards = vec![(None, batches.to_vec())];
        let model = self.subject.model_at(&started.plan.centre.model);
        let map = this.map_at(&started.plan.centre);
        let mut gradients = Gradients::new(&*model, &map, shards, &loss_of)?;
        let selection = Selection::of(&map, &[], |block| gradients.reaches(block))?;
        let along = probe_direction(&selection, &gradients.slope);
        let mut hessian = Hessian::calibrated(&mut gradients, &along)?;
        let watch = this.curvature_watch();
        let grid = started.plan.grid;
        let Plan { directions, centre, .. } = &started.plan;
        let whole = |it: &Arc<Vector>| it.whole(&map.layout, &centre.weights);
        let directions = directions.iter().map(whole).collect::<Result<Vec<_>>>()?;
        for node in grid.coarse_to_fine().into_iter().flat_map(|level| level.nodes) {
            if watch.reason().is_some() {
                break;
            }
            let (alpha, beta) = grid.coordinates(node);
            let delta = moved(&directions, [alpha, beta]);
            let values =
                at(&mut hessian, &selection, delta).map_err(|error| error.at(alpha, beta))?;
            for (surface, mean) in started.layers.iter_mut().zip(values) {
                surface.set(node, NodeValue { mean, stderr: f64::NAN });
            }
            let slice = started.plan.slice.slice;
            this.record(Record::Nodes(node_record(slice, &started.layers, &[node], false)));
        }
        let known = started.known();
        let surface = known.surface();
        self.held.know(known);
        self.results.keep(&surface);
        Ok(surface)
    }
}

impl AnyStudy<'_> {
    /// The slice of a map on so many batches, told to the trace.
    fn start_map(&mut self, spec: &SliceSpec, batches: usize) -> Result<Started> {
        self.refuse_in_shards("a map of eigenvalues")?;
        let mut plan = self.plan(spec)?;
        self.say_on_what(&mut plan)?;
        let layer = |name: &str| {
            record!(Layer {
                name: name.to_string(),
                centre: f64::NAN,
                samples: plan.slice.samples,
                unit: plan.slice.unit.clone(),
                batches: batches as u64,
            })
        };
        plan.slice.layers = LAYERS.iter().map(|name| layer(name)).collect();
        self.start_slice(plan)
    }
}

fn moved(directions: &[Vec<f32>], coefficients: [f64; 2]) -> Vec<f64> {
    let mut delta = vec![0.0; directions[0].len()];
    for (direction, coefficient) in directions.iter().zip(coefficients) {
        let steps = delta.iter_mut().zip(direction);
        steps.for_each(|(delta, entry)| *delta += coefficient * f64::from(*entry));
    }
    delta
}

/// Loss, largest and smallest eigenvalue, and the magnitude of their ratio, some way from the centre.
fn at<M>(
    hessian: &mut Hessian<'_, '_, M>,
    selection: &Selection,
    delta: Vec<f64>,
) -> Result<[f64; 4]>
where
    M: TrainStep + Module,
    <M as TrainStep>::Input: Clone,
{
    let len = delta.len();
    let loss = hessian.gradients.at(Some(&delta), &mut vec![0.0; len])?;
    if !loss.is_finite() {
        return Ok([loss, f64::NAN, f64::NAN, f64::NAN]);
    }
    hessian.offset = Some(delta);
    let options = ExtremesOptions {
        largest: 1,
        smallest: 1,
        tolerance: TOLERANCE,
        most_products: MOST_PRODUCTS,
        ..ExtremesOptions::default()
    };
    let mut part = Restricted::new(hessian, len, selection.ranges.clone());
    let found = extremes(&mut part, &options, &mut |_| ControlFlow::Continue(()))?;
    let (largest, smallest) = (found.largest[0].value, found.smallest[0].value);
    let ratio = match (smallest.min(0.0), largest) {
        (_, 0.0) => f64::NAN,
        (negative, largest) => (negative / largest).abs(),
    };
    Ok([loss, largest, smallest, ratio])
}
