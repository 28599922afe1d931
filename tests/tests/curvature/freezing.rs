//! Parts that are frozen and unfrozen while training goes on: curvature and random directions are those of what trains
//! at their moment.

use burn::module::Module;
use burn::optim::SgdConfig;
use burn::tensor::DType;
use burn::train::TrainStep;
use burnscape::trace::{Frozen, Record, Slice};
use burnscape::{
    AlertRules, Direction, LiveCurvature, Point, Probe, ProbeBuilder, SharpnessSpec, SliceSpec,
};
use burnscape_trace::record;
use nalgebra::{DMatrix, SymmetricEigen};

use super::models::{HIDDEN, INPUTS, TanhNet, batches, rows};
use super::support::Run;

/// Steps so short that the Hessian stays what it was.
const LR: f64 = 1e-9;
/// What eigenvalues may change by that.
const MOVED: f64 = 1e-6;

/// Which of the two matrices are frozen.
type Flags = [bool; 2];

/// The largest eigenvalue of the Hessian of what trains, by hand.
fn largest(frozen: Flags) -> f64 {
    let whole = TanhNet::hessian(&rows(8));
    let (first, all) = (INPUTS * HIDDEN, INPUTS * HIDDEN + HIDDEN);
    let range = match frozen {
        [true, _] => first..all,
        [_, true] => 0..first,
        _ => 0..all,
    };
    let part: DMatrix<f64> =
        whole.view((range.start, range.start), (range.len(), range.len())).into_owned();
    SymmetricEigen::new(part).eigenvalues.max()
}

fn freeze(mut net: TanhNet, [first, second]: Flags) -> TanhNet {
    net.first = net.first.set_require_grad(!first);
    net.second = net.second.set_require_grad(!second);
    net
}

/// One entry per step: drawn by a generator of one's own.
fn drawn(seed: u64, steps: usize) -> Vec<Flags> {
    const FLAGS: [Flags; 3] = [[false, false], [true, false], [false, true]];
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut roll = |sides: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) % sides
    };
    let mut now = FLAGS[roll(3) as usize];
    let mut next = || {
        if roll(3) == 0 {
            now = FLAGS[roll(3) as usize];
        }
        now
    };
    (0..steps).map(|_| next()).collect()
}

fn builder(run: &Run) -> ProbeBuilder {
    run.builder().alerts(AlertRules::none()).snapshot_every_steps(1)
}

/// Trains with these flags at its steps, a gauge before each.
fn train(probe: &Probe, net: TanhNet, flags: &[Flags]) -> TanhNet {
    train_at(LR, probe, net, flags)
}

fn train_at(lr: f64, probe: &Probe, mut net: TanhNet, flags: &[Flags]) -> TanhNet {
    let batch = batches(&[8], DType::F64);
    let gauge = LiveCurvature::new().every_steps(1).tolerance(1e-4);
    let watched = probe.watch(net.clone());
    let mut model = probe.curvature(watched, batch.clone(), gauge).expect("a gauge");
    let mut optim = SgdConfig::new().init();
    for &now in flags {
        let mut freezer = Freezer(now, 0);
        model = model.map(&mut freezer);
        let output = TrainStep::step(&model, batch[0].clone());
        model = model.optimize(&mut optim, lr.into(), output.grads);
    }
    net = model.into_inner();
    net
}

/// Sets the flags of a watched model.
struct Freezer(Flags, usize);

impl burn::module::ModuleMapper for Freezer {
    fn map_float<const D: usize>(
        &mut self,
        param: burn::module::Param<burn::tensor::Tensor<D>>,
    ) -> burn::module::Param<burn::tensor::Tensor<D>> {
        let trains = !self.0[self.1];
        self.1 += 1;
        param.set_require_grad(trains)
    }
}

fn told(run: &Run) -> Vec<Frozen> {
    let frozen = |record| match record {
        Record::Frozen(frozen) => Some(frozen),
        _ => None,
    };
    run.records().into_iter().filter_map(frozen).collect()
}

/// The changes that these flags make.
fn changes(flags: &[Flags], first_step: u64) -> Vec<Frozen> {
    let steps = flags.windows(2).zip(first_step + 1..);
    let changes = steps.filter(|(two, _)| two[0] != two[1]).map(|(two, step)| {
        let blocks = (0..).zip(two[1]).filter(|(_, frozen)| *frozen).map(|(block, _)| block);
        record!(Frozen { step, blocks: blocks.collect() })
    });
    changes.collect()
}

fn is_close(found: f64, error: f64, flags: Flags) -> bool {
    (found - largest(flags)).abs() <= error + MOVED
}

#[test]
fn curvature_and_random_directions_are_those_of_what_trains_at_their_moment() {
    for seed in 0..8 {
        let run = Run::new();
        let flags = drawn(seed, 12);
        let probe = builder(&run).start().expect("a probe");
        let net = train(&probe, freeze(TanhNet::new(DType::F64), flags[0]), &flags);
        let batch = batches(&[8], DType::F64);
        let mut study = probe.study(&net, &batch).expect("a study");
        let mut moments = vec![(Point::Final, flags[11])];
        // A snapshot is of the step before it, the first of the beginning.
        let at = |steps: usize| flags[steps.saturating_sub(1)];
        moments.extend([0, 3, 6, 9].map(|steps| (Point::Snapshot(steps as u64), at(steps))));
        for (number, (point, expected)) in moments.iter().enumerate() {
            let spec = SharpnessSpec::top(1).tolerance(1e-6).centre(point.clone());
            let found = study.sharpness(&spec, &batch).expect("sharpness").record;
            let (value, error) = (found.largest[0], found.largest_error[0]);
            assert!(is_close(value, error, *expected), "{seed} {point:?} {expected:?}: {found:?}");
            let has_changed = flags.windows(2).any(|two| two[0] != two[1]);
            let says = found.sentences.iter().any(|it| it.contains("What is frozen changed"));
            assert_eq!(says, has_changed, "{:?}", found.sentences);
            let spec = SliceSpec::line(Direction::random())
                .centre(point.clone())
                .name(format!("random {number}"));
            let slice: Slice = study.slice(&spec).expect("a slice").slice;
            for shares in &slice.shares {
                let stays: Vec<bool> = shares.iter().map(|share| *share == 0.0).collect();
                assert_eq!(stays, *expected, "{seed} {point:?}: {shares:?}");
            }
        }
        assert_eq!(study.finish().expect("a landscape").problems(), [""; 0]);
        assert_eq!(told(&run), changes(&flags, 0), "{seed}: {flags:?}");
        let live = run.curvatures().into_iter().filter(|it| it.reason == "live");
        let live: Vec<_> = live.collect();
        assert_eq!(live.len(), 12);
        for (step, found) in live.iter().enumerate() {
            let (value, error) = (found.largest[0], found.largest_error[0]);
            assert!(is_close(value, error, flags[step]), "{seed} step {step}: {found:?}");
        }
    }
}

#[test]
fn a_run_goes_on_with_other_parts_frozen_and_is_the_same_model() {
    let run = Run::new();
    let before = [[true, false]; 3];
    let after = [[false, false], [false, true], [false, true]];
    let batch = batches(&[8], DType::F64);
    let probe = builder(&run).start().expect("a probe");
    let net = train(&probe, freeze(TanhNet::new(DType::F64), before[0]), &before);
    assert_eq!(probe.close().expect("closed").problems(), [""; 0]);
    let probe = builder(&run).resume().start().expect("a probe");
    let net = train(&probe, freeze(net, after[0]), &after);
    assert_eq!(probe.close().expect("closed").problems(), [""; 0]);
    let all = [&before[..], &after[..]].concat();
    assert_eq!(told(&run), changes(&all, 0));

    // In another process the run itself says what was frozen when.
    let opened = burnscape::Run::open(run.path()).expect("a run").quiet().resolution(5, 5);
    let mut study = opened.study(&freeze(net, [false, false]), &batch).expect("a study");
    for (point, expected) in [(Point::Final, after[2]), (Point::Snapshot(2), before[0])] {
        let spec = SharpnessSpec::top(1).tolerance(1e-6).centre(point.clone());
        let found = study.sharpness(&spec, &batch).expect("sharpness").record;
        assert!(is_close(found.largest[0], found.largest_error[0], expected), "{point:?}");
    }
    study.finish().expect("a landscape");
}

#[test]
fn parts_that_freeze_for_five_steps_and_train_again_raise_no_alert() {
    let [none, first, second] = [[false, false], [true, false], [false, true]];
    let courses =
        [[none, first, none], [none, second, none], [first, none, first], [first, second, none]];
    for course in courses {
        let run = Run::new();
        let flags: Vec<Flags> = course.iter().flat_map(|now| [*now; 5]).collect();
        // Far from the edge, as λ is 1.3 at most, and far from standing still.
        let probe = run.builder().start().expect("a probe");
        train_at(0.05, &probe, freeze(TanhNet::new(DType::F64), flags[0]), &flags);
        probe.close().expect("closed");
        let alerts = run.records().into_iter().filter(|it| matches!(it, Record::Alert(_)));
        assert_eq!(alerts.collect::<Vec<_>>(), [], "{course:?}");
        assert_eq!(told(&run), changes(&flags, 0), "{course:?}");
    }
}
