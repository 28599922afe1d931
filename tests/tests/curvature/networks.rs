//! Convolutions of every kind: the ends of their spectra from products, against the dense Hessian, over many starts.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::nn::conv::{
    Conv1d, Conv1dConfig, Conv3d, Conv3dConfig, ConvTranspose1d, ConvTranspose1dConfig,
};
use burn::nn::{Linear, LinearConfig, LinearLayout};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{Sharpness, SharpnessSpec};
use nalgebra::{DMatrix, SymmetricEigen};

use super::models::{tensor, waves};
use super::support::{Run, device, studied};

/// Values of a row of inputs, and rows.
const INPUTS: usize = 8;
const ROWS: usize = 12;
/// Starts from which each spectrum is searched.
const STARTS: u64 = 60;

/// Two convolutions, and a linear layer that stores its weights by columns.
#[derive(Module, Debug)]
struct ConvNet {
    first: Conv1d,
    second: Conv3d,
    last: Linear,
}

/// A transposed convolution with groups between two linear layers.
#[derive(Module, Debug)]
struct TransposedNet {
    first: Linear,
    second: ConvTranspose1d,
    last: Linear,
}

impl ConvNet {
    fn new() -> Self {
        let device = device();
        Self {
            first: Conv1dConfig::new(1, 4, 3).init(&device),
            second: Conv3dConfig::new([1, 3], [2, 2, 2]).init(&device),
            last: LinearConfig::new(18, 1).with_layout(LinearLayout::Col).init(&device),
        }
    }

    fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let [rows, _] = inputs.dims();
        let features = self.first.forward(inputs.reshape([rows, 1, INPUTS])).tanh();
        let features = self.second.forward(features.reshape([rows, 1, 4, 3, 2])).tanh();
        self.last.forward(features.reshape([rows, 18]))
    }
}

impl TransposedNet {
    fn new() -> Self {
        let device = device();
        Self {
            first: LinearConfig::new(INPUTS, 4).init(&device),
            second: ConvTranspose1dConfig::new([2, 4], 3).with_groups(2).init(&device),
            last: LinearConfig::new(16, 1).init(&device),
        }
    }

    fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let [rows, _] = inputs.dims();
        let features = self.first.forward(inputs).tanh().reshape([rows, 2, 2]);
        self.last.forward(self.second.forward(features).tanh().reshape([rows, 16]))
    }
}

macro_rules! regression {
    ($model:ty) => {
        impl TrainStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
                let output = InferenceStep::step(self, rows);
                TrainOutput::new(self, output.loss.backward(), output)
            }
        }

        impl InferenceStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, rows: Tensor<2>) -> RegressionOutput {
                let [count, _] = rows.dims();
                let found = self.forward(rows.clone().slice([0..count, 0..INPUTS]));
                let targets = rows.slice([0..count, INPUTS..INPUTS + 1]);
                let loss = (found.clone() - targets.clone()).powi_scalar(2).mean() * 0.5;
                RegressionOutput::new(loss, found, targets)
            }
        }
    };
}

regression!(ConvNet);
regression!(TransposedNet);

/// Every parameter in turn takes values from a list, in this element type.
struct Fill<'a> {
    values: &'a [f64],
    dtype: DType,
}

impl ModuleMapper for Fill<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        let (own, rest) = self.values.split_at(shape.iter().product());
        self.values = rest;
        let dtype = self.dtype;
        param.map(|_| {
            let values = match dtype {
                DType::F64 => TensorData::new(own.to_vec(), shape),
                _ => TensorData::new(own.iter().map(|it| *it as f32).collect::<Vec<_>>(), shape),
            };
            Tensor::from_data(values, (&device(), dtype)).require_grad()
        })
    }
}

/// The gradient in the order of the parameters.
struct Slope<'a> {
    grads: &'a GradientsParams,
    values: Vec<f64>,
}

impl ModuleVisitor for Slope<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.grads.get::<D>(param.id).expect("a gradient");
        self.values.extend(gradient.into_data().iter::<f64>());
    }
}

fn slope<M>(model: &M, weights: &[f64]) -> Vec<f64>
where
    M: TrainStep<Input = Tensor<2>, Output = RegressionOutput> + Module,
{
    let model = model.clone().map(&mut Fill { values: weights, dtype: DType::F64 });
    let output = TrainStep::step(&model, batch(DType::F64));
    let mut slope = Slope { grads: &output.grads, values: Vec::new() };
    model.visit(&mut slope);
    slope.values
}

/// Column by column, by central differences of gradients in double precision.
fn spectrum<M>(model: &M, weights: &[f64]) -> Vec<f64>
where
    M: TrainStep<Input = Tensor<2>, Output = RegressionOutput> + Module,
{
    const STEP: f64 = 1e-5;
    let column = |at: usize| {
        let moved = |by: f64| {
            let mut weights = weights.to_vec();
            weights[at] += by;
            slope(model, &weights)
        };
        let (plus, minus) = (moved(STEP), moved(-STEP));
        plus.iter()
            .zip(minus)
            .map(|(plus, minus)| (plus - minus) / (2.0 * STEP))
            .collect::<Vec<_>>()
    };
    let columns: Vec<f64> = (0..weights.len()).flat_map(column).collect();
    let hessian = DMatrix::from_vec(weights.len(), weights.len(), columns);
    let values = SymmetricEigen::new((&hessian + hessian.transpose()) * 0.5).eigenvalues;
    let mut values: Vec<f64> = values.as_slice().into();
    values.sort_by(f64::total_cmp);
    values
}

fn batch(dtype: DType) -> Tensor<2> {
    tensor(&waves(ROWS * (INPUTS + 1), 0.3), [ROWS, INPUTS + 1], dtype)
}

fn is_within(found: &[f64], error: &[f64], truth: f64) -> bool {
    (found[0] - truth).abs() <= error[0]
}

/// Searches from many starts: how many missed an end, and how many sentences doubted.
fn assert_covered<M>(model: &M, phase: f64)
where
    M: TrainStep<Input = Tensor<2>, Output = RegressionOutput>
        + InferenceStep<Input = Tensor<2>, Output = RegressionOutput>
        + Module,
{
    let count = model.num_params();
    let weights = waves(count, phase);
    let truth = spectrum(model, &weights);
    let (smallest, largest) = (truth[0], truth[count - 1]);
    let single = model.clone().map(&mut Fill { values: &weights, dtype: DType::F32 });
    let batches = [batch(DType::F32)];
    let found: Vec<Sharpness> = studied(&Run::new(), single, &batches, |study| {
        let spec = |seed| SharpnessSpec::top(1).smallest(1).seed(seed);
        (0..STARTS)
            .map(|seed| study.sharpness(&spec(seed), &batches).expect("a sharpness"))
            .collect()
    });
    for Sharpness { record, .. } in &found {
        assert!(
            is_within(&record.largest, &record.largest_error, largest),
            "{largest}: {record:?}"
        );
        assert!(
            is_within(&record.smallest, &record.smallest_error, smallest),
            "{smallest}: {record:?}"
        );
        // A thousandth of the largest, and what products in single precision are off.
        let most = (1e-3 + record.product_error) * largest.max(-smallest);
        assert!(record.smallest_error[0] <= 1.01 * most, "{record:?}");
        assert!(record.sentences.iter().all(|it| !it.contains("perhaps")), "{record:?}");
    }
}

#[test]
fn both_ends_of_a_network_of_convolutions_are_covered_from_every_start() {
    for phase in [0.4, 1.9, 3.1] {
        assert_covered(&ConvNet::new(), phase);
    }
}

#[test]
fn both_ends_of_a_network_with_a_transposed_convolution_are_covered_from_every_start() {
    for phase in [0.4, 1.9, 3.1] {
        assert_covered(&TransposedNet::new(), phase);
    }
}

#[test]
fn a_search_that_may_not_go_on_doubts_what_it_found_and_covers_it_all_the_same() {
    let model = ConvNet::new();
    let weights = waves(model.num_params(), 0.4);
    let truth = spectrum(&model, &weights);
    let single = model.map(&mut Fill { values: &weights, dtype: DType::F32 });
    let batches = [batch(DType::F32)];
    let record = studied(&Run::new(), single, &batches, |study| {
        let spec = SharpnessSpec::top(1).smallest(1).most_products(4);
        study.sharpness(&spec, &batches).expect("a sharpness").record
    });
    assert!(is_within(&record.smallest, &record.smallest_error, truth[0]), "{record:?}");
    let sentence = &record.sentences[1];
    assert!(sentence.contains("an eigenvalue, perhaps not the smallest"), "{sentence}");
}
