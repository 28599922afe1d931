//! The layers of the zoo in plain loops over `f64`, one sample at a time.

use std::collections::BTreeMap;

use super::support::Tensors;

/// Values of tensors by path.
pub type Weights = BTreeMap<String, Vec<f64>>;

/// What burn adds to a variance before its root, in both kinds of normalisation.
const EPSILON: f64 = 1e-5;

/// The tensors of a file.
pub fn weights(tensors: &Tensors) -> Weights {
    tensors.iter().map(|(path, (_, values))| (path.clone(), wide(values))).collect()
}

/// The same numbers in `f64`.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// `(1/n) Σ values`.
pub fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// `a + b`, entry by entry.
pub fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// `f` of every entry.
pub fn map(values: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    values.iter().copied().map(f).collect()
}

/// `max(x, 0)`.
pub fn relu(x: f64) -> f64 {
    x.max(0.0)
}

/// `1 / (1 + e⁻ˣ)`.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `½ Σ (found − target)²`.
pub fn half_squares(found: &[f64], targets: &[f64]) -> f64 {
    assert_eq!(found.len(), targets.len());
    0.5 * found.iter().zip(targets).map(|(f, t)| (f - t).powi(2)).sum::<f64>()
}

/// `eˣ / Σ eˣ`.
pub fn softmax(scores: &[f64]) -> Vec<f64> {
    let exponentials = map(scores, f64::exp);
    let sum: f64 = exponentials.iter().sum();
    map(&exponentials, |it| it / sum)
}

/// `−ln softmax(logits)[label]`.
pub fn cross_entropy(logits: &[f64], label: usize) -> f64 {
    -softmax(logits)[label].ln()
}

/// `x W + b` with `W [inputs, outputs]` at `{name}.weight` and `b` at `{name}.bias`.
pub fn linear(weights: &Weights, name: &str, x: &[f64]) -> Vec<f64> {
    let bias = &weights[&format!("{name}.bias")];
    matrix(x, &weights[&format!("{name}.weight")], bias)
}

/// `x W + b` with `W [inputs, outputs]`, row by row.
pub fn matrix(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let outputs = bias.len();
    assert_eq!(weight.len(), x.len() * outputs);
    let product = |column: usize| {
        let terms = x.iter().enumerate();
        terms.map(|(row, x)| x * weight[row * outputs + column]).sum::<f64>()
    };
    (0..outputs).map(|column| bias[column] + product(column)).collect()
}

/// Channels of height × width.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// Row by row, channel by channel.
    pub values: Vec<f64>,
}

impl Image {
    /// An image of `f(channel, y, x)`.
    pub fn of(shape: [usize; 3], f: impl Fn(usize, usize, usize) -> f64) -> Self {
        let mut values = Vec::new();
        for channel in 0..shape[0] {
            for y in 0..shape[1] {
                for x in 0..shape[2] {
                    values.push(f(channel, y, x));
                }
            }
        }
        Self { shape, values }
    }

    /// One pixel.
    pub fn at(&self, channel: usize, y: usize, x: usize) -> f64 {
        self.values[(channel * self.shape[1] + y) * self.shape[2] + x]
    }

    /// One pixel; zero outside.
    fn padded(&self, channel: usize, y: isize, x: isize) -> f64 {
        let inside = |at: isize, axis: usize| (0..self.shape[axis] as isize).contains(&at);
        match inside(y, 1) && inside(x, 2) {
            true => self.at(channel, y as usize, x as usize),
            false => 0.0,
        }
    }

    /// `f(channel, value)` of every pixel.
    pub fn map(&self, f: impl Fn(usize, f64) -> f64) -> Self {
        Self::of(self.shape, |channel, y, x| f(channel, self.at(channel, y, x)))
    }

    /// `f` of the values of every window, which do not overlap.
    pub fn pooled(&self, [height, width]: [usize; 2], f: impl Fn(&[f64]) -> f64) -> Self {
        let [channels, rows, columns] = self.shape;
        Self::of([channels, rows / height, columns / width], |channel, y, x| {
            let window = 0..height * width;
            let value =
                |it: usize| self.at(channel, y * height + it / width, x * width + it % width);
            f(&window.map(value).collect::<Vec<_>>())
        })
    }
}

/// How the kernel of a convolution lies and moves, the same along both axes of an image.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Height and width.
    pub size: [usize; 2],
    pub stride: usize,
    pub padding: usize,
    pub groups: usize,
}

/// A convolution with `{name}.weight [outputs, inputs / groups, height, width]`.
pub fn conv(weights: &Weights, name: &str, kernel: Kernel, image: &Image) -> Image {
    let weight = &weights[&format!("{name}.weight")];
    let bias = &weights[&format!("{name}.bias")];
    let Kernel { size: [height, width], stride, padding, groups } = kernel;
    let inputs = image.shape[0] / groups;
    let length = |axis: usize| (image.shape[axis] + 2 * padding - kernel.size[axis - 1]) / stride;
    Image::of([bias.len(), length(1) + 1, length(2) + 1], |output, y, x| {
        let group = output / (bias.len() / groups);
        let mut sum = bias[output];
        for input in 0..inputs {
            for ky in 0..height {
                for kx in 0..width {
                    let at = |out: usize, k: usize| (out * stride + k) as isize - padding as isize;
                    let pixel = image.padded(group * inputs + input, at(y, ky), at(x, kx));
                    sum += pixel * weight[((output * inputs + input) * height + ky) * width + kx];
                }
            }
        }
        sum
    })
}

/// A transposed convolution with `{name}.weight [inputs, outputs / groups, height, width]`: every
/// pixel is spread over the output; `extra` rows and columns are added at the end.
pub fn conv_transpose(
    weights: &Weights,
    name: &str,
    kernel: Kernel,
    extra: usize,
    image: &Image,
) -> Image {
    let weight = &weights[&format!("{name}.weight")];
    let bias = &weights[&format!("{name}.bias")];
    let Kernel { size: [height, width], stride, padding, groups } = kernel;
    let [inputs, rows, columns] = image.shape;
    let outputs = bias.len() / groups;
    let length = |axis: usize| {
        (image.shape[axis] - 1) * stride + kernel.size[axis - 1] + extra - 2 * padding
    };
    let mut result = Image::of([bias.len(), length(1), length(2)], |output, _, _| bias[output]);
    for input in 0..inputs {
        let group = input / (inputs / groups);
        for place in 0..rows * columns * outputs * height * width {
            let (rest, kx) = (place / width, place % width);
            let (rest, ky) = (rest / height, rest % height);
            let (rest, output) = (rest / outputs, rest % outputs);
            let (y, x) = (rest / columns, rest % columns);
            let (Some(to_y), Some(to_x)) =
                ((y * stride + ky).checked_sub(padding), (x * stride + kx).checked_sub(padding))
            else {
                continue;
            };
            if to_y >= result.shape[1] || to_x >= result.shape[2] {
                continue;
            }
            let tap = weight[((input * outputs + output) * height + ky) * width + kx];
            let [_, out_rows, out_columns] = result.shape;
            let to = ((group * outputs + output) * out_rows + to_y) * out_columns + to_x;
            result.values[to] += image.at(input, y, x) * tap;
        }
    }
    result
}

/// Channel by channel with the stored statistics.
pub fn batch_norm(weights: &Weights, name: &str, image: &Image) -> Image {
    image.map(|channel, value| {
        let of = |field: &str| weights[&format!("{name}.{field}")][channel];
        let deviation = (of("running_var") + EPSILON).sqrt();
        (value - of("running_mean")) / deviation * of("gamma") + of("beta")
    })
}

/// One vector with its own mean and variance.
pub fn layer_norm(weights: &Weights, name: &str, x: &[f64]) -> Vec<f64> {
    let centre = mean(x.iter().copied());
    let variance = mean(x.iter().map(|x| (x - centre).powi(2)));
    let of = |field: &str, at: usize| weights[&format!("{name}.{field}")][at];
    let value = |at: usize| {
        (x[at] - centre) / (variance + EPSILON).sqrt() * of("gamma", at) + of("beta", at)
    };
    (0..x.len()).map(value).collect()
}

/// Row `index` of a table with rows of `width` numbers.
pub fn embedding(weights: &Weights, name: &str, width: usize, index: usize) -> Vec<f64> {
    weights[&format!("{name}.weight")][index * width..][..width].to_vec()
}

/// Self-attention: every head sees its own part of query, key and value.
pub fn attention(weights: &Weights, name: &str, heads: usize, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let through = |part: &str| -> Vec<Vec<f64>> {
        let part = format!("{name}.{part}");
        rows.iter().map(|row| linear(weights, &part, row)).collect()
    };
    let (query, key, value) = (through("query"), through("key"), through("value"));
    let width = rows[0].len() / heads;
    let context = |row: usize| -> Vec<f64> {
        let head = |head: usize| {
            let part = head * width..(head + 1) * width;
            let score = |key: &Vec<f64>| {
                let pairs = query[row][part.clone()].iter().zip(&key[part.clone()]);
                pairs.map(|(q, k)| q * k).sum::<f64>() / (width as f64).sqrt()
            };
            let shares = softmax(&key.iter().map(score).collect::<Vec<_>>());
            let mixed = part.map(|at| {
                value.iter().zip(&shares).map(|(value, share)| share * value[at]).sum::<f64>()
            });
            mixed.collect::<Vec<_>>()
        };
        (0..heads).flat_map(head).collect()
    };
    let output = format!("{name}.output");
    (0..rows.len()).map(|row| linear(weights, &output, &context(row))).collect()
}

/// `x Wₓ + bₓ` and `h Wₕ + bₕ` of one gate.
fn gate(weights: &Weights, name: &str, x: &[f64], hidden: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let from_input = linear(weights, &format!("{name}.input_transform"), x);
    let from_hidden = linear(weights, &format!("{name}.hidden_transform"), hidden);
    (from_input, from_hidden)
}

fn gate_sum(weights: &Weights, name: &str, x: &[f64], hidden: &[f64]) -> Vec<f64> {
    let (from_input, from_hidden) = gate(weights, name, x, hidden);
    add(&from_input, &from_hidden)
}

/// One step of an LSTM: the new cell and hidden state.
///
/// `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh(c')`.
pub fn lstm_step(
    weights: &Weights,
    name: &str,
    x: &[f64],
    [cell, hidden]: [&[f64]; 2],
) -> [Vec<f64>; 2] {
    let sum = |gate: &str| gate_sum(weights, &format!("{name}.{gate}"), x, hidden);
    let input = map(&sum("input_gate"), sigmoid);
    let forget = map(&sum("forget_gate"), sigmoid);
    let output = map(&sum("output_gate"), sigmoid);
    let candidate = map(&sum("cell_gate"), f64::tanh);
    let cell = |at: usize| forget[at] * cell[at] + input[at] * candidate[at];
    let cell: Vec<f64> = (0..hidden.len()).map(cell).collect();
    let hidden = (0..hidden.len()).map(|at| output[at] * cell[at].tanh()).collect();
    [cell, hidden]
}

/// Where the reset gate of a GRU acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// On the hidden state after its matrix: `r ∘ (h W + b)`.
    After,
    /// On the hidden state itself: `(r ∘ h) W + b`.
    Before,
}

/// One step of a GRU: `h' = (1 − z) tanh(n) + z h`, with `z` the update gate.
pub fn gru_step(
    weights: &Weights,
    name: &str,
    reset: Reset,
    x: &[f64],
    hidden: &[f64],
) -> Vec<f64> {
    let path = |gate: &str| format!("{name}.{gate}");
    let update = map(&gate_sum(weights, &path("update_gate"), x, hidden), sigmoid);
    let kept = map(&gate_sum(weights, &path("reset_gate"), x, hidden), sigmoid);
    let times =
        |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let new = match reset {
        Reset::After => {
            let (from_input, from_hidden) = gate(weights, &path("new_gate"), x, hidden);
            add(&from_input, &times(&kept, &from_hidden))
        }
        Reset::Before => gate_sum(weights, &path("new_gate"), x, &times(&kept, hidden)),
    };
    let value = |at: usize| (1.0 - update[at]) * new[at].tanh() + update[at] * hidden[at];
    (0..hidden.len()).map(value).collect()
}
