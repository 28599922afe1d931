//! Runs followed as lines, until all of them have ended.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use burnscape_trace::{Follower, Item};

use crate::Error;
use crate::error::{may_pass, told};
use crate::model::Run;
use crate::model::json_printable;
use crate::numbers::EMPTY;
use crate::once::run_name;
use crate::report_lines::RunLines;
use crate::runs::Sources;
use crate::widgets::text::printable;

/// How a line tells what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineFormat {
    /// In words, for people: of many steps that come at once only the last one.
    #[default]
    Words,
    /// As JSON, an object a line, for programs: every step.
    Json,
}

/// Writes the lines of runs as their records arrive, until all have ended; those of several begin with the name of
/// their run, and as JSON all have it. In folders the runs are followed that are there at the beginning.
///
/// # Errors
///
/// [`Error::Trace`] where a path does not exist, is no run, or the only run is one that this version cannot read;
/// [`Error::NoRuns`] where there is none; [`Error::Output`] where the lines cannot be written.
pub fn follow_lines(
    paths: &[PathBuf],
    format: LineFormat,
    output: &mut impl Write,
) -> Result<(), Error> {
    let sources = Sources::new(paths)?;
    if let Some(path) = sources.single() {
        let mut told = Told::new(path, run_name(path), String::new(), format)?;
        while told.go_on(output)? {
            thread::sleep(told.follower.delay());
        }
        return Ok(());
    }
    let found = sources.find();
    let open = found.into_iter().map(|run| {
        let prefix = format!("{}: ", printable(&run.name));
        Told::new(&run.path, run.name, prefix, format)
    });
    follow_several(open.collect::<Result<_, _>>()?, output)
}

/// What goes wrong with one of several is a line, and the others go on.
fn follow_several(mut open: Vec<Told>, output: &mut impl Write) -> Result<(), Error> {
    while !open.is_empty() {
        let mut going_on = Vec::new();
        for mut told in open {
            match told.go_on(output) {
                Ok(true) => going_on.push(told),
                Ok(false) => {}
                Err(Error::Trace(error)) => told.say(output, &self::told(&error))?,
                Err(error) => return Err(error),
            }
        }
        open = going_on;
        let delay = open.iter().map(|told| told.follower.delay()).min();
        thread::sleep(delay.unwrap_or(Duration::ZERO));
    }
    Ok(())
}

struct Told {
    follower: Follower,
    lines: RunLines,
    prefix: String,
    format: LineFormat,
    /// Whether it was said that there is nothing.
    is_empty_told: bool,
}

impl Told {
    fn new(path: &Path, name: String, prefix: String, format: LineFormat) -> Result<Self, Error> {
        let follower = Follower::open(path)?;
        let lines = RunLines::new(Run::named(name));
        Ok(Self { follower, lines, prefix, format, is_empty_told: false })
    }

    /// Tells what is new; `false`: the run has ended.
    fn go_on(&mut self, output: &mut impl Write) -> Result<bool, Error> {
        let items = self.poll()?;
        match self.format {
            LineFormat::Words => {
                for line in self.lines.lines(&items) {
                    self.say(output, &line)?;
                }
                let is_empty = self.lines.run().standing().is_empty();
                if is_empty && !std::mem::replace(&mut self.is_empty_told, true) {
                    self.say(output, EMPTY)?;
                }
            }
            LineFormat::Json => {
                for line in self.lines.json_lines(&items) {
                    writeln!(output, "{line}").map_err(Error::Output)?;
                }
            }
        }
        output.flush().map_err(Error::Output)?;
        // An end that is followed by a resume is none.
        Ok(!self.lines.run().state().is_over() || self.follower.has_more())
    }

    fn poll(&mut self) -> Result<Vec<Item>, Error> {
        match self.follower.poll() {
            Err(error) if may_pass(&error) => Ok(Vec::new()),
            polled => Ok(polled?),
        }
    }

    fn say(&self, output: &mut impl Write, line: &str) -> Result<(), Error> {
        if self.format == LineFormat::Json {
            let name = self.lines.run().name();
            let line = serde_json::json!({ "run": name, "kind": "error", "text": line });
            return writeln!(output, "{}", json_printable(&line.to_string()))
                .map_err(Error::Output);
        }
        writeln!(output, "{}{}", self.prefix, printable(line)).map_err(Error::Output)
    }
}
