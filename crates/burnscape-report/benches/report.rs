//! Time and memory of a page: on a small run, on a run of a million steps, and on a recorded one.
//!
//! `cargo bench -p burnscape-report` makes both runs in a temporary folder; `BURNSCAPE_RUN` names a recorded run
//! to be told about as well. Each line is JSON. Memory is the peak of the process so far, so runs are in the
//! order of their size.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burnscape_report::report;
use burnscape_trace::{
    Axis, Block, End, FORMAT, Head, Nodes, RunFolder, Slice, Step, Writer, record,
};

const BLOCKS: usize = 8;
const QUANTITIES: [&str; 3] = ["grad_norm", "weight_norm", "update_norm"];
const NODES: u64 = 49;

fn main() {
    let scratch = tempfile::tempdir().expect("a folder");
    if let Some(run) = std::env::var_os("BURNSCAPE_RUN") {
        measure("recorded", &PathBuf::from(run), scratch.path());
    }
    for (name, steps) in [("thousand steps", 1_000), ("million steps", 1_000_000)] {
        let run = scratch.path().join(name);
        write(&run, steps);
        measure(name, &run, scratch.path());
    }
}

fn measure(name: &str, run: &Path, folder: &Path) {
    let out = folder.join("report.html");
    let start = Instant::now();
    let reported = report(&[run], &out, true).expect("a page");
    let secs = start.elapsed().as_secs_f64();
    let (page, peak) = (reported.bytes, peak_bytes());
    println!(
        "{{\"run\": \"{name}\", \"secs\": {secs:.3}, \"page_bytes\": {page}, \"peak_bytes\": {peak}}}"
    );
}

/// As Linux tells it; 0 elsewhere.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

fn write(path: &Path, steps: u64) {
    let folder = RunFolder::create(path).expect("a run folder");
    let mut writer = Writer::create(&folder).expect("a trace");
    let block = |number| record!(Block { path: format!("layers.{number}.weight") });
    let head = record!(Head { format: FORMAT, blocks: (0..BLOCKS).map(block).collect() });
    writer.append(&head.into()).expect("a head");
    for number in 0..steps {
        writer.append(&step(number).into()).expect("a step");
    }
    for record in surface() {
        writer.append(&record).expect("a surface");
    }
    writer.finish(End::default()).expect("an end");
}

/// Values that go up and down without any chance.
fn step(number: u64) -> Step {
    let wave = |shift: usize| ((number as f32 * 0.01 + shift as f32).sin() + 1.5) * 0.1;
    let columns = QUANTITIES.map(|name| (name.to_owned(), (0..BLOCKS).map(wave).collect()));
    let loss = Some(f64::from(wave(0)) + 1.0 / (number as f64 + 1.0));
    record!(Step { step: number, lr: 0.01, loss, columns: columns.into() })
}

fn surface() -> [burnscape_trace::Record; 2] {
    let axis = record!(Axis { first: -24, count: NODES, spacing: 1.0 / 24.0 });
    let losses = (0..NODES * NODES).map(|node| (node % NODES) as f64 - 24.0);
    let losses: Vec<f64> = losses.map(|x| x * x / 100.0).collect();
    let index = (0..NODES as u32 * NODES as u32).collect();
    [
        record!(Slice { name: "random".into(), x: axis.clone(), y: Some(axis) }).into(),
        record!(Nodes { index, loss: losses.into() }).into(),
    ]
}
