//! Which samples a slice was measured on: a hash of their targets, or the name that they were given.

use burnscape::BatchLoss;
use burnscape::geometry::direction::fnv1a_64;

use super::models::walk;
use super::refused::{OwnOutput, foreign};
use super::support::{Run, batch};

const PATH: [[f32; 2]; 3] = [[0.0, 0.0], [1.0, 2.0], [0.0, 3.0]];

/// FNV-1a over the hashes of the batches, each over shape and f32 values: a walker's targets are its samples.
fn by_hand(batches: &[&[[f32; 2]]]) -> String {
    let hash = |rows: &&[[f32; 2]]| {
        let mut bytes = [rows.len() as u64, 2].map(u64::to_le_bytes).concat();
        bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
        fnv1a_64(&bytes)
    };
    let hashes: Vec<u8> = batches.iter().map(hash).flat_map(u64::to_le_bytes).collect();
    format!("targets {:016x}", fnv1a_64(&hashes))
}

#[test]
fn samples_are_told_by_a_hash_of_their_targets_whatever_was_trained() {
    let (first, second) = ([[0.0, 0.5]], [[0.25, 1.0], [0.5, 1.0]]);
    let told = |path: &[[f32; 2]], batches: &[&[[f32; 2]]]| {
        let run = Run::new();
        let probe = run.builder().batches_named("never looked at").start().expect("a probe");
        let walker = walk(&probe, path);
        let batches: Vec<_> = batches.iter().map(|rows| batch(rows)).collect();
        probe.finish_strict(&walker, &batches).expect("a landscape");
        let all = ["pca", "random"].map(|name| run.slice(name).fingerprint);
        assert_eq!(all[0], all[1]);
        all[0].clone()
    };
    let elsewhere = [[0.0, 0.0], [2.0, 1.0], [3.0, 5.0]];
    for path in [PATH, elsewhere] {
        assert_eq!(told(&path, &[&first, &second]), by_hand(&[&first, &second]));
    }
    assert_eq!(told(&PATH, &[&second, &first]), by_hand(&[&second, &first]));
    assert_ne!(by_hand(&[&second, &first]), by_hand(&[&first, &second]));
}

#[test]
fn where_outputs_hold_no_targets_a_name_tells_and_without_one_nothing() {
    let told = |name: Option<&str>| {
        let run = Run::new();
        let builder = run.builder();
        let builder = match name {
            Some(name) => builder.batches_named(name),
            None => builder,
        };
        let probe = builder.start().expect("a probe");
        let loss =
            |output: &OwnOutput| BatchLoss { mean: output.surprise.clone(), samples: output.count };
        let model = foreign(&probe);
        probe.finish_with(&model, &[batch(&[[0.0, 1.0]])], loss).expect("a landscape");
        run.slice("random").fingerprint
    };
    assert_eq!(told(Some("ones")), "name ones");
    assert_eq!(told(None), "");
}
