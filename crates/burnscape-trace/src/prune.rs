//! The snapshots of a run: which there are, which are needed, and deleting the files of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::path::{Component, Path};

use crate::files::{FileState, glance_at};
use crate::lock::Lock;
use crate::record::{Record, Snapshot};
use crate::{Error, Item, Reader, RunFolder};

/// Why the file of a snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// It is the first of the run.
    First,
    /// It is the last of the run.
    Last,
    /// A slice lies around it.
    Centre,
    /// The curvature around it was measured.
    Curvature,
    /// A black box names its file.
    Blackbox,
    /// Its number is a multiple of what was asked for.
    EveryNth,
    /// Another snapshot that is kept has the same file.
    Shared,
    /// Its file is none that a run writes for a snapshot: it is not ours to delete.
    Foreign,
}

/// One snapshot of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// What the trace says of it.
    pub snapshot: Snapshot,
    /// What its file is, by its length.
    pub state: FileState,
    /// Why it is kept; `None`: it can be deleted.
    pub keep: Option<Keep>,
}

/// All snapshots of a run by their numbers, with why each is kept when every `keep_every`th is; without that
/// number, every one is.
///
/// # Errors
///
/// Those of [`read_run`](crate::read_run).
pub fn list(folder: &RunFolder, keep_every: Option<NonZeroU64>) -> Result<Vec<Listed>, Error> {
    let needs = Needs::read(folder)?;
    let every = keep_every.map_or(1, NonZeroU64::get);
    let mut reasons: BTreeMap<u64, Keep> = BTreeMap::new();
    for snapshot in needs.snapshots.values() {
        reasons.extend(needs.reason(snapshot, every).map(|keep| (snapshot.index, keep)));
    }
    let kept = |it: &&Snapshot| reasons.contains_key(&it.index);
    let files: BTreeSet<String> =
        needs.snapshots.values().filter(kept).map(|it| it.file.clone()).collect();
    let listed = |snapshot: Snapshot| Listed {
        state: glance_at(folder, &snapshot),
        keep: reasons
            .get(&snapshot.index)
            .copied()
            .or(files.contains(&snapshot.file).then_some(Keep::Shared)),
        snapshot,
    };
    Ok(needs.snapshots.into_values().map(listed).collect())
}

/// Deletes the files of the snapshots that [`list`] gives no reason to keep; gives how many files and bytes that
/// frees.
///
/// The trace stays as it is, its records of them too: it says what was measured. It takes the lock of the run,
/// so none that is being recorded is pruned.
///
/// # Errors
///
/// Those of [`list`]; [`Error::Locked`] while a writer has the run, [`Error::OutsideRun`], [`Error::Delete`].
pub fn prune(folder: &RunFolder, keep_every: NonZeroU64) -> Result<(u64, u64), Error> {
    let _lock = Lock::take(&folder.trace_path())?;
    let listed = list(folder, Some(keep_every))?;
    let unneeded = listed.iter().filter(|it| it.keep.is_none() && it.state != FileState::Missing);
    let files: BTreeSet<&str> = unneeded.map(|it| it.snapshot.file.as_str()).collect();
    let mut freed = (0, 0);
    for file in files {
        freed.1 += delete_file(folder, file)?;
        freed.0 += 1;
    }
    Ok(freed)
}

fn delete_file(folder: &RunFolder, file: &str) -> Result<u64, Error> {
    let path = folder.resolve(file)?;
    let bytes = std::fs::metadata(&path).map_or(0, |found| found.len());
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(bytes),
        Err(source) => Err(Error::Delete { path, source }),
    }
}

/// A trace may come from anywhere and call `trace.cbor` a snapshot.
fn is_ours(file: &str) -> bool {
    let path = Path::new(file);
    let parts: Vec<Component> = path.components().collect();
    let in_snapshots = RunFolder::snapshot_file(0);
    let folder = Path::new(&in_snapshots).parent();
    parts.len() == 2
        && path.parent() == folder
        && path.extension().is_some_and(|it| it == "safetensors")
}

#[derive(Default)]
struct Needs {
    snapshots: BTreeMap<u64, Snapshot>,
    centres: BTreeSet<u64>,
    curved: BTreeSet<u64>,
    /// Files that black boxes name.
    boxed: BTreeSet<String>,
}

impl Needs {
    fn read(folder: &RunFolder) -> Result<Self, Error> {
        let mut needs = Self::default();
        for item in Reader::open(folder.trace_path())? {
            if let Item::Record { record, .. } = item? {
                needs.take(record);
            }
        }
        Ok(needs)
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Slice(slice) => self.centres.extend(slice.centre_snapshot),
            Record::Curvature(curvature) => self.curved.extend(curvature.snapshot),
            Record::Blackbox(_) => {
                self.boxed.extend(record.files().into_iter().map(str::to_owned));
            }
            Record::Snapshot(snapshot) => {
                for given_up in &snapshot.given_up {
                    self.snapshots.remove(given_up);
                }
                self.snapshots.insert(snapshot.index, snapshot);
            }
            _ => {}
        }
    }

    fn reason(&self, snapshot: &Snapshot, every: u64) -> Option<Keep> {
        let number = snapshot.index;
        let is = |other: Option<&u64>| other == Some(&number);
        let reasons = [
            (!is_ours(&snapshot.file), Keep::Foreign),
            (is(self.snapshots.keys().next()), Keep::First),
            (is(self.snapshots.keys().next_back()), Keep::Last),
            (self.centres.contains(&number), Keep::Centre),
            (self.curved.contains(&number), Keep::Curvature),
            (self.boxed.contains(&snapshot.file), Keep::Blackbox),
            (number.is_multiple_of(every), Keep::EveryNth),
        ];
        reasons.into_iter().find(|(holds, _)| *holds).map(|(_, keep)| keep)
    }
}
