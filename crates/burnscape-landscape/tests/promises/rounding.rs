//! Losses are rounded: curvatures that come from them say by how much they may be off, at any scale.

use burnscape_landscape::agreement::{Agreement, Measures};
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::plane::PlaneGram;
use burnscape_landscape::surface::{Along, NodeValue, Surface};
use burnscape_landscape::words;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The mean of ½(w·a − x)² over a few samples, every operation rounded to `f32`, as backends compute it.
#[derive(Debug)]
struct Regression {
    samples: Vec<([f32; 2], f32)>,
}

impl Regression {
    fn loss(&self, w: [f32; 2]) -> f64 {
        let one = |(a, x): &([f32; 2], f32)| {
            let error = w[0] * a[0] + w[1] * a[1] - x;
            0.5 * error * error
        };
        f64::from(self.samples.iter().map(one).sum::<f32>() / self.samples.len() as f32)
    }

    /// The mean of a·aᵀ: largest and smallest eigenvalue.
    fn curvatures(&self) -> [f64; 2] {
        let mean = |i: usize, j: usize| {
            let products = self.samples.iter().map(|(a, _)| f64::from(a[i]) * f64::from(a[j]));
            products.sum::<f64>() / self.samples.len() as f64
        };
        let (middle, half) = (0.5 * (mean(0, 0) + mean(1, 1)), 0.5 * (mean(0, 0) - mean(1, 1)));
        let radius = half.hypot(mean(0, 1));
        [middle + radius, middle - radius]
    }

    /// Around a centre of this size, as far as half of it, along the two axes.
    fn surface(&self, centre: [f32; 2], scale: f64, count: usize) -> Surface {
        let axis = Axis::symmetric(0.5 * scale, count).unwrap();
        let mut surface = Surface::new(Grid::plane(axis, axis));
        for node in 0..surface.grid().len() {
            let (alpha, beta) = surface.grid().coordinates(node);
            let at = [centre[0] + alpha as f32, centre[1] + beta as f32];
            surface.set(node, NodeValue { mean: self.loss(at), stderr: f64::NAN });
        }
        surface
    }
}

const UNIT: PlaneGram = PlaneGram { d1_d1: 1.0, d1_d2: 0.0, d2_d2: 1.0 };

fn regression() -> impl Strategy<Value = Regression> {
    let entry = -2.0..2.0_f32;
    let sample = ([entry.clone(), entry.clone()], entry);
    prop::collection::vec(sample, 1..9).prop_map(|samples| Regression { samples })
}

proptest! {
    // Scatter is a matter of chance, so the cases are always the same.
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn the_truth_lies_within_the_error_at_every_scale(
        regression in regression(),
        power in -8.0..4.0_f64,
        direction in [-1.0..1.0_f32, -1.0..1.0_f32],
        count in (4..13_usize).prop_map(|side| 2 * side + 1),
    ) {
        let scale = 10_f64.powf(power);
        let surface = regression.surface(direction.map(|it| it * scale as f32), scale, count);
        let fit = surface.curvature(&UNIT, 1).unwrap();
        for (found, truth) in [fit.largest, fit.smallest].iter().zip(regression.curvatures()) {
            prop_assert!(
                (found.curvature - truth).abs() <= found.error,
                "{} ± {}, not {truth}", found.curvature, found.error
            );
        }
        let along = regression.samples.iter().map(|(a, _)| f64::from(a[0]).powi(2)).sum::<f64>();
        let truth = along / regression.samples.len() as f64;
        let (found, error) = surface.second_difference_with_error(Along::X).unwrap();
        prop_assert!((found - truth).abs() <= error, "{found} ± {error}, not {truth}");
        prop_assert!(fit.rounding <= fit.largest.error.max(fit.smallest.error) * (1.0 + 1e-9));
    }

    #[test]
    fn the_error_is_no_larger_than_rounding_makes_it(regression in regression(), power in 0.0..4.0_f64) {
        // ½(w·a − x)² with |w| and |x| of like size: 4·4·ε of the loss over the square of a 24th of the scale.
        let scale = 10_f64.powf(power);
        let surface = regression.surface([scale as f32, 0.0], scale, 25);
        let fit = surface.curvature(&UNIT, 1).unwrap();
        let bound = 16.0 * 576.0 * 4.0 * 1.2e-7 * (regression.curvatures()[0] + 8.0 / scale);
        prop_assert!(fit.largest.error <= bound, "{} above {bound}", fit.largest.error);
    }
}

#[test]
fn at_a_tiny_scale_the_sentence_says_that_rounding_is_all_there_is() {
    // ‖θ‖ = 1e-5 and ½(w − x)²: curvatures of 1, of which f32 shows nothing.
    let regression = Regression { samples: vec![([1.0, 0.0], 1.0), ([0.0, 1.0], -0.7)] };
    let surface = regression.surface([1e-5, 0.0], 1e-5, 25);
    let fit = surface.curvature(&UNIT, 1).unwrap();
    assert!(fit.rounding > 100.0 && fit.largest.error >= fit.rounding, "{fit:?}");
    let sentence = words::curvature(&fit);
    assert!(sentence.contains("cannot be told") && sentence.contains("rounding"), "{sentence}");
    // The same plane several times, as with one parameter: no spread, and still an error.
    let measures = Measures::of(&surface, &UNIT);
    let sentences = words::agreement(&Agreement::of(&[measures; 3]));
    let largest = sentences.iter().find(|it| it.contains("the largest curvature")).unwrap();
    assert!(!largest.contains("± 0,") && largest.contains("rounding of the losses"), "{largest}");
}

#[test]
fn losses_in_double_precision_are_trusted_at_scales_where_single_ones_are_not() {
    let axis = Axis::symmetric(1e-5, 9).unwrap();
    let mut surface = Surface::new(Grid::plane(axis, axis));
    for node in 0..surface.grid().len() {
        let (a, b) = surface.grid().coordinates(node);
        let mean = 0.5 * ((a - 1.0).powi(2) + 3.0 * (b - 1.0).powi(2));
        surface.set(node, NodeValue { mean, stderr: f64::NAN });
    }
    let single = surface.curvature(&UNIT, 1).unwrap();
    assert!(words::curvature(&single).contains("cannot be told"));
    surface.set_resolution(f64::EPSILON);
    let double = surface.curvature(&UNIT, 1).unwrap();
    assert!((double.largest.curvature - 3.0).abs() <= double.largest.error, "{double:?}");
    assert!(double.largest.error < 1e-2, "{double:?}");
}
