//! A loss is stored as it is: NaN, infinite, negative, zero.

use super::models::{height, walk};
use super::support::{Run, batch, bits};

/// As in `axes`: the components are x and y, the nodes x = −8, −4 … 8 and y = −2, 1, 4.
const RECTANGLE: [[f32; 2]; 4] = [[-4.0, -1.0], [-4.0, 1.0], [4.0, -1.0], [4.0, 1.0]];

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

/// What the loss is at every node, row by row; (4, 1), the fourth of the middle row, is the centre.
#[rustfmt::skip]
const TABLE: [f32; 15] = [
    1.0,  NAN, -INF,  0.0, 1e30,
    INF, -3.5,  NAN,  0.5, -0.0,
    0.0,  INF,  7.0, -1e-30, 2.0,
];

/// The nearest of `count` places that begin at `first`.
fn nearest(value: f32, first: f32, spacing: f32, count: usize) -> usize {
    // A negative number becomes place 0.
    (((value - first) / spacing).round() as usize).min(count - 1)
}

fn look_up(point: &[f32]) -> f32 {
    TABLE[nearest(point[1], -2.0, 3.0, 3) * 5 + nearest(point[0], -8.0, 4.0, 5)]
}

fn measured(run: &Run) -> burnscape::Landscape {
    let probe = run.builder().margin(0.5).random_range(0.01).start().expect("a probe");
    let walker = walk(&probe, &RECTANGLE);
    let landscape = probe.finish_with(&walker, &[batch(&[[0.0, 0.0]])], height(look_up));
    landscape.expect("a landscape")
}

#[test]
fn losses_that_are_nan_infinite_negative_or_zero_are_stored_as_such_beside_finite_ones() {
    let run = Run::new();
    let landscape = measured(&run);
    let losses = run.losses("pca");
    for (found, expected) in losses.iter().zip(TABLE) {
        let expected = f64::from(expected);
        let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
        // Summing over samples begins with zero, which is all that may become of its sign.
        let same = same || (*found == 0.0 && expected == 0.0);
        assert!(same, "{found} instead of {expected}");
    }
    let surface = &landscape.slice("pca").expect("a plane").surface;
    assert_eq!(bits(surface.losses()), bits(&losses));
    let counts = surface.counts();
    assert_eq!((counts.measured, counts.non_finite, counts.unmeasured), (15, 5, 0));
}

#[test]
fn extremes_and_words_are_of_the_finite_losses() {
    let run = Run::new();
    let landscape = measured(&run);
    let surface = &landscape.slice("pca").expect("a plane").surface;
    assert_eq!(surface.lowest().expect("a lowest node").loss, -3.5);
    assert_eq!(surface.highest().expect("a highest node").loss, f64::from(1e30_f32));
    assert!(!landscape.summary().is_empty());
}

#[test]
fn checks_pass_where_some_losses_are_not_finite() {
    let run = Run::new();
    measured(&run);
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
    assert_eq!(run.end(), "finished");
}

#[test]
fn a_loss_that_is_not_a_number_at_the_centre_itself_is_stored_too() {
    let run = Run::new();
    let probe = run.builder().margin(0.5).start().expect("a probe");
    let walker = walk(&probe, &RECTANGLE);
    let not_here = |point: &[f32]| if point[0] > 3.0 { NAN } else { point[0] };
    let landscape = probe.finish_with(&walker, &[batch(&[[0.0, 0.0]])], height(not_here));
    landscape.expect("a landscape");
    assert!(run.slice("pca").centre_loss.is_nan());
    let losses = run.losses("pca");
    // The last two nodes of a row are at x = 4 and 8.
    let nan: Vec<bool> = losses.iter().map(|loss| loss.is_nan()).collect();
    assert_eq!(nan, [false, false, false, true, true].repeat(3));
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
}
