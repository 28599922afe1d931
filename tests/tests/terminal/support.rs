//! A training in a terminal, and what its trace says afterwards.

use std::path::{Path, PathBuf};

use burnscape::trace::{End, Record, read_run};
use burnscape_tests::pseudo_terminal::{Drain, PseudoTerminal, Start};
use burnscape_tests::trainee::GO_ON;
use tempfile::TempDir;

pub const IN_TERMINAL: &str = env!("CARGO_BIN_EXE_in_terminal");
pub const TRAINEE: &str = env!("CARGO_BIN_EXE_trainee");
pub const WATCHER: &str = env!("CARGO_BIN_EXE_watcher");

/// Epochs of a training that somebody stops, detaches from or looks at for as long as it takes.
pub const ENDLESS: &str = "100000";
/// Batches of one epoch: 300 digits in batches of 32.
pub const BATCHES: u64 = 10;

/// A folder for a run, and the training in it.
pub struct Training {
    pub folder: TempDir,
}

impl Training {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Lets a training go on that rests.
    pub fn go_on(&self) {
        std::fs::write(self.folder.path().join(GO_ON), "").expect("a file");
    }

    /// Where standard output goes.
    pub fn output(&self) -> PathBuf {
        self.folder.path().join("output")
    }

    /// The command line of a trainee with a dashboard.
    pub fn words<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let dir = self.folder.path().to_str().expect("a UTF-8 path");
        let always = ["--dir", dir, "--model", "mlp", "--watch", "default", "--dashboard"];
        [&[TRAINEE], &always[..], arguments].concat()
    }

    /// Starts it in a terminal, with standard output in a file.
    pub fn start(&self, arguments: &[&str]) -> PseudoTerminal {
        self.start_with(arguments, &[], true)
    }

    pub fn start_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        is_drained: bool,
    ) -> PseudoTerminal {
        start(&self.words(arguments), variables, Some(&self.output()), is_drained)
    }

    /// How the run ended.
    pub fn end(&self) -> End {
        let end = self.records().into_iter().rev().find_map(|record| match record {
            Record::End(end) => Some(end),
            _ => None,
        });
        end.expect("an end")
    }

    /// The sentences for the reader.
    pub fn notes(&self) -> Vec<String> {
        let notes = self.records().into_iter().filter_map(|record| match record {
            Record::Note(note) => Some(note.text),
            _ => None,
        });
        notes.collect()
    }

    /// Everything recorded; nothing of it is damaged.
    fn records(&self) -> Vec<Record> {
        let trace = read_run(self.run()).expect("a readable run");
        assert!(trace.lost.is_empty(), "{:?}", trace.lost);
        trace.records
    }

    /// What was told of the time left, once for each progress record of training.
    pub fn times_left(&self) -> Vec<Option<f64>> {
        let told = self.records().into_iter().filter_map(|record| match record {
            Record::Progress(told) if told.split != "surface" => Some(told.eta_secs),
            _ => None,
        });
        told.collect()
    }

    /// ‖g‖ of the last step of an epoch by its definition, as lines print it.
    pub fn last_norm(&self, epoch: u64) -> String {
        let of_epoch = |record| match record {
            Record::Step(step) if step.epoch == Some(epoch) => Some(step),
            _ => None,
        };
        let last = self.records().into_iter().filter_map(of_epoch).next_back().expect("a step");
        let squares = last.columns["grad_norm"].iter().map(|norm| f64::from(*norm).powi(2));
        burnscape_landscape::words::number(squares.sum::<f64>().sqrt())
    }

    /// The run has an end, and as many steps as so many epochs have.
    pub fn assert_finished(&self, epochs: u64) {
        let end = self.end();
        assert_eq!((end.reason.as_str(), end.steps), ("finished", epochs * BATCHES));
    }
}

/// Starts any program in a terminal.
pub fn start(
    words: &[&str],
    variables: &[(&str, &str)],
    output: Option<&Path>,
    is_drained: bool,
) -> PseudoTerminal {
    let drain = if is_drained { Drain::AtOnce } else { Drain::None };
    PseudoTerminal::start(&Start { in_terminal: IN_TERMINAL, words, variables, output, drain })
}

/// The viewer at the end of a link that carries so many bytes a second.
pub fn watch_over_link(run: &Path, bytes_per_sec: usize) -> PseudoTerminal {
    let run = run.to_str().expect("a UTF-8 path");
    let drain = Drain::Link { bytes_per_sec };
    let words = &[WATCHER, run];
    let (variables, output) = (&[][..], None);
    PseudoTerminal::start(&Start { in_terminal: IN_TERMINAL, words, variables, output, drain })
}

/// A run with surfaces that was recorded once.
pub fn recorded_run() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/runs/tour")
}

/// Names of the threads of a process.
pub fn threads(process: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).collect()
}
