#![doc = include_str!("../README.md")]

pub mod adaptive;
pub mod agreement;
pub mod budget;
pub mod curvature;
pub mod direction;
pub mod error;
pub mod evaluate;
pub mod grid;
pub mod isoline;
pub mod layout;
mod noise;
pub mod pca;
pub mod plane;
pub mod random_walk;
pub mod surface;
pub mod words;

pub use error::Error;
