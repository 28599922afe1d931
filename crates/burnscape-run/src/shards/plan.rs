//! The plan of a slice that is shared out: what all who measure it do alike, and what keeps somebody from taking part.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read};

use burnscape_trace::{
    Axis, F64s, Fingerprint, Head, Record, RunFolder, Shard, Slice, Trajectory, frame, read_run,
    record,
};

/// Numbers that come out of the same arithmetic on unlike hardware differ by less than this share.
const ROUNDING: f64 = 1e-6;

/// Losses on unlike hardware differ by less than this share of themselves, and of the range of a surface.
pub const UNLIKE_HARDWARE: f64 = 1e-4;

/// What is measured of a slice, by whom, around which weights, on which batches.
///
/// As a plan it is what all shards of the slice take over; as found it is what one process would measure by itself.
#[derive(Debug, Clone, Default)]
pub struct SharedSlice {
    /// The versions that measure, and the device.
    pub head: Head,
    /// The slice, with its number in the run.
    pub slice: Slice,
    /// The path of training in it, without its losses.
    pub trajectory: Option<Trajectory>,
    /// Weights and batches; of a plan its fingerprint.
    pub shard: Shard,
}

/// What keeps a process from taking part in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs, such as `the seed`.
    pub what: &'static str,
    /// As it was planned.
    pub planned: String,
    /// As it was found.
    pub found: String,
}

impl SharedSlice {
    /// Reads a plan.
    ///
    /// # Errors
    ///
    /// A sentence, if it cannot be read, is not whole, or was changed since it was written.
    pub fn read(folder: &RunFolder) -> Result<Self, String> {
        let trace = read_run(folder.path()).map_err(|error| error.to_string())?;
        if trace.torn.is_some() || !trace.lost.is_empty() {
            return Err("its trace is damaged".to_owned());
        }
        let mut plan = Self::default();
        for record in trace.records {
            match record {
                Record::Head(head) => plan.head = head,
                Record::Slice(slice) => plan.slice = slice,
                Record::Trajectory(path) => plan.trajectory = Some(path),
                Record::Shard(shard) => plan.shard = shard,
                _ => {}
            }
        }
        match plan.fingerprint(folder)? == plan.shard.plan {
            true => Ok(plan),
            false => Err("it was changed after it was written".to_owned()),
        }
    }

    /// The fingerprint of the plan, the files that it names in a folder included.
    ///
    /// # Errors
    ///
    /// A sentence, if a file cannot be read.
    pub fn fingerprint(&self, folder: &RunFolder) -> Result<String, String> {
        let mut fingerprint = Fingerprint::default();
        let head = record!(Head {
            burnscape_version: self.head.burnscape_version.clone(),
            burn_version: self.head.burn_version.clone(),
        });
        let shard = record!(Shard { plan: String::new(), ..self.shard.clone() });
        let trajectory = self.trajectory.iter().cloned().map(Record::from);
        let records = [Record::from(head), self.slice.clone().into(), shard.into()];
        for record in records.into_iter().chain(trajectory) {
            let mut bytes = Vec::new();
            frame::encode(&record, &mut bytes).map_err(|error| error.to_string())?;
            fingerprint.add(&bytes);
        }
        if let Some(file) = &self.slice.directions {
            let path = folder.resolve(file).map_err(|error| error.to_string())?;
            let added = File::open(&path).and_then(|file| add_all(&mut fingerprint, file));
            added.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(fingerprint.to_string())
    }

    /// The records of a plan, in their order.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let trajectory = self.trajectory.iter().cloned().map(Record::from);
        let Self { head, shard, slice, .. } = self.clone();
        [Record::from(head), shard.into(), slice.into()].into_iter().chain(trajectory).collect()
    }

    /// The first thing that keeps `found` from taking part in this plan. Numbers may differ as far as unlike hardware
    /// makes them; device, number and name of the slice may be others.
    #[must_use]
    pub fn difference(&self, found: &Self) -> Option<Difference> {
        let words = self.words().into_iter().zip(found.words());
        let of_words = words
            .filter(|((_, planned), (_, found))| planned != found)
            .map(|((what, planned), (_, found))| Difference { what, planned, found });
        let numbers = self.numbers().into_iter().zip(found.numbers());
        let of_numbers = numbers
            .filter(|((_, near, planned), (_, _, found))| !are_near(planned, found, *near))
            .map(|((what, _, planned), (_, _, found))| Difference {
                what,
                planned: in_words(&planned),
                found: in_words(&found),
            });
        of_words.chain(of_numbers).next().or_else(|| self.other_path(found))
    }

    /// A path of other snapshots. A shard that was stopped early may not have told it yet.
    fn other_path(&self, found: &Self) -> Option<Difference> {
        let (planned, found) = self.trajectory.as_ref().zip(found.trajectory.as_ref())?;
        let snapshots = |path: &Trajectory| text(&path.snapshots.0);
        let (planned, found) = (snapshots(planned), snapshots(found));
        let what = "the snapshots on the path of training";
        (planned != found).then_some(Difference { what, planned, found })
    }

    /// What must be the same.
    fn words(&self) -> Vec<(&'static str, String)> {
        let Self { head, slice, shard, .. } = self;
        let of_axes = |of: &dyn Fn(&Axis) -> String| -> String {
            let axes = std::iter::once(&slice.x).chain(&slice.y);
            axes.map(of).collect::<Vec<_>>().join(" and ")
        };
        let layers = slice.layers.iter().map(|it| (&it.name, it.samples, &it.unit, it.batches));
        vec![
            ("the version of burnscape", head.burnscape_version.clone()),
            ("the version of burn", head.burn_version.clone()),
            ("the fingerprint of the weights", shard.weights.clone()),
            ("the number of batches", text(&(slice.batches, shard.batches.len()))),
            ("the number of samples", format!("{} {}", slice.samples, slice.unit.as_str())),
            ("the fingerprint of the samples", slice.fingerprint.clone()),
            ("the seed", of_axes(&|axis| text(&axis.seed))),
            ("the grid", of_axes(&|axis| format!("{} nodes from {}", axis.count, axis.first))),
            ("the directions", of_axes(&|axis| text(&(&axis.kind, &axis.label, axis.component)))),
            ("the centre", text(&(&slice.centre, slice.centre_snapshot))),
            (
                "how directions are scaled",
                text(&(
                    &slice.normalisation,
                    &slice.biases,
                    slice.moves_frozen,
                    slice.orthogonalised,
                )),
            ),
            ("BatchNorm", text(&slice.batchnorm)),
            ("the element type", slice.dtype.clone()),
            ("where the loss comes from", text(&slice.loss)),
            ("what is measured beside the loss", text(&layers.collect::<Vec<_>>())),
        ]
    }

    /// What must come close, and how close as a share.
    fn numbers(&self) -> Vec<(&'static str, f64, Vec<f64>)> {
        let axes = || std::iter::once(&self.slice.x).chain(&self.slice.y);
        vec![
            ("the losses of the batches", UNLIKE_HARDWARE, self.shard.batches.0.clone()),
            ("the range", ROUNDING, axes().map(|axis| axis.spacing).collect()),
            (
                "the length of the directions",
                ROUNDING,
                axes().map(|it| it.direction_norm).collect(),
            ),
        ]
    }
}

fn text(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn in_words(values: &[f64]) -> String {
    let shown: Vec<String> = values.iter().take(4).map(ToString::to_string).collect();
    let more = if values.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn are_near(a: &[f64], b: &[f64], share: f64) -> bool {
    let is_near = |(a, b): (&f64, &f64)| {
        let is_same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || a == b;
        is_same || (a - b).abs() <= share * a.abs().max(b.abs())
    };
    a.len() == b.len() && a.iter().zip(b).all(is_near)
}

fn add_all(fingerprint: &mut Fingerprint, mut file: File) -> io::Result<()> {
    let mut chunk = vec![0; 256 << 10];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            read => fingerprint.add(&chunk[..read]),
        }
    }
}

/// Of losses of batches, whether they are bit for bit the same.
#[must_use]
pub(super) fn are_same(a: &F64s, b: &F64s) -> bool {
    a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.to_bits() == b.to_bits())
}
