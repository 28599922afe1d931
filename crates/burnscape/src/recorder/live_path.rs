//! The path of training while it goes on: its principal components after every snapshot, for dashboards.

use std::borrow::Cow;
use std::time::Duration;

use burnscape_landscape::pca::{LivePca, PcaError, Scores};
use burnscape_landscape::random_walk;
use burnscape_trace::{F64s, RunFolder, Snapshot, Trajectory, U32s, record};

use crate::Result;
use crate::model::map::ModelMap;
use crate::model::snapshot::{SnapshotFile, SnapshotMatrix};

/// Share of the training time that may go into it …
const SHARE_OF_TRAINING: f64 = 0.01;

/// … beyond this, which small models never need.
const FREE_SECS: f64 = 0.1;

/// What one inner product of one parameter is taken to cost, reading included.
const SECS_PER_PRODUCT: f64 = 2e-9;

/// What the components of T points are taken to cost, by T³.
const SECS_PER_CUBE: f64 = 7e-9;

/// A path of fewer points is a line, whatever training does.
const FEWEST: usize = 3;

/// Inner products of the snapshots so far. A snapshot that there is no time for waits for the next one.
#[derive(Debug, Default)]
pub(super) struct LivePath {
    pca: Option<LivePca>,
    taken: Vec<Snapshot>,
    /// Their files, closed while nobody reads them.
    files: Vec<SnapshotFile>,
    /// Snapshots that hold no finite numbers.
    left_out: Vec<u64>,
    spent_secs: f64,
}

impl LivePath {
    /// Takes in what is new of the snapshots of the run; the path, if there was something and time for it.
    ///
    /// # Errors
    ///
    /// If a snapshot cannot be read; it is then left out.
    pub fn update<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Snapshot>,
        map: &ModelMap,
        folder: &RunFolder,
        elapsed: Duration,
    ) -> Result<Option<Trajectory>> {
        if !self.has_room(map, elapsed) {
            return Ok(None);
        }
        let mut wanted: Vec<&Snapshot> = records.collect();
        wanted.dedup_by(|next, kept| next.file == kept.file);
        wanted.retain(|it| !self.left_out.contains(&it.index));
        if !self.taken.iter().eq(wanted.iter().copied().take(self.taken.len())) {
            *self = Self { spent_secs: self.spent_secs, ..Self::default() };
        }
        let new: Vec<Snapshot> = wanted[self.taken.len()..].iter().copied().cloned().collect();
        let before = self.taken.len();
        for snapshot in new {
            if !self.has_time(map, elapsed) {
                break;
            }
            self.take(snapshot, map, folder)?;
        }
        match self.taken.len() > before && self.taken.len() >= FEWEST {
            true => Ok(self.path()),
            false => Ok(None),
        }
    }

    /// Counts what the next snapshot will cost, if that is allowed.
    fn has_time(&mut self, map: &ModelMap, elapsed: Duration) -> bool {
        let fits = self.has_room(map, elapsed);
        if fits {
            self.spent_secs += self.next_secs(map);
        }
        fits
    }

    /// Whether there is time for the next snapshot.
    fn has_room(&self, map: &ModelMap, elapsed: Duration) -> bool {
        let most = FREE_SECS + SHARE_OF_TRAINING * elapsed.as_secs_f64();
        self.spent_secs + self.next_secs(map) <= most
    }

    fn next_secs(&self, map: &ModelMap) -> f64 {
        let points = (self.taken.len() + 1) as f64;
        let products = points * map.layout.len() as f64;
        SECS_PER_PRODUCT * products + SECS_PER_CUBE * points.powi(3)
    }

    fn take(&mut self, snapshot: Snapshot, map: &ModelMap, folder: &RunFolder) -> Result<()> {
        let pushed = self.push(&snapshot, map, folder);
        match pushed {
            Ok(true) => self.taken.push(snapshot),
            Ok(false) | Err(_) => self.left_out.push(snapshot.index),
        }
        pushed.map(|_| ())
    }

    /// `false` if it holds no finite numbers.
    fn push(&mut self, snapshot: &Snapshot, map: &ModelMap, folder: &RunFolder) -> Result<bool> {
        let mut file = SnapshotFile::open(&folder.resolve(&snapshot.file)?, map)?;
        let mut new = vec![0.0; map.layout.len()];
        file.read_flat(&map.layout, 0, &mut new)?;
        file.close();
        let files = std::mem::take(&mut self.files);
        let mut earlier = SnapshotMatrix::reopened(files, Cow::Borrowed(&map.layout));
        let pca = self.pca.get_or_insert_with(|| LivePca::new(map.layout.len()));
        let pushed = pca.push(&mut earlier, &new);
        self.files = earlier.into_closed();
        match pushed {
            Ok(()) => {
                self.files.push(file);
                Ok(true)
            }
            Err(PcaError::Request(burnscape_landscape::Error::NonFiniteSnapshot { .. })) => {
                Ok(false)
            }
            Err(PcaError::Request(error)) => Err(error.into()),
            Err(PcaError::Read { source, .. }) => Err(source),
        }
    }

    fn path(&self) -> Option<Trajectory> {
        let scores = self.pca.as_ref()?.scores(2).ok()?;
        Some(trajectory(&self.taken, &scores))
    }
}

/// Coordinates about the mean of the snapshots, in the units of the parameters.
fn trajectory(taken: &[Snapshot], scores: &Scores) -> Trajectory {
    let along = |k: usize| match scores.components.get(k) {
        Some(component) => F64s(component.scores.clone()),
        None => F64s(vec![0.0; taken.len()]),
    };
    let total = scores.total_variance;
    let share = |variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
    let told = scores.variances.len();
    let walked = random_walk::leading_with_steps(&scores.step_lengths, told);
    record!(Trajectory {
        slice: None,
        snapshots: U32s(taken.iter().map(|it| it.index as u32).collect()),
        epochs: F64s(
            taken.iter().map(|it| it.epoch.map_or(f64::NAN, |epoch| epoch as f64)).collect(),
        ),
        x: along(0),
        y: along(1),
        explained: F64s(scores.variances.iter().map(share).collect()),
        random_walk: F64s(random_walk::explained(taken.len())),
        random_walk_measured: F64s(walked.unwrap_or_default()),
        degenerate: scores.components.get(1).is_none_or(|component| component.degenerate),
    })
}
