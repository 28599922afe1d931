//! What a closer look records, of known numbers: taps, alerts, black boxes, histograms, further columns.

use burnscape_trace::columns::{
    DISTANCE, GRAD_CV, GRAD_MAX, GRAD_POWER, GRAD_SIGNAL, PREVIOUS_UPDATE_NORM, UPDATE_DOT,
    UPDATE_NORM,
};
use burnscape_trace::{Activation, Alert, Blackbox, F32s, Histogram, Record, record};

use super::{Synthetic, curvature};

/// Taps are looked at once in so many steps.
const EVERY: u64 = 10;

/// The records after a step.
pub fn at(synthetic: &Synthetic, step: u64) -> Vec<Record> {
    let mut records = Vec::new();
    if step.is_multiple_of(EVERY) {
        let taps = ["conv1.relu", "conv2.relu", "fc1.tanh"];
        for (i, tap) in taps.into_iter().enumerate() {
            records.push(Record::Activation(activation(tap, i as u64, step)));
            records.push(Record::Histogram(of_tap(tap, step)));
        }
        for block in 0..synthetic.names.len() as u32 {
            records.extend(
                ["gradient", "weight"].map(|of| Record::Histogram(of_block(of, block, step))),
            );
        }
    }
    if (step + 1).is_multiple_of(synthetic.steps_per_epoch) {
        records.push(Record::Curvature(curvature::at(synthetic.names.len(), step + 1)));
    }
    records.extend(alerts(step).into_iter().map(Record::Alert));
    if step == 312 {
        records.push(Record::Blackbox(black_box(step)));
    }
    records
}

/// What passed the tap with a number: a rectifier, but for `tanh`.
pub fn activation(tap: &str, number: u64, step: u64) -> Activation {
    let is_tanh = tap.contains("tanh");
    let age = step as f64 / 400.0;
    record!(Activation {
        tap: tap.into(),
        step,
        batches: step + 1,
        calls: 1,
        values: 8192,
        mean: if is_tanh { 0.01 } else { 0.4 + age },
        std: 0.58 + age * (step as f64).sin().abs(),
        rms: 0.7 + age,
        min: if is_tanh { -0.99 } else { 0.0 },
        max: if is_tanh { 0.99 } else { 3.5 },
        zero_share: if is_tanh { 0.0 } else { 0.5 + 0.1 * age },
        saturated_share: if is_tanh { 0.0625 } else { f64::NAN },
        units: 128,
        dead_units: if is_tanh { 0 } else { 70 * number + 3 },
        window: 10,
        drift: if step < 100 { f64::NAN } else { age },
    })
}

/// A heap of values around 2⁻³, of both signs for `tanh`.
pub fn of_tap(tap: &str, step: u64) -> Histogram {
    let heap: Vec<u32> =
        (0..12).map(|i: i32| (1000.0 * 0.5_f64.powi((i - 8).abs())) as u32).collect();
    let negative = if tap.contains("tanh") { heap.clone() } else { vec![0; 12] };
    record!(Histogram {
        of: "activation".into(),
        tap: Some(tap.into()),
        step,
        first_exponent: -11,
        positive: heap.into(),
        negative: negative.into(),
        zeros: 4096,
    })
}

/// The values of a block: those of gradients are smaller.
pub fn of_block(of: &str, block: u32, step: u64) -> Histogram {
    let first_exponent = if of == "gradient" { -24 } else { -11 };
    let bins = of_tap("tanh", step);
    record!(Histogram {
        of: of.into(),
        block: Some(block),
        tap: None,
        first_exponent,
        zeros: 0,
        ..bins
    })
}

/// A warning now and then, and an error.
fn alerts(step: u64) -> Vec<Alert> {
    match step {
        120 => vec![alert("exploding-gradient", step)],
        200 => {
            vec![record!(Alert {
                block: None,
                tap: Some("conv2.relu".into()),
                ..alert("dead-units", step)
            })]
        }
        312 => vec![record!(Alert { level: "error".into(), ..alert("non-finite-gradient", step) })],
        350 => vec![alert("update-ratio", step)],
        _ => Vec::new(),
    }
}

/// An alert of a rule, about block 3, as burnscape words it.
pub fn alert(rule: &str, step: u64) -> Alert {
    let (value, threshold, what) = match rule {
        "exploding-gradient" => {
            (321.0, 100.0, "gradient norm explodes, 3.210e2 (a step of length 1 is 1.000e2): that")
        }
        "non-finite-gradient" => (f64::NAN, 0.0, "gradient is NaN or infinite: that"),
        "dead-units" => (0.57, 0.5, "share of dead units behind a tap: that"),
        _ => (0.25, 0.1, "ratio of update to weight is 2.500e-1, beyond 1e-1: that"),
    };
    record!(Alert {
        rule: rule.into(),
        level: "warning".into(),
        step,
        epoch: Some(step / 40 + 1),
        iteration: Some(step % 40 + 1),
        block: Some(3),
        places: 2,
        value,
        threshold,
        text: format!("the {what} of `fc1.weight` (and of 1 other block) at step {step}"),
        advice: "Clip gradients by norm (Pascanu et al. 2013, arXiv 1211.5063), lower the learning rate or \
                 warm it up (Goyal et al. 2017, arXiv 1706.02677)."
            .into(),
})
}

/// The black box of the error.
pub fn black_box(step: u64) -> Blackbox {
    record!(Blackbox {
        step,
        rule: "non-finite-gradient".into(),
        before: Some("blackbox/before.safetensors".into()),
    })
}

/// Columns of which the quotients are known: block i has a signal-to-noise ratio of (i + 1) / 4 and a cosine of
/// 1 − i / 4.
pub fn columns(blocks: usize, step: u64) -> Vec<(String, F32s)> {
    let age = 1.0 / (1.0 + step as f32 / 50.0);
    let of = |value: fn(f32) -> f32| (0..blocks).map(|i| value(i as f32)).collect::<Vec<f32>>();
    let update: Vec<f32> = (0..blocks).map(|i| 0.01 * age / (1.0 + i as f32)).collect();
    let dot = update.iter().enumerate().map(|(i, u)| u * 0.5 * (1.0 - i as f32 / 4.0)).collect();
    [
        (GRAD_SIGNAL, of(|i| i + 1.0)),
        (GRAD_POWER, of(|i| i + 5.0)),
        (UPDATE_NORM, update),
        (UPDATE_DOT, dot),
        (PREVIOUS_UPDATE_NORM, vec![0.5; blocks]),
        (GRAD_MAX, of(|i| 0.125 * (i + 1.0))),
        (GRAD_CV, of(|_| 0.3)),
        (DISTANCE, of(|i| 2.0 + i)),
    ]
    .map(|(name, values)| (name.to_owned(), values.into()))
    .to_vec()
}
