//! Geometry against closed forms and second routes, one module per subject, each test a sentence.

mod adaptive;
mod agreement;
mod alignment;
mod any_layout;
mod any_range;
mod barriers;
mod budget;
mod components;
mod curvature;
mod directions;
mod ends_of_the_spectrum;
mod in_pieces;
mod joint;
mod rounding;
mod seeds;
mod slices;
mod topology;
mod trajectories;
