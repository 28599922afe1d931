//! A run whose every number the test knows: NaN, infinities and −0 among them.

use burnscape_trace::record;
use std::path::Path;

use burnscape::trace::{
    Axis, Block, Curvature, End, Epoch, F32s, F64s, FORMAT, Head, Hyperparameters, Layer,
    LayerNodes, Metric, Nodes, Note, Record, Resume, RunFolder, Slice, Snapshot, Step, Trajectory,
    U32s, Writer,
};
use safetensors::tensor::{Dtype, TensorView};

use super::support::Dice;

/// Blocks of the model.
pub const BLOCKS: usize = 3;
/// Steps before training goes back.
pub const STEPS: u64 = 60;
/// Steps that count when it does: the checkpoint of the second epoch.
pub const KEPT_STEPS: u64 = 40;
/// Steps in the end.
pub const ALL_STEPS: u64 = 70;
/// Nodes of the plane.
pub const COLUMNS: usize = 5;
/// Its rows.
pub const ROWS: usize = 4;

/// The records, in order, and the tensors of the one snapshot with a file.
pub struct Known {
    /// What is written.
    pub records: Vec<Record>,
    /// Bytes of the snapshot's file.
    pub snapshot: Vec<u8>,
    /// Values of its tensor.
    pub weights: Vec<f32>,
}

impl Known {
    /// The same run for the same seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let weights: Vec<f32> = (0..6).map(|_| dice.float() as f32).collect();
        let snapshot = file_of(&weights);
        let mut records = vec![Record::from(head())];
        records.extend(hyperparameters().map(Record::from));
        for number in 0..STEPS {
            training(&mut records, &mut dice, number, &snapshot);
        }
        records.push(Record::from(resume()));
        for number in KEPT_STEPS..ALL_STEPS {
            training(&mut records, &mut dice, number, &snapshot);
        }
        landscape(&mut records, &mut dice);
        Self { records, snapshot, weights }
    }

    /// Writes the run into a new folder.
    pub fn write(&self, folder: &Path) {
        let folder = RunFolder::create(folder).expect("a run folder");
        let mut writer = Writer::create(&folder).expect("a writer");
        for record in &self.records {
            writer.append(record).expect("appended");
        }
        let end = record!(End { reason: "finished".into(), steps: ALL_STEPS });
        writer.finish(end).expect("finished");
        std::fs::write(folder.snapshot_path(0), &self.snapshot).expect("a snapshot");
    }

    /// The steps on the path of training.
    pub fn steps(&self) -> Vec<Step> {
        let steps: Vec<Step> = self.records.iter().filter_map(step_of).collect();
        let (left, gone_on) = steps.split_at(STEPS as usize);
        left.iter().take(KEPT_STEPS as usize).chain(gone_on).cloned().collect()
    }
}

fn step_of(record: &Record) -> Option<Step> {
    match record {
        Record::Step(step) => Some(step.clone()),
        _ => None,
    }
}

fn file_of(weights: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = weights.iter().flat_map(|it| it.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![2, 3], &bytes).expect("a tensor");
    safetensors::serialize([("fc.weight", view)], None).expect("safetensors")
}

fn head() -> Head {
    let block = |path: &str| record!(Block { path: path.into(), shape: vec![2, 3] });
    let blocks = ["fc.weight", "fc.bias", "output.weight"].map(block).to_vec();
    let run_id = "0123456789abcdef0123456789abcdef".to_owned();
    record!(Head { format: FORMAT, run_id, seed: u64::MAX, blocks })
}

/// Told in two parts, of which the second has a word on what the first said.
fn hyperparameters() -> [Hyperparameters; 2] {
    let first = [("lr", "0.1"), ("optimizer.name", "\"adam\""), ("widths", "[64,10]")];
    let second = [("lr", "0.001"), ("broken", "{")];
    let of = |values: &[(&str, &str)]| {
        record!(Hyperparameters {
            values: values.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        })
    };
    [of(&first), of(&second)]
}

fn resume() -> Resume {
    record!(Resume { steps: KEPT_STEPS, batches: KEPT_STEPS })
}

/// A step, and at the end of every epoch what belongs there.
fn training(records: &mut Vec<Record>, dice: &mut Dice, number: u64, snapshot: &[u8]) {
    records.push(Record::from(step(dice, number)));
    if !(number + 1).is_multiple_of(20) {
        return;
    }
    let (epoch, steps) = ((number + 1) / 20, number + 1);
    let (train_loss, valid_loss) = (Some(dice.float()), (epoch != 2).then(|| dice.float()));
    records.push(Record::from(record!(Epoch { epoch, steps, train_loss, valid_loss })));
    records.push(Record::from(record!(Metric {
        split: "valid".into(),
        name: "accuracy".into(),
        epoch,
        step: steps,
        value: dice.float(),
    })));
    records.push(Record::from(record!(Snapshot {
        index: epoch,
        reason: "epoch".into(),
        step: steps,
        file: "snapshots/000000.safetensors".into(),
        bytes: snapshot.len() as u64,
        crc32: crc32fast::hash(snapshot),
    })));
    records.push(Record::from(record!(Curvature {
        reason: "live".into(),
        step: steps,
        largest: F64s(vec![dice.float(), dice.float()]),
    })));
}

fn step(dice: &mut Dice, number: u64) -> Step {
    let mut column = || F32s((0..BLOCKS).map(|_| dice.float() as f32).collect());
    let mut columns = vec![("grad_norm".to_owned(), column())];
    if number.is_multiple_of(3) {
        columns.push(("weight_norm".to_owned(), column()));
    }
    record!(Step {
        step: number,
        batches: number + 1,
        epoch: (!number.is_multiple_of(7)).then_some(number / 20 + 1),
        accumulated: 1,
        elapsed_secs: number as f64 / 8.0,
        lr: dice.float(),
        loss: (!number.is_multiple_of(5)).then(|| dice.float()),
        missing: U32s(if number.is_multiple_of(4) { vec![1] } else { vec![] }),
        columns: columns.into_iter().collect(),
    })
}

fn axis(first: i64, count: u64) -> Axis {
    record!(Axis { label: "PC 1".into(), first, count, spacing: 0.25 })
}

fn landscape(records: &mut Vec<Record>, dice: &mut Dice) {
    let layers = vec![record!(Layer { name: "accuracy".into() })];
    let y = Some(axis(-1, ROWS as u64));
    let plane = record!(Slice { name: "pca".into(), x: axis(-2, COLUMNS as u64), y, layers });
    records.push(Record::from(plane.clone()));
    records.push(Record::from(tile(dice, &[7, 3, 3, 19], false)));
    // A surface that is measured further repeats its slice.
    records.push(Record::from(plane));
    records.push(Record::from(tile(dice, &[3, 8, 9, 400], true)));
    records.push(Record::from(tile(dice, &[9], false)));
    records.push(Record::from(record!(Note { text: "between".into() })));
    let line = record!(Slice { slice: 4, name: "line".into(), x: axis(-1, 3) });
    records.push(Record::from(line));
    records.push(Record::from(record!(Nodes { slice: 4, ..tile(dice, &[2], false) })));
    records.push(Record::from(path(dice, Some(0))));
    records.push(Record::from(path(dice, None)));
    records.push(Record::from(path(dice, Some(0))));
}

/// Losses and a layer at some nodes; standard errors of all but the last.
fn tile(dice: &mut Dice, index: &[u32], interpolated: bool) -> Nodes {
    let mut values = |count: usize| F64s((0..count).map(|_| dice.float()).collect());
    let count = index.len();
    let (loss, stderr) = (values(count), values(count - 1));
    let layers = vec![record!(LayerNodes { value: values(count), stderr: values(count) })];
    record!(Nodes { slice: 0, index: U32s(index.to_vec()), loss, stderr, layers, interpolated })
}

fn path(dice: &mut Dice, slice: Option<u32>) -> Trajectory {
    let mut three = || F64s((0..3).map(|_| dice.float()).collect());
    let (epochs, x, y, loss) = (three(), three(), three(), three());
    record!(Trajectory { slice, snapshots: U32s(vec![1, 2, 3]), epochs, x, y, loss })
}
