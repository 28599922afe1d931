//! The tools that tests take from the machine: browsers, shells, Pythons, devices.
//!
//! A test asks for its tool and returns where there is none:
//!
//! ```
//! let Some(bash) = burnscape_workbench::bash() else { return };
//! ```
//!
//! With `BURNSCAPE_TEST_STRICT=1` it fails then, and says how to get the tool. Otherwise it is skipped, which is said at
//! once, and counted: the last line before the tests of the documentation is the sum of all that `cargo test` skipped.

mod hearing;
mod skipped;
mod tools;

pub use hearing::hearing;
pub use skipped::Skipped;
pub use tools::{
    bash, chromium, gnu_screen, linux_path, mounts_of_its_own, python, pythons_of_each_cbor2, tmux,
};

/// Set to `1`, it makes tests fail that lack a tool.
pub const STRICT: &str = "BURNSCAPE_TEST_STRICT";

fn is_strict() -> bool {
    std::env::var(STRICT).is_ok_and(|value| !["", "0"].contains(&value.as_str()))
}
