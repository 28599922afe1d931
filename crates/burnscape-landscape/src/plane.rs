//! A centre with one or two directions, and where any point lies in their coordinates.

use crate::direction::{PARALLEL_SINE, dot, norm, squared_norm};
use crate::error::{Error, check_length};

/// Where a point lies as seen from a plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection {
    /// Coefficient of the first direction.
    pub x: f64,
    /// Coefficient of the second direction.
    pub y: f64,
    /// Distance from the point to its projection.
    pub out_of_plane: f64,
    /// Distance from the point to the centre.
    pub distance: f64,
}

impl Projection {
    /// Share of the squared distance from the centre that the plane does not show, in [0, 1]; 0 at the
    /// centre.
    #[must_use]
    pub fn out_of_plane_share(&self) -> f64 {
        squared_share(self.out_of_plane, self.distance)
    }
}

/// Where a point lies as seen from a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineProjection {
    /// Coefficient of the direction.
    pub x: f64,
    /// Distance from the point to its projection.
    pub off_line: f64,
    /// Distance from the point to the centre.
    pub distance: f64,
}

impl LineProjection {
    /// Share of the squared distance from the centre that the line does not show, in [0, 1]; 0 at the
    /// centre.
    #[must_use]
    pub fn off_line_share(&self) -> f64 {
        squared_share(self.off_line, self.distance)
    }
}

fn squared_share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 {
        return 0.0;
    }
    (part / whole).powi(2).min(1.0)
}

/// The inner products of two directions: all that projecting needs to know of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneGram {
    /// ‖d₁‖².
    pub d1_d1: f64,
    /// d₁·d₂.
    pub d1_d2: f64,
    /// ‖d₂‖².
    pub d2_d2: f64,
}

/// The inner products of the difference δ = point − centre with two directions and with itself.
///
/// Long vectors may come in pieces: begin with [`Default`] and [`add`](Self::add) each piece.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DeltaProducts {
    /// δ·d₁.
    pub with_d1: f64,
    /// δ·d₂.
    pub with_d2: f64,
    /// ‖δ‖².
    pub squared: f64,
}

impl DeltaProducts {
    /// Adds the same piece of a point, of the centre and of both directions.
    pub fn add(&mut self, point: &[f32], centre: &[f32], d1: &[f32], d2: &[f32]) {
        let deltas = point.iter().zip(centre).map(|(p, c)| f64::from(*p) - f64::from(*c));
        for (delta, (d1, d2)) in deltas.zip(d1.iter().zip(d2)) {
            self.with_d1 += delta * f64::from(*d1);
            self.with_d2 += delta * f64::from(*d2);
            self.squared += delta * delta;
        }
    }
}

impl PlaneGram {
    /// The inner products of two equally long directions.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the lengths differ.
    pub fn new(d1: &[f32], d2: &[f32]) -> Result<Self, Error> {
        check_length("the second direction", d1.len(), d2.len())?;
        Ok(Self { d1_d1: squared_norm(d1), d1_d2: dot(d1, d2), d2_d2: squared_norm(d2) })
    }

    /// The same from the lengths of the directions and the cosine of their angle, as a trace has them.
    #[must_use]
    pub fn of_lengths(length_1: f64, length_2: f64, cosine: f64) -> Self {
        Self {
            d1_d1: length_1 * length_1,
            d1_d2: length_1 * length_2 * cosine,
            d2_d2: length_2 * length_2,
        }
    }

    /// Cosine of the angle between the directions, in [-1, 1]; 0 if one of them is zero.
    #[must_use]
    pub fn cosine(&self) -> f64 {
        let norms = (self.d1_d1 * self.d2_d2).sqrt();
        if norms == 0.0 {
            return 0.0;
        }
        (self.d1_d2 / norms).clamp(-1.0, 1.0)
    }

    /// Whether the directions span less than a plane: one of them is zero, or they are parallel.
    #[must_use]
    pub fn is_degenerate(&self) -> bool {
        let sine_squared = 1.0 - self.cosine().powi(2);
        let parallel = sine_squared <= PARALLEL_SINE * PARALLEL_SINE;
        self.d1_d1 == 0.0 || self.d2_d2 == 0.0 || parallel
    }

    /// Length of α·d₁ + β·d₂ in parameter space.
    #[must_use]
    pub fn length(&self, alpha: f64, beta: f64) -> f64 {
        let squared =
            alpha * alpha * self.d1_d1 + 2.0 * alpha * beta * self.d1_d2 + beta * beta * self.d2_d2;
        squared.max(0.0).sqrt()
    }

    /// The coefficients (x, y) that bring x·d₁ + y·d₂ closest to δ: the normal equations of least squares,
    ///
    /// ```text
    /// ‖d₁‖² x + d₁·d₂ y = δ·d₁
    /// d₁·d₂ x + ‖d₂‖² y = δ·d₂
    /// ```
    ///
    /// If the directions are [degenerate](Self::is_degenerate), everything that one direction can explain
    /// is given to the first one that is not zero, and the other coefficient is 0.
    #[must_use]
    pub fn coefficients(&self, products: &DeltaProducts) -> (f64, f64) {
        let &DeltaProducts { with_d1, with_d2, .. } = products;
        if !self.is_degenerate() {
            return self.solve(with_d1, with_d2);
        }
        if self.d1_d1 > 0.0 {
            return (with_d1 / self.d1_d1, 0.0);
        }
        (0.0, coefficient(with_d2, self.d2_d2))
    }

    fn solve(&self, with_d1: f64, with_d2: f64) -> (f64, f64) {
        let determinant = self.d1_d1 * self.d2_d2 - self.d1_d2 * self.d1_d2;
        let x = (with_d1 * self.d2_d2 - with_d2 * self.d1_d2) / determinant;
        let y = (with_d2 * self.d1_d1 - with_d1 * self.d1_d2) / determinant;
        (x, y)
    }

    /// The projection of a point of which only inner products are known.
    ///
    /// The out-of-plane distance is a difference of squares here: it cannot tell distances below about
    /// 10⁻⁸ of [`distance`](Projection::distance) from 0. [`Plane::project`] can.
    #[must_use]
    pub fn project(&self, products: &DeltaProducts) -> Projection {
        let (x, y) = self.coefficients(products);
        let in_plane = x * products.with_d1 + y * products.with_d2;
        Projection {
            x,
            y,
            out_of_plane: (products.squared - in_plane).max(0.0).sqrt(),
            distance: products.squared.sqrt(),
        }
    }
}

/// `part / whole`, and 0 where there is nothing to divide by.
fn coefficient(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

/// All points `centre + x·d1 + y·d2`. The directions need neither be orthogonal nor of unit length.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    centre: &'a [f32],
    d1: &'a [f32],
    d2: &'a [f32],
    gram: PlaneGram,
}

impl<'a> Plane<'a> {
    /// A plane through `centre`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the three lengths differ.
    pub fn new(centre: &'a [f32], d1: &'a [f32], d2: &'a [f32]) -> Result<Self, Error> {
        check_length("the first direction", centre.len(), d1.len())?;
        let gram = PlaneGram::new(d1, d2)?;
        Ok(Self { centre, d1, d2, gram })
    }

    /// The inner products of the directions.
    #[must_use]
    pub fn gram(&self) -> PlaneGram {
        self.gram
    }

    /// The closest point of the plane, by least squares: exact for any pair of directions, and for a
    /// degenerate pair as in [`PlaneGram::coefficients`].
    ///
    /// A point with NaN or infinite entries has NaN or infinite coordinates; nothing else has.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the point is not as long as the centre.
    pub fn project(&self, point: &[f32]) -> Result<Projection, Error> {
        check_length("the point", self.centre.len(), point.len())?;
        let mut products = DeltaProducts::default();
        products.add(point, self.centre, self.d1, self.d2);
        let (x, y) = self.gram.coefficients(&products);
        Ok(Projection {
            x,
            y,
            out_of_plane: self.distance_to(x, y, point),
            distance: products.squared.sqrt(),
        })
    }

    /// Summed from the residual itself, because a difference of squares would lose small distances.
    fn distance_to(&self, x: f64, y: f64, point: &[f32]) -> f64 {
        let deltas = point.iter().zip(self.centre).map(|(p, c)| f64::from(*p) - f64::from(*c));
        let steps = self.d1.iter().zip(self.d2).map(|(d1, d2)| step(x, *d1, y, *d2));
        let squares = deltas.zip(steps).map(|(delta, step)| (delta - step).powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// Writes `centre + x·d1 + y·d2` to `out`: always computed from the centre and rounded once, so that
    /// (0, 0) is the centre bit for bit.
    ///
    /// # Panics
    ///
    /// If `out` is not as long as the centre.
    pub fn point_at(&self, x: f64, y: f64, out: &mut [f32]) {
        assert_eq!(out.len(), self.centre.len(), "a point is as long as the centre");
        let directions = self.d1.iter().zip(self.d2);
        for ((out, centre), (d1, d2)) in out.iter_mut().zip(self.centre).zip(directions) {
            *out = moved(*centre, step(x, *d1, y, *d2));
        }
    }
}

fn step(x: f64, d1: f32, y: f64, d2: f32) -> f64 {
    x * f64::from(d1) + y * f64::from(d2)
}

/// Adding 0 would turn −0 into +0: no step, no change of a single bit.
fn moved(centre: f32, step: f64) -> f32 {
    if step == 0.0 {
        return centre;
    }
    (f64::from(centre) + step) as f32
}

/// All points `centre + x·d`.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    centre: &'a [f32],
    direction: &'a [f32],
    squared: f64,
}

impl<'a> Line<'a> {
    /// A line through `centre`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the lengths differ.
    pub fn new(centre: &'a [f32], direction: &'a [f32]) -> Result<Self, Error> {
        check_length("the direction", centre.len(), direction.len())?;
        Ok(Self { centre, direction, squared: squared_norm(direction) })
    }

    /// Length of the direction.
    #[must_use]
    pub fn direction_norm(&self) -> f64 {
        norm(self.direction)
    }

    /// The closest point of the line; coefficient 0 if the direction is zero.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the point is not as long as the centre.
    pub fn project(&self, point: &[f32]) -> Result<LineProjection, Error> {
        check_length("the point", self.centre.len(), point.len())?;
        let x = coefficient(self.along(point), self.squared);
        Ok(LineProjection {
            x,
            off_line: self.distance_to(x, point),
            distance: self.distance_to(0.0, point),
        })
    }

    fn along(&self, point: &[f32]) -> f64 {
        let deltas = point.iter().zip(self.centre).map(|(p, c)| f64::from(*p) - f64::from(*c));
        deltas.zip(self.direction).map(|(delta, d)| delta * f64::from(*d)).sum()
    }

    fn distance_to(&self, x: f64, point: &[f32]) -> f64 {
        let deltas = point.iter().zip(self.centre).map(|(p, c)| f64::from(*p) - f64::from(*c));
        let residuals = deltas.zip(self.direction).map(|(delta, d)| delta - x * f64::from(*d));
        residuals.map(|r| r * r).sum::<f64>().sqrt()
    }

    /// Writes `centre + x·d` to `out`, as [`Plane::point_at`] does.
    ///
    /// # Panics
    ///
    /// If `out` is not as long as the centre.
    pub fn point_at(&self, x: f64, out: &mut [f32]) {
        assert_eq!(out.len(), self.centre.len(), "a point is as long as the centre");
        for ((out, centre), d) in out.iter_mut().zip(self.centre).zip(self.direction) {
            *out = moved(*centre, x * f64::from(*d));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance
    }

    #[test]
    fn a_point_of_a_skew_long_plane_gets_its_coefficients_back() {
        // ‖d₁‖ = ‖d₂‖ = 7, 60° between them.
        let centre = [1.0, -2.0, 0.5];
        let d1 = [7.0, 0.0, 0.0];
        let d2 = [3.5, 7.0 * 0.75_f32.sqrt(), 0.0];
        let plane = Plane::new(&centre, &d1, &d2).unwrap();
        assert!(close(plane.gram().cosine(), 0.5, 1e-7));
        let mut point = [0.0; 3];
        plane.point_at(0.3, -0.2, &mut point);
        let projection = plane.project(&point).unwrap();
        assert!(close(projection.x, 0.3, 1e-6) && close(projection.y, -0.2, 1e-6));
        assert!(projection.out_of_plane < 1e-6);
        // ‖.3 d₁ − .2 d₂‖² = 49 (.09 + .04 − .06) = 49 · .07
        assert!(close(projection.distance, (49.0_f64 * 0.07).sqrt(), 1e-6));
        assert!(close(plane.gram().length(0.3, -0.2), (49.0_f64 * 0.07).sqrt(), 1e-6));
    }

    #[test]
    fn what_lies_outside_the_plane_is_told() {
        let plane = Plane::new(&[0.0; 3], &[2.0, 0.0, 0.0], &[0.0, 5.0, 0.0]).unwrap();
        let projection = plane.project(&[6.0, 0.0, 8.0]).unwrap();
        let expected = Projection { x: 3.0, y: 0.0, out_of_plane: 8.0, distance: 10.0 };
        assert_eq!(projection, expected);
        assert!(close(projection.out_of_plane_share(), 0.64, 1e-15));
    }

    #[test]
    fn the_centre_is_reproduced_bit_for_bit_down_to_the_sign_of_zero() {
        let centre = [-0.0, 1.0e-42, f32::MIN_POSITIVE, 0.1];
        let d = [1.0, 2.0, 3.0, 4.0];
        let mut out = [9.0; 4];
        Plane::new(&centre, &d, &d).unwrap().point_at(0.0, 0.0, &mut out);
        assert_eq!(out.map(f32::to_bits), centre.map(f32::to_bits));
        Line::new(&centre, &d).unwrap().point_at(-0.0, &mut out);
        assert_eq!(out.map(f32::to_bits), centre.map(f32::to_bits));
    }

    #[test]
    fn a_degenerate_pair_is_a_line_and_never_nan() {
        let point = [3.0, 4.0];
        for (d1, d2, x, y) in [
            ([2.0, 0.0], [0.0, 0.0], 1.5, 0.0),
            ([0.0, 0.0], [0.0, 2.0], 0.0, 2.0),
            ([2.0, 0.0], [-6.0, 0.0], 1.5, 0.0),
            ([0.0, 0.0], [0.0, 0.0], 0.0, 0.0),
        ] {
            let plane = Plane::new(&[0.0; 2], &d1, &d2).unwrap();
            assert!(plane.gram().is_degenerate());
            let projection = plane.project(&point).unwrap();
            assert_eq!((projection.x, projection.y), (x, y), "{d1:?} {d2:?}");
            assert_eq!(projection.distance, 5.0);
        }
        let at_centre = Plane::new(&point, &[0.0; 2], &[0.0; 2]).unwrap().project(&point);
        assert_eq!(at_centre.unwrap().out_of_plane_share(), 0.0);
    }

    #[test]
    fn a_line_gives_coefficient_and_distance() {
        let line = Line::new(&[1.0, 1.0], &[0.0, 4.0]).unwrap();
        let projection = line.project(&[4.0, 5.0]).unwrap();
        assert_eq!(projection, LineProjection { x: 1.0, off_line: 3.0, distance: 5.0 });
        assert!(close(projection.off_line_share(), 0.36, 1e-15));
        assert_eq!(line.direction_norm(), 4.0);
        let nowhere = Line::new(&[1.0, 1.0], &[0.0, 0.0]).unwrap();
        assert_eq!(nowhere.project(&[4.0, 5.0]).unwrap().x, 0.0);
    }

    #[test]
    fn vectors_of_different_lengths_are_refused() {
        assert!(Plane::new(&[0.0; 3], &[0.0; 2], &[0.0; 2]).is_err());
        assert!(Plane::new(&[0.0; 3], &[0.0; 3], &[0.0; 2]).is_err());
        let plane = Plane::new(&[0.0; 2], &[0.0; 2], &[0.0; 2]).unwrap();
        let error = plane.project(&[0.0; 3]).unwrap_err();
        assert_eq!(error, Error::LengthMismatch { what: "the point", expected: 2, found: 3 });
    }

    fn vector() -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(-10.0_f32..10.0, 6)
    }

    proptest! {
        #[test]
        fn the_residual_is_orthogonal_to_both_directions(
            centre in vector(), d1 in vector(), d2 in vector(), point in vector(),
        ) {
            let plane = Plane::new(&centre, &d1, &d2).unwrap();
            prop_assume!(plane.gram().cosine().abs() < 0.999);
            let p = plane.project(&point).unwrap();
            let residual = |i: usize| {
                f64::from(point[i]) - f64::from(centre[i]) - step(p.x, d1[i], p.y, d2[i])
            };
            for d in [&d1, &d2] {
                let along: f64 = (0..6).map(|i| residual(i) * f64::from(d[i])).sum();
                prop_assert!(along.abs() < 1e-8 * (1.0 + p.distance) * (1.0 + norm(d)));
            }
        }

        #[test]
        fn inner_products_in_pieces_project_to_the_same_point(
            centre in vector(), d1 in vector(), d2 in vector(), point in vector(), cut in 0..=6_usize,
        ) {
            let plane = Plane::new(&centre, &d1, &d2).unwrap();
            prop_assume!(plane.gram().cosine().abs() < 0.999);
            let mut products = DeltaProducts::default();
            products.add(&point[..cut], &centre[..cut], &d1[..cut], &d2[..cut]);
            products.add(&point[cut..], &centre[cut..], &d1[cut..], &d2[cut..]);
            let (a, b) = (plane.project(&point).unwrap(), plane.gram().project(&products));
            prop_assert!(close(a.x, b.x, 1e-9 * (1.0 + a.x.abs())));
            prop_assert!(close(a.y, b.y, 1e-9 * (1.0 + a.y.abs())));
            prop_assert!(close(a.out_of_plane, b.out_of_plane, 1e-6 * (1.0 + a.distance)));
        }

        #[test]
        fn projections_of_finite_points_are_finite(
            centre in vector(), d1 in vector(), scale in -3.0_f32..3.0, point in vector(),
        ) {
            let d2: Vec<f32> = d1.iter().map(|d| d * scale).collect();
            let p = Plane::new(&centre, &d1, &d2).unwrap().project(&point).unwrap();
            for value in [p.x, p.y, p.out_of_plane, p.distance, p.out_of_plane_share()] {
                prop_assert!(value.is_finite());
            }
        }
    }
}
