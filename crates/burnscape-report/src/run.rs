//! What of a run is exported: its course, its slices, and what it takes to give their directions back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burnscape_run::{Distinct, History, Recorded, Standing, Steps};
use burnscape_trace::{Head, LossCause, Lost, RunFolder, Snapshot, Step, Study, Torn};

use crate::Error;
use crate::slice::Slice;

/// Series, one per column and block, that the steps of a run may claim for nothing, and for each value that is told.
const FREE_SERIES: u64 = 1 << 18;
const SERIES_PER_VALUE: u64 = 4;

/// A run as far as its trace is whole.
#[derive(Debug)]
pub(crate) struct Run {
    folder: RunFolder,
    pub(crate) head: Head,
    pub(crate) standing: Standing,
    pub(crate) history: History,
    block_names: Vec<String>,
    /// By number; also those that a resume has left behind, as a slice may lie around one.
    pub(crate) snapshots: BTreeMap<u64, Snapshot>,
    /// By number.
    pub(crate) slices: BTreeMap<u32, Slice>,
    /// Those worth showing.
    offered: BTreeSet<u32>,
    pub(crate) studies: BTreeMap<u32, Study>,
    /// What is not there any more, as sentences.
    pub(crate) lost: Vec<String>,
}

/// A quantity of steps: its name, and where it lies.
pub(crate) type Named<T> = (&'static str, fn(&Step) -> T);

impl Run {
    /// Reads the run at `path`, its folder or its trace.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let folder = RunFolder::open(path)?;
        let Recorded { head, standing, history, landscapes, snapshots, lost, torn, .. } =
            Recorded::read(&folder)?;
        let mut lost: Vec<String> =
            lost.into_iter().map(in_words).chain(torn.map(torn_in_words)).collect();
        lost.extend(landscapes.strays().map(|(slice, nodes)| {
            format!(
                "{nodes} nodes of slice {slice}, whose description is not in the trace before them"
            )
        }));
        let studies = landscapes.studies().clone();
        let offered = landscapes.offered().iter().map(|it| it.slice().slice).collect();
        let common_of = |slice| Some((slice, landscapes.common_range(slice)?));
        let common = landscapes.iter().filter_map(|it| common_of(it.slice()));
        let common: BTreeMap<u32, _> = common.map(|(slice, range)| (slice.slice, range)).collect();
        let mut slices = BTreeMap::new();
        for landscape in landscapes.into_slices() {
            let (mut slice, missing) = Slice::of(landscape);
            if let Some(slice) = &mut slice {
                slice.common = common.get(&slice.record.slice).copied();
            }
            slices.extend(slice.map(|slice| (slice.record.slice, slice)));
            lost.extend(missing);
        }
        require_proven(&history.steps)?;
        let block_names = block_names(&head, history.steps.widest());
        Ok(Self {
            folder,
            head,
            standing,
            history,
            block_names,
            snapshots,
            slices,
            offered,
            studies,
            lost,
        })
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

    /// Path of a parameter block, or its number; with a number behind it where an earlier one has the same.
    pub(crate) fn block_name(&self, block: usize) -> String {
        self.block_names.get(block).cloned().unwrap_or_else(|| format!("block {block}"))
    }

    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Whether a slice is there only so that a random one can be compared with it, and seeds draw it again.
    pub(crate) fn only_compares(&self, slice: &Slice) -> bool {
        !self.offered.contains(&slice.record.slice)
    }
}

/// Different names of all blocks that the head or a step tells of.
fn block_names(head: &Head, widest: usize) -> Vec<String> {
    let mut distinct = Distinct::default();
    let path = |block: usize| head.blocks.get(block).map(|block| block.path.clone());
    let name = |block: usize| path(block).unwrap_or_else(|| format!("block {block}"));
    (0..head.blocks.len().max(widest)).map(|block| distinct.name(&name(block))).collect()
}

/// Series of all columns, each as wide as the widest.
fn series(steps: &Steps) -> u64 {
    (steps.names().len() as u64).saturating_mul(steps.widest() as u64)
}

/// That the steps do not claim more than they tell, so that memory is bounded by the size of the trace.
fn require_proven(steps: &Steps) -> Result<(), Error> {
    let (cells, values) = (series(steps), steps.values());
    match cells <= FREE_SERIES + SERIES_PER_VALUE * values {
        true => Ok(()),
        false => Err(Error::TooSparse { table: "the columns of steps", cells, values }),
    }
}

fn in_words(lost: Lost) -> String {
    let because = match lost.cause {
        LossCause::Damaged => "were changed after they were written".to_owned(),
        LossCause::Undecodable { message } => format!("are no record ({message:?})"),
    };
    format!("{} bytes at byte {} of the trace {because}", lost.bytes, lost.offset)
}

fn torn_in_words(torn: Torn) -> String {
    format!(
        "the last {} bytes of the trace are an unfinished record: the run was stopped, or is still writing",
        torn.bytes
    )
}

fn name_of(folder: &Path) -> String {
    let own = folder.file_name().map_or("run".into(), |name| name.to_string_lossy().into_owned());
    match folder.parent().filter(|above| RunFolder::open(above).is_ok()) {
        Some(above) => format!("{}/{own}", name_of(above)),
        None => own,
    }
}
