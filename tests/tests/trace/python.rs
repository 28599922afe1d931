//! `examples/python/burnscape_trace.py` reads what Rust wrote: the same bits, the same losses, as it comes.

use burnscape_trace::record;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use burnscape::trace::{Head, Item, Nodes, Note, Reader, Record, Trajectory, frame, read_run};
use burnscape_workbench::pythons_of_each_cbor2;
use tempfile::tempdir;

use super::known::{ALL_STEPS, BLOCKS, COLUMNS, KEPT_STEPS, Known, ROWS};
use super::support::{Dice, python_command, python_folder, run_python};

/// Prints arrays as their little-endian bytes: no text between the bits of one side and of the other.
const DUMP: &str = r#"
import sys
import numpy as np
from burnscape_trace import read_run

def show(name, array, kind):
    print(name, np.ascontiguousarray(array, dtype=kind).tobytes().hex())

run = read_run(sys.argv[1])
assert run.damage() == [], run.damage()
assert run.ended == "finished"
steps = run.steps()
assert steps.blocks == ["fc.weight", "fc.bias", "output.weight"]
for name in ("step", "epoch"):
    show(name, getattr(steps, name), "<i8")
for name in ("lr", "loss", "elapsed_secs"):
    show(name, getattr(steps, name), "<f8")
show("missing", steps.missing, "u1")
for name in steps.columns:
    show(name, steps.columns[name], "<f4")
    show("measured " + name, steps.measured[name], "u1")
show("over", steps.over("weight_norm"), "<f8")
show("over missing", steps.over("grad_norm", "fc"), "<f8")
epochs = run.epochs()
show("epochs", epochs.epoch, "<i8")
show("valid_loss", epochs.valid_loss, "<f8")
show("accuracy", run.metrics()["valid", "accuracy"].value, "<f8")
for name in ("pca", "line"):
    one = run.slice(name)
    show(name + " x", one.x, "<f8")
    show(name + " loss", one.loss, "<f8")
    show(name + " stderr", one.stderr, "<f8")
    show(name + " known", one.known, "u1")
    show(name + " interpolated", one.interpolated, "u1")
plane, line = run.slice(0), run.slice(4)
assert line.y is None and line.loss.shape == (1, 3)
show("pca y", plane.y, "<f8")
show("layer", plane.layers["accuracy"][0], "<f8")
path = run.trajectory(plane)
show("path", np.concatenate([path.epochs, path.x, path.y, path.loss]), "<f8")
show("live path", run.trajectory().x, "<f8")
told = {"lr": 0.001, "optimizer.name": "adam", "widths": [64, 10], "broken": "{"}
assert run.hyperparameters() == told, run.hyperparameters()
show("snapshots", [snapshot.index for snapshot in run.snapshots()], "<i8")
show("curvature", np.concatenate([it["largest"] for it in run.curvature()]), "<f8")
"#;

/// Name → bytes in hexadecimal.
type Dump = BTreeMap<String, String>;

fn f64s(values: impl IntoIterator<Item = f64>) -> String {
    hex(values.into_iter().flat_map(f64::to_le_bytes))
}

fn i64s(values: impl IntoIterator<Item = u64>) -> String {
    hex(values.into_iter().flat_map(|it| (it as i64).to_le_bytes()))
}

fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

fn flags(values: impl IntoIterator<Item = bool>) -> String {
    hex(values.into_iter().map(u8::from))
}

/// What Python has to say about steps.
fn expected_steps(known: &Known) -> Dump {
    let steps = known.steps();
    assert_eq!(steps.len() as u64, ALL_STEPS);
    let column = |name: &str| {
        let rows = steps.iter().map(|step| step.columns.get(name).map(|it| it.to_vec()));
        let rows = rows.map(|row| row.unwrap_or_else(|| vec![f32::NAN; BLOCKS]));
        hex(rows.flatten().flat_map(f32::to_le_bytes))
    };
    let measured = |name: &str| flags(steps.iter().map(|step| step.columns.contains_key(name)));
    let missing = steps.iter().flat_map(|step| (0..3).map(|it| step.missing.contains(&it)));
    let mut dump = Dump::new();
    let mut tell = |name: &str, bits: String| dump.insert(name.to_owned(), bits);
    tell("step", i64s(steps.iter().map(|it| it.step)));
    tell("epoch", i64s(steps.iter().map(|it| it.epoch.unwrap_or(0))));
    tell("lr", f64s(steps.iter().map(|it| it.lr)));
    tell("loss", f64s(steps.iter().map(|it| it.loss.unwrap_or(f64::NAN))));
    tell("elapsed_secs", f64s(steps.iter().map(|it| it.elapsed_secs)));
    tell("missing", flags(missing));
    for name in ["grad_norm", "weight_norm"] {
        tell(name, column(name));
        tell(&format!("measured {name}"), measured(name));
    }
    dump
}

fn of<T>(known: &Known, pick: impl Fn(&Record) -> Option<T>) -> Vec<T> {
    known.records.iter().filter_map(pick).collect()
}

/// What a `resume` that went back to step 40 leaves: what was behind it came before the `resume`.
fn expected_epochs(known: &Known) -> Dump {
    let rewound = known.records.iter().position(|it| matches!(it, Record::Resume(_)));
    let (before, after) = known.records.split_at(rewound.expect("a resume"));
    let on_path = |steps: u64| steps <= KEPT_STEPS;
    let mut dump = Dump::new();
    let (mut epochs, mut valid, mut snapshots, mut curvature) = (vec![], vec![], vec![], vec![]);
    let mut accuracy = vec![];
    for (records, is_before) in [(before, true), (after, false)] {
        for record in records {
            match record {
                Record::Epoch(epoch) if !is_before || on_path(epoch.steps) => {
                    epochs.push(epoch.epoch);
                    valid.push(epoch.valid_loss.unwrap_or(f64::NAN));
                }
                Record::Metric(it) if !is_before || on_path(it.step) => accuracy.push(it.value),
                Record::Snapshot(it) if !is_before || on_path(it.step) => snapshots.push(it.index),
                Record::Curvature(it) if !is_before || on_path(it.step) => {
                    curvature.extend(it.largest.iter().copied());
                }
                _ => {}
            }
        }
    }
    assert_eq!((epochs.as_slice(), snapshots.as_slice()), (&[1, 2, 3][..], &[1, 2, 3][..]));
    dump.insert("epochs".to_owned(), i64s(epochs));
    dump.insert("valid_loss".to_owned(), f64s(valid));
    dump.insert("snapshots".to_owned(), i64s(snapshots));
    dump.insert("curvature".to_owned(), f64s(curvature));
    dump.insert("accuracy".to_owned(), f64s(accuracy));
    dump
}

/// A grid as the tiles of `known.rs` fill it, written out by hand.
fn expected_grids(known: &Known) -> Dump {
    let tiles: Vec<Nodes> = of(known, |record| match record {
        Record::Nodes(nodes) => Some(nodes.clone()),
        _ => None,
    });
    let [first, guessed, again, on_line] = &tiles[..] else { panic!("four tiles") };
    // (node, tile, place in it): the second 3 holds; the measured 3 and 9 stay against interpolations, and what is
    // interpolated has no standard error.
    let places = [(7, first, 0), (3, first, 2), (19, first, 3), (8, guessed, 1), (9, again, 0)];
    let mut grids = [(); 3].map(|()| vec![f64::NAN; ROWS * COLUMNS]);
    let mut known_nodes = vec![false; ROWS * COLUMNS];
    for (node, tile, place) in places {
        known_nodes[node] = true;
        grids[0][node] = tile.loss[place];
        let stderr = tile.stderr.get(place).filter(|_| node != 8);
        grids[1][node] = stderr.copied().unwrap_or(f64::NAN);
        grids[2][node] = tile.layers[0].value[place];
    }
    let [loss, stderr, layer] = grids;
    let interpolated = (0..ROWS * COLUMNS).map(|node| node == 8);
    let nan = f64::NAN;
    let told = [
        ("pca x", f64s([-0.5, -0.25, 0.0, 0.25, 0.5])),
        ("pca y", f64s([-0.25, 0.0, 0.25, 0.5])),
        ("pca loss", f64s(loss)),
        ("pca stderr", f64s(stderr)),
        ("pca known", flags(known_nodes)),
        ("pca interpolated", flags(interpolated)),
        ("layer", f64s(layer)),
        ("line x", f64s([-0.25, 0.0, 0.25])),
        ("line loss", f64s([nan, nan, on_line.loss[0]])),
        ("line stderr", f64s([nan; 3])),
        ("line known", flags([false, false, true])),
        ("line interpolated", flags([false; 3])),
    ];
    told.map(|(name, bits)| (name.to_owned(), bits)).into()
}

fn expected_paths(known: &Known) -> Dump {
    let paths: Vec<Trajectory> = of(known, |record| match record {
        Record::Trajectory(path) => Some(path.clone()),
        _ => None,
    });
    let last = &paths[2];
    let values = [&last.epochs, &last.x, &last.y, &last.loss].map(|it| it.to_vec()).concat();
    let live = f64s(paths[1].x.to_vec());
    [("path".to_owned(), f64s(values)), ("live path".to_owned(), live)].into()
}

fn parse(printed: &str) -> Dump {
    let pairs = printed.lines().filter_map(|line| line.rsplit_once(' '));
    pairs.map(|(name, bits)| (name.to_owned(), bits.to_owned())).collect()
}

fn assert_same_bits(found: &Dump, expected: Dump) {
    for (name, expected) in expected {
        assert_eq!(found.get(&name), Some(&expected), "{name}");
    }
}

#[test]
fn every_array_that_python_reads_has_the_bits_that_rust_wrote() {
    for program in pythons_of_each_cbor2("numpy") {
        for seed in [1, 2, 3] {
            let (dir, known) = (tempdir().expect("a folder"), Known::new(seed));
            let run = dir.path().join("run");
            known.write(&run);
            let found = parse(&run_python(&program, DUMP, &[&run]));
            assert_same_bits(&found, expected_steps(&known));
            assert_same_bits(&found, expected_epochs(&known));
            assert_same_bits(&found, expected_grids(&known));
            assert_same_bits(&found, expected_paths(&known));
            assert_eq!(found["over"], over_by_hand(&known, "weight_norm", &[0, 1, 2]));
            assert_eq!(found["over missing"], over_by_hand(&known, "grad_norm", &[0, 1]));
        }
    }
}

/// √Σx² in the order in which numpy adds three numbers: one after the other.
fn over_by_hand(known: &Known, name: &str, blocks: &[usize]) -> String {
    let over = known.steps().into_iter().map(|step| {
        let values = step.columns.get(name)?;
        let counts = |block: &&usize| {
            !name.starts_with("grad_") || !step.missing.contains(&(**block as u32))
        };
        let squares = blocks.iter().filter(counts).map(|&block| f64::from(values[block]).powi(2));
        Some(squares.fold(0.0, |sum, square| sum + square).sqrt())
    });
    f64s(over.map(|it| it.unwrap_or(f64::NAN)))
}

#[test]
fn weights_come_from_the_snapshot_and_a_changed_file_or_a_way_out_of_the_folder_is_refused() {
    let script = r#"
import sys
from dataclasses import replace
from burnscape_trace import Damaged, Unsafe, read_run
run = read_run(sys.argv[1])
snapshot = run.snapshots()[-1]
print(run.weights(snapshot)["fc.weight"].astype("<f4").tobytes().hex())
names = ["../x", "/etc/passwd", "", "a/../../x", "C:\\x", "..\\x", "x\0", "link/x", "snapshots/../../run/x"]
for name in names:
    try:
        run.weights(replace(snapshot, file=name))
        raise SystemExit(f"{name!r} was read")
    except Unsafe:
        pass
path = run.folder / snapshot.file
data = bytearray(path.read_bytes())
data[-1] ^= 1
for changed in (data, data[:-1]):
    path.write_bytes(changed)
    try:
        run.weights(snapshot)
        raise SystemExit("a changed file was read")
    except Damaged:
        pass
"#;
    for program in pythons_of_each_cbor2("numpy, safetensors") {
        let (dir, known) = (tempdir().expect("a folder"), Known::new(4));
        let run = dir.path().join("run");
        known.write(&run);
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path(), run.join("link")).expect("a link");
        let found = run_python(&program, script, &[&run]);
        assert_eq!(found.trim(), hex(known.weights.iter().flat_map(|it| it.to_le_bytes())));
    }
}

const ITEMS: &str = r#"
import sys
from pathlib import Path
from burnscape_trace import Lost, NotATrace, Record, items

for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        for item in items(path):
            if isinstance(item, Record):
                print("record", item.offset, item.kind)
            else:
                print("lost" if isinstance(item, Lost) else "torn", item.offset, item.bytes)
    except NotATrace:
        print("no trace")
"#;

/// What the Rust reader says about the same file.
fn items_in_rust(path: &Path) -> String {
    let mut said = String::new();
    for item in Reader::open(path).expect("a file") {
        let line = match item {
            Ok(Item::Record { offset, record }) => format!("record {offset} {}", record.kind()),
            Ok(Item::Lost(lost)) => format!("lost {} {}", lost.offset, lost.bytes),
            Ok(Item::Torn(torn)) => format!("torn {} {}", torn.offset, torn.bytes),
            Err(_) => "no trace".to_owned(),
        };
        said.push_str(&line);
        said.push('\n');
    }
    said
}

/// Flips, zeroes, removes or inserts bytes, or cuts the end, in one to three places.
fn damaged(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len());
        let end = (at + 1 + dice.below(400)).min(bytes.len());
        match dice.below(5) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at..end].fill(0),
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..at, (0..end - at).map(|it| it as u8).collect::<Vec<_>>())),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

#[test]
fn what_python_finds_lost_or_torn_is_what_rust_finds_at_the_same_bytes() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    Known::new(5).write(&run);
    let whole = fs::read(run.join("trace.cbor")).expect("a trace");
    let files = dir.path().join("files");
    fs::create_dir(&files).expect("a folder");
    let (mut dice, mut expected) = (Dice::new(6), String::new());
    for number in 0..300 {
        let path = files.join(format!("{number:03}"));
        fs::write(&path, damaged(&whole, &mut dice)).expect("written");
        expected.push_str(&items_in_rust(&path));
    }
    for kind in ["lost ", "torn "] {
        assert!(expected.contains(kind), "the damage leads to {kind:?}");
    }
    for program in pythons_of_each_cbor2("numpy") {
        let found = run_python(&program, ITEMS, &[&files]);
        assert!(
            found == expected,
            "the first line that differs: {:?}",
            differing(&found, &expected)
        );
    }
}

fn differing<'a>(found: &'a str, expected: &'a str) -> Option<(&'a str, &'a str)> {
    found.lines().zip(expected.lines()).find(|(found, expected)| found != expected)
}

#[test]
fn python_follows_a_run_that_is_written_in_pieces() {
    let script = r#"
import sys
from burnscape_trace import follow
for item in follow(sys.argv[1], poll_secs=0.001):
    print(item.kind, item.offset, flush=True)
"#;
    for program in pythons_of_each_cbor2("numpy") {
        let dir = tempdir().expect("a folder");
        let path = dir.path().join("trace.cbor");
        let mut command = python_command(&program);
        command.args(["-c", script]).arg(dir.path()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let mut told = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).expect("a file to append to");
        let mut written = 0;
        for record in Known::new(7).records.iter().chain([&Record::from(end())]) {
            let mut bytes = Vec::new();
            frame::encode(record, &mut bytes).expect("a frame");
            // Cut where the reader knows nothing, the beginning, or all but one byte.
            for piece in [&bytes[..3], &bytes[3..20], &bytes[20..bytes.len() - 1]] {
                file.write_all(piece).expect("appended");
            }
            file.write_all(&bytes[bytes.len() - 1..]).expect("appended");
            let line = told.next().expect("a line").expect("text");
            assert_eq!(line, format!("{} {written}", record.kind()));
            written += bytes.len();
        }
        assert!(told.next().is_none(), "nothing follows the end");
        assert!(child.wait().expect("it ends").success());
    }
}

fn end() -> burnscape::trace::End {
    record!(burnscape::trace::End { reason: "finished".into() })
}

/// Payloads with a right checksum that were made to harm, as no writer of ours would write them.
#[test]
fn python_survives_payloads_that_were_made_to_harm() {
    let text = |text: &str| [&[0x60 + text.len() as u8], text.as_bytes()].concat();
    let record = |kind: &str, fields: &[u8]| [&[0x82][..], &text(kind), fields].concat();
    let field = |name: &str, value: &[u8]| [&[0xA1][..], &text(name), value].concat();
    let huge = [0x9B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    let payloads = [
        vec![0x81; 100_000],
        huge.to_vec(),
        vec![],
        record("step", &field("columns", &huge)),
        record("step", &field("step", &text("one"))),
        record("step", &field("step", &[0x20])),
        record("step", &field("loss", &[0x01])),
        // Three bytes are no f32.
        record("step", &field("missing", &[0xD8, 70, 0x43, 1, 2, 3])),
        record("step", &[0x80]),
        record("nodes", &field("index", &field("x", &[0xF6]))),
        vec![0x82, 0x01, 0xA0],
    ];
    let dir = tempdir().expect("a folder");
    let mut bytes = Vec::new();
    let head = record!(Head { format: [1, 0] });
    frame::encode(&Record::from(head), &mut bytes).expect("a head");
    for payload in &payloads {
        bytes.extend(framed(payload));
    }
    bytes.extend(framed(&record("slice", &huge_slice())));
    frame::encode(&Record::from(Note::default()), &mut bytes).expect("a note");
    let path = dir.path().join("trace.cbor");
    fs::write(&path, bytes).expect("written");
    let script = r#"
import sys
from burnscape_trace import read_run
run = read_run(sys.argv[1])
assert [it.kind for it in run.records] == ["head", "note"], run.records
assert run.slices() == [] and len(run.steps().step) == 0
print(len(run.lost), "claims" in run.damage()[-1])
"#;
    let lost = read_run(dir.path()).expect("a run").lost.len();
    assert_eq!(lost, payloads.len());
    for program in pythons_of_each_cbor2("numpy") {
        let found = run_python(&program, script, &[dir.path()]);
        assert_eq!(found.trim(), format!("{lost} True"));
    }
}

/// `{"x": {"count": 2^40}}`
fn huge_slice() -> Vec<u8> {
    let mut fields = vec![0xA1, 0x61, b'x', 0xA1, 0x65];
    fields.extend(b"count");
    fields.extend([0x1B, 0, 0, 1, 0, 0, 0, 0, 0]);
    fields
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let (checksum, length) = (crc32fast::hash(payload), payload.len() as u32);
    let mut frame = vec![0xD9, 0xD9, 0xF7, 0x82, 0x1A];
    frame.extend(checksum.to_be_bytes());
    frame.extend([0xD8, 0x18, 0x5A]);
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    frame
}

#[test]
fn a_newer_major_version_and_other_files_are_refused() {
    let dir = tempdir().expect("a folder");
    let mut newer = Vec::new();
    let head = record!(Head { format: [2, 0] });
    frame::encode(&Record::from(head), &mut newer).expect("a head");
    let mut headless = Vec::new();
    frame::encode(&Record::from(Note::default()), &mut headless).expect("a note");
    for (number, bytes) in [newer, headless, b"PK\x03\x04 an archive".to_vec()].iter().enumerate() {
        fs::write(dir.path().join(number.to_string()), bytes).expect("written");
    }
    for program in pythons_of_each_cbor2("numpy") {
        assert_eq!(run_python(&program, ITEMS, &[dir.path()]), "no trace\n".repeat(3));
    }
}

/// The table in the file, against the schema: every kind, and no field that is not there or of another type.
#[test]
fn the_fields_that_python_knows_are_those_of_the_schema() {
    let script = r#"
from burnscape_trace import FIELDS
arrays = {"f4": "f32s", "f8": "f64s", "u4": "u32s", "text": "tstr", "flag": "bool"}
arrays |= {f"uint{8 * n}": f"uint .size {n}" for n in (1, 2, 4)}
arrays |= {"int16": "-32768..32767"}
def told(kind):
    if kind.endswith("?"):
        return told(kind[:-1]) + " / null"
    if kind[0] == "[":
        return "[* " + told(kind[1:-1]) + "]"
    if kind[0] == "{":
        return "{* tstr => " + told(kind[1:-1]) + "}"
    return arrays.get(kind, kind)
for record, fields in FIELDS.items():
    for name, kind in fields.items():
        print(f"{record}.{name}: {told(kind)}")
"#;
    let schema =
        fs::read_to_string(python_folder().join("../../crates/burnscape-trace/trace.cddl"));
    let schema = schema_lines(&schema.expect("the schema"));
    for program in pythons_of_each_cbor2("numpy") {
        let found = run_python(&program, script, &[]);
        let unknown: Vec<&str> = found
            .lines()
            .filter(|line| {
                !schema.contains(&(*line).to_owned()) && !line.starts_with("head.format")
            })
            .collect();
        assert_eq!(unknown, [] as [&str; 0], "not in trace.cddl");
        let kinds = burnscape::trace::RESERVED_KINDS;
        let is_known = |kind: &str| found.lines().any(|it| it.starts_with(&format!("{kind}.")));
        let unknown: Vec<&str> = kinds.into_iter().filter(|kind| !is_known(kind)).collect();
        assert_eq!(unknown, [] as [&str; 0], "kinds of the format");
    }
}

/// `record.field: type` of every field; what may be left out is null, or empty, to a reader.
fn schema_lines(schema: &str) -> Vec<String> {
    let (mut lines, mut record) = (Vec::new(), "");
    for line in schema.lines() {
        if let Some(name) = line.strip_suffix(" = {") {
            record = name;
        } else if let Some((name, kind)) =
            line.strip_prefix("  ").and_then(|it| it.split_once(": "))
        {
            let kind = kind.trim_end_matches(',');
            let required = name.trim_start_matches("? ").trim_matches('"');
            lines.push(format!("{record}.{required}: {kind}"));
            if name.starts_with("? ") {
                lines.push(format!("{record}.{required}: {kind} / null"));
            }
        }
    }
    lines
}
