//! Which curvature a learning rate can stand: the limits of optimizers on a quadratic.

use std::fmt;

/// An optimizer with its constants, as far as they decide about stability.
///
/// On a quadratic with the curvature λ, full-batch steps of size lr grow without bound where λ·lr exceeds the
/// [`limit`](Self::limit) (Cohen et al. 2021, arXiv 2103.00065, appendix B; 2022, arXiv 2207.14484).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Optimizer {
    /// θ ← θ − lr·g.
    GradientDescent,
    /// Momentum v ← β·v + (1 − τ)·g, θ ← θ − lr·v.
    HeavyBall {
        /// β: what is kept of the velocity.
        momentum: f64,
        /// τ: what of a gradient is held back; burn's default is 0.1.
        dampening: f64,
    },
    /// Nesterov's momentum: v ← β·v + (1 − τ)·g, θ ← θ − lr·(g + β·v).
    Nesterov {
        /// β: what is kept of the velocity.
        momentum: f64,
        /// τ: what of a gradient is held back; burn's default is 0.1.
        dampening: f64,
    },
    /// An exponential mean of gradients, m ← β₁·m + (1 − β₁)·g, θ ← θ − lr·m.
    EmaMomentum {
        /// β₁: what is kept of the mean.
        beta: f64,
    },
    /// Adam and its kin: the mean of gradients, divided entry by entry by √v̂ + ε. The limit is about the
    /// preconditioned Hessian P⁻¹ᐟ² H P⁻¹ᐟ², P = diag(√v̂ + ε).
    Adam {
        /// β₁: what is kept of the mean of gradients.
        beta: f64,
        /// ε: what is added to the root.
        epsilon: f64,
    },
}

impl Optimizer {
    /// The `λ · lr` from which on steps grow: 2 for gradient descent, 2(1+β)/(1−τ) for the heavy ball,
    /// 2(1+β)/(1+β(2−τ)) for Nesterov, (2+2β₁)/(1−β₁) for a mean of gradients.
    #[must_use]
    pub fn limit(&self) -> f64 {
        match *self {
            Self::GradientDescent => 2.0,
            Self::HeavyBall { momentum, dampening } => 2.0 * (1.0 + momentum) / (1.0 - dampening),
            Self::Nesterov { momentum, dampening } => {
                2.0 * (1.0 + momentum) / (1.0 + momentum * (2.0 - dampening))
            }
            Self::EmaMomentum { beta } | Self::Adam { beta, .. } => {
                (2.0 + 2.0 * beta) / (1.0 - beta)
            }
        }
    }

    /// Whether the limit is about the preconditioned Hessian.
    #[must_use]
    pub fn is_preconditioned(&self) -> bool {
        matches!(self, Self::Adam { .. })
    }

    /// Whether the constants are those of an optimizer: momenta in [0, 1), ε positive.
    #[must_use]
    pub fn is_sensible(&self) -> bool {
        let is_share = |value: f64| (0.0..1.0).contains(&value);
        match *self {
            Self::GradientDescent => true,
            Self::HeavyBall { momentum, dampening } | Self::Nesterov { momentum, dampening } => {
                is_share(momentum) && is_share(dampening)
            }
            Self::EmaMomentum { beta } => is_share(beta),
            Self::Adam { beta, epsilon } => is_share(beta) && epsilon > 0.0 && epsilon.is_finite(),
        }
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GradientDescent => write!(f, "gradient descent"),
            Self::HeavyBall { momentum, dampening } => {
                write!(f, "momentum (β = {momentum}, dampening {dampening})")
            }
            Self::Nesterov { momentum, dampening } => {
                write!(f, "Nesterov momentum (β = {momentum}, dampening {dampening})")
            }
            Self::EmaMomentum { beta } => write!(f, "a mean of gradients (β₁ = {beta})"),
            Self::Adam { beta, epsilon } => write!(f, "Adam (β₁ = {beta}, ε = {epsilon})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest growth of one step on ½λθ², as the spectral radius of its 2×2 matrix, found by running it.
    fn grows(optimizer: Optimizer, curvature: f64) -> bool {
        let (mut position, mut velocity) = (1.0_f64, 0.0);
        for _ in 0..4000 {
            let gradient = curvature * position;
            match optimizer {
                Optimizer::GradientDescent => position -= gradient,
                Optimizer::HeavyBall { momentum, dampening } => {
                    velocity = momentum * velocity + (1.0 - dampening) * gradient;
                    position -= velocity;
                }
                Optimizer::Nesterov { momentum, dampening } => {
                    velocity = momentum * velocity + (1.0 - dampening) * gradient;
                    position -= gradient + momentum * velocity;
                }
                Optimizer::EmaMomentum { beta } | Optimizer::Adam { beta, .. } => {
                    velocity = beta * velocity + (1.0 - beta) * gradient;
                    position -= velocity;
                }
            }
        }
        !position.is_finite() || position.abs() > 1e3
    }

    #[test]
    fn limits_are_those_of_the_papers_and_of_running_the_optimizer() {
        let cases = [
            (Optimizer::GradientDescent, 2.0),
            (Optimizer::HeavyBall { momentum: 0.9, dampening: 0.0 }, 3.8),
            (Optimizer::Nesterov { momentum: 0.9, dampening: 0.0 }, 1.357),
            (Optimizer::HeavyBall { momentum: 0.9, dampening: 0.1 }, 4.222),
            (Optimizer::Nesterov { momentum: 0.9, dampening: 0.1 }, 1.402),
            (Optimizer::EmaMomentum { beta: 0.9 }, 38.0),
            (Optimizer::Adam { beta: 0.9, epsilon: 1e-8 }, 38.0),
        ];
        for (optimizer, limit) in cases {
            assert!((optimizer.limit() - limit).abs() < 5e-4, "{optimizer}: {}", optimizer.limit());
            assert!(!grows(optimizer, 0.99 * optimizer.limit()), "{optimizer} below its limit");
            assert!(grows(optimizer, 1.01 * optimizer.limit()), "{optimizer} above its limit");
            assert!(optimizer.is_sensible());
        }
        assert!(!Optimizer::EmaMomentum { beta: 1.0 }.is_sensible());
        assert!(!Optimizer::Adam { beta: 0.9, epsilon: f64::NAN }.is_sensible());
    }
}
