//! Stopped surfaces: what was measured is kept, and going on gives what would have been measured at once.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burn::module::Module;
use burn::train::RegressionOutput;
use burnscape::trace::{Record, Study};
use burnscape::{BatchLoss, Direction, Error, Point, Probe, SliceSpec, Stopper, Watched};

use super::models::Mlp;
use super::plain::{mlp_loss, weights};
use super::support::{
    Run, Ticks, assert_close, assert_names, batch, epoch, training_batch, wave_rows,
};

fn rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.2)
}

fn batches() -> [burn::tensor::Tensor<2>; 2] {
    [batch(&rows()[..4]), batch(&rows()[4..])]
}

fn trained(run: &Run) -> (Probe, Watched<Mlp>) {
    let probe = run.builder().resolution(9, 9).agreement(2).start().expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    (probe, model.valid())
}

/// A loss that asks to stop once it was read so many times.
#[derive(Default)]
struct Countdown {
    left: AtomicUsize,
    stopper: OnceLock<Stopper>,
}

impl Countdown {
    fn of(left: usize) -> Self {
        Self { left: left.into(), ..Self::default() }
    }

    fn read(&self, output: &RegressionOutput) -> BatchLoss {
        if let Some(stopper) = self.stopper.get()
            && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            stopper.stop();
        }
        BatchLoss { mean: output.loss.clone(), samples: output.targets.dims()[0] }
    }
}

/// The slices of one study: exact and adaptive planes, and a line that no seed gives back.
fn specs() -> [SliceSpec; 4] {
    let update = Direction::Difference(Point::Snapshot(1), Point::Snapshot(2));
    [
        SliceSpec::pca(),
        SliceSpec::random().adaptive(0.02).resolution(17, 17),
        SliceSpec::line(update).centre(Point::Initial).resolution(31, 1).name("line"),
        SliceSpec::random().seed(8).resolution(5, 7).name("small"),
    ]
}

/// Bits of value and standard error of every node, and whether it was measured, by slice name.
type Nodes = BTreeMap<String, BTreeMap<u32, (u64, u64, bool)>>;

/// What the trace says about nodes; each is told once.
fn told(run: &Run) -> Nodes {
    let mut names = BTreeMap::new();
    let mut nodes = Nodes::new();
    for record in run.records() {
        match record {
            Record::Slice(slice) => {
                nodes.entry(slice.name.clone()).or_default();
                names.insert(slice.slice, slice.name);
            }
            Record::Nodes(tile) => {
                let slice = nodes.get_mut(&names[&tile.slice]).expect("a known slice");
                for (place, &node) in tile.index.iter().enumerate() {
                    let bits = (tile.loss[place].to_bits(), tile.stderr[place].to_bits());
                    let before = slice.insert(node, (bits.0, bits.1, !tile.interpolated));
                    assert_eq!(before, None, "node {node} is told once");
                }
            }
            _ => {}
        }
    }
    nodes
}

fn uninterrupted() -> Nodes {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let mut study = probe.study(&model, &batches()).expect("a study");
    for spec in specs() {
        let slice = study.slice(&spec).expect("a slice");
        assert!(slice.surface.is_complete());
    }
    study.finish().expect("a landscape");
    told(&run)
}

/// Numbers that look random and are the same every time.
fn numbers(seed: u64, below: usize) -> impl Iterator<Item = usize> {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let states = std::iter::successors(Some(seed), next).skip(1);
    states.map(move |state| (state >> 33) as usize % below)
}

#[test]
fn stopped_at_twenty_moments_and_gone_on_with_a_surface_is_that_of_one_that_was_not() {
    let expected = uninterrupted();
    let nodes: usize = expected.values().map(BTreeMap::len).sum();
    // A node reads the loss of two batches; some moments lie behind the last one.
    for (round, moment) in numbers(3, 2 * nodes).take(20).enumerate() {
        let run = Run::new();
        let (probe, model) = trained(&run);
        let countdown = Countdown::of(moment + 1);
        let study = probe.study_with(&model, &batches(), |output| countdown.read(output));
        let mut study = study.expect("a study");
        let _ = countdown.stopper.set(study.stopper());
        for spec in specs() {
            study.slice(&spec).expect("a slice, whole or in part");
        }
        if round.is_multiple_of(2) {
            // Go on in the same study …
            study.resume().expect("the rest");
            study.finish().expect("a landscape");
        } else {
            // … or another time, twice: it is stopped once more on the way.
            study.finish().expect("a landscape");
            go_on(&run, &model, Some(moment / 3 + 1));
            go_on(&run, &model, None);
        }
        assert_eq!(told(&run), expected, "stopped after {moment} losses");
    }
}

/// Opens the run again and measures what is missing.
fn go_on(run: &Run, model: &Watched<Mlp>, stop_after: Option<usize>) {
    let countdown = Countdown::of(stop_after.unwrap_or(0));
    let opened = burnscape::Run::open(run.path()).expect("a run").quiet().threads(2);
    let study = opened.study_with(model, &batches(), |output| countdown.read(output));
    let mut study = study.expect("a study");
    if stop_after.is_some() {
        let _ = countdown.stopper.set(study.stopper());
    }
    study.resume().expect("what is missing");
    study.finish().expect("a landscape");
}

#[test]
fn a_stopped_surface_says_so_and_how_to_go_on() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let countdown = Countdown::of(100);
    let study = probe.study_with(&model, &batches(), |output| countdown.read(output));
    let mut study = study.expect("a study");
    let _ = countdown.stopper.set(study.stopper());
    let pca = study.slice(&SliceSpec::pca()).expect("a part of a slice");
    let landscape = study.finish().expect("a landscape");
    let counts = pca.surface.counts();
    assert!(counts.measured >= 15 && counts.unmeasured > 0, "{counts:?}");
    let notes = run.notes().join("\n");
    let missing = format!("{} of 81 nodes", counts.unmeasured);
    assert_names(&notes, &["`pca`", &missing, "resume"]);
    assert_names(&landscape.summary().join("\n"), &["not measured"]);
    // Coarse to fine: what there is covers the plane, no node is further than three from a measured one.
    let grid = pca.surface.grid();
    let is_near = |node: usize, other: usize| {
        let ((x, y), (a, b)) = (grid.column_row(node), grid.column_row(other));
        x.abs_diff(a) <= 3 && y.abs_diff(b) <= 3
    };
    let measured = (0..grid.len()).filter(|&node| pca.surface.is_measured(node));
    let measured: Vec<usize> = measured.collect();
    let covered = (0..grid.len()).all(|node| measured.iter().any(|&other| is_near(node, other)));
    assert!(covered, "{measured:?}");
}

#[test]
fn a_time_budget_that_has_run_out_leaves_slices_that_can_be_gone_on_with() {
    let run = Run::new();
    let probe = run.builder().resolution(9, 9).agreement(0).budget(Duration::ZERO);
    let probe = probe.clock(|| Duration::ZERO).start().expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    let model = model.valid();
    let mut study = probe.study(&model, &batches()).expect("a study");
    for spec in [SliceSpec::pca(), SliceSpec::random()] {
        let slice = study.slice(&spec).expect("its centre");
        assert_eq!(slice.surface.centre_loss(), Some(slice.slice.centre_loss));
    }
    study.finish().expect("a landscape");
    assert_names(&run.notes().join("\n"), &["80 of 81 nodes", "time budget"]);
    go_on(&run, &model, None);
    let nodes = told(&run);
    assert_eq!(nodes["pca"].len(), 81);
    assert_eq!(nodes["random"].len(), 81);
    assert_eq!(run.end(), "finished");
}

#[test]
fn other_batches_or_quantities_are_refused_when_going_on() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let countdown = Countdown::of(30);
    let study = probe.study_with(&model, &batches(), |output| countdown.read(output));
    let mut study = study.expect("a study");
    let _ = countdown.stopper.set(study.stopper());
    study.slice(&SliceSpec::pca()).expect("a part of a slice");
    study.finish().expect("a landscape");
    let before = told(&run);

    let open = || burnscape::Run::open(run.path()).expect("a run").quiet();
    let fewer = [batch(&rows()[..4])];
    let mut study = open().study(&model, &fewer).expect("a study");
    let error = study.resume().expect_err("other batches");
    assert!(matches!(error, Error::OtherStudy { .. }), "{error}");
    assert_names(&error.to_string(), &["`pca`", "`loss` at its centre", "same batches"]);
    study.finish().expect("a landscape");

    let mut study = open().study(&model, &batches()).expect("a study");
    study.measure("more", |output| BatchLoss { mean: output.loss.clone(), samples: 1 });
    let error = study.resume().expect_err("another quantity");
    assert_names(&error.to_string(), &["`pca`", "more"]);
    study.finish().expect("a landscape");
    assert_eq!(told(&run), before, "nothing was added");
}

#[test]
fn nothing_is_left_to_go_on_with_after_a_whole_study() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    probe.finish(&model, &batches()).expect("a landscape");
    let before = told(&run);
    let opened = burnscape::Run::open(run.path()).expect("a run").quiet();
    let mut study = opened.study(&model, &batches()).expect("a study");
    assert!(study.resume().expect("nothing").is_empty());
    study.finish().expect("a landscape");
    assert_eq!(told(&run), before);
}

#[test]
fn an_estimate_comes_before_anything_is_recorded() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let mut study = probe.study(&model, &batches()).expect("a study");
    let few = study.estimate(&SliceSpec::random().resolution(5, 5)).expect("an estimate");
    let many = study.estimate(&SliceSpec::random().resolution(50, 50)).expect("an estimate");
    // The pace is measured once; a hundred times the nodes take a hundred times as long.
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    assert!((ratio - 100.0).abs() < 1e-3, "{ratio}");
    study.finish().expect("a landscape");
    assert!(told(&run).is_empty());
}

/// Begins a slice and stops it; with a further quantity if that is named.
fn left_unfinished(run: &Run, study: burnscape::Study<'_, Mlp>, spec: &SliceSpec, further: bool) {
    let mut study = study;
    if further {
        study.measure("more", |output| BatchLoss { mean: output.loss.clone(), samples: 1 });
    }
    study.stopper().stop();
    study.slice(spec).expect("a slice of which nothing is measured");
    study.finish().expect("a landscape");
    assert_names(&run.notes().join("\n"), &["not measured"]);
}

#[test]
fn a_slice_of_another_study_is_left_out_and_the_others_are_gone_on_with() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let open = || burnscape::Run::open(run.path()).expect("a run").quiet().threads(2);
    let study = probe.study(&model, &batches()).expect("a study");
    left_unfinished(&run, study, &SliceSpec::pca(), true);
    let study = open().study(model.inner(), &batches()).expect("a study");
    left_unfinished(&run, study, &SliceSpec::random().resolution(5, 3), false);

    let mut study = open().study(&model, &batches()).expect("a study");
    let slices = study.resume().expect("the slice of this study");
    let names: Vec<&str> = slices.iter().map(|it| it.slice.name.as_str()).collect();
    assert_eq!(names, ["random"]);
    assert_eq!(slices[0].surface.counts().measured, 15);
    let error = study.resume().expect_err("only the slice of another study is left");
    assert!(matches!(error, Error::OtherStudy { .. }), "{error}");
    study.finish().expect("a landscape");
    assert_names(&run.notes().join("\n"), &["`pca` was not gone on with", "more"]);
}

#[test]
fn every_time_a_slice_is_gone_on_with_it_has_the_whole_time_budget() {
    let run = Run::new();
    let ticks = Ticks::default();
    let budget = Duration::from_millis(200);
    let probe = run.builder().resolution(33, 33).budget(budget).clock(ticks.tells());
    let probe = probe.start().expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    let mut study = probe.study(&model.valid(), &batches()).expect("a study");
    // 1089 nodes of two milliseconds take far longer.
    study.measure("slow", |output| {
        ticks.advance(Duration::from_millis(1));
        BatchLoss { mean: output.loss.clone(), samples: 1 }
    });
    let mut measured = study.slice(&SliceSpec::pca()).expect("a part").surface.counts().measured;
    for _ in 0..2 {
        let begun = ticks.now();
        let slices = study.resume().expect("a further part");
        let further = slices[0].surface.counts().measured;
        // Two workers may have a node each when time is up.
        assert!(ticks.now() - begun <= budget + Duration::from_millis(4));
        assert!(further > measured + 80, "{further} after {measured}");
        measured = further;
    }
    study.finish().expect("a landscape");
}

#[test]
fn a_further_quantity_takes_time_that_the_estimate_knows() {
    let run = Run::new();
    let ticks = Ticks::default();
    let probe = run.builder().threads(1).resolution(9, 9).clock(ticks.tells());
    let probe = probe.start().expect("a probe");
    let model = epoch(probe.watch(Mlp::new()), 0.05, 2, &training_batch(&rows())).valid();
    let mut study = probe.study(&model, &batches()).expect("a study");
    let spec = SliceSpec::random();
    assert_eq!(study.estimate(&spec).expect("an estimate"), Duration::ZERO);
    study.measure("slow", |output| {
        ticks.advance(Duration::from_millis(5));
        BatchLoss { mean: output.loss.clone(), samples: 1 }
    });
    let estimate = study.estimate(&spec).expect("an estimate");
    study.finish().expect("a landscape");
    // 81 nodes of two batches.
    assert_eq!(estimate, Duration::from_millis(81 * 10));
}

/// Last record of each study, by number.
fn last_studies(run: &Run) -> BTreeMap<u32, Study> {
    let studies = run.records().into_iter().filter_map(|record| match record {
        Record::Study(study) => Some((study.study, study)),
        _ => None,
    });
    studies.collect()
}

/// The default slices and a sweep, stopped after so many losses.
fn studied(run: &Run, stop_after: usize) -> Watched<Mlp> {
    let (probe, model) = trained(run);
    let countdown = Countdown::of(stop_after);
    let study = probe.study_with(&model, &batches(), |output| countdown.read(output));
    let mut study = study.expect("a study");
    let _ = countdown.stopper.set(study.stopper());
    let sweep = SliceSpec::random().seed(5).resolution(5, 5);
    study.scale_sweep(&sweep, &[0.5, 2.0]).expect("a sweep, whole or in part");
    study.default_slices().expect("slices, whole or in part");
    study.finish().expect("a landscape");
    model
}

#[test]
fn a_stopped_study_says_in_the_end_what_it_would_have_said_at_once() {
    let whole = Run::new();
    studied(&whole, usize::MAX);
    let (expected, nodes) = (last_studies(&whole), told(&whole));
    // A sweep has 2 · 25 nodes of two batches; the first slice of `default_slices` follows.
    for moment in [40, 90, 250, 500, 600] {
        let run = Run::new();
        let model = studied(&run, moment);
        let opened = burnscape::Run::open(run.path()).expect("a run").quiet().threads(2);
        let opened = opened.resolution(9, 9).agreement(2);
        let never = Countdown::default();
        let study = opened.study_with(&model, &batches(), |output| never.read(output));
        let mut study = study.expect("a study");
        study.resume().expect("the rest");
        study.default_slices().expect("what is missing");
        let landscape = study.finish().expect("a landscape");
        let names = landscape.slices().iter().filter(|it| it.slice.study.is_none());
        let names: Vec<&str> = names.map(|it| it.slice.name.as_str()).collect();
        assert_eq!(names, ["pca", "random"], "stopped after {moment} losses");
        assert_eq!(told(&run), nodes, "stopped after {moment} losses");
        assert_same_studies(&last_studies(&run), &expected);
    }
}

/// Up to rounding: lengths come from the trace.
fn assert_same_studies(found: &BTreeMap<u32, Study>, expected: &BTreeMap<u32, Study>) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.values().zip(expected.values()) {
        assert_eq!((&found.kind, &found.slices), (&expected.kind, &expected.slices));
        assert_eq!((found.lowest, found.highest), (expected.lowest, expected.highest));
        assert_eq!(found.sentences, expected.sentences);
        assert!(expected.measures.keys().eq(found.measures.keys()));
        for (name, values) in &expected.measures {
            for (found, expected) in found.measures[name].iter().zip(values.iter()) {
                assert_close(*found, *expected, expected.abs().max(1.0), name);
            }
        }
    }
}

/// What of the path is known, by slice.
#[test]
fn losses_on_the_path_are_measured_when_going_on() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let mut study = probe.study(&model, &batches()).expect("a study");
    study.stopper().stop();
    let stopped = study.slice(&SliceSpec::pca()).expect("a slice of which nothing is measured");
    study.finish().expect("a landscape");
    assert!(stopped.trajectory.loss.is_empty() && stopped.trajectory.loss_on_plane.is_empty());
    assert_eq!(stopped.trajectory.x.len(), 3);
    go_on(&run, &model, None);
    let path = run.trajectory("pca");
    for (place, loss) in path.loss.iter().enumerate() {
        let own = mlp_loss(&weights(&run.snapshot(place)), &rows());
        assert_close(*loss, own, own, "a true loss");
    }
    assert_eq!((path.loss.len(), path.loss_on_plane.len()), (3, 3));
}
