//! How fast records become bytes and back, beside a plain copy of the same bytes.
//!
//! `cargo bench -p burnscape-trace`. Encoding, decoding and copying take turns, and medians are compared.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use burnscape_trace::{
    Block, End, F32s, FORMAT, Head, INDEX_FILE, Index, Item, Reader, Record, RunFolder, Step,
    Writer, columns, frame, record,
};
use serde_json::{Value, json};

const ROUNDS: usize = 15;
/// Bytes that one round goes through.
const ROUND_BYTES: usize = 64 << 20;
const COLUMNS: [&str; 6] = [
    columns::GRAD_NORM,
    columns::GRAD_MAX,
    columns::WEIGHT_NORM,
    columns::UPDATE_NORM,
    columns::UPDATE_DOT,
    columns::DISTANCE,
];
const LONG_RUN_STEPS: u64 = 1_000_000;

fn main() {
    println!("{ROUNDS} rounds, medians");
    let results = json!({
        "overhead_bytes_per_record": frame::OVERHEAD_BYTES,
        "steps_of_100_blocks": throughput(100),
        "steps_of_4_blocks": throughput(4),
        "long_run": long_run(4),
    });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trace.json");
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

/// A step as it is recorded: values with all their digits.
fn step(number: u64, blocks: usize) -> Step {
    let value = |column: usize, block: usize| {
        ((number as f32 + 1.0) * 0.37 + column as f32 * 1.7 + block as f32 * 0.11).sin()
    };
    let column = |(at, name): (usize, &&str)| {
        let values: F32s = (0..blocks).map(|block| value(at, block)).collect();
        ((*name).to_owned(), values)
    };
    record!(Step {
        step: number,
        batches: number + 1,
        epoch: Some(1 + number / 1000),
        iteration: Some(1 + number % 1000),
        accumulated: 1,
        elapsed_secs: number as f64 * 0.0123,
        lr: 1e-3,
        loss: Some(2.3 / (1.0 + number as f64 * 1e-3)),
        columns: COLUMNS.iter().enumerate().map(column).collect(),
    })
}

fn throughput(blocks: usize) -> Value {
    let records: Vec<Record> = (0..1000).map(|number| step(number, blocks).into()).collect();
    let mut bytes = Vec::new();
    let payloads: Vec<_> = records.iter().map(|record| framed(record, &mut bytes)).collect();
    let repeats = ROUND_BYTES.div_ceil(bytes.len());
    let mut out = Vec::with_capacity(bytes.len());
    let mut all = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        all[0].push(secs(repeats, || copy(&bytes, &payloads, &mut out)));
        all[1].push(secs(repeats, || encode(&records, &mut out)));
        all[2].push(secs(repeats, || decode(&bytes)));
    }
    let [copy, encode, decode] = all.map(median);
    let per_record = bytes.len() as f64 / records.len() as f64;
    let gb_per_sec = |secs: f64| bytes.len() as f64 / secs / 1e9;
    let micros = |secs: f64| secs * 1e6 / records.len() as f64;
    println!("\nsteps of {blocks} blocks × {} columns, {per_record:.0} bytes each", COLUMNS.len());
    for (name, secs) in [("copy", copy), ("encode", encode), ("decode", decode)] {
        let [gb, micros] = [gb_per_sec(secs), micros(secs)];
        println!(
            "{name:<8} {gb:>7.2} GB/s {micros:>8.3} µs a record {:>7.1} × a copy",
            secs / copy
        );
    }
    json!({
        "bytes_per_record": per_record,
        "copy_gb_per_sec": gb_per_sec(copy),
        "encode_gb_per_sec": gb_per_sec(encode),
        "decode_gb_per_sec": gb_per_sec(decode),
        "encode_micros_per_record": micros(encode),
        "decode_micros_per_record": micros(decode),
    })
}

/// Length of the frame that is appended.
fn framed(record: &Record, bytes: &mut Vec<u8>) -> usize {
    let start = bytes.len();
    frame::encode(record, bytes).expect("a record");
    bytes.len() - start
}

/// Record by record, as encoding does it.
fn copy(bytes: &[u8], lengths: &[usize], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = bytes;
    for length in lengths {
        let (one, after) = rest.split_at(*length);
        out.extend_from_slice(one);
        rest = after;
    }
    black_box(&out);
}

fn encode(records: &[Record], out: &mut Vec<u8>) {
    out.clear();
    for record in records {
        frame::encode(record, out).expect("a record");
    }
    black_box(&out);
}

fn decode(bytes: &[u8]) {
    let mut rest = bytes;
    while let frame::Parsed::Whole { payload } = frame::parse(rest) {
        black_box(frame::decode_payload(payload).expect("a record"));
        rest = &rest[frame::OVERHEAD_BYTES + payload.len()..];
    }
    assert!(rest.is_empty());
}

fn long_run(blocks: usize) -> Value {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = RunFolder::create(scratch.path().join("run")).expect("a folder");
    record(&folder, blocks);
    let trace_bytes = std::fs::metadata(folder.trace_path()).expect("a trace").len();
    let read = median((0..3).map(|_| secs(1, || read_all(&folder))).collect());
    println!("\na run of {LONG_RUN_STEPS} steps of {blocks} blocks, {trace_bytes} bytes");
    println!("read whole       {read:>8.3} s");
    let build = median((0..3).map(|_| secs_to_build_index(&folder)).collect());
    let open = median((0..3).map(|_| secs(1, || open_with_index(&folder))).collect());
    println!("index, built     {build:>8.3} s");
    println!(
        "open with index  {open:>8.3} s, and all that is no step, and the last thousand steps"
    );
    json!({
        "steps": LONG_RUN_STEPS,
        "bytes": trace_bytes,
        "bytes_per_step": trace_bytes as f64 / LONG_RUN_STEPS as f64,
        "read_secs": read,
        "build_index_secs": build,
        "open_with_index_secs": open,
    })
}

fn record(folder: &RunFolder, blocks: usize) {
    let mut writer = Writer::create(folder).expect("a trace");
    let blocks_of = vec![Block::default(); blocks];
    let head = record!(Head { format: FORMAT, blocks: blocks_of });
    writer.append(&head.into()).expect("room on the disk");
    for number in 0..LONG_RUN_STEPS {
        writer.append(&step(number, blocks).into()).expect("room on the disk");
    }
    writer.finish(record!(End { reason: "finished".into() })).expect("room on the disk");
}

fn read_all(folder: &RunFolder) {
    for item in Reader::open(folder.trace_path()).expect("a trace") {
        black_box(item.expect("a trace"));
    }
}

fn secs_to_build_index(folder: &RunFolder) -> f64 {
    let _ = std::fs::remove_file(folder.path().join(INDEX_FILE));
    secs(1, || drop(black_box(Index::open_or_build(folder.path()).expect("a trace"))))
}

/// What a program shows at first: all that is no step, and the last steps.
fn open_with_index(folder: &RunFolder) {
    let index = Index::open_or_build(folder.path()).expect("a trace");
    let kinds: Vec<&str> =
        index.stretches().iter().map(|it| it.kind.as_str()).filter(|it| *it != "step").collect();
    let last = LONG_RUN_STEPS - 1000..=LONG_RUN_STEPS;
    let others = index.read(folder.path(), &kinds, None).expect("a trace");
    let steps = index.read(folder.path(), &["step"], Some(last)).expect("a trace");
    let shown: Vec<Item> = others.chain(steps).map(|item| item.expect("a record")).collect();
    assert_eq!(shown.len(), 1003, "two heads, the end, and a thousand steps");
}

fn secs(repeats: usize, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..repeats {
        work();
    }
    start.elapsed().as_secs_f64() / repeats as f64
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
