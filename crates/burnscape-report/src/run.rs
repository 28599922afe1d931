//! What of a run is exported: its slices, and what it takes to give their directions back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burnscape_trace::{Head, Item, LossCause, Reader, Record, RunFolder, Snapshot, Trajectory};

use crate::Error;
use crate::slice::Slice;

/// A run as far as its trace is whole. Steps are read over, so that memory does not grow with them.
#[derive(Debug)]
pub(crate) struct Run {
    folder: RunFolder,
    pub(crate) head: Head,
    pub(crate) snapshots: BTreeMap<u64, Snapshot>,
    /// By number; at least one.
    pub(crate) slices: BTreeMap<u32, Slice>,
    /// What is not there any more, as sentences.
    pub(crate) lost: Vec<String>,
    strays: BTreeMap<u32, usize>,
    /// Numbers of the studies that ask whether a random slice is typical.
    agreements: BTreeSet<u32>,
}

impl Run {
    /// Reads the run at `path`, its folder or its trace.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let mut run = Self {
            folder: RunFolder::open(path)?,
            head: Head::default(),
            snapshots: BTreeMap::new(),
            slices: BTreeMap::new(),
            lost: Vec::new(),
            strays: BTreeMap::new(),
            agreements: BTreeSet::new(),
        };
        for item in Reader::open(run.folder.trace_path())? {
            run.apply(item?);
        }
        run.tell_what_found_no_place();
        match run.slices.is_empty() {
            false => Ok(run),
            true => Err(Error::NoSlices { run: run.folder.path().to_owned(), lost: run.lost }),
        }
    }

    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Whether a slice is there only so that a random one can be compared with it, and seeds draw it again.
    pub(crate) fn only_compares(&self, slice: &Slice) -> bool {
        let study = slice.record.study.filter(|_| slice.record.directions.is_none());
        study.is_some_and(|study| self.agreements.contains(&study))
    }

    fn apply(&mut self, item: Item) {
        match item {
            Item::Record { record, .. } => self.apply_record(record),
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
    }

    fn apply_record(&mut self, record: Record) {
        match record {
            Record::Head(head) => self.head = head,
            Record::Snapshot(snapshot) => {
                self.snapshots.insert(snapshot.index, snapshot);
            }
            Record::Slice(slice) => self.apply_slice(slice),
            Record::Nodes(nodes) => match self.slices.get_mut(&nodes.slice) {
                Some(slice) => slice.apply_nodes(&nodes),
                None => *self.strays.entry(nodes.slice).or_default() += nodes.index.len(),
            },
            Record::Trajectory(path) => self.apply_trajectory(path),
            Record::Study(study) if study.kind == "agreement" => {
                self.agreements.insert(study.study);
            }
            _ => {}
        }
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
