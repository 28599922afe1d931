//! Gradient descent at the edge of stability (Cohen et al. 2021).

use burnscape_examples::descent::{descend, products, settled};
use burnscape_examples::tanh::TanhMlp;
use burnscape_tests::weights::drawn;

use super::support::{Run, device};

/// λ_max · lr once it has settled, and where it began.
fn descended(lr: f64, steps: usize) -> (f64, f64) {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    descend(&probe, drawn(TanhMlp::new(&device()), 42), lr, steps).expect("a model");
    probe.close().expect("a recording");
    let products = products(&run.path()).expect("a run");
    (settled(&products), products[0].1)
}

#[test]
fn gradient_descent_sharpens_to_two_over_its_learning_rate_and_stays_there() {
    let (whole, start) = descended(0.2, 2000);
    assert!(start < 1.8, "it begins below the edge: {start}");
    assert!((whole - 2.0).abs() < 0.2, "{whole}");
    let (half, start) = descended(0.1, 2000);
    assert!(start < 1.0, "{start}");
    assert!((half - 2.0).abs() < 0.2, "{half}");
    // λ itself: half the learning rate, twice the sharpness.
    let ratio = (half / 0.1) / (whole / 0.2);
    assert!((ratio - 2.0).abs() < 0.3, "{ratio}");
}
