//! How curved the loss of a burn model is: gradients at points, products with the Hessian, what is asked of them.
//!
//! `gradients.rs` asks the model, `product.rs` takes differences, `measure.rs` runs the algorithms of
//! `burnscape-landscape` and tells the result as a record, `gauge.rs` does so while training goes on.

mod gauge;
mod gradients;
mod measure;
mod product;
mod spec;
mod words;

pub use gauge::LiveCurvature;
pub(crate) use gauge::{Gauge, GaugeOf};
pub(crate) use gradients::{Gradients, Shard};
pub(crate) use measure::{Analysis, Found, Selection, probe_direction};
pub(crate) use product::Hessian;
pub use spec::SharpnessSpec;
