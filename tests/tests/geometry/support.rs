//! Small helpers: a run folder of one's own, its trace and files, and training by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use burn::module::Module;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Tensor, TensorData};
use burn::train::TrainStep;
use burnscape::trace::{
    Axis, Check, End, Epoch, Head, Note, Plan, Record, Slice, Snapshot, Step, Trajectory, read_run,
};
use burnscape::{Probe, ProbeBuilder, Watched};
use safetensors::SafeTensors;
use tempfile::TempDir;

/// Tensors of a file by path: shape and values.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Where models train.
pub fn device() -> Device {
    Device::flex().autodiff()
}

/// Rows of numbers as a tensor on the device where models are evaluated.
pub fn batch<const D: usize>(rows: &[[f32; D]]) -> Tensor<2> {
    rows_on(rows, &Device::flex())
}

/// Rows of numbers as a tensor on the device where models train.
pub fn training_batch<const D: usize>(rows: &[[f32; D]]) -> Tensor<2> {
    rows_on(rows, &device())
}

fn rows_on<const D: usize>(rows: &[[f32; D]], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = rows.iter().flatten().copied().collect();
    Tensor::from_data(TensorData::new(values, [rows.len(), D]), device)
}

/// Numbers between -0.8 and 0.8 without a pattern that arithmetic could hide behind.
pub fn waves(count: usize, phase: f32) -> Vec<f32> {
    let wave = |index: usize| 0.8 * (phase + 1.7 * index as f32).sin();
    (0..count).map(wave).collect()
}

/// Rows of such numbers.
pub fn wave_rows<const D: usize>(count: usize, phase: f32) -> Vec<[f32; D]> {
    let row = |index: usize| {
        let values = waves(D, phase + 0.9 * index as f32);
        std::array::from_fn(|column| values[column])
    };
    (0..count).map(row).collect()
}

/// Plain gradient descent.
pub fn sgd() -> ModuleOptimizer {
    SgdConfig::new().init()
}

/// One optimizer step on one batch.
pub fn step<M: TrainStep + Module>(
    model: Watched<M>,
    optim: &mut ModuleOptimizer,
    lr: f64,
    input: M::Input,
) -> Watched<M> {
    let output = TrainStep::step(&model, input);
    model.optimize(optim, lr.into(), output.grads)
}

/// Trains one epoch of so many steps on the same batch; `valid` marks its end.
pub fn epoch<M>(model: Watched<M>, lr: f64, steps: usize, input: &Tensor<2>) -> Watched<M>
where
    M: TrainStep<Input = Tensor<2>> + Module,
{
    let mut model = model;
    for _ in 0..steps {
        model = step(model, &mut sgd(), lr, input.clone());
    }
    let _ = model.valid();
    model
}

/// Equal up to a share of `scale`; two NaN are equal.
pub fn assert_close(found: f64, expected: f64, scale: f64, what: &str) {
    let close = (found - expected).abs() <= 2e-5 * scale || (found.is_nan() && expected.is_nan());
    assert!(close, "{what}: {found} instead of {expected}");
}

/// The largest absolute value.
pub fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

/// The same bits.
pub fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A message names all of these.
pub fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

/// A clock that stands still unless a test moves it; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Ticks(Arc<AtomicU64>);

impl Ticks {
    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }

    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    /// What a probe or a run is given.
    pub fn tells(&self) -> impl Fn() -> Duration + Send + Sync + 'static {
        let ticks = self.clone();
        move || ticks.now()
    }
}

/// A folder for one run, gone with the test.
pub struct Run {
    dir: TempDir,
}

impl Run {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder") }
    }

    /// The run folder itself.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// The folder above it.
    pub fn above(&self) -> &Path {
        self.dir.path()
    }

    /// Settings for a small surface, whole however long it takes, without a word on the terminal.
    pub fn builder(&self) -> ProbeBuilder {
        let builder = Probe::builder(self.path()).quiet().threads(2).exact();
        builder.resolution(5, 3).seed(11)
    }

    /// A probe that records here.
    pub fn probe(&self) -> Probe {
        self.builder().start().expect("a probe")
    }

    /// All records; nothing of the trace is damaged.
    pub fn records(&self) -> Vec<Record> {
        let trace = read_run(self.path()).expect("a readable run");
        assert!(trace.lost.is_empty(), "{:?}", trace.lost);
        assert_eq!(trace.torn, None);
        trace.records
    }

    fn all<T>(&self, pick: impl Fn(&Record) -> Option<&T>) -> Vec<T>
    where
        T: Clone,
    {
        self.records().iter().filter_map(|record| pick(record).cloned()).collect()
    }

    pub fn head(&self) -> Head {
        let heads = self.all(|record| match record {
            Record::Head(head) => Some(head),
            _ => None,
        });
        heads.last().expect("a head").clone()
    }

    pub fn steps(&self) -> Vec<Step> {
        self.all(|record| match record {
            Record::Step(step) => Some(step),
            _ => None,
        })
    }

    pub fn epochs(&self) -> Vec<Epoch> {
        self.all(|record| match record {
            Record::Epoch(epoch) => Some(epoch),
            _ => None,
        })
    }

    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.all(|record| match record {
            Record::Snapshot(snapshot) => Some(snapshot),
            _ => None,
        })
    }

    pub fn checks(&self) -> Vec<Check> {
        self.all(|record| match record {
            Record::Check(check) => Some(check),
            _ => None,
        })
    }

    /// Text of all notes.
    pub fn notes(&self) -> Vec<String> {
        let notes: Vec<Note> = self.all(|record| match record {
            Record::Note(note) => Some(note),
            _ => None,
        });
        notes.into_iter().map(|note| note.text).collect()
    }

    /// All plans, in the order in which they were told.
    pub fn plans(&self) -> Vec<Plan> {
        self.all(|record| match record {
            Record::Plan(plan) => Some(plan),
            _ => None,
        })
    }

    /// The reason of the `end` record, which is the last record.
    pub fn end(&self) -> String {
        match self.records().last() {
            Some(Record::End(End { reason, .. })) => reason.to_string(),
            other => panic!("the trace ends with {other:?}"),
        }
    }

    pub fn slice(&self, name: &str) -> Slice {
        let slices: Vec<Slice> = self.all(|record| match record {
            Record::Slice(slice) => Some(slice),
            _ => None,
        });
        let slice = slices.into_iter().find(|slice| slice.name == name);
        slice.expect("the slice is in the trace")
    }

    pub fn trajectory(&self, name: &str) -> Trajectory {
        let number = self.slice(name).slice;
        let trajectories: Vec<Trajectory> = self.all(|record| match record {
            Record::Trajectory(trajectory) => Some(trajectory),
            _ => None,
        });
        let own = trajectories.into_iter().rfind(|it| it.slice == Some(number));
        own.expect("the trajectory is in the trace")
    }

    /// Every node of a slice: coordinates, loss and standard error, row by row.
    pub fn nodes(&self, name: &str) -> Vec<Node> {
        let slice = self.slice(name);
        let y = slice.y.as_ref().expect("a plane");
        let columns = slice.x.count as usize;
        let nodes = self.told(&slice).into_iter().enumerate();
        nodes
            .map(|(node, (loss, stderr))| Node {
                alpha: value(&slice.x, node % columns),
                beta: value(y, node / columns),
                loss,
                stderr,
            })
            .collect()
    }

    /// The losses of a line or a plane, row by row.
    pub fn told_losses(&self, name: &str) -> Vec<f64> {
        self.told(&self.slice(name)).into_iter().map(|(loss, _)| loss).collect()
    }

    /// Loss and standard error of every node, each told once.
    fn told(&self, slice: &Slice) -> Vec<(f64, f64)> {
        let rows = slice.y.as_ref().map_or(1, |y| y.count);
        let mut told: Vec<Option<(f64, f64)>> = vec![None; (slice.x.count * rows) as usize];
        for record in self.records() {
            let Record::Nodes(tile) = record else {
                continue;
            };
            if tile.slice != slice.slice {
                continue;
            }
            for (place, &node) in tile.index.iter().enumerate() {
                let before = told[node as usize].replace((tile.loss[place], tile.stderr[place]));
                assert_eq!(before, None, "node {node} is told once");
            }
        }
        told.into_iter().map(|told| told.expect("every node is measured")).collect()
    }

    /// The losses of a slice, row by row.
    pub fn losses(&self, name: &str) -> Vec<f64> {
        self.nodes(name).iter().map(|node| node.loss).collect()
    }

    /// A safetensors file of the run.
    pub fn tensors(&self, file: &str) -> Tensors {
        tensors_in(&self.path().join(file))
    }

    /// Snapshot number `index`.
    pub fn snapshot(&self, index: usize) -> Tensors {
        self.tensors(&self.snapshots()[index].file)
    }

    /// Centre and directions of the PCA plane as its file holds them.
    pub fn pca_directions(&self) -> [Vec<f32>; 3] {
        let mut file = self.tensors("directions/0000.safetensors");
        let mut vector = |name: &str| file.remove(name).expect("a vector").1;
        [vector("centre"), vector("d1"), vector("d2")]
    }

    /// Seeds of the random plane.
    pub fn seeds(&self) -> [u64; 2] {
        let slice = self.slice("random");
        let y = slice.y.expect("a plane");
        [slice.x.seed, y.seed].map(|seed| seed.expect("a seed"))
    }
}

/// One measured node.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    pub alpha: f64,
    pub beta: f64,
    pub loss: f64,
    pub stderr: f64,
}

fn value(axis: &Axis, index: usize) -> f64 {
    (axis.first + index as i64) as f64 * axis.spacing
}

/// All tensors of a safetensors file, f32.
pub fn tensors_in(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let tensors = file.tensors();
    let tensors = tensors.iter().map(|(name, view)| {
        assert_eq!(view.dtype(), safetensors::Dtype::F32);
        let (values, _) = view.data().as_chunks::<4>();
        let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes));
        (name.clone(), (view.shape().to_vec(), values.collect()))
    });
    tensors.collect()
}
