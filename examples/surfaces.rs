//! Measures the surfaces of a run that `digits` has recorded, alone or as one of several processes that share them out.
//!
//! ```sh
//! cargo run --release --example digits -- --run runs/digits
//! cargo run --release --example surfaces -- runs/digits --resolution 97
//! ```
//!
//! Nothing in it knows of shards: started with `BURNSCAPE_SHARD=1/16` to `16/16`, or in a job array with
//! `BURNSCAPE_SHARD=array`, each process measures its share, and `burnscape merge runs/digits` puts them together.
//! `examples/cluster` has scripts for SLURM, GNU parallel and Kubernetes.

use std::path::PathBuf;

use anyhow::Result;
use burn::tensor::Device;
use burnscape::Run;
use burnscape_examples::data;
use burnscape_examples::mlp::Mlp;
use clap::Parser;

/// Flags of the program.
#[derive(Debug, Parser)]
struct Flags {
    /// Folder of a run of `digits`
    run: PathBuf,
    /// Nodes per axis
    #[arg(long, value_name = "N", default_value_t = 49)]
    resolution: usize,
    /// Digits that the loss is a mean over, at most
    #[arg(long, value_name = "N", default_value_t = usize::MAX)]
    digits: usize,
    /// Threads that measure [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    let device = Device::flex();
    let (mut digits, _) = data::split();
    digits.truncate(flags.digits);
    let batches = data::batches(&digits, 256, &device);

    let run = Run::open(&flags.run)?.resolution(flags.resolution, flags.resolution).exact();
    let run = match flags.threads {
        Some(threads) => run.threads(threads),
        None => run,
    };
    let mut study = run.study(&Mlp::new(&device), &batches)?;
    study.default_slices()?;
    let landscape = study.finish()?;
    for problem in landscape.problems() {
        eprintln!("{problem}");
    }
    Ok(())
}
