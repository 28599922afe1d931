//! How curved the loss is: the spectrum of its Hessian from products with vectors alone, and what else is
//! called sharpness.
//!
//! [`HessianProduct`] is all that the algorithms ask for. `extremes` finds eigenvalues at the ends of the
//! spectrum, `trace` their sum, `density` how they are spread; `sharpness` asks for losses instead, and
//! `stability` says which curvature a learning rate can stand.

mod density;
mod extremes;
mod filters;
mod krylov;
mod loss_near;
mod product;
mod reach;
mod sharpness;
mod stability;
mod trace;
pub(crate) mod vectors;

pub use density::{DensityOptions, SpectralDensity, density};
pub use extremes::{Eigenpair, Extremes, ExtremesOptions, extremes};
pub use filters::{FilterScales, filter_normalised, filter_normalised_by_sampling};
pub use loss_near::LossNear;
pub use product::{CurvatureError, HessianProduct, Preconditioned, Restricted, Watch, unwatched};
pub use sharpness::{
    AscentOptions, Sharpness, adaptive_scales, average_direction, ball, keskar, sam,
};
pub use stability::Optimizer;
pub use trace::{Estimate, TraceMethod, TraceOptions, trace};
