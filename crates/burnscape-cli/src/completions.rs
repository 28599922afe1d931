//! `burnscape completions`: a script with which a shell completes commands, options and their words.

use std::io::{self, Write};

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

const WHERE: &str = "\
bash        burnscape completions bash > ~/.local/share/bash-completion/completions/burnscape
zsh         burnscape completions zsh > DIR/_burnscape, with DIR a folder in $fpath
fish        burnscape completions fish > ~/.config/fish/completions/burnscape.fish
elvish      burnscape completions elvish >> ~/.config/elvish/rc.elv
powershell  burnscape completions powershell >> $PROFILE

Exit codes:
  0  printed
  2  there is no such shell, or standard output cannot be written";

/// Print a script that completes commands and options in a shell.
#[derive(Debug, Args)]
#[command(after_help = WHERE)]
pub(crate) struct Completions {
    /// The shell that is to read the script
    shell: Shell,
}

/// Prints the script for `program` on standard output.
pub(crate) fn run(arguments: &Completions, mut program: Command) -> anyhow::Result<()> {
    // Into memory first: the generator panics where a pipe is closed.
    let mut script = Vec::new();
    generate(arguments.shell, &mut program, "burnscape", &mut script);
    io::stdout().write_all(&script).context("could not print the script")
}
