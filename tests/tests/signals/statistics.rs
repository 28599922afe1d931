//! Statistics of BatchNorm, which burn merges one update late: a loop that is observed has them, after every step and
//! every epoch, exactly as the bare loop has them.

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{BlackBox, Level, Observer, Probe, ProbeBuilder};

use super::support::{Run, flex, vector};

/// BatchNorm, then weights; a row is two features.
#[derive(Module, Debug)]
struct Normed {
    norm: BatchNorm,
    weights: Param<Tensor<1>>,
    /// Frozen: a parameter that looks like a buffer.
    still: Param<Tensor<1>>,
}

impl Normed {
    fn new(device: &Device) -> Self {
        let param = |values: &[f64]| Param::from_tensor(vector(values, DType::F32, device));
        Self {
            norm: BatchNormConfig::new(2).init(device),
            weights: param(&[0.3, -0.7]),
            still: param(&[0.1, 0.2]).set_require_grad(false),
        }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let features = self.norm.forward(rows.clone() + self.still.val().unsqueeze::<2>());
        let found = features * self.weights.val().unsqueeze::<2>();
        let loss = (found.clone() - rows.clone()).powi_scalar(2).mean();
        RegressionOutput::new(loss, found, rows)
    }
}

impl TrainStep for Normed {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.output(rows);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Normed {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        self.output(rows)
    }
}

/// All that a file saved at this moment would hold.
fn tensors(model: &impl Module) -> Vec<TensorData> {
    struct Reader(Vec<TensorData>);
    impl ModuleVisitor for Reader {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.val().into_data());
        }
    }
    let mut reader = Reader(Vec::new());
    model.visit(&mut reader);
    reader.0
}

fn rows(step: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f64> = (0..8).map(|place| ((step * 8 + place) as f64 * 1.7).sin()).collect();
    vector(&values, DType::F32, device).reshape([4, 2])
}

/// How a loop of the test trains.
#[derive(Debug, Clone, Copy)]
struct Loop {
    epochs: usize,
    steps: usize,
    validates: bool,
    steps_in_one_line: bool,
}

fn sgd() -> ModuleOptimizer {
    SgdConfig::new().init()
}

/// Trains, and gives what the model holds after every step and every epoch.
fn trained(kind: Loop, mut observer: Observer) -> (Normed, Vec<Vec<TensorData>>) {
    let device = flex();
    let (mut model, mut optim) = (Normed::new(&device), sgd());
    let mut seen = Vec::new();
    for epoch in 0..kind.epochs {
        for step in 0..kind.steps {
            let batch = rows(epoch * kind.steps + step, &device);
            model = match kind.steps_in_one_line {
                true => observer.train_step(&mut optim, 0.1, model, batch).0,
                false => {
                    let output = observer.forward(|| TrainStep::step(&model, batch));
                    observer.loss(&output.item.loss, 4);
                    observer.step(&mut optim, 0.1, model, output.grads)
                }
            };
            seen.push(tensors(&model));
        }
        if kind.validates {
            let valid = model.valid();
            let output = InferenceStep::step(&valid, rows(99, &Device::flex()));
            observer.validation_loss(&output.loss, 4);
        }
        observer.epoch_done(&model);
        seen.push(tensors(&model));
    }
    (model, seen)
}

fn kinds() -> Vec<Loop> {
    let sizes = [(1, 1), (1, 4), (3, 1), (3, 2), (2, 5)];
    let flags = [false, true];
    let mut kinds = Vec::new();
    for (epochs, steps) in sizes {
        for (validates, steps_in_one_line) in flags.iter().flat_map(|a| flags.map(|b| (*a, b))) {
            kinds.push(Loop { epochs, steps, validates, steps_in_one_line });
        }
    }
    kinds
}

/// Probes that look at the model as often as they can.
fn busy(run: &Run) -> [ProbeBuilder; 3] {
    [
        run.builder(),
        run.builder().snapshot_every_steps(1).level(Level::Full),
        run.builder().black_box(BlackBox::new().weights()).keep_last_update(),
    ]
}

#[test]
fn an_observed_loop_has_the_statistics_of_the_bare_one_at_every_step() {
    for kind in kinds() {
        let (_, bare) = trained(kind, Probe::disabled().observe());
        for settings in 0..3 {
            let run = Run::new();
            let [a, b, c] = busy(&run);
            let builder = [a, b, c].into_iter().nth(settings).expect("three of them");
            let probe = builder.start().expect("a probe");
            let (_, observed) = trained(kind, probe.observe());
            assert_eq!(observed, bare, "{kind:?} {settings}");
            probe.close().expect("closed");
            assert_eq!(run.steps().len(), kind.epochs * kind.steps);
            let buffers: Vec<String> =
                run.head().buffers.iter().map(|it| it.path.clone()).collect();
            assert_eq!(buffers, ["norm.running_mean", "norm.running_var"]);
        }
    }
}

/// Without a forward pass, nothing merges them: the bare loop's file is one update behind, and so is ours.
#[test]
fn the_statistics_of_a_loop_that_never_validates_are_one_update_behind() {
    let kind = Loop { epochs: 1, steps: 1, validates: false, steps_in_one_line: true };
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let (model, seen) = trained(kind, probe.observe());
    let initial = tensors(&Normed::new(&flex()));
    let last = seen.last().expect("an epoch");
    // γ, β, running mean and variance, weights, and what stays.
    assert_eq!(last[2..4], initial[2..4]);
    assert_ne!(tensors(&model.valid())[2..4], initial[2..4]);
}
