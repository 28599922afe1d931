//! Steps have a path of their own to bytes and back; ciborium, by way of serde, is the second route to both.

use burnscape_trace::{Follower, Item, Reader, Record, Step, frame, record};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::drawn::Draw;
use crate::round_trip::any_records;
use crate::sample::{framed, head};

fn any_step() -> impl Strategy<Value = Step> {
    vec(any::<u64>(), 1..200).prop_map(|numbers| Draw::new(numbers).step())
}

fn payload_by_ciborium(step: &Step) -> Vec<u8> {
    let mut payload = Vec::new();
    ciborium::into_writer(&("step", step), &mut payload).unwrap();
    payload
}

fn payload(step: &Step) -> Vec<u8> {
    let (frame, _) = framed(&[Record::from(step.clone())]);
    frame[frame::OVERHEAD_BYTES..].to_vec()
}

fn of_step(step: &Step) -> String {
    format!("{:?}", Record::from(step.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_step_has_the_bytes_that_ciborium_gives_it(step in any_step()) {
        prop_assert_eq!(payload(&step), payload_by_ciborium(&step));
    }

    #[test]
    fn any_bytes_of_a_step_are_read_as_ciborium_reads_them(
        step in any_step(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut payload = payload_by_ciborium(&step);
        let at = place.index(payload.len());
        payload[at] = byte;
        let by_ciborium = ciborium::from_reader::<(String, Step), _>(&payload[..]);
        match (frame::decode_payload(&payload), by_ciborium) {
            (Ok(Record::Step(one)), Ok((kind, other))) => {
                prop_assert_eq!(kind, "step");
                prop_assert_eq!(payload_by_ciborium(&one), payload_by_ciborium(&other));
            }
            // Bytes that follow the record, or another kind, are not what this route looks at.
            (Err(_), _) | (Ok(Record::Unknown { .. }), _) => {}
            (one, other) => prop_assert!(false, "{one:?} and {other:?}"),
        }
    }

    /// Whatever stands around them and whatever was read into the same place before.
    #[test]
    fn steps_are_read_one_into_the_place_of_another(
        records in any_records(), numbers in vec(any::<u64>(), 1..50), after in any::<prop::sample::Index>(),
    ) {
        let mut draw = Draw::new(numbers);
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for record in records.iter().flat_map(|it| [it.clone(), draw.step().into(), it.clone()]) {
            if let Record::Step(step) = &record {
                expected.push((bytes.len() as u64, payload_by_ciborium(step)));
            }
            frame::encode(&record, &mut bytes).unwrap();
        }
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("trace.cbor");
        std::fs::write(&path, &bytes).unwrap();
        let first = after.index(expected.len());
        let mut reader = Reader::open_at(&path, expected[first].0).unwrap();
        let mut step = Step::default();
        for (offset, payload) in &expected[first..] {
            prop_assert_eq!(reader.next_step(&mut step).unwrap(), Some(*offset));
            prop_assert_eq!(&payload_by_ciborium(&step), payload);
        }
        prop_assert_eq!(reader.next_step(&mut step).unwrap(), None);
        let mut reader = Reader::open_at(&path, expected[first].0).unwrap();
        let columns = step.columns.clone();
        for (offset, payload) in &expected[first..] {
            prop_assert_eq!(reader.next_step_without_columns(&mut step).unwrap(), Some(*offset));
            let Ok(Record::Step(whole)) = frame::decode_payload(payload) else { panic!() };
            let numbers = record!(Step { columns: columns.clone(), ..whole });
            prop_assert_eq!(of_step(&step), of_step(&numbers));
        }
    }

    /// Whatever is damaged; a follower gives them so as well, and lets them be kept.
    #[test]
    fn items_are_read_one_into_the_place_of_another(
        records in any_records(),
        numbers in vec(any::<u64>(), 1..50),
        place in any::<prop::sample::Index>(),
        flipped in any::<u8>(),
    ) {
        let mut draw = Draw::new(numbers);
        let steps = records.iter().flat_map(|it| [draw.step().into(), draw.step().into(), it.clone()]);
        let (mut bytes, ranges) = framed(&std::iter::once(head().into()).chain(steps).collect::<Vec<_>>());
        // Not in the head, without which nothing is read.
        let at = ranges[1].start + place.index(bytes.len() - ranges[1].start);
        bytes[at] ^= flipped;
        let expected: Vec<Item> = Reader::new(&bytes[..]).collect::<Result<_, _>>().unwrap();
        let (mut reader, mut item, mut given) = (Reader::new(&bytes[..]), Item::default(), Vec::new());
        while reader.next_into(&mut item).unwrap() {
            given.push(item.clone());
        }
        prop_assert_eq!(format!("{given:?}"), format!("{expected:?}"));
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("trace.cbor"), &bytes).unwrap();
        let mut follower = Follower::open(scratch.path()).unwrap();
        let mut followed = Vec::new();
        let count = follower.poll_each(|item| match followed.len() % 2 {
            0 => followed.push(item.clone()),
            _ => followed.push(std::mem::take(item)),
        }).unwrap();
        prop_assert_eq!(count, followed.len());
        followed.extend(follower.finish_tail().unwrap());
        prop_assert_eq!(format!("{followed:?}"), format!("{expected:?}"));
    }

    #[test]
    fn a_step_written_in_another_order_is_read_all_the_same(step in any_step()) {
        let mut value = ciborium::Value::serialized(&("step", &step)).unwrap();
        let parts = value.as_array_mut().unwrap();
        parts[1].as_map_mut().unwrap().reverse();
        let mut payload = Vec::new();
        ciborium::into_writer(&value, &mut payload).unwrap();
        let Record::Step(back) = frame::decode_payload(&payload).unwrap() else { panic!() };
        prop_assert_eq!(of_step(&back), of_step(&step));
    }
}

#[test]
fn a_step_with_every_width_of_number_has_the_bytes_that_ciborium_gives_it() {
    let edges = [0, 23, 24, 0xFF, 0x100, 0xFFFF, 0x1_0000, u64::from(u32::MAX), 1 << 32, u64::MAX];
    for step in edges {
        let floats = [0.0, -0.0, 1.5, 65504.0, 65520.0, 6e-8, f64::MIN_POSITIVE, f64::MAX];
        for lr in
            floats.into_iter().chain([f64::NAN, -f64::NAN, f64::INFINITY, f64::from(f32::MAX)])
        {
            let step = record!(Step { step, batches: step, lr });
            assert_eq!(payload(&step), payload_by_ciborium(&step));
        }
    }
}

#[test]
fn a_column_told_twice_is_what_ciborium_makes_of_it() {
    let twice = b"\x82\x64step\xA1\x67columns\xA2\x61a\xD8\x55\x44\0\0\0\0\x61a\xD8\x55\x40";
    let (_, by_ciborium) = ciborium::from_reader::<(String, Step), _>(&twice[..]).unwrap();
    assert_eq!(frame::decode_payload(twice).unwrap(), Record::from(by_ciborium));
}
