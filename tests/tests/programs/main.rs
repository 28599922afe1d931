//! The programs of burn's examples, rebuilt small on synthetic data: each bare, as burn's user writes it, and watched,
//! as the README says.
//!
//! The watched one differs in at most four lines for each of its models, trains the same weights bit for bit, and has
//! its picture within the budget, which is right where it is measured and as close as it says where it is not.

mod check;
mod clock;
mod data;
mod lines;
mod picture;
mod silent;
mod stand_in;
mod trained;

mod custom_learning_strategy;
mod custom_training_loop;
mod dqn_agent;
mod guide;
mod mnist;
mod modern_lstm;
mod simple_regression;
mod text_classification;
mod text_generation;
mod wgan;
