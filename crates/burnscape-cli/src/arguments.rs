//! What can be typed: a command, each with a file of its own.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    compare, completions, dump, info, man, merge, recover, snapshots, thin, verify, watch,
};
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

/// Words with `watch` before the first one, where that is no command but there is a file of this name: `burnscape runs/x`.
pub(crate) fn with_watch(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    let is_command = |word: &OsString| {
        let word = word.to_string_lossy();
        word == "help" || Arguments::command().get_subcommands().any(|it| it.get_name() == word)
    };
    if words.get(1).is_some_and(|word| !is_command(word) && Path::new(word).exists()) {
        words.insert(1, "watch".into());
    }
    words
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Watch(watch::Watch),
    #[cfg(feature = "export")]
    Export(export::Export),
    #[cfg(feature = "export")]
    Report(report::Report),
    Compare(compare::Compare),
    Info(info::Info),
    Verify(verify::Verify),
    Merge(merge::Merge),
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
            Self::Compare(arguments) => compare::run(arguments)?,
            Self::Info(arguments) => info::run(arguments)?,
            Self::Verify(arguments) => return verify::run(arguments),
            Self::Merge(arguments) => return merge::run(arguments),
            Self::Recover(arguments) => recover::run(arguments)?,
            Self::Thin(arguments) => thin::run(arguments)?,
            Self::Dump(arguments) => dump::run(arguments)?,
            Self::Snapshots(arguments) => snapshots::run(arguments)?,
            Self::Completions(arguments) => completions::run(arguments, Arguments::command())?,
            Self::Man(arguments) => man::run(arguments, Arguments::command())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_alone_is_watched() {
        let after = |words: &[&str]| with_watch(words.iter().map(OsString::from)).len();
        let here = env!("CARGO_MANIFEST_DIR");
        assert_eq!(after(&["burnscape", here, "--once"]), 4);
        assert_eq!(after(&["burnscape", "watch", here]), 3);
        assert_eq!(after(&["burnscape", "no such path"]), 2);
        assert_eq!((after(&["burnscape", "--help"]), after(&["burnscape"])), (2, 1));
    }

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
