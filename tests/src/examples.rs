//! The example programs, where cargo puts them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An example program. `cargo test --workspace` has built it; alone, a package of tests builds it with the
/// same features and in the same profile.
///
/// # Panics
///
/// If it is not there and cannot be built.
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("this program's path");
    let profile = tests.parent().and_then(Path::parent).expect("target/debug");
    let program = profile.join("examples").join(name);
    if !program.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--workspace", "--examples"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success());
    }
    program
}
