//! Modules that are easily counted wrong: enums, lists, adapters, one module used twice, one parameter at two
//! paths.

use burn::module::{Lora, Module};
use burn::nn::{Linear, LinearConfig};
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor};
use burn::train::{RegressionOutput, TrainOutput, TrainStep};
use burnscape::trace::columns::{Blocks, GRAD_NORM, UPDATE_NORM};
use burnscape::{Measurements, Schedule};
use burnscape_tests::weights::drawn;

use super::support::{Run, assert_close, close, flex, step};

const LR: f64 = 0.5;

/// One of two kinds of layers.
#[derive(Module, Debug)]
enum Layer {
    Plain(Linear),
    Twice(Linear),
}

#[derive(Module, Debug)]
struct Zoo {
    layers: Vec<Layer>,
    output: Linear,
}

fn linear(inputs: usize, outputs: usize, device: &Device) -> Linear {
    LinearConfig::new(inputs, outputs).init(device)
}

impl Zoo {
    fn new() -> Self {
        let device = flex();
        let layers = vec![Layer::Plain(linear(3, 4, &device)), Layer::Twice(linear(4, 4, &device))];
        drawn(Self { layers, output: linear(4, 2, &device) }, 11)
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let pass = |x: Tensor<2>, layer: &Layer| match layer {
            Layer::Plain(layer) => layer.forward(x).tanh(),
            Layer::Twice(layer) => layer.forward(layer.forward(x).tanh()).tanh(),
        };
        self.output.forward(self.layers.iter().fold(x, pass))
    }
}

impl TrainStep for Zoo {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, x: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let found = self.forward(x.clone());
        let output = RegressionOutput::new(found.clone().square().mean(), found, x);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

/// Trains one step with everything measured; gradient norms must be those that descent shows in its update,
/// burn's own arithmetic: ‖update‖ = lr·‖g‖.
fn recorded(model: Zoo) -> Run {
    let run = Run::new();
    let builder = run.builder().measurements(Measurements::all(Schedule::Every(1)));
    let probe = builder.start().expect("a probe");
    let x = Tensor::from_floats([[0.3, -0.2, 0.9], [1.0, 0.4, -0.6]], &flex());
    let _ = step(probe.watch(model), &mut SgdConfig::new().init(), LR, x);
    close(probe);
    run
}

fn assert_descent(run: &Run, expected_blocks: &[&str]) {
    let (head, steps) = (run.head(), run.steps());
    let paths: Vec<&str> = head.blocks.iter().map(|block| block.path.as_str()).collect();
    assert_eq!(paths, expected_blocks);
    let step = &steps[0];
    for (number, path) in paths.iter().enumerate() {
        if step.missing.contains(&(number as u32)) {
            continue;
        }
        let over = |column| step.over(&Blocks::one(number), column).expect("a value");
        assert!(over(GRAD_NORM) > 0.0, "{path}");
        assert_close(over(UPDATE_NORM), LR * over(GRAD_NORM), 1e-4, path);
    }
}

#[test]
fn enums_lists_and_a_module_used_twice_have_a_block_for_every_parameter() {
    let run = recorded(Zoo::new());
    assert_descent(
        &run,
        &[
            "layers.0.Plain.weight",
            "layers.0.Plain.bias",
            "layers.1.Twice.weight",
            "layers.1.Twice.bias",
            "output.weight",
            "output.bias",
        ],
    );
    assert!(run.steps()[0].missing.is_empty());
}

#[test]
fn of_an_adapted_model_the_factors_are_watched_and_the_base_has_no_gradient() {
    let run = recorded(Zoo::new().apply_lora(Lora::new(2, 4.0)));
    let head = run.head();
    let missing = &run.steps()[0].missing;
    let (adapted, base): (Vec<_>, Vec<_>) =
        (0..head.blocks.len() as u32).partition(|it| !missing.contains(it));
    assert!(base.iter().all(|&block| head.blocks[block as usize].frozen));
    assert!(adapted.iter().all(|&block| !head.blocks[block as usize].frozen));
    assert_eq!(adapted.len(), 6, "two factors for each of three weights: {:?}", head.blocks);
}

#[test]
fn a_parameter_at_two_paths_counts_once() {
    let mut model = Zoo::new();
    let Layer::Twice(shared) = &model.layers[1] else { panic!("the second is used twice") };
    let shared = shared.clone();
    model.layers.push(Layer::Plain(shared));
    let run = recorded(model);
    let head = run.head();
    assert_eq!(head.blocks.len(), 6, "{:?}", head.blocks);
    let told = super::support::pick(run.records(), |record| match record {
        burnscape::trace::Record::Note(note) if note.text.contains("same parameter") => Some(note),
        _ => None,
    });
    assert_eq!(told.len(), 2, "weight and bias");
}
