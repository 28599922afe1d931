//! What is in a run, gathered record by record, so that memory does not grow with its steps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burnscape_trace::{
    Head, Item, LossCause, Lost, Metric, Nodes, Reader, Record, RunFolder, Slice, Step, Torn,
};
use serde_json::{Value, json};

use crate::json::number;

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) folder: PathBuf,
    pub(super) trace_bytes: u64,
    pub(super) head: Head,
    pub(super) records: BTreeMap<String, u64>,
    pub(super) steps: u64,
    pub(super) batches: u64,
    pub(super) epochs: u64,
    pub(super) elapsed_secs: f64,
    pub(super) loss: Option<Losses>,
    pub(super) metrics: BTreeMap<(String, String), Metric>,
    /// JSON texts by name.
    pub(super) hyperparameters: BTreeMap<String, String>,
    pub(super) alerts: BTreeMap<String, u64>,
    /// Bytes by file, as several snapshots may have one.
    pub(super) snapshots: BTreeMap<String, u64>,
    pub(super) slices: BTreeMap<u32, Surface>,
    pub(super) checks: [u64; 2],
    pub(super) dropped: u64,
    pub(super) lost: Vec<Lost>,
    pub(super) torn: Option<Torn>,
    pub(super) ended: Option<String>,
    /// Runs of further models that were trained with it.
    pub(super) children: Vec<PathBuf>,
}

/// The losses of the steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Losses {
    pub(super) first: f64,
    pub(super) last: f64,
    /// NaN while none was finite.
    pub(super) lowest: f64,
    pub(super) highest: f64,
    pub(super) not_finite: u64,
}

/// A slice and how far it is measured.
#[derive(Debug, Default)]
pub(super) struct Surface {
    pub(super) slice: Slice,
    pub(super) measured: BTreeSet<u32>,
    pub(super) lowest: Option<f64>,
    pub(super) highest: Option<f64>,
}

impl Facts {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let folder = RunFolder::open(path)?;
        let mut facts = Self { folder: folder.path().to_owned(), ..Self::default() };
        for item in Reader::open(folder.trace_path())? {
            match item? {
                Item::Record { record, .. } => facts.count(record),
                Item::Lost(lost) => facts.lost.push(lost),
                Item::Torn(torn) => facts.torn = Some(torn),
            }
        }
        facts.trace_bytes = std::fs::metadata(folder.trace_path())?.len();
        facts.children = folder.children().iter().map(|it| it.path().to_owned()).collect();
        Ok(facts)
    }

    fn count(&mut self, record: Record) {
        *self.records.entry(record.kind().to_owned()).or_default() += 1;
        self.ended = None;
        match record {
            Record::Head(head) => self.head = head,
            Record::Step(step) => self.count_step(&step),
            Record::Epoch(epoch) => {
                self.epochs = epoch.epoch;
                self.elapsed_secs = epoch.elapsed_secs;
            }
            Record::Hyperparameters(told) => self.hyperparameters.extend(told.values),
            Record::Metric(metric) => {
                self.metrics.insert((metric.split.clone(), metric.name.clone()), metric);
            }
            Record::Alert(alert) => *self.alerts.entry(alert.rule).or_default() += 1,
            Record::Snapshot(it) => {
                for given_up in it.given_up {
                    self.snapshots.remove(&RunFolder::snapshot_file(given_up));
                }
                self.snapshots.insert(it.file, it.bytes);
            }
            Record::Slice(slice) => {
                let number = slice.slice;
                self.slices.entry(number).or_default().slice = slice;
            }
            Record::Nodes(nodes) => self.count_nodes(&nodes),
            Record::Check(check) => self.checks[usize::from(!check.passed)] += 1,
            Record::Dropped(it) => self.dropped = self.dropped.saturating_add(it.records),
            Record::Resume(resume) => {
                (self.steps, self.batches) = (resume.steps, resume.batches);
            }
            Record::End(end) => {
                self.elapsed_secs = end.elapsed_secs;
                self.ended = Some(end.reason);
            }
            _ => {}
        }
    }

    fn count_step(&mut self, step: &Step) {
        self.steps = step.step.saturating_add(1);
        self.batches = step.batches;
        self.elapsed_secs = step.elapsed_secs;
        if let Some(loss) = step.loss {
            self.loss.get_or_insert(Losses::beginning_with(loss)).take(loss);
        }
    }

    fn count_nodes(&mut self, nodes: &Nodes) {
        let surface = self.slices.entry(nodes.slice).or_default();
        if nodes.interpolated {
            return;
        }
        surface.measured.extend(nodes.index.iter());
        for loss in nodes.loss.iter().copied().filter(|it| it.is_finite()) {
            surface.lowest = Some(surface.lowest.map_or(loss, |it| it.min(loss)));
            surface.highest = Some(surface.highest.map_or(loss, |it| it.max(loss)));
        }
    }

    pub(super) fn parameters(&self) -> u64 {
        let block = |shape: &Vec<u64>| shape.iter().fold(1, |all: u64, it| all.saturating_mul(*it));
        let blocks = self.head.blocks.iter().map(|it| block(&it.shape));
        blocks.fold(0, u64::saturating_add)
    }

    pub(super) fn snapshot_bytes(&self) -> u64 {
        self.snapshots.values().fold(0, |sum, it| sum.saturating_add(*it))
    }

    pub(super) fn number_of(&self, kind: &str) -> u64 {
        self.records.get(kind).copied().unwrap_or(0)
    }

    pub(super) fn to_json(&self) -> Value {
        let mut value = self.head_json();
        let more = json!({
            "run": self.folder.to_string_lossy(),
            "trace_bytes": self.trace_bytes,
            "records": self.records,
            "parameters": self.parameters(),
            "steps": self.steps,
            "batches": self.batches,
            "epochs": self.epochs,
            "resumed": self.number_of("resume"),
            "elapsed_secs": number(self.elapsed_secs),
            "loss": self.loss.map(Losses::to_json),
            "metrics": self.metrics.values().map(metric_json).collect::<Value>(),
            "hyperparameters": self.hyperparameters.iter().map(hyperparameter_json).collect::<Value>(),
            "alerts": self.alerts,
            "snapshots": { "number": self.number_of("snapshot"), "bytes": self.snapshot_bytes() },
            "slices": self.slices.iter().map(slice_json).collect::<Value>(),
            "checks": { "passed": self.checks[0], "failed": self.checks[1] },
            "dropped": self.dropped,
            "lost": self.lost.iter().map(lost_json).collect::<Value>(),
            "torn": self.torn.map(|it| json!({ "at": it.offset, "bytes": it.bytes })),
            "ended": self.ended,
            "children": self.children.iter().map(|it| it.to_string_lossy()).collect::<Value>(),
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut value, more) {
            all.extend(more);
        }
        value
    }

    fn head_json(&self) -> Value {
        let head = &self.head;
        json!({
            "run_id": head.run_id,
            "format": head.format,
            "burnscape_version": head.burnscape_version,
            "burn_version": head.burn_version,
            "device": head.device,
            "dtype": head.dtype,
            "seed": head.seed,
            "started_unix_secs": number(head.started_unix_secs),
            "epochs_planned": head.epochs_planned,
            "blocks": head.blocks.len(),
            "buffers": head.buffers.len(),
        })
    }
}

impl Losses {
    fn beginning_with(first: f64) -> Self {
        Self { first, last: first, lowest: f64::NAN, highest: f64::NAN, not_finite: 0 }
    }

    fn take(&mut self, loss: f64) {
        self.last = loss;
        if loss.is_finite() {
            // min and max give the other value where one is NaN.
            self.lowest = self.lowest.min(loss);
            self.highest = self.highest.max(loss);
        } else {
            self.not_finite += 1;
        }
    }

    fn to_json(self) -> Value {
        json!({
            "first": number(self.first),
            "last": number(self.last),
            "lowest": number(self.lowest),
            "highest": number(self.highest),
            "not_finite": self.not_finite,
        })
    }
}

impl Surface {
    pub(super) fn nodes(&self) -> u64 {
        let rows = self.slice.y.as_ref().map_or(1, |axis| axis.count);
        self.slice.x.count.saturating_mul(rows)
    }
}

fn metric_json(metric: &Metric) -> Value {
    let Metric { split, name, epoch, value, .. } = metric;
    json!({ "split": split, "name": name, "epoch": epoch, "value": number(*value) })
}

/// A text that is no JSON stays one.
fn hyperparameter_json((name, text): (&String, &String)) -> (String, Value) {
    let value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    (name.clone(), value)
}

fn slice_json((slice, surface): (&u32, &Surface)) -> Value {
    json!({
        "slice": slice,
        "name": surface.slice.name,
        "nodes": surface.nodes(),
        "measured": surface.measured.len(),
        "lowest": surface.lowest,
        "highest": surface.highest,
    })
}

fn lost_json(lost: &Lost) -> Value {
    let why = match &lost.cause {
        LossCause::Damaged => "damaged".to_owned(),
        LossCause::Undecodable { message } => format!("undecodable: {message}"),
    };
    json!({ "at": lost.offset, "bytes": lost.bytes, "why": why })
}
