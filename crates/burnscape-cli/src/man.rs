//! `burnscape man`: manual pages, one on standard output or all of them into a folder.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Command};
use clap_mangen::Man as Page;

use crate::new_file;

const EXIT_CODES: &str = "\
Read one at once with `burnscape man watch | man -l -`.

Exit codes:
  0  written
  2  there is no such command, a page exists already (--force replaces it), or it cannot be written";

/// Print a manual page, or write all of them into a folder.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Man {
    /// The command to print the page of [default: burnscape itself]
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    of: Option<String>,

    /// Write burnscape.1 and a page of each command, burnscape-watch.1 and so on, into this folder, which
    /// is made if need be
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Replace pages that exist
    #[arg(long, requires = "output")]
    force: bool,
}

/// Prints or writes what was asked for of the pages of `program`.
pub(crate) fn run(arguments: &Man, program: Command) -> anyhow::Result<()> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    if let Some(folder) = &arguments.output {
        return write_all(&program, folder, arguments.force);
    }
    let command = match &arguments.of {
        Some(name) => named(&program, name)?,
        None => &program,
    };
    io::stdout().write_all(&rendered(command)?).context("could not print the page")
}

fn named<'a>(program: &'a Command, name: &str) -> anyhow::Result<&'a Command> {
    let Some(command) = program.find_subcommand(name) else {
        let names: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
        bail!("there is no command `{name}`: the commands are {}", names.join(", "));
    };
    Ok(command)
}

fn rendered(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Page::new(command.clone()).render(&mut page)?;
    Ok(page)
}

fn write_all(program: &Command, folder: &Path, force: bool) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("could not make the folder {}", folder.display()))?;
    for command in std::iter::once(program).chain(program.get_subcommands()) {
        let path = folder.join(Page::new(command.clone()).get_filename());
        new_file::write(&path, &rendered(command)?, force)?;
        writeln!(io::stdout(), "wrote {}", path.display()).context("could not say so")?;
    }
    Ok(())
}
