//! What the hook costs, each as ratios within one run and as JSON.
//!
//! `cargo bench --bench hook` measures everything, `cargo bench --bench hook -- overhead` one subject. They are one
//! program, since each program would compile burn's generics again.

mod alarms;
mod callgrind;
mod comparing;
mod curvature;
mod instructions;
mod large;
mod overhead;
mod pca;
mod surfaces;
mod training;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    subject: Option<Subject>,
    /// Cargo says this.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Subject {
    /// Time of a step, watched and bare
    Overhead,
    /// Instructions of a step, watched and bare
    Instructions(instructions::Arguments),
    /// Surfaces beside the machine's matrix-product peak
    Surfaces { networks: Vec<String> },
    /// Principal components beside reading their files
    Pca,
    /// Memory and time around a model of a hundred million parameters
    Large,
    /// Products with the Hessian in gradients, and the live gauge
    Curvature,
    /// Swapping units beside an epoch, one plane for several runs beside reading them
    Comparing,
    /// Precision and recall of each alert on labelled trainings
    Alarms { name: Option<String> },
}

impl Subject {
    fn all() -> [Self; 8] {
        let instructions = Self::Instructions(instructions::Arguments::default());
        let surfaces = Self::Surfaces { networks: Vec::new() };
        [
            Self::Overhead,
            instructions,
            surfaces,
            Self::Pca,
            Self::Large,
            Self::Curvature,
            Self::Comparing,
            Self::Alarms { name: None },
        ]
    }

    fn measure(&self) {
        match self {
            Self::Overhead => overhead::measure(),
            Self::Instructions(arguments) => instructions::measure(arguments),
            Self::Surfaces { networks } => surfaces::measure(networks),
            Self::Pca => pca::measure(),
            Self::Large => large::measure(),
            Self::Curvature => curvature::measure(),
            Self::Comparing => comparing::measure(),
            Self::Alarms { name } => alarms::measure(name.as_deref()),
        }
    }
}

fn main() {
    if overhead::terminal::is_inside() {
        return overhead::terminal::measure_inside();
    }
    if large::measure_inside() {
        return;
    }
    if let Some(run) = pca::run_to_measure() {
        return pca::print_peak_memory(&run);
    }
    match Arguments::parse().subject {
        Some(subject) => subject.measure(),
        None => Subject::all().iter().for_each(Subject::measure),
    }
}
