//! Runs made of known numbers: a loss that falls as 1/(1 + step/20), a surface that is a paraboloid.
#![allow(dead_code, reason = "every test file uses another part")]

pub mod curvature;
pub mod keys;
pub mod looks;
pub mod screen;

use std::collections::BTreeMap;

use burnscape_trace::{
    Axis, Block, Check, End, Epoch, Head, Nodes, Note, Progress, Record, Slice, Snapshot, Step,
    Trajectory, record,
};
use burnscape_tui::Run;

/// Loss at the bottom of the paraboloid, which is the node (0, 0).
pub const LOWEST: f64 = 0.123_456_7;
/// Curvatures along the axes: L = LOWEST + α² + 2β².
pub const CURVATURE: (f64, f64) = (1.0, 2.0);

/// What a synthetic run is like.
#[derive(Debug, Clone)]
pub struct Synthetic {
    pub names: Vec<String>,
    pub steps: u64,
    pub steps_per_epoch: u64,
    pub columns: u64,
    pub rows: u64,
    pub spacing: f64,
    pub with_slice: bool,
    pub with_end: bool,
    /// Taps, alerts, black boxes, histograms, and the columns of a closer look.
    pub with_looks: bool,
}

impl Default for Synthetic {
    fn default() -> Self {
        let names =
            ["conv1.weight", "conv1.bias", "norm1.gamma", "fc1.weight", "fc1.bias", "fc2.weight"];
        Self {
            names: names.map(str::to_owned).to_vec(),
            steps: 400,
            steps_per_epoch: 40,
            columns: 25,
            rows: 21,
            spacing: 0.1,
            with_slice: true,
            with_end: true,
            with_looks: false,
        }
    }
}

impl Synthetic {
    pub fn loss_at_step(step: u64) -> f64 {
        2.3 / (1.0 + step as f64 / 20.0)
    }

    pub fn last_loss(&self) -> f64 {
        Self::loss_at_step(self.steps - 1)
    }

    /// Farthest corner of the grid.
    pub fn highest(&self) -> f64 {
        let farthest = |axis: Axis| {
            let last = axis.first + axis.count as i64 - 1;
            axis.first.abs().max(last) as f64 * axis.spacing
        };
        paraboloid(
            farthest(self.axis("PC 1", self.columns)),
            farthest(self.axis("PC 2", self.rows)),
        )
    }

    pub fn snapshots(&self) -> u64 {
        self.steps / self.steps_per_epoch + 1
    }

    pub fn run(&self) -> Run {
        let mut run = Run::named("synthetic");
        self.records().iter().for_each(|record| run.apply(record));
        run
    }

    pub fn records(&self) -> Vec<Record> {
        let mut records = vec![Record::Head(self.head()), snapshot(0, 0)];
        for step in 0..self.steps {
            records.push(Record::Step(self.step(step)));
            if self.with_looks {
                records.extend(looks::at(self, step));
            }
            if (step + 1) % self.steps_per_epoch == 0 {
                records.extend(self.epoch_end(step));
            }
        }
        if self.with_slice {
            records.extend(self.landscape());
        }
        if self.with_end {
            records.push(Record::End(record!(End {
                reason: "finished".into(),
                steps: self.steps,
                dropped: 0,
                elapsed_secs: self.steps as f64 * 0.05 + 20.0,
            })));
        }
        records
    }

    pub fn head(&self) -> Head {
        let block = |(i, path): (usize, &String)| {
            record!(Block {
                path: path.clone(),
                shape: vec![16, 8],
                role: "weight".into(),
                container: "Linear".into(),
                filter_axis: Some(1),
                groups: 1,
                frozen: path.contains("frozen"),
                offset: 128 * i as u64,
            })
        };
        record!(Head {
            format: burnscape_trace::FORMAT,
            run_id: "0123456789abcdef0123456789abcdef".into(),
            started_unix_secs: 1.7e9,
            burnscape_version: "0.1.0".into(),
            burn_version: "0.22.1".into(),
            device: "Cpu".into(),
            dtype: "f32".into(),
            seed: 42,
            epochs_planned: Some(self.steps.div_ceil(self.steps_per_epoch)),
            first_epoch: Some(1),
            blocks: self.names.iter().enumerate().map(block).collect(),
            buffers: Vec::new(),
        })
    }

    fn frozen(&self) -> Vec<u32> {
        let named = |i: &u32| self.names[*i as usize].contains("frozen");
        (0..self.names.len() as u32).filter(named).collect()
    }

    pub fn step(&self, step: u64) -> Step {
        let noise = 1.0 + 0.3 * ((step as f64 * 12.9898).sin() * 43758.5453).fract();
        let frozen = self.frozen();
        let norms = |scale: f64| {
            let of_block = |i: usize| match frozen.contains(&(i as u32)) {
                true => f32::NAN,
                false => (scale / (1.0 + i as f64) / (1.0 + step as f64 / 50.0)) as f32,
            };
            (0..self.names.len()).map(of_block).collect()
        };
        let weights = (0..self.names.len()).map(|i| 3.0 + i as f32).collect();
        let mut columns = BTreeMap::from([
            ("grad_norm".to_owned(), norms(noise)),
            ("weight_norm".to_owned(), weights),
            ("update_norm".to_owned(), norms(0.01 * noise)),
        ]);
        if self.with_looks {
            columns.extend(looks::columns(self.names.len(), step));
        }
        record!(Step {
            step,
            batches: step + 1,
            epoch: Some(step / self.steps_per_epoch + 1),
            iteration: Some(step % self.steps_per_epoch + 1),
            accumulated: 1,
            elapsed_secs: step as f64 * 0.05,
            lr: 0.01 * 0.995_f64.powf(step as f64),
            loss: Some(Self::loss_at_step(step)),
            missing: self.frozen().into(),
            columns,
        })
    }

    fn epoch_end(&self, step: u64) -> Vec<Record> {
        let epoch = (step + 1) / self.steps_per_epoch;
        let loss = Self::loss_at_step(step);
        vec![
            Record::Epoch(record!(Epoch {
                epoch,
                steps: step + 1,
                batches: step + 1,
                elapsed_secs: (step + 1) as f64 * 0.05,
                train_loss: Some(loss * 1.1),
                valid_loss: Some(loss * 1.2 + 0.05),
                weighted_by: "".into(),
            })),
            Record::Progress(record!(Progress {
                split: "train".into(),
                epoch,
                done: self.steps_per_epoch,
                total: self.steps_per_epoch,
                eta_secs: Some((self.steps - step - 1) as f64 * 0.05),
            })),
            snapshot(epoch, step + 1),
        ]
    }

    pub fn axis(&self, label: &str, count: u64) -> Axis {
        record!(Axis {
            label: label.into(),
            kind: "pca".into(),
            first: -(count as i64) / 2 - 2,
            count,
            spacing: self.spacing,
            direction_norm: 1.0,
            seed: None,
            explained: Some(if label == "PC 1" { 0.712 } else { 0.14 }),
        })
    }

    pub fn slice(&self) -> Slice {
        record!(Slice {
            slice: 0,
            name: "pca".into(),
            centre: "final".into(),
            x: self.axis("PC 1", self.columns),
            y: Some(self.axis("PC 2", self.rows)),
            normalisation: "none".into(),
            biases: "moved".into(),
            cosine: Some(0.0),
            centre_norm: 12.5,
            centre_loss: LOWEST,
            samples: 1000,
            batches: 8,
            batchnorm: "none".into(),
            dtype: "f32".into(),
            device: "Cpu".into(),
            loss: "output".into(),
        })
    }

    pub fn nodes(&self) -> Nodes {
        let (x, y) = (self.axis("PC 1", self.columns), self.axis("PC 2", self.rows));
        let at = |axis: &Axis, i: u64| (axis.first + i as i64) as f64 * axis.spacing;
        let places = (0..self.rows).flat_map(|iy| (0..self.columns).map(move |ix| (ix, iy)));
        let loss = places.map(|(ix, iy)| paraboloid(at(&x, ix), at(&y, iy)));
        let count = self.columns * self.rows;
        record!(Nodes {
            slice: 0,
            index: (0..count as u32).collect(),
            loss: loss.collect(),
            stderr: (0..count).map(|_| 0.0125).collect(),
        })
    }

    pub fn trajectory(&self) -> Trajectory {
        let count = self.snapshots();
        let left = |i: u64| 1.0 - i as f64 / (count - 1).max(1) as f64;
        let x: Vec<f64> = (0..count).map(|i| -1.1 * left(i)).collect();
        let y: Vec<f64> = (0..count).map(|i| 0.7 * left(i) * (4.0 * left(i)).cos()).collect();
        let on_plane = x.iter().zip(&y).map(|(x, y)| paraboloid(*x, *y)).collect();
        record!(Trajectory {
            slice: Some(0),
            snapshots: (0..count as u32).collect(),
            epochs: (0..count).map(|i| i as f64).collect(),
            out_of_plane: (0..count).map(|i| 0.4 * left(i)).collect(),
            out_of_plane_share: (0..count).map(|i| 0.23 * left(i)).collect(),
            loss: (0..count).map(|i| 0.12 + 2.2 * left(i)).collect(),
            loss_on_plane: on_plane,
            explained: vec![0.712, 0.14].into(),
            random_walk: vec![0.6191, 0.1587].into(),
            random_walk_measured: vec![0.6191, 0.1587].into(),
            loss_at: Vec::new().into(),
            degenerate: false,
            x: x.into(),
            y: y.into(),
        })
    }

    fn landscape(&self) -> Vec<Record> {
        let check = record!(Check {
            slice: Some(0),
            name: "centre-twice".into(),
            passed: true,
            detail: "both evaluations agree".into(),
        });
        vec![
            Record::Slice(self.slice()),
            Record::Trajectory(self.trajectory()),
            Record::Nodes(self.nodes()),
            Record::Check(check),
            Record::Note(record!(Note {
                level: "info".into(),
                text: "1000 of 60000 samples were used".into(),
            })),
        ]
    }
}

pub fn paraboloid(alpha: f64, beta: f64) -> f64 {
    LOWEST + CURVATURE.0 * alpha * alpha + CURVATURE.1 * beta * beta
}

pub fn snapshot(index: u64, step: u64) -> Record {
    Record::Snapshot(record!(Snapshot {
        index,
        reason: if index == 0 { "initial" } else { "epoch" }.into(),
        epoch: Some(index),
        step,
        file: format!("snapshots/{index:06}.safetensors"),
        bytes: 4096,
    }))
}
