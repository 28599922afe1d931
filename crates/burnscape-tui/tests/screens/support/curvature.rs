//! Curvature of known numbers: eigenvalues 8, 4, 2 and −0.5, of which 7.9 a block less.

use burnscape_trace::{Curvature, Density, Measure, record};

/// λ_max, its error, and the learning rate: 8 · 0.2 is 80 % of 2.
pub const LARGEST: (f64, f64) = (8.0, 0.25);
pub const LR: f64 = 0.2;

/// What was measured after so many steps, of a model of so many blocks.
pub fn at(blocks: usize, step: u64) -> Curvature {
    record!(Curvature {
        reason: "live".into(),
        step,
        epoch: Some(step / 40),
        samples: 512,
        batches: 4,
        dtype: "f32".into(),
        loss: 0.625,
        grad_norm: 0.375,
        largest: vec![LARGEST.0, 4.0, 2.0].into(),
        largest_error: vec![LARGEST.1, 0.1, 0.1].into(),
        smallest: vec![-0.5].into(),
        smallest_error: vec![0.125].into(),
        trace: Some(20.0),
        trace_stderr: Some(1.5),
        trace_probes: 16,
        density: Some(density()),
        block_largest: (0..blocks).map(|i| 7.9 - i as f64).collect(),
        block_largest_error: vec![0.0625; blocks].into(),
        lr: LR,
        stability_limit: Some(2.0),
        measures: vec![measure("sam", Some(0.05)), measure("keskar", None)],
        product_error: 1e-4,
        product_step: 1e-3,
        gradients: 123,
        took_secs: 4.5,
        sentences: vec![
            "λ_max · lr is 1.6, below 2: a step of gradient descent does not overshoot.".into(),
            "There is a direction of negative curvature: this is no minimum.".into(),
        ],
    })
}

fn measure(name: &str, radius: Option<f64>) -> Measure {
    record!(Measure {
        name: name.into(),
        value: 0.75,
        error: Some(0.01),
        radius,
        meaning: format!("{name} does not change when a layer is scaled and the next one back"),
    })
}

/// Two Gaussians: one of weight 0.9 at 0, one of weight 0.1 at 8.
fn density() -> Density {
    let gauss = |x: f64| (-x * x / 0.5).exp() / 0.5 / std::f64::consts::PI.sqrt() * 0.5_f64.sqrt();
    let places: Vec<f64> = (0..=120).map(|i| -2.0 + 0.1 * f64::from(i)).collect();
    record!(Density {
        density: places.iter().map(|&x| 0.9 * gauss(x) + 0.1 * gauss(x - 8.0)).collect(),
        stderr: vec![0.01; places.len()].into(),
        eigenvalue: places.into(),
        width: 0.5,
        probes: 10,
        lanczos_steps: 60,
    })
}
