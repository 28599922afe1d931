//! What is written is what is read, for any records at all.

use burnscape_trace::{Item, Reader, Record, Trajectory, frame, record};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::drawn::Draw;
use crate::sample::{framed, records, text};

/// A head and a few records after it.
pub fn any_records() -> impl Strategy<Value = Vec<Record>> {
    (vec(any::<u64>(), 1..200), 0..12).prop_map(|(numbers, count)| {
        let mut draw = Draw::new(numbers);
        let head = Record::from(draw.head());
        let rest = (0..count).map(|_| draw.record());
        std::iter::once(head).chain(rest).collect()
    })
}

proptest! {
    #[test]
    fn any_records_come_back_bit_for_bit(records in any_records()) {
        let (bytes, ranges) = framed(&records);
        let items: Vec<Item> = Reader::new(&bytes[..]).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(items.len(), records.len());
        for ((item, record), range) in items.iter().zip(&records).zip(ranges) {
            let Item::Record { offset, record: back } = item else { panic!("{item:?}") };
            prop_assert_eq!(*offset, range.start as u64);
            prop_assert_eq!(format!("{back:?}"), format!("{record:?}"));
            // Debug text does not show the bits of a NaN; the bytes do.
            let mut again = Vec::new();
            frame::encode(back, &mut again).unwrap();
            prop_assert_eq!(&again[..], &bytes[range]);
        }
    }
}

#[test]
fn every_kind_with_a_type_comes_back() {
    let records = records();
    let (bytes, _) = framed(&records);
    let trace: burnscape_trace::Trace = Reader::new(&bytes[..]).collect::<Result<_, _>>().unwrap();
    assert_eq!(text(&trace.records), text(&records));
    assert_eq!((trace.lost, trace.torn), (vec![], None));
}

#[test]
fn a_payload_longer_than_any_buffer_comes_back() {
    let values = (0..200_000_u32).map(f32::from_bits).collect();
    let step =
        record!(burnscape_trace::Step { columns: [("grad_norm".to_owned(), values)].into() });
    let long = Record::from(step);
    let text = crate::sample::note(&"long ≠ short ".repeat(10_000));
    let (bytes, _) = framed(&[Record::from(crate::sample::head()), long.clone(), text.clone()]);
    let trace: burnscape_trace::Trace = Reader::new(&bytes[..]).collect::<Result<_, _>>().unwrap();
    assert_eq!(trace.records[1..], [long, text]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever a trace claims, the paths of the runs are all entries, once each, in order.
    #[test]
    fn paths_of_several_runs_are_all_entries_once(count in 0..9_usize, starts in vec(0..12_u32, 0..6)) {
        let path = record!(Trajectory { x: vec![0.5; count].into(), starts: starts.clone().into() });
        let runs = path.runs();
        prop_assert!(runs.iter().flat_map(Clone::clone).eq(0..count));
        let inner = |start: &u32| (1..count as u32).contains(start);
        let inner: std::collections::BTreeSet<u32> = starts.into_iter().filter(inner).collect();
        prop_assert_eq!(runs.len(), 1 + inner.len());
    }
}
