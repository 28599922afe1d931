//! All that the trace of a run tells, read from its beginning to its end.

use std::collections::BTreeMap;
use std::path::Path;

use burnscape_trace::{Error, Head, Item, Lost, Reader, Record, RunFolder, Snapshot, Torn};

use crate::{History, Landscapes, LeftBehind, Standing, Steps};

/// A run as far as its trace is whole: every record that no resume leaves behind, but for steps, which are read again
/// where they are asked for.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Recorded {
    /// The last head.
    pub head: Head,
    /// Where the run stands.
    pub standing: Standing,
    /// What it tells beside its slices.
    pub history: History,
    /// Slices and studies.
    pub landscapes: Landscapes,
    /// By number; also those that a resume has left behind, as a slice may lie around one.
    pub snapshots: BTreeMap<u64, Snapshot>,
    /// What could not be read.
    pub lost: Vec<Lost>,
    /// The unfinished record at the end.
    pub torn: Option<Torn>,
}

impl Recorded {
    /// Reads a run; once more where a resume leaves some of it behind.
    ///
    /// # Errors
    ///
    /// Those of [`Reader`].
    pub fn read(folder: &RunFolder) -> Result<Self, Error> {
        let trace = folder.trace_path();
        read_held(
            &trace,
            |left_behind| {
                let steps = Steps::of(trace.clone(), left_behind.clone());
                Self { history: History::of(steps), ..Self::default() }
            },
            Self::apply,
        )
    }

    fn apply(&mut self, item: &Item, holds: bool) {
        self.standing.apply_item(item);
        match item {
            Item::Record { offset, record } => self.apply_record(*offset, record, holds),
            Item::Lost(lost) => {
                self.history.steps.apply_lost(lost);
                self.lost.push(lost.clone());
            }
            Item::Torn(torn) => self.torn = Some(*torn),
        }
    }

    fn apply_record(&mut self, offset: u64, record: &Record, holds: bool) {
        match record {
            Record::Head(head) => self.head.clone_from(head),
            Record::Slice(slice) => self.landscapes.apply_slice(slice),
            Record::Nodes(nodes) => self.landscapes.apply_nodes(nodes),
            Record::Trajectory(path) => self.landscapes.apply_trajectory(path),
            Record::Study(study) => self.landscapes.apply_study(study),
            Record::Snapshot(snapshot) => {
                // Also a snapshot that is left behind took the place of others.
                snapshot.forget_given_up(&mut self.history.snapshots);
                self.snapshots.insert(snapshot.index, snapshot.clone());
                if holds {
                    self.history.snapshots.push(snapshot.clone());
                }
            }
            record if holds => self.history.apply(offset, record),
            _ => {}
        }
    }
}

/// Reads a trace and hands every item to what is made of nothing, with whether no later resume leaves it behind. That is
/// known at the end only: where there is a resume, begins anew and reads once more.
pub(crate) fn read_held<T>(
    trace: &Path,
    begin: impl Fn(&LeftBehind) -> T,
    take: impl Fn(&mut T, &Item, bool),
) -> Result<T, Error> {
    let read = |known: &LeftBehind| {
        let (mut all, mut left_behind) = (begin(known), LeftBehind::default());
        let (mut reader, mut item) = (Reader::open(trace)?, Item::default());
        while reader.next_into(&mut item)? {
            let mut holds = true;
            if let Item::Record { offset, record } = &item {
                if let Record::Resume(resume) = record {
                    left_behind.note(*offset, resume);
                }
                holds = known.holds(*offset, record);
            }
            // Where a resume is met first, all is taken anew.
            if left_behind.is_empty() || !known.is_empty() {
                take(&mut all, &item, holds);
            }
        }
        Ok::<_, Error>((all, left_behind))
    };
    let (all, left_behind) = read(&LeftBehind::default())?;
    if left_behind.is_empty() { Ok(all) } else { Ok(read(&left_behind)?.0) }
}
