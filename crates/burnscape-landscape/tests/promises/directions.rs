//! Random directions: which norms they copy, what leaves them unchanged, and what they see of a network.

use burnscape_landscape::direction::{
    Biases, DirectionOptions, Normalisation, between, cosine, norm, random, share_per_block,
};
use burnscape_landscape::evaluate::evaluate;
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::layout::{Block, Layout};
use burnscape_landscape::plane::Plane;
use burnscape_landscape::surface::Surface;

fn one_block(container: &str, shape: &[usize], bias_len: Option<usize>) -> Layout {
    Layout::new(vec![Block::new("layer.weight", container, shape, bias_len)]).unwrap()
}

fn draw(layout: &Layout, centre: &[f32], normalisation: Normalisation) -> Vec<f32> {
    let options = DirectionOptions { normalisation, ..DirectionOptions::default() };
    random(layout, centre, 7, &options).unwrap()
}

fn norm_of(values: &[f32], entries: impl Iterator<Item = usize>) -> f64 {
    entries.map(|i| f64::from(values[i]).powi(2)).sum::<f64>().sqrt()
}

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{found} != {expected}");
}

#[test]
fn the_columns_of_a_linear_layer_get_the_norms_of_its_columns() {
    let layout = one_block("Linear", &[3, 5], Some(5));
    // Column j holds (j+1)/√3 three times: norm j + 1.
    let centre: Vec<f32> = (0..15).map(|i| (i % 5 + 1) as f32 / 3.0_f32.sqrt()).collect();
    let direction = draw(&layout, &centre, Normalisation::Filter);
    for column in 0..5 {
        let entries = (0..3).map(|row| row * 5 + column);
        assert_close(norm_of(&direction, entries), (column + 1) as f64);
    }
}

#[test]
fn the_rows_of_an_embedding_get_the_norms_of_its_rows() {
    let layout = one_block("Embedding", &[4, 9], None);
    // Row i holds (i+1)/3 nine times: norm i + 1.
    let centre: Vec<f32> = (0..36).map(|i| (i / 9 + 1) as f32 / 3.0).collect();
    let direction = draw(&layout, &centre, Normalisation::Filter);
    for row in 0..4 {
        assert_close(norm_of(&direction, row * 9..(row + 1) * 9), (row + 1) as f64);
    }
}

#[test]
fn output_channels_of_plain_and_grouped_convolutions_keep_their_norms() {
    for shape in [[6, 2, 3, 3], [6, 1, 3, 3]] {
        let layout = one_block("Conv2d", &shape, Some(6));
        let size = shape[1] * 9;
        let value = |channel: usize| (channel + 1) as f32 / (size as f32).sqrt();
        let centre: Vec<f32> = (0..6 * size).map(|i| value(i / size)).collect();
        let direction = draw(&layout, &centre, Normalisation::Filter);
        for channel in 0..6 {
            let entries = channel * size..(channel + 1) * size;
            assert_close(norm_of(&direction, entries), (channel + 1) as f64);
        }
    }
}

#[test]
fn output_channels_of_transposed_convolutions_keep_their_norms_group_by_group() {
    // [c_in, c_out / groups, k, k]; 6 inputs, 3 groups of 2 outputs, or 1 group of 2 outputs.
    for (groups, bias_len) in [(3, Some(6)), (1, Some(2)), (1, None)] {
        let layout = one_block("ConvTranspose2d", &[6, 2, 2, 2], bias_len);
        let inputs = 6 / groups;
        let channel_of = |i: usize| (i / 8 / inputs) * 2 + i / 4 % 2;
        let size = (inputs * 4) as f32;
        let centre: Vec<f32> = (0..48).map(|i| (channel_of(i) + 1) as f32 / size.sqrt()).collect();
        let direction = draw(&layout, &centre, Normalisation::Filter);
        for channel in 0..2 * groups {
            let entries = (0..48).filter(|&i| channel_of(i) == channel);
            assert_close(norm_of(&direction, entries), (channel + 1) as f64);
        }
    }
}

#[test]
fn layer_and_weight_normalisation_copy_the_norm_of_the_block_and_of_every_entry() {
    let layout = one_block("Linear", &[3, 5], None);
    let centre: Vec<f32> = (0..15).map(|i| i as f32 - 6.0).collect();
    let layer = draw(&layout, &centre, Normalisation::Layer);
    assert_close(norm(&layer), norm(&centre));
    let weight = draw(&layout, &centre, Normalisation::Weight);
    let raw = draw(&layout, &centre, Normalisation::None);
    for i in 0..15 {
        assert_eq!(weight[i].abs(), centre[i].abs());
        assert_eq!(weight[i].is_sign_positive(), raw[i].is_sign_positive());
    }
    // Layer normalisation only scales.
    assert_close(cosine(&layer, &raw), 1.0);
}

#[test]
fn filters_that_are_zero_do_not_move() {
    let layout = one_block("Linear", &[3, 2], None);
    let centre = [0.0, 1.0, 0.0, 2.0, 0.0, 3.0];
    let direction = draw(&layout, &centre, Normalisation::Filter);
    assert_eq!([direction[0], direction[2], direction[4]], [0.0; 3]);
    assert_close(norm(&direction), 14.0_f64.sqrt());
    for normalisation in [Normalisation::Filter, Normalisation::Layer, Normalisation::Weight] {
        assert_eq!(norm(&draw(&layout, &[0.0; 6], normalisation)), 0.0);
    }
}

fn network() -> Layout {
    Layout::new(vec![
        Block::new("conv.weight", "Conv2d", &[4, 1, 3, 3], Some(4)),
        Block::new("conv.bias", "Conv2d", &[4], None),
        Block::new("norm.gamma", "BatchNorm", &[4], None),
        Block::new("norm.beta", "BatchNorm", &[4], None),
        Block::new("frozen.weight", "Linear", &[3, 5], None).frozen(true),
        Block::new("fc.weight", "Linear", &[4, 2], Some(2)),
    ])
    .unwrap()
}

#[test]
fn biases_norms_and_frozen_blocks_stay_unless_they_are_asked_to_move() {
    let layout = network();
    let centre = vec![2.0; layout.len()];
    let still = |options: DirectionOptions| -> Vec<bool> {
        let direction = random(&layout, &centre, 1, &options).unwrap();
        let blocks = layout.blocks().iter();
        blocks.map(|block| direction[block.range()].iter().all(|d| *d == 0.0)).collect()
    };
    let default = DirectionOptions::default();
    assert_eq!(still(default), [false, true, true, true, true, false]);
    for biases in [Biases::Filter, Biases::Kept] {
        assert_eq!(
            still(DirectionOptions { biases, ..default }),
            [false, false, false, false, true, false]
        );
    }
    let move_frozen = true;
    assert_eq!(
        still(DirectionOptions { move_frozen, ..default }),
        [false, true, true, true, false, false]
    );
    // A bias that moves is one filter: four times 2 has the norm 4.
    let bias = layout.block("conv.bias").unwrap().range();
    let options = DirectionOptions { biases: Biases::Filter, ..default };
    let direction = random(&layout, &centre, 1, &options).unwrap();
    assert_close(norm(&direction[bias.clone()]), 4.0);
    // One that is kept moves along itself.
    let options = DirectionOptions { biases: Biases::Kept, ..default };
    let direction = random(&layout, &centre, 1, &options).unwrap();
    assert_eq!(direction[bias], [2.0; 4]);
}

#[test]
fn the_order_of_the_blocks_and_the_number_of_threads_do_not_change_a_bit() {
    let forward = network();
    let mut blocks = forward.blocks().to_vec();
    blocks.reverse();
    let backward = Layout::new(blocks).unwrap();
    let draw = |layout: &Layout| {
        let centre: Vec<f32> = (0..layout.len()).map(|_| 1.5).collect();
        random(layout, &centre, 3, &DirectionOptions::default()).unwrap()
    };
    let expected = draw(&forward);
    let (there, back) = std::thread::scope(|scope| {
        let there = scope.spawn(|| draw(&forward));
        let back = scope.spawn(|| draw(&backward));
        (there.join().unwrap(), back.join().unwrap())
    });
    assert_eq!(there, expected);
    for block in forward.blocks() {
        let other = backward.block(&block.path).unwrap();
        assert_eq!(expected[block.range()], back[other.range()], "{}", block.path);
    }
}

#[test]
fn seeds_and_paths_give_independent_standard_normal_numbers() {
    let blocks = ["a.weight", "b.weight"].map(|path| Block::new(path, "Linear", &[200, 500], None));
    let layout = Layout::new(blocks.to_vec()).unwrap();
    let centre = vec![1.0; layout.len()];
    let options = DirectionOptions { normalisation: Normalisation::None, ..Default::default() };
    let one = random(&layout, &centre, 1, &options).unwrap();
    let two = random(&layout, &centre, 2, &options).unwrap();
    // 10⁵ draws: standard error of the mean .003, of the variance .0045, of a cosine .003.
    let (a, b) = one.split_at(100_000);
    let mean = a.iter().copied().map(f64::from).sum::<f64>() / 1e5;
    assert!(mean.abs() < 0.02, "{mean}");
    assert!((norm(a).powi(2) / 1e5 - 1.0).abs() < 0.03);
    assert!(cosine(a, b).abs() < 0.02);
    assert!(cosine(&one, &two).abs() < 0.02);
}

#[test]
fn a_seed_written_down_today_draws_the_same_direction_for_ever() {
    // Drawn by the first version: a dependency that changes them changes every recorded slice.
    let layout = one_block("Linear", &[2, 2], None);
    let drawn = draw(&layout, &[1.0; 4], Normalisation::None);
    assert_eq!(drawn, GOLDEN);
}

const GOLDEN: [f32; 4] = [0.067004964, -1.2719964, 1.0718848, 0.5329097];

#[test]
fn a_centre_of_another_length_is_refused() {
    let layout = one_block("Linear", &[3, 5], None);
    assert!(random(&layout, &[1.0; 14], 1, &DirectionOptions::default()).is_err());
    assert!(between(&[1.0; 3], &[1.0; 2]).is_err());
    assert_eq!(between(&[1.0, 2.0], &[4.0, 1.0]).unwrap(), [3.0, -1.0]);
}

#[test]
fn shares_of_the_blocks_sum_to_one() {
    let layout = network();
    let direction = random(&layout, &vec![2.0; layout.len()], 1, &DirectionOptions::default());
    let shares = share_per_block(&layout, &direction.unwrap());
    // Filter normalisation copies the norms: 36 and 8 entries of 2.
    let expected = [36.0 / 44.0, 0.0, 0.0, 0.0, 0.0, 8.0 / 44.0];
    for (share, expected) in shares.iter().zip(expected) {
        assert_close(*share, expected);
    }
    assert_eq!(share_per_block(&layout, &vec![0.0; layout.len()]), [0.0; 6]);
}

/// Mean squared error of relu(x W₁) W₂ on a few fixed samples; W₁ is [3, 4], W₂ is [4, 2], both row-major.
fn relu_network_loss(parameters: &[f32]) -> f64 {
    let (first, second) = parameters.split_at(12);
    let sample = |s: usize| -> f64 {
        let x: [f64; 3] = std::array::from_fn(|i| ((s * 3 + i) as f64 * 0.7).sin());
        let hidden: [f64; 4] = std::array::from_fn(|h| {
            (0..3).map(|i| x[i] * f64::from(first[i * 4 + h])).sum::<f64>().max(0.0)
        });
        let output = |o| (0..4).map(|h| hidden[h] * f64::from(second[h * 2 + o])).sum::<f64>();
        (output(0) - x[0]).powi(2) + (output(1) - x[1] * x[2]).powi(2)
    };
    (0..8).map(sample).sum::<f64>() / 8.0
}

/// The surface of the network around `centre` rescaled by c and 1/c, with the draws of seeds 1 and 2.
fn rescaled_surface(scale: f32, normalisation: Normalisation) -> Surface {
    let layout = Layout::new(vec![
        Block::new("first.weight", "Linear", &[3, 4], None),
        Block::new("second.weight", "Linear", &[4, 2], None),
    ])
    .unwrap();
    let weight = |i: usize| (i as f32 * 1.3).cos();
    let rescaled = |i| {
        if i < 12 { weight(i) * scale } else { weight(i) / scale }
    };
    let centre: Vec<f32> = (0..20).map(rescaled).collect();
    let options = DirectionOptions { normalisation, ..Default::default() };
    let d1 = random(&layout, &centre, 1, &options).unwrap();
    let d2 = random(&layout, &centre, 2, &options).unwrap();
    let plane = Plane::new(&centre, &d1, &d2).unwrap();
    let mut point = vec![0.0; 20];
    let loss = |alpha: f64, beta: f64| {
        plane.point_at(alpha, beta, &mut point);
        relu_network_loss(&point)
    };
    let grid = Grid::plane(Axis::symmetric(1.0, 11).unwrap(), Axis::symmetric(1.0, 9).unwrap());
    let mut surface = Surface::new(grid);
    evaluate(&mut surface, &grid.coarse_to_fine(), &mut [loss], |_, _| {}, || false).unwrap();
    surface
}

fn greatest_difference(a: &Surface, b: &Surface) -> f64 {
    let differences = a.losses().iter().zip(b.losses()).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f64::max)
}

#[test]
fn a_filter_normalised_surface_does_not_see_the_rescaling_of_a_relu_network() {
    let original = rescaled_surface(1.0, Normalisation::Filter);
    // A power of two scales every rounding with it.
    assert_eq!(original.losses(), rescaled_surface(16.0, Normalisation::Filter).losses());
    let by_ten = rescaled_surface(10.0, Normalisation::Filter);
    assert!(greatest_difference(&original, &by_ten) < 1e-5);
}

#[test]
fn without_normalisation_the_same_rescaling_fakes_another_surface() {
    let original = rescaled_surface(1.0, Normalisation::None);
    let by_ten = rescaled_surface(10.0, Normalisation::None);
    assert!(greatest_difference(&original, &by_ten) > 1.0);
}
