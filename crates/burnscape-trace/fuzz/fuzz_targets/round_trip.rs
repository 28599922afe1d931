//! What is read from any payload is written and read again as the same.
//!
//! `.ci/fuzz 60 round_trip`.
#![no_main]

use burnscape_trace::{Record, frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let Ok(record) = frame::decode_payload(payload) else { return };
    if matches!(record, Record::Unknown { .. }) {
        return;
    }
    let mut first = Vec::new();
    frame::encode(&record, &mut first).expect("what was read can be written");
    let frame::Parsed::Whole { payload } = frame::parse(&first) else { panic!("no frame") };
    let again = frame::decode_payload(payload).expect("what was written can be read");
    let mut second = Vec::new();
    frame::encode(&again, &mut second).expect("and written again");
    assert_eq!(first, second);
});
