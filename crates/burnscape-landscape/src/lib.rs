#![doc = include_str!("../README.md")]

pub mod adaptive;
pub mod agreement;
pub mod alignment;
pub mod barrier;
pub mod budget;
pub mod curvature;
pub mod curve;
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
pub mod share;
pub mod statistics;
pub mod surface;
pub mod topology;
pub mod words;

pub use error::Error;
