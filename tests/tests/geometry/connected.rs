//! Bent paths between models: found where they are known, far below the line where they are not, stopped and gone on with;
//! and lines that are stopped.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Tensor, activation};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::trace::{Record, StudyKind};
use burnscape::{
    BatchLoss, BentPath, BentPathSpec, Comparison, Error, Point, Run as Recorded, Runs, Stopper,
};
use burnscape_tests::weights::drawn;

use super::models::param;
use super::support::{
    Run, assert_close, assert_names, batch, device, epoch, training_batch, wave_rows,
};

thread_local! {
    /// Steps of training that are left until somebody asks to stop.
    static LEFT: RefCell<Option<(usize, Stopper)>> = const { RefCell::new(None) };
}

/// Asks to stop in the middle of a training, once so many steps were taken.
fn count_step() {
    LEFT.with_borrow_mut(|left| {
        if let Some((count, stopper)) = left {
            *count = count.saturating_sub(1);
            if *count == 0 {
                stopper.stop();
            }
        }
    });
}

/// Gives a model with a method `output` both of burn's steps.
macro_rules! steps {
    ($model:ty) => {
        impl TrainStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
                count_step();
                let output = self.output(rows);
                TrainOutput::new(self, output.loss.backward(), output)
            }
        }

        impl InferenceStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, rows: Tensor<2>) -> RegressionOutput {
                self.output(rows)
            }
        }
    };
}

/// How far the parabola of [`Valley`] reaches from the line.
const HEIGHT: f64 = 0.75;

/// (y − height·(1 − x²))² at a point: both ends of a valley along a parabola are minima, and a ridge lies between them.
#[derive(Module, Debug)]
struct Valley {
    point: Param<Tensor<2>>,
}

impl Valley {
    fn at(point: [f32; 2]) -> Self {
        Self { point: param(point.to_vec(), [1, 2], &device()) }
    }

    /// The mean over samples is the height; each has its own share of it.
    fn output(&self, shares: Tensor<2>) -> RegressionOutput {
        let [count, _] = shares.dims();
        let point = self.point.val().repeat_dim(0, count);
        let (x, y) = (point.clone().slice([0..count, 0..1]), point.slice([0..count, 1..2]));
        let over = y - (x.clone() * x).mul_scalar(-HEIGHT).add_scalar(HEIGHT);
        let loss = (over.clone() * over.clone() * shares.clone()).mean();
        RegressionOutput::new(loss, over, shares)
    }
}

steps!(Valley);

fn valley([x, y]: [f64; 2]) -> f64 {
    (y - HEIGHT * (1.0 - x * x)).powi(2)
}

/// A run that begins and ends at these points.
fn from_to(from: [f32; 2], to: [f32; 2]) -> Run {
    let run = Run::new();
    let probe = run.probe();
    let mut observer = probe.observe();
    let no_update = burn::optim::GradientsParams::new();
    let end = observer.update(1.0, Valley::at(from), no_update, |model, _| {
        let point = Valley::at(to).point.val();
        Valley { point: model.point.map(|_| point) }
    });
    observer.epoch_done(&end);
    probe.close().expect("an end");
    run
}

fn opened(runs: &[&Run]) -> Runs {
    let runs = Runs::open(runs.iter().map(|run| run.path())).expect("runs that fit");
    runs.set(|run| run.resolution(9, 7).quiet().stop_on_interrupt(false))
}

fn ends<M>(comparison: &Comparison<'_, M>) -> [Point; 2]
where
    M: InferenceStep<Input = Tensor<2>> + Module,
{
    let last = |place| comparison.runs().iter().nth(place).expect("a run").last();
    [last(0), last(1)]
}

/// A comparison of two runs that end in the valley, and what is to be done with it.
fn across_the_ridge<T>(
    check: impl FnOnce(&mut Comparison<'_, Valley>, &[Point; 2]) -> T,
) -> (Run, T) {
    let [left, right] = [from_to([0.0, 2.0], [-1.0, 0.0]), from_to([0.0, 2.0], [1.0, 0.0])];
    let runs = opened(&[&left, &right]);
    let comparison = Run::new();
    let shares = vec![batch(&[[0.5], [1.5]]), batch(&[[1.0], [1.0]])];
    let mut several =
        runs.study(comparison.path(), &Valley::at([0.0, 0.0]), &shares).expect("a study");
    let ends = ends(&several);
    let found = check(&mut several, &ends);
    several.finish().expect("an end");
    (comparison, found)
}

fn shares() -> Vec<Tensor<2>> {
    vec![training_batch(&[[0.5], [1.5]]), training_batch(&[[2.0], [0.0]]), training_batch(&[[1.0]])]
}

fn spec() -> BentPathSpec {
    BentPathSpec::new().steps(1200).rate(0.1)
}

/// Over (0, 2·height) the curve is y = height·(1 − x²), the floor of the valley, on which the loss is 0.
#[test]
fn the_bend_over_a_ridge_is_found_and_drawn_in_the_plane_of_both_ends() {
    let (run, path) = across_the_ridge(|several, [a, b]| {
        several.connect_with(a, b, &shares(), &spec()).expect("a path")
    });
    assert_eq!((path.steps, path.curve[0].1.losses.len()), (1200, 25));
    assert!(path.highest() < 1e-6, "{}", path.highest());
    assert_close(path.highest_on_line(), valley([0.0, 0.0]), 10.0, "the ridge");
    assert_close(path.line[0].1.height, HEIGHT * HEIGHT, 10.0, "the barrier");
    let surface = path.surface.as_ref().expect("a plane");
    let drawn = run.trajectory("bent path, run to run 2");
    assert!(drawn.snapshots.is_empty() && drawn.x.len() == 25);
    let slice = run.slice("bent path, run to run 2");
    assert_eq!(
        (slice.centre.as_str(), slice.x.label.as_str()),
        ("the end of run", "to the end of run 2")
    );
    for k in 0..25 {
        let t = k as f64 / 24.0;
        // In units of the line, which is 2 long: from (−1, 0) over (0, 2·height) to (1, 0).
        assert!((drawn.x[k] - t).abs() < 1e-3, "{}", drawn.x[k]);
        assert!((drawn.y[k].abs() - 2.0 * t * (1.0 - t) * HEIGHT).abs() < 1e-3, "{}", drawn.y[k]);
    }
    let upwards = drawn.y[12].signum();
    for node in 0..surface.surface.grid().len() {
        let (x, y) = surface.surface.grid().coordinates(node);
        let loss = surface.surface.losses()[node];
        let expected = valley([2.0 * x - 1.0, 2.0 * upwards * y]);
        assert!((loss - expected).abs() < 1e-5 * (1.0 + expected), "{loss}, by hand {expected}");
    }
    assert_names(&path.sentences.join(" "), &["the end of run 2", "1200 steps", "straight line"]);
    let is_told = |total: u64| {
        let told = |it: &Record| matches!(it, Record::Progress(it) if (it.done, it.total) == (total, total));
        run.records().iter().any(told)
    };
    assert!(is_told(1200) && is_told(25), "steps and nodes are told as they are done");
    let told = run.records().into_iter().find_map(|record| match record {
        Record::Study(it) if it.kind == StudyKind::BentPath && !it.sentences.is_empty() => Some(it),
        _ => None,
    });
    let told = told.expect("a study");
    assert_eq!(told.measures["highest"].0, [path.highest()]);
    assert_eq!(told.measures["highest_on_line"].0, [path.highest_on_line()]);
}

#[test]
fn a_path_that_was_stopped_goes_on_to_the_bit_and_says_how_far_it_came() {
    let (_, whole) = across_the_ridge(|several, [a, b]| {
        several.connect_with(a, b, &shares(), &spec()).expect("a path")
    });
    for steps in [1, 77, 1199] {
        let (run, path) = across_the_ridge(|several, [a, b]| {
            LEFT.set(Some((steps, several.study().stopper())));
            let part = several.connect_with(a, b, &shares(), &spec()).expect("what there is");
            LEFT.set(None);
            assert_eq!(part.steps, steps);
            assert!(part.curve.is_empty() && part.surface.is_none() && part.highest().is_nan());
            let said = format!("{steps} of 1200 steps");
            assert_names(&part.sentences.join(" "), &["not measured", &said]);
            // Nobody has lifted the stop.
            let still = several.connect_with(a, b, &shares(), &spec()).expect("no more");
            assert_eq!(still.steps, steps);
            several.study().resume().expect("nothing else was stopped");
            several.connect_with(a, b, &shares(), &spec()).expect("a path")
        });
        assert_eq!(losses(&path), losses(&whole), "stopped after {steps}");
        assert_names(&run.notes().join(" "), &["bent path", "because the program asked"]);
    }
}

/// A bend that another process trained for a while is taken up from the file that it was kept in.
#[test]
fn a_bend_that_was_kept_goes_on_in_another_comparison() {
    let (_, whole) = across_the_ridge(|several, [a, b]| {
        several.connect_with(a, b, &shares(), &spec()).expect("a path")
    });
    let (stopped, _) = across_the_ridge(|several, [a, b]| {
        LEFT.set(Some((300, several.study().stopper())));
        several.connect_with(a, b, &shares(), &spec()).expect("what there is");
        LEFT.set(None);
    });
    let (_, path) = across_the_ridge(|several, [a, b]| {
        let spec = spec().resume_from(stopped.path());
        LEFT.set(Some((900 + 1, several.study().stopper())));
        let path = several.connect_with(a, b, &shares(), &spec).expect("a path");
        LEFT.set(None);
        let other = several.connect_with(b, a, &shares(), &spec).expect_err("other ends");
        assert_names(&other.to_string(), &["resume_from", "the same two models"]);
        let faster = several.connect_with(a, b, &shares(), &spec.clone().rate(0.2));
        let faster = faster.expect_err("another rate");
        assert_names(&faster.to_string(), &["resume_from", "rate and momentum"]);
        path
    });
    assert_eq!(losses(&path), losses(&whole));
}

fn losses(path: &BentPath) -> Vec<u64> {
    let (curve, line) = (&path.curve[0].1.losses, &path.line[0].1.losses);
    curve.iter().chain(line).map(|loss| loss.to_bits()).collect()
}

#[test]
fn what_makes_no_path_is_said() {
    across_the_ridge(|several, [a, b]| {
        let same = several.connect(a, a, &shares()).expect("an answer");
        assert_names(&same.sentences.join(" "), &["the same weights"]);
        let far = several.connect_with(a, b, &shares(), &spec().rate(1e30)).expect_err("no path");
        assert!(matches!(far, Error::BendDiverged { .. }), "{far}");
        let none: &[Tensor<2>] = &[];
        let empty = several.connect(a, b, none).expect_err("no path");
        assert!(matches!(empty, Error::NoBatches), "{empty}");
        for wrong in [spec().steps(0), spec().rate(f64::NAN), spec().momentum(1.0)] {
            let refused = several.connect_with(a, b, &shares(), &wrong).expect_err("no path");
            assert!(matches!(refused, Error::Setting { .. }), "{refused}");
        }
    });
}

#[derive(Module, Debug)]
struct Perceptron {
    fc1: Linear,
    norm: Option<BatchNorm>,
    fc2: Linear,
}

impl Perceptron {
    fn new(has_norm: bool) -> Self {
        let device = device();
        Self {
            fc1: LinearConfig::new(2, 12).init(&device),
            norm: has_norm.then(|| BatchNormConfig::new(12).init(&device)),
            fc2: LinearConfig::new(12, 1).init(&device),
        }
    }

    /// The last column is the target.
    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let [count, _] = rows.dims();
        let x = self.fc1.forward(rows.clone().slice([0..count, 0..2]));
        let x = match &self.norm {
            Some(norm) => norm.forward(x),
            None => x,
        };
        let found = self.fc2.forward(activation::tanh(x));
        let targets = rows.slice([0..count, 2..3]);
        let loss = (found.clone() - targets.clone()).powi_scalar(2).mean();
        RegressionOutput::new(loss, found, targets)
    }
}

steps!(Perceptron);

/// x·y at 32 places: no linear function, so that hidden units matter.
fn products() -> Vec<[f32; 3]> {
    let places = wave_rows::<2>(32, 0.4);
    places.into_iter().map(|[x, y]| [2.0 * x, 2.0 * y, 4.0 * x * y]).collect()
}

/// A training from a seed.
fn learnt(has_norm: bool, seed: u64) -> Run {
    let run = Run::new();
    let probe = run.probe();
    let mut model = probe.watch(drawn(Perceptron::new(has_norm), seed));
    for _ in 0..4 {
        model = epoch(model, 0.1, 150, &training_batch(&products()));
    }
    probe.close().expect("an end");
    run
}

fn between_seeds(has_norm: bool, check: impl FnOnce(&mut Comparison<'_, Perceptron>, &[Point; 2])) {
    let [first, second] = [learnt(has_norm, 1), learnt(has_norm, 2)];
    let runs = opened(&[&first, &second]);
    let comparison = Run::new();
    let rows = products();
    let batches = vec![batch(&rows[..16]), batch(&rows[16..])];
    let model = Perceptron::new(has_norm);
    let mut several = runs.study(comparison.path(), &model, &batches).expect("a study");
    let ends = ends(&several);
    check(&mut several, &ends);
    several.finish().expect("an end");
}

#[test]
fn between_two_seeds_a_perceptron_stays_far_lower_on_the_bent_path() {
    between_seeds(false, |several, [a, b]| {
        let batches = vec![training_batch(&products())];
        let spec = BentPathSpec::new().steps(1500).rate(0.05);
        let path = several.connect_with(a, b, &batches, &spec).expect("a path");
        let (curve, line) = (path.curve[0].1.height, path.line[0].1.height);
        assert!(line > 0.05 && curve < 0.2 * line, "{curve} beside {line}");
        assert!(path.highest() < path.highest_on_line());
    });
}

/// The loss at a node of the path is that of the model there with its statistics recomputed, measured as the end of a
/// line.
#[test]
fn statistics_of_batchnorm_are_recomputed_along_the_path() {
    between_seeds(true, |several, [a, b]| {
        let batches = vec![training_batch(&products())];
        let spec = BentPathSpec::new().steps(300).rate(0.02).nodes(5);
        let path = several.connect_with(a, b, &batches, &spec).expect("a path");
        assert_names(&path.sentences.join(" "), &["recomputed at every node"]);
        for (node, t) in [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)] {
            let other = if node == 4 { a } else { b };
            let line = several.barrier_at(&path.at(t), other, 3).expect("a line");
            let recomputed = &line.lines[1].loss().losses;
            let found = path.curve[0].1.losses[node];
            assert!((recomputed[0] - found).abs() < 1e-6 * found.abs().max(1e-3), "{node}");
        }
        let bent = several.barrier_at(&path.bend, a, 3).expect("a line");
        assert!(bent.distance > 0.0);
    });
}

/// A quantity that asks to stop once it was read so many times.
#[derive(Default)]
struct Countdown {
    left: AtomicUsize,
    stopper: OnceLock<Stopper>,
}

impl Countdown {
    fn read(&self, output: &RegressionOutput) -> BatchLoss {
        if let Some(stopper) = self.stopper.get()
            && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            stopper.stop();
        }
        BatchLoss { mean: output.loss.clone(), samples: output.targets.dims()[0] }
    }
}

/// Nodes of the first line that the trace tells.
fn told(run: &Run) -> usize {
    let line = run.slice("run to run 2").slice;
    let nodes = run.records().into_iter().filter_map(|record| match record {
        Record::Nodes(nodes) if nodes.slice == line => Some(nodes.index.len()),
        _ => None,
    });
    nodes.sum()
}

#[test]
fn a_line_that_is_stopped_tells_the_barrier_of_what_was_measured() {
    let mut measured = Vec::new();
    for moment in 1..30 {
        let (run, ()) = across_the_ridge(|several, [a, b]| {
            let countdown = Arc::new(Countdown { left: moment.into(), ..Countdown::default() });
            let _ = countdown.stopper.set(several.study().stopper());
            let counted = countdown.clone();
            several.study().measure("again", move |output| counted.read(output));
            let part = several.barrier_at(a, b, 9).expect("what there is");
            let said = part.sentences.join(" ");
            let known = part.lines.first().map_or(0, |line| line.loss().losses.len());
            measured.push(known);
            assert!(known != 1 && said.contains("not measured") == (known < 9), "{said}");
            if known > 2 {
                // Halves come first: the middle of the ridge.
                assert_close(part.lowest(), HEIGHT * HEIGHT, 10.0, "the barrier");
            }
            countdown.left.store(0, Ordering::Relaxed);
            several.study().resume().expect("an answer");
            let whole = several.barrier_at(a, b, 9).expect("a line");
            assert_eq!(whole.lines[0].loss().losses.len(), 9);
        });
        let told = told(&run);
        let known = *measured.last().expect("a number");
        assert!(told == known || (known == 0 && told <= 1), "{told} told, {known} known");
        // Another study has nothing to go on with.
        let again = Recorded::open(run.path()).expect("a run").quiet();
        let mut study =
            again.study(&Valley::at([0.0, 0.0]), &vec![batch(&[[1.0]])]).expect("a study");
        assert!(study.resume().expect("an answer").is_empty());
        study.finish().expect("an end");
    }
    assert!(
        measured.contains(&0) && measured.contains(&5) && measured.contains(&9),
        "{measured:?}"
    );
}
