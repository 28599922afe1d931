//! Each tool: where it is looked for, and how to get it.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::skipped::lacks;

/// The browser that `BURNSCAPE_CHROMIUM` names, else `chromium`.
pub fn chromium() -> Option<OsString> {
    let program = std::env::var_os("BURNSCAPE_CHROMIUM").unwrap_or_else(|| "chromium".into());
    let remedy = "install the package `chromium`, or name the program of one in BURNSCAPE_CHROMIUM";
    let is_there = runs(&program, &["--version"]);
    is_there.then_some(program).or_else(|| lacks("chromium", remedy))
}

/// The terminal multiplexer `tmux`.
pub fn tmux() -> Option<&'static str> {
    runs("tmux", &["-V"]).then_some("tmux").or_else(|| lacks("tmux", "install the package `tmux`"))
}

/// The terminal multiplexer GNU `screen`.
pub fn gnu_screen() -> Option<&'static str> {
    let is_there = runs("screen", &["-v"]);
    is_there.then_some("screen").or_else(|| lacks("screen", "install the package `screen`"))
}

/// The shell `bash`.
pub fn bash() -> Option<&'static str> {
    let is_there = runs("bash", &["--version"]);
    is_there.then_some("bash").or_else(|| lacks("bash", "install the package `bash`"))
}

/// The beginning of a command whose process may mount what it likes, seen by nobody else.
pub fn mounts_of_its_own() -> Option<[&'static str; 2]> {
    let remedy = "install the package `util-linux`, and let `unshare -rm mount -t tmpfs none /mnt` succeed: \
                  as root in a container with CAP_SYS_ADMIN, or where user namespaces are allowed";
    let is_allowed = runs("unshare", &["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]);
    let command = is_allowed.then_some(["unshare", "-rm"]);
    command.or_else(|| lacks("a namespace with mounts of its own", remedy))
}

/// A device or folder that Linux has and other systems have not, such as `/dev/full`.
pub fn linux_path(path: &'static str) -> Option<&'static Path> {
    let found = Path::new(path);
    found.exists().then_some(found).or_else(|| lacks(path, "test on Linux"))
}

/// Variables that name Pythons: one with cbor2 6 and everything else, and one with cbor2 5.
const PYTHONS: [&str; 2] = ["BURNSCAPE_PYTHON", "BURNSCAPE_PYTHON_CBOR2_5"];

/// A Python with these modules, separated by commas: one that the environment names, else `python3`.
pub fn python(modules: &str) -> Option<String> {
    let packages = modules.replace(',', "");
    find_python(&format!("import {modules}"))
        .or_else(|| lacks_python(modules, &packages, PYTHONS[0]))
}

/// A Python with these modules for each major version of cbor2 that traces are read with.
pub fn pythons_of_each_cbor2(modules: &str) -> Vec<String> {
    let versions = [6, 5].into_iter().zip(PYTHONS);
    versions.filter_map(|(major, variable)| python_with_cbor2(major, modules, variable)).collect()
}

fn python_with_cbor2(major: u32, modules: &str, variable: &str) -> Option<String> {
    let packages = format!("'cbor2=={major}.*' {}", modules.replace(',', ""));
    let script = format!(
        "import cbor2, {modules}; from importlib.metadata import version; \
         assert version('cbor2').startswith('{major}.')"
    );
    find_python(&script)
        .or_else(|| lacks_python(&format!("cbor2 {major}, {modules}"), &packages, variable))
}

/// The first Python that runs a script to its end.
fn find_python(script: &str) -> Option<String> {
    let named = PYTHONS.iter().filter_map(|name| std::env::var(name).ok());
    named.chain(["python3".to_owned()]).find(|program| runs(program, &["-c", script]))
}

fn lacks_python<T>(modules: &str, packages: &str, variable: &str) -> Option<T> {
    let remedy = format!("`pip install {packages}`, or name a Python that has them in {variable}");
    lacks(&format!("Python with {modules}"), &remedy)
}

fn runs(program: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
