//! Gradient descent sharpens the valley it walks in until its steps only just fit: the edge of stability.
//!
//! `cargo run --release --example edge_of_stability` trains a small tanh network by full-batch gradient descent, while
//! burnscape measures the largest eigenvalue λ of its Hessian. λ·lr rises to 2, where a step overshoots as far as it
//! falls, and hovers there (Cohen et al. 2021, arXiv 2103.00065). With half the learning rate λ becomes twice as large.

use anyhow::{Result, ensure};
use burnscape_examples::cli::Flags;
use burnscape_examples::tanh::TanhMlp;
use burnscape_examples::{descent, report};
use clap::Parser;

const LEARNING_RATE: f64 = 0.1;
/// Until λ has risen to 2/lr and hovered there: the less, the larger the learning rate.
const STEPS_TIMES_LR: f64 = 200.0;
const ROWS: usize = 12;
const COLUMNS: usize = 60;
/// λ·lr at the top of the picture.
const TOP: f64 = 3.0;

/// The flags of all examples, and one of its own. An epoch is a step here.
#[derive(Debug, Parser)]
struct Own {
    #[command(flatten)]
    flags: Flags,
    /// Learning rate
    #[arg(long, value_name = "LR", default_value_t = LEARNING_RATE)]
    lr: f64,
}

fn main() -> Result<()> {
    let Own { flags, lr } = Own::parse();
    ensure!(!flags.resume, "this loop writes no checkpoints to go on from");
    ensure!(lr.is_finite() && lr > 0.0, "--lr {lr}: a learning rate is a positive number");
    let device = flags.device()?;
    let steps = flags.epochs.unwrap_or((STEPS_TIMES_LR / lr).ceil() as usize);
    ensure!(steps > 0, "--epochs 0: there is nothing to see without a step");

    let probe = flags.probe("edge_of_stability")?;
    let model = descent::descend(&probe, TanhMlp::new(&device), lr, steps)?;
    let landscape = probe.finish(&model, &descent::batch(&device))?;
    report::print(&landscape, !flags.no_dashboard);
    let Some(run) = landscape.run_folder() else { return Ok(()) };
    let products = descent::products(run)?;
    ensure!(
        !products.is_empty(),
        "no curvature was measured: {:?}",
        landscape.recording().problems()
    );
    println!(
        "\nλ·lr over {steps} steps of gradient descent; at 2 steps overshoot as far as they fall\n"
    );
    picture(&products).iter().for_each(|row| println!("{row}"));
    println!("\nMean over the last quarter (2 is the edge of stability):");
    println!("lambda_max * lr = {:.2}", descent::settled(&products));
    Ok(())
}

/// One column for each measurement, from the first to the last; `┄` is the edge.
fn picture(products: &[(u64, f64)]) -> Vec<String> {
    let columns = COLUMNS.min(products.len());
    let at = |column: usize| products[column * (products.len() - 1) / (columns - 1).max(1)].1;
    let row_of = |value: f64| (value.clamp(0.0, TOP) / TOP * ROWS as f64).round() as usize;
    let row = |row: usize| {
        let cell = |column: usize| match row_of(at(column)) {
            own if own == row => '●',
            _ if row == row_of(2.0) => '┄',
            _ => ' ',
        };
        let cells: String = (0..columns).map(cell).collect();
        format!("{:>5.2} │{cells}", row as f64 * TOP / ROWS as f64)
    };
    (0..=ROWS).rev().map(row).collect()
}
