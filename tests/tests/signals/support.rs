//! A bowl in any element type on any device, and the records of a run.

use std::path::{Path, PathBuf};

use burn::module::{Module, Param};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::trace::{Alert, Blackbox, Head, Histogram, Record, Step, read_run};
use burnscape::{Probe, ProbeBuilder, Watched};
use burnscape_tests::devices::cpu_devices;
use tempfile::TempDir;

/// The CPU devices, with autodiff.
pub fn devices() -> Vec<Device> {
    cpu_devices().into_iter().map(Device::autodiff).collect()
}

pub fn flex() -> Device {
    Device::flex().autodiff()
}

/// L(θ) = ½·mean over samples of ‖θ − sample‖² in two blocks: g = θ − mean(samples).
#[derive(Module, Debug)]
pub struct Bowl {
    pub left: Param<Tensor<1>>,
    pub right: Param<Tensor<1>>,
}

pub fn vector(values: &[f64], dtype: DType, device: &Device) -> Tensor<1> {
    let data = TensorData::new(values.to_vec(), [values.len()]);
    Tensor::from_data(data, (device, dtype))
}

impl Bowl {
    pub fn at(left: &[f64], right: &[f64], dtype: DType, device: &Device) -> Self {
        let param = |values: &[f64]| Param::from_tensor(vector(values, dtype, device));
        Self { left: param(left), right: param(right) }
    }

    fn output(&self, samples: Tensor<2>) -> RegressionOutput {
        let [count, _] = samples.dims();
        let point = Tensor::cat(vec![self.left.val(), self.right.val()], 0);
        let point: Tensor<2> = point.unsqueeze::<2>().repeat_dim(0, count);
        let loss = (point.clone() - samples.clone()).powi_scalar(2).sum_dim(1).mean() * 0.5;
        RegressionOutput::new(loss, point, samples)
    }
}

impl TrainStep for Bowl {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, samples: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.output(samples);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Bowl {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, samples: Tensor<2>) -> RegressionOutput {
        self.output(samples)
    }
}

/// One sample.
pub fn sample(values: &[f64], dtype: DType, device: &Device) -> Tensor<2> {
    vector(values, dtype, device).unsqueeze()
}

/// A folder that goes away, with a run in it.
pub struct Run(TempDir);

impl Run {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("run")
    }

    pub fn builder(&self) -> ProbeBuilder {
        Probe::builder(self.path()).quiet().exact()
    }

    pub fn records(&self) -> Vec<Record> {
        records(&self.path())
    }

    pub fn steps(&self) -> Vec<Step> {
        pick(self.records(), |record| match record {
            Record::Step(step) => Some(step),
            _ => None,
        })
    }

    pub fn alerts(&self) -> Vec<Alert> {
        pick(self.records(), |record| match record {
            Record::Alert(alert) => Some(alert),
            _ => None,
        })
    }

    pub fn histograms(&self) -> Vec<Histogram> {
        pick(self.records(), |record| match record {
            Record::Histogram(histogram) => Some(histogram),
            _ => None,
        })
    }

    pub fn black_boxes(&self) -> Vec<Blackbox> {
        pick(self.records(), |record| match record {
            Record::Blackbox(found) => Some(found),
            _ => None,
        })
    }

    pub fn head(&self) -> Head {
        let heads = pick(self.records(), |record| match record {
            Record::Head(head) => Some(head),
            _ => None,
        });
        heads.last().expect("a head").clone()
    }

    /// Path of a block.
    pub fn path_of(&self, block: Option<u32>) -> String {
        self.head().blocks[block.expect("a block") as usize].path.clone()
    }
}

pub fn records(run: &Path) -> Vec<Record> {
    let trace = read_run(run).expect("a readable run");
    assert!(trace.lost.is_empty(), "{:?}", trace.lost);
    trace.records
}

pub fn pick<T>(records: Vec<Record>, of: impl Fn(Record) -> Option<T>) -> Vec<T> {
    records.into_iter().filter_map(of).collect()
}

/// One training step by hand.
pub fn step<M: TrainStep + Module>(
    model: Watched<M>,
    optim: &mut ModuleOptimizer,
    lr: f64,
    input: M::Input,
) -> Watched<M> {
    let output = TrainStep::step(&model, input);
    model.optimize(optim, lr.into(), output.grads)
}

/// The gradients of a batch.
pub fn gradients<M: TrainStep>(model: &M, input: M::Input) -> GradientsParams {
    TrainStep::step(model, input).grads
}

/// Ends a recording in which nothing went wrong.
pub fn close(probe: Probe) {
    assert_eq!(probe.close().expect("closed").problems(), [] as [String; 0]);
}

pub fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (found - expected).abs();
    assert!(
        error <= tolerance * expected.abs().max(1e-30),
        "{what}: {found} instead of {expected}"
    );
}
