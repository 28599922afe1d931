//! Runs that are opened again: slices long after training, in the file that is there.

use burn::module::Module;
use burnscape::trace::{Record, Resumed, Slice};
use burnscape::{Direction, Error, Point, Probe, SliceSpec, Watched};
use burnscape_trace::record;

use super::models::{ConvNorm, Mlp, Quadratic};
use super::plain::{MLP_BLOCKS, conv_loss, mlp_loss, moved, weights};
use super::support::{
    Run, assert_close, assert_names, batch, bits, epoch, largest, training_batch, wave_rows,
};

fn rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.2)
}

fn trained(run: &Run) -> (Probe, Watched<Mlp>) {
    let probe = run.builder().snapshot_every_steps(1).keep_last_update().start();
    let probe = probe.expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    (probe, model.valid())
}

fn open(run: &Run) -> burnscape::Run {
    burnscape::Run::open(run.path()).expect("a run").quiet().resolution(5, 3)
}

#[test]
fn a_run_without_a_surface_gets_one_later_from_its_last_snapshot() {
    let run = Run::new();
    let (probe, _) = trained(&run);
    probe.close().expect("a recording");
    // A model with other weights: it gives nothing but the structure.
    let mut study = open(&run).study(&Mlp::new(), &[batch(&rows())]).expect("a study");
    study.default_slices().expect("slices");
    let landscape = study.finish().expect("a landscape");
    let slice = run.slice("pca");
    let last = run.snapshots().len() - 1;
    assert_eq!(slice.centre_snapshot, Some(last as u64));
    let centre = weights(&run.snapshot(last));
    let [_, d1, d2] = run.pca_directions();
    let losses = run.losses("pca");
    for node in run.nodes("pca") {
        let there = moved(&centre, &MLP_BLOCKS, [&d1, &d2], [node.alpha, node.beta]);
        assert_close(node.loss, mlp_loss(&there, &rows()), largest(&losses), "a node");
    }
    assert_eq!(landscape.slices().len(), 2);
    assert_eq!(run.end(), "finished");
}

#[test]
fn slices_are_added_to_a_finished_run_and_nothing_that_it_holds_is_changed() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    probe.finish(&model, &[batch(&rows())]).expect("a landscape");
    let before = run.records();
    let bytes = std::fs::read(run.path().join("trace.cbor")).expect("a trace");
    let mut study = open(&run).study(&Mlp::new(), &[batch(&rows())]).expect("a study");
    let update = study.slice(&SliceSpec::line(Direction::LastUpdate)).expect("a line");
    let again = study.slice(&SliceSpec::pca()).expect("a plane");
    study.finish().expect("a landscape");
    let after = std::fs::read(run.path().join("trace.cbor")).expect("a trace");
    assert!(after.starts_with(&bytes), "the trace was appended to");
    // As text, since NaN is not equal to itself.
    let as_text = |records: &[Record]| format!("{records:?}");
    assert_eq!(as_text(&run.records()[..before.len()]), as_text(&before));
    // The same plane measured again has another name and the same values.
    assert_eq!(again.slice.name, "pca 2");
    assert_eq!(bits(again.surface.losses()), bits(&run.losses("pca")));
    // The last update was kept: it is the difference of the last two snapshots.
    let last = run.snapshots().len() - 1;
    let flat = |index: usize| -> Vec<f32> {
        let tensors = run.snapshot(index);
        MLP_BLOCKS.iter().flat_map(|(path, _)| tensors[*path].1.clone()).collect()
    };
    let kept = run.tensors(update.slice.directions.as_ref().expect("a file"));
    let same_as = run.snapshots()[last].same_as.unwrap_or(last as u64) as usize;
    let expected: Vec<f32> =
        flat(same_as).iter().zip(flat(same_as - 1)).map(|(a, b)| a - b).collect();
    assert_eq!(kept["d1"].1, expected);
}

#[test]
fn batchnorm_statistics_are_those_of_the_snapshot() {
    let run = Run::new();
    let images: Vec<[f32; 17]> = wave_rows(5, 1.4);
    let probe = run.probe();
    let mut model = probe.watch(ConvNorm::new());
    for _ in 0..3 {
        model = epoch(model, 0.05, 2, &training_batch(&images));
    }
    probe.close().expect("a recording");
    let mut study = open(&run).study(&ConvNorm::new(), &[batch(&images)]).expect("a study");
    for index in [1, 3] {
        let spec = SliceSpec::line(Direction::random()).centre(Point::Snapshot(index));
        let line = study.slice(&spec.name(format!("at {index}"))).expect("a line");
        let expected = conv_loss(&weights(&run.snapshot(index as usize)), &images);
        assert_close(line.slice.centre_loss, expected, expected, "the loss at a snapshot");
    }
    study.finish().expect("a landscape");
}

#[test]
fn a_model_of_another_structure_is_refused_and_the_run_stays_as_it_is() {
    let run = Run::new();
    let (probe, _) = trained(&run);
    probe.close().expect("a recording");
    let trace = || std::fs::read(run.path().join("trace.cbor")).expect("a trace");
    let before = trace();
    let samples: Vec<[f32; 8]> = wave_rows(3, 0.8);
    let error = open(&run).study(&Quadratic::new(), &[batch(&samples)]).err().expect("a refusal");
    assert_names(&error.to_string(), &["hidden.weight`", "missing"]);
    assert_eq!(trace(), before);
}

#[test]
fn a_run_that_is_not_there_or_holds_nothing_is_told_so() {
    let run = Run::new();
    let error = burnscape::Run::open(run.path()).expect_err("no run");
    assert_names(&error.to_string(), &[&run.path().display().to_string()]);
    run.probe().close().expect("an empty recording");
    let error = open(&run).study(&Mlp::new(), &[batch(&rows())]).err().expect("an empty run");
    assert!(matches!(error, Error::NothingRecorded { .. }), "{error}");
}

#[test]
fn a_run_that_is_being_recorded_is_left_alone() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let error = open(&run).study(&model, &[batch(&rows())]).err().expect("a refusal");
    assert_names(&error.to_string(), &["record"]);
    probe.close().expect("a recording");
}

#[test]
fn slices_of_an_opened_run_are_numbered_on_and_keep_their_own_files() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    probe.finish(&model, &[batch(&rows())]).expect("a landscape");
    let numbers = |run: &Run| -> Vec<u32> {
        let records = run.records();
        let slices = records.iter().filter_map(|record| match record {
            Record::Slice(slice) => Some(slice.slice),
            _ => None,
        });
        slices.collect()
    };
    let first = numbers(&run);
    for _ in 0..2 {
        let mut study = open(&run).study(&model, &[batch(&rows())]).expect("a study");
        study.slice(&SliceSpec::between(Point::Initial, Point::Final)).expect("a line");
        study.finish().expect("a landscape");
    }
    let all = numbers(&run);
    assert_eq!(all, (0..all.len() as u32).collect::<Vec<_>>());
    assert_eq!(all.len(), first.len() + 2);
    let files: Vec<_> =
        ["between", "between 2"].iter().map(|it| run.slice(it).directions).collect();
    assert!(files[0].is_some() && files[0] != files[1]);
}

#[test]
fn a_study_that_is_known_by_a_slice_alone_keeps_its_number() {
    let slice = record!(Slice { study: Some(4) });
    let resumed = Resumed::of(&[Record::Slice(slice)]);
    assert_eq!((resumed.slices, resumed.studies), (1, 5));
}

/// Number of slices that the trace tells of.
fn count_slices(run: &Run) -> usize {
    run.records().iter().filter(|record| matches!(record, Record::Slice(_))).count()
}

#[test]
fn default_slices_on_other_batches_have_other_names_and_are_compared_and_told_all_the_same() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    probe.finish(&model, &[batch(&rows())]).expect("a landscape");
    let mut study = open(&run).study(&model, &[batch(&rows()[..4])]).expect("a study");
    study.default_slices().expect("slices");
    let landscape = study.finish().expect("a landscape");
    let names: Vec<&str> = landscape.slices().iter().map(|it| it.slice.name.as_str()).collect();
    // Numbers 2 to 5 are those that the first random plane was compared with.
    assert_eq!(names, ["pca 2", "random 6"]);
    let [agreement] = landscape.studies() else { panic!("one study") };
    assert_eq!(agreement.slices[0], run.slice("random 6").slice);
    assert_names(&landscape.summary().join("\n"), &["PC 1+2 explain", "Among 5 random planes"]);
}

#[test]
fn default_slices_that_the_run_holds_already_are_not_measured_again() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let first = probe.finish(&model, &[batch(&rows())]).expect("a landscape");
    let slices = count_slices(&run);
    let mut study = open(&run).study(&model, &[batch(&rows())]).expect("a study");
    study.default_slices().expect("slices");
    let again = study.finish().expect("a landscape");
    assert_eq!(count_slices(&run), slices);
    for name in ["pca", "random"] {
        let [first, again] = [&first, &again].map(|it| it.slice(name).expect("a slice"));
        assert_eq!(bits(first.surface.losses()), bits(again.surface.losses()));
    }
    assert_eq!(again.studies().len(), 1);
    assert_eq!(again.studies()[0].sentences, first.studies()[0].sentences);
}

#[test]
fn an_update_that_a_later_training_did_not_keep_is_not_taken_for_its_last_one() {
    for is_studied in [false, true] {
        let run = Run::new();
        let probe = run.builder().keep_last_update().start().expect("a probe");
        let model = epoch(probe.watch(Mlp::new()), 0.05, 2, &training_batch(&rows())).valid();
        probe.finish(&model, &[batch(&rows())]).expect("a landscape");
        let probe = run.builder().resume().start().expect("a probe");
        let model = epoch(probe.watch(Mlp::new()), 0.02, 1, &training_batch(&rows()));
        match is_studied {
            true => drop(probe.finish(&model.valid(), &[batch(&rows())]).expect("a landscape")),
            false => drop(probe.close().expect("a recording")),
        }
        let mut study = open(&run).study(&Mlp::new(), &[batch(&rows())]).expect("a study");
        let error = study.slice(&SliceSpec::line(Direction::LastUpdate)).expect_err("no update");
        assert!(matches!(error, Error::NoLastUpdate { .. }), "{error}");
        study.finish().expect("a landscape");
    }
}
