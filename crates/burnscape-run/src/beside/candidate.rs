//! The runs that are compared: read whole, with what is to be known of each, or left out with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burnscape_landscape::words::number;
use burnscape_trace::{Error, Head, Reader, RunFolder};

use super::numbers;
use crate::{Run, RunState, counted};

/// One of several runs that are compared.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunBeside {
    /// What it is called: the name of its folder, with a number where two are called the same.
    pub name: String,
    /// The path that was given.
    pub path: PathBuf,
    /// Its folder.
    pub folder: RunFolder,
    /// The side that it is on.
    pub side: String,
    /// What is to be known of it, as sentences.
    pub remarks: Vec<String>,
    /// Numbers of it by name, such as `valid_loss` or `lambda_max`.
    pub numbers: BTreeMap<String, f64>,
    /// All that its trace tells.
    pub run: Run,
}

/// Those that are taken in, and why others are not.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub runs: Vec<RunBeside>,
    pub left_out: Vec<String>,
}

impl Candidates {
    pub fn take_in(&mut self, path: &Path) {
        match self.read(path) {
            Ok(run) => self.runs.push(run),
            Err(why) => self.left_out.push(format!("{}: {why}", path.display())),
        }
    }

    fn read(&self, path: &Path) -> Result<RunBeside, String> {
        let folder = RunFolder::open(path).map_err(|error| error.to_string())?;
        let run = read(&folder).map_err(|error| error.to_string())?;
        let head =
            run.head.as_ref().ok_or("no head is left of its trace: nothing tells what it is")?;
        let is_twin = |it: &&RunBeside| id_of(it) == Some(&head.run_id) && !head.run_id.is_empty();
        if let Some(twin) = self.runs.iter().find(is_twin) {
            return Err(format!("it is the same run as {}, given twice", twin.name));
        }
        let numbers = numbers::of_run(&run);
        let (name, remarks) = (self.free_name(folder.path()), remarks(&run));
        Ok(RunBeside {
            name,
            path: path.to_owned(),
            folder,
            side: String::new(),
            remarks,
            numbers,
            run,
        })
    }

    /// The name of the folder; a number behind it if it is taken.
    fn free_name(&self, folder: &Path) -> String {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut names = std::iter::once(name.clone())
            .chain((2..).map(|number: u32| format!("{name} ({number})")));
        let is_free = |name: &String| self.runs.iter().all(|run| run.name != *name);
        names.find(is_free).unwrap_or(name)
    }
}

fn id_of(run: &RunBeside) -> Option<&String> {
    run.run.head.as_ref().map(|head| &head.run_id)
}

fn read(folder: &RunFolder) -> Result<Run, Error> {
    let mut run = Run::default();
    for item in Reader::open(folder.trace_path())? {
        run.apply_item(&item?);
    }
    Ok(run)
}

/// What makes its numbers less than those of a whole training.
fn remarks(run: &Run) -> Vec<String> {
    let mut remarks = Vec::new();
    let steps = counted(run.steps(), "step");
    match run.state() {
        RunState::Finished => {}
        RunState::Training | RunState::Surface => remarks.push(format!(
            "It has no end: it still goes on, or was killed; numbers are those after {steps}."
        )),
        RunState::Waiting => remarks.push("No optimizer step was recorded in it.".to_owned()),
        RunState::Interrupted => remarks.push(format!("It was interrupted after {steps}.")),
        RunState::Stopped => {
            let reason = run.end().map_or_else(String::new, |end| end.reason.to_string());
            remarks.push(format!("It ended early ({reason}) after {steps}."));
        }
    }
    if let Some(loss) = run.last_loss().filter(|loss| !loss.is_finite()) {
        remarks.push(format!("It diverged: its last loss is {}.", number(loss)));
    }
    if run.damage().is_damaged() {
        let bytes = counted(run.damage().lost_bytes, "byte");
        remarks.push(format!("{bytes} of its trace cannot be read; what they held is missing."));
    }
    remarks
}

/// Whether weights could be compared as well, and what else differs for all.
pub(super) fn structures(runs: &[RunBeside]) -> Vec<String> {
    let heads = || runs.iter().filter_map(|run| Some((run.name.as_str(), run.run.head.as_ref()?)));
    let mut told = Vec::new();
    let structures: BTreeSet<_> = heads().map(|(_, head)| structure(head)).collect();
    if structures.len() > 1 {
        let of = |(name, head): (&str, &Head)| {
            let parameters: u64 =
                head.blocks.iter().map(|it| it.shape.iter().product::<u64>()).sum();
            format!("{name} {parameters} in {}", counted(head.blocks.len() as u64, "block"))
        };
        let all: Vec<String> = heads().map(of).collect();
        told.push(format!(
            "The models differ in structure (parameters: {}): slices and numbers are compared, weights cannot be.",
            all.join(", ")
        ));
    }
    let dtypes: BTreeSet<&str> = heads().map(|(_, head)| head.dtype.as_str()).collect();
    if dtypes.len() > 1 {
        let all: Vec<String> =
            heads().map(|(name, head)| format!("{name} in {}", head.dtype)).collect();
        told.push(format!(
            "Element types differ ({}): losses and curvatures are rounded differently.",
            all.join(", ")
        ));
    }
    told
}

/// Paths and shapes of all blocks.
fn structure(head: &Head) -> Vec<(String, Vec<u64>)> {
    head.blocks.iter().map(|block| (block.path.clone(), block.shape.clone())).collect()
}

/// The structure that all runs have, if they have one.
pub(super) fn common_head(runs: &[RunBeside]) -> Option<&Head> {
    let first = runs.first()?.run.head.as_ref()?;
    let is_same = |run: &RunBeside| {
        run.run.head.as_ref().is_some_and(|head| structure(head) == structure(first))
    };
    runs.iter().all(is_same).then_some(first)
}
