//! Python, where it is: other readers of what is exported.

use std::path::Path;
use std::process::Command;

/// An interpreter that has what a check needs.
pub struct Python(String);

impl Python {
    /// A Python with a module.
    pub fn with(module: &str) -> Option<Self> {
        burnscape_workbench::python(module).map(Self)
    }

    /// Runs a script whose `sys.argv[1]` is the path given; it must not fail.
    pub fn check(&self, script: &str, path: &Path) {
        let output = Command::new(&self.0).args(["-c", script]).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
