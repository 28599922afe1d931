//! `burnscape watch` as a program of the tests: shows the runs that it is given.

use std::path::PathBuf;

use burnscape_tui::{WatchOptions, watch};

fn main() -> Result<(), burnscape_tui::Error> {
    let runs: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    watch(&runs, WatchOptions::default())
}
