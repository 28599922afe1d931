//! The trace of one shard, read.

use std::collections::BTreeMap;

use burnscape_trace::{
    Curvature, CurvatureReason, Head, Item, Reader, Record, RunFolder, Shard, Torn, Trajectory,
};

use super::plan::SharedSlice;
use crate::{Landscape, Landscapes};

/// What one process has measured.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Its folder, such as `03-of-16`.
    pub name: String,
    /// The last record was not written to its end: it is being written, or its process was killed.
    pub torn: Option<Torn>,
    head: Head,
    shards: BTreeMap<u32, Shard>,
    landscapes: Landscapes,
    /// What its process found of sharpness.
    pub(super) curvatures: Vec<Curvature>,
}

impl Part {
    /// Reads the trace of a shard, up to its last whole record.
    ///
    /// # Errors
    ///
    /// A sentence, if it cannot be read, bytes are missing in its midst, or it measured a slice by two plans.
    pub fn read(folder: &RunFolder) -> Result<Self, String> {
        let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut part = Self { name, ..Self::default() };
        let reader = Reader::open(folder.trace_path()).map_err(|error| error.to_string())?;
        for item in reader {
            match item.map_err(|error| error.to_string())? {
                Item::Record { record, .. } => part.apply(record)?,
                Item::Torn(torn) => part.torn = Some(torn),
                Item::Lost(lost) => {
                    let (bytes, offset) = (lost.bytes, lost.offset);
                    return Err(format!("{bytes} bytes from byte {offset} on are damaged"));
                }
            }
        }
        Ok(part)
    }

    fn apply(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Head(head) => self.head = head,
            Record::Slice(slice) => self.landscapes.apply_slice(&slice),
            Record::Trajectory(path) => self.apply_path(&path),
            Record::Nodes(nodes) => self.landscapes.apply_nodes(&nodes),
            Record::Curvature(found) if found.reason == CurvatureReason::Study => {
                self.curvatures.push(found);
            }
            Record::Shard(shard) => {
                let (slice, plan) = (shard.slice, shard.plan.clone());
                let before = self.shards.insert(slice, shard);
                if before.is_some_and(|before| before.plan != plan) {
                    return Err(format!("it measured slice {slice} by two plans"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A process that goes on tells the path again, perhaps without the losses that an earlier one measured.
    fn apply_path(&mut self, path: &Trajectory) {
        let landscape = path.slice.and_then(|slice| self.landscapes.get(slice));
        let known = landscape.and_then(Landscape::trajectory).map_or(0, |path| path.loss.len());
        if path.loss.len() >= known {
            self.landscapes.apply_trajectory(path);
        }
    }

    /// Which shard it is of, counted from 1, and of how many; `None` before it measured anything.
    #[must_use]
    pub fn shard(&self) -> Option<(u32, u32)> {
        self.shards.values().next().map(|shard| (shard.index, shard.count))
    }

    /// The fingerprint of the plan by which it measured a slice.
    #[must_use]
    pub fn plan_of(&self, slice: u32) -> Option<&str> {
        self.shards.get(&slice).map(|shard| shard.plan.as_str())
    }

    /// What it has measured of a slice, as that lies in it.
    pub(super) fn of(&self, slice: u32) -> Option<(&Shard, &Landscape)> {
        Some((self.shards.get(&slice)?, self.landscapes.get(slice)?))
    }

    /// Numbers of the slices of which it holds a part.
    pub(super) fn slices(&self) -> Vec<u32> {
        self.shards.keys().copied().collect()
    }

    /// What it says it has measured, to be held against a plan.
    pub(super) fn found(&self, slice: u32) -> Option<SharedSlice> {
        let (shard, landscape) = self.of(slice)?;
        Some(SharedSlice {
            head: self.head.clone(),
            slice: landscape.slice().clone(),
            trajectory: landscape.trajectory().cloned(),
            shard: shard.clone(),
        })
    }

    /// The device that measured.
    pub(super) fn device(&self) -> &str {
        &self.head.device
    }
}
