//! `finish` within a budget of time: never later than one node, what it leaves out is said, and a plan gives it again.
//!
//! The clock moves only when a loss is read: every batch costs what the test says.

use burnscape_trace::record;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::train::RegressionOutput;
use burnscape::trace::{Plan, Record};
use burnscape::{BatchLoss, Landscape, Probe, ProbeBuilder, SliceSurface, Watched};

use super::models::Mlp;
use super::support::{Run, Ticks, assert_names, batch, epoch, training_batch, wave_rows};

/// What reading one loss costs, by how many were read before.
type Cost = fn(usize) -> Duration;

/// A hundredth of a second, whatever was read.
fn even(_: usize) -> Duration {
    Duration::from_millis(10)
}

/// Between half and one and a half times as much, in no order.
fn uneven(number: usize) -> Duration {
    Duration::from_micros(5000 + (number as u64).wrapping_mul(2_654_435_761) % 10_000)
}

/// Batches of two samples.
fn batches(count: usize) -> Vec<Tensor<2>> {
    let rows: Vec<[f32; 5]> = wave_rows(2 * count, 0.2);
    rows.chunks(2).map(batch).collect()
}

/// Reads losses, each of which takes its time.
struct Reading {
    ticks: Ticks,
    read: AtomicUsize,
    cost: Cost,
}

impl Reading {
    fn new(cost: Cost) -> Self {
        Self { ticks: Ticks::default(), read: AtomicUsize::new(0), cost }
    }

    fn read(&self, output: &RegressionOutput) -> BatchLoss {
        let number = self.read.fetch_add(1, Ordering::SeqCst);
        self.ticks.advance((self.cost)(number));
        // Samples of these batches count for two hundred: a few batches are enough to begin with.
        BatchLoss { mean: output.loss.clone(), samples: 200 }
    }
}

/// Trains a little.
fn trained(builder: ProbeBuilder) -> (Probe, Watched<Mlp>) {
    let probe = builder.start().expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..4 {
        model = epoch(model, 0.05, 2, &training_batch(&wave_rows::<5>(6, 0.2)));
    }
    (probe, model.valid())
}

/// One thread, so that one node at a time moves the clock.
fn builder(run: &Run, reading: &Reading) -> ProbeBuilder {
    run.builder().threads(1).resolution(17, 17).clock(reading.ticks.tells())
}

/// What `finish` gives with these settings, and what it took.
fn finished(
    run: &Run,
    reading: &Reading,
    count: usize,
    set: impl FnOnce(ProbeBuilder) -> ProbeBuilder,
) -> (Landscape, Duration) {
    let (probe, model) = trained(set(builder(run, reading)));
    let begun = reading.ticks.now();
    let landscape = probe.finish_with(&model, &batches(count), |output| reading.read(output));
    let landscape = landscape.expect("a landscape");
    assert_eq!(landscape.problems(), [] as [String; 0]);
    (landscape, reading.ticks.now() - begun)
}

/// Bits of the losses that were measured, by slice and node.
fn told(run: &Run) -> BTreeMap<(u32, u32), u64> {
    let mut told = BTreeMap::new();
    for record in run.records() {
        let Record::Nodes(tile) = record else { continue };
        if tile.interpolated {
            continue;
        }
        for (node, loss) in tile.index.iter().zip(tile.loss.iter()) {
            let before = told.insert((tile.slice, *node), loss.to_bits());
            assert_eq!(before, None, "node {node} of slice {} is measured once", tile.slice);
        }
    }
    told
}

/// Numbers that look random and are the same every time.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn measured(slice: &SliceSurface) -> usize {
    slice.surface.counts().measured
}

#[test]
fn whatever_nodes_cost_it_ends_no_more_than_one_node_later_and_no_plane_starves() {
    for case in 0..60 {
        let mut number = numbers(case);
        let reading = Reading::new(if number(2) == 0 { even } else { uneven });
        let (count, resolution) = (1 + number(12) as usize, 3 + 2 * number(9) as usize);
        let (planes, all) = (number(4) as usize, 2 * resolution * resolution * count);
        // From nothing to twice of what all nodes take, more often little than much.
        let share = (number(1000) as f64 / 1000.0).powi(3) * 2.0;
        let budget = even(0).mul_f64(share * all as f64);
        let run = Run::new();
        let (landscape, took) = finished(&run, &reading, count, |builder| {
            builder.resolution(resolution, resolution).agreement(planes).budget(budget)
        });
        let node = uneven(usize::MAX).max(Duration::from_millis(15)) * count as u32;
        assert!(took <= budget + node, "case {case}: {took:?} of {budget:?}, a node is {node:?}");
        let [pca, random] = landscape.slices() else { panic!("two planes") };
        for slice in [pca, random] {
            assert_eq!(slice.surface.centre_loss(), Some(slice.slice.centre_loss), "case {case}");
            assert!(slice.surface.lowest().expect("a node").loss <= slice.slice.centre_loss);
        }
        let turn = (resolution * resolution / 8).max(16);
        let apart = measured(pca).abs_diff(measured(random));
        let is_adaptive = pca.slice.tolerance.is_some();
        assert!(is_adaptive || apart <= turn, "case {case}: {apart} nodes apart");
        assert_eq!(landscape.plan().map(|plan| plan.slices.len() >= 2), Some(true));
    }
}

#[test]
fn the_same_plan_gives_the_same_bits_however_long_it_takes() {
    let mut kinds = BTreeMap::new();
    for (number, secs) in [0.3, 1.0, 2.5, 4.0, 8.0, 16.0, 40.0, 200.0].into_iter().enumerate() {
        let (first, again) = (Run::new(), Run::new());
        let budget = Duration::from_secs_f64(secs);
        let (landscape, _) =
            finished(&first, &Reading::new(even), 12, |builder| builder.budget(budget));
        let plan = landscape.plan().expect("a plan").clone();
        // Ten times slower, on two threads, and nobody looks at the clock.
        let slow = Reading::new(|_| Duration::from_millis(100));
        let (repeated, _) = finished(&again, &slow, 12, |builder| builder.threads(2).plan(&plan));
        assert_eq!(told(&first), told(&again), "{secs} s");
        for (first, again) in landscape.slices().iter().zip(repeated.slices()) {
            let bits = |slice: &SliceSurface| -> Vec<u64> {
                slice.surface.losses().iter().map(|loss| loss.to_bits()).collect()
            };
            assert_eq!(bits(first), bits(again), "{secs} s, interpolated nodes too");
            assert_eq!(
                (first.slice.samples, first.slice.batches),
                (again.slice.samples, again.slice.batches)
            );
        }
        assert_eq!(plan.of_batches, 12);
        let exactness =
            (plan.batches.is_empty(), plan.tolerance.is_some(), plan.most_nodes.is_some());
        kinds.entry(exactness).or_insert(number);
    }
    // All there are: coarse; adaptive and cut short; adaptive; fewer samples; everything.
    assert!(kinds.len() >= 4, "{kinds:?}");
}

#[test]
fn a_plan_is_told_before_the_nodes_and_read_back_from_the_run() {
    let run = Run::new();
    let budget = Duration::from_secs(4);
    let (landscape, _) = finished(&run, &Reading::new(even), 12, |it| it.budget(budget));
    let plans = run.plans();
    let opened = burnscape::Run::open(run.path()).expect("a run");
    assert_eq!(opened.plan(), plans.last());
    let told = landscape.plan().expect("a plan");
    assert_eq!(
        record!(Plan { slices: Vec::new(), ..told.clone() }),
        record!(Plan { slices: Vec::new(), ..plans[0].clone() })
    );
    assert_eq!(plans[0].budget_secs, Some(4.0));
    let records = run.records();
    let first = |is: fn(&Record) -> bool| records.iter().position(is).expect("a record");
    let (plan, nodes) =
        (first(|it| matches!(it, Record::Plan(_))), first(|it| matches!(it, Record::Nodes(_))));
    assert!(plan < nodes);
    // Samples of the slices are those that were used.
    for slice in landscape.slices() {
        assert_eq!(slice.slice.batches, told.batches.len() as u64);
        assert_eq!(slice.slice.samples, 200 * told.batches.len() as u64);
    }
    let some = format!("Only {} of 12 batches", told.batches.len());
    assert_names(&landscape.summary().join("\n"), &[&some]);
}

/// Thirty-one snapshots and the final one, which is the last of them.
fn trained_for_long(builder: ProbeBuilder) -> (Probe, Watched<Mlp>) {
    let probe = builder.start().expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..30 {
        model = epoch(model, 0.05, 1, &training_batch(&wave_rows::<5>(6, 0.2)));
    }
    (probe, model.valid())
}

#[test]
fn where_reading_all_snapshots_takes_too_long_some_are_read_and_a_plan_reads_the_same() {
    let (run, again) = (Run::new(), Run::new());
    // It takes a thousandth of a second whenever it is asked: so does a snapshot, of which each is read five times.
    let ticks = Ticks::default();
    let asked = ticks.clone();
    let clock = move || {
        ticks.advance(Duration::from_millis(1));
        ticks.now()
    };
    let budget = Duration::from_millis(300);
    let builder = run.builder().threads(1).budget(budget).clock(clock);
    let (probe, model) = trained_for_long(builder);
    let begun = asked.now();
    let landscape = probe.finish(&model, &batches(2)).expect("a landscape");
    assert!(asked.now() - begun < 2 * budget, "{:?}", asked.now() - begun);
    assert_eq!(landscape.problems(), [] as [String; 0]);
    let read = run.trajectory("pca").snapshots;
    // A quarter of not much less than the budget.
    assert!((10..=15).contains(&read.len()), "{read:?}");
    assert_eq!((read.first(), read.last()), (Some(&0), Some(&30)));
    let said = format!("{} of 31 snapshots are read: all of them would take about", read.len());
    assert_names(&run.notes().join("\n"), &[&said]);
    let plan = landscape.plan().expect("a plan");
    assert_eq!(plan.snapshots, read);
    assert!(!plan.is_exact());

    let (probe, model) = trained_for_long(again.builder().plan(plan));
    let repeated = probe.finish(&model, &batches(2)).expect("a landscape");
    assert_eq!(again.trajectory("pca").snapshots, read);
    let (first, whole) = (told(&run), told(&again));
    assert!(!first.is_empty() && first.iter().all(|(node, loss)| whole.get(node) == Some(loss)));
    assert_eq!(repeated.slices()[0].slice.x, landscape.slices()[0].slice.x);
}

#[test]
fn a_plan_for_other_batches_is_refused() {
    let run = Run::new();
    let plan = record!(Plan { of_batches: 5 });
    let (probe, model) = trained(run.builder().plan(&plan));
    let error = probe.finish_strict(&model, &batches(3)).expect_err("another number of batches");
    assert_names(&error.to_string(), &["plan", "5 batches"]);
}

#[test]
fn with_time_enough_it_is_what_exact_gives_and_nothing_is_said() {
    let (within, exact) = (Run::new(), Run::new());
    // Two planes, their paths, four further planes: 578 + 15 + 324 nodes of 40 ms.
    let budget = Duration::from_secs(60);
    let (landscape, took) = finished(&within, &Reading::new(even), 4, |it| it.budget(budget));
    let (whole, _) = finished(&exact, &Reading::new(even), 4, ProbeBuilder::exact);
    assert_eq!(told(&within), told(&exact));
    assert!(landscape.plan().is_some_and(Plan::is_exact) && whole.plan().is_none());
    assert!(took > Duration::from_secs(36) && took <= budget, "{took:?}");
    let words = |landscape: &Landscape| landscape.summary();
    assert_eq!(words(&landscape), words(&whole));
    assert_eq!(within.notes(), exact.notes());
}

/// Every loss on a grid, measured.
fn exact_losses(run: &Run, model: &Watched<Mlp>, count: usize) -> Landscape {
    let opened = burnscape::Run::open(run.path()).expect("a run").quiet().resolution(17, 17);
    let counted = |output: &RegressionOutput| BatchLoss { mean: output.loss.clone(), samples: 200 };
    let mut study = opened.study_with(model, &batches(count), counted).expect("a study");
    study.default_slices().expect("slices");
    study.finish().expect("a landscape")
}

#[test]
fn what_is_interpolated_lies_as_close_to_the_exact_grid_as_it_says() {
    let mut cut_short = 0;
    // One batch cannot be left out in part, so that nodes are.
    for secs in [0.9, 1.2, 1.6, 2.4, 4.0] {
        let run = Run::new();
        let reading = Reading::new(even);
        let budget = Duration::from_secs_f64(secs);
        let (probe, model) = trained(builder(&run, &reading).budget(budget));
        let landscape = probe.finish_with(&model, &batches(1), |output| reading.read(output));
        let landscape = landscape.expect("a landscape");
        let exact = exact_losses(&run, &model, 1);
        for (slice, exact) in landscape.slices().iter().zip(exact.slices()) {
            assert_ne!(slice.slice.slice, exact.slice.slice, "slices of their own");
            let estimated = slice.estimated_error.expect("an estimate");
            let allowed = slice.slice.tolerance.expect("a tolerance")
                * exact.surface.range().expect("a range");
            let losses = slice.surface.losses().iter().zip(exact.surface.losses());
            let worst = losses.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst <= estimated.max(allowed), "{secs} s: {worst}, {estimated} were said");
            assert!(slice.surface.is_complete() && slice.surface.counts().interpolated > 0);
            cut_short += usize::from(estimated > allowed);
        }
    }
    assert!(cut_short > 0, "some were to be cut short");
}

/// Nodes take five times as long as the first ones did.
fn slower(number: usize) -> Duration {
    Duration::from_millis(if number < 60 { 2 } else { 10 })
}

#[test]
fn where_nodes_turn_out_slower_it_stops_in_time_says_so_and_goes_on_with_the_same_batches() {
    let run = Run::new();
    let reading = Reading::new(slower);
    let budget = Duration::from_secs(8);
    let (probe, model) = trained(builder(&run, &reading).agreement(2).budget(budget));
    let read = |output: &RegressionOutput| reading.read(output);
    let landscape = probe.finish_with(&model, &batches(12), read).expect("a landscape");
    let plan = landscape.plan().expect("a plan").clone();
    assert!(!plan.batches.is_empty(), "{plan:?}");
    let counts: Vec<usize> = landscape.slices().iter().map(measured).collect();
    assert!(counts[0].abs_diff(counts[1]) <= 36 && counts[0] < 289, "{counts:?}");
    let summary = landscape.summary();
    let last = summary.last().expect("a last line");
    let all = format!("Measured {} of 578 nodes", counts[0] + counts[1]);
    assert_names(
        last,
        &[&all, "not measured", "to go on", "resume()", "all of them on all batches: about"],
    );
    assert_names(&run.notes().join("\n"), &["by the time budget", last]);
    // Nothing is said of planes of which nothing is known.
    let [agreement] = landscape.studies() else { panic!("one study") };
    let is_known = |place: &usize| agreement.measures.values().any(|it| !it[*place].is_nan());
    let known = (0..agreement.slices.len()).filter(is_known).count();
    let few = format!("{known} planes are few");
    assert_eq!(agreement.sentences.iter().any(|it| it.contains(&few)), known > 1, "{known}");
    assert_eq!(agreement.sentences.is_empty(), known < 2);

    let before = told(&run);
    let free = Reading::new(even);
    let opened = burnscape::Run::open(run.path()).expect("a run").quiet().threads(2);
    let mut study = opened.study_with(&model, &batches(12), |it| free.read(it)).expect("a study");
    study.resume().expect("the rest");
    study.finish().expect("a landscape");
    let after = told(&run);
    assert!(before.iter().all(|(node, loss)| after.get(node) == Some(loss)));
    let again = Run::new();
    let (whole, _) = finished(&again, &Reading::new(even), 12, |it| it.agreement(2).plan(&plan));
    assert!(whole.slices().iter().all(|slice| slice.surface.is_complete()));
    assert_eq!(after, told(&again));
}

#[test]
fn everything_afterwards_is_a_slice_of_its_own_on_all_samples() {
    let run = Run::new();
    let reading = Reading::new(even);
    let (probe, model) = trained(builder(&run, &reading).budget(Duration::from_secs(4)));
    let read = |output: &RegressionOutput| reading.read(output);
    let landscape = probe.finish_with(&model, &batches(12), read).expect("a landscape");
    assert!(landscape.slices().iter().all(|slice| slice.slice.batches < 12));
    let exact = exact_losses(&run, &model, 12);
    let names: Vec<&str> = exact.slices().iter().map(|it| it.slice.name.as_str()).collect();
    assert_eq!(names[0], "pca 2");
    for slice in exact.slices() {
        assert_eq!((slice.slice.batches, slice.slice.samples), (12, 2400));
        assert_eq!(measured(slice), 289);
    }
    let whole = Run::new();
    let (at_once, _) = finished(&whole, &Reading::new(even), 12, ProbeBuilder::exact);
    for (slice, at_once) in exact.slices().iter().zip(at_once.slices()) {
        assert_eq!(slice.surface.losses(), at_once.surface.losses());
    }
}

#[test]
fn a_surface_cut_short_by_its_plan_is_no_complete_one() {
    let run = Run::new();
    let reading = Reading::new(even);
    let (probe, model) = trained(builder(&run, &reading).budget(Duration::from_secs_f64(0.9)));
    let read = |output: &RegressionOutput| reading.read(output);
    let landscape = probe.finish_with(&model, &batches(1), read).expect("a landscape");
    let plan = landscape.plan().expect("a plan");
    assert!(plan.most_nodes.is_some() && plan.tolerance.is_some(), "{plan:?}");
    let open = || burnscape::Run::open(run.path()).expect("a run").quiet();
    let mut study = open().study_with(&model, &batches(1), read).expect("a study");
    let slices = study.resume().expect("more nodes");
    assert_eq!(slices.len(), 2);
    for (slice, before) in slices.iter().zip(landscape.slices()) {
        assert!(measured(slice) > measured(before) && slice.surface.is_complete());
    }
    study.finish().expect("a landscape");
    let mut study = open().study_with(&model, &batches(1), read).expect("a study");
    assert!(study.resume().expect("nothing is left").is_empty());
    study.finish().expect("a landscape");
}

#[test]
fn samples_are_as_many_whole_batches_spread_evenly_as_hold_them() {
    let run = Run::new();
    let (landscape, _) = finished(&run, &Reading::new(even), 12, |it| it.agreement(0).samples(700));
    // 700 of 200 each are four batches: the middles of four quarters.
    let plan = landscape.plan().expect("a plan");
    assert_eq!((plan.batches.0.as_slice(), plan.of_batches), (&[1, 4, 7, 10][..], 12));
    assert!(landscape.slices().iter().all(|it| it.slice.samples == 800 && it.slice.batches == 4));
    assert!(landscape.slices().iter().all(|it| measured(it) == 289));
    // They are the losses of those batches alone.
    let some: Vec<Tensor<2>> = [1, 4, 7, 10].map(|place: usize| batches(12)[place].clone()).into();
    let alone = Run::new();
    let reading = Reading::new(even);
    let (probe, model) = trained(builder(&alone, &reading).agreement(0));
    let read = |output: &RegressionOutput| reading.read(output);
    let expected = probe.finish_with(&model, &some, read).expect("a landscape");
    for (slice, expected) in landscape.slices().iter().zip(expected.slices()) {
        assert_eq!(slice.surface.losses(), expected.surface.losses());
    }
    // Gone on with later, they are the same batches.
    let opened = burnscape::Run::open(run.path()).expect("a run").quiet();
    let mut study = opened.study_with(&model, &batches(12), read).expect("a study");
    assert!(study.resume().expect("nothing is left").is_empty());
    study.finish().expect("a landscape");
}
