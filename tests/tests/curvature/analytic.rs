//! The Hessian of a small network, by hand, against what products with it say.

use burn::tensor::DType;
use burnscape::trace::Curvature;
use burnscape::{SharpnessSpec, TraceMethod};
use burnscape_trace::record;
use nalgebra::{DMatrix, SymmetricEigen};

use super::models::{HIDDEN, INPUTS, TanhNet, batches, rows};
use super::support::{Run, device, studied};

fn descending(matrix: DMatrix<f64>) -> Vec<f64> {
    let mut values: Vec<f64> = SymmetricEigen::new(matrix).eigenvalues.as_slice().into();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
    }
}

#[test]
fn every_eigenvalue_of_a_small_network_in_f64_is_that_of_its_hessian_by_hand() {
    let run = Run::new();
    let batches = batches(&[3, 4, 1], DType::F64);
    let spec = SharpnessSpec::new()
        .largest(9)
        .smallest(2)
        .tolerance(1e-9)
        .trace(TraceMethod::HutchPlusPlus, 30);
    let found = studied(&run, TanhNet::new(DType::F64), &batches, |study| {
        study.sharpness(&spec, &batches).expect("a sharpness")
    });
    let hessian = TanhNet::hessian(&rows(8));
    let expected = descending(hessian.clone());
    let tolerance = 1e-6 * expected[0];
    assert_close(&found.record.largest, &expected, tolerance);
    assert_close(&found.record.smallest, &[expected[8], expected[7]], tolerance);
    assert!(
        (found.record.trace.unwrap() - hessian.trace()).abs() < tolerance,
        "{:?}",
        found.record
    );
    // Each block alone: W is the first six entries, w the rest.
    let first = INPUTS * HIDDEN;
    let part = |from: usize, len: usize| hessian.view((from, from), (len, len)).into_owned();
    let blocks = [descending(part(0, first))[0], descending(part(first, HIDDEN))[0]];
    // The largest of a block is stopped at a residual of a hundredth.
    assert_close(&found.record.block_largest, &blocks, 1e-2 * expected[0]);
    assert!(found.record.product_error < 1e-7, "{}", found.record.product_error);
    assert_eq!((found.record.samples, found.record.batches), (8, 3));
    assert_eq!((found.record.dtype.as_str(), found.record.reason.as_str()), ("f64", "study"));
    // No learning rate is known: NaN, which equals nothing.
    let told = run.curvatures();
    assert_eq!(told.len(), 1);
    assert_eq!(
        record!(Curvature { lr: 0.0, ..told[0].clone() }),
        record!(Curvature { lr: 0.0, ..found.record })
    );
}

#[test]
fn how_samples_come_in_batches_and_on_devices_does_not_matter() {
    let spec = SharpnessSpec::top(3).tolerance(1e-9);
    let largest = |sizes: &[usize]| {
        let batches = batches(sizes, DType::F64);
        studied(&Run::new(), TanhNet::new(DType::F64), &batches, |study| {
            study.sharpness(&spec, &batches).expect("a sharpness").record.largest
        })
    };
    let (one, four) = (largest(&[8]), largest(&[3, 3, 1, 1]));
    assert_close(&one, &four, 1e-8 * one[0]);
    let all = batches(&[5, 3], DType::F64);
    let shares = vec![(device(), all[..1].to_vec()), (device(), all[1..].to_vec())];
    let shared = studied(&Run::new(), TanhNet::new(DType::F64), &all, |study| {
        study.sharpness_on(&spec, shares).expect("a sharpness").record
    });
    assert_close(&shared.largest, &one, 1e-8 * one[0]);
    assert_eq!((shared.samples, shared.batches), (8, 2));
}

#[test]
fn a_block_is_asked_about_alone_and_frozen_ones_stay() {
    let hessian = TanhNet::hessian(&rows(8));
    let first = INPUTS * HIDDEN;
    let expected = descending(hessian.view((first, first), (HIDDEN, HIDDEN)).into_owned());
    let all = batches(&[8], DType::F64);
    let ask = |model: TanhNet, spec: SharpnessSpec| {
        studied(&Run::new(), model, &all, |study| {
            study.sharpness(&spec, &all).expect("a sharpness")
        })
    };
    let spec = SharpnessSpec::top(3).tolerance(1e-9);
    let named = ask(TanhNet::new(DType::F64), spec.clone().blocks(["second"]));
    assert_close(&named.record.largest, &expected, 1e-6 * expected[0]);
    assert_eq!(named.record.blocks.to_vec(), [1]);
    let mut frozen = TanhNet::new(DType::F64);
    frozen.first = frozen.first.set_require_grad(false);
    let found = ask(frozen, spec);
    assert_close(&found.record.largest, &expected, 1e-6 * expected[0]);
    assert!(found.largest.iter().all(|vector| vector[..first].iter().all(|entry| *entry == 0.0)));
}

#[test]
fn measures_of_a_small_network_are_those_of_its_loss_in_plain_arithmetic() {
    let all = batches(&[8], DType::F64);
    let spec = SharpnessSpec::new().radius(1e-3).epsilon(1e-3);
    let found = studied(&Run::new(), TanhNet::new(DType::F64), &all, |study| {
        study.sharpness(&spec, &all).expect("a sharpness")
    });
    let record = &found.record;
    // To second order SAM rises by ρ‖g‖ + ρ²/2 · ĝᵀHĝ, and ĝᵀHĝ is at most λ_max.
    let bend = 0.5e-6 * record.largest[0].abs().max(record.smallest[0].abs());
    let rise = found.measure("sam").unwrap() - 1e-3 * record.grad_norm;
    assert!(rise.abs() <= 1.1 * bend, "{rise} {bend}");
    assert!(found.measure("ball").unwrap() >= 0.999 * found.measure("sam").unwrap());
    let closed = &record.measures.iter().find(|it| it.name == "filter-normalised").unwrap();
    let sampled =
        &record.measures.iter().find(|it| it.name == "filter-normalised-sampled").unwrap();
    let error = closed.error.unwrap().hypot(sampled.error.unwrap());
    assert!((closed.value - sampled.value).abs() < 4.0 * error, "{closed:?} {sampled:?}");
    assert!(
        record
            .measures
            .iter()
            .all(|it| it.meaning.contains("invariant") || it.meaning.contains("agree"))
    );
}
