//! Files of the run that vanish, break or belong to another model.
//!
//! `finish` reads the batches after all snapshots are on the disk and before it opens them: that is
//! when these tests break them.

use std::fs;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use burn::train::{InferenceStep, RegressionOutput};
use burnscape::{BatchesFrom, Error, Probe};
use burnscape_tests::waiting::wait_until;
use safetensors::tensor::TensorView;

use super::models::{Walker, param, walk};
use super::support::{Run, assert_names, batch, device, epoch, training_batch};

const PATH: [[f32; 2]; 3] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0]];

/// Puts other tensors into snapshot `index` of the run at `path`.
pub fn overwrite(path: &Path, index: usize, tensors: &[(&str, &[usize], &[f32])]) {
    let bytes = |values: &[f32]| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    let data: Vec<Vec<u8>> = tensors.iter().map(|(.., values)| bytes(values)).collect();
    let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
        let view = TensorView::new(safetensors::Dtype::F32, shape.to_vec(), data);
        (*name, view.expect("a tensor"))
    });
    let file = safetensors::serialize(views, None).expect("safetensors");
    fs::write(snapshot_file(path, index), file).expect("written");
}

fn snapshot_file(path: &Path, index: usize) -> std::path::PathBuf {
    path.join(format!("snapshots/{index:06}.safetensors"))
}

/// Trains a walker and finishes it, breaking something in the run folder on the way.
fn finish_breaking(run: &Run, break_it: impl Fn(&Path)) -> Error {
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let path = run.path();
    let batches = BatchesFrom(|| {
        break_it(&path);
        vec![batch(&[[0.0; 2]])]
    });
    probe.finish_strict(&walker, &batches).expect_err("a broken run")
}

/// The steps are still there, and the end says that the surface failed.
fn assert_readable_and_failed(run: &Run) {
    assert_eq!(run.steps().len(), 2);
    assert_eq!(run.snapshots().len(), 4);
    assert_eq!(run.end(), "failed");
}

#[test]
fn a_truncated_snapshot_is_named_with_the_bytes_it_lacks() {
    let run = Run::new();
    let error = finish_breaking(&run, |path| {
        let file = snapshot_file(path, 1);
        let bytes = fs::read(&file).expect("a snapshot");
        fs::write(&file, &bytes[..bytes.len() - 3]).expect("truncated");
    });
    assert!(matches!(error, Error::SnapshotRead { .. }), "{error}");
    assert_names(&error.to_string(), &["000001.safetensors", "bytes"]);
    assert_readable_and_failed(&run);
}

#[test]
fn a_snapshot_cut_inside_its_header_is_named() {
    for len in [0, 4, 8, 20] {
        let run = Run::new();
        let error = finish_breaking(&run, |path| {
            let file = snapshot_file(path, 0);
            let mut bytes = fs::read(&file).expect("a snapshot");
            bytes.truncate(len);
            fs::write(&file, &bytes).expect("truncated");
        });
        assert!(matches!(error, Error::SnapshotRead { .. }), "{error}");
        assert_names(&error.to_string(), &["000000.safetensors"]);
        assert_readable_and_failed(&run);
    }
}

#[test]
fn a_snapshot_that_claims_an_endless_header_is_named_and_nothing_is_allocated_for_it() {
    let run = Run::new();
    let error = finish_breaking(&run, |path| {
        fs::write(snapshot_file(path, 0), [0xff; 16]).expect("written");
    });
    assert!(matches!(error, Error::SnapshotRead { .. }), "{error}");
    assert_names(&error.to_string(), &["000000.safetensors", "header"]);
}

#[test]
fn a_vanished_snapshot_is_named() {
    let run = Run::new();
    let error = finish_breaking(&run, |path| {
        let _ = fs::remove_file(snapshot_file(path, 1));
    });
    assert!(matches!(error, Error::SnapshotRead { .. }), "{error}");
    assert_names(&error.to_string(), &["000001.safetensors", "cannot read the snapshot"]);
    assert_readable_and_failed(&run);
}

#[test]
fn a_snapshot_of_another_shape_names_the_parameter_and_both_shapes() {
    let run = Run::new();
    let error = finish_breaking(&run, |path| {
        overwrite(path, 1, &[("point", &[1, 3], &[1.0, 2.0, 3.0])]);
    });
    let message = error.to_string();
    assert_names(&message, &["000001.safetensors", "`point`"]);
    assert_names(&message, &["[1, 3] in the snapshot", "[1, 2] in the model"]);
    assert_readable_and_failed(&run);
}

#[test]
fn a_snapshot_without_a_parameter_names_it() {
    let run = Run::new();
    let error = finish_breaking(&run, |path| {
        overwrite(path, 1, &[("place", &[1, 2], &[1.0, 2.0])]);
    });
    assert_names(&error.to_string(), &["`point` is missing in the snapshot", "[1, 2]"]);
}

#[test]
fn a_snapshot_with_a_stranger_names_it() {
    let run = Run::new();
    let error = finish_breaking(&run, |path| {
        overwrite(path, 1, &[("point", &[1, 2], &[1.0, 2.0]), ("stranger", &[1], &[0.0])]);
    });
    assert_names(&error.to_string(), &["`stranger`", "missing in the model"]);
}

/// A shape that fits with too few bytes behind it must be an error and not a panic.
#[test]
fn a_snapshot_of_another_element_type_is_read_or_refused_but_never_taken_for_f32() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let path = run.path();
    let batches = BatchesFrom(|| {
        let bytes: Vec<u8> = [2.0_f64, 1.0].iter().flat_map(|it| it.to_le_bytes()).collect();
        let view = TensorView::new(safetensors::Dtype::F64, vec![1, 2], &bytes);
        let view = [("point", view.expect("a tensor"))];
        let file = safetensors::serialize(view, None).expect("safetensors");
        fs::write(snapshot_file(&path, 1), file).expect("written");
        vec![batch(&[[0.0; 2]])]
    });
    // The same numbers in f64: the same trajectory.
    probe.finish(&walker, &batches).expect("a landscape");
    let trajectory = run.trajectory("pca");
    assert_eq!(trajectory.loss.0, [40.0, 2.5, 4.5]);
}

// ---- another model ---------------------------------------------------------------------------

/// Trains a walker, then finishes with a model that is none.
fn finish_with_another<M>(run: &Run, model: M, rows: Tensor<2>) -> burnscape::Result<()>
where
    M: InferenceStep<Input = Tensor<2>> + Module,
{
    let probe = run.probe();
    walk(&probe, &PATH);
    let another = Probe::disabled().watch(model.valid());
    probe.finish_strict(&another, &[rows]).map(drop)
}

#[test]
fn finishing_with_a_model_of_another_shape_names_the_parameter_and_whose_shape_is_which() {
    let run = Run::new();
    let another = Walker::at(&[1.0, 2.0, 3.0]);
    let error = finish_with_another(&run, another, batch(&[[0.0; 3]])).expect_err("another model");
    let message = error.to_string();
    assert_names(&message, &["`point`", "[1, 2]", "[1, 3]"]);
    assert!(
        !message.contains("[1, 3] in the snapshot"),
        "the run was recorded with [1, 2]: {message}"
    );
    assert_eq!(run.end(), "failed");
}

#[test]
fn a_model_that_does_not_belong_to_the_run_is_not_stored_in_it() {
    let run = Run::new();
    let another = Walker::at(&[1.0, 2.0, 3.0]);
    finish_with_another(&run, another, batch(&[[0.0; 3]])).expect_err("another model");
    for index in 0..run.snapshots().len() {
        assert_eq!(run.snapshot(index)["point"].0, [1, 2], "snapshot {index}");
    }
}

/// A walker with a parameter more.
#[derive(Module, Debug)]
struct Heavier {
    point: Param<Tensor<2>>,
    extra: Param<Tensor<2>>,
}

/// A walker by another name.
#[derive(Module, Debug)]
struct Renamed {
    place: Param<Tensor<2>>,
}

macro_rules! inference {
    ($model:ty, $point:ident) => {
        impl InferenceStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, rows: Tensor<2>) -> RegressionOutput {
                let loss = self.$point.val().powi_scalar(2).sum();
                RegressionOutput::new(loss, rows.clone(), rows)
            }
        }
    };
}

inference!(Heavier, point);
inference!(Renamed, place);

#[test]
fn finishing_with_a_model_that_has_a_parameter_more_names_it() {
    let run = Run::new();
    let part = || param(vec![1.0, 2.0], [1, 2], &device());
    let another = Heavier { point: part(), extra: part() };
    let finished = finish_with_another(&run, another, batch(&[[0.0; 2]]));
    let error = finished.expect_err("another model");
    assert_names(&error.to_string(), &["`extra`"]);
}

#[test]
fn finishing_with_a_model_whose_parameter_has_another_name_names_it() {
    let run = Run::new();
    let place = param(vec![1.0, 2.0], [1, 2], &device());
    let finished = finish_with_another(&run, Renamed { place }, batch(&[[0.0; 2]]));
    let error = finished.expect_err("another model");
    assert_names(&error.to_string(), &["`place`"]);
}

// ---- the whole folder ------------------------------------------------------------------------

/// Trains one epoch, waits for its first file, and removes the whole run folder.
fn removed_in_mid_training(run: &Run, probe: &Probe) -> burnscape::Watched<Walker> {
    let walker = epoch(probe.watch(Walker::at(&[8.0, 4.0])), 0.5, 2, &training_batch(&[[0.0; 2]]));
    // Snapshot 0 is all that is on its way, since that of the epoch waits for what comes after its validation.
    let is_there = || snapshot_file(&run.path(), 0).exists();
    wait_until(is_there, || "no snapshot was written".to_owned());
    // The trace may get a lock or a file of its own while the folder is emptied.
    while run.path().exists() {
        let _ = fs::remove_dir_all(run.path());
    }
    epoch(walker, 0.5, 2, &training_batch(&[[0.0; 2]]))
}

#[test]
fn training_goes_on_without_its_run_folder_and_finish_says_what_is_missing() {
    let run = Run::new();
    let probe = run.probe();
    let walker = removed_in_mid_training(&run, &probe);
    let point: TensorData = walker.point.val().into_data();
    // Four halvings.
    assert_eq!(point.try_to_vec::<f32>().expect("f32"), [0.5, 0.25]);
    let error =
        probe.finish_strict(&walker.valid(), &[batch(&[[0.0; 2]])]).expect_err("no run folder");
    assert_names(&error.to_string(), &[run.path().to_str().expect("UTF-8")]);
}

#[test]
fn closing_a_run_whose_folder_was_removed_tells_it_as_a_problem() {
    let run = Run::new();
    let probe = run.probe();
    removed_in_mid_training(&run, &probe);
    match probe.close() {
        Ok(recording) => {
            let problems = recording.problems().join("\n");
            assert_names(&problems, &[run.path().to_str().expect("UTF-8")]);
        }
        Err(error) => assert_names(&error.to_string(), &[run.path().to_str().expect("UTF-8")]),
    }
}

#[test]
fn directions_that_cannot_be_written_are_named_and_the_trace_stays_readable() {
    let run = Run::new();
    let error = finish_breaking(&run, |path| {
        // A file where the folder would be.
        fs::write(path.join("directions"), "").expect("written");
    });
    assert!(matches!(error, Error::SnapshotWrite { .. }), "{error}");
    assert_names(&error.to_string(), &["directions"]);
    assert_readable_and_failed(&run);
}

#[test]
fn snapshots_that_cannot_be_written_are_a_problem_and_training_goes_on() {
    let run = Run::new();
    let probe = run.probe();
    fs::remove_dir(run.path().join("snapshots")).expect("removed");
    fs::write(run.path().join("snapshots"), "").expect("written");
    let walker = walk(&probe, &PATH);
    let point = walker.point.val().into_data().try_to_vec::<f32>().expect("f32");
    assert_eq!(point, [0.0, 3.0]);
    let recording = probe.close().expect("closed");
    assert_eq!((recording.steps(), recording.snapshots()), (2, 0));
    assert_names(&recording.problems().join("\n"), &["000000.safetensors", "cannot write"]);
    assert_eq!(run.steps().len(), 2);
    assert_eq!(run.end(), "finished");
}
