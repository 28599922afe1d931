//! Snapshots in half precision: what they hold, what stays exact, and what is told of it.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{FloatDType, Tensor, bf16, f16};
use burnscape::{Error, Point, ProbeBuilder, Run as Recorded, SliceSpec};
use safetensors::{Dtype, SafeTensors};

use super::models::{ConvNorm, Mlp};
use super::support::{Run, assert_names, batch, epoch, training_batch, wave_rows};

fn rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.7)
}

fn batches() -> [Tensor<2>; 1] {
    [batch(&rows())]
}

/// A run of three epochs whose end has the weights of the last one, and the sentences of its landscape.
fn finished(settings: impl Fn(ProbeBuilder) -> ProbeBuilder) -> (Run, Vec<String>) {
    let run = Run::new();
    let probe = settings(run.builder().agreement(0)).start().expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..3 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    let landscape = probe.finish(&model.valid(), &batches()).expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    (run, landscape.summary())
}

/// Type and values of all tensors of a snapshot.
fn tensors(run: &Run, file: &str) -> BTreeMap<String, (Dtype, Vec<f32>)> {
    let bytes = std::fs::read(run.path().join(file)).expect("a snapshot");
    let found = SafeTensors::deserialize(&bytes).expect("safetensors");
    let values = |dtype, data: &[u8]| -> Vec<f32> {
        let (pairs, fours) = (data.as_chunks::<2>().0, data.as_chunks::<4>().0);
        match dtype {
            Dtype::F16 => pairs.iter().map(|it| f16::from_le_bytes(*it).to_f32()).collect(),
            Dtype::BF16 => pairs.iter().map(|it| bf16::from_le_bytes(*it).to_f32()).collect(),
            _ => fours.iter().map(|it| f32::from_le_bytes(*it)).collect(),
        }
    };
    let tensors = found.tensors().into_iter();
    tensors.map(|(name, it)| (name, (it.dtype(), values(it.dtype(), it.data())))).collect()
}

#[test]
fn every_snapshot_but_the_last_is_the_exact_one_rounded_to_the_nearest() {
    let (exact, _) = finished(|it| it);
    let half: fn(f32) -> f32 = |it| f16::from_f32(it).to_f32();
    let brain: fn(f32) -> f32 = |it| bf16::from_f32(it).to_f32();
    for (dtype, stored, name, round) in
        [(FloatDType::F16, Dtype::F16, "f16", half), (FloatDType::BF16, Dtype::BF16, "bf16", brain)]
    {
        let (run, sentences) = finished(|it| it.snapshot_dtype(dtype));
        // Its last epoch and its end are one file where they are exact.
        let (snapshots, last) = (run.snapshots(), run.snapshots().len() - 1);
        assert_eq!(snapshots.len(), exact.snapshots().len());
        for (snapshot, whole) in snapshots.iter().zip(exact.snapshots()) {
            let is_last = snapshot.index as usize == last;
            assert_eq!(snapshot.dtype.as_deref(), (!is_last).then_some(name));
            let expected = tensors(&exact, &whole.file);
            for (path, (found_dtype, found)) in tensors(&run, &snapshot.file) {
                let values = &expected[&path].1;
                let expected: Vec<f32> = match is_last {
                    true => values.clone(),
                    false => values.iter().map(|it| round(*it)).collect(),
                };
                assert_eq!(found_dtype, if is_last { Dtype::F32 } else { stored });
                assert_eq!(found, expected, "{path} of {}", snapshot.index);
            }
        }
        // The end counts once, and every point of the path is within what is told.
        for slice in ["pca", "random"] {
            let (path, whole) = (run.trajectory(slice), exact.trajectory(slice));
            assert_eq!(path.x.len(), whole.x.len(), "{slice}");
            assert_eq!((path.rounding.is_some(), whole.rounding), (true, None));
        }
        let (path, whole) = (run.trajectory("random"), exact.trajectory("random"));
        let off = path.x.iter().zip(whole.x.iter()).map(|(a, b)| (a - b).abs());
        let off = off.fold(0.0, f64::max) * exact.slice("random").x.direction_norm;
        // A plane that is not at right angles stretches distances within it.
        let sine = (1.0 - exact.slice("random").cosine.expect("a plane").powi(2)).sqrt();
        assert!(off <= path.rounding.expect("told") / sine && off > 0.0, "{off}");
        assert_eq!(run.losses("random"), exact.losses("random"), "around the last one");
        assert!(sentences.iter().any(|it| it.contains("Snapshots are rounded")), "{sentences:?}");
    }
}

#[test]
fn buffers_stay_exact_and_a_run_is_gone_on_with() {
    let rows = wave_rows::<17>(5, 1.4);
    let run = Run::new();
    let probe = run.builder().snapshot_dtype(FloatDType::F16).start().expect("a probe");
    let mut model = probe.watch(ConvNorm::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&rows));
    }
    drop(probe.finish(&model.valid(), &[batch(&rows)]).expect("a landscape"));
    let middle = tensors(&run, &run.snapshots()[1].file);
    assert_eq!(middle["norm.running_mean"].0, Dtype::F32);
    assert_eq!(middle["conv.weight"].0, Dtype::F16);
    let opened = Recorded::open(run.path()).expect("a run").quiet();
    let again = ConvNorm::new().valid();
    let mut study = opened.study(&again, &[batch(&rows)]).expect("a study");
    let again = SliceSpec::pca().resolution(5, 3).name("pca again");
    study.slice(&again).expect("a slice");
    let between = SliceSpec::between(Point::Snapshot(1), Point::Final).resolution(3, 1);
    study.slice(&between).expect("a slice");
    study.finish().expect("an end");
    assert!(run.losses("pca again") == run.losses("pca"), "around the exact end");
    assert_eq!(run.trajectory("pca again").x, run.trajectory("pca").x);
}

#[test]
fn a_type_that_is_not_narrower_is_refused() {
    let run = Run::new();
    let refused = run.builder().snapshot_dtype(FloatDType::F64).start();
    let Err(error @ Error::Setting { .. }) = refused else { panic!("a probe") };
    assert_names(&error.to_string(), &["snapshot_dtype", "f16", "bf16"]);
}
