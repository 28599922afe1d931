//! Slices of losses whose values, curvatures and gradients are known in closed form.

use burnscape_landscape::direction::dot;
use burnscape_landscape::evaluate::evaluate;
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::plane::Plane;
use burnscape_landscape::surface::{Along, Surface};

const P: usize = 5;

/// Eighths and small integers: every point of the grid below is an `f32` without rounding.
const CENTRE: [f32; P] = [0.5, -1.25, 2.0, 0.125, -0.75];
const D1: [f32; P] = [1.0, 0.5, -2.0, 0.0, 1.5];
const D2: [f32; P] = [0.25, 3.0, 1.0, -1.0, 0.5];
const GRADIENT: [f64; P] = [1.0, -2.0, 0.5, 3.0, -0.25];

/// Symmetric and indefinite.
fn hessian(i: usize, j: usize) -> f64 {
    let diagonal = [4.0, -1.0, 9.0, 0.5, 2.0];
    if i == j { diagonal[i] } else { 0.25 * (i + j) as f64 - 0.5 }
}

fn quadratic_form(a: &[f32], b: &[f32]) -> f64 {
    let product = |i: usize, j: usize| f64::from(a[i]) * hessian(i, j) * f64::from(b[j]);
    (0..P).map(|i| (0..P).map(|j| product(i, j)).sum::<f64>()).sum()
}

fn along_gradient(d: &[f32]) -> f64 {
    GRADIENT.iter().zip(d).map(|(g, d)| g * f64::from(*d)).sum()
}

fn loss_of(point: &[f32]) -> f64 {
    let delta: Vec<f32> = point.iter().zip(CENTRE).map(|(p, c)| p - c).collect();
    1.5 + along_gradient(&delta) + 0.5 * quadratic_form(&delta, &delta)
}

fn quadratic_surface() -> Surface {
    let plane = Plane::new(&CENTRE, &D1, &D2).unwrap();
    let mut point = [0.0; P];
    let loss = |alpha: f64, beta: f64| {
        plane.point_at(alpha, beta, &mut point);
        loss_of(&point)
    };
    // Asymmetric, with different counts and spacings.
    let grid = Grid::plane(Axis::new(-3, 9, 0.25).unwrap(), Axis::new(-5, 7, 0.5).unwrap());
    let mut surface = Surface::new(grid);
    evaluate(&mut surface, &grid.coarse_to_fine(), &mut [loss], |_, _| {}, || false).unwrap();
    surface
}

#[test]
fn every_node_of_a_quadratic_has_the_closed_form_though_the_directions_are_skew_and_long() {
    let surface = quadratic_surface();
    assert!(dot(&D1, &D2) != 0.0);
    let (h11, h12, h22) =
        (quadratic_form(&D1, &D1), quadratic_form(&D1, &D2), quadratic_form(&D2, &D2));
    for node in 0..surface.grid().len() {
        let (a, b) = surface.grid().coordinates(node);
        let expected = 1.5
            + a * along_gradient(&D1)
            + b * along_gradient(&D2)
            + 0.5 * (a * a * h11 + 2.0 * a * b * h12 + b * b * h22);
        assert!((surface.losses()[node] - expected).abs() < 1e-11, "({a}, {b})");
    }
}

#[test]
fn the_centre_node_has_the_loss_of_the_centre_bit_for_bit() {
    let centre_loss = quadratic_surface().centre_loss().unwrap();
    assert_eq!(centre_loss.to_bits(), loss_of(&CENTRE).to_bits());
}

#[test]
fn second_differences_are_the_second_derivatives_along_the_directions() {
    let surface = quadratic_surface();
    let along_x = surface.second_difference(Along::X).unwrap();
    let along_y = surface.second_difference(Along::Y).unwrap();
    assert!((along_x - quadratic_form(&D1, &D1)).abs() < 1e-10);
    assert!((along_y - quadratic_form(&D2, &D2)).abs() < 1e-10);
}

#[test]
fn the_sharpest_direction_is_the_one_found_by_trying_every_angle() {
    let gram = Plane::new(&CENTRE, &D1, &D2).unwrap().gram();
    let curvature = quadratic_surface().curvature(&gram, 1).unwrap();
    // Another route: vᵀHv / vᵀv for 10⁵ mixtures v of the directions.
    let quotient = |step: usize| {
        let angle = std::f64::consts::PI * step as f64 / 1e5;
        let (sin, cos) = angle.sin_cos();
        let mix = |i: usize| (cos * f64::from(D1[i]) + sin * f64::from(D2[i])) as f32;
        let v: [f32; P] = std::array::from_fn(mix);
        quadratic_form(&v, &v) / dot(&v, &v)
    };
    let (least, most) = (0..100_000)
        .map(quotient)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), q| (a.min(q), b.max(q)));
    assert!((curvature.largest.curvature - most).abs() < 1e-5, "{curvature:?} {most}");
    assert!((curvature.smallest.curvature - least).abs() < 1e-5, "{curvature:?} {least}");
    // And its direction really has that curvature, and length 1.
    let (alpha, beta) = (curvature.largest.alpha, curvature.largest.beta);
    assert!((gram.length(alpha, beta) - 1.0).abs() < 1e-9);
    let mix = |i: usize| (alpha * f64::from(D1[i]) + beta * f64::from(D2[i])) as f32;
    let v: [f32; P] = std::array::from_fn(mix);
    assert!((quadratic_form(&v, &v) - most).abs() < 1e-4);
    // The angle is the one between d₁ and v in parameter space.
    let cosine = dot(&v, &D1) / dot(&D1, &D1).sqrt();
    assert!((curvature.largest.angle_degrees.to_radians().cos() - cosine).abs() < 1e-6);
    assert!((curvature.gradient[0] - along_gradient(&D1)).abs() < 1e-10);
    assert!((curvature.gradient[1] - along_gradient(&D2)).abs() < 1e-10);
}
