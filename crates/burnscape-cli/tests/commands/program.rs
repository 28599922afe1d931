//! The program, started in a folder, and what it said.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program to its end.
pub fn burnscape(folder: impl AsRef<Path>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_burnscape"));
    command.current_dir(folder).args(arguments).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
