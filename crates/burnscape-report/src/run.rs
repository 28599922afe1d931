//! What of a run is exported: its course, its slices, and what it takes to give their directions back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burnscape_trace::{
    Head, Item, LossCause, Reader, Record, RunFolder, Snapshot, Study, Trajectory,
};

use crate::Error;
use crate::history::History;
use crate::slice::Slice;

/// A run as far as its trace is whole, read once. Steps lie in a file where they are many, so that memory
/// does not grow with them.
#[derive(Debug)]
pub(crate) struct Run {
    folder: RunFolder,
    pub(crate) head: Head,
    pub(crate) history: History,
    /// By number; also those that a resume has left behind, as a slice may lie around one.
    pub(crate) snapshots: BTreeMap<u64, Snapshot>,
    /// By number.
    pub(crate) slices: BTreeMap<u32, Slice>,
    pub(crate) studies: BTreeMap<u32, Study>,
    /// What is not there any more, as sentences.
    pub(crate) lost: Vec<String>,
    strays: BTreeMap<u32, usize>,
}

impl Run {
    /// Reads the run at `path`, its folder or its trace.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let mut run = Self {
            folder: RunFolder::open(path)?,
            head: Head::default(),
            history: History::default(),
            snapshots: BTreeMap::new(),
            slices: BTreeMap::new(),
            lost: Vec::new(),
            strays: BTreeMap::new(),
            studies: BTreeMap::new(),
        };
        for item in Reader::open(run.folder.trace_path())? {
            run.apply(item?)?;
        }
        run.tell_what_found_no_place();
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
        match self.history.is_empty()? {
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

    fn apply(&mut self, item: Item) -> Result<(), Error> {
        match item {
            Item::Record { record, .. } => self.apply_record(record)?,
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

    fn apply_record(&mut self, record: Record) -> Result<(), Error> {
        match record {
            Record::Head(head) => self.head = head,
            Record::Snapshot(snapshot) => {
                self.snapshots.insert(snapshot.index, snapshot.clone());
                self.history.apply(snapshot.into())?;
            }
            Record::Slice(slice) => self.apply_slice(slice),
            Record::Nodes(nodes) => match self.slices.get_mut(&nodes.slice) {
                Some(slice) => slice.apply_nodes(&nodes),
                None => *self.strays.entry(nodes.slice).or_default() += nodes.index.len(),
            },
            Record::Trajectory(path) => self.apply_trajectory(path),
            Record::Study(study) => {
                self.studies.insert(study.study, study);
            }
            record => self.history.apply(record)?,
        }
        Ok(())
    }

    fn apply_slice(&mut self, record: burnscape_trace::Slice) {
        let known = self.slices.get(&record.slice);
        // A resumed surface repeats its slice: what was measured stays.
        if known.is_some_and(|known| known.has_record(&record)) {
            return;
        }
        let number = record.slice;
        match Slice::new(record) {
            Ok(slice) => {
                self.slices.insert(number, slice);
            }
            Err(reason) => self.lost.push(format!("slice {number} has no usable grid: {reason}")),
        }
    }

    fn apply_trajectory(&mut self, path: Trajectory) {
        let slice = path.slice.and_then(|number| self.slices.get_mut(&number));
        if let Some(Err(sentence)) = slice.map(|slice| slice.apply_trajectory(path)) {
            self.lost.push(sentence);
        }
    }

    fn tell_what_found_no_place(&mut self) {
        for (slice, nodes) in &self.strays {
            let nodes_of = format!("{nodes} nodes of slice {slice}");
            self.lost
                .push(format!("{nodes_of}, whose description is not in the trace before them"));
        }
        for (number, slice) in &self.slices {
            if slice.misplaced() > 0 {
                let nodes = slice.misplaced();
                self.lost.push(format!("{nodes} nodes outside the grid of slice {number}"));
            }
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
