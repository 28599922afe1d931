//! Files made to harm: every command ends, within memory that the size of the file bounds.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use burnscape_trace::{
    Activation, Alert, Axis, Curvature, Epoch, F32s, FORMAT, Head, Histogram, Hyperparameters,
    Layer, LayerNodes, Metric, Nodes, Note, Plan, Record, Resume, Slice, Snapshot, Step, Study,
    TRACE_FILE, Trajectory, frame, record,
};

const TOUR: &[u8] = include_bytes!("../../../../examples/runs/tour/trace.cbor");

/// What `ulimit -v` counts in: 500 MB for the program and all that it allocates.
const MOST_KILOBYTES: u64 = 500_000;
const MOST_BYTES: usize = 1_000_000;

/// What reads runs: the commands of the program, and the reader in Python, which has no arguments.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["info", "RUN"],
    &["info", "RUN", "--json"],
    &["verify", "RUN"],
    &["merge", "RUN"],
    &["recover", "RUN", "-o", "OUT"],
    &["thin", "RUN", "-o", "OUT"],
    &["dump", "RUN"],
    &["snapshots", "RUN"],
    &["watch", "RUN", "--once"],
    #[cfg(feature = "export")]
    &["export", "RUN", "--format", "csv", "-o", "OUT"],
    #[cfg(feature = "export")]
    &["export", "RUN", "--format", "json", "-o", "OUT"],
    #[cfg(feature = "export")]
    &["export", "RUN", "--format", "npz", "-o", "OUT"],
    #[cfg(feature = "export")]
    &["export", "RUN", "--format", "vtk", "-o", "OUT"],
    #[cfg(feature = "export")]
    &["export", "RUN", "--format", "tensorboard", "-o", "OUT"],
    #[cfg(feature = "export")]
    &["export", "RUN", "--format", "svg", "-o", "OUT"],
    #[cfg(feature = "export")]
    &["export", "RUN", "--format", "png", "-o", "OUT"],
    #[cfg(feature = "export")]
    &["report", "RUN", "-o", "OUT"],
];

/// Everything that the reader in Python gives of a run.
const IN_PYTHON: &str = r#"
import sys
sys.path.insert(0, sys.argv[1])
from burnscape_trace import RULES, NotATrace, TraceError, read_run
try:
    run = read_run(sys.argv[2])
except NotATrace:
    sys.exit(1)
try:
    steps = run.steps()
    [steps.over(name) for name in steps.columns if name in RULES]
except TraceError:
    pass
run.damage(), run.epochs(), run.metrics(), run.hyperparameters(), run.curvature(), run.snapshots(), run.trajectory()
[(run.trajectory(one), run.plan(one)) for one in run.slices()]
"#;

/// Pseudo-random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    /// Mostly small, sometimes beyond all reason.
    fn number(&mut self) -> u64 {
        let low = self.0 << self.below(8);
        low >> self.below(64)
    }

    fn text(&mut self) -> String {
        let words = ["\u{1b}[2J", "\u{202e}", "=cmd|", "../../x", "\0", "名前", "a", "</script>"];
        let many = 1 << self.below(12);
        words[self.below(words.len())].repeat(many)
    }
}

/// CRC-32 by its definition.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    };
    !bytes.iter().fold(!0, step)
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let parts: [&[u8]; 5] =
        [b"\xD9\xD9\xF7\x82\x1A", &crc32(payload).to_be_bytes(), b"\xD8\x18\x5A", &length, payload];
    parts.concat()
}

fn head(blocks: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let blocks = vec![burnscape_trace::Block::default(); blocks];
    frame::encode(&record!(Head { format: FORMAT, blocks }).into(), &mut bytes).unwrap();
    bytes
}

/// A trace of the records that are drawn, as many as there is room for.
fn of_records(dice: &mut Dice, mut next: impl FnMut(&mut Dice) -> Record) -> Vec<u8> {
    let mut bytes = head(dice.below(200));
    let room = 1 + dice.below(MOST_BYTES);
    while bytes.len() < room {
        let (before, drawn) = (bytes.len(), next(dice));
        frame::encode(&drawn, &mut bytes).unwrap();
        if bytes.len() > MOST_BYTES {
            bytes.truncate(before);
            break;
        }
    }
    bytes
}

fn false_marks(dice: &mut Dice) -> Vec<u8> {
    let (mut bytes, kind) = (head(1), dice.below(4));
    let whole = framed(b"\x82\x64note\xA0");
    while bytes.len() < MOST_BYTES - 100 {
        let claim = match kind {
            0 => (MOST_BYTES - bytes.len() - 16) as u32,
            1 => dice.below(MOST_BYTES) as u32,
            2 => 1 << 27,
            _ => dice.below(1 << 12) as u32,
        };
        bytes.extend(b"\xD9\xD9\xF7\x82\x1A\0\0\0\0\xD8\x18\x5A");
        bytes.extend(claim.to_be_bytes());
        if kind != 2 && dice.below(8) == 0 {
            bytes.extend(&whole);
        }
    }
    bytes
}

fn claims(dice: &mut Dice) -> Vec<u8> {
    let mut number = 0;
    of_records(dice, |dice| {
        let axis = |dice: &mut Dice| {
            let count = [1900, 2000, 725, 1 << 20, dice.number()][dice.below(5)];
            record!(Axis { first: dice.number() as i64, count, spacing: 0.5, label: dice.text() })
        };
        let layers = vec![Layer::default(); dice.below(40)];
        let y = (dice.below(3) > 0).then(|| axis(dice));
        number += u32::from(dice.below(9) > 0);
        let slice = record!(Slice { slice: number, x: axis(dice), y, layers });
        let layer = record!(LayerNodes { value: vec![0.5; dice.below(90)].into() });
        let index: Vec<u32> = (0..dice.below(90)).map(|_| dice.number() as u32).collect();
        let loss = vec![dice.below(3) as f64 / 0.0; index.len()].into();
        match dice.below(3) {
            0 => record!(Nodes {
                slice: number,
                index: index.into(),
                loss,
                layers: vec![layer; dice.below(9)]
            })
            .into(),
            1 => record!(Trajectory {
                slice: Some(number),
                x: vec![0.1; dice.below(999)].into(),
                y: vec![0.2; dice.below(999)].into()
            })
            .into(),
            _ => slice.into(),
        }
    })
}

fn nesting(dice: &mut Dice) -> Vec<u8> {
    let opening: [&[u8]; 4] = [b"\x81", b"\xA1\x61a", b"\xD8\x63", b"\x9F"];
    let mut bytes = head(1);
    while bytes.len() < MOST_BYTES / 2 {
        let deep = opening[dice.below(4)].repeat(dice.below(100_000));
        bytes.extend(framed(&[b"\x82\x64note\xA1\x61x".as_slice(), &deep].concat()));
    }
    bytes.truncate(MOST_BYTES);
    bytes
}

/// A record of as many empty items as its length allows.
fn crowds(dice: &mut Dice) -> Vec<u8> {
    let kinds: [&[u8]; 7] = [
        b"\x82\x64head\xA1\x66blocks\x9A",
        b"\x82\x64head\xA1\x67buffers\x9A",
        b"\x82\x65slice\xA1\x66layers\x9A",
        b"\x82\x68blackbox\xA1\x65steps\x9A",
        b"\x82\x69curvature\xA1\x68measures\x9A",
        b"\x82\x65nodes\xA1\x66layers\x9A",
        b"\x82\x63new\xA1\x61a\x9A",
    ];
    let mut bytes = if dice.below(2) == 0 { head(1) } else { Vec::new() };
    let count = (MOST_BYTES - 200) >> dice.below(4);
    while bytes.len() + count + 100 < MOST_BYTES {
        let mut payload = kinds[dice.below(7)].to_vec();
        payload.extend((count as u32).to_be_bytes());
        payload.resize(payload.len() + count, 0xA0);
        bytes.extend(framed(&payload));
    }
    bytes
}

fn steps(dice: &mut Dice) -> Vec<u8> {
    let (kind, mut number) = (dice.below(4), 0);
    of_records(dice, |dice| {
        number += 1;
        let wide = if number == 1 { 60_000 } else { 1 };
        let columns = (0..[1, 30, 1, 3][kind]).map(|column| {
            let name =
                if kind == 1 { format!("c{}", 30 * number + column) } else { format!("c{column}") };
            (name, F32s(vec![1e30; if kind == 3 { dice.below(300) } else { wide }]))
        });
        let columns = columns.collect();
        let step = if kind == 2 { dice.number() } else { number };
        record!(Step {
            step,
            epoch: Some(dice.number()),
            elapsed_secs: f64::NAN,
            loss: Some(1e300),
            missing: vec![dice.number() as u32; dice.below(9)].into(),
            columns,
        })
        .into()
    })
}

/// Records of which each asks for others: going back, slices of a node, paths and plans of slices.
fn relations(dice: &mut Dice) -> Vec<u8> {
    let (kind, mut number) = (dice.below(6), 0_i64);
    of_records(dice, |dice| {
        number += 1;
        let axis = |count| record!(Axis { first: number, count, spacing: 0.5 });
        let is_late = dice.below(2) == 0;
        match kind {
            0 if is_late => record!(Resume { steps: dice.number() }).into(),
            0 => record!(Step { step: dice.number() }).into(),
            1 if is_late => record!(Trajectory { slice: Some(dice.below(9000) as u32) }).into(),
            2 if is_late => {
                let slices = (0..dice.below(99)).map(|_| dice.below(9000) as u32).collect();
                record!(Plan { slices }).into()
            }
            3 if is_late => record!(Nodes {
                slice: dice.below(9000) as u32,
                index: vec![0].into(),
                loss: vec![1.0].into()
            })
            .into(),
            // The same slice over and over, each time of another grid.
            4 => record!(Slice { slice: 0, x: axis(700), y: Some(axis(700)) }).into(),
            5 => {
                let layers = vec![record!(Layer { name: dice.text() }); dice.below(4000)];
                record!(Slice { slice: number as u32, x: axis(1), layers }).into()
            }
            _ => record!(Slice { slice: number as u32, x: axis(1) }).into(),
        }
    })
}

fn texts_and_numbers(dice: &mut Dice) -> Vec<u8> {
    of_records(dice, |dice| match dice.below(13) {
        0 => record!(Metric {
            split: dice.text().into(),
            name: dice.text(),
            step: dice.number(),
            value: f64::NAN
        })
        .into(),
        1 => record!(Note { text: dice.text() }).into(),
        2 => record!(Alert {
            rule: dice.text().into(),
            text: dice.text(),
            step: dice.number(),
            block: Some(dice.number() as u32)
        })
        .into(),
        3 => record!(Activation {
            tap: dice.text(),
            step: dice.number(),
            units: dice.number(),
            min: f64::NEG_INFINITY
        })
        .into(),
        4 => record!(Histogram {
            of: dice.text().into(),
            block: Some(dice.number() as u32),
            first_exponent: dice.number() as i16,
            positive: vec![u32::MAX; dice.below(5000)].into(),
            negative: vec![u32::MAX; dice.below(5000)].into(),
        })
        .into(),
        5 => record!(Snapshot {
            index: dice.number(),
            file: dice.text(),
            bytes: dice.number(),
            given_up: vec![dice.number(); dice.below(99)]
        })
        .into(),
        6 => record!(Epoch {
            epoch: dice.number(),
            steps: dice.number(),
            train_loss: Some(f64::MAX)
        })
        .into(),
        7 => record!(Resume { steps: dice.number(), resumed_unix_secs: -1e300 }).into(),
        8 => record!(Curvature {
            largest: vec![f64::MAX; dice.below(999)].into(),
            step: dice.number(),
            reason: dice.text().into()
        })
        .into(),
        9 => record!(Study {
            study: dice.number() as u32,
            kind: dice.text().into(),
            slices: vec![dice.number() as u32; dice.below(999)],
            sentences: vec![dice.text()]
        })
        .into(),
        10 => record!(Hyperparameters {
            values: [(dice.text(), "[".repeat(dice.below(9999)))].into()
        })
        .into(),
        11 => record!(Step {
            step: dice.number(),
            columns: [(dice.text(), F32s(vec![f32::NAN; dice.below(99)]))].into()
        })
        .into(),
        _ => {
            record!(Head { format: FORMAT, run_id: dice.text(), started_unix_secs: f64::INFINITY })
                .into()
        }
    })
}

/// A recorded trace with bytes changed, and the checksums made to fit.
fn changed(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = TOUR.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at + 12..at + 16].try_into().unwrap()) as usize;
        let payload = &mut bytes[at + 16..at + 16 + length];
        if at > 0 && dice.below(6) == 0 {
            payload[dice.below(length)] = dice.number() as u8;
            let checksum = crc32(payload).to_be_bytes();
            bytes[at + 5..at + 9].copy_from_slice(&checksum);
        }
        at += 16 + length;
    }
    bytes
}

fn noise(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = head(1);
    let count = dice.below(MOST_BYTES / 2);
    bytes.extend((0..count).map(|_| dice.number() as u8));
    bytes
}

const KINDS: [fn(&mut Dice) -> Vec<u8>; 9] =
    [false_marks, claims, nesting, crowds, steps, relations, texts_and_numbers, changed, noise];

/// What is run of the program, or of Python; `None` where there is no Python.
fn words(folder: &Path, command: &[&str]) -> Option<Vec<OsString>> {
    let run = folder.join("run").into_os_string();
    if command.is_empty() {
        let python = burnscape_workbench::python("cbor2, numpy")?;
        let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/python");
        return Some(vec![python.into(), "-c".into(), IN_PYTHON.into(), reader.into(), run]);
    }
    let arguments = command.iter().map(|it| match *it {
        "RUN" => run.clone(),
        "OUT" => folder.join("out").into_os_string(),
        other => other.into(),
    });
    Some(std::iter::once(env!("CARGO_BIN_EXE_burnscape").into()).chain(arguments).collect())
}

/// Whether a command came to an end of its own, and how long it took.
fn run(folder: &Path, command: &[&str]) -> Result<Duration, String> {
    let Some(words) = words(folder, command) else { return Ok(Duration::ZERO) };
    let begun = Instant::now();
    let output = Command::new("sh")
        .args(["-c", &format!("ulimit -v {MOST_KILOBYTES}; exec \"$0\" \"$@\"")])
        .args(words)
        // Room for the threads of a mathematics library would be counted.
        .env("OPENBLAS_NUM_THREADS", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let took = begun.elapsed();
    let out = folder.join("out");
    let _ = fs::remove_dir_all(&out).or_else(|_| fs::remove_file(&out));
    let told = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        // Python ends with 1 where it has no answer, too.
        Some(0..=2) if !told.contains("Traceback") => Ok(took),
        _ => Err(format!("{}: {}", output.status, told.chars().take(2000).collect::<String>())),
    }
}

fn file(folder: &Path, number: u64) -> usize {
    let mut dice = Dice(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let kind = number as usize % KINDS.len();
    let bytes = KINDS[kind](&mut dice);
    assert!(bytes.len() <= MOST_BYTES, "kind {kind}");
    fs::create_dir_all(folder.join("run")).unwrap();
    fs::write(folder.join("run").join(TRACE_FILE), bytes).unwrap();
    kind
}

#[test]
fn every_command_ends_within_500_mb_on_files_made_to_harm() {
    let scratch = tempfile::tempdir().unwrap();
    for number in 0..2 * KINDS.len() as u64 {
        let kind = file(scratch.path(), number);
        for command in COMMANDS {
            let ended = run(scratch.path(), command);
            assert!(ended.is_ok(), "file {number} of kind {kind}, {command:?}: {ended:?}");
        }
    }
}

fn files(otherwise: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("HOSTILE_FILES").ok().and_then(|it| it.parse().ok());
    0..asked.unwrap_or(otherwise)
}

/// Gives each file to some commands, and fails where one takes two seconds or does not end by itself.
fn judge(
    files: std::ops::Range<u64>,
    commands: impl Fn(u64) -> &'static [&'static [&'static str]],
) {
    let scratch = tempfile::tempdir().unwrap();
    let (mut slow, mut failed) = (Vec::new(), Vec::new());
    let (mut longest, mut count) = (Duration::ZERO, 0);
    for number in files.clone() {
        let kind = file(scratch.path(), number);
        for command in commands(number) {
            count += 1;
            match run(scratch.path(), command) {
                Ok(took) => {
                    longest = longest.max(took);
                    if took > Duration::from_secs(2) {
                        slow.push(format!("file {number} of kind {kind}, {command:?}: {took:?}"));
                    }
                }
                Err(how) => {
                    failed.push(format!("file {number} of kind {kind}, {command:?}: {how}"));
                }
            }
        }
    }
    println!(
        "{} files, {count} runs, the longest took {longest:?}, slow: {slow:#?}, failed: {failed:#?}",
        files.end
    );
    assert!(slow.is_empty() && failed.is_empty());
}

/// `HOSTILE_FILES` says how many, if not ten thousand; each is given to one of the commands.
#[test]
#[ignore = "many minutes, and it looks at the clock"]
fn ten_thousand_files_made_to_harm_take_no_command_two_seconds() {
    judge(files(10_000), |number| {
        let command = (number / KINDS.len() as u64) as usize % COMMANDS.len();
        &COMMANDS[command..=command]
    });
}

/// `HOSTILE_FILES` says how many, if not four hundred; each is given to every command.
#[test]
#[ignore = "many minutes, and it looks at the clock"]
fn every_command_ends_in_two_seconds_on_each_of_four_hundred_files_made_to_harm() {
    judge(files(400), |_| COMMANDS);
}
