//! Any bytes are read without a panic, and every one of them is accounted for.
//!
//! `.ci/fuzz 60 read`.
#![no_main]

use burnscape_trace::{Item, Reader, frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = frame::decode_payload(bytes);
    let _ = frame::decode_value(bytes);
    let mut reader = Reader::new(bytes);
    let mut accounted = 0;
    while let Some(item) = reader.next() {
        accounted += match item {
            Ok(Item::Record { .. }) => reader.frame().len() as u64,
            Ok(Item::Lost(lost)) => lost.bytes,
            Ok(Item::Torn(torn)) => torn.bytes,
            Err(_) => return,
        };
    }
    assert_eq!(accounted, bytes.len() as u64);
});
