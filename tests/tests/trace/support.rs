//! Numbers that look random and are the same every time, and the Python that the tests run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burnscape::trace::Record;

/// Splitmix64 (Steele, Lea, Flood 2014): small, and good enough to choose places.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }

    /// Mostly finite, and now and then one of the values that are easily lost.
    pub fn float(&mut self) -> f64 {
        const RARE: [f64; 6] =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE / 4.0, f64::MAX];
        match self.below(8) {
            0 => RARE[self.below(RARE.len())],
            _ => (self.roll() as f64 / u64::MAX as f64 - 0.5) * 8.0,
        }
    }
}

/// Where `burnscape_trace.py` lies.
pub fn python_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python")
}

/// A Python that finds `burnscape_trace` and leaves no compiled file beside it.
pub fn python_command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PYTHONPATH", python_folder()).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a script and gives what it printed.
pub fn run_python(program: &str, script: &str, arguments: &[&Path]) -> String {
    let output = python_command(program).args(["-c", script]).args(arguments).output();
    printed(&output.expect("Python starts"))
}

/// What a program printed, which has to have succeeded.
pub fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The trainee program.
pub const TRAINEE: &str = env!("CARGO_BIN_EXE_trainee");

/// The records on the path of training: without what a `resume` that went back has left behind, by the words
/// of the README of `burnscape-trace`.
pub fn on_path(records: Vec<Record>) -> Vec<Record> {
    let mut path: Vec<Record> = Vec::new();
    for record in records {
        if let Record::Resume(resume) = &record {
            path.retain(|earlier| !is_behind(earlier, resume.steps));
        }
        path.push(record);
    }
    path
}

fn is_behind(record: &Record, steps: u64) -> bool {
    match record {
        Record::Step(it) => it.step >= steps,
        Record::Activation(it) => it.step >= steps,
        Record::Histogram(it) => it.step >= steps,
        Record::Alert(it) => it.step >= steps,
        Record::Frozen(it) => it.step >= steps,
        Record::Blackbox(it) => it.step >= steps,
        Record::Epoch(it) => it.steps > steps,
        Record::Snapshot(it) => it.step > steps,
        Record::Curvature(it) => it.reason == "live" && it.step > steps,
        _ => false,
    }
}

/// Runs an example for two epochs with small surfaces; gives its run folder.
pub fn example_run(name: &str, folder: &Path) -> PathBuf {
    let run = folder.join(name);
    let mut command = Command::new(burnscape_tests::example(name));
    command.args(["--no-dashboard", "--resolution", "5", "--epochs", "2", "--run"]).arg(&run);
    printed(&command.env_remove(burnscape::SWITCH_VARIABLE).output().expect("the example starts"));
    run
}
