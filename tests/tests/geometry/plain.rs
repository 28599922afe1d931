//! The losses of the models in plain arithmetic, from nothing but the numbers in the files.

use std::collections::BTreeMap;

use super::models::{QUADRATIC_DIMS, hessian};
use super::support::Tensors;

/// Values by path, in f64.
pub type Weights = BTreeMap<String, Vec<f64>>;

/// A block: its path and how many numbers it has.
pub type Block = (&'static str, usize);

/// Blocks of the perceptron in layout order.
pub const MLP_BLOCKS: [Block; 4] =
    [("hidden.weight", 12), ("hidden.bias", 4), ("output.weight", 8), ("output.bias", 2)];

/// Blocks of the convolutional network in layout order; its buffers are no part of it.
pub const CONV_BLOCKS: [Block; 6] = [
    ("conv.weight", 18),
    ("conv.bias", 2),
    ("norm.gamma", 2),
    ("norm.beta", 2),
    ("output.weight", 8),
    ("output.bias", 1),
];

/// The numbers of a snapshot.
pub fn weights(snapshot: &Tensors) -> Weights {
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect();
    let entries = snapshot.iter();
    entries.map(|(path, (_, values))| (path.clone(), wide(values))).collect()
}

/// The weights after a move by `alpha · d1 + beta · d2`; what is no block stays.
pub fn moved(
    centre: &Weights,
    blocks: &[Block],
    directions: [&[f32]; 2],
    [alpha, beta]: [f64; 2],
) -> Weights {
    let mut moved = centre.clone();
    let mut at = 0;
    for (path, len) in blocks {
        for value in moved.get_mut(*path).expect("a block of the snapshot") {
            *value += alpha * f64::from(directions[0][at]) + beta * f64::from(directions[1][at]);
            at += 1;
        }
        assert_eq!(moved[*path].len(), *len, "{path}");
    }
    assert_eq!(at, directions[0].len(), "a direction is as long as the blocks");
    moved
}

/// `x W + b` with W [inputs, outputs], row by row.
fn linear(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let outputs = bias.len();
    let output = |column: usize| {
        let terms = x.iter().enumerate();
        let terms = terms.map(|(row, x)| x * weight[row * outputs + column]);
        bias[column] + terms.sum::<f64>()
    };
    (0..outputs).map(output).collect()
}

fn relu(x: f64) -> f64 {
    x.max(0.0)
}

fn half_squares(found: &[f64], targets: &[f32]) -> f64 {
    assert_eq!(found.len(), targets.len());
    let pairs = found.iter().zip(targets);
    0.5 * pairs.map(|(f, t)| (f - f64::from(*t)).powi(2)).sum::<f64>()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// linear → relu → linear, mean over rows.
pub fn mlp_loss(weights: &Weights, rows: &[[f32; 5]]) -> f64 {
    mean(rows.iter().map(|row| {
        let hidden = linear(&wide(&row[..3]), &weights["hidden.weight"], &weights["hidden.bias"]);
        let hidden: Vec<f64> = hidden.into_iter().map(relu).collect();
        let found = linear(&hidden, &weights["output.weight"], &weights["output.bias"]);
        half_squares(&found, &row[3..])
    }))
}

/// convolution → BatchNorm with the stored statistics → relu → linear, mean over rows; dropout is
/// off.
pub fn conv_loss(weights: &Weights, rows: &[[f32; 17]]) -> f64 {
    mean(rows.iter().map(|row| {
        let image = wide(&row[..16]);
        let features: Vec<f64> = (0..8).map(|place| feature(weights, &image, place)).collect();
        let found = linear(&features, &weights["output.weight"], &weights["output.bias"]);
        half_squares(&found, &row[16..])
    }))
}

/// Feature `channel · 4 + y · 2 + x` of a 4 × 4 image under a 3 × 3 kernel.
fn feature(weights: &Weights, image: &[f64], place: usize) -> f64 {
    let (channel, y, x) = (place / 4, place % 4 / 2, place % 2);
    let tap = |tap: usize| {
        let pixel = image[(y + tap / 3) * 4 + x + tap % 3];
        pixel * weights["conv.weight"][channel * 9 + tap]
    };
    let convolved = weights["conv.bias"][channel] + (0..9).map(tap).sum::<f64>();
    let of = |path: &str| weights[path][channel];
    let deviation = (of("norm.running_var") + 1e-5).sqrt();
    let normed = (convolved - of("norm.running_mean")) / deviation;
    relu(normed * of("norm.gamma") + of("norm.beta"))
}

/// aᵀHb with the quadratic's Hessian.
pub fn bilinear(a: &[f64], b: &[f64]) -> f64 {
    let places = (0..QUADRATIC_DIMS).flat_map(|i| (0..QUADRATIC_DIMS).map(move |j| (i, j)));
    places.map(|(i, j)| a[i] * f64::from(hessian(i, j)) * b[j]).sum()
}

/// The loss of the quadratic at a point.
pub fn quadratic_loss(point: &[f64], samples: &[[f32; QUADRATIC_DIMS]]) -> f64 {
    mean(samples.iter().map(|sample| {
        let away = difference(point, &wide(sample));
        0.5 * bilinear(&away, &away)
    }))
}

/// Its gradient times a direction: (θ − mean of samples)ᵀ H d.
pub fn quadratic_slope(point: &[f64], samples: &[[f32; QUADRATIC_DIMS]], d: &[f64]) -> f64 {
    mean(samples.iter().map(|sample| bilinear(&difference(point, &wide(sample)), d)))
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// H times a vector.
pub fn hessian_times(vector: &[f64]) -> Vec<f64> {
    let row = |i: usize| (0..QUADRATIC_DIMS).map(|j| f64::from(hessian(i, j)) * vector[j]).sum();
    (0..QUADRATIC_DIMS).map(row).collect()
}
