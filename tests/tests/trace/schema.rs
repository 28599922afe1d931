//! What the three examples write is what `trace.cddl` says: by our reader of it, and by one of others.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use burnscape::trace::{Item, Reader};
use burnscape_workbench::python;
use tempfile::tempdir;

use super::support::{example_run, python_folder, run_python};

#[path = "../../../crates/burnscape-trace/tests/promises/cddl.rs"]
mod cddl;

const CDDL: &str = include_str!("../../../crates/burnscape-trace/trace.cddl");
const EXAMPLES: [&str; 3] = ["digits", "convnet", "custom_loop"];

/// Where the records of a run begin in its trace.
fn offsets(trace: &Path) -> Vec<usize> {
    let items = Reader::open(trace).expect("a trace");
    let offset = |item| match item {
        Ok(Item::Record { offset, .. }) => offset as usize,
        other => panic!("{other:?}"),
    };
    items.map(offset).collect()
}

#[test]
fn the_traces_of_the_examples_agree_with_the_schema() {
    let maps = cddl::maps(CDDL);
    for name in EXAMPLES {
        let dir = tempdir().expect("a folder");
        let trace = example_run(name, dir.path()).join("trace.cbor");
        let bytes = fs::read(&trace).expect("a trace");
        let mut kinds = BTreeSet::new();
        for offset in offsets(&trace) {
            let (kind, fields) = cddl::kind_and_fields(&bytes[offset..]);
            assert!(cddl::agrees(&maps, &kind, &fields), "{name}: {kind}: {fields:?}");
            kinds.insert(kind);
        }
        let expected = ["head", "step", "epoch", "snapshot", "slice", "nodes", "trajectory", "end"];
        assert!(expected.iter().all(|kind| kinds.contains(*kind)), "{name}: {kinds:?}");
    }
}

/// The first records of every kind, by the CDDL of the `cddl` crate: it knows all of RFC 8610, and takes long.
#[test]
fn a_validator_of_others_says_the_same() {
    let script = r#"
import sys
from collections import Counter
from pathlib import Path
import pycddl
from burnscape_trace import OVERHEAD_BYTES, items
schema, trace = pycddl.Schema(Path(sys.argv[1]).read_text()), Path(sys.argv[2]).read_bytes()
seen = Counter()
for record in items(sys.argv[2]):
    seen[record.kind] += 1
    if seen[record.kind] <= 3:
        length = int.from_bytes(trace[record.offset + 12:record.offset + OVERHEAD_BYTES], "big")
        schema.validate_cbor(trace[record.offset:record.offset + OVERHEAD_BYTES + length])
wrong = bytes.fromhex("d9d9f7821a00000000d8185a00000007") + bytes.fromhex("82646e6f7465a0")
try:
    schema.validate_cbor(wrong)
except pycddl.ValidationError:
    print(len(seen))
"#;
    let schema = python_folder().join("../../crates/burnscape-trace/trace.cddl");
    let Some(program) = python("cbor2, numpy, pycddl") else { return };
    for name in EXAMPLES {
        let dir = tempdir().expect("a folder");
        let trace = example_run(name, dir.path()).join("trace.cbor");
        let kinds = run_python(&program, script, &[&schema, &trace]);
        assert!(kinds.trim().parse::<usize>().is_ok_and(|kinds| kinds >= 8), "{name}: {kinds}");
    }
}

/// How much of a trace its steps take: a name and a length are told once per column, the rest are numbers.
#[test]
fn a_step_of_the_digits_run_takes_four_bytes_per_number_and_a_little_more() {
    let dir = tempdir().expect("a folder");
    let trace = example_run("digits", dir.path()).join("trace.cbor");
    let (mut steps, mut step_bytes, mut values, mut columns) = (0, 0, 0, 0);
    let mut records =
        Reader::open(&trace).expect("a trace").map(|it| it.expect("a record")).peekable();
    while let Some(item) = records.next() {
        if let (
            Item::Record { offset, record: burnscape::trace::Record::Step(step) },
            Some(Item::Record { offset: next, .. }),
        ) = (&item, records.peek())
        {
            steps += 1;
            step_bytes += next - offset;
            columns += step.columns.len() as u64;
            values += step.columns.values().map(|column| column.len() as u64).sum::<u64>();
        }
    }
    let all = fs::metadata(&trace).expect("a trace").len();
    let _ = writeln!(
        io::stderr(),
        "digits: {} bytes per step in {steps} steps, {} values in {} columns each; whole trace {all} bytes, {} per step",
        step_bytes / steps,
        values / steps,
        columns / steps,
        all / steps,
    );
    // 16 bytes of frame; the names of ten fields and their numbers; per column a name of at most 20 bytes, a tag
    // and a length.
    let at_most = 4 * values + 26 * columns + 176 * steps;
    assert!(step_bytes <= at_most, "{step_bytes} bytes, expected at most {at_most}");
}
