//! Of a damaged run what is whole is exported, and what is lost is told.

use std::fs::{self, OpenOptions};
use std::io::Write;

use burnscape_report::Error;
use burnscape_trace::{Axis, Item, Layer, Nodes, Note, Reader, Record, Slice, Trajectory, record};

use super::support::{TestRun, WITHOUT, axis, nodes, plane, sentences};

fn note() -> Note {
    record!(Note { level: "info".into(), text: "this will be damaged".into() })
}

#[test]
fn a_run_without_slices_is_a_sentence_and_no_file() {
    let mut run = TestRun::with_snapshots();
    let error = run.export(WITHOUT).unwrap_err();
    assert!(matches!(error, Error::NoSlices { .. }));
    assert!(error.to_string().contains("holds no loss surface"), "{error}");
    assert!(!run.out().exists());
}

#[test]
fn what_is_no_run_is_what_the_trace_says() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.npz");
    let missing = folder.path().join("missing");
    let format = burnscape_report::Format::Npz;
    let error = burnscape_report::export(&missing, format, &WITHOUT, &out).unwrap_err();
    assert!(sentences(&error).contains("there is no run folder"));
}

#[test]
fn a_damaged_record_costs_itself_and_is_told() {
    let mut run = TestRun::new();
    run.add(plane(0)).add(nodes(0, vec![0], vec![1.0])).add(note());
    run.add(nodes(0, vec![1], vec![2.0]));
    assert_eq!(run.export(WITHOUT).unwrap().lost, [] as [String; 0]);
    let trace = run.folder.trace_path();
    let is_note = |item: &Item| matches!(item, Item::Record { record: Record::Note(_), .. });
    let mut items = Reader::open(&trace).unwrap().map(Result::unwrap);
    let Some(Item::Record { offset, .. }) = items.find(is_note) else {
        panic!("the note is there")
    };
    let mut bytes = fs::read(&trace).unwrap();
    bytes[offset as usize + 20] ^= 1;
    fs::write(&trace, bytes).unwrap();
    let npz = run.npz(WITHOUT);
    assert_eq!(npz.u8s("slice0_state"), [1, 1, 0, 0, 0, 0]);
    let lost = run.export(WITHOUT).unwrap().lost;
    assert_eq!(lost.len(), 1);
    assert!(lost[0].contains(&format!("at byte {offset} of the trace were changed")), "{lost:?}");
}

#[test]
fn an_unfinished_record_at_the_end_is_told() {
    let mut run = TestRun::new();
    run.add(plane(0)).export(WITHOUT).unwrap();
    let mut trace = OpenOptions::new().append(true).open(run.folder.trace_path()).unwrap();
    trace.write_all(b"\xd9\xd9\xf7\x82\x1a").unwrap();
    let lost = run.export(WITHOUT).unwrap().lost;
    assert!(lost[0].starts_with("the last 5 bytes of the trace are an unfinished"), "{lost:?}");
}

#[test]
fn nodes_without_a_place_are_counted_and_told() {
    let mut run = TestRun::new();
    run.add(plane(0)).add(nodes(0, vec![0, 6, u32::MAX], vec![1.0, 2.0, 3.0]));
    run.add(record!(Nodes { loss: vec![].into(), ..nodes(0, vec![1], vec![0.0]) }));
    run.add(nodes(5, vec![0, 1], vec![1.0, 2.0]));
    assert_eq!(run.npz(WITHOUT).u8s("slice0_state"), [1, 0, 0, 0, 0, 0]);
    let lost = run.export(WITHOUT).unwrap().lost;
    assert!(lost[0].starts_with("2 nodes of slice 5, whose description"), "{lost:?}");
    assert_eq!(lost[1], "3 nodes outside the grid of slice 0");
}

#[test]
fn a_slice_or_trajectory_that_makes_no_sense_is_left_out_and_told() {
    let mut run = TestRun::new();
    let huge = record!(Axis { count: u64::MAX, ..axis(3) });
    run.add(record!(Slice { x: huge, ..plane(1) }));
    run.add(record!(Slice { x: record!(Axis { spacing: f64::NAN, ..axis(3) }), ..plane(2) }));
    let error = run.export(WITHOUT).unwrap_err();
    let told = "slice 1 has no usable grid: the slice claims";
    assert!(error.to_string().contains(told), "{error}");
    run.add(record!(Slice { layers: vec![Layer::default(); 1001], ..plane(3) }));
    run.add(plane(0));
    run.add(record!(Trajectory { slice: Some(0), x: vec![1.0].into() }));
    let npz = run.npz(WITHOUT);
    assert!(!npz.has("trajectory_xy") && !npz.has("slice1_x"));
    let lost = run.export(WITHOUT).unwrap().lost.join("\n");
    for words in
        ["slice 2 has no usable grid", "1 of the layers of slice 3", "the trajectory of slice 0"]
    {
        assert!(lost.contains(words), "{words} in {lost}");
    }
}
