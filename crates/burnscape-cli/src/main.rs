//! The `burnscape` command: parse → run → exit code.

mod arguments;
mod compare;
mod completions;
mod config;
mod dump;
#[cfg(feature = "export")]
mod export;
mod info;
mod json;
mod losses;
mod man;
mod merge;
mod new_file;
mod new_run;
mod recover;
#[cfg(feature = "export")]
mod report;
mod snapshots;
mod thin;
mod verify;
mod watch;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

/// Exit code for a run that cannot be read, shown or exported; clap uses it for arguments that make no sense.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    match Arguments::parse_from(arguments::with_watch(std::env::args_os())).command.run() {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("burnscape: {error:#}");
            ExitCode::from(FAILURE)
        }
    }
}

/// Whoever read our output has seen enough, as in `burnscape watch RUN | head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io_errors.any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
