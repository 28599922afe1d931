//! A quadratic has a surface in closed form: L* + αg·d₁ + βg·d₂ + ½(α²d₁ᵀHd₁ + 2αβd₁ᵀHd₂ + β²d₂ᵀHd₂).

use burn::module::Module;
use burnscape::geometry::direction::{DirectionOptions, random};
use burnscape::geometry::layout::{Block, Layout};

use super::models::{QUADRATIC_DIMS, Quadratic};
use super::plain::{bilinear, quadratic_loss, quadratic_slope};
use super::support::{Run, assert_close, batch, epoch, largest, training_batch, wave_rows};

fn samples() -> Vec<[f32; QUADRATIC_DIMS]> {
    wave_rows(3, 0.8)
}

/// Trains four epochs and evaluates both planes on 9 × 7 nodes.
fn finished() -> Run {
    let run = Run::new();
    let probe = run.builder().resolution(9, 7).start().expect("a probe");
    let mut model = probe.watch(Quadratic::new());
    for _ in 0..4 {
        model = epoch(model, 0.1, 2, &training_batch(&samples()));
    }
    let landscape = probe.finish(&model.valid(), &[batch(&samples())]).expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    run
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn assert_every_node_has_the_closed_form(run: &Run, slice: &str, vectors: [&[f32]; 3]) {
    let [centre, d1, d2] = vectors.map(wide);
    let samples = samples();
    let value = quadratic_loss(&centre, &samples);
    let slopes = [&d1, &d2].map(|d| quadratic_slope(&centre, &samples, d));
    let bends = [bilinear(&d1, &d1), bilinear(&d1, &d2), bilinear(&d2, &d2)];
    let nodes = run.nodes(slice);
    assert_eq!(nodes.len(), 63);
    let scale = largest(&run.losses(slice));
    for node in nodes {
        let (a, b) = (node.alpha, node.beta);
        let straight = value + a * slopes[0] + b * slopes[1];
        let bent = a * a * bends[0] + 2.0 * a * b * bends[1] + b * b * bends[2];
        let what = format!("{slice} at ({a}, {b})");
        assert_close(node.loss, straight + 0.5 * bent, scale, &what);
    }
}

#[test]
fn every_node_of_the_pca_plane_of_a_quadratic_has_the_closed_form() {
    let run = finished();
    let [centre, d1, d2] = run.pca_directions();
    assert_every_node_has_the_closed_form(&run, "pca", [&centre, &d1, &d2]);
}

#[test]
fn every_node_of_the_random_plane_of_a_quadratic_has_the_closed_form() {
    let run = finished();
    let [centre, ..] = run.pca_directions();
    let layout = Layout::new(vec![
        Block::new("weight", "Quadratic", &[2, 3], Some(2)),
        Block::new("bias", "Quadratic", &[2], None),
    ]);
    let layout = layout.expect("a layout");
    let draw = |seed| random(&layout, &centre, seed, &DirectionOptions::default());
    let [d1, d2] = run.seeds().map(|seed| draw(seed).expect("a direction"));
    assert_every_node_has_the_closed_form(&run, "random", [&centre, &d1, &d2]);
}

#[test]
fn the_centre_of_the_directions_file_is_the_last_snapshot() {
    let run = finished();
    let last = run.snapshot(run.snapshots().len() - 1);
    let flat = [&last["weight"].1[..], &last["bias"].1[..]].concat();
    assert_eq!(run.pca_directions()[0], flat);
}

#[test]
fn the_directions_of_the_pca_plane_are_unit_vectors_at_a_right_angle_and_said_to_be() {
    let run = finished();
    let [_, d1, d2] = run.pca_directions();
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { wide(a).iter().zip(wide(b)).map(|(a, b)| a * b).sum() };
    assert_close(dot(&d1, &d1), 1.0, 1.0, "‖d₁‖²");
    assert_close(dot(&d2, &d2), 1.0, 1.0, "‖d₂‖²");
    assert_close(dot(&d1, &d2), 0.0, 1.0, "d₁·d₂");
    let slice = run.slice("pca");
    assert_close(slice.cosine.expect("a cosine"), 0.0, 1.0, "the cosine told");
    assert_close(slice.x.direction_norm, 1.0, 1.0, "the length told");
    assert_eq!(slice.normalisation, "none");
    assert_eq!(slice.biases, "moved");
}

#[test]
fn the_curvature_of_a_plane_is_that_of_the_hessian() {
    let run = Run::new();
    let probe = run.builder().resolution(9, 7).start().expect("a probe");
    let mut model = probe.watch(Quadratic::new());
    for _ in 0..4 {
        model = epoch(model, 0.1, 2, &training_batch(&samples()));
    }
    let landscape = probe.finish(&model.valid(), &[batch(&samples())]).expect("a landscape");
    let [_, d1, d2] = run.pca_directions();
    let (d1, d2) = (wide(&d1), wide(&d2));
    let found = landscape.slice("pca").expect("a plane").curvature().expect("a curvature");
    // Second differences of f32 losses over a spacing of about a tenth.
    for (found, expected) in [
        (found.hessian[0][0], bilinear(&d1, &d1)),
        (found.hessian[0][1], bilinear(&d1, &d2)),
        (found.hessian[1][1], bilinear(&d2, &d2)),
    ] {
        assert!((found - expected).abs() < 1e-2, "{found} instead of {expected}");
    }
}
