//! Newer minor versions are read, newer major versions are refused by name.

use std::collections::BTreeSet;

use burnscape_trace::{
    Activation, Alert, Blackbox, Curvature, Error, FORMAT, Follower, Head, Histogram, NotATrace,
    RESERVED_KINDS, Reader, Record, RunFolder, Trace, Writer, frame, record,
};

use crate::sample::{frame_by_hand, framed, head, note, records};

fn read(bytes: &[u8]) -> Result<Trace, Error> {
    Reader::new(bytes).named("runs/x/trace.cbor").collect()
}

fn head_of(format: [u16; 2]) -> Record {
    Record::from(record!(Head { format, ..head() }))
}

/// As programs for 0.1 were written, where these fields were `String`s.
#[test]
fn what_programs_did_with_the_text_of_a_field_they_still_do() {
    fn shout(text: &str) -> String {
        text.to_uppercase()
    }
    let alert = record!(Alert { rule: "plateau".into(), level: "grave".into() });
    let is_error = match alert.level.as_str() {
        "error" => true,
        other => other == "grave",
    };
    assert!(is_error && alert.rule == "plateau" && alert.rule != "loss-spike");
    assert_eq!(shout(&alert.rule), "PLATEAU");
    assert_eq!(format!("{:>8}|{:?}", alert.rule, alert.level), " plateau|\"grave\"");
    assert!(alert.rule.starts_with("plat") && !alert.rule.is_empty());
    let rules: Vec<&str> = [&alert].iter().map(|it| it.rule.as_ref()).collect();
    assert_eq!(rules, ["plateau"]);
}

#[test]
fn this_is_format_1_3() {
    assert_eq!(FORMAT, [1, 3]);
}

#[test]
fn a_newer_major_is_refused_naming_both_versions_and_the_file() {
    let (bytes, _) = framed(&[head_of([2, 7]), note("hi")]);
    let message = read(&bytes).unwrap_err().to_string();
    for part in ["2.7", "1.3", "runs/x/trace.cbor", "update burnscape"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_newer_major_is_recognised_even_where_nothing_else_of_its_head_is() {
    // ["head", {"format": [2, 0, 5], "seed": "not a number any more"}]
    let payload = b"\x82\x64head\xA2\x66format\x83\x02\x00\x05\x64seed\x61x";
    let error = read(&frame_by_hand(payload)).unwrap_err();
    assert!(matches!(error, Error::NewerMajor { found: [2, 0], .. }), "{error:?}");
}

#[test]
fn a_newer_major_is_not_resumed_and_not_touched() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("run")).unwrap();
    let mut bytes = framed(&[head_of([2, 0])]).0;
    bytes.extend(b"\xD9\xD9");
    std::fs::write(folder.trace_path(), &bytes).unwrap();
    let error = Writer::resume(&folder).unwrap_err();
    assert!(matches!(error, Error::NewerMajor { found: [2, 0], known: [1, 3], .. }));
    assert_eq!(std::fs::read(folder.trace_path()).unwrap(), bytes);
}

#[test]
fn a_newer_major_is_not_followed() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("run")).unwrap();
    std::fs::write(folder.trace_path(), framed(&[head_of([3, 0])]).0).unwrap();
    let error = Follower::open(folder.path()).unwrap().poll().unwrap_err();
    assert!(matches!(error, Error::NewerMajor { found: [3, 0], .. }), "{error:?}");
}

#[test]
fn a_newer_minor_is_read_past_its_new_kinds_and_fields() {
    let (mut bytes, _) = framed(&[head_of([1, 9])]);
    // ["dropped", {"new": 85(h'0000803f'), "records": 3, "deep": [{"a": 99(null)}]}]
    bytes.extend(frame_by_hand(
        b"\x82\x67dropped\xA3\x63new\xD8\x55\x44\x00\x00\x80\x3F\x67records\x03\
          \x64deep\x81\xA1\x61a\xD8\x63\xF6",
    ));
    // ["eigen", {"v": 86(h''), "w": [-1, 1.5, true, h'00']}]
    bytes.extend(frame_by_hand(
        b"\x82\x65eigen\xA2\x61v\xD8\x56\x40\x61w\x84\x20\xF9\x3E\x00\xF5\x41\x00",
    ));
    let trace = read(&bytes).unwrap();
    assert_eq!(trace.lost, []);
    let Record::Dropped(dropped) = &trace.records[1] else {
        panic!("{:?}", trace.records[1]);
    };
    assert_eq!((dropped.records, dropped.after_step), (3, 0));
    assert_eq!(trace.records[2], Record::Unknown { kind: "eigen".into() });
}

#[test]
fn every_reserved_kind_has_a_type_and_every_type_is_reserved() {
    let records = records();
    let with_type: BTreeSet<&str> = records.iter().map(Record::kind).collect();
    let reserved = BTreeSet::from(RESERVED_KINDS);
    assert_eq!(reserved, with_type);
}

#[test]
fn what_an_older_writer_leaves_out_of_a_record_has_its_default() {
    // ["alert", {}] and so on
    let empty = |kind: &[u8]| frame::decode_payload(&[b"\x82", kind, b"\xA0"].concat()).unwrap();
    assert_eq!(empty(b"\x6Aactivation"), Record::from(Activation::default()));
    assert_eq!(empty(b"\x69histogram"), Record::from(Histogram::default()));
    assert_eq!(empty(b"\x65alert"), Record::from(Alert::default()));
    assert_eq!(empty(b"\x68blackbox"), Record::from(Blackbox::default()));
    assert_eq!(empty(b"\x69curvature"), Record::from(Curvature::default()));
}

#[test]
fn an_unknown_record_cannot_be_written_because_its_fields_are_gone() {
    let mut bytes = b"before".to_vec();
    let unknown = Record::Unknown { kind: "eigen".into() };
    let error = frame::encode(&unknown, &mut bytes).unwrap_err();
    assert!(matches!(error, Error::UnknownKind { kind } if kind == "eigen"));
    assert_eq!(bytes, b"before");
}

#[test]
fn a_trace_begins_with_its_head() {
    let error = read(&framed(&[note("hi")]).0).unwrap_err();
    let Error::NotATrace { reason, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(reason, NotATrace::FirstIsNotHead { kind: "note".into() });
}

#[test]
fn a_head_without_a_format_is_no_head() {
    let error = read(&framed(&[head_of([0, 0])]).0).unwrap_err();
    assert!(error.to_string().contains("format 0.0"), "{error}");
}
