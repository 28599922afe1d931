//! The plain layers against numbers worked out on paper.

use super::plain::{
    Image, Kernel, Reset, Weights, attention, batch_norm, conv, conv_transpose, cross_entropy,
    embedding, gru_step, layer_norm, linear, lstm_step, sigmoid, softmax,
};

fn weights<const N: usize>(entries: [(&str, &[f64]); N]) -> Weights {
    entries.map(|(path, values)| (path.to_string(), values.to_vec())).into()
}

fn image(shape: [usize; 3], values: &[f64]) -> Image {
    Image { shape, values: values.to_vec() }
}

fn assert_all_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
    }
}

#[test]
fn a_linear_layer_multiplies_rows_with_columns() {
    let weights =
        weights([("fc.weight", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), ("fc.bias", &[10.0, 20.0, 30.0])]);
    assert_eq!(linear(&weights, "fc", &[1.0, -1.0]), [7.0, 17.0, 27.0]);
}

#[test]
fn a_convolution_does_not_flip_its_kernel() {
    let weights = weights([("c.weight", &[1.0, 10.0, 100.0, 1000.0]), ("c.bias", &[0.5])]);
    let kernel = Kernel { size: [2, 2], stride: 1, padding: 0, groups: 1 };
    let found = conv(&weights, "c", kernel, &image([1, 2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(found, image([1, 1, 2], &[5421.5, 6532.5]));
}

#[test]
fn padding_adds_zeros_and_stride_leaves_places_out() {
    let weights = weights([("c.weight", &[1.0, 10.0, 100.0]), ("c.bias", &[0.0])]);
    let kernel = Kernel { size: [1, 3], stride: 2, padding: 1, groups: 1 };
    let found = conv(&weights, "c", kernel, &image([1, 1, 3], &[1.0, 2.0, 3.0]));
    // Rows −1 and 1 are padding, of which stride 2 sees row −1 and row 1 only.
    assert_eq!(found, image([1, 2, 2], &[0.0, 0.0, 0.0, 0.0]));
    let kernel = Kernel { size: [3, 3], ..kernel };
    let taps = [0.0, 0.0, 0.0, 1.0, 10.0, 100.0, 0.0, 0.0, 0.0];
    let weights = self::weights([("c.weight", &taps), ("c.bias", &[0.0])]);
    let found = conv(&weights, "c", kernel, &image([1, 1, 3], &[1.0, 2.0, 3.0]));
    assert_eq!(found, image([1, 1, 2], &[210.0, 32.0]));
}

#[test]
fn a_group_sees_its_own_channels_only() {
    let weights = weights([("c.weight", &[1.0, 2.0, 3.0, 4.0]), ("c.bias", &[0.0, 0.0])]);
    let kernel = Kernel { size: [1, 1], stride: 1, padding: 0, groups: 2 };
    let found = conv(&weights, "c", kernel, &image([4, 1, 1], &[1.0, 10.0, 100.0, 1000.0]));
    assert_eq!(found, image([2, 1, 1], &[21.0, 4300.0]));
}

#[test]
fn a_transposed_convolution_spreads_every_pixel() {
    let weights = weights([("c.weight", &[1.0, 10.0, 100.0]), ("c.bias", &[0.5])]);
    let kernel = Kernel { size: [1, 3], stride: 2, padding: 0, groups: 1 };
    let found = conv_transpose(&weights, "c", kernel, 0, &image([1, 1, 2], &[1.0, 2.0]));
    assert_eq!(found, image([1, 1, 5], &[1.5, 10.5, 102.5, 20.5, 200.5]));
    let kernel = Kernel { size: [3, 3], stride: 2, padding: 1, groups: 1 };
    let taps = [0.0, 0.0, 0.0, 1.0, 10.0, 100.0, 0.0, 0.0, 0.0];
    let weights = self::weights([("c.weight", &taps), ("c.bias", &[0.0])]);
    let found = conv_transpose(&weights, "c", kernel, 1, &image([1, 1, 2], &[1.0, 2.0]));
    // The row [1, 10, 102, 20, 200] without its first place; the row below is the extra one.
    assert_eq!(found.shape, [1, 2, 4]);
    assert_eq!(found.values[..4], [10.0, 102.0, 20.0, 200.0]);
    assert_eq!(found.values[4..], [0.0; 4]);
}

#[test]
fn a_group_of_a_transposed_convolution_writes_its_own_channels_only() {
    // Two inputs, each a group of its own with two outputs.
    let weights = weights([("c.weight", &[1.0, 2.0, 3.0, 4.0]), ("c.bias", &[0.0; 4])]);
    let kernel = Kernel { size: [1, 1], stride: 1, padding: 0, groups: 2 };
    let found = conv_transpose(&weights, "c", kernel, 0, &image([2, 1, 1], &[1.0, 10.0]));
    assert_eq!(found, image([4, 1, 1], &[1.0, 2.0, 30.0, 40.0]));
}

#[test]
fn pooling_sees_windows_that_do_not_overlap() {
    let found = image([1, 2, 4], &[1.0, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 8.0]);
    let largest = |window: &[f64]| window.iter().fold(f64::MIN, |a, b| a.max(*b));
    assert_eq!(found.pooled([2, 2], largest), image([1, 1, 2], &[4.0, 8.0]));
}

#[test]
fn batch_norm_uses_the_stored_statistics() {
    let weights = weights([
        ("n.running_mean", &[1.0]),
        ("n.running_var", &[4.0 - 1e-5]),
        ("n.gamma", &[3.0]),
        ("n.beta", &[10.0]),
    ]);
    assert_all_close(&batch_norm(&weights, "n", &image([1, 1, 1], &[5.0])).values, &[16.0]);
}

#[test]
fn layer_norm_uses_mean_and_variance_of_the_vector() {
    let weights = weights([("n.gamma", &[1.0, 2.0]), ("n.beta", &[0.0, 5.0])]);
    let scaled = 1.0 / (1.0_f64 + 1e-5).sqrt();
    assert_all_close(&layer_norm(&weights, "n", &[3.0, 1.0]), &[scaled, 5.0 - 2.0 * scaled]);
}

#[test]
fn softmax_and_cross_entropy_are_shares_and_their_logarithms() {
    let logits = [2.0_f64.ln(), 0.0, 5.0_f64.ln()];
    assert_all_close(&softmax(&logits), &[0.25, 0.125, 0.625]);
    assert_all_close(&[cross_entropy(&logits, 0)], &[4.0_f64.ln()]);
}

#[test]
fn an_embedding_is_a_row_of_its_table() {
    let weights = weights([("e.weight", &[1.0, 2.0, 3.0, 4.0])]);
    assert_eq!(embedding(&weights, "e", 2, 1), [3.0, 4.0]);
}

#[test]
fn attention_without_a_preference_mixes_the_values_evenly_in_each_head() {
    let identity = [1.0, 0.0, 0.0, 1.0];
    let still: [&[f64]; 2] = [&[0.0; 4], &[0.0; 2]];
    let mut weights = weights([("a.query.weight", still[0]), ("a.query.bias", still[1])]);
    for part in ["key", "value", "output"] {
        weights.insert(format!("a.{part}.weight"), identity.to_vec());
        weights.insert(format!("a.{part}.bias"), still[1].to_vec());
    }
    let rows = [vec![1.0, 0.0], vec![3.0, 3.0_f64.ln()]];
    let even = [2.0, 0.5 * 3.0_f64.ln()];
    for row in attention(&weights, "a", 2, &rows) {
        assert_all_close(&row, &even);
    }
    // The second head asks with 1: keys 0 and ln 3 share 1 : 3; the first head still asks with 0.
    weights.insert("a.query.bias".into(), vec![0.0, 1.0]);
    for row in attention(&weights, "a", 2, &rows) {
        assert_all_close(&row, &[2.0, 0.75 * 3.0_f64.ln()]);
    }
}

/// Gates of one number each: `input x + hidden h + bias`, half of the bias in each transform.
fn gates<const N: usize>(gates: [(&str, [f64; 3]); N]) -> Weights {
    let mut weights = Weights::new();
    for (gate, [input, hidden, bias]) in gates {
        for (part, weight) in [("input_transform", input), ("hidden_transform", hidden)] {
            weights.insert(format!("r.{gate}.{part}.weight"), vec![weight]);
            weights.insert(format!("r.{gate}.{part}.bias"), vec![0.5 * bias]);
        }
    }
    weights
}

#[test]
fn a_step_of_an_lstm_forgets_takes_in_and_puts_out() {
    let weights = gates([
        ("input_gate", [1.0, 0.0, 0.0]),
        ("forget_gate", [0.0, 1.0, 0.0]),
        ("output_gate", [0.0, 0.0, 1.0]),
        ("cell_gate", [1.0, 1.0, 1.0]),
    ]);
    let [cell, hidden] = lstm_step(&weights, "r", &[0.3], [&[0.7], &[0.2]]);
    let expected = sigmoid(0.2) * 0.7 + sigmoid(0.3) * 1.5_f64.tanh();
    assert_all_close(&cell, &[expected]);
    assert_all_close(&hidden, &[sigmoid(1.0) * expected.tanh()]);
}

#[test]
fn a_step_of_a_gru_mixes_old_and_new() {
    let weights = gates([
        ("update_gate", [1.0, 0.0, 0.0]),
        ("reset_gate", [0.0, 1.0, 0.0]),
        ("new_gate", [1.0, 2.0, 1.0]),
    ]);
    let (update, kept) = (sigmoid(0.3), sigmoid(0.2));
    let mixed = |new: f64| (1.0 - update) * new.tanh() + update * 0.2;
    let after = gru_step(&weights, "r", Reset::After, &[0.3], &[0.2]);
    assert_all_close(&after, &[mixed(0.3 + 0.5 + kept * (0.4 + 0.5))]);
    let before = gru_step(&weights, "r", Reset::Before, &[0.3], &[0.2]);
    assert_all_close(&before, &[mixed(0.3 + 0.5 + 2.0 * kept * 0.2 + 0.5)]);
}
