//! What can be typed: a command, each with a file of its own.

use clap::{Parser, Subcommand};

use crate::{export, watch};

/// Watch training runs of the burn deep-learning framework, and take them to other programs: loss,
/// gradients, loss landscape.
#[derive(Debug, Parser)]
#[command(name = "burnscape", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Watch(watch::Watch),
    Export(export::Export),
}

impl Command {
    /// Does what was asked for.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Watch(arguments) => watch::run(arguments),
            Self::Export(arguments) => export::run(arguments),
        }
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
