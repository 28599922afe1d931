//! Intervals over seeds beside all resamples there are, and rank correlations that are known.

use burnscape_landscape::statistics::{difference, kendall_tau, kendall_tau_with_interval, mean};
use proptest::prelude::*;

/// The means of all nⁿ resamples, ascending.
fn all_means(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for _ in values {
        sums = sums.iter().flat_map(|sum| values.iter().map(move |it| sum + it)).collect();
    }
    let mut means: Vec<f64> = sums.into_iter().map(|sum| sum / values.len() as f64).collect();
    means.sort_by(f64::total_cmp);
    means
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn the_ends_of_an_interval_are_percentiles_of_all_resamples(values in prop::collection::vec(-5.0..5.0_f64, 3..6)) {
        let found = mean(&values).unwrap();
        let means = all_means(&values);
        let share_below = |it: f64| means.iter().filter(|mean| **mean < it - 1e-12).count() as f64 / means.len() as f64;
        let share_up_to = |it: f64| means.iter().filter(|mean| **mean <= it + 1e-12).count() as f64 / means.len() as f64;
        // Ten thousand draws know a share of 2.5 % to 0.16 %: within four of these.
        prop_assert!(share_below(found.low) < 0.0315 && share_up_to(found.low) > 0.0185);
        prop_assert!(share_below(found.high) < 0.9815 && share_up_to(found.high) > 0.9685);
        prop_assert!(found.low <= found.value && found.value <= found.high);
    }

    #[test]
    fn the_correlation_is_that_of_pairs_in_order_and_out_of_it(pairs in prop::collection::vec((0..5_u8, 0..5_u8), 2..12)) {
        let (mut in_order, mut out_of_order, mut tied) = (0, 0, (0, 0));
        for (i, a) in pairs.iter().enumerate() {
            for b in &pairs[i + 1..] {
                let product = (i32::from(a.0) - i32::from(b.0)) * (i32::from(a.1) - i32::from(b.1));
                in_order += usize::from(product > 0);
                out_of_order += usize::from(product < 0);
                tied = (tied.0 + usize::from(a.0 == b.0), tied.1 + usize::from(a.1 == b.1));
            }
        }
        let all = pairs.len() * (pairs.len() - 1) / 2;
        let norm = (((all - tied.0) * (all - tied.1)) as f64).sqrt();
        let numbers: Vec<(f64, f64)> = pairs.iter().map(|it| (f64::from(it.0), f64::from(it.1))).collect();
        match kendall_tau(&numbers) {
            None => prop_assert_eq!(norm, 0.0),
            Some(tau) => prop_assert!((tau - (in_order as f64 - out_of_order as f64) / norm).abs() < 1e-12),
        }
    }
}

#[test]
fn differences_within_chance_hold_zero_and_others_do_not() {
    let near = difference(&[1.0, 1.2, 0.9], &[1.1, 0.95, 1.15]).unwrap();
    assert!(near.holds(0.0), "{near:?}");
    let far = difference(&[1.0, 1.2, 0.9], &[2.0, 2.1, 1.9]).unwrap();
    assert!(!far.holds(0.0) && far.low > 0.7 && far.high < 1.3, "{far:?}");
    assert!((far.value - (2.0 - 3.1 / 3.0)).abs() < 1e-12);
}

#[test]
fn one_seed_and_what_is_not_finite_have_no_interval() {
    assert_eq!(mean(&[1.0]), None);
    assert_eq!(mean(&[1.0, f64::NAN]), None);
    assert_eq!(difference(&[1.0, 2.0], &[3.0]), None);
    let same = mean(&[2.0; 5]).unwrap();
    assert_eq!((same.low, same.high), (2.0, 2.0));
}

#[test]
fn correlations_that_are_known() {
    let rising: Vec<(f64, f64)> = (0..6_u8).map(|k| (f64::from(k), f64::from(k).exp())).collect();
    assert_eq!(kendall_tau(&rising), Some(1.0));
    let falling: Vec<(f64, f64)> = rising.iter().map(|(x, y)| (*x, -y)).collect();
    assert_eq!(kendall_tau(&falling), Some(-1.0));
    let all = kendall_tau_with_interval(&rising).unwrap();
    assert_eq!((all.value, all.low, all.high), (1.0, 1.0, 1.0));
    assert_eq!(kendall_tau_with_interval(&rising[..3]), None);
    assert_eq!(kendall_tau(&[(1.0, 2.0), (1.0, 3.0)]), None);
    // One pair of six out of order: (5 − 1) / 6.
    let one_off = [(1.0, 1.0), (2.0, 2.0), (3.0, 4.0), (4.0, 3.0)];
    assert!((kendall_tau(&one_off).unwrap() - 4.0 / 6.0).abs() < 1e-12);
    let interval = kendall_tau_with_interval(&one_off).unwrap();
    assert!(interval.holds(interval.value) && interval.low < 0.0, "{interval:?}");
}
