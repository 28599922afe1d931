//! Python, where it is: other readers of what is exported.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

/// An interpreter that has what a check needs.
pub struct Python(String);

impl Python {
    /// The Python of the environment variable `BURNSCAPE_PYTHON` must have NumPy; it may have other modules, and
    /// any other Python may have all of them.
    pub fn with(module: &str) -> Option<Self> {
        let named = std::env::var("BURNSCAPE_PYTHON").ok();
        let program = named.clone().unwrap_or_else(|| "python3".to_owned());
        let tried = Command::new(&program).args(["-c", &format!("import {module}")]).output();
        if tried.is_ok_and(|output| output.status.success()) {
            return Some(Self(program));
        }
        let is_promised = named.is_some() && module == "numpy";
        assert!(!is_promised, "BURNSCAPE_PYTHON={program} has no {module}");
        // Past the test harness, which shows nothing of tests that pass.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED: python3 with {module} is not there (BURNSCAPE_PYTHON names one)"
        );
        None
    }

    /// Runs a script whose `sys.argv[1]` is the path given; it must not fail.
    pub fn check(&self, script: &str, path: &Path) {
        let output = Command::new(&self.0).args(["-c", script]).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
