//! The command line that all examples share.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use burn::train::renderer::MetricsRenderer;
use burnscape::{Probe, ProbeBuilder};
use clap::{Parser, ValueEnum};

/// Flags of an example.
#[derive(Debug, Clone, Parser)]
pub struct Flags {
    /// Epochs to train
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Run folder [default: the next free runs/NAME, runs/NAME-2, …]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Backend to train on
    #[arg(long, value_enum, default_value_t = Backend::Flex)]
    pub device: Backend,
    /// Nodes per axis of the surfaces (49 halve well)
    #[arg(long, value_name = "N", default_value_t = 49)]
    pub resolution: usize,
    /// Measure every node, however long that takes
    #[arg(long)]
    pub exact: bool,
    /// Seed of weights, shuffling and directions
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// Go on in the run folder from burn's last checkpoint (needs --run)
    #[arg(long, requires = "run")]
    pub resume: bool,
    /// Show training in this terminal while it runs: `q` asks what to do, `?` explains
    #[arg(long, alias = "tui")]
    pub dashboard: bool,
    /// Plain lines only, and no picture at the end
    #[arg(long, conflicts_with = "dashboard")]
    pub no_dashboard: bool,
}

/// The backends an example can train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// burn's pure-Rust CPU backend
    Flex,
    /// Its predecessor; build with `--features ndarray`
    Ndarray,
}

impl Flags {
    /// The device to train on, with burn's generator seeded.
    ///
    /// # Errors
    ///
    /// If the backend is not built in.
    pub fn device(&self) -> Result<Device> {
        let device = match self.device {
            Backend::Flex => Device::flex(),
            Backend::Ndarray => ndarray_device()?,
        };
        device.seed(self.seed);
        Ok(device.autodiff())
    }

    /// A probe with these settings, recording an example called `name`.
    ///
    /// # Errors
    ///
    /// As [`ProbeBuilder::start`].
    pub fn probe(&self, name: &str) -> Result<Probe> {
        Ok(self.probe_builder(name).start()?)
    }

    /// Where an example that trains several times puts its runs: in `--run`, or in the next free of `runs/NAME`,
    /// `runs/NAME-2` and so on.
    pub fn folder(&self, name: &str) -> PathBuf {
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_string()).chain(numbered);
        let free =
            names.find_map(|name| Some(Path::new("runs").join(name)).filter(|it| !it.exists()));
        self.run.clone().or(free).unwrap_or_default()
    }

    /// A probe with these settings for one of several runs, in a folder of its name.
    ///
    /// # Errors
    ///
    /// As [`ProbeBuilder::start`].
    pub fn probe_in(&self, folder: &Path, run: &str) -> Result<Probe> {
        let own = Self { run: Some(folder.join(run)), ..self.clone() };
        own.probe(run)
    }

    /// What burn shows training with: the dashboard if it is wished for, else lines with values.
    pub fn renderer(&self, probe: &Probe) -> Box<dyn MetricsRenderer> {
        match self.dashboard {
            true => probe.dashboard(),
            false => probe.lines(),
        }
    }

    /// The settings of [`probe`](Self::probe), to ask for more.
    pub fn probe_builder(&self, name: &str) -> ProbeBuilder {
        let builder = match &self.run {
            Some(run) => Probe::builder(run),
            None => Probe::builder(Path::new("runs").join(name)),
        };
        let builder = builder.resolution(self.resolution, self.resolution).seed(self.seed);
        let builder = if self.exact { builder.exact() } else { builder };
        match self.resume {
            true => builder.resume(),
            false => builder,
        }
    }

    /// The epoch of the last checkpoint in `artifacts` to go on from; `None` without `--resume`.
    ///
    /// # Errors
    ///
    /// If there is no checkpoint.
    pub fn checkpoint(&self, artifacts: &Path) -> Result<Option<usize>> {
        if !self.resume {
            return Ok(None);
        }
        let folder = artifacts.join("checkpoint");
        let last = last_checkpoint(&folder)?;
        ensure!(
            last.is_some(),
            "{} holds no checkpoint of burn's: train at least one epoch there before --resume",
            folder.display()
        );
        Ok(last)
    }
}

/// Where burn keeps its checkpoints and logs: inside the run folder.
pub fn artifacts(probe: &Probe, name: &str) -> PathBuf {
    match probe.run_folder() {
        Some(run) => run.join("burn"),
        None => std::env::temp_dir().join(format!("burnscape-{name}-{}", std::process::id())),
    }
}

fn last_checkpoint(folder: &Path) -> Result<Option<usize>> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| checkpoint_epoch(&name)).max())
}

/// `model-12.bpk` → 12.
fn checkpoint_epoch(name: &str) -> Option<usize> {
    let (epoch, _) = name.strip_prefix("model-")?.split_once('.')?;
    epoch.parse().ok()
}

#[cfg(feature = "ndarray")]
#[expect(deprecated, reason = "burn-ndarray is on its way out, and still asked for")]
fn ndarray_device() -> Result<Device> {
    Ok(Device::ndarray())
}

#[cfg(not(feature = "ndarray"))]
fn ndarray_device() -> Result<Device> {
    anyhow::bail!(
        "this program was built without ndarray: add `--features ndarray` to the cargo command"
    )
}
