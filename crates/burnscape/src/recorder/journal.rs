//! The trace as it is written: its records, what is noted in it, what goes wrong, and who is shown it meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use burnscape_trace::{End, Head, Note, Record, RunFolder, Writer, record};

use super::head;
use crate::channel::counters::Counters;
use crate::channel::message::{Reply, Viewer};
use crate::channel::report::Report;
use crate::{Error, Result};

/// Everything that the writer thread tells goes through it.
pub(super) struct Journal {
    pub folder: RunFolder,
    pub writer: Writer,
    pub started: Instant,
    /// The same moment by the clock on the wall.
    pub started_unix_secs: f64,
    pub report: Report,
    counters: Arc<Counters>,
    /// There is a head, behind which everything else stands.
    is_begun: bool,
    /// Records that came before it.
    early: Vec<Record>,
    /// What is to be said right before the end.
    last_word: Option<String>,
    viewer: Option<Viewer>,
}

impl Journal {
    pub fn new(
        folder: RunFolder,
        writer: Writer,
        started: Instant,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            folder,
            writer,
            started,
            started_unix_secs: head::unix_secs(),
            report: Report::default(),
            counters,
            is_begun: false,
            early: Vec::new(),
            last_word: None,
            viewer: None,
        }
    }

    pub fn elapsed_secs(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// From now on there is a head: told here, or in an earlier recording of the run.
    pub fn begin(&mut self, head: Option<Head>) {
        self.is_begun = true;
        head.into_iter().for_each(|head| self.append(&Record::Head(head)));
    }

    /// What went wrong before there was a head to be followed by notes.
    pub fn tell_early_problems(&mut self) {
        for sentence in self.report.problems.clone() {
            self.note_problem(sentence);
        }
    }

    /// Records that had to wait for a head.
    pub fn tell_early_records(&mut self) {
        let early = std::mem::take(&mut self.early);
        early.iter().for_each(|record| self.append(record));
    }

    pub fn append(&mut self, record: &Record) {
        self.show(record);
        let appended = self.writer.append(record);
        self.keep(appended.map_err(Error::from));
    }

    /// Appends a record that was made elsewhere, as soon as there is a head.
    pub fn append_behind_head(&mut self, record: Record) {
        match self.is_begun {
            true => self.append(&record),
            false => self.early.push(record),
        }
    }

    /// Shows a record to whoever watches inside this process.
    pub fn show(&mut self, record: &Record) {
        if let Some(viewer) = &mut self.viewer {
            viewer(record);
        }
    }

    /// Shows everything that is written from now on, too; answers with the length of the trace so far.
    pub fn show_to(&mut self, viewer: Viewer, reply: &Reply<u64>) {
        self.flush();
        let written = std::fs::metadata(self.folder.trace_path());
        let _ = reply.send(written.map_or(0, |it| it.len()));
        self.viewer = Some(viewer);
    }

    /// A sentence for the trace, and for the terminal if a renderer of ours prints there.
    pub fn note(&mut self, level: &str, text: impl Into<String>) {
        let text = text.into();
        self.counters.voice.note(text.clone());
        self.append(&Record::Note(record!(Note { level: level.into(), text })));
    }

    /// Counts a problem; a new one is also told in the trace.
    pub fn problem(&mut self, sentence: String) {
        if self.report.problem(sentence.clone()) {
            self.counters.voice.note(sentence.clone());
            self.note_problem(sentence);
        }
    }

    /// A problem that a person should know of while there is time to do something about it.
    pub fn urgent_problem(&mut self, sentence: String) {
        if self.report.problem(sentence.clone()) {
            self.counters.voice.alert(sentence.clone(), self.counters.has_dashboard());
            self.note_problem(sentence);
        }
    }

    /// Before there is a head, notes wait for it.
    fn note_problem(&mut self, text: String) {
        if self.is_begun {
            self.append(&Record::Note(record!(Note { level: "warning".into(), text })));
        }
    }

    /// A file of the run could not be written: because the run is gone, or for a reason of its own.
    pub fn file_failed(&mut self, error: Error) {
        match self.gone() {
            Some(sentence) => self.problem(sentence),
            None => {
                let sentence = self.report.failed(error).filter(|_| self.is_begun);
                sentence.into_iter().for_each(|it| self.note("warning", it));
            }
        }
    }

    /// Says so if the run folder is not there any more.
    pub fn gone(&self) -> Option<String> {
        let trace = self.folder.trace_path();
        let sentence = format!(
            "{} is gone: the run folder was moved or removed while it was recorded",
            trace.display()
        );
        (!trace.is_file()).then_some(sentence)
    }

    pub fn flush(&mut self) {
        let flushed = self.writer.flush();
        self.keep(flushed.map_err(Error::from));
    }

    /// Flushes what is due.
    pub fn tick(&mut self) {
        let ticked = self.writer.tick();
        self.keep(ticked.map_err(Error::from));
    }

    pub fn keep(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.report.failed(error);
        }
    }

    /// What is to be said right before the end.
    pub fn say_last(&mut self, sentence: String) {
        self.last_word = Some(sentence);
    }

    /// The end of a run of so many steps.
    pub fn end(&mut self, reason: &str, steps: u64) {
        let ended = self.counters.ending().and_then(|ending| ending.sentence());
        ended.into_iter().chain(self.counters.unheeded()).for_each(|it| self.note("info", it));
        if let Some(sentence) = self.report.lost_records() {
            self.note("warning", sentence);
        }
        if let Some(text) = self.last_word.take() {
            self.append(&Record::Note(record!(Note { level: "warning".into(), text })));
        }
        self.append(&Record::End(record!(End {
            reason: reason.into(),
            steps,
            dropped: self.counters.dropped_steps.load(Ordering::Relaxed),
            elapsed_secs: self.elapsed_secs(),
        })));
        if let Some(sentence) = self.gone() {
            self.report.problem(sentence);
        }
    }
}
