//! Small helpers: running the trainee, reading a trace, a tiny model with a loss in closed form.

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::trace::{Epoch, Head, Record, Snapshot, Step, read_run};
use burnscape_tests::trainee::{self, Outcome};

/// The trainee program.
pub const TRAINEE: &str = env!("CARGO_BIN_EXE_trainee");

/// Runs a trainee in `dir`.
pub fn train(dir: &Path, arguments: &[&str]) -> Outcome {
    let dir = dir.to_str().expect("a UTF-8 path");
    let arguments = [&["--dir", dir], arguments].concat();
    trainee::run(TRAINEE, &arguments).expect("the trainee runs")
}

/// All records of a run that was not damaged.
pub fn records(run: &Path) -> Vec<Record> {
    let trace = read_run(run).expect("a readable run");
    assert!(trace.lost.is_empty(), "{:?}", trace.lost);
    trace.records
}

/// The `step` records.
pub fn steps(records: &[Record]) -> Vec<Step> {
    let step = |record: &Record| match record {
        Record::Step(step) => Some(step.clone()),
        _ => None,
    };
    records.iter().filter_map(step).collect()
}

/// The `epoch` records.
pub fn epochs(records: &[Record]) -> Vec<Epoch> {
    let epoch = |record: &Record| match record {
        Record::Epoch(epoch) => Some(epoch.clone()),
        _ => None,
    };
    records.iter().filter_map(epoch).collect()
}

/// The `snapshot` records.
pub fn snapshots(records: &[Record]) -> Vec<Snapshot> {
    let snapshot = |record: &Record| match record {
        Record::Snapshot(snapshot) => Some(snapshot.clone()),
        _ => None,
    };
    records.iter().filter_map(snapshot).collect()
}

/// The last head.
pub fn head(records: &[Record]) -> Head {
    let heads = records.iter().rev();
    let mut heads = heads.filter_map(|record| match record {
        Record::Head(head) => Some(head.clone()),
        _ => None,
    });
    heads.next().expect("a head")
}

/// L(θ) = ½·mean over samples of ‖θ − sample‖², for parameters in two blocks: the gradient is
/// θ − mean(samples), the Hessian the identity.
#[derive(Module, Debug)]
pub struct Bowl {
    pub left: Param<Tensor<1>>,
    pub right: Param<Tensor<1>>,
}

impl Bowl {
    /// A bowl at the given point.
    pub fn at(left: &[f32], right: &[f32], device: &Device) -> Self {
        let param = |values: &[f32]| Param::from_tensor(Tensor::from_floats(values, device));
        Self { left: param(left), right: param(right) }
    }

    /// Parameters, left block first.
    pub fn values(&self) -> Vec<f32> {
        let all = Tensor::cat(vec![self.left.val().inner(), self.right.val().inner()], 0);
        all.into_data().as_slice::<f32>().expect("f32").to_vec()
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

/// One sample at the origin: then L(θ) = ½‖θ‖².
pub fn origin(dims: usize, device: &Device) -> Tensor<2> {
    Tensor::zeros([1, dims], device)
}
