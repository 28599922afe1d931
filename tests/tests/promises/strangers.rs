//! Models and habits that a hook does not expect: a second model, an old copy, ties, mixed types.

use std::path::Path;

use burn::module::{Module, Param};
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::{DType, Device, Tensor};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{Landscape, Probe, SliceSurface, Watched};
use tempfile::tempdir;

use super::support::{Bowl, epochs, origin, records, snapshots, steps};

fn device() -> Device {
    Device::flex().autodiff()
}

fn step<M: TrainStep<Input = Tensor<2>> + Module>(
    model: Watched<M>,
    optim: &mut ModuleOptimizer,
    samples: Tensor<2>,
) -> Watched<M> {
    let output = TrainStep::step(&model, samples);
    model.optimize(optim, 0.25.into(), output.grads)
}

#[test]
fn a_second_model_on_the_same_probe_is_not_recorded_under_the_names_of_the_first() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).start().expect("a probe");
    let mut first = probe.watch(Bowl::at(&[1.0, 2.0], &[3.0], &device()));
    let mut second = probe.watch(Bowl::at(&[5.0], &[6.0, 7.0], &device()));
    let mut optim = SgdConfig::new().init();
    for _ in 0..3 {
        first = step(first, &mut optim, origin(3, &device()));
        second = step(second, &mut optim, origin(3, &device()));
    }
    let recording = probe.close().expect("closed");
    assert_eq!(recording.steps(), 3);
    let [problem] = recording.problems() else {
        panic!("one problem, told once: {:?}", recording.problems());
    };
    for word in [
        "after 1 step of the recorded one",
        "`left` is [1] in it and [2] in the run",
        "probe.child",
    ] {
        assert!(problem.contains(word), "{word} in {problem}");
    }
    assert!(!problem.contains("finish"), "nobody called it: {problem}");
    // ‖(1, 2)‖ at first, then 3/4 of it at every step.
    for (number, step) in steps(&records(&run)).iter().enumerate() {
        let expected = 5.0_f32.sqrt() * 0.75_f32.powi(number as i32);
        assert!((step.columns["grad_norm"][0] - expected).abs() < 1e-6 * expected);
    }
}

#[test]
fn an_old_copy_of_the_model_is_nobodys_epoch() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).start().expect("a probe");
    let mut model = probe.watch(Bowl::at(&[1.0], &[2.0], &device()));
    let old = model.clone();
    let mut optim = SgdConfig::new().init();
    for _ in 0..3 {
        model = step(model, &mut optim, origin(2, &device()));
    }
    old.valid();
    model.valid();
    probe.close().expect("closed");
    let ended: Vec<_> = epochs(&records(&run)).iter().map(|it| (it.epoch, it.steps)).collect();
    assert_eq!(ended, [(1, 3)]);
}

#[test]
fn a_progress_logger_that_nobody_registers_costs_nothing() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let builder = Probe::builder(&run).resolution(5, 5).snapshot_every_steps(1).quiet().exact();
    let probe = builder.start().expect("a probe");
    let _forgotten = probe.progress_logger();
    let mut model = probe.watch(Bowl::at(&[1.0], &[2.0], &device()));
    for _ in 0..3 {
        model = step(model, &mut SgdConfig::new().init(), origin(2, &device()));
    }
    let batches = [origin(2, &Device::flex())];
    let landscape = probe.finish(&model.valid(), &batches).expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    let records = records(&run);
    let told: Vec<_> = steps(&records).iter().map(|it| (it.step, it.epoch)).collect();
    assert_eq!(told, [(0, Some(1)), (1, Some(1)), (2, Some(1))]);
    let taken: Vec<_> = snapshots(&records).iter().map(|it| (it.index, it.step)).collect();
    assert_eq!(taken, [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3)]);
}

/// Trains for three steps, one epoch each, and finishes with 5 × 5 nodes.
fn finished<M>(run: &Path, model: M) -> (Landscape, M)
where
    M: TrainStep<Input = Tensor<2>>
        + InferenceStep<Input = Tensor<2>, Output = RegressionOutput>
        + Module,
{
    let probe = Probe::builder(run).resolution(5, 5).quiet().exact().start().expect("a probe");
    let mut model = probe.watch(model);
    let mut optim = SgdConfig::new().init();
    for _ in 0..3 {
        model = step(model, &mut optim, origin(2, &device()));
        model.valid();
    }
    let batches = [origin(2, &Device::flex())];
    let landscape = probe.finish(&model.valid(), &batches).expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    (landscape, model.into_inner())
}

/// The flat vectors `centre`, `d1`, `d2` of the PCA plane.
fn directions(run: &Path) -> [Vec<f64>; 3] {
    let file = std::fs::read(run.join("directions/0000.safetensors")).expect("directions");
    let tensors = safetensors::SafeTensors::deserialize(&file).expect("safetensors");
    ["centre", "d1", "d2"].map(|name| {
        let tensor = tensors.tensor(name).expect("a vector");
        let (values, _) = tensor.data().as_chunks::<4>();
        values.iter().map(|it| f64::from(f32::from_le_bytes(*it))).collect()
    })
}

/// Every node is `½‖centre + αd₁ + βd₂‖²` plus what does not move.
fn assert_every_node_is_half_the_square(run: &Path, pca: &SliceSurface, still: f64) {
    let [centre, d1, d2] = directions(run);
    for node in 0..pca.surface.grid().len() {
        let (alpha, beta) = pca.surface.grid().coordinates(node);
        let point = centre.iter().zip(&d1).zip(&d2).map(|((c, a), b)| c + alpha * a + beta * b);
        let expected = 0.5 * point.map(|x| x * x).sum::<f64>() + still;
        let found = pca.surface.losses()[node];
        assert!((found - expected).abs() < 1e-5 * expected.abs() + 1e-6, "{found} {expected}");
    }
}

/// L = ½‖a‖² + ½‖b‖², with `b` in f64.
#[derive(Module, Debug)]
struct Mixed {
    a: Param<Tensor<1>>,
    b: Param<Tensor<1>>,
}

impl Mixed {
    fn output(&self, samples: Tensor<2>) -> RegressionOutput {
        let half = |x: Tensor<1>| x.powi_scalar(2).sum().mul_scalar(0.5);
        let loss = half(self.a.val()) + half(self.b.val()).cast(DType::F32);
        RegressionOutput::new(loss, samples.clone(), samples)
    }
}

/// L = ½‖a‖² + ½‖b‖² again, for any two parameters.
macro_rules! half_square_steps {
    ($model:ty) => {
        impl TrainStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, samples: Tensor<2>) -> TrainOutput<RegressionOutput> {
                let output = self.output(samples);
                TrainOutput::new(self, output.loss.backward(), output)
            }
        }

        impl InferenceStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, samples: Tensor<2>) -> RegressionOutput {
                self.output(samples)
            }
        }
    };
}

half_square_steps!(Mixed);

#[test]
fn a_model_of_mixed_element_types_has_its_surface() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let b = Tensor::<1>::from_floats([3.0, -1.0], &device()).cast(DType::F64).detach();
    let model = Mixed {
        a: Param::from_tensor(Tensor::from_floats([1.0, 2.0], &device())),
        b: Param::from_tensor(b),
    };
    let (landscape, _) = finished(&run, model);
    assert_every_node_is_half_the_square(&run, &landscape.slices()[0], 0.0);
}

/// One parameter under two names: burn's optimizer moves the first only.
#[derive(Module, Debug)]
struct Tied {
    a: Param<Tensor<1>>,
    b: Param<Tensor<1>>,
}

impl Tied {
    fn output(&self, samples: Tensor<2>) -> RegressionOutput {
        let half = |x: Tensor<1>| x.powi_scalar(2).sum().mul_scalar(0.5);
        RegressionOutput::new(half(self.a.val()) + half(self.b.val()), samples.clone(), samples)
    }
}

half_square_steps!(Tied);

#[test]
fn a_second_name_that_training_left_behind_stays_where_it_is() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let a = Param::from_tensor(Tensor::from_floats([3.0, 4.0], &device()));
    let (landscape, trained) = finished(&run, Tied { b: a.clone(), a });
    let left_behind = trained.b.val().inner().into_data();
    assert_eq!(left_behind.as_slice::<f32>().expect("f32"), [3.0, 4.0]);
    // ½‖(3, 4)‖² of the second name is part of every node.
    assert_every_node_is_half_the_square(&run, &landscape.slices()[0], 12.5);
    let file = std::fs::read(run.join("snapshots/000001.safetensors")).expect("a snapshot");
    let tensors = safetensors::SafeTensors::deserialize(&file).expect("safetensors");
    let stored = tensors.tensor("b").expect("the second name").data().to_vec();
    assert_eq!(stored, [3.0_f32, 4.0].map(f32::to_le_bytes).concat());
}
