//! Instructions that this program retires, thread by thread, as valgrind's callgrind counts them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What valgrind calls its version; `None` where it is not installed.
pub fn version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// Runs this program with other arguments and counts its instructions; keys are threads, from 1 in the order in
/// which they start.
///
/// # Panics
///
/// If the program fails, or valgrind.
pub fn count(arguments: &[&str]) -> BTreeMap<u32, u64> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(folder.path().join("count"));
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--separate-threads=yes", "--fair-sched=try"])
        .arg(out)
        .arg(std::env::current_exe().expect("this program"))
        .args(arguments)
        // Who takes part in a product of matrices would be left to chance.
        .env("RAYON_NUM_THREADS", "1")
        // One instruction that fills memory is counted as often as it writes a byte, so that zeroing a fresh vector
        // would weigh more than computing it: glibc is to do it in loops.
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-ERMS")
        .output()
        .expect("valgrind starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?} under valgrind: {}\n{said}", output.status);
    read_threads(folder.path())
}

/// One file for each thread; the one without a number of a thread is empty.
fn read_threads(folder: &Path) -> BTreeMap<u32, u64> {
    let files = std::fs::read_dir(folder).expect("a folder").map(|it| it.expect("a file").path());
    files.filter_map(|file| read_thread(&std::fs::read_to_string(file).ok()?)).collect()
}

/// See "Callgrind Format Specification" in valgrind's manual.
fn read_thread(profile: &str) -> Option<(u32, u64)> {
    let field = |key: &str| -> Option<u64> {
        profile.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
    };
    Some((field("thread:")?.try_into().ok()?, field("totals:")?))
}
