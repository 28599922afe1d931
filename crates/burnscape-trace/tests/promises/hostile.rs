//! Claims are checked before they are believed.

use std::io::{self, Read};

use burnscape_trace::{Error, Reader, Record, Torn, frame};

use crate::sample::{framed, head};

/// `["note", ` and then something in place of the fields.
fn note_of(fields: &[u8]) -> Vec<u8> {
    [b"\x82\x64note", fields].concat()
}

#[test]
fn claimed_lengths_inside_a_payload_are_not_allocated() {
    let claims: [&[u8]; 6] = [
        b"\x9B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        b"\xBB\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        b"\xA1\x64text\x7B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        b"\xA1\x64text\x7B\x00\x00\x00\xFF\xFF\xFF\xFF\xFF",
        b"\xA1\x63new\x5B\x00\x00\x00\xFF\xFF\xFF\xFF\xFF",
        b"\xA1\x63new\x9B\x00\x00\x00\xFF\xFF\xFF\xFF\xFF",
    ];
    for claim in claims {
        let error = frame::decode_payload(&note_of(claim)).unwrap_err();
        assert!(matches!(error, Error::Payload { .. }), "{error:?}");
    }
    let blocks = b"\x82\x64head\xA1\x66blocks\x9B\x00\x00\x00\xFF\xFF\xFF\xFF\xFF";
    assert!(frame::decode_payload(blocks).is_err());
    let array = b"\x82\x65nodes\xA1\x64loss\xD8\x56\x5B\x00\x00\x00\xFF\xFF\xFF\xFF\xFF";
    assert!(frame::decode_payload(array).is_err());
}

#[test]
fn a_payload_over_the_cap_is_no_frame_and_one_at_the_cap_may_be() {
    let claim = |length: u32| {
        let mut bytes = b"\xD9\xD9\xF7\x82\x1A\0\0\0\0\xD8\x18\x5A".to_vec();
        bytes.extend(length.to_be_bytes());
        bytes
    };
    // 256 MiB.
    assert_eq!(frame::parse(&claim(0x1000_0000)), frame::Parsed::Incomplete);
    assert_eq!(frame::parse(&claim(0x1000_0001)), frame::Parsed::NotAFrame);
}

/// Gives a few bytes and remembers how many were asked for.
struct Watched<'a> {
    bytes: &'a [u8],
    most_asked: usize,
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.most_asked = self.most_asked.max(into.len());
        self.bytes.read(into)
    }
}

#[test]
fn a_frame_that_claims_256_mib_and_has_none_makes_no_room_for_them() {
    let (mut bytes, _) = framed(&[Record::from(head())]);
    let offset = bytes.len() as u64;
    bytes.extend(b"\xD9\xD9\xF7\x82\x1A\0\0\0\0\xD8\x18\x5A\x10\0\0\0");
    let mut input = Watched { bytes: &bytes, most_asked: 0 };
    let trace: burnscape_trace::Trace = Reader::new(&mut input).collect::<Result<_, _>>().unwrap();
    assert_eq!(trace.torn, Some(Torn { offset, bytes: 16 }));
    assert!(input.most_asked < 1 << 20, "{}", input.most_asked);
}

#[test]
fn endless_nesting_is_an_error_not_a_stack_overflow() {
    for opening in [b"\x81".as_slice(), b"\xA1\x61a", b"\xD8\x63"] {
        let deep = note_of(&[b"\xA1\x63new".as_slice(), &opening.repeat(500_000)].concat());
        let error = frame::decode_payload(&deep).unwrap_err().to_string();
        assert!(error.contains("nested deeper than 32 levels"), "{error}");
    }
}

#[test]
fn a_payload_is_exactly_one_record() {
    for payload in [
        b"".as_slice(),
        b"\x82\x64note",
        b"\x81\x64note",
        b"\x83\x64note\xA0\x00",
        b"\x82\x64note\xA0\x00",
        b"\xA0",
        b"\x82\x01\xA0",
    ] {
        let error = frame::decode_payload(payload).unwrap_err();
        assert!(matches!(error, Error::Payload { .. }), "{payload:?}: {error:?}");
    }
}

#[test]
fn an_interrupted_read_is_tried_again_and_a_failed_one_says_where() {
    struct Moody<'a>(&'a [u8], u32);
    impl Read for Moody<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 % 3 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                _ if self.0.is_empty() => Err(io::ErrorKind::ConnectionReset.into()),
                _ => {
                    let some = into.len().min(5);
                    self.0.read(&mut into[..some])
                }
            }
        }
    }
    let (bytes, _) = framed(&[Record::from(head())]);
    let results: Vec<_> = Reader::new(Moody(&bytes, 0)).named("far/trace.cbor").collect();
    assert!(
        matches!(&results[..], [Err(Error::Read { path, .. })] if path.ends_with("trace.cbor"))
    );
}

#[test]
fn a_payload_of_more_items_than_memory_could_hold_is_refused() {
    // ["head", {"blocks": [{}, {}, …]}]: one byte each, and a block takes over a hundred in memory.
    let count = frame::MAX_ITEMS as u32;
    let mut many = b"\x82\x64head\xA1\x66blocks\x9A".to_vec();
    many.extend(count.to_be_bytes());
    many.resize(many.len() + count as usize, 0xA0);
    for error in
        [frame::decode_payload(&many).unwrap_err(), frame::decode_value(&many).unwrap_err()]
    {
        assert!(error.to_string().contains("more than 2000000 items"), "{error}");
    }
}

#[test]
fn typed_arrays_of_broken_lengths_and_wrong_types_are_errors() {
    let payloads: [&[u8]; 6] = [
        b"\x82\x64step\xA1\x67columns\xA1\x61a\xD8\x55\x43\0\0\0",
        b"\x82\x64step\xA1\x67columns\xA1\x61a\xD8\x56\x44\0\0\0\0",
        b"\x82\x64step\xA1\x67columns\xA1\x61a\x81\xFA\0\0\0\0",
        b"\x82\x64step\xA1\x67missing\xD8\x46\x41\0",
        b"\x82\x64step\xA1\x64step\x20",
        b"\x82\x64step\xA1\x6Baccumulated\x1B\0\0\0\x01\0\0\0\0",
    ];
    for payload in payloads {
        let error = frame::decode_payload(payload).unwrap_err();
        assert!(matches!(error, Error::Payload { .. }), "{error:?}");
    }
}
