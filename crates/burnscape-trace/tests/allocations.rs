//! What encoding and hostile claims allocate. One test, since the allocator counts for all threads.

use std::alloc::System;

use burnscape_trace::{FORMAT, Head, Item, Reader, Record, Step, frame, record};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// serde makes room for 1 MiB of a list at most, whatever length it claims; then come buffers and messages.
const DECODER_BYTES: usize = (1 << 20) + (64 << 10);
/// The buffer of a reader is 256 KiB, and doubled once.
const READER_BYTES: usize = 1 << 20;

#[test]
fn steps_are_encoded_without_allocating_and_claims_are_not_believed() {
    a_step_of_100_blocks_and_6_columns_allocates_nothing();
    a_payload_that_claims_gigabytes_allocates_what_is_there();
    a_file_that_claims_256_mib_allocates_what_is_there();
}

fn allocated(work: impl FnOnce()) -> Stats {
    let region = Region::new(GLOBAL);
    work();
    region.change()
}

fn a_step_of_100_blocks_and_6_columns_allocates_nothing() {
    let columns =
        ["a", "b", "c", "d", "e", "f"].map(|name| (name.to_owned(), vec![0.1; 100].into()));
    let step = Record::from(record!(Step { columns: columns.into(), loss: Some(0.1) }));
    let mut out = Vec::new();
    frame::encode(&step, &mut out).unwrap();
    let stats = allocated(|| {
        for _ in 0..100 {
            out.clear();
            frame::encode(&step, &mut out).unwrap();
        }
    });
    assert_eq!((stats.allocations, stats.reallocations), (0, 0));
}

fn a_payload_that_claims_gigabytes_allocates_what_is_there() {
    const CLAIM: &[u8] = b"\x00\x00\x00\xFF\xFF\xFF\xFF\xFF";
    let openings: [&[u8]; 8] = [
        b"\x9B",
        b"\x82\x7B",
        b"\x82\x64note\xBB",
        b"\x82\x64note\xA1\x64text\x7B",
        b"\x82\x64head\xA1\x66blocks\x9B",
        b"\x82\x65nodes\xA1\x64loss\xD8\x56\x5B",
        b"\x82\x64step\xA1\x67columns\xBB",
        b"\x82\x63new\xA1\x61x\x5B",
    ];
    for opening in openings {
        let payload = [opening, CLAIM].concat();
        let stats = allocated(|| drop(frame::decode_payload(&payload).unwrap_err()));
        assert!(stats.bytes_allocated < DECODER_BYTES, "{opening:?}: {stats:?}");
    }
}

fn a_file_that_claims_256_mib_allocates_what_is_there() {
    let mut bytes = Vec::new();
    frame::encode(&Record::from(record!(Head { format: FORMAT })), &mut bytes).unwrap();
    bytes.extend(b"\xD9\xD9\xF7\x82\x1A\0\0\0\0\xD8\x18\x5A\x10\0\0\0".repeat(100));
    let mut items = Vec::with_capacity(4);
    let stats = allocated(|| items.extend(Reader::new(&bytes[..])));
    assert!(matches!(&items[..], [Ok(Item::Record { .. }), Ok(Item::Torn(_))]), "{items:?}");
    assert!(
        stats.bytes_allocated + stats.bytes_reallocated.unsigned_abs() < READER_BYTES,
        "{stats:?}"
    );
}
