//! Snapshot files as they are written, and the records that name them.

use burnscape_trace::{RunFolder, Snapshot};

use crate::model_map::NamedTensor;
use crate::{Error, Result, snapshot};

/// Writes snapshots; equal weights are stored once.
pub(crate) struct SnapshotStore {
    folder: RunFolder,
    records: Vec<Snapshot>,
    /// Number of the next one; those that were abandoned keep theirs.
    next: u64,
}

impl SnapshotStore {
    /// Goes on after the snapshots that the run already has.
    pub fn new(folder: RunFolder, records: Vec<Snapshot>, next: u64) -> Self {
        Self { folder, records, next }
    }

    /// Forgets those that a resumed training has left behind: it went on from before them. They
    /// stay on the disk and in the trace.
    pub fn abandon_after(&mut self, steps: u64) {
        self.records.retain(|it| it.step <= steps);
    }

    /// All snapshots of the run that lie on the path of training.
    pub fn records(&self) -> &[Snapshot] {
        &self.records
    }

    /// Stores the tensors and returns the record to append.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotWrite`] if the file cannot be written.
    pub fn store(
        &mut self,
        reason: &str,
        epoch: Option<u64>,
        step: u64,
        tensors: &[NamedTensor],
    ) -> Result<Snapshot> {
        let index = self.next;
        let path = self.folder.snapshot_path(index);
        let bytes = snapshot::encode(tensors)
            .map_err(|reason| Error::SnapshotWrite { file: path.clone(), reason })?;
        let crc32 = crc32fast::hash(&bytes);
        let twin = self.twin_of(&bytes, crc32);
        let file = match &twin {
            Some(twin) => twin.file.clone(),
            None => {
                snapshot::write(&path, &bytes)?;
                RunFolder::snapshot_file(index)
            }
        };
        let record = Snapshot {
            index,
            reason: reason.to_string(),
            epoch,
            step,
            file,
            bytes: bytes.len() as u64,
            crc32,
            same_as: twin.map(|twin| twin.same_as.unwrap_or(twin.index)),
        };
        self.next += 1;
        self.records.push(record.clone());
        Ok(record)
    }

    /// An earlier snapshot with exactly these bytes.
    fn twin_of(&self, bytes: &[u8], crc32: u32) -> Option<Snapshot> {
        let len = bytes.len() as u64;
        let candidates = self.records.iter().rev();
        let mut candidates = candidates.filter(|it| it.crc32 == crc32 && it.bytes == len);
        candidates
            .find(|it| {
                let file = self.folder.path().join(&it.file);
                std::fs::read(file).is_ok_and(|stored| stored == bytes)
            })
            .cloned()
    }
}

/// What the planned snapshots weigh and whether the disk has room for them, as a note with its
/// level.
pub(crate) fn room_sentence(
    bytes: u64,
    planned: Option<u64>,
    room: Option<u64>,
) -> (&'static str, String) {
    let each = human_bytes(bytes);
    let total = planned.map(|planned| bytes.saturating_mul(planned + 1));
    let plan = match (planned, total) {
        (Some(planned), Some(total)) => {
            format!("a snapshot weighs {each}, {} of them {}", planned + 1, human_bytes(total))
        }
        _ => format!("a snapshot weighs {each}"),
    };
    match (total, room) {
        (Some(total), Some(room)) if room < total => (
            "warning",
            format!(
                "{plan}, but the disk has only {} left: take fewer with `.snapshot_every_epochs(n)`",
                human_bytes(room)
            ),
        ),
        (_, Some(room)) => ("info", format!("{plan}; the disk has {} left", human_bytes(room))),
        (_, None) => ("info", plan),
    }
}

/// `1.2 MB`: powers of 1000, three digits.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if value < 10.0 => format!("{value:.2} {}", UNITS[unit]),
        _ if value < 100.0 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_three_digits() {
        let said = [0, 999, 1000, 99_950, 4_400_000, 1 << 40].map(human_bytes);
        let expected = ["0 B", "999 B", "1.00 kB", "100.0 kB", "4.40 MB", "1.10 TB"];
        assert_eq!(said[..3], expected[..3]);
        assert_eq!(said[4..], expected[4..]);
    }

    #[test]
    fn a_disk_without_room_for_all_planned_snapshots_is_a_warning_with_the_remedy() {
        let (level, sentence) = room_sentence(1_000_000, Some(9), Some(5_000_000));
        assert_eq!(level, "warning");
        assert!(sentence.contains("10.0 MB") && sentence.contains("5.00 MB"), "{sentence}");
        assert!(sentence.contains("snapshot_every_epochs"), "{sentence}");
    }
}
