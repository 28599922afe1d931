//! What the algorithms ask for: products of the Hessian with vectors, counted, checked, and stoppable.

use std::ops::{ControlFlow, Range};

use super::loss_near::LossNear;

/// A symmetric linear map of which only products with vectors are known: v ↦ Hv.
pub trait HessianProduct {
    /// What a product can fail with.
    type Error;

    /// Number of parameters: the length of v and of Hv.
    fn len(&self) -> usize;

    /// Whether there are no parameters.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes Hv to `out`, all of it.
    ///
    /// # Errors
    ///
    /// Whatever the caller's own code fails with; the algorithms hand it on.
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Self::Error>;
}

impl<P: HessianProduct + ?Sized> HessianProduct for &mut P {
    type Error = P::Error;

    fn len(&self) -> usize {
        (**self).len()
    }

    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Self::Error> {
        (**self).apply(v, out)
    }
}

/// Why there is no curvature.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CurvatureError<E> {
    /// The caller's own code failed.
    #[error(transparent)]
    Caller(E),
    /// The caller asked to stop.
    #[error("stopped as was asked; products with the Hessian until then: {products}")]
    Stopped {
        /// Products until then.
        products: u64,
    },
    /// A product, a loss or a gradient holds NaN or an infinity.
    #[error(
        "{what} is not finite at entry {index}: the loss, or its slope, is not finite near these weights, so it has no curvature there"
    )]
    NonFinite {
        /// Which vector or number.
        what: &'static str,
        /// First entry that is not.
        index: usize,
    },
    /// Nothing can move.
    #[error("there are no parameters to take a curvature over: every block is frozen or left out")]
    NoParameters,
    /// The request makes no sense.
    #[error("{what} = {found} cannot be used: {expected}")]
    Option {
        /// Which option.
        what: &'static str,
        /// What it was.
        found: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// A vector does not have the length of the others.
    #[error(transparent)]
    Request(crate::Error),
    /// A measure divides by something that is 0 here.
    #[error("{what} is not defined here: {why}")]
    Undefined {
        /// The measure.
        what: &'static str,
        /// What is 0.
        why: &'static str,
    },
}

impl<E> From<crate::Error> for CurvatureError<E> {
    fn from(error: crate::Error) -> Self {
        Self::Request(error)
    }
}

/// Told the number of products so far before each of them; [`ControlFlow::Break`] stops the algorithm.
pub type Watch<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// A [`Watch`] that never stops.
pub fn unwatched(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Says that an option is out of its range.
pub(super) fn require<E>(
    holds: bool,
    what: &'static str,
    found: f64,
    expected: &'static str,
) -> Result<(), CurvatureError<E>> {
    match holds {
        true => Ok(()),
        false => Err(CurvatureError::Option { what, found, expected }),
    }
}

/// Says where a vector is not finite.
pub(super) fn check_finite<E>(what: &'static str, values: &[f64]) -> Result<(), CurvatureError<E>> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(CurvatureError::NonFinite { what, index }),
        None => Ok(()),
    }
}

/// Products that are counted, checked for NaN, and asked about beforehand.
pub(super) struct Counted<'a, P> {
    product: &'a mut P,
    watch: Watch<'a>,
    pub products: u64,
}

impl<'a, P: HessianProduct> Counted<'a, P> {
    /// # Errors
    ///
    /// [`CurvatureError::NoParameters`].
    pub fn new(product: &'a mut P, watch: Watch<'a>) -> Result<Self, CurvatureError<P::Error>> {
        match product.is_empty() {
            true => Err(CurvatureError::NoParameters),
            false => Ok(Self { product, watch, products: 0 }),
        }
    }

    pub fn len(&self) -> usize {
        self.product.len()
    }

    /// # Errors
    ///
    /// [`CurvatureError::Caller`], [`CurvatureError::Stopped`], [`CurvatureError::NonFinite`].
    pub fn of(&mut self, v: &[f64]) -> Result<Vec<f64>, CurvatureError<P::Error>> {
        if (self.watch)(self.products).is_break() {
            return Err(CurvatureError::Stopped { products: self.products });
        }
        let mut out = vec![0.0; v.len()];
        self.product.apply(v, &mut out).map_err(CurvatureError::Caller)?;
        self.products += 1;
        check_finite("a product with the Hessian", &out)?;
        Ok(out)
    }
}

/// A Hessian, or a loss, restricted to some of the parameters: the rows and columns of these entries, the others at
/// rest.
#[derive(Debug)]
pub struct Restricted<P> {
    whole: P,
    ranges: Vec<Range<usize>>,
    from: Vec<f64>,
    to: Vec<f64>,
}

impl<P> Restricted<P> {
    /// Keeps the entries in `ranges`, which do not overlap, of `len` parameters.
    ///
    /// # Panics
    ///
    /// If a range reaches beyond the parameters.
    pub fn new(whole: P, len: usize, ranges: Vec<Range<usize>>) -> Self {
        assert!(ranges.iter().all(|range| range.end <= len), "a block lies within the parameters");
        Self { ranges, from: vec![0.0; len], to: vec![0.0; len], whole }
    }

    /// Entries that are kept.
    fn kept(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).sum()
    }

    fn spread(&mut self, part: &[f64]) {
        let mut at = 0;
        for range in &self.ranges {
            self.from[range.clone()].copy_from_slice(&part[at..at + range.len()]);
            at += range.len();
        }
    }

    fn gather(&self, out: &mut [f64]) {
        let mut at = 0;
        for range in &self.ranges {
            out[at..at + range.len()].copy_from_slice(&self.to[range.clone()]);
            at += range.len();
        }
    }
}

impl<P: HessianProduct> HessianProduct for Restricted<P> {
    type Error = P::Error;

    fn len(&self) -> usize {
        self.kept()
    }

    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), P::Error> {
        self.spread(v);
        self.whole.apply(&self.from, &mut self.to)?;
        self.gather(out);
        Ok(())
    }
}

impl<L: LossNear> LossNear for Restricted<L> {
    type Error = L::Error;

    fn len(&self) -> usize {
        self.kept()
    }

    fn loss(&mut self, delta: &[f64]) -> Result<f64, L::Error> {
        self.spread(delta);
        self.whole.loss(&self.from)
    }

    fn gradient(&mut self, delta: &[f64], out: &mut [f64]) -> Result<f64, L::Error> {
        self.spread(delta);
        let loss = self.whole.gradient(&self.from, &mut self.to)?;
        self.gather(out);
        Ok(loss)
    }
}

/// S·H·S for a diagonal S: the Hessian in rescaled coordinates, such as those of an adaptive optimizer, which
/// divides by P and so sees P⁻¹ᐟ² H P⁻¹ᐟ².
#[derive(Debug)]
pub struct Preconditioned<'a, P> {
    product: P,
    scales: &'a [f64],
    scaled: Vec<f64>,
}

impl<'a, P: HessianProduct> Preconditioned<'a, P> {
    /// `scales` is the diagonal of S.
    ///
    /// # Panics
    ///
    /// If `scales` is not as long as the vectors.
    pub fn new(product: P, scales: &'a [f64]) -> Self {
        assert_eq!(scales.len(), product.len(), "one scale for each parameter");
        Self { scaled: vec![0.0; scales.len()], product, scales }
    }
}

impl<P: HessianProduct> HessianProduct for Preconditioned<'_, P> {
    type Error = P::Error;

    fn len(&self) -> usize {
        self.scales.len()
    }

    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), P::Error> {
        let scaled = v.iter().zip(self.scales).map(|(entry, scale)| entry * scale);
        self.scaled.iter_mut().zip(scaled).for_each(|(to, from)| *to = from);
        self.product.apply(&self.scaled, out)?;
        out.iter_mut().zip(self.scales).for_each(|(entry, scale)| *entry *= scale);
        Ok(())
    }
}
