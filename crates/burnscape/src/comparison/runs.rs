//! The runs that are compared: which of them fit together, and why others do not.

use std::path::{Path, PathBuf};

use burnscape_landscape::layout::Layout;
use burnscape_run::counted;
use burnscape_trace::{Head, Record, Resumed, RunFolder, Snapshot};

use crate::model::point::Point;
use crate::model::snapshot::SnapshotFile;
use crate::run::structure_of;
use crate::{Error, Result, Run};

/// Runs of one structure, to be compared.
///
/// What does not fit is left out and said, see [`left_out`](Self::left_out): a run of another structure or element type, one
/// that cannot be read, the same run a second time. What fits only in part is told among the
/// [`remarks`](ComparedRun::remarks) of a run: that it still trains, that it diverged, that parts of it are damaged, which
/// snapshots cannot be read.
#[must_use = "call `study` to compare them"]
pub struct Runs {
    pub(super) runs: Vec<ComparedRun>,
    left_out: Vec<String>,
    /// What is to be set of the run that the comparison is recorded in.
    pub(super) set: Option<Box<dyn FnOnce(Run) -> Run>>,
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runs").field("runs", &self.runs).field("left_out", &self.left_out).finish()
    }
}

/// One of several runs that are compared.
#[derive(Debug)]
pub struct ComparedRun {
    pub(super) name: String,
    pub(super) folder: RunFolder,
    pub(super) head: Head,
    pub(super) snapshots: Vec<Snapshot>,
    /// Number of its first snapshot in the comparison.
    pub(super) first: u64,
    pub(super) remarks: Vec<String>,
}

impl Runs {
    /// Opens runs by their folders, for reading.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToCompare`] with all reasons, if fewer than two of them can be compared.
    pub fn open(runs: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Self> {
        let mut opened = Self { runs: Vec::new(), left_out: Vec::new(), set: None };
        for path in runs {
            match opened.taken_in(path.as_ref()) {
                Ok(run) => opened.runs.push(run),
                Err(why) => opened.left_out.push(format!("{}: {why}", path.as_ref().display())),
            }
        }
        if opened.runs.len() < 2 {
            let reasons = opened.left_out.join("; ");
            return Err(Error::NothingToCompare { fit: opened.runs.len(), reasons });
        }
        Ok(opened)
    }

    /// Sets how the comparison is measured, by the same methods as a [`Run`]: `runs.set(|run| run.resolution(25, 25).quiet())`.
    pub fn set(mut self, set: impl FnOnce(Run) -> Run + 'static) -> Self {
        self.set = Some(Box::new(set));
        self
    }

    /// The runs, in the order given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ComparedRun> {
        self.runs.iter()
    }

    /// The run with this name.
    pub fn get(&self, name: &str) -> Option<&ComparedRun> {
        self.runs.iter().find(|run| run.name == name)
    }

    /// Why others were left out, one sentence for each.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// What every snapshot is called, by its number in the comparison.
    pub(super) fn snapshot_names(&self) -> impl Iterator<Item = (u64, String)> {
        let of_run = |run: &ComparedRun| {
            (run.first..=run.end()).map(|number| (number, run.name_of(number))).collect::<Vec<_>>()
        };
        self.runs.iter().flat_map(of_run)
    }

    /// What a point is called.
    pub(super) fn name_of(&self, point: &Point) -> String {
        match point {
            Point::Snapshot(number) => {
                let owner = self.runs.iter().find(|run| run.holds(*number));
                owner.map_or_else(|| format!("snapshot {number}"), |run| run.name_of(*number))
            }
            Point::Weights(weights) => weights.0.label.clone(),
            Point::Initial => self.runs[0].name_of(self.runs[0].first),
            Point::Final => self.runs.last().map_or_else(String::new, |run| run.name_of(run.end())),
            Point::Best => "the best snapshot".to_string(),
        }
    }

    /// The same in short, for the names of slices: a run stands for its end.
    pub(super) fn short_name_of(&self, point: &Point) -> String {
        self.name_of(point).replace("the end of ", "")
    }

    /// That runs began at the same weights, bit for bit.
    pub(super) fn same_start_in_words(&self) -> Option<String> {
        let first = std::fs::read(self.runs[0].file(0).ok()?).ok()?;
        let begins_there = |run: &ComparedRun| {
            run.file(0).ok().and_then(|it| std::fs::read(it).ok()) == Some(first.clone())
        };
        let same: Vec<&str> =
            self.runs[1..].iter().filter(|run| begins_there(run)).map(ComparedRun::name).collect();
        (!same.is_empty()).then(|| {
            format!("{} began at the very weights of {}.", same.join(", "), self.runs[0].name)
        })
    }

    fn taken_in(&self, path: &Path) -> Result<ComparedRun, String> {
        let run = Run::open(path).map_err(|error| error.to_string())?;
        let head = run.head().filter(|head| !head.blocks.is_empty()).cloned();
        let head = head.ok_or("no optimizer step was recorded in it")?;
        if let Some(twin) = self.runs.iter().find(|it| it.head.run_id == head.run_id) {
            return Err(format!("it is the same run as {}, given twice", twin.name));
        }
        if let Some(first) = self.runs.first() {
            check_fits(&first.name, &first.head, &head)?;
        }
        let mut snapshots = Resumed::of(&run.trace().records).snapshots;
        snapshots.dedup_by(|next, kept| next.file == kept.file);
        let folder = RunFolder::open(path).map_err(|error| error.to_string())?;
        let mut remarks = remarks(&run);
        remarks.extend(leave_out_unreadable(&folder, &head, &mut snapshots));
        let broken = not_finite(&folder, &head, &snapshots).map_err(|error| error.to_string())?;
        if broken > 0 {
            snapshots.truncate(snapshots.len() - broken);
            remarks.push(format!(
                "It diverged: the last of its snapshots, {broken} in all, are not finite and left out."
            ));
        }
        if snapshots.len() < 2 {
            let (count, why) = (snapshots.len(), remarks.join(" "));
            return Err(format!("A path takes two finite snapshots, and it has {count}. {why}"));
        }
        let first = self.runs.last().map_or(0, |run| run.end() + 1);
        Ok(ComparedRun { name: self.free_name(path), folder, head, snapshots, first, remarks })
    }

    /// The name of the folder; a number behind it if it is taken.
    fn free_name(&self, path: &Path) -> String {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let folder = if real.is_file() { real.parent().unwrap_or(&real) } else { &real };
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|name| self.get(name).is_none()).unwrap_or(name)
    }
}

impl ComparedRun {
    /// What it is called: the name of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its model before the first update.
    pub fn first(&self) -> Point {
        Point::Snapshot(self.first)
    }

    /// Its model at the end, or at the last finite snapshot.
    pub fn last(&self) -> Point {
        Point::Snapshot(self.end())
    }

    /// Its model at each of its snapshots, in order.
    pub fn points(&self) -> impl ExactSizeIterator<Item = Point> {
        let first = self.first;
        (0..self.snapshots.len()).map(move |place| Point::Snapshot(first + place as u64))
    }

    /// What is to be known of it, as sentences.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    pub(super) fn end(&self) -> u64 {
        self.first + self.snapshots.len() as u64 - 1
    }

    fn holds(&self, number: u64) -> bool {
        (self.first..=self.end()).contains(&number)
    }

    fn name_of(&self, number: u64) -> String {
        match number {
            _ if number == self.end() => format!("the end of {}", self.name),
            _ if number == self.first => format!("the beginning of {}", self.name),
            _ => format!("snapshot {} of {}", number - self.first, self.name),
        }
    }

    /// The file of one of its snapshots, by place.
    pub(super) fn file(&self, place: usize) -> Result<PathBuf> {
        Ok(self.folder.resolve(&self.snapshots[place].file)?)
    }

    /// One of its snapshots, by place.
    pub(super) fn open(&self, place: usize) -> Result<SnapshotFile> {
        opened(&self.folder, &self.head, &self.snapshots[place])
    }

    /// Paths and shapes of all tensors of its snapshots.
    pub(super) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        tensors_of(&self.head)
    }

    pub(super) fn layout(&self) -> Result<Layout> {
        Ok(structure_of(&self.head)?)
    }
}

/// Names the first thing in which a run differs.
fn check_fits(of: &str, expected: &Head, found: &Head) -> Result<(), String> {
    if expected.dtype != found.dtype {
        return Err(format!(
            "its parameters are {}, those of {of} {}",
            found.dtype, expected.dtype
        ));
    }
    let tensors = |head: &Head| -> Vec<String> {
        let blocks = head.blocks.iter().map(|it| format!("`{}` {:?}", it.path, it.shape));
        blocks
            .chain(head.buffers.iter().map(|it| format!("`{}` {:?}", it.path, it.shape)))
            .collect()
    };
    let (expected, found) = (tensors(expected), tensors(found));
    let of_another = |(theirs, own): (&String, &String)| {
        (theirs != own).then(|| format!("{own} of it stands where {of} has {theirs}"))
    };
    if let Some(difference) = expected.iter().zip(&found).find_map(of_another) {
        return Err(format!("its structure is another: {difference}"));
    }
    match expected.len() == found.len() {
        true => Ok(()),
        false => Err(format!(
            "its structure is another: it has {} tensors, {of} has {}",
            found.len(),
            expected.len()
        )),
    }
}

fn remarks(run: &Run) -> Vec<String> {
    let trace = run.trace();
    let last =
        trace.records.iter().rev().find(|it| matches!(it, Record::End(_) | Record::Resume(_)));
    let mut remarks = Vec::new();
    if !matches!(last, Some(Record::End(_))) {
        remarks.push(
            "It has no end: it still trains or was killed; what it has until now is compared."
                .into(),
        );
    }
    if !trace.lost.is_empty() {
        remarks.push(format!(
            "Its trace is damaged in {}.",
            counted(trace.lost.len() as u64, "place")
        ));
    }
    remarks
}

/// Leaves out snapshots whose files are gone, cut or of another model, and says why.
fn leave_out_unreadable(
    folder: &RunFolder,
    head: &Head,
    snapshots: &mut Vec<Snapshot>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    snapshots.retain(|snapshot| {
        let opened = opened(folder, head, snapshot);
        let why = opened.as_ref().err().map(|error| {
            format!("Snapshot {} cannot be read and is left out: {error}.", snapshot.index)
        });
        remarks.extend(why);
        opened.is_ok()
    });
    remarks
}

/// How many of the last snapshots hold NaN or infinities.
fn not_finite(folder: &RunFolder, head: &Head, snapshots: &[Snapshot]) -> Result<usize> {
    let layout = structure_of(head)?;
    let mut values = vec![0.0; layout.len()];
    let mut broken = 0;
    for snapshot in snapshots.iter().rev() {
        opened(folder, head, snapshot)?.read_flat(&layout, 0, &mut values)?;
        if values.iter().all(|value| value.is_finite()) {
            break;
        }
        broken += 1;
    }
    Ok(broken)
}

fn opened(folder: &RunFolder, head: &Head, snapshot: &Snapshot) -> Result<SnapshotFile> {
    let tensors = tensors_of(head);
    let named: Vec<(&str, &[usize])> =
        tensors.iter().map(|(path, shape)| (path.as_str(), shape.as_slice())).collect();
    SnapshotFile::open_with(&folder.resolve(&snapshot.file)?, &named)
}

/// Paths and shapes of all tensors of a snapshot.
fn tensors_of(head: &Head) -> Vec<(String, Vec<usize>)> {
    let lengths = |shape: &[u64]| shape.iter().map(|&length| length as usize).collect();
    let blocks = head.blocks.iter().map(|it| (it.path.clone(), lengths(&it.shape)));
    blocks.chain(head.buffers.iter().map(|it| (it.path.clone(), lengths(&it.shape)))).collect()
}
