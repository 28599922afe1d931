//! Single precision against double: the largest eigenvalue of the digits perceptron.

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::AdamConfig;
use burn::tensor::{DType, Tensor};
use burn::train::TrainStep;
use burnscape::trace::Curvature;
use burnscape::{Probe, SharpnessSpec};
use burnscape_examples::data::{self, DigitBatch};
use burnscape_examples::mlp::Mlp;
use burnscape_tests::weights::drawn;

use super::support::{Run, device, studied};

struct Double;

impl ModuleMapper for Double {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.cast(DType::F64).detach().require_grad())
    }
}

fn doubled(batches: &[DigitBatch]) -> Vec<DigitBatch> {
    let double = |batch: &DigitBatch| DigitBatch {
        images: batch.images.clone().cast(DType::F64),
        labels: batch.labels.clone(),
    };
    batches.iter().map(double).collect()
}

/// Trained for some steps, so that its Hessian has outliers.
fn trained(batches: &[DigitBatch]) -> Mlp {
    let probe = Probe::disabled();
    let mut model = probe.watch(drawn(Mlp::new(&device()), 7));
    let mut optim = AdamConfig::new().init();
    for _ in 0..20 {
        for batch in batches {
            let output = TrainStep::step(&model, batch.clone());
            model = model.optimize(&mut optim, 3e-3.into(), output.grads);
        }
    }
    model.into_inner()
}

fn largest(model: Mlp, batches: &[DigitBatch], tolerance: f64) -> Curvature {
    let spec = SharpnessSpec::top(1).tolerance(tolerance);
    studied(&Run::new(), model, batches, |study| {
        study.sharpness(&spec, batches).expect("a sharpness").record
    })
}

#[test]
fn single_precision_comes_within_a_hundredth_of_double_and_says_how_near() {
    let digits: Vec<_> = data::all().into_iter().take(256).collect();
    let batches = data::batches(&digits, 64, &device());
    let model = trained(&batches);
    let single = largest(model.clone(), &batches, 1e-3);
    let double = largest(model.map(&mut Double), &doubled(&batches), 1e-6);
    assert_eq!((single.dtype.as_str(), double.dtype.as_str()), ("f32", "f64"));
    let apart = (single.largest[0] - double.largest[0]).abs();
    assert!(apart <= 0.01 * double.largest[0], "{} {}", single.largest[0], double.largest[0]);
    let told = single.largest_error[0] + double.largest_error[0];
    assert!(apart <= told, "{apart} is more than the error that was told, {told}");
    assert!(single.product_error > 0.0 && single.product_error < 0.05, "{}", single.product_error);
}
