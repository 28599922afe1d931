//! Geometry against closed forms and second routes, one module per subject, each test a sentence.

mod adaptive;
mod agreement;
mod any_layout;
mod any_range;
mod budget;
mod components;
mod curvature;
mod directions;
mod ends_of_the_spectrum;
mod rounding;
mod slices;
mod trajectories;
