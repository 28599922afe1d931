//! Trains a model in a process of its own and prints what came out.

use burnscape_tests::trainee::{Flags, main as train};
use clap::Parser;

fn main() -> anyhow::Result<()> {
    let outcome = train(&Flags::parse())?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}
