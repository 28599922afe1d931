//! Curvature against closed forms: spectra, traces, densities, sharpness.

use std::convert::Infallible;
use std::ops::ControlFlow;

use burnscape_landscape::curvature::*;
use burnscape_landscape::layout::{Block, Layout};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// A Hessian that is known entry by entry.
struct Dense(DMatrix<f64>);

impl HessianProduct for Dense {
    type Error = Infallible;

    fn len(&self) -> usize {
        self.0.nrows()
    }

    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Infallible> {
        out.copy_from_slice((&self.0 * DVector::from_row_slice(v)).as_slice());
        Ok(())
    }
}

/// A Hessian of which only a gradient is known: central differences of it.
struct Differences<G> {
    gradient: G,
    at: Vec<f64>,
}

impl<G: Fn(&[f64]) -> Vec<f64>> HessianProduct for Differences<G> {
    type Error = Infallible;

    fn len(&self) -> usize {
        self.at.len()
    }

    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Infallible> {
        const STEP: f64 = 1e-5;
        let moved = |by: f64| self.at.iter().zip(v).map(|(at, v)| at + by * v).collect::<Vec<_>>();
        let (plus, minus) = ((self.gradient)(&moved(STEP)), (self.gradient)(&moved(-STEP)));
        let slopes = plus.iter().zip(&minus).map(|(plus, minus)| (plus - minus) / (2.0 * STEP));
        out.iter_mut().zip(slopes).for_each(|(out, slope)| *out = slope);
        Ok(())
    }
}

/// L₀ + gᵀδ + ½δᵀHδ.
struct Quadratic {
    loss: f64,
    slope: Vec<f64>,
    hessian: DMatrix<f64>,
}

impl LossNear for Quadratic {
    type Error = Infallible;

    fn len(&self) -> usize {
        self.slope.len()
    }

    fn loss(&mut self, delta: &[f64]) -> Result<f64, Infallible> {
        let delta = DVector::from_row_slice(delta);
        let slope = DVector::from_row_slice(&self.slope);
        Ok(self.loss + slope.dot(&delta) + 0.5 * delta.dot(&(&self.hessian * &delta)))
    }

    fn gradient(&mut self, delta: &[f64], out: &mut [f64]) -> Result<f64, Infallible> {
        let slope = DVector::from_row_slice(&self.slope);
        let gradient = slope + &self.hessian * DVector::from_row_slice(delta);
        out.copy_from_slice(gradient.as_slice());
        self.loss(delta)
    }
}

fn diagonal(entries: &[f64]) -> DMatrix<f64> {
    DMatrix::from_diagonal(&DVector::from_row_slice(entries))
}

fn gaussian(rows: usize, columns: usize, seed: u64) -> DMatrix<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    DMatrix::from_fn(rows, columns, |_, _| StandardNormal.sample(&mut rng))
}

fn symmetric(len: usize, seed: u64) -> DMatrix<f64> {
    let matrix = gaussian(len, len, seed);
    (&matrix + matrix.transpose()) * 0.5
}

fn both_ends(count: usize, tolerance: f64) -> ExtremesOptions<'static> {
    ExtremesOptions { largest: count, smallest: count, tolerance, ..Default::default() }
}

fn values(pairs: &[Eigenpair]) -> Vec<f64> {
    pairs.iter().map(|pair| pair.value).collect()
}

fn all_near(found: &[f64], expected: &[f64], tolerance: f64) -> bool {
    let mut pairs = found.iter().zip(expected);
    found.len() == expected.len() && pairs.all(|(a, b)| (a - b).abs() <= tolerance)
}

#[test]
fn both_ends_of_a_dense_matrix_are_those_of_the_dense_solver() {
    let matrix = symmetric(120, 1);
    let mut expected: Vec<f64> = SymmetricEigen::new(matrix.clone()).eigenvalues.as_slice().into();
    expected.sort_by(f64::total_cmp);
    // Room for 20 vectors only: it has to restart.
    let options = ExtremesOptions { most_vectors: 20, ..both_ends(4, 1e-8) };
    let found = extremes(&mut Dense(matrix.clone()), &options, &mut unwatched).unwrap();
    assert!(found.converged, "{} products", found.products);
    let largest: Vec<f64> = expected.iter().rev().take(4).copied().collect();
    // A residual r off, with gaps near 0.1, is an eigenvalue r²/gap off; the bound is r itself.
    assert!(all_near(&values(&found.largest), &largest, 1e-7));
    assert!(all_near(&values(&found.smallest), &expected[..4], 1e-7));
    for pair in found.largest.iter().chain(&found.smallest) {
        let x = DVector::from_row_slice(&pair.vector);
        let residual = (&matrix * &x - pair.value * &x).norm();
        assert!((x.norm() - 1.0).abs() < 1e-12 && (residual - pair.residual).abs() < 1e-9);
        assert!(
            (x.dot(&(&matrix * &x)) - pair.value).abs() < 1e-10,
            "curvature along the axis is λ"
        );
    }
}

#[test]
fn nearly_equal_eigenvalues_are_told_apart() {
    // Pitfall 15: an iteration that stops on change gives 0.9995 for both.
    let mut entries: Vec<f64> = (0..200).map(|k| 0.9 * f64::from(k) / 200.0).collect();
    entries.extend([1.0, 0.999]);
    let options = ExtremesOptions { largest: 2, tolerance: 1e-7, ..Default::default() };
    let found = extremes(&mut Dense(diagonal(&entries)), &options, &mut unwatched).unwrap();
    assert!(found.converged && all_near(&values(&found.largest), &[1.0, 0.999], 1e-9));
}

#[test]
fn the_largest_eigenvalue_is_not_the_one_of_largest_magnitude() {
    let mut saddle = Dense(diagonal(&[1.0, -3.0]));
    let found = extremes(&mut saddle, &both_ends(1, 1e-6), &mut unwatched).unwrap();
    assert!(all_near(&values(&found.largest), &[1.0], 1e-12));
    assert!(all_near(&values(&found.smallest), &[-3.0], 1e-12));
    assert!((found.largest_magnitude().unwrap() + 3.0).abs() < 1e-12);
}

#[test]
fn one_batch_and_four_batches_have_one_hessian() {
    let rows = gaussian(40, 6, 3);
    let batch = |from: usize, len: usize| {
        let part = rows.rows(from, len);
        part.transpose() * part / len as f64
    };
    let parts = [(0, 12), (12, 12), (24, 12), (36, 4)];
    let mean = parts.iter().map(|&(from, len)| batch(from, len) * (len as f64 / 40.0));
    let in_four = mean.reduce(|a, b| a + b).unwrap();
    let of = |matrix| extremes(&mut Dense(matrix), &both_ends(2, 1e-9), &mut unwatched).unwrap();
    let (one, four) = (of(batch(0, 40)), of(in_four));
    assert!(all_near(&values(&one.largest), &values(&four.largest), 1e-10));
}

#[test]
fn a_whitened_regression_takes_one_step_and_has_one_spike() {
    // XᵀX = N·I and half the mean squared error: H = I.
    let mut identity = Dense(DMatrix::identity(30, 30));
    let found = extremes(&mut identity, &both_ends(1, 1e-6), &mut unwatched).unwrap();
    assert_eq!(found.products, 1);
    assert!((found.largest[0].value - 1.0).abs() < 1e-12 && found.largest[0].residual < 1e-12);
    let trace = trace(&mut identity, &TraceOptions::default(), &mut unwatched).unwrap();
    assert!((trace.value - 30.0).abs() < 1e-10 && trace.stderr.unwrap() < 1e-10);
    let spike = density(&mut identity, &DensityOptions::default(), &mut unwatched).unwrap();
    assert_eq!(spike.steps, 1);
    let top =
        (0..spike.density.len()).max_by(|&a, &b| spike.density[a].total_cmp(&spike.density[b]));
    assert!((spike.eigenvalues[top.unwrap()] - 1.0).abs() < spike.width);
    assert!((spike.integral() - 1.0).abs() < 1e-3);
    assert!(spike.stderr.iter().all(|it| *it < 1e-9));
}

#[test]
fn multiple_eigenvalues_of_a_space_that_closes_are_all_found() {
    let mut matrix = Dense(diagonal(&[2.0, 2.0, 2.0, 0.5, 0.5, -1.0, -1.0, 0.0, 0.0, 0.0]));
    let found = extremes(&mut matrix, &both_ends(3, 1e-9), &mut unwatched).unwrap();
    assert!(all_near(&values(&found.largest), &[2.0, 2.0, 2.0], 1e-9), "{found:?}");
    assert!(all_near(&values(&found.smallest), &[-1.0, -1.0, 0.0], 1e-9));
    let more = extremes(&mut matrix, &both_ends(99, 1e-9), &mut unwatched).unwrap();
    assert_eq!(more.largest.len(), 10, "there are no more than parameters");
}

#[test]
fn a_flat_loss_has_eigenvalue_zero_and_no_nan() {
    let mut flat = Dense(DMatrix::zeros(5, 5));
    let found = extremes(&mut flat, &both_ends(1, 1e-3), &mut unwatched).unwrap();
    assert_eq!(
        (found.largest[0].value, found.smallest[0].residual, found.converged),
        (0.0, 0.0, true)
    );
    let spread = density(&mut flat, &DensityOptions::default(), &mut unwatched).unwrap();
    assert!(spread.density.iter().all(|it| it.is_finite()) && spread.width > 0.0);
}

#[test]
fn a_warm_start_takes_few_products_and_still_finds_what_has_become_largest() {
    let mut entries: Vec<f64> = (0..300).map(|k| f64::from(k) / 1000.0).collect();
    entries.extend([1.0, 0.8]);
    let mut matrix = Dense(diagonal(&entries));
    let options = ExtremesOptions { tolerance: 1e-2, ..Default::default() };
    let cold = extremes(&mut matrix, &options, &mut unwatched).unwrap();
    let start = &cold.largest[0].vector;
    let warm = ExtremesOptions { start: Some(start), until_covered: false, ..options };
    let again = extremes(&mut matrix, &warm, &mut unwatched).unwrap();
    assert!(again.products <= 6 && again.products < cold.products, "{}", again.products);
    // The start is an exact eigenvector of another eigenvalue now.
    let (old, new) = (entries.len() - 2, entries.len() - 1);
    entries.swap(old, new);
    entries[new] = 3.0;
    let mut axis = vec![0.0; entries.len()];
    axis[new - 1] = 1.0;
    for until_covered in [false, true] {
        let exact = ExtremesOptions { start: Some(&axis), until_covered, ..options };
        let moved = extremes(&mut Dense(diagonal(&entries)), &exact, &mut unwatched).unwrap();
        assert!((moved.largest[0].value - 3.0).abs() < 0.03, "{:?}", values(&moved.largest));
    }
}

#[test]
fn spent_products_are_told_and_a_stop_is_heard() {
    let mut matrix = Dense(symmetric(100, 5));
    let options = ExtremesOptions { most_products: 5, tolerance: 1e-9, ..Default::default() };
    let found = extremes(&mut matrix, &options, &mut unwatched).unwrap();
    assert!(!found.converged && found.products == 5 && found.largest[0].residual > 0.1);
    let mut stop =
        |products| if products == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let stopped = extremes(&mut matrix, &ExtremesOptions::default(), &mut stop).unwrap_err();
    assert_eq!(stopped, CurvatureError::Stopped { products: 3 });
}

#[test]
fn what_cannot_be_answered_is_refused_in_words() {
    let mut broken = Dense(diagonal(&[1.0, f64::NAN]));
    let error = extremes(&mut broken, &ExtremesOptions::default(), &mut unwatched).unwrap_err();
    assert!(error.to_string().contains("not finite at entry 1"), "{error}");
    let error = trace(&mut broken, &TraceOptions::default(), &mut unwatched).unwrap_err();
    assert!(matches!(error, CurvatureError::NonFinite { .. }));
    let mut empty = Dense(DMatrix::zeros(0, 0));
    let error = density(&mut empty, &DensityOptions::default(), &mut unwatched).unwrap_err();
    assert_eq!(error, CurvatureError::NoParameters);
    let none = ExtremesOptions { largest: 0, ..Default::default() };
    assert!(extremes(&mut Dense(DMatrix::identity(2, 2)), &none, &mut unwatched).is_err());
    let short = ExtremesOptions { start: Some(&[1.0]), ..Default::default() };
    let error = extremes(&mut Dense(DMatrix::identity(2, 2)), &short, &mut unwatched).unwrap_err();
    assert!(error.to_string().contains("the start has 1 entries, expected 2"), "{error}");
}

#[test]
fn softmax_at_zero_weights() {
    let (samples, features, classes) = (50, 4, 3);
    let inputs = gaussian(samples, features, 7);
    // Labels do not matter for the Hessian; weights are [features, classes], row-major.
    let gradient = |weights: &[f64]| {
        let weights = DMatrix::from_row_slice(features, classes, weights);
        let logits = &inputs * weights;
        let mut errors = logits.map(f64::exp);
        for (sample, mut row) in errors.row_iter_mut().enumerate() {
            let sum = row.sum();
            row /= sum;
            row[sample % classes] -= 1.0;
        }
        let gradient = inputs.transpose() * errors / samples as f64;
        gradient.transpose().as_slice().to_vec()
    };
    let mut hessian = Differences { gradient, at: vec![0.0; features * classes] };
    let second_moment = inputs.transpose() * &inputs / samples as f64;
    let top = SymmetricEigen::new(second_moment.clone()).eigenvalues.max();
    let found = extremes(&mut hessian, &both_ends(1, 1e-8), &mut unwatched).unwrap();
    // Central differences with h = 1e-5 in f64 are about 1e-10 off.
    assert!((found.largest[0].value - top / classes as f64).abs() < 1e-8);
    let options = TraceOptions { method: TraceMethod::HutchPlusPlus, products: 36, seed: 0 };
    let trace = trace(&mut hessian, &options, &mut unwatched).unwrap();
    let expected = (classes as f64 - 1.0) / classes as f64 * second_moment.trace();
    assert!((trace.value - expected).abs() < 1e-8, "{} of {expected}", trace.value);
}

#[test]
fn a_product_of_weights_has_the_curvature_of_its_factors() {
    // ½(ab − 1)² at ab = 1: eigenvalues a² + b² and 0, however the same function is written.
    for (a, b, expected) in [(10.0, 0.1, 100.01), (1.0, 1.0, 2.0)] {
        let gradient = |w: &[f64]| vec![(w[0] * w[1] - 1.0) * w[1], (w[0] * w[1] - 1.0) * w[0]];
        let mut hessian = Differences { gradient, at: vec![a, b] };
        let found = extremes(&mut hessian, &both_ends(1, 1e-8), &mut unwatched).unwrap();
        assert!((found.largest[0].value - expected).abs() < 1e-6 * expected);
        assert!(found.smallest[0].value.abs() < 1e-6 * expected);
    }
}

#[test]
fn a_balanced_chain_has_the_curvature_of_its_depth() {
    for (depth, target) in [(2, 3.0), (3, 0.5), (5, 2.0_f64)] {
        let weight = target.powf(1.0 / depth as f64);
        let gradient = |w: &[f64]| {
            let product: f64 = w.iter().product();
            w.iter().map(|w| (product - target) * product / w).collect::<Vec<_>>()
        };
        let mut hessian = Differences { gradient, at: vec![weight; depth] };
        let found = extremes(&mut hessian, &both_ends(1, 1e-8), &mut unwatched).unwrap();
        let expected = depth as f64 * target.powf(2.0 - 2.0 / depth as f64);
        assert!((found.largest[0].value - expected).abs() < 1e-6 * expected, "depth {depth}");
    }
}

#[test]
fn gaussian_data_has_the_spectrum_of_marchenko_and_pastur() {
    let (samples, dims) = (800, 200);
    let inputs = gaussian(samples, dims, 11);
    let mut hessian = Dense(inputs.transpose() * &inputs / samples as f64);
    let share = dims as f64 / samples as f64;
    let edges = ((1.0 - share.sqrt()).powi(2), (1.0 + share.sqrt()).powi(2));
    let found = extremes(&mut hessian, &both_ends(1, 1e-4), &mut unwatched).unwrap();
    // Fluctuations at the edges are of the order of d^(−2/3): 0.03.
    assert!((found.largest[0].value - edges.1).abs() < 0.09, "{:?}", values(&found.largest));
    assert!((found.smallest[0].value - edges.0).abs() < 0.05, "{:?}", values(&found.smallest));
    let spread = density(&mut hessian, &DensityOptions::default(), &mut unwatched).unwrap();
    assert!((spread.integral() - 1.0).abs() < 1e-2);
    let law = |x: f64| {
        let within = ((edges.1 - x) * (x - edges.0)).max(0.0).sqrt();
        within / (std::f64::consts::TAU * share * x)
    };
    let inside = |x: f64| x > edges.0 + 0.1 && x < edges.1 - 0.1;
    let places = spread.eigenvalues.iter().zip(spread.density.iter().zip(&spread.stderr));
    let mut compared = 0;
    for (&x, (&found, &error)) in places.filter(|(x, _)| inside(**x)) {
        // 0.1: half the height of the law's bend within one width, beside chance.
        assert!(
            (found - law(x)).abs() < 4.0 * error + 0.1,
            "at {x}: {found} ± {error}, {}",
            law(x)
        );
        compared += 1;
    }
    assert!(compared > 100);
}

#[test]
fn one_probe_is_exact_for_a_diagonal_and_else_has_the_variance_of_hutchinson() {
    let one = TraceOptions { products: 1, ..Default::default() };
    let exact = trace(&mut Dense(diagonal(&[5.0, -2.0, 0.25])), &one, &mut unwatched).unwrap();
    assert_eq!((exact.value, exact.stderr), (3.25, None));
    let matrix = symmetric(30, 13);
    let off_diagonal = matrix.norm_squared() - matrix.diagonal().norm_squared();
    let expected = 2.0 * off_diagonal;
    let many = TraceOptions { products: 4000, ..Default::default() };
    let estimate = trace(&mut Dense(matrix), &many, &mut unwatched).unwrap();
    let variance = estimate.spread.unwrap().powi(2);
    // A variance from 4000 samples that are nearly normal is 2.2 % off, one standard deviation.
    assert!((variance / expected - 1.0).abs() < 0.1, "{variance} against {expected}");
}

/// Mean and variance of (estimate − truth)/stderr over seeds: near 0 and 1 if error bars are right.
fn z_moments(truth: f64, estimate: impl Fn(u64) -> Estimate) -> (f64, f64) {
    let z = |seed| {
        let estimate = estimate(seed);
        (estimate.value - truth) / estimate.stderr.unwrap()
    };
    let z: Vec<f64> = (0..200).map(z).collect();
    let mean = z.iter().sum::<f64>() / 200.0;
    (mean, z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / 199.0)
}

fn assert_standard((mean, variance): (f64, f64)) {
    // Over 200 seeds the mean has a standard deviation of .07; the variance, of Student's t with some 20
    // degrees of freedom (1.1), one of .12.
    assert!(mean.abs() < 0.3 && (0.7..1.6).contains(&variance), "mean {mean}, variance {variance}");
}

#[test]
fn error_bars_hold_over_two_hundred_seeds() {
    let matrix = symmetric(40, 17) + DMatrix::identity(40, 40) * 2.0;
    let truth = matrix.trace();
    for method in [TraceMethod::Hutchinson, TraceMethod::HutchPlusPlus] {
        let products = if method == TraceMethod::Hutchinson { 24 } else { 60 };
        let estimate = |seed| {
            let options = TraceOptions { method, products, seed };
            trace(&mut Dense(matrix.clone()), &options, &mut unwatched).unwrap()
        };
        assert_standard(z_moments(truth, estimate));
    }
    let slope = vec![0.0; 40];
    let mean_rise = 0.5 * 0.01 * truth / 40.0;
    let estimate = |seed| {
        let mut near = Quadratic { loss: 1.0, slope: slope.clone(), hessian: matrix.clone() };
        average_direction(&mut near, 0.1, &[1.0; 40], 24, seed).unwrap()
    };
    assert_standard(z_moments(mean_rise, estimate));
}

#[test]
fn error_bars_of_the_density_hold_over_two_hundred_seeds() {
    let matrix = symmetric(40, 19);
    let width = 0.5;
    let eigenvalues = SymmetricEigen::new(matrix.clone()).eigenvalues;
    let estimate = |seed| {
        let options = DensityOptions { probes: 24, steps: 30, points: 3, width: Some(width), seed };
        let found = density(&mut Dense(matrix.clone()), &options, &mut unwatched).unwrap();
        let place = found.eigenvalues[1];
        let gaussian = |it: &f64| {
            (-0.5 * ((place - it) / width).powi(2)).exp() / (width * std::f64::consts::TAU.sqrt())
        };
        // The middle of the range differs a little from seed to seed: so does the truth there.
        let truth = eigenvalues.iter().map(gaussian).sum::<f64>() / 40.0;
        Estimate {
            value: found.density[1] - truth,
            stderr: Some(found.stderr[1]),
            ..Default::default()
        }
    };
    assert_standard(z_moments(0.0, estimate));
}

#[test]
fn hutch_plus_plus_is_exact_for_low_rank() {
    let factor = gaussian(60, 3, 23);
    let matrix = &factor * factor.transpose();
    let options = TraceOptions { method: TraceMethod::HutchPlusPlus, products: 12, seed: 1 };
    let estimate = trace(&mut Dense(matrix.clone()), &options, &mut unwatched).unwrap();
    assert!((estimate.value / matrix.trace() - 1.0).abs() < 1e-10, "{estimate:?}");
}

#[test]
fn sam_on_a_quadratic_and_where_it_is_not_defined() {
    let (radius, hessian) = (0.3, symmetric(5, 29));
    let slope = vec![1.0, -2.0, 0.5, 0.0, 3.0];
    let g = DVector::from_row_slice(&slope);
    let expected =
        radius * g.norm() + radius * radius * g.dot(&(&hessian * &g)) / (2.0 * g.norm_squared());
    let mut near = Quadratic { loss: 4.0, slope, hessian: hessian.clone() };
    let found = sam(&mut near, radius, &[1.0; 5]).unwrap();
    assert!((found.value - expected).abs() < 1e-12 && found.loss == 4.0);
    let mut still = Quadratic { loss: 4.0, slope: vec![0.0; 5], hessian };
    let error = sam(&mut still, radius, &[1.0; 5]).unwrap_err();
    assert!(error.to_string().contains("the gradient is 0"), "{error}");
    assert!(ball(&mut still, radius, &[1.0; 5], &AscentOptions::default()).unwrap().value > 0.0);
}

#[test]
fn the_ball_finds_the_largest_eigenvalue_of_a_bowl() {
    // At the bottom of a bowl the highest loss within ρ is ρ²λ_max/2.
    let mut bowl =
        Quadratic { loss: 0.0, slope: vec![0.0; 4], hessian: diagonal(&[0.1, 4.0, 1.0, 0.5]) };
    let options = AscentOptions { steps: 40, starts: 3, seed: 0 };
    let found = ball(&mut bowl, 0.2, &[1.0; 4], &options).unwrap();
    assert!((found.value - 0.5 * 0.04 * 4.0).abs() < 1e-6, "{found:?}");
}

#[test]
fn keskar_on_a_bowl_is_fifty_epsilon_squared_times_the_trace() {
    let entries = [3.0, 0.5, 1.5, 0.0, 2.0];
    let mut bowl = Quadratic { loss: 0.0, slope: vec![0.0; 5], hessian: diagonal(&entries) };
    let epsilon = 1e-2;
    let found = keskar(&mut bowl, epsilon, &[0.0; 5], &AscentOptions::default()).unwrap();
    assert!((found.value - 50.0 * epsilon * epsilon * 7.0).abs() < 1e-12, "{found:?}");
    let mut deep = Quadratic { loss: -1.0, slope: vec![0.0; 5], hessian: diagonal(&entries) };
    let error = keskar(&mut deep, epsilon, &[0.0; 5], &AscentOptions::default()).unwrap_err();
    assert!(error.to_string().contains("1 + loss"), "{error}");
}

/// ½(ab − 2)² with weights (a, b): the same function for (c·a, b/c).
struct Product {
    weights: [f64; 2],
}

impl LossNear for Product {
    type Error = Infallible;

    fn len(&self) -> usize {
        2
    }

    fn loss(&mut self, delta: &[f64]) -> Result<f64, Infallible> {
        let [a, b] = self.weights;
        Ok(0.5 * ((a + delta[0]) * (b + delta[1]) - 2.0).powi(2))
    }

    fn gradient(&mut self, delta: &[f64], out: &mut [f64]) -> Result<f64, Infallible> {
        let (a, b) = (self.weights[0] + delta[0], self.weights[1] + delta[1]);
        out.copy_from_slice(&[(a * b - 2.0) * b, (a * b - 2.0) * a]);
        self.loss(delta)
    }
}

#[test]
fn adaptive_measures_do_not_see_a_rescaled_copy_and_the_others_do() {
    let measures = |a: f32, b: f32, is_adaptive: bool| {
        let mut near = Product { weights: [f64::from(a), f64::from(b)] };
        let scales = if is_adaptive { adaptive_scales(&[a, b]) } else { vec![1.0; 2] };
        let options = AscentOptions::default();
        [
            sam(&mut near, 0.1, &scales).unwrap().value,
            ball(&mut near, 0.1, &scales, &options).unwrap().value,
            average_direction(&mut near, 0.1, &scales, 50, 0).unwrap().value,
        ]
    };
    // Powers of two: rescaling is exact in f32.
    let (plain, rescaled) = (measures(1.0, 1.5, true), measures(8.0, 1.5 / 8.0, true));
    assert!(all_near(&plain, &rescaled, 1e-12), "{plain:?} {rescaled:?}");
    let (plain, rescaled) = (measures(1.0, 1.5, false), measures(8.0, 1.5 / 8.0, false));
    assert!(
        plain.iter().zip(&rescaled).all(|(a, b)| (b / a - 1.0).abs() > 0.1),
        "{plain:?} {rescaled:?}"
    );
}

#[test]
fn filter_normalised_curvature_by_closed_form_by_probes_and_by_sampling() {
    let layout = Layout::new(vec![
        Block::new("fc.weight", "Linear", &[4, 3], Some(3)),
        Block::new("fc.bias", "Linear", &[3], None),
        Block::new("out.weight", "Linear", &[3, 2], None).frozen(true),
    ])
    .unwrap();
    let weights: Vec<f32> = (0..layout.len()).map(|k| 0.3 * (k as f32 - 7.0)).collect();
    let matrix = symmetric(layout.len(), 31) + DMatrix::identity(layout.len(), layout.len()) * 3.0;
    // By hand: columns of a [4, 3] matrix, row-major; biases and frozen blocks stay.
    let mut expected = 0.0;
    for column in 0..3 {
        let entries: Vec<usize> = (0..4).map(|row| row * 3 + column).collect();
        let squared: f64 = entries.iter().map(|&k| f64::from(weights[k]).powi(2)).sum();
        expected += squared / 4.0 * entries.iter().map(|&k| matrix[(k, k)]).sum::<f64>();
    }
    let scales = FilterScales::of(&layout, &weights).unwrap();
    let exact = scales.mean_curvature(matrix.diagonal().as_slice()).unwrap();
    assert!((exact / expected - 1.0).abs() < 1e-6, "{exact} {expected}");
    let mut hessian = Dense(matrix);
    let probed = filter_normalised(&mut hessian, &scales, 400, 0, &mut unwatched).unwrap();
    let sampled =
        filter_normalised_by_sampling(&mut hessian, &layout, &weights, 400, 0, &mut unwatched)
            .unwrap();
    for estimate in [probed, sampled] {
        assert!(
            (estimate.value - expected).abs() < 4.0 * estimate.stderr.unwrap(),
            "{estimate:?} {expected}"
        );
        assert!(estimate.stderr.unwrap() < 0.1 * expected, "the test has power");
    }
}

#[test]
fn a_block_has_the_eigenvalues_of_its_own_submatrix() {
    let matrix = symmetric(12, 37);
    let ranges = vec![2..5, 8..12];
    let entries: Vec<usize> = ranges.iter().cloned().flatten().collect();
    let part = DMatrix::from_fn(7, 7, |i, j| matrix[(entries[i], entries[j])]);
    let expected = SymmetricEigen::new(part).eigenvalues.max();
    let mut block = Restricted::new(Dense(matrix), 12, ranges);
    let found = extremes(&mut block, &both_ends(1, 1e-9), &mut unwatched).unwrap();
    assert!((found.largest[0].value - expected).abs() < 1e-8);
}

#[test]
fn a_preconditioned_hessian_is_scaled_from_both_sides() {
    let matrix = symmetric(6, 41);
    let scales: Vec<f64> = (1..=6).map(|k| 1.0 / f64::from(k)).collect();
    let expected = diagonal(&scales) * &matrix * diagonal(&scales);
    let expected = SymmetricEigen::new(expected).eigenvalues.max();
    let mut scaled = Preconditioned::new(Dense(matrix), &scales);
    let found = extremes(&mut scaled, &both_ends(1, 1e-9), &mut unwatched).unwrap();
    assert!((found.largest[0].value - expected).abs() < 1e-8);
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let matrix = symmetric(50, 43);
    let found = |seed| {
        let options = ExtremesOptions { seed, ..both_ends(2, 1e-3) };
        extremes(&mut Dense(matrix.clone()), &options, &mut unwatched).unwrap()
    };
    assert_eq!(found(1), found(1));
    assert_ne!(found(1).largest[0].vector, found(2).largest[0].vector);
}
