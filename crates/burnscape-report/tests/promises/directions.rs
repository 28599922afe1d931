//! With the directions: what is written is what the surface was measured along, or nothing is.

use std::fs;

use burnscape_landscape::direction::{self, Biases, DirectionOptions, Normalisation};
use burnscape_trace::{Axis, Head, Slice, Snapshot, Study, record};
use half::{bf16, f16};
use safetensors::Dtype;
use serde_json::json;

use super::support::{
    BUFFER, TestRun, WITH_DIRECTIONS, WITHOUT, f32_bytes, head, layout, parameters, plane, seeded,
};

fn random(seed: u64, centre: &[f32], options: &DirectionOptions) -> Vec<f32> {
    direction::random(&layout(), centre, seed, options).unwrap()
}

fn ramp(factor: f32) -> Vec<f32> {
    parameters(1.0).iter().map(|value| (value + 7.0) * factor).collect()
}

fn given(slice: u32, file: String) -> Slice {
    let axis = |label: &str| record!(Axis { seed: None, label: label.into(), ..seeded(3, 0) });
    record!(Slice {
        biases: "moved".into(),
        x: axis("PC 1"),
        y: Some(axis("PC 2")),
        directions: Some(file),
        ..plane(slice)
    })
}

#[test]
fn random_directions_come_back_from_their_seeds() {
    let mut run = TestRun::with_snapshots();
    run.add(plane(0));
    let npz = run.npz(WITH_DIRECTIONS);
    let centre = parameters(1.0);
    assert_eq!(npz.f32s("centre"), centre);
    assert_eq!(npz.f32s("slice0_d1"), random(2, &centre, &DirectionOptions::default()));
    assert_eq!(npz.f32s("slice0_d2"), random(3, &centre, &DirectionOptions::default()));
    assert!(!npz.has("slice0_centre"));
}

#[test]
fn every_choice_of_the_provenance_is_followed() {
    let normalisations = [
        ("filter", Normalisation::Filter),
        ("layer", Normalisation::Layer),
        ("weight", Normalisation::Weight),
        ("none", Normalisation::None),
    ];
    let biases = [("ignored", Biases::Ignored), ("kept", Biases::Kept), ("filter", Biases::Filter)];
    let mut frozen = head();
    frozen.blocks[2].frozen = true;
    let mut run = TestRun::with_head(frozen);
    run.snapshot(1, "final", &parameters(1.0));
    let mut expected = Vec::new();
    for (name, normalisation) in normalisations {
        for (bias_name, biases) in biases {
            let slice = expected.len() as u32;
            run.add(record!(Slice {
                normalisation: name.into(),
                biases: bias_name.into(),
                moves_frozen: true,
                ..plane(slice)
            }));
            let options = DirectionOptions { normalisation, biases, move_frozen: true };
            expected.push(random(2, &parameters(1.0), &options));
        }
    }
    run.add(plane(99));
    let npz = run.npz(WITH_DIRECTIONS);
    for (slice, expected) in expected.iter().enumerate() {
        assert_eq!(&npz.f32s(&format!("slice{slice}_d1")), expected, "slice {slice}");
    }
    assert_eq!(npz.f32s("slice99_d1")[9..], [0.0; 6], "frozen parameters stay");
}

#[test]
fn a_second_direction_is_made_orthogonal_where_it_was() {
    let mut run = TestRun::with_snapshots();
    run.add(record!(Slice { orthogonalised: true, ..plane(0) }));
    let npz = run.npz(WITH_DIRECTIONS);
    let (d1, d2) = (npz.f32s("slice0_d1"), npz.f32s("slice0_d2"));
    let mut expected = random(3, &parameters(1.0), &DirectionOptions::default());
    direction::orthogonalise(&d1, &mut expected).unwrap();
    assert_eq!(d2, expected);
    assert!(direction::cosine(&d1, &d2).abs() < 1e-6);
}

#[test]
fn directions_that_no_seed_gives_come_from_their_file() {
    let mut run = TestRun::with_snapshots();
    let vectors = [parameters(1.0), ramp(2.0), ramp(-3.0)];
    let [centre, d1, d2] = [0, 1, 2].map(|index| &vectors[index][..]);
    let file = run.directions(0, &[("centre", centre), ("d1", d1), ("d2", d2)]);
    run.add(given(0, file));
    // A line needs no second direction, and a file without a centre takes that of the snapshot.
    let file = run.directions(1, &[("d1", d2)]);
    run.add(record!(Slice { y: None, ..given(1, file) }));
    let npz = run.npz(WITH_DIRECTIONS);
    assert_eq!((npz.f32s("slice0_d1"), npz.f32s("slice0_d2")), (d1.to_vec(), d2.to_vec()));
    assert_eq!((npz.f32s("centre"), npz.f32s("slice1_d1")), (centre.to_vec(), d2.to_vec()));
    for key in ["slice0_centre", "slice1_centre", "slice1_d2"] {
        assert!(!npz.has(key), "{key}");
    }
}

#[test]
fn a_slice_around_another_model_has_its_own_centre() {
    let mut run = TestRun::with_snapshots();
    let initial = |slice| {
        record!(Slice { centre: "initial".into(), centre_snapshot: Some(0), ..plane(slice) })
    };
    run.add(initial(0)).add(plane(1)).add(initial(2));
    let npz = run.npz(WITH_DIRECTIONS);
    assert_eq!(npz.f32s("centre"), parameters(1.0), "that of the final model");
    assert_eq!(npz.f32s("slice0_centre"), parameters(0.5));
    assert_eq!(npz.f32s("slice2_centre"), parameters(0.5));
    assert!(!npz.has("slice1_centre"));
    let expected = random(2, &parameters(0.5), &DirectionOptions::default());
    assert_eq!(npz.f32s("slice0_d1"), expected);
}

#[test]
fn without_a_slice_around_the_final_model_the_first_centre_is_the_common_one() {
    let mut run = TestRun::with_snapshots();
    run.add(record!(Slice { centre: "initial".into(), centre_snapshot: Some(0), ..plane(0) }));
    let npz = run.npz(WITH_DIRECTIONS);
    assert_eq!(npz.f32s("centre"), parameters(0.5));
    assert!(!npz.has("slice0_centre"));
}

#[test]
fn the_layout_tells_where_each_tensor_lies() {
    let mut run = TestRun::with_snapshots();
    run.add(plane(0));
    let expected = json!([
        { "path": "fc.weight", "shape": [2, 3], "offset": 0, "role": "weight" },
        { "path": "fc.bias", "shape": [3], "offset": 6, "role": "bias" },
        { "path": "out.weight", "shape": [3, 2], "offset": 9, "role": "weight" },
    ]);
    assert_eq!(run.npz(WITH_DIRECTIONS).json("layout"), expected);
}

#[test]
fn the_buffers_of_a_centre_come_along() {
    let mut run = TestRun::with_snapshots();
    run.add(plane(0)).add(record!(Slice {
        centre_snapshot: Some(0),
        centre: "initial".into(),
        ..plane(7)
    }));
    let npz = run.npz(WITH_DIRECTIONS);
    let expected = json!([{ "path": "norm.running_mean", "shape": [2], "offset": 0 }]);
    assert_eq!(npz.json("buffer_layout"), expected);
    assert_eq!(npz.f32s("buffers"), parameters(1.0)[..2]);
    assert_eq!(npz.f32s("slice7_buffers"), parameters(0.5)[..2]);
    assert!(!npz.has("slice0_buffers"));
    // One whose directions lie in a file, beside its centre, has those of its snapshot.
    let vectors = [parameters(1.0), ramp(2.0), ramp(-3.0)];
    let [centre, d1, d2] = [0, 1, 2].map(|index| &vectors[index][..]);
    let file = run.directions(8, &[("centre", centre), ("d1", d1), ("d2", d2)]);
    run.add(given(8, file));
    assert!(!run.npz(WITH_DIRECTIONS).has("slice8_buffers"));
}

#[test]
fn the_buffers_of_a_centre_that_no_snapshot_holds_come_from_its_file() {
    let mut run = TestRun::with_snapshots();
    let (centre, d) = (parameters(1.0), ramp(2.0));
    let (stored, others) = (format!("buffer:{BUFFER}"), [0.25, -7.0]);
    let own =
        record!(Slice { y: None, centre: "averaged".into(), centre_snapshot: None, ..plane(0) });
    let vectors: [(&str, &[f32]); 3] = [("centre", &centre), ("d1", &d), (&stored, &others)];
    let file = run.directions(3, &vectors);
    run.add(plane(0)).add(record!(Slice { slice: 3, directions: Some(file), ..own }));
    let npz = run.npz(WITH_DIRECTIONS);
    assert_eq!(npz.f32s("slice3_buffers"), others);
    // The same parameters with other buffers are another model.
    assert_eq!((npz.f32s("centre"), npz.f32s("slice3_centre")), (centre.clone(), centre.clone()));
    fs::remove_file(run.out()).unwrap();
    run.directions(3, &vectors[..2]);
    let sentence = run.refusal();
    assert!(sentence.contains("it has no tensor \"buffer:norm.running_mean\""), "{sentence}");
}

#[test]
fn a_model_without_buffers_has_an_empty_list_of_them() {
    let mut run = TestRun::with_head(record!(Head { buffers: vec![], ..head() }));
    run.snapshot(1, "final", &parameters(1.0)).add(plane(0));
    let npz = run.npz(WITH_DIRECTIONS);
    assert_eq!((npz.f32s("buffers"), npz.json("buffer_layout")), (vec![], json!([])));
}

#[test]
fn planes_that_a_random_one_is_only_compared_with_have_seeds_and_no_directions() {
    let mut run = TestRun::with_snapshots();
    let file = run.directions(3, &[("centre", &ramp(1.0)), ("d1", &ramp(2.0))]);
    run.add(plane(0));
    for (slice, study) in [(1, 0), (2, 1)] {
        run.add(record!(Slice { study: Some(study), ..plane(slice) }));
    }
    run.add(record!(Slice { study: Some(0), y: None, ..given(3, file) }));
    for (study, kind) in [(0, "agreement"), (1, "scale-sweep")] {
        run.add(record!(Study { study, kind: kind.into() }));
    }
    let npz = run.npz(WITH_DIRECTIONS);
    let with_d1: Vec<_> = npz.keys().into_iter().filter(|key| key.ends_with("_d1")).collect();
    // No seed draws the one that has a file.
    assert_eq!(with_d1, ["slice0_d1", "slice2_d1", "slice3_d1"]);
    assert!(npz.has("slice1_loss"));
    assert_eq!(npz.json("slice1_info")["x"]["seed"], 2);
}

#[test]
fn parameters_of_other_widths_become_f32() {
    let values = parameters(1.0);
    let bytes = |bytes: fn(f32) -> Vec<u8>| values.iter().flat_map(|&value| bytes(value)).collect();
    let cases: [(Dtype, Vec<u8>); 3] = [
        (Dtype::F64, bytes(|value| f64::from(value).to_le_bytes().into())),
        (Dtype::F16, bytes(|value| f16::from_f32(value).to_le_bytes().into())),
        (Dtype::BF16, bytes(|value| bf16::from_f32(value).to_le_bytes().into())),
    ];
    for (dtype, bytes) in cases {
        let mut run = TestRun::new();
        run.snapshot_as(1, "final", dtype, &bytes).add(plane(0));
        // These numbers need few digits.
        assert_eq!(run.npz(WITH_DIRECTIONS).f32s("centre"), values, "{dtype:?}");
    }
    let mut run = TestRun::new();
    run.snapshot_as(1, "final", Dtype::I32, &f32_bytes(&values)).add(plane(0));
    assert!(run.refusal().contains("I32"));
}

#[test]
fn a_snapshot_with_the_values_of_an_earlier_one_shares_its_file() {
    let mut run = TestRun::new();
    run.snapshot(0, "initial", &parameters(1.0));
    let bytes = fs::read(run.folder.snapshot_path(0)).unwrap();
    run.add(record!(Snapshot {
        index: 1,
        reason: "final".into(),
        file: "snapshots/000000.safetensors".into(),
        bytes: bytes.len() as u64,
        crc32: crc32fast::hash(&bytes),
        same_as: Some(0),
    }));
    run.add(plane(0));
    assert_eq!(run.npz(WITH_DIRECTIONS).f32s("centre"), parameters(1.0));
}

#[test]
fn a_file_that_is_missing_is_named_and_the_rest_is_exported_without_the_flag() {
    let mut run = TestRun::with_snapshots();
    run.add(plane(0)).add(given(1, "directions/0001.safetensors".into()));
    let sentence = run.refusal();
    assert!(sentence.contains("directions/0001.safetensors"), "{sentence}");
    assert!(sentence.contains("without --with-directions everything else is exported"));
    fs::remove_file(run.folder.snapshot_path(1)).unwrap();
    assert!(run.refusal().contains("snapshots/000001.safetensors"));
    assert_eq!(run.export(WITHOUT).unwrap().slices, 2);
}

#[test]
fn a_snapshot_that_was_changed_is_refused() {
    let path = |run: &TestRun| run.folder.snapshot_path(1);
    let mut run = TestRun::with_snapshots();
    run.add(plane(0));
    let whole = fs::read(path(&run)).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(path(&run), flipped).unwrap();
    assert!(run.refusal().contains("its checksum is"));
    fs::write(path(&run), &whole[1..]).unwrap();
    assert!(run.refusal().contains("and should have"));
    fs::remove_file(path(&run)).unwrap();
    fs::create_dir(path(&run)).unwrap();
    assert!(run.refusal().contains("it is not a file"));
}

#[test]
fn a_file_of_another_model_is_refused() {
    let mut run = TestRun::with_snapshots();
    let vector: &[f32] = &[1.0; 14];
    let file = run.directions(0, &[("centre", vector), ("d1", vector), ("d2", vector)]);
    run.add(given(0, file));
    let sentence = run.refusal();
    assert!(sentence.contains("\"centre\" has shape [14] and should have [15]"), "{sentence}");
    run.directions(0, &[("d1", &parameters(1.0))]);
    assert!(run.refusal().contains("no tensor \"d2\""));
    fs::write(run.folder.directions_path(0), b"hello").unwrap();
    assert!(run.refusal().contains("no whole safetensors file"));

    let mut larger = head();
    larger.blocks[2].shape = vec![1 << 40, 2];
    let mut run = TestRun::with_head(larger);
    run.snapshot(1, "final", &parameters(1.0)).add(plane(0));
    assert!(run.refusal().contains("\"out.weight\" has shape [3, 2]"));
}

#[test]
fn names_that_lead_out_of_the_run_are_not_followed() {
    let mut run = TestRun::with_snapshots();
    let secret = run.folder.path().join("../secret.safetensors");
    fs::write(&secret, b"secret").unwrap();
    for name in ["../secret.safetensors", "/etc/passwd", "", "snapshots/../../secret.safetensors"] {
        run.add(given(0, name.into()));
        let sentence = run.refusal();
        assert!(sentence.contains("not inside the run folder"), "{name}: {sentence}");
    }
    run.add(plane(0));
    run.add(record!(Snapshot { index: 1, file: "../secret.safetensors".into() }));
    assert!(run.refusal().contains("not inside the run folder"));
}

#[test]
fn a_direction_of_another_length_than_recorded_is_refused() {
    let mut run = TestRun::with_snapshots();
    let length = direction::norm(&random(2, &parameters(1.0), &DirectionOptions::default()));
    let with = |length| {
        record!(Slice { x: record!(Axis { direction_norm: length, ..seeded(3, 2) }), ..plane(0) })
    };
    run.add(with(length * 1.001));
    let sentence = run.refusal();
    assert!(sentence.contains("direction 1 of slice 0 has length"), "{sentence}");
    run.add(with(length));
    run.export(WITH_DIRECTIONS).unwrap();
}

#[test]
fn what_cannot_be_made_again_is_a_sentence() {
    let seedless = record!(Axis { seed: None, label: "step 3".into(), ..seeded(3, 2) });
    let parallel = record!(Slice { y: Some(seeded(2, 2)), orthogonalised: true, ..plane(0) });
    for (slice, words) in [
        (
            record!(Slice { x: seedless, ..plane(0) }),
            "neither a file nor a seed for its direction \"step 3\"",
        ),
        (
            record!(Slice { centre_snapshot: None, ..plane(0) }),
            "names no snapshot with the centre of slice 0",
        ),
        (
            record!(Slice { centre_snapshot: Some(7), ..plane(0) }),
            "names no snapshot 7 with the centre",
        ),
        (record!(Slice { normalisation: "sphere".into(), ..plane(0) }), "normalisation \"sphere\""),
        (record!(Slice { biases: "moved".into(), ..plane(0) }), "biases \"moved\""),
        (parallel, "parallel"),
    ] {
        let mut run = TestRun::with_snapshots();
        run.add(slice);
        let sentence = run.refusal();
        assert!(sentence.contains(words), "{sentence}");
        assert!(sentence.contains("without --with-directions everything else is exported"));
    }
}

#[test]
fn a_head_without_blocks_is_a_sentence() {
    let mut run = TestRun::with_head(record!(Head { blocks: vec![], ..head() }));
    run.snapshot(1, "final", &parameters(1.0)).add(plane(0));
    assert!(run.refusal().contains("it lists no blocks"));
}
