//! Surfaces along eigenvectors of the Hessian.

use burn::tensor::DType;
use burnscape::{Direction, Error, SharpnessSpec, SliceSpec};
use nalgebra::SymmetricEigen;

use super::models::{TanhNet, batches, rows};
use super::support::{Run, studied};

#[test]
fn a_surface_along_eigenvectors_bends_by_their_eigenvalues_and_says_so() {
    let run = Run::new();
    let batches = batches(&[8], DType::F64);
    let (found, slice) = studied(&run, TanhNet::new(DType::F64), &batches, |study| {
        let found = study.sharpness(&SharpnessSpec::new(), &batches).expect("a sharpness");
        let slice = study.slice(&SliceSpec::hessian().range(-0.01..=0.01)).expect("a slice");
        (found, slice)
    });
    let curvature = slice.curvature().expect("a curvature");
    // Directions are rounded to f32 and the loss bends within 0.0025: a hundredth is far more than either.
    for (read, value) in [
        (curvature.largest.curvature, found.record.largest[0]),
        (curvature.smallest.curvature, found.record.largest[1]),
    ] {
        assert!((read / value - 1.0).abs() < 1e-2, "{read} instead of {value}");
    }
    assert_eq!(slice.slice.x.kind, "hessian");
    assert!(
        (slice.slice.x.direction_norm - 1.0).abs() < 1e-6,
        "an eigenvector is not re-normalised"
    );
    assert!(slice.slice.cosine.unwrap().abs() < 1e-6);
    let checks = run.checks();
    let check = checks.iter().find(|check| check.name == "hessian-curvature").expect("a check");
    assert!(check.passed && check.detail.contains("vᵀHv"), "{check:?}");
}

#[test]
fn the_summary_of_the_landscape_tells_the_sharpness_and_the_comparison() {
    let run = Run::new();
    let batches = batches(&[8], DType::F32);
    let probe = run.builder().start().expect("a probe");
    let model = probe.watch(TanhNet::new(DType::F32));
    let output = burn::train::TrainStep::step(&model, batches[0].clone());
    let model = burn::train::TrainStep::optimize(
        model,
        &mut burn::optim::SgdConfig::new().init(),
        0.1.into(),
        output.grads,
    );
    let mut study = probe.study(&model, &batches).expect("a study");
    study.sharpness(&SharpnessSpec::top(2), &batches).expect("a sharpness");
    let line = SliceSpec::line(Direction::hessian(1)).range(-0.1..=0.1);
    study.slice(&line).expect("a line");
    let landscape = study.finish().expect("a landscape");
    let summary = landscape.summary().join("\n");
    assert!(summary.contains("The largest eigenvalue of the Hessian is"), "{summary}");
    assert!(summary.contains("they agree"), "{summary}");
    // The learning rate is that of the last step.
    assert!(summary.contains("λ·lr"), "{summary}");
    assert_eq!(landscape.curvatures()[0].lr, 0.1);
}

#[test]
fn an_eigenvector_that_was_not_looked_for_is_asked_for() {
    let batches = batches(&[8], DType::F32);
    let error = studied(&Run::new(), TanhNet::new(DType::F32), &batches, |study| {
        let before = study.slice(&SliceSpec::hessian()).unwrap_err();
        assert!(before.to_string().contains("call `study.sharpness"), "{before}");
        study.sharpness(&SharpnessSpec::top(1), &batches).expect("a sharpness");
        study.slice(&SliceSpec::hessian()).unwrap_err()
    });
    assert!(matches!(error, Error::NoEigenvector { number: 2, .. }), "{error}");
}

#[test]
fn a_map_of_eigenvalues_has_those_of_each_node() {
    let run = Run::new();
    let all = batches(&[8], DType::F64);
    let spec = SliceSpec::random().range(-0.5..=0.5).resolution(3, 3).name("map");
    let map = studied(&run, TanhNet::new(DType::F64), &all, |study| {
        study.eigenvalue_map(&spec, &all).expect("a map")
    });
    let eigenvalues = SymmetricEigen::new(TanhNet::hessian(&rows(8))).eigenvalues;
    let grid = *map.surface.grid();
    let centre = grid.node(grid.x().centre(), grid.y().expect("a plane").centre());
    let value =
        |name: &str, node: usize| map.layer(name).expect("a layer").loss(node).expect("measured");
    // Stopped at residuals of a thousandth of the largest.
    let (largest, smallest) = (eigenvalues.max(), eigenvalues.min());
    assert!((value("lambda_max", centre) - largest).abs() < 2e-3 * largest);
    assert!((value("lambda_min", centre) - smallest).abs() < 2e-3 * largest);
    let ratio = value("|lambda_min / lambda_max|", centre);
    assert!((ratio - (smallest / largest).abs()).abs() < 5e-3, "{ratio}");
    assert!((0..grid.len()).all(|node| value("lambda_max", node).is_finite()));
    assert!(value("lambda_max", 0) != value("lambda_max", centre), "nodes differ");
}
