//! A bent path between two models: a quadratic Bézier curve, its gradient, and the plane that it lies in.

mod bend;

pub use bend::{Bend, BendOptions};

use crate::direction::{between, dot, norm, squared_norm};
use crate::error::{Error, check_length};
use crate::plane::PlaneGram;

/// φ(t) = (1 − t)²·a + 2t(1 − t)·bend + t²·b (Garipov et al. 2018, arXiv 1802.10026, section 3.2).
#[derive(Debug, Clone, Copy)]
pub struct Bezier<'a> {
    a: &'a [f32],
    bend: &'a [f32],
    b: &'a [f32],
}

impl<'a> Bezier<'a> {
    /// The curve from `a` to `b` that is drawn towards `bend`, which it meets only where that lies on the line.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the lengths differ.
    pub fn new(a: &'a [f32], bend: &'a [f32], b: &'a [f32]) -> Result<Self, Error> {
        check_length("the bend", a.len(), bend.len())?;
        check_length("the end of the curve", a.len(), b.len())?;
        Ok(Self { a, bend, b })
    }

    /// What a, bend and b count for at `t`; together 1.
    #[must_use]
    pub fn weights(t: f64) -> [f64; 3] {
        [(1.0 - t).powi(2), 2.0 * t * (1.0 - t), t * t]
    }

    /// Writes φ(t) to `out`; both ends are a and b bit for bit.
    ///
    /// # Panics
    ///
    /// If `out` is not as long as the ends.
    pub fn point_at(&self, t: f64, out: &mut [f32]) {
        assert_eq!(out.len(), self.a.len(), "a point is as long as the ends");
        let [a, bend, b] = Self::weights(t);
        let points = self.a.iter().zip(self.bend).zip(self.b);
        for (out, ((at_a, at_bend), at_b)) in out.iter_mut().zip(points) {
            let sum = a * f64::from(*at_a) + bend * f64::from(*at_bend) + b * f64::from(*at_b);
            // Adding 0 would turn −0 into +0.
            *out = if t == 0.0 {
                *at_a
            } else if t == 1.0 {
                *at_b
            } else {
                sum as f32
            };
        }
    }

    /// By what the gradient of the loss at φ(t) is multiplied to be that by the bend: ∂φ/∂bend = 2t(1 − t).
    #[must_use]
    pub fn bend_factor(t: f64) -> f64 {
        Self::weights(t)[1]
    }

    /// Length of the curve, by `pieces` straight ones: exact to the order of 1/pieces².
    #[must_use]
    pub fn length(&self, pieces: usize) -> f64 {
        let (mut from, mut to) = (self.a.to_vec(), self.a.to_vec());
        let mut piece = |k: usize| {
            self.point_at(k as f64 / pieces as f64, &mut to);
            let step = to.iter().zip(&from).map(|(to, from)| f64::from(*to) - f64::from(*from));
            let length = step.map(|it| it * it).sum::<f64>().sqrt();
            std::mem::swap(&mut from, &mut to);
            length
        };
        (1..=pieces).map(&mut piece).sum()
    }
}

/// A plane through three points: directions from the first one, at a right angle and equally long.
#[derive(Debug, Clone, PartialEq)]
pub struct ThroughThree {
    /// From the first point to the second.
    pub d1: Vec<f32>,
    /// What of the way to the third is at a right angle to it, made as long as `d1`.
    pub d2: Vec<f32>,
    /// Coefficients of the three points: (0, 0), (1, 0) and where the third lies.
    pub points: [(f64, f64); 3],
}

impl ThroughThree {
    /// The plane through `a`, `b` and `c`, in which angles and distances are true: as Garipov et al. 2018 draw it.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the lengths differ, [`Error::ParallelDirections`] if the points lie on one line.
    pub fn new(a: &[f32], b: &[f32], c: &[f32]) -> Result<Self, Error> {
        let (d1, to_c) = (between(a, b)?, between(a, c)?);
        let gram = PlaneGram::new(&d1, &to_c)?;
        if gram.is_degenerate() {
            return Err(Error::ParallelDirections { cosine: gram.cosine() });
        }
        let along = dot(&d1, &to_c) / squared_norm(&d1);
        let beside = |(c, d): (&f32, &f32)| f64::from(*c) - along * f64::from(*d);
        let rest: Vec<f64> = to_c.iter().zip(&d1).map(beside).collect();
        let height = rest.iter().map(|it| it * it).sum::<f64>().sqrt() / norm(&d1);
        let d2 = rest.iter().map(|it| (it / height) as f32).collect();
        Ok(Self { d1, d2, points: [(0.0, 0.0), (1.0, 0.0), (along, height)] })
    }

    /// Where φ(t) of the [curve](Bezier) from the first point over the third to the second lies.
    #[must_use]
    pub fn on_curve(&self, t: f64) -> (f64, f64) {
        let [_, bend, b] = Bezier::weights(t);
        let [_, (b_x, b_y), (bend_x, bend_y)] = self.points;
        (b * b_x + bend * bend_x, b * b_y + bend * bend_y)
    }
}
