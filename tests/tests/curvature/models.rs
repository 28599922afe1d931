//! Models that are small enough to write their Hessian down.

use burn::module::{Module, Param};
use burn::tensor::{DType, Distribution, Tensor, TensorData};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use nalgebra::DMatrix;

use super::support::device;

/// Inputs of a row; one target follows.
pub const INPUTS: usize = 2;
/// Hidden units.
pub const HIDDEN: usize = 3;

/// What is odd about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    None,
    /// The first layer gets no gradient: it is detached.
    Detached,
    /// It adds noise where gradients are taken only.
    NoisyInTraining,
}

/// tanh(x·W)·w, without biases.
#[derive(Module, Debug)]
pub struct TanhNet {
    pub first: Param<Tensor<2>>,
    pub second: Param<Tensor<2>>,
    #[module(skip)]
    oddity: Oddity,
}

/// Numbers without a pattern.
pub fn waves(count: usize, phase: f64) -> Vec<f64> {
    (0..count).map(|index| 0.9 * (phase + 1.7 * index as f64).sin()).collect()
}

pub fn tensor(values: &[f64], shape: [usize; 2], dtype: DType) -> Tensor<2> {
    match dtype {
        DType::F64 => {
            let data = TensorData::new(values.to_vec(), shape);
            Tensor::from_data(data, (&device(), dtype))
        }
        _ => {
            let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            Tensor::from_data(TensorData::new(values, shape), (&device(), dtype))
        }
    }
}

/// Rows of inputs and a target, row-major.
pub fn rows(count: usize) -> Vec<f64> {
    waves(count * (INPUTS + 1), 0.3)
}

/// The rows in batches of these sizes.
pub fn batches(sizes: &[usize], dtype: DType) -> Vec<Tensor<2>> {
    let all = rows(sizes.iter().sum());
    let mut from = 0;
    let mut batch = |&size: &usize| {
        let part = &all[from * (INPUTS + 1)..(from + size) * (INPUTS + 1)];
        from += size;
        tensor(part, [size, INPUTS + 1], dtype)
    };
    sizes.iter().map(&mut batch).collect()
}

impl TanhNet {
    pub fn new(dtype: DType) -> Self {
        let param = |values: Vec<f64>, shape| Param::from_tensor(tensor(&values, shape, dtype));
        Self {
            first: param(waves(INPUTS * HIDDEN, 1.1), [INPUTS, HIDDEN]),
            second: param(waves(HIDDEN, 2.3), [HIDDEN, 1]),
            oddity: Oddity::None,
        }
    }

    pub fn odd(oddity: Oddity) -> Self {
        Self { oddity, ..Self::new(DType::F32) }
    }

    fn output(&self, rows: Tensor<2>, trains: bool) -> RegressionOutput {
        let [count, _] = rows.dims();
        let inputs = rows.clone().slice([0..count, 0..INPUTS]);
        let targets = rows.slice([0..count, INPUTS..INPUTS + 1]);
        let mut features = inputs.matmul(self.first.val()).tanh();
        if self.oddity == Oddity::Detached {
            features = features.detach();
        }
        let mut found = features.matmul(self.second.val());
        let is_noisy = match self.oddity {
            Oddity::NoisyInTraining => trains,
            _ => false,
        };
        if is_noisy {
            found = found.clone() + found.random_like(Distribution::Default);
        }
        let loss = (found.clone() - targets.clone()).powi_scalar(2).mean() * 0.5;
        RegressionOutput::new(loss, found, targets)
    }

    /// Mean over rows of ∇y∇yᵀ + r∇²y, by hand: W row-major, then w.
    pub fn hessian(rows: &[f64]) -> DMatrix<f64> {
        let (first, second) = (waves(INPUTS * HIDDEN, 1.1), waves(HIDDEN, 2.3));
        let len = INPUTS * HIDDEN + HIDDEN;
        let mut sum = DMatrix::zeros(len, len);
        let rows: Vec<&[f64]> = rows.chunks(INPUTS + 1).collect();
        for row in &rows {
            sum += Self::hessian_of_row(row, &first, &second);
        }
        sum / rows.len() as f64
    }

    fn hessian_of_row(row: &[f64], first: &[f64], second: &[f64]) -> DMatrix<f64> {
        let len = INPUTS * HIDDEN + HIDDEN;
        let unit =
            |k: usize| (0..INPUTS).map(|i| row[i] * first[i * HIDDEN + k]).sum::<f64>().tanh();
        let units: Vec<f64> = (0..HIDDEN).map(unit).collect();
        let slopes: Vec<f64> = units.iter().map(|t| 1.0 - t * t).collect();
        let found: f64 = units.iter().zip(second).map(|(t, w)| t * w).sum();
        let residual = found - row[INPUTS];
        let (of_first, of_second) =
            (|i: usize, k: usize| i * HIDDEN + k, |k: usize| INPUTS * HIDDEN + k);
        let mut gradient = vec![0.0; len];
        let mut bend = DMatrix::zeros(len, len);
        for k in 0..HIDDEN {
            gradient[of_second(k)] = units[k];
            for i in 0..INPUTS {
                gradient[of_first(i, k)] = second[k] * slopes[k] * row[i];
                bend[(of_second(k), of_first(i, k))] = slopes[k] * row[i];
                bend[(of_first(i, k), of_second(k))] = slopes[k] * row[i];
                for j in 0..INPUTS {
                    let curve = -2.0 * units[k] * slopes[k];
                    bend[(of_first(i, k), of_first(j, k))] = second[k] * curve * row[i] * row[j];
                }
            }
        }
        let outer = DMatrix::from_fn(len, len, |a, b| gradient[a] * gradient[b]);
        outer + bend * residual
    }
}

impl TrainStep for TanhNet {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.output(rows, true);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for TanhNet {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        self.output(rows, false)
    }
}
