//! How far beyond a Ritz value an eigenvalue may lie: a space that grew from a random start misses what that start
//! hardly holds any of, and no residual tells of it.
//!
//! Each vector v of an orthonormal basis of the space is a polynomial p in H times the start. Along an eigenvector of
//! the eigenvalue λ, of which the start has the part γ, v has p(λ)·γ, and no unit vector has more than 1 in all
//! directions together: γ²·Σ p(λ)² ≤ 1. Beyond the Ritz values that sum grows with every step as fast as the spectrum
//! allows, so an eigenvalue lies only where it is at most 1/γ². A random start has |γ| < δ with a chance that is known:
//! for the others that is a bound (van Dorsselaer, Hochstenbach and van der Vorst 2000, "Computing probabilistic bounds
//! for extreme eigenvalues of symmetric matrices with the Lanczos method", SIAM J. Matrix Anal. Appl. 22(3)). It is what
//! Kuczyński and Woźniakowski (1992, SIAM J. Matrix Anal. Appl. 13(4)) say of all spectra at once, said of this one.

use std::f64::consts::FRAC_PI_2;

use super::krylov::{ROUNDING, Ritz};

/// One start in so many has less of an eigenvector than is counted on.
const STARTS_PER_MISS: f64 = 1e3;
/// Halvings of the interval in which a bound is looked for: it is known to 1 in 2⁶.
const HALVINGS: usize = 6;

/// The polynomial q of which q(H)·start is the next vector of the space, by its zeros: the Ritz values, and those that
/// restarts dropped.
pub(super) struct Growth {
    /// ln of δ: what nearly every start has at least along a given eigenvector.
    ln_part: f64,
    /// ln of 1 / the leading coefficient.
    ln_scale: f64,
    dropped: Vec<f64>,
}

impl Growth {
    /// Of a start that is uniformly distributed on the unit sphere in `dims` dimensions, or of which a `share` is, added
    /// to anything.
    pub fn new(dims: usize, share: f64) -> Self {
        Self { ln_part: (share * usual_part(dims)).ln(), ln_scale: 0.0, dropped: Vec::new() }
    }

    /// After one more step, which led out of the space by `beyond`.
    pub fn step(&mut self, beyond: f64) {
        self.ln_scale += beyond.ln();
    }

    /// A restart leaves this Ritz value.
    pub fn leave(&mut self, value: f64) {
        self.dropped.push(value);
    }

    /// ln of γ²·Σ p(λ)² at λ = `from` + `by`, if γ is no more than usual: above 0, there is no eigenvalue.
    ///
    /// Σ p² = q²·(1 + Σ r²/(λ − θ)²) over the Ritz values θ with residuals r, since HV = VT + β·v·eᵀ.
    fn ln_mass(&self, ritz: &Ritz, from: f64, by: f64) -> f64 {
        let apart = |value: &f64| (from - value) + by;
        let zeros = self.dropped.iter().chain(&ritz.values);
        let ln_q = zeros.map(|zero| apart(zero).abs().ln()).sum::<f64>() - self.ln_scale;
        let pairs = ritz.values.iter().zip(&ritz.residuals);
        let inner: f64 = pairs.map(|(value, residual)| (residual / apart(value)).powi(2)).sum();
        2.0 * (self.ln_part + ln_q) + inner.ln_1p()
    }

    /// By how much the eigenvalue may differ that the Ritz value at `place` stands for, if `towards` the end of the
    /// spectrum there is none, or one that is off by `next`: at least its residual.
    fn error(&self, ritz: &Ritz, place: usize, towards: f64, next: Option<(usize, f64)>) -> f64 {
        let from = ritz.values[place];
        let holds_none = |by: f64| self.ln_mass(ritz, from, towards * by) > 0.0;
        let gap = next.map(|(next, error)| ((ritz.values[next] - from).abs(), error));
        let most = gap.map_or(f64::INFINITY, |(gap, _)| 0.5 * gap);
        let (mut near, mut far) = (0.0, ritz.residuals[place].max(ROUNDING * ritz.size()));
        if far == 0.0 {
            return far;
        }
        while !holds_none(far) {
            if let Some((gap, error)) = gap.filter(|_| far >= most) {
                return gap + error;
            }
            (near, far) = (far, (2.0 * far).min(most));
        }
        for _ in 0..if near > 0.0 { HALVINGS } else { 0 } {
            let middle = 0.5 * (near + far);
            if holds_none(middle) { far = middle } else { near = middle }
        }
        far
    }

    /// The error of each Ritz value at these places, the outermost first.
    pub fn errors(
        &self,
        ritz: &Ritz,
        places: impl Iterator<Item = usize>,
        towards: f64,
    ) -> Vec<f64> {
        let mut errors = Vec::new();
        let mut next = None;
        for place in places {
            let error = self.error(ritz, place, towards, next);
            errors.push(error);
            next = Some((place, error));
        }
        errors
    }
}

/// δ for which a uniformly distributed unit vector has |γ| < δ along a given direction once in [`STARTS_PER_MISS`]: its
/// density is highest at γ = 0, and at most √((n − 1)/2π) there.
fn usual_part(dims: usize) -> f64 {
    match dims {
        0 | 1 => 1.0,
        dims => (FRAC_PI_2 / (dims - 1) as f64).sqrt() / STARTS_PER_MISS,
    }
}
