//! Each tool: where it is looked for, and how to get it.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::skipped::lacks;

/// The browser that `BURNSCAPE_CHROMIUM` names, else `chromium`.
#[track_caller]
pub fn chromium() -> Option<OsString> {
    let program = std::env::var_os("BURNSCAPE_CHROMIUM").unwrap_or_else(|| "chromium".into());
    let remedy = "install the package `chromium`, or name the program of one in BURNSCAPE_CHROMIUM";
    found(runs(&program, &["--version"]), "chromium", remedy).map(|()| program)
}

/// The terminal multiplexer `tmux`.
#[track_caller]
pub fn tmux() -> Option<&'static str> {
    found(runs("tmux", &["-V"]), "tmux", "install the package `tmux`").map(|()| "tmux")
}

/// The shell `bash`.
#[track_caller]
pub fn bash() -> Option<&'static str> {
    found(runs("bash", &["--version"]), "bash", "install the package `bash`").map(|()| "bash")
}

/// The beginning of a command whose process may mount what it likes, seen by nobody else.
#[track_caller]
pub fn mounts_of_its_own() -> Option<[&'static str; 2]> {
    let remedy = "install the package `util-linux`, and let `unshare -rm mount -t tmpfs none /mnt` succeed: \
                  as root in a container with CAP_SYS_ADMIN, or where user namespaces are allowed";
    let is_allowed = runs("unshare", &["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]);
    found(is_allowed, "mounts in a namespace of its own", remedy).map(|()| ["unshare", "-rm"])
}

/// A device or folder that Linux has and other systems have not, such as `/dev/full`.
#[track_caller]
pub fn linux_path(path: &'static str) -> Option<&'static Path> {
    found(Path::new(path).exists(), path, "test on Linux").map(|()| Path::new(path))
}

/// A Python with these modules, separated by commas: one that the environment names, else `python3`.
#[track_caller]
pub fn python(modules: &str) -> Option<String> {
    let program = find_python(&format!("import {modules}"));
    let remedy =
        format!("install them (`pip install …`), or name a Python that has them in {}", PYTHONS[0]);
    found(program.is_some(), &format!("Python with {modules}"), &remedy)?;
    program
}

/// A Python with these modules for each major version of cbor2 that traces are read with.
#[track_caller]
pub fn pythons_of_each_cbor2(modules: &str) -> Vec<String> {
    let mut programs = Vec::new();
    for (major, variable) in [6, 5].into_iter().zip(PYTHONS) {
        let program = find_python(&format!(
            "import cbor2, {modules}; from importlib.metadata import version; \
             assert version('cbor2').startswith('{major}.')"
        ));
        let remedy =
            format!("install them (`pip install 'cbor2=={major}.*' …`), or name a Python that has them in {variable}");
        let wanted = format!("Python with cbor2 {major}, {modules}");
        if found(program.is_some(), &wanted, &remedy).is_some() {
            programs.extend(program);
        }
    }
    programs
}

/// Names of Pythons in the environment: one with cbor2 6 and everything else, and one with cbor2 5.
const PYTHONS: [&str; 2] = ["BURNSCAPE_PYTHON", "BURNSCAPE_PYTHON_CBOR2_5"];

/// The first Python that runs a script to its end.
fn find_python(script: &str) -> Option<String> {
    let named = PYTHONS.iter().filter_map(|name| std::env::var(name).ok());
    named.chain(["python3".to_owned()]).find(|program| runs(program, &["-c", script]))
}

fn runs(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// `None` if the tool is not there, which fails the test or is told.
#[track_caller]
fn found(is_there: bool, tool: &str, remedy: &str) -> Option<()> {
    if !is_there {
        lacks(tool, remedy);
    }
    is_there.then_some(())
}
