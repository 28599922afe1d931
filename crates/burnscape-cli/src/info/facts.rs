//! What is in a run, gathered record by record, so that memory does not grow with its steps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burnscape_run::{
    Freezing, Landscape, Landscapes, LeftBehind, Standing, json_number as number, parameters,
    take_check,
};
use burnscape_trace::{
    Check, Head, Item, LossCause, Lost, Metric, Reader, Record, RunFolder, Torn,
};
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) folder: PathBuf,
    pub(super) trace_bytes: u64,
    pub(super) head: Head,
    pub(super) records: BTreeMap<String, u64>,
    pub(super) standing: Standing,
    pub(super) loss: Option<Losses>,
    pub(super) metrics: BTreeMap<(String, String), Metric>,
    /// JSON texts by name.
    pub(super) hyperparameters: BTreeMap<String, String>,
    pub(super) alerts: BTreeMap<String, u64>,
    /// Bytes by file, as several snapshots may have one.
    pub(super) snapshots: BTreeMap<String, u64>,
    pub(super) landscapes: Landscapes,
    pub(super) freezing: Freezing,
    pub(super) checks: Vec<Check>,
    pub(super) lost: Vec<Lost>,
    pub(super) torn: Option<Torn>,
    /// Runs of further models that were trained with it.
    pub(super) children: Vec<PathBuf>,
    left_behind: LeftBehind,
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

impl Facts {
    /// Reads the run, and once more where a resume leaves some of it behind.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let folder = RunFolder::open(path)?;
        let facts = Self::read_without(&folder, &LeftBehind::default())?;
        match facts.left_behind.is_empty() {
            true => Ok(facts),
            false => Self::read_without(&folder, &facts.left_behind),
        }
    }

    fn read_without(folder: &RunFolder, left_behind: &LeftBehind) -> anyhow::Result<Self> {
        let mut facts = Self { folder: folder.path().to_owned(), ..Self::default() };
        for item in Reader::open(folder.trace_path())? {
            let item = item?;
            facts.standing.apply_item(&item);
            match item {
                Item::Record { offset, record } => {
                    *facts.records.entry(record.kind().to_owned()).or_default() += 1;
                    if let Record::Resume(resume) = &record {
                        facts.left_behind.note(offset, resume);
                    }
                    // Also a snapshot that is left behind took the place of others.
                    if let Record::Snapshot(snapshot) = &record {
                        for &index in &snapshot.given_up {
                            facts.snapshots.remove(&RunFolder::snapshot_file(index));
                        }
                    }
                    if left_behind.holds(offset, &record) {
                        facts.count(record);
                    }
                }
                Item::Lost(lost) => facts.lost.push(lost),
                Item::Torn(torn) => facts.torn = Some(torn),
            }
        }
        facts.trace_bytes = std::fs::metadata(folder.trace_path())?.len();
        facts.children = folder.children().iter().map(|it| it.path().to_owned()).collect();
        Ok(facts)
    }

    fn count(&mut self, record: Record) {
        match record {
            Record::Head(head) => self.take_head(head),
            Record::Frozen(frozen) => self.freezing.apply(&frozen),
            Record::Step(step) => {
                if let Some(loss) = step.loss {
                    self.loss.get_or_insert(Losses::beginning_with(loss)).take(loss);
                }
            }
            Record::Hyperparameters(told) => self.hyperparameters.extend(told.values),
            Record::Metric(metric) => {
                self.metrics.insert((metric.split.to_string(), metric.name.clone()), metric);
            }
            Record::Alert(alert) => *self.alerts.entry(alert.rule.into()).or_default() += 1,
            Record::Snapshot(it) => drop(self.snapshots.insert(it.file, it.bytes)),
            Record::Slice(slice) => self.landscapes.apply_slice(&slice),
            Record::Nodes(nodes) => self.landscapes.apply_nodes(&nodes),
            Record::Check(check) => take_check(&mut self.checks, &check),
            _ => {}
        }
    }

    /// Heads are repeated, and what changed since the first stays.
    fn take_head(&mut self, head: Head) {
        if self.head.blocks != head.blocks {
            self.freezing = Freezing::new(&head.blocks);
        }
        self.head = head;
    }

    pub(super) fn snapshot_bytes(&self) -> u64 {
        self.snapshots.values().fold(0, |sum, it| sum.saturating_add(*it))
    }

    fn frozen_json(&self) -> Value {
        let by_step = self.freezing.by_step().into_iter();
        let blocks =
            by_step.flat_map(|(since, blocks)| blocks.into_iter().map(move |it| (it, since)));
        let json = |(block, since): (usize, _)| json!({ "block": self.head.blocks[block].path, "since": since });
        blocks.map(json).collect()
    }

    /// How many checks hold, or do not.
    pub(super) fn checks(&self, passed: bool) -> usize {
        self.checks.iter().filter(|check| check.passed == passed).count()
    }

    pub(super) fn ended(&self) -> Option<&str> {
        self.standing.end().map(|end| end.reason.as_str())
    }

    pub(super) fn to_json(&self) -> Value {
        let mut value = self.head_json();
        let more = json!({
            "run": self.folder.to_string_lossy(),
            "trace_bytes": self.trace_bytes,
            "records": self.records,
            "parameters": parameters(&self.head),
            "steps": self.standing.steps(),
            "batches": self.standing.batches(),
            "epochs": self.standing.epochs(),
            "resumed": self.standing.resumes(),
            "elapsed_secs": number(self.standing.elapsed_secs()),
            "loss": self.loss.map(Losses::to_json),
            "metrics": self.metrics.values().map(metric_json).collect::<Value>(),
            "hyperparameters": self.hyperparameters.iter().map(hyperparameter_json).collect::<Value>(),
            "alerts": self.alerts,
            "snapshots": { "number": self.standing.snapshots(), "bytes": self.snapshot_bytes() },
            "frozen": self.frozen_json(),
            "slices": self.landscapes.iter().map(slice_json).collect::<Value>(),
            "checks": { "passed": self.checks(true), "failed": self.checks(false) },
            "dropped": self.standing.dropped(),
            "lost": self.lost.iter().map(lost_json).collect::<Value>(),
            "torn": self.torn.map(|it| json!({ "at": it.offset, "bytes": it.bytes })),
            "ended": self.ended(),
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

fn metric_json(metric: &Metric) -> Value {
    let Metric { split, name, epoch, value, .. } = metric;
    json!({ "split": split, "name": name, "epoch": epoch, "value": number(*value) })
}

/// A text that is no JSON stays one.
fn hyperparameter_json((name, text): (&String, &String)) -> (String, Value) {
    let value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    (name.clone(), value)
}

fn slice_json(landscape: &Landscape) -> Value {
    let surface = landscape.surface().ok();
    json!({
        "slice": landscape.slice().slice,
        "name": landscape.slice().name,
        "nodes": landscape.claimed_nodes(),
        "measured": surface.map_or(0, |it| it.counts().measured),
        "lowest": surface.and_then(|it| Some(it.lowest()?.loss)),
        "highest": surface.and_then(|it| Some(it.highest()?.loss)),
    })
}

fn lost_json(lost: &Lost) -> Value {
    let why = match &lost.cause {
        LossCause::Damaged => "damaged".to_owned(),
        LossCause::Undecodable { message } => format!("undecodable: {message}"),
    };
    json!({ "at": lost.offset, "bytes": lost.bytes, "why": why })
}
