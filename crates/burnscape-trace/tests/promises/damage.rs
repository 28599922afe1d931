//! Torn, flipped, deleted, inserted and zeroed bytes cost the records they touch and no others.

use std::ops::Range;
use std::slice::from_ref;

use burnscape_trace::{Error, Item, LossCause, NotATrace, Reader, Record, Torn, Trace};
use proptest::prelude::*;

use crate::round_trip::any_records;
use crate::sample::{frame_by_hand, framed, head, note, records, text};

fn read(bytes: &[u8]) -> Result<Trace, Error> {
    Reader::new(bytes).collect()
}

#[test]
fn a_trace_cut_at_any_byte_reads_up_to_its_last_whole_record() {
    let all = records();
    let (bytes, ranges) = framed(&all);
    for cut in 0..=bytes.len() {
        let whole = ranges.iter().filter(|range| range.end <= cut).count();
        let offset = ranges[..whole].last().map_or(0, |range| range.end);
        let torn =
            (cut > offset).then_some(Torn { offset: offset as u64, bytes: (cut - offset) as u64 });
        let trace = read(&bytes[..cut]).unwrap();
        assert_eq!(text(&trace.records), text(&all[..whole]), "cut at {cut}");
        assert_eq!((trace.lost, trace.torn), (vec![], torn), "cut at {cut}");
    }
}

#[test]
fn any_single_flipped_byte_costs_one_record_and_tells_its_place() {
    let all = records();
    let (bytes, ranges) = framed(&all);
    for (hit, range) in ranges.iter().enumerate() {
        for at in range.clone() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let trace = read(&damaged).unwrap();
            let mut left = all.clone();
            left.remove(hit);
            assert_eq!(text(&trace.records), text(&left), "flipped byte {at}");
            assert_eq!(missing(&trace), from_ref(range), "flipped byte {at}");
        }
    }
}

fn missing(trace: &Trace) -> Vec<Range<usize>> {
    let lost = trace.lost.iter().map(|lost| (lost.offset, lost.bytes));
    let torn = trace.torn.iter().map(|torn| (torn.offset, torn.bytes));
    lost.chain(torn).map(|(offset, bytes)| offset as usize..(offset + bytes) as usize).collect()
}

#[test]
fn a_length_flipped_to_anything_at_all_costs_one_record() {
    let all = records();
    let (bytes, ranges) = framed(&all);
    let length = ranges[3].start + 12..ranges[3].start + 16;
    for false_length in [0, 1, 1000, 100_000, 256 << 20, (256 << 20) + 1, u32::MAX] {
        let mut damaged = bytes.clone();
        damaged[length.clone()].copy_from_slice(&u32::to_be_bytes(false_length));
        let trace = read(&damaged).unwrap();
        assert_eq!(trace.records.len(), all.len() - 1, "length {false_length}");
        assert_eq!(missing(&trace), [ranges[3].clone()]);
        assert_eq!(trace.lost[0].cause, LossCause::Damaged);
    }
}

#[test]
fn a_damaged_length_in_the_last_record_looks_torn() {
    let (mut bytes, ranges) = framed(&records());
    let last = ranges.last().unwrap();
    bytes[last.start + 13] ^= 1;
    let trace = read(&bytes).unwrap();
    assert_eq!(trace.lost, []);
    assert_eq!(missing(&trace), from_ref(last));
}

#[test]
fn a_damaged_head_costs_the_head_only() {
    let (mut bytes, ranges) = framed(&records());
    bytes[0] = 0;
    let trace = read(&bytes).unwrap();
    assert_eq!(missing(&trace), [ranges[0].clone()]);
    assert_eq!(trace.records.len(), ranges.len() - 1);
}

#[test]
fn a_record_with_wrong_fields_is_skipped_and_said() {
    let (mut bytes, _) = framed(&[Record::from(head())]);
    let start = bytes.len();
    // ["dropped", {"records": 1.5}]
    bytes.extend(frame_by_hand(b"\x82\x67dropped\xA1\x67records\xF9\x3E\x00"));
    let wrong = start..bytes.len();
    bytes.extend(framed(&[note("after")]).0);
    let trace = read(&bytes).unwrap();
    assert_eq!(trace.records[1..], [note("after")]);
    assert_eq!(missing(&trace), [wrong]);
    let LossCause::Undecodable { message } = &trace.lost[0].cause else {
        panic!("{:?}", trace.lost);
    };
    assert!(message.contains("integer"), "{message}");
}

#[test]
fn a_file_without_any_record_is_said_to_be_no_trace() {
    let error = read(b"epoch,loss\n1,0.5\n").unwrap_err();
    let Error::NotATrace { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*reason, NotATrace::NoRecord { bytes: 17 });
    assert!(error.to_string().contains("not a burnscape trace"), "{error}");
}

/// One thing that can happen to a file.
#[derive(Debug, Clone)]
enum Harm {
    Flip(u8),
    Zero(usize),
    Delete(usize),
    Insert(Vec<u8>),
}

fn any_harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (1..=u8::MAX).prop_map(Harm::Flip),
        (1..600_usize).prop_map(Harm::Zero),
        (1..600_usize).prop_map(Harm::Delete),
        proptest::collection::vec(any::<u8>(), 1..60).prop_map(Harm::Insert),
        Just(Harm::Insert(vec![0xD9, 0xD9, 0xF7, 0x82, 0x1A])),
    ]
}

impl Harm {
    /// Does it at `at`; gives the bytes of the whole trace that are touched.
    fn apply(&self, bytes: &mut Vec<u8>, at: usize) -> Range<usize> {
        let until = |length: &usize| (at + length).min(bytes.len());
        match self {
            Self::Flip(mask) => {
                bytes[at] ^= mask;
                at..at + 1
            }
            Self::Zero(length) => {
                let range = at..until(length);
                bytes[range.clone()].fill(0);
                range
            }
            Self::Delete(length) => {
                let range = at..until(length);
                bytes.drain(range.clone());
                range
            }
            Self::Insert(more) => {
                bytes.splice(at..at, more.iter().copied());
                // Between two records, inserted bytes touch none of them.
                at..at
            }
        }
    }
}

fn touched(record: &Range<usize>, harm: &Range<usize>) -> bool {
    record.start < harm.end.max(harm.start) && harm.start < record.end
        || harm.is_empty() && record.start < harm.start && harm.start < record.end
}

fn is_subsequence(part: &[String], whole: &[String]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|one| whole.any(|other| one == other))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn random_damage_costs_only_the_records_it_touches(
        all in any_records(),
        harm in any_harm(),
        place in any::<prop::sample::Index>(),
    ) {
        let (mut bytes, ranges) = framed(&all);
        let first_end = ranges[0].end;
        prop_assume!(bytes.len() > first_end);
        let at = first_end + place.index(bytes.len() - first_end);
        let harmed = harm.apply(&mut bytes, at);

        let items: Vec<Item> = Reader::new(&bytes[..]).collect::<Result<_, _>>().unwrap();
        let trace: Trace = items.into_iter().collect();
        let untouched: Vec<Record> = all.iter().zip(&ranges)
            .filter(|(_, range)| !touched(range, &harmed))
            .map(|(record, _)| record.clone())
            .collect();
        let read = text(&trace.records);
        prop_assert!(is_subsequence(&text(&untouched), &read));
        prop_assert!(is_subsequence(&read, &text(&all)));
        let whole = framed(&trace.records).0.len();
        let missing: usize = missing(&trace).iter().map(ExactSizeIterator::len).sum();
        prop_assert_eq!(whole + missing, bytes.len(), "every byte is accounted for");
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read(&frame_by_hand(&bytes));
        let mut after_a_head = framed(&[Record::from(head())]).0;
        after_a_head.extend(frame_by_hand(&bytes));
        prop_assert!(read(&after_a_head).is_ok());
    }
}
