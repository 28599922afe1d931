//! The last tests of all: how many were skipped before, and why.

use std::io::{self, Write};

use burnscape_workbench::Skipped;

fn main() {
    let _ = writeln!(io::stderr(), "{}", Skipped::take());
}
