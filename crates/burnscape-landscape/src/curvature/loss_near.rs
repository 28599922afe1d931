//! What sharpness is measured of: a loss near weights.

/// A loss, and its gradient, at weights that are moved by δ.
pub trait LossNear {
    /// What an evaluation can fail with.
    type Error;

    /// Number of parameters.
    fn len(&self) -> usize;

    /// Whether there are no parameters.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// L(θ + δ).
    ///
    /// # Errors
    ///
    /// Whatever the caller's own code fails with.
    fn loss(&mut self, delta: &[f64]) -> Result<f64, Self::Error>;

    /// L(θ + δ), and its gradient there written to `out`.
    ///
    /// # Errors
    ///
    /// Whatever the caller's own code fails with.
    fn gradient(&mut self, delta: &[f64], out: &mut [f64]) -> Result<f64, Self::Error>;
}

impl<L: LossNear + ?Sized> LossNear for &mut L {
    type Error = L::Error;

    fn len(&self) -> usize {
        (**self).len()
    }

    fn loss(&mut self, delta: &[f64]) -> Result<f64, Self::Error> {
        (**self).loss(delta)
    }

    fn gradient(&mut self, delta: &[f64], out: &mut [f64]) -> Result<f64, Self::Error> {
        (**self).gradient(delta, out)
    }
}
