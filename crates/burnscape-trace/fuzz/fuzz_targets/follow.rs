//! A follower of a trace that arrives in pieces gives what a reader of the whole gives.
//!
//! `.ci/fuzz 60 follow`. The first byte says how many pieces.
#![no_main]

use std::fs::File;
use std::io::Write;
use std::sync::LazyLock;

use burnscape_trace::frame::SYNC_MARK;
use burnscape_trace::{Follower, Item, Reader, Trace};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// The whole trace; nothing if it is refused, or if a frame holds what could be another, as no writer's does: while the
/// outer one is not whole, the inner one is.
fn read(bytes: &[u8]) -> Option<Trace> {
    let mut reader = Reader::new(bytes);
    let mut items = Vec::new();
    while let Some(item) = reader.next() {
        items.push(item.ok()?);
        let inside = reader.frame().get(1..).unwrap_or_default();
        if inside.windows(SYNC_MARK.len()).any(|it| it == SYNC_MARK) {
            return None;
        }
    }
    Some(items.into_iter().collect())
}

fuzz_target!(|input: &[u8]| {
    let Some((pieces, bytes)) = input.split_first() else { return };
    let Some(whole) = read(bytes) else { return };
    let mut file = File::create(FOLDER.path().join("trace.cbor")).expect("a file");
    let mut follower = Follower::open(FOLDER.path()).expect("a folder");
    let mut items: Vec<Item> = Vec::new();
    for piece in bytes.chunks(bytes.len() / (usize::from(*pieces) % 16 + 1) + 1) {
        file.write_all(piece).expect("room on the disk");
        // Some refusals pass: damage at the beginning looks like some other file until a record follows.
        items.extend(follower.poll().into_iter().flatten());
    }
    items.extend(follower.finish_tail().expect("a trace"));
    let followed: Trace = items.into_iter().collect();
    // As text, in which NaN is equal to itself.
    assert_eq!(format!("{followed:?}"), format!("{whole:?}"));
});
