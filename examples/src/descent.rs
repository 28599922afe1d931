//! Full-batch gradient descent on the tanh network, with a gauge of its curvature: what the example draws and the tests
//! check.

use anyhow::Result;
use burn::module::Module;
use burn::optim::SgdConfig;
use burn::tensor::Device;
use burn::train::TrainStep;
use burnscape::trace::{Record, read_run};
use burnscape::{LiveCurvature, OptimizerKind, Probe, Watched};

use crate::data::{self, DigitBatch};
use crate::tanh::TanhMlp;

/// Digits that are learned, all in one batch.
const DIGITS: usize = 100;
/// Measurements of the curvature in one training.
const MEASUREMENTS: usize = 60;

/// The one batch.
pub fn batch(device: &Device) -> Vec<DigitBatch> {
    data::batches(&data::all()[..DIGITS], DIGITS, device)
}

/// Trains for so many steps, and measures the curvature some sixty times.
///
/// # Errors
///
/// If the gauge cannot be set up.
pub fn descend(probe: &Probe, model: TanhMlp, lr: f64, steps: usize) -> Result<Watched<TanhMlp>> {
    let batches = batch(&model.devices()[0]);
    let every = (steps / MEASUREMENTS).max(1) as u64;
    let gauge = LiveCurvature::new().every_steps(every).optimizer(OptimizerKind::GradientDescent);
    let mut model = probe.curvature(probe.watch(model), batches.clone(), gauge)?;
    let mut optim = SgdConfig::new().init();
    for step in 0..steps {
        let output = TrainStep::step(&model, batches[0].clone());
        model = model.optimize(&mut optim, lr.into(), output.grads);
        if (step + 1) % (steps / 10).max(1) == 0 {
            // A tenth is an epoch here: its weights are kept.
            let _ = model.valid();
        }
    }
    Ok(model)
}

/// λ_max · lr at every measurement, with its step.
///
/// # Errors
///
/// If the run cannot be read.
pub fn products(run: &std::path::Path) -> Result<Vec<(u64, f64)>> {
    let records = read_run(run)?.records.into_iter();
    let product = |record| match record {
        Record::Curvature(it) if it.reason == "live" => {
            Some((it.step, it.largest.first()? * it.lr))
        }
        _ => None,
    };
    Ok(records.filter_map(product).collect())
}

/// The mean over the last quarter: single measurements swing about it.
pub fn settled(products: &[(u64, f64)]) -> f64 {
    let last = &products[products.len() - products.len().div_ceil(4)..];
    last.iter().map(|(_, product)| product).sum::<f64>() / last.len() as f64
}
