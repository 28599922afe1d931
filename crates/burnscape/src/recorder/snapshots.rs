//! Snapshot files as they are written, and the records that name them.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use burnscape_trace::{RunFolder, Snapshot, record};

use crate::config::snapshots::{Rounding, SnapshotLimits};
use crate::model::encoded::Encoded;
use crate::model::tensors::NamedTensor;
use crate::{Error, Result};

/// A snapshot on the path of training.
#[derive(Debug)]
struct Kept {
    record: Snapshot,
    /// Place among the snapshots that were due.
    place: u64,
}

/// Writes snapshots; equal weights are stored once. Beyond its limits, every second one is given up, again and again.
pub(crate) struct SnapshotStore {
    folder: RunFolder,
    limits: Option<SnapshotLimits>,
    /// Of parameters, but for those of the last one.
    rounding: Option<Rounding>,
    kept: Vec<Kept>,
    /// Number of the next one; those that were abandoned keep theirs.
    next: u64,
    /// Place of the next one that is due.
    place: u64,
    /// Every so many-th that is due is kept.
    stride: u64,
    /// Those that are to be told as given up with the next one.
    given_up: Vec<Snapshot>,
    /// Files of those that were told.
    unneeded: Vec<PathBuf>,
}

impl SnapshotStore {
    /// Goes on after the snapshots that the run already has.
    pub fn new(
        folder: RunFolder,
        limits: Option<SnapshotLimits>,
        records: Vec<Snapshot>,
        next: u64,
    ) -> Self {
        let stride = records.iter().rev().find_map(|it| it.stride).unwrap_or(1).max(1);
        let places = (0..).map(|number: u64| number * stride);
        let kept: Vec<Kept> =
            records.into_iter().zip(places).map(|(record, place)| Kept { record, place }).collect();
        // The initial one is the first that is due.
        let place = kept.last().map_or(1, |last| last.place + 1);
        let (given_up, unneeded, rounding) = (Vec::new(), Vec::new(), None);
        Self { folder, limits, rounding, kept, next, place, stride, given_up, unneeded }
    }

    /// Rounds the parameters of those that follow.
    pub fn rounded(self, rounding: Option<Rounding>) -> Self {
        Self { rounding, ..self }
    }

    /// Forgets those that a resumed training has left behind: it went on from before them. They
    /// stay on the disk and in the trace.
    pub fn abandon_after(&mut self, steps: u64) {
        self.kept.retain(|it| it.record.step <= steps);
    }

    /// All snapshots of the run that lie on the path of training.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Snapshot> {
        self.kept.iter().map(|it| &it.record)
    }

    /// Stores the tensors and returns the record to append; `None` if this one is not kept.
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
        is_parameter: impl Fn(&str) -> bool,
    ) -> Result<Option<Snapshot>> {
        let (place, is_due) = (self.place, matches!(reason, "epoch" | "step"));
        self.place += u64::from(is_due);
        if is_due && !place.is_multiple_of(self.stride) {
            return Ok(None);
        }
        let index = self.next;
        let path = self.folder.snapshot_path(index);
        let rounding = self.rounding.filter(|_| reason != "final");
        let encoded = encoded(tensors, rounding, is_parameter)
            .map_err(|reason| Error::SnapshotWrite { file: path.clone(), reason })?;
        let (bytes, crc32) = (encoded.len(), encoded.crc32());
        let twin = self.twin_of(&encoded, crc32);
        if twin.is_none() {
            self.make_room(bytes);
            if is_due && !place.is_multiple_of(self.stride) {
                return Ok(None);
            }
        }
        let file = match &twin {
            Some(twin) => twin.file.clone(),
            None => {
                encoded.write(&path)?;
                RunFolder::snapshot_file(index)
            }
        };
        let given_up = std::mem::take(&mut self.given_up);
        let record = record!(Snapshot {
            index,
            reason: reason.into(),
            epoch,
            step,
            file,
            bytes,
            crc32,
            same_as: twin.map(|twin| twin.same_as.unwrap_or(twin.index)),
            stride: (!given_up.is_empty()).then_some(self.stride),
            given_up: given_up.iter().map(|it| it.index).collect(),
            dtype: rounding.map(Rounding::name),
        });
        self.next += 1;
        let own = given_up.into_iter().filter(|it| it.same_as.is_none());
        self.unneeded.extend(own.map(|it| self.folder.path().join(it.file)));
        self.kept.push(Kept { record: record.clone(), place });
        Ok(Some(record))
    }

    /// Deletes the files of those that the trace tells as given up.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotWrite`] with the first that could not be deleted.
    pub fn delete_unneeded(&mut self) -> Result<()> {
        let delete = |file: PathBuf| match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let reason = format!("it is no longer needed and cannot be deleted: {error}");
                Err(Error::SnapshotWrite { file, reason })
            }
            _ => Ok(()),
        };
        let deleted: Vec<Result<()>> = self.unneeded.drain(..).map(delete).collect();
        deleted.into_iter().collect()
    }

    /// Gives up every second one until another one of so many bytes keeps to the limits, if that can be.
    fn make_room(&mut self, bytes: u64) {
        let Some(limits) = self.limits else { return };
        let last = self.kept.last().map_or(0, |it| it.place);
        while self.exceeds(limits, bytes) && self.stride <= last {
            self.stride *= 2;
            let needed = self.needed();
            let mut needed = needed.iter();
            let gone = self.kept.extract_if(.., |_| needed.next() == Some(&false));
            self.given_up.extend(gone.map(|it| it.record));
        }
    }

    fn exceeds(&self, limits: SnapshotLimits, bytes: u64) -> bool {
        let own = self.records().filter(|it| it.same_as.is_none()).map(|it| it.bytes);
        let (files, all) = own.fold((1, bytes), |(n, sum), it| (n + 1, sum.saturating_add(it)));
        files > limits.most || all > limits.bytes
    }

    /// Per snapshot, whether it is the first, one of the stride, or one whose file such a one has.
    fn needed(&self) -> Vec<bool> {
        let is_on_stride = |it: &Kept| it.place.is_multiple_of(self.stride);
        let on_stride = self.kept.iter().enumerate().map(|(n, it)| n == 0 || is_on_stride(it));
        let on_stride: Vec<bool> = on_stride.collect();
        let stays = |(it, stays): (&Kept, &bool)| it.record.same_as.filter(|_| *stays);
        let owners: BTreeSet<u64> = self.kept.iter().zip(&on_stride).filter_map(stays).collect();
        let kept = self.kept.iter().zip(on_stride);
        kept.map(|(it, stays)| stays || owners.contains(&it.record.index)).collect()
    }

    /// An earlier snapshot with exactly these bytes.
    fn twin_of(&self, encoded: &Encoded<'_>, crc32: u32) -> Option<Snapshot> {
        let candidates = self.records().rev();
        let mut candidates = candidates.filter(|it| it.crc32 == crc32 && it.bytes == encoded.len());
        candidates.find(|it| encoded.is_in(&self.folder.path().join(&it.file))).cloned()
    }
}

/// Tensors as a file is going to hold them.
fn encoded(
    tensors: &[NamedTensor],
    rounding: Option<Rounding>,
    is_parameter: impl Fn(&str) -> bool,
) -> Result<Encoded<'_>, String> {
    let Some(dtype) = rounding.and_then(Rounding::dtype) else { return Encoded::of(tensors) };
    Encoded::rounded(tensors, |tensor| match is_parameter(&tensor.path) {
        true => tensor.fitting(dtype),
        false => tensor.dtype(),
    })
}

/// What is told when snapshots are given up, and how to keep them all.
pub(crate) fn given_up_sentence(record: &Snapshot) -> Option<String> {
    let stride = record.stride?;
    Some(format!(
        "{} earlier snapshots were given up, and every {} that is due is kept from now on, the first and the \
         last in any case, so that a run keeps to {} of them and {}: `.keep_all_snapshots()` keeps all",
        record.given_up.len(),
        ordinal(stride),
        SnapshotLimits::default().most,
        human_bytes(SnapshotLimits::default().bytes)
    ))
}

/// `2nd`, `4th`, `32nd`.
fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (1, it) if it != 11 => "st",
        (2, it) if it != 12 => "nd",
        (3, it) if it != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// What the planned snapshots weigh and whether the disk has room for them, as a note with its
/// level.
pub(crate) fn room_sentence(
    bytes: u64,
    planned: Option<u64>,
    room: Option<u64>,
    limits: Option<SnapshotLimits>,
) -> (&'static str, String) {
    let each = human_bytes(bytes);
    let most = limits.map_or(u64::MAX, |it| (it.bytes / bytes.max(1)).clamp(2, it.most as u64));
    let planned = planned.map(|planned| planned.min(most - 1));
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
    use burn::tensor::TensorData;

    fn weights(value: f32) -> Vec<NamedTensor> {
        vec![NamedTensor { path: "w".to_string(), data: TensorData::new(vec![value], [1]) }]
    }

    /// Stores a snapshot after each of `steps` with the value that `value` gives it; the store and what was told.
    fn stored(
        folder: &RunFolder,
        limits: Option<SnapshotLimits>,
        earlier: &[Snapshot],
        steps: std::ops::Range<u64>,
        value: impl Fn(u64) -> f32,
    ) -> (SnapshotStore, Vec<Snapshot>) {
        let next = earlier.last().map_or(0, |last| last.index + 1);
        let mut store = SnapshotStore::new(folder.clone(), limits, earlier.to_vec(), next);
        let mut told = earlier.to_vec();
        for step in steps {
            let reason = if step == 0 { "initial" } else { "step" };
            if let Some(record) =
                store.store(reason, None, step, &weights(value(step)), |_| true).unwrap()
            {
                record.forget_given_up(&mut told);
                told.push(record);
                store.delete_unneeded().unwrap();
                assert!(store.records().eq(told.iter()), "a reader knows what is kept");
            }
        }
        (store, told)
    }

    fn steps(records: &[Snapshot]) -> Vec<u64> {
        records.iter().map(|it| it.step).collect()
    }

    fn new_folder(temporary: &tempfile::TempDir) -> RunFolder {
        RunFolder::create(temporary.path().join("run")).unwrap()
    }

    fn files(folder: &RunFolder) -> usize {
        std::fs::read_dir(folder.path().join("snapshots")).map_or(0, Iterator::count)
    }

    #[test]
    fn beyond_the_limit_every_second_one_goes_and_both_ends_stay() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = new_folder(&temporary);
        let limits = SnapshotLimits { most: 9, bytes: u64::MAX };
        for (count, expected) in [
            (8, vec![0, 1, 2, 3, 4, 5, 6, 7]),
            (9, vec![0, 2, 4, 6, 8]),
            (10, vec![0, 2, 4, 6, 8]),
            (16, vec![0, 2, 4, 6, 8, 10, 12, 14]),
            (33, vec![0, 8, 16, 24, 32]),
            (50, vec![0, 8, 16, 24, 32, 40, 48]),
        ] {
            let folder = RunFolder::create(folder.path().join(count.to_string())).unwrap();
            let (mut store, told) = stored(&folder, Some(limits), &[], 0..count, |it| it as f32);
            // What has gone is told with the next one that is kept.
            let final_one =
                store.store("final", None, count, &weights(-1.0), |_| true).unwrap().unwrap();
            store.delete_unneeded().unwrap();
            let mut all = told;
            final_one.forget_given_up(&mut all);
            assert_eq!(steps(&all), expected, "{count}");
            assert_eq!(files(&folder), expected.len() + 1, "{count}");
        }
    }

    #[test]
    fn a_limit_of_bytes_is_kept_and_without_limits_all_stay() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = new_folder(&temporary);
        let each = Encoded::of(&weights(0.0)).unwrap().len();
        let limits = SnapshotLimits { most: usize::MAX, bytes: 5 * each };
        let (_, told) = stored(&folder, Some(limits), &[], 0..17, |it| it as f32);
        assert_eq!(steps(&told), [0, 4, 8, 12, 16]);
        let folder = RunFolder::create(temporary.path().join("all")).unwrap();
        let (_, told) = stored(&folder, None, &[], 0..40, |it| it as f32);
        assert_eq!(steps(&told), (0..40).collect::<Vec<_>>());
        let too_large = SnapshotLimits { most: usize::MAX, bytes: each / 2 };
        let folder = RunFolder::create(temporary.path().join("large")).unwrap();
        let (mut store, told) = stored(&folder, Some(too_large), &[], 0..9, |it| it as f32);
        assert_eq!(steps(&told), [0, 8]);
        assert!(store.store("final", None, 9, &weights(-1.0), |_| true).unwrap().is_some());
    }

    #[test]
    fn a_file_that_another_one_needs_stays_and_a_run_that_goes_on_keeps_its_stride() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = new_folder(&temporary);
        let limits = Some(SnapshotLimits { most: 9, bytes: u64::MAX });
        // Steps 1 and 2, 3 and 4, … have the same weights, each even one the file of the odd one.
        let (_, told) = stored(&folder, limits, &[], 0..40, |it| it.div_ceil(2) as f32);
        assert!(told.len() < 20, "{:?}", steps(&told));
        for it in &told {
            assert!(folder.path().join(&it.file).is_file(), "{it:?}");
        }
        let folder = RunFolder::create(temporary.path().join("resumed")).unwrap();
        let (_, told) = stored(&folder, limits, &[], 0..17, |it| it as f32);
        let (_, told) = stored(&folder, limits, &told, 17..33, |it| it as f32);
        assert_eq!(steps(&told), [0, 4, 8, 12, 16, 20, 24, 28, 32]);
    }

    #[test]
    fn numbers_are_told_as_ordinals() {
        let told = [1, 2, 3, 4, 11, 12, 32, 512, 8192].map(ordinal);
        assert_eq!(told, ["1st", "2nd", "3rd", "4th", "11th", "12th", "32nd", "512th", "8192nd"]);
    }

    #[test]
    fn sizes_are_told_in_three_digits() {
        let said = [0, 999, 1000, 99_950, 4_400_000, 1 << 40].map(human_bytes);
        let expected = ["0 B", "999 B", "1.00 kB", "100.0 kB", "4.40 MB", "1.10 TB"];
        assert_eq!(said[..3], expected[..3]);
        assert_eq!(said[4..], expected[4..]);
    }

    #[test]
    fn a_disk_without_room_for_all_planned_snapshots_is_a_warning_with_the_remedy() {
        let (level, sentence) = room_sentence(1_000_000, Some(9), Some(5_000_000), None);
        assert_eq!(level, "warning");
        assert!(sentence.contains("10.0 MB") && sentence.contains("5.00 MB"), "{sentence}");
        assert!(sentence.contains("snapshot_every_epochs"), "{sentence}");
        let limits = Some(SnapshotLimits { most: 4, bytes: u64::MAX });
        assert_eq!(room_sentence(1_000_000, Some(9), Some(5_000_000), limits).0, "info");
    }
}
