//! How curved the loss of a burn model is: gradients at points, products with the Hessian, what is asked of them.
//!
//! `gradients.rs` asks the model, `product.rs` takes differences, `measure.rs` runs the algorithms of
//! `burnscape-landscape` and tells the result as a record, `gauge.rs` does so while training goes on.

pub(crate) mod gauge;
pub(crate) mod gradients;
pub(crate) mod mean_gradient;
pub(crate) mod measure;
pub(crate) mod product;
pub(crate) mod sentences;
pub(crate) mod spec;
pub(crate) mod training;
