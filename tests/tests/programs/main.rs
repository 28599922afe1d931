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

use check::Program;

const ALL: [&Program; 10] = [
    &guide::PROGRAM,
    &mnist::PROGRAM,
    &simple_regression::PROGRAM,
    &custom_training_loop::PROGRAM,
    &text_classification::PROGRAM,
    &modern_lstm::PROGRAM,
    &wgan::PROGRAM,
    &custom_learning_strategy::PROGRAM,
    &text_generation::PROGRAM,
    &dqn_agent::PROGRAM,
];

/// `cargo test --release --workspace --test programs -- --ignored --nocapture` prints how long each one took.
#[test]
#[ignore = "takes minutes: as large as burn's examples are, by the clock of the machine"]
fn at_full_size() {
    ALL.into_iter().for_each(Program::run_at_full_size);
}
