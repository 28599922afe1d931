//! What can be typed: a command, each with a file of its own.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{completions, dump, info, man, recover, snapshots, thin, verify, watch};
#[cfg(feature = "export")]
use crate::{export, report};

const EXIT_CODES: &str = "\
Exit codes, of every command:
  0  done; also when the reader of the output or the terminal went away
  2  not done: what was given cannot be read or written, or the arguments make no sense; a sentence on
     standard error says what, where, and what to do

What else a command may say with its exit code is in its own --help.";

/// Watch training runs of the burn deep-learning framework, and take them to other programs: loss,
/// gradients, loss landscape.
#[derive(Debug, Parser)]
#[command(name = "burnscape", version, about, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Watch(watch::Watch),
    #[cfg(feature = "export")]
    Export(export::Export),
    #[cfg(feature = "export")]
    Report(report::Report),
    Info(info::Info),
    Verify(verify::Verify),
    Recover(recover::Recover),
    Thin(thin::Thin),
    Dump(dump::Dump),
    Snapshots(snapshots::Snapshots),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// Does what was asked for.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Watch(arguments) => watch::run(arguments)?,
            #[cfg(feature = "export")]
            Self::Export(arguments) => export::run(arguments)?,
            #[cfg(feature = "export")]
            Self::Report(arguments) => report::run(arguments)?,
            Self::Info(arguments) => info::run(arguments)?,
            Self::Verify(arguments) => return verify::run(arguments),
            Self::Recover(arguments) => recover::run(arguments)?,
            Self::Thin(arguments) => thin::run(arguments)?,
            Self::Dump(arguments) => dump::run(arguments)?,
            Self::Snapshots(arguments) => snapshots::run(arguments)?,
            Self::Completions(arguments) => completions::run(arguments)?,
            Self::Man(arguments) => man::run(arguments)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
