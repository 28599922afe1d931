//! Tests that were skipped, counted over all the test programs that one `cargo test` starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter, Result};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::{STRICT, is_strict};

/// Fails the test that lacks a tool, where that is asked for; else tells and counts it, and gives nothing.
pub(crate) fn lacks<T>(tool: &str, remedy: &str) -> Option<T> {
    assert!(!is_strict(), "{tool} is not there, and {STRICT} is set: {remedy}");
    let test = test_name();
    // Past the test harness, which shows nothing of tests that pass.
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {tool} is not there: {remedy}");
    note(&test, tool).expect("a file for temporary things, in which the skipped test is counted");
    None
}

/// Program and test: cargo adds a hash to the name of the program, the harness names a thread after its test.
fn test_name() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    let program = program.rsplit_once('-').map_or(&*program, |(name, _)| name);
    let thread = std::thread::current();
    format!("{program}::{}", thread.name().unwrap_or("a test"))
}

fn note(test: &str, tool: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file_of(parent()))?;
    // One write, so that lines of several threads do not mix.
    file.write_all(format!("{test}\t{tool}\n").as_bytes())
}

/// The file in which the test programs that a process starts count together. Numbers of processes come round again, the
/// time of their start with them does not.
fn file_of(process: u32) -> PathBuf {
    let started = started(process).unwrap_or_default();
    std::env::temp_dir().join(format!("burnscape-skipped-{process}-{started}"))
}

/// When a process began, in ticks of the system's clock (proc_pid_stat(5), field 22); Linux alone tells.
fn started(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(22 - 3).map(str::to_owned)
}

/// The process that started this one: cargo.
fn parent() -> u32 {
    #[cfg(unix)]
    return std::os::unix::process::parent_id();
    // One count for all, emptied when it is told.
    #[cfg(not(unix))]
    return 0;
}

/// What was skipped so far; its words are one line for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Tests, by the tool that they lacked.
    by_tool: BTreeMap<String, BTreeSet<String>>,
}

impl Skipped {
    /// What was skipped by this program and by others that the same process started; it is forgotten then.
    pub fn take() -> Self {
        Self::take_from(parent())
    }

    /// What was skipped by programs that a process started; it is forgotten then.
    pub fn take_from(process: u32) -> Self {
        let file = file_of(process);
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        let mut by_tool = BTreeMap::<String, BTreeSet<String>>::new();
        for (test, tool) in text.lines().filter_map(|line| line.split_once('\t')) {
            by_tool.entry(tool.to_owned()).or_default().insert(test.to_owned());
        }
        Self { by_tool }
    }

    /// Number of tests.
    pub fn len(&self) -> usize {
        self.by_tool.values().flatten().collect::<BTreeSet<_>>().len()
    }

    /// Whether every test had its tools.
    pub fn is_empty(&self) -> bool {
        self.by_tool.is_empty()
    }
}

impl Display for Skipped {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.is_empty() {
            return f.write_str("Tests skipped: none, every tool was there.");
        }
        let mut tools: Vec<(&String, usize)> =
            self.by_tool.iter().map(|(tool, tests)| (tool, tests.len())).collect();
        tools.sort_by_key(|(tool, tests)| (std::cmp::Reverse(*tests), *tool));
        let tools: Vec<String> =
            tools.into_iter().map(|(tool, tests)| format!("{tests} for {tool}")).collect();
        let (tests, tools) = (self.len(), tools.join("; "));
        write!(
            f,
            "Tests skipped, in whole or in part: {tests} ({tools}). {STRICT}=1 makes them fail, with how to get it."
        )
    }
}
