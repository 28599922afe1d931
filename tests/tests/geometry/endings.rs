//! The end of a run loses nothing: not what was trained, not the probe, and not why there is no landscape.

use std::sync::atomic::{AtomicU32, Ordering};

use burn::module::Module;
use burn::tensor::Tensor;
use burnscape::trace::Record;
use burnscape::{BatchesFrom, Error, Landscape, Probe, SliceSpec, Study, Watched};

use super::models::{ConvNorm, Mlp, Walker, walk};
use super::support::{Run, assert_names, batch, bits, epoch, sgd, step, training_batch, wave_rows};

const PATH: [[f32; 2]; 4] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0], [1.0, 1.0]];

fn origin() -> [Tensor<2>; 1] {
    [batch(&[[0.0; 2]])]
}

fn kinds(run: &Run) -> Vec<String> {
    run.records().iter().map(|record| record.kind().to_string()).collect()
}

// ---- what went wrong ---------------------------------------------------------------------------

/// Whatever goes wrong is a sentence in the landscape, in the run and on standard error.
fn assert_told(landscape: &Landscape, run: &Run, parts: &[&str]) {
    let problems = landscape.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_names(&problems[0], parts);
    assert!(run.notes().contains(&problems[0]), "{:?}", run.notes());
    assert_eq!(run.end(), "failed");
    assert_eq!(run.steps().len(), 3, "what was recorded stays");
}

#[test]
fn a_landscape_that_cannot_be_is_told_and_nothing_is_lost() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let none: [Tensor<2>; 0] = [];
    let landscape = probe.finish(&walker, &none).expect("never fails");
    assert!(landscape.slices().is_empty());
    assert_eq!(landscape.run_folder(), Some(run.path().as_path()));
    assert_told(&landscape, &run, &["no batches", "pass at least one"]);
    let point = walker.point.val().into_data().try_to_vec::<f32>().expect("f32");
    assert_eq!(point, [1.0, 1.0]);
}

#[test]
fn after_a_failure_the_same_probe_finishes_with_other_data() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let none: [Tensor<2>; 0] = [];
    probe.finish(&walker, &none).expect("never fails");
    assert!(matches!(probe.finish_strict(&walker, &none), Err(Error::NoBatches)));
    assert!(probe.study(&walker, &none).is_err());
    let landscape = probe.finish(&walker, &origin()).expect("a landscape");
    assert_eq!(landscape.slices().len(), 2, "{:?}", landscape.problems());

    let alone = Run::new();
    let expected = {
        let probe = alone.probe();
        let walker = walk(&probe, &PATH);
        probe.finish(&walker, &origin()).expect("a landscape")
    };
    assert_eq!(expected.problems(), [] as [String; 0]);
    for name in ["pca", "random"] {
        assert_eq!(bits(&run.losses(name)), bits(&alone.losses(name)));
        assert_eq!(run.slice(name).centre_snapshot, alone.slice(name).centre_snapshot);
    }
    assert_eq!(run.end(), "finished");
    assert_eq!(run.snapshots().last().map(|it| (it.step, it.epoch)), Some((3, Some(3))));
    assert_eq!(run.epochs().len(), 3, "no epoch is made up");
}

#[test]
fn a_run_that_is_finished_goes_on_with_further_data() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let first = probe.finish(&walker, &origin()).expect("a landscape");
    let nodes = |kinds: &[String]| kinds.iter().filter(|kind| *kind == "nodes").count();
    let measured = nodes(&kinds(&run));
    // The same again measures nothing again.
    let again = probe.finish(&walker, &origin()).expect("a landscape");
    assert_eq!(again.problems(), [] as [String; 0]);
    assert_eq!(nodes(&kinds(&run)), measured);
    let losses = |landscape: &Landscape| bits(landscape.slices()[0].surface.losses());
    assert_eq!(losses(&again), losses(&first));
    // Other data is another surface, beside the first.
    let other = probe.finish(&walker, &[batch(&[[5.0, 5.0]])]).expect("a landscape");
    assert_ne!(losses(&other), losses(&first));
    assert!(nodes(&kinds(&run)) > measured);
    assert_eq!(run.end(), "finished");
}

#[test]
fn a_model_of_another_shape_is_told_and_the_right_one_finishes() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let other = Walker::at(&[1.0, 2.0, 3.0]).valid();
    let landscape = probe.finish(&other, &[batch(&[[0.0; 3]])]).expect("never fails");
    assert_told(&landscape, &run, &["point", "[1, 3]", "[1, 2]"]);
    assert_eq!(probe.finish(&walker, &origin()).expect("a landscape").slices().len(), 2);
}

#[test]
fn batches_that_differ_from_pass_to_pass_are_told_and_the_first_pass_is_drawn() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let passes = AtomicU32::new(0);
    let changing = BatchesFrom(|| {
        let y = passes.fetch_add(1, Ordering::Relaxed) as f32;
        vec![batch(&[[1.0, y]])]
    });
    let landscape = probe.finish(&walker, &changing).expect("never fails");
    // At (1, 1): ½ from (1, 0), nothing from (1, 1).
    let problem = landscape.problems().join("\n");
    assert_names(&problem, &["0.5", "first pass", "Vec"]);
    assert_eq!(landscape.slices().len(), 2);
    assert_eq!(run.slice("pca").centre_loss, 0.5);
    assert!(run.notes().contains(&problem));
}

#[test]
fn what_was_measured_before_a_failure_is_kept() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let calls = AtomicU32::new(0);
    let loss = |output: &burn::train::RegressionOutput| {
        // Enough for the checks and the first plane.
        assert!(calls.fetch_add(1, Ordering::Relaxed) < 30, "the test asks for it");
        burnscape::BatchLoss { mean: output.loss.clone(), samples: 1 }
    };
    let landscape = probe.finish_with(&walker, &origin(), loss).expect("never fails");
    assert_names(&landscape.problems().join("\n"), &["panicked", "the test asks for it"]);
    assert_eq!(run.end(), "failed");
    assert!(kinds(&run).iter().any(|kind| kind == "nodes"));
}

#[test]
fn without_training_the_landscape_says_what_to_train() {
    let run = Run::new();
    let probe = run.probe();
    let landscape = probe.finish(&Walker::at(&[1.0, 2.0]).valid(), &origin());
    let landscape = landscape.expect("never fails");
    assert_names(&landscape.problems().join("\n"), &["no optimizer step", "probe.watch"]);
    assert_eq!(run.end(), "failed");
    assert_names(&run.notes().join("\n"), &["no optimizer step", "probe.watch"]);
}

// ---- closing -----------------------------------------------------------------------------------

#[test]
fn closing_twice_or_after_the_end_is_harmless() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let first = probe.close().expect("closed");
    let trace = std::fs::read(run.path().join("trace.cbor")).expect("a trace");
    assert_eq!(probe.close().expect("closed"), first);
    assert_eq!((first.steps(), first.snapshots()), (3, 4));
    assert_eq!(std::fs::read(run.path().join("trace.cbor")).expect("a trace"), trace);
    // A closed run has its landscape all the same.
    assert_eq!(probe.finish(&walker, &origin()).expect("a landscape").slices().len(), 2);
    probe.close().expect("closed");
    drop(probe);
    assert_eq!(run.end(), "finished");
    let ends = kinds(&run).iter().filter(|kind| *kind == "end").count();
    assert_eq!(ends, 2);
}

#[test]
fn one_study_at_a_time_and_the_probe_may_go_before_it() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let mut study: Study<'_, Walker> = probe.study(&walker, &origin()).expect("a study");
    assert!(probe.study(&walker, &origin()).is_err(), "its file is being written");
    drop(probe);
    study.slice(&SliceSpec::pca()).expect("a slice");
    assert_eq!(study.finish().expect("a landscape").slices().len(), 1);
    assert_eq!(run.end(), "finished");
}

// ---- the model ---------------------------------------------------------------------------------

/// Trains an MLP, and gives the run, the probe and the model.
fn trained(run: &Run) -> (Probe, Watched<Mlp>) {
    let probe = run.probe();
    let rows: Vec<[f32; 5]> = wave_rows(6, 0.2);
    let model = epoch(probe.watch(Mlp::new()), 0.05, 2, &training_batch(&rows));
    (probe, model)
}

#[test]
fn a_bare_model_and_a_watched_one_have_the_same_landscape() {
    let rows: Vec<[f32; 5]> = wave_rows(6, 0.2);
    let runs = [Run::new(), Run::new(), Run::new()];
    let landscape = |form: usize| {
        let (probe, model) = trained(&runs[form]);
        match form {
            0 => probe.finish(&model, &[batch(&rows)]),
            1 => probe.finish(model.inner(), &[batch(&rows)]),
            _ => probe.finish(&model.into_inner().valid(), &[batch(&rows)]),
        }
        .expect("a landscape")
    };
    let slices = [0, 1, 2].map(|form| landscape(form).slices().len());
    assert_eq!(slices, [2; 3]);
    for other in &runs[1..] {
        assert_eq!(bits(&other.losses("pca")), bits(&runs[0].losses("pca")));
        assert_eq!(other.epochs().len(), 1, "finishing is nobody's epoch");
    }
}

/// What generic code of 0.1 looks like, and what it looks like with bare models.
fn of_watched<M>(probe: &Probe, model: &Watched<M>, batches: &Vec<M::Input>) -> usize
where
    M: burn::train::InferenceStep + Module,
    M::Input: Clone,
{
    let mut study: Study<'_, M> = probe.study(model, batches).expect("a study");
    let point = study.point("itself", model).expect("a point");
    study.slice(&SliceSpec::random().centre(point)).expect("a slice");
    study.finish().expect("a landscape").slices().len()
}

fn of_bare<M>(probe: &Probe, model: &M, batches: &Vec<M::Input>) -> usize
where
    M: burn::train::InferenceStep + burn::module::ModuleDisplay + Module,
    M::Input: Clone,
{
    let mut study: Study<'_, M> = probe.study(model, batches).expect("a study");
    let point = study.point("itself", model).expect("a point");
    study.slice(&SliceSpec::random().centre(point)).expect("a slice");
    study.finish().expect("a landscape").slices().len()
}

#[test]
fn generic_code_takes_both_forms() {
    let rows: Vec<[f32; 5]> = wave_rows(6, 0.2);
    let run = Run::new();
    let (probe, model) = trained(&run);
    assert_eq!(of_watched(&probe, &model, &vec![batch(&rows)]), 1);
    let run = Run::new();
    let (probe, model) = trained(&run);
    assert_eq!(of_bare(&probe, &model.into_inner(), &vec![batch(&rows)]), 1);
}

/// A hand-written loop that never asks for a model in inference mode ends an epoch with statistics that are not merged,
/// and gives `finish` the same weights: one point of the path.
#[test]
fn the_last_epoch_and_the_final_model_are_one_point_of_the_path() {
    let run = Run::new();
    let probe = run.probe();
    let mut observer = probe.observe();
    let (mut model, mut optim) = (ConvNorm::new(), sgd());
    let rows = training_batch(&wave_rows::<17>(4, 0.3));
    for _ in 0..3 {
        (model, _) = observer.train_step(&mut optim, 0.05, model, rows.clone());
        observer.epoch_done(&model);
    }
    let landscape = probe.finish(&model, &[batch(&wave_rows::<17>(4, 0.3))]).expect("a landscape");
    assert_eq!(landscape.problems(), [] as [String; 0]);
    // Snapshots 0 to 3 after no, one, two and three steps; 4 is the final model.
    assert_eq!(run.snapshots().len(), 5);
    assert_eq!(run.trajectory("pca").snapshots.0, [0, 1, 2, 4]);
    let records = run.records();
    let is_note =
        |record: &&Record| matches!(record, Record::Note(note) if note.level == "warning");
    assert_eq!(records.iter().filter(is_note).count(), 0);
}

// ---- what would make it better -----------------------------------------------------------------

/// A path of two points is a line, whatever training did between them: who could take more is told how, nobody else.
#[test]
fn a_path_of_two_points_says_how_more_are_taken() {
    let hint = |epochs: usize, steps: usize| {
        let run = Run::new();
        let probe = run.probe();
        let rows = wave_rows::<5>(6, 0.2);
        let mut model = probe.watch(Mlp::new());
        for _ in 0..epochs {
            model = epoch(model, 0.05, 3, &training_batch(&rows));
        }
        for _ in 0..steps {
            model = step(model, &mut sgd(), 0.05, training_batch(&rows));
        }
        let landscape = probe.finish(&model.valid(), &[batch(&rows)]).expect("a landscape");
        let said = run.notes().into_iter().find(|it| it.contains("two snapshots"));
        assert_eq!(said.is_some(), landscape.summary().concat().contains("two snapshots"));
        said
    };
    let said = hint(0, 3).expect("a remark");
    assert_names(&said, &["snapshot_every_steps(n)", "epoch_done(&model)"]);
    assert_eq!(hint(0, 1), None, "there was nothing between them");
    assert_eq!(hint(1, 3), None);
}
