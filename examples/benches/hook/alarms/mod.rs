//! How well alerts tell broken trainings from healthy ones: a labelled set of trainings, each watched with the default
//! rules, and what each rule makes of them.
//!
//! `cargo bench --bench hook -- alarms`. Trainings that were recorded elsewhere join the set where `BURNSCAPE_ALARM_SET` names a
//! folder of run folders, each with a file `label.json` beside its trace, such as
//! `{"expected": ["loss-spike"], "allowed": ["exploding-gradient"], "from": 220}`: rules that have to be told, rules that
//! may be, and the step before which nothing is wrong; `{}` for a healthy one. Their steps are judged anew. Where
//! `BURNSCAPE_ALARM_KEEP` names a folder, the trainings of this set are left there in this form. `alarms NAME` takes only those
//! whose name holds it, `BURNSCAPE_ALARM_SEED` another seed than 1.

mod outside;
mod score;
mod sequences;
mod set;
mod training;

use std::path::Path;

use burnscape::trace::{Alert, Record, read_run};
use burnscape::{Probe, ProbeBuilder};
use serde_json::json;

use score::{Judged, Score};

/// In this variable stands the folder that trainings are left in.
const KEEP: &str = "BURNSCAPE_ALARM_KEEP";

/// The trainings whose name holds a text, or all.
pub fn measure(asked: Option<&str>) {
    let is_asked = |name: &str| asked.is_none_or(|it| name.contains(it));
    let mut score = Score::default();
    for training in set::all().into_iter().filter(|it| is_asked(&it.name)) {
        let judged = judge(&training);
        judged.print();
        score.take(judged);
    }
    for judged in outside::judged() {
        judged.print();
        score.take(judged);
    }
    score.print();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("alarms.json");
    std::fs::write(&file, format!("{:#}\n", json!(score.to_json())))
        .expect("a writable target folder");
    println!("written to {}", file.display());
}

fn seed() -> u64 {
    let seed = std::env::var("BURNSCAPE_ALARM_SEED").ok();
    seed.map_or(1, |seed| seed.parse().expect("BURNSCAPE_ALARM_SEED is a number"))
}

/// A training with the label that says what is wrong with it.
struct Labelled {
    name: String,
    label: Label,
    /// With a seed.
    train: Box<dyn Fn(ProbeBuilder, u64)>,
}

/// What is wrong with a training.
#[derive(Debug, Clone, Default)]
struct Label {
    /// Rules that have to be told.
    expected: Vec<String>,
    /// Rules that may be told, as consequences.
    allowed: Vec<String>,
    /// The first step at which anything is wrong.
    from: u64,
}

impl Label {
    fn is_healthy(&self) -> bool {
        self.expected.is_empty() && self.allowed.is_empty()
    }
}

fn judge(training: &Labelled) -> Judged {
    let folder = tempfile::tempdir().expect("a folder");
    let run = match std::env::var_os(KEEP) {
        Some(kept) => Path::new(&kept).join(training.name.replace(['/', ' '], "-")),
        None => folder.path().join("run"),
    };
    (training.train)(Probe::builder(&run).quiet(), seed());
    outside::write_label(&run, &training.label);
    let records = read_run(&run).expect("a run").records;
    let alerts: Vec<Alert> = records.iter().filter_map(alert).collect();
    Judged::new(training.name.clone(), training.label.clone(), &records, alerts)
}

fn alert(record: &Record) -> Option<Alert> {
    match record {
        Record::Alert(alert) => Some(alert.clone()),
        _ => None,
    }
}
