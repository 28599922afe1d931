//! What of a run is exported: its course, its slices, and what it takes to give their directions back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burnscape_run::{Landscapes, LeftBehind, Standing};
use burnscape_trace::{Head, Item, LossCause, Reader, Record, RunFolder, Snapshot, Study};

use crate::Error;
use crate::history::History;
use crate::slice::Slice;

/// A run as far as its trace is whole. Steps lie in a file where they are many, so that memory does not grow with
/// them.
#[derive(Debug)]
pub(crate) struct Run {
    folder: RunFolder,
    pub(crate) head: Head,
    pub(crate) standing: Standing,
    pub(crate) history: History,
    /// By number; also those that a resume has left behind, as a slice may lie around one.
    pub(crate) snapshots: BTreeMap<u64, Snapshot>,
    /// By number.
    pub(crate) slices: BTreeMap<u32, Slice>,
    pub(crate) studies: BTreeMap<u32, Study>,
    /// What is not there any more, as sentences.
    pub(crate) lost: Vec<String>,
    landscapes: Landscapes,
    left_behind: LeftBehind,
}

impl Run {
    /// Reads the run at `path`, its folder or its trace; once more where a resume leaves some of it behind.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let mut run = Self::read_without(path, &LeftBehind::default())?;
        if !run.left_behind.is_empty() {
            run = Self::read_without(path, &run.left_behind)?;
        }
        run.lost.extend(run.history.steps.lost());
        run.place_slices();
        Ok(run)
    }

    fn read_without(path: &Path, left_behind: &LeftBehind) -> Result<Self, Error> {
        let mut run = Self {
            folder: RunFolder::open(path)?,
            head: Head::default(),
            standing: Standing::default(),
            history: History::default(),
            snapshots: BTreeMap::new(),
            slices: BTreeMap::new(),
            studies: BTreeMap::new(),
            lost: Vec::new(),
            landscapes: Landscapes::default(),
            left_behind: LeftBehind::default(),
        };
        for item in Reader::open(run.folder.trace_path())? {
            run.apply(item?, left_behind)?;
        }
        Ok(run)
    }

    /// That there is a surface or line.
    pub(crate) fn require_slices(&self) -> Result<(), Error> {
        match self.slices.is_empty() {
            false => Ok(()),
            true => Err(Error::NoSlices { run: self.path(), lost: self.lost.clone() }),
        }
    }

    /// That there is anything.
    pub(crate) fn require_anything(&self) -> Result<(), Error> {
        match self.history.is_empty() {
            false => Ok(()),
            true => self.require_slices(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Name of the run: that of its folder, behind the name of the run that it was trained with, if there is one.
    pub(crate) fn name(&self) -> String {
        let path = self.folder.path();
        name_of(&std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// Path of a parameter block, or its number.
    pub(crate) fn block_name(&self, block: usize) -> String {
        let recorded = self.head.blocks.get(block);
        recorded.map_or_else(|| format!("block {block}"), |block| block.path.clone())
    }

    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Whether a slice is there only so that a random one can be compared with it, and seeds draw it again.
    pub(crate) fn only_compares(&self, slice: &Slice) -> bool {
        let study = slice.record.study.filter(|_| slice.record.directions.is_none());
        let study = study.and_then(|study| self.studies.get(&study));
        study.is_some_and(|study| study.kind == "agreement")
    }

    fn apply(&mut self, item: Item, left_behind: &LeftBehind) -> Result<(), Error> {
        self.standing.apply_item(&item);
        match item {
            Item::Record { offset, record } => {
                if let Record::Resume(resume) = &record {
                    self.left_behind.note(offset, resume);
                }
                let holds = left_behind.holds(offset, &record);
                self.apply_record(record, holds)?;
            }
            Item::Lost(lost) => {
                let because = match lost.cause {
                    LossCause::Damaged => "were changed after they were written".to_owned(),
                    LossCause::Undecodable { message } => format!("are no record ({message:?})"),
                };
                let (bytes, offset) = (lost.bytes, lost.offset);
                self.lost.push(format!("{bytes} bytes at byte {offset} of the trace {because}"));
            }
            Item::Torn(torn) => self.lost.push(format!(
                "the last {} bytes of the trace are an unfinished record: the run was stopped, or is \
                 still writing",
                torn.bytes
            )),
        }
        Ok(())
    }

    fn apply_record(&mut self, record: Record, holds: bool) -> Result<(), Error> {
        match record {
            Record::Head(head) => self.head = head,
            Record::Slice(slice) => self.landscapes.apply_slice(&slice),
            Record::Nodes(nodes) => self.landscapes.apply_nodes(&nodes),
            Record::Trajectory(path) => self.landscapes.apply_trajectory(&path),
            Record::Study(study) => drop(self.studies.insert(study.study, study)),
            Record::Snapshot(snapshot) => {
                // Also a snapshot that is left behind took the place of others.
                snapshot.forget_given_up(&mut self.history.snapshots);
                self.snapshots.insert(snapshot.index, snapshot.clone());
                if holds {
                    self.history.apply(snapshot.into())?;
                }
            }
            record if holds => self.history.apply(record)?,
            _ => {}
        }
        Ok(())
    }

    fn place_slices(&mut self) {
        let landscapes = std::mem::take(&mut self.landscapes);
        self.lost.extend(landscapes.strays().map(|(slice, nodes)| {
            format!(
                "{nodes} nodes of slice {slice}, whose description is not in the trace before them"
            )
        }));
        for landscape in landscapes.into_slices() {
            let (slice, lost) = Slice::of(landscape);
            self.slices.extend(slice.map(|slice| (slice.record.slice, slice)));
            self.lost.extend(lost);
        }
    }
}

fn name_of(folder: &Path) -> String {
    let own = folder.file_name().map_or("run".into(), |name| name.to_string_lossy().into_owned());
    match folder.parent().filter(|above| RunFolder::open(above).is_ok()) {
        Some(above) => format!("{}/{own}", name_of(above)),
        None => own,
    }
}
