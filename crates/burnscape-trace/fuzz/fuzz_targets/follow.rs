//! A follower of a trace that arrives in pieces gives what a reader of the whole gives.
//!
//! `.ci/fuzz 60 follow`. The first byte says how long the pieces are.
#![no_main]

use std::fs::OpenOptions;
use std::io::Write;

use burnscape_trace::{Follower, Item, Reader, Trace};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((length, bytes)) = input.split_first() else { return };
    let whole: Result<Trace, _> = Reader::new(bytes).collect();
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("trace.cbor");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).expect("a file");
    let mut follower = Follower::open(scratch.path()).expect("a folder");
    let mut items: Vec<Item> = Vec::new();
    for piece in bytes.chunks(16 * (usize::from(*length) + 1)) {
        file.write_all(piece).expect("room on the disk");
        // Some refusals pass: damage at the beginning looks like some other file until a record follows.
        items.extend(follower.poll().into_iter().flatten());
    }
    if let Ok(whole) = whole {
        items.extend(follower.finish_tail().expect("a trace"));
        let followed: Trace = items.into_iter().collect();
        // As text, in which NaN is equal to itself.
        assert_eq!(format!("{followed:?}"), format!("{whole:?}"));
    }
});
