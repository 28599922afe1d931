//! Bytes made by hand: the format is what the crate page draws, whatever the code does.

use burnscape_trace::{Dropped, Record, frame};

use crate::sample::{crc32_by_definition, frame_by_hand, note};

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
    let dropped = Dropped { records: 24, after_step: 1 << 32 };
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
    let dropped = Dropped { records: 24, after_step: 1 };
    assert_eq!(frame::decode_payload(payload).unwrap(), Record::from(dropped));
}
