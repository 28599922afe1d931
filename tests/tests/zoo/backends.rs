//! Two backends, one surface: what a landscape shows does not depend on who computes it.

use burn::module::Module;
use burn::tensor::Device;
use burn::train::{InferenceStep, TrainStep};
use burnscape_tests::devices::cpu_devices;

use super::cnn::{self, Cnn};
use super::mlp::{self, Mlp};
use super::specimen::train_and_finish;
use super::support::Run;

/// Trains the same model on flex and on ndarray, and compares their surfaces node by node.
///
/// 1e-4 of a loss: both add f32 in orders of their own, in training as in evaluation.
fn assert_same_surfaces<M>(
    model: impl Fn(&Device) -> M,
    batches: impl Fn(&Device) -> Vec<<M as TrainStep>::Input>,
) where
    M: TrainStep + InferenceStep<Input = <M as TrainStep>::Input> + Module,
    <M as TrainStep>::Input: Clone,
{
    let runs: Vec<Run> = cpu_devices()
        .into_iter()
        .map(Device::autodiff)
        .map(|device| train_and_finish(Run::new(), &device, model(&device), &batches))
        .collect();
    let [of_flex, of_ndarray] = &runs[..] else {
        panic!("two backends are compared");
    };
    assert_ne!(of_flex.head().device, of_ndarray.head().device);
    for slice in ["pca", "random"] {
        let pairs = of_flex.losses(slice).into_iter().zip(of_ndarray.losses(slice));
        for (node, (flex, ndarray)) in pairs.enumerate() {
            let close = (flex - ndarray).abs() <= (1e-4 * flex.abs()).max(1e-6);
            assert!(close, "{slice}, node {node}: {flex} and {ndarray}");
        }
    }
}

#[test]
#[cfg_attr(
    not(feature = "ndarray"),
    ignore = "a second backend: `--features burnscape-tests/ndarray`"
)]
fn the_surfaces_of_a_perceptron_are_those_of_flex_on_ndarray_too() {
    assert_same_surfaces(Mlp::new, mlp::batches);
}

#[test]
#[cfg_attr(
    not(feature = "ndarray"),
    ignore = "a second backend: `--features burnscape-tests/ndarray`"
)]
fn the_surfaces_of_a_convolutional_network_are_those_of_flex_on_ndarray_too() {
    assert_same_surfaces(Cnn::new, cnn::batches);
}
