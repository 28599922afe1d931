//! Bytes made by hand: the format is what the crate page draws, whatever the code does.

use std::ops::Range;

use burnscape_trace::{Dropped, Reader, Record, Torn, Trace, frame, record};

use crate::sample::{crc32_by_definition, frame_by_hand, framed, note, records_of_1_0, text};

/// The note of the crate page. Checksum from Python: `hex(zlib.crc32(payload)) == '0x8ef6dbcd'`.
const NOTE: &[u8] = b"\xD9\xD9\xF7\x82\x1A\x8E\xF6\xDB\xCD\xD8\x18\x5A\x00\x00\x00\x1A\
    \x82\x64note\xA2\x65level\x64info\x64text\x62hi";

#[test]
fn a_note_has_exactly_the_bytes_of_the_crate_page() {
    let mut bytes = Vec::new();
    frame::encode(&note("hi"), &mut bytes).unwrap();
    assert_eq!(bytes, NOTE);
}

#[test]
fn the_bytes_of_the_crate_page_read_as_that_note() {
    let frame::Parsed::Whole { payload } = frame::parse(NOTE) else {
        panic!("no frame: {:?}", frame::parse(NOTE));
    };
    assert_eq!(frame::decode_payload(payload).unwrap(), note("hi"));
}

#[test]
fn the_checksum_is_the_crc_32_of_zlib() {
    // The check value that every catalogue of CRCs gives for CRC-32/ISO-HDLC.
    assert_eq!(crc32_by_definition(b"123456789"), 0xCBF4_3926);
    assert_eq!(frame_by_hand(&NOTE[16..]), NOTE);
}

#[test]
fn integers_are_as_short_as_cbor_allows_and_floats_are_floats() {
    let mut bytes = Vec::new();
    let dropped = record!(Dropped { records: 24, after_step: 1 << 32 });
    frame::encode(&Record::from(dropped), &mut bytes).unwrap();
    let payload = b"\x82\x67dropped\xA2\x67records\x18\x18\x6Aafter_step\
        \x1B\x00\x00\x00\x01\x00\x00\x00\x00";
    assert_eq!(bytes, frame_by_hand(payload));
}

#[test]
fn other_writers_may_use_indefinite_lengths_and_wide_numbers() {
    // ["dropped", {_ "records": 24 in 8 bytes, "after_step": 1 in 2 bytes}], outer array indefinite.
    let payload = b"\x9F\x67dropped\xBF\x67records\x1B\x00\x00\x00\x00\x00\x00\x00\x18\
        \x6Aafter_step\x19\x00\x01\xFF\xFF";
    let dropped = record!(Dropped { records: 24, after_step: 1 });
    assert_eq!(frame::decode_payload(payload).unwrap(), Record::from(dropped));
}

/// Files of format 1.0 as they were first written: one of every record, and what the examples recorded.
pub const FILES: [(&str, &[u8]); 4] = [
    ("every_record", include_bytes!("../golden/every_record.cbor")),
    ("digits", include_bytes!("../golden/digits.cbor")),
    ("convnet", include_bytes!("../golden/convnet.cbor")),
    ("custom_loop", include_bytes!("../golden/custom_loop.cbor")),
];

fn read(bytes: &[u8]) -> Trace {
    Reader::new(bytes).collect::<Result<_, _>>().unwrap()
}

#[test]
fn files_of_format_1_0_read_without_loss_to_their_end() {
    for (name, bytes) in FILES {
        let trace = read(bytes);
        assert_eq!((trace.lost, trace.torn), (vec![], None), "{name}");
        assert_eq!(trace.records.first().map(Record::kind), Some("head"), "{name}");
        assert_eq!(trace.records.last().map(Record::kind), Some("end"), "{name}");
        assert!(trace.records.iter().all(|it| !matches!(it, Record::Unknown { .. })), "{name}");
    }
}

#[test]
fn files_of_format_1_0_are_written_again_byte_for_byte() {
    for (name, bytes) in FILES {
        assert!(framed(&read(bytes).records).0 == bytes, "{name}");
    }
}

#[test]
fn the_file_of_every_record_holds_every_record_of_1_0_as_it_was_meant() {
    let (_, bytes) = FILES[0];
    assert_eq!(text(&read(bytes).records), text(&records_of_1_0()));
}

/// Where each record begins and ends, by the drawing of the format.
fn ranges(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at + 12..at + 16].try_into().unwrap());
        ranges.push(at..at + 16 + length as usize);
        at = ranges.last().unwrap().end;
    }
    ranges
}

#[test]
fn a_recorded_trace_cut_between_any_records_gives_exactly_those_before() {
    let (_, bytes) = FILES[1];
    let all = text(&read(bytes).records);
    for (whole, range) in ranges(bytes).into_iter().enumerate() {
        let trace = read(&bytes[..range.start]);
        assert!(text(&trace.records) == all[..whole], "{whole} records");
        assert_eq!((trace.lost, trace.torn), (vec![], None));
    }
}

/// Reading the whole trace for each of its 121 141 bytes would take minutes: what lies between the head and the
/// record before the cut is left out, as the cut between records above covers it.
#[test]
fn a_recorded_trace_cut_at_every_byte_gives_exactly_the_whole_records_before() {
    let (_, bytes) = FILES[1];
    let ranges = ranges(bytes);
    let head = &bytes[ranges[0].clone()];
    for cut in 1..head.len() {
        assert_eq!(read(&head[..cut]).torn, Some(Torn { offset: 0, bytes: cut as u64 }));
    }
    for pair in ranges[1..].windows(2) {
        let mut kept = [head, &bytes[pair[0].clone()]].concat();
        let (offset, before) = (kept.len() as u64, text(&read(&kept).records));
        for (torn_bytes, byte) in (1..).zip(&bytes[pair[1].start..pair[1].end - 1]) {
            kept.push(*byte);
            let trace = read(&kept);
            assert_eq!(trace.torn, Some(Torn { offset, bytes: torn_bytes }));
            assert!(trace.lost.is_empty() && text(&trace.records) == before);
        }
    }
}

/// The checksum of the file says that nobody has changed it; from Python's `zlib.crc32`.
#[test]
fn the_files_are_those_that_were_committed() {
    let expected = [
        ("every_record", 0x2700743C),
        ("digits", 0x58F0CAA5),
        ("convnet", 0x6824A2D0),
        ("custom_loop", 0xEBEA77A1),
    ];
    let checksums = FILES.map(|(name, bytes)| (name, crc32_by_definition(bytes)));
    assert_eq!(checksums, expected);
}
