//! Trainings from outside the tree: recorded runs with labels, whose records are judged anew.

use std::path::{Path, PathBuf};

use burnscape::AlertRules;
use burnscape::trace::read_run;
use serde_json::{Value, json};

use super::Label;
use super::score::Judged;

/// In this variable stands the folder that they are in.
const FOLDER: &str = "BURNSCAPE_ALARM_SET";

/// The file that says what is wrong with a run.
const LABEL: &str = "label.json";

/// All of them, by name; none if the variable is not set.
pub fn judged() -> Vec<Judged> {
    let Some(folder) = std::env::var_os(FOLDER) else { return Vec::new() };
    let folder = PathBuf::from(folder);
    let entries = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{FOLDER}: {} cannot be read: {error}", folder.display()));
    let mut runs: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    runs.retain(|run| run.join(LABEL).is_file());
    runs.sort();
    runs.iter().map(|run| judge(run)).collect()
}

fn judge(run: &Path) -> Judged {
    let records =
        read_run(run).unwrap_or_else(|error| panic!("{}: {error}", run.display())).records;
    let alerts = AlertRules::default().replay(&records);
    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Judged::new(name, label(&run.join(LABEL)), &records, alerts)
}

/// Leaves the label beside the trace.
pub fn write_label(run: &Path, label: &Label) {
    let Label { expected, allowed, from } = label;
    let label = json!({ "expected": expected, "allowed": allowed, "from": from });
    std::fs::write(run.join(LABEL), format!("{label:#}\n")).expect("a writable folder");
}

fn label(file: &Path) -> Label {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let label: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is no JSON: {error}", file.display()));
    let rules = |key: &str| {
        let rules = label[key].as_array().into_iter().flatten();
        rules.filter_map(|rule| Some(rule.as_str()?.to_string())).collect()
    };
    let from = label["from"].as_u64().unwrap_or(0);
    Label { expected: rules("expected"), allowed: rules("allowed"), from }
}
