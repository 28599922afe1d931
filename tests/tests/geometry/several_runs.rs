//! Several runs beside each other: one plane for all, lines between their models, swapped units, and runs that do not fit.

use burn::module::{Module, Param, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Int, Tensor, TensorData, activation};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::geometry::alignment::Wiring;
use burnscape::geometry::layout::Layout;
use burnscape::trace::{Record, RunFolder, StudyKind, Writer};
use burnscape::{Comparison, Error, Point, Probe, Runs};
use burnscape_tests::weights::drawn;

use super::models::{Walker, walk};
use super::support::{
    Run, assert_close, assert_names, batch, device, epoch, tensors_in, training_batch, wave_rows,
};

/// A walk that is recorded as a run.
fn walked(path: &[[f32; 3]]) -> Run {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, path);
    end(probe, &walker, &[batch(&[path[0]])]);
    run
}

/// Ends a run without measuring anything.
fn end<M>(probe: Probe, model: &burnscape::Watched<M>, batches: &[Tensor<2>])
where
    M: InferenceStep<Input = Tensor<2>> + Module,
{
    // A model that is not finite has no study; its run ends all the same.
    let _ = probe.study(model, batches).and_then(burnscape::Study::finish);
}

fn opened(runs: &[&Run]) -> Runs {
    let runs = Runs::open(runs.iter().map(|run| run.path())).expect("runs that fit");
    runs.set(|run| run.resolution(7, 5).quiet().stop_on_interrupt(false))
}

const SAMPLES: [[f32; 3]; 2] = [[1.0, 0.5, -0.25], [0.5, -1.0, 2.0]];

/// Mean over the samples of ½‖point − sample‖².
fn bowl(point: &[f64]) -> f64 {
    let square = |sample: &[f32; 3]| -> f64 {
        point.iter().zip(sample).map(|(p, s)| (p - f64::from(*s)).powi(2)).sum()
    };
    0.5 * SAMPLES.iter().map(square).sum::<f64>() / SAMPLES.len() as f64
}

#[test]
fn the_joint_plane_of_a_quadratic_is_its_paraboloid_with_the_paths_of_all_runs() {
    let start = [0.25, -0.5, 0.75];
    let [right, up] = [
        walked(&[start, [1.0, -0.5, 0.75], [2.0, -0.25, 0.75]]),
        walked(&[start, [0.25, 0.5, 0.5], [0.0, 1.0, 0.75], [0.25, 2.0, 1.0]]),
    ];
    let comparison = Run::new();
    let runs = opened(&[&right, &up]);
    let batches = vec![batch(&SAMPLES)];
    let mut several =
        runs.study(comparison.path(), &Walker::at(&start), &batches).expect("a study");
    let plane = several.joint_plane().expect("a plane");
    several.finish().expect("an end");

    let file = comparison.slice("joint plane").directions.expect("a file");
    let tensors = tensors_in(&comparison.path().join(file));
    let vector = |name: &str| tensors[name].1.iter().map(|it| f64::from(*it)).collect::<Vec<_>>();
    let [centre, d1, d2] = ["centre", "d1", "d2"].map(vector);
    // Each run counts the same: the mean of the means.
    let mean = [(0.25 + 1.0 + 2.0) / 6.0 + (0.25 + 0.25 + 0.0 + 0.25) / 8.0];
    assert_close(centre[0], mean[0], 1.0, "the common mean");
    for node in comparison.nodes("joint plane") {
        let at = |k: usize| centre[k] + node.alpha * d1[k] + node.beta * d2[k];
        assert_close(node.loss, bowl(&[at(0), at(1), at(2)]), 10.0, "a node");
    }
    let path = comparison.trajectory("joint plane");
    assert_eq!((path.x.len(), path.starts.0.clone()), (7, vec![0, 3]));
    // Both began at one point, and are drawn from it.
    assert_eq!((path.x[0], path.y[0]), (path.x[3], path.y[3]));
    assert_eq!(plane.joint.runs.len(), 2);
    assert_names(
        &plane.sentences.join(" "),
        &["each run counts the same", "began at the very weights", "1 minimum"],
    );
}

#[test]
fn a_joint_plane_that_was_stopped_concludes_the_same_once_it_is_gone_on_with() {
    let runs =
        [walked(&[[0.0; 3], [1.0, 0.0, 0.0]]), walked(&[[0.5; 3], [1.0, 1.0, 0.0], [2.0; 3]])];
    let concluded = |is_stopped: bool| {
        let comparison = Run::new();
        let batches = vec![batch(&SAMPLES)];
        let opened = opened(&[&runs[0], &runs[1]]);
        let mut several =
            opened.study(comparison.path(), &Walker::at(&[0.0; 3]), &batches).expect("a study");
        if is_stopped {
            several.study().stopper().stop();
        }
        let plane = several.joint_plane().expect("a plane, whole or in part");
        assert_eq!(plane.surface.surface.is_complete(), !is_stopped);
        several.study().resume().expect("the rest");
        several.finish().expect("an end");
        let study = comparison.records().into_iter().rev().find_map(|record| match record {
            Record::Study(study) => Some(study),
            _ => None,
        });
        let study = study.expect("a study");
        (study.measures, study.sentences)
    };
    assert_eq!(concluded(true), concluded(false));
}

#[test]
fn a_comparison_names_its_runs_and_is_a_run_that_every_reader_reads() {
    let runs =
        [walked(&[[0.0; 3], [1.0, 0.0, 0.0]]), walked(&[[0.5; 3], [1.0, 1.0, 0.0], [2.0; 3]])];
    let comparison = Run::new();
    let opened = opened(&[&runs[0], &runs[1]]);
    let (a, b) =
        (opened.iter().next().expect("a run").last(), opened.iter().nth(1).expect("a run").last());
    assert_eq!((a.clone(), b.clone()), (Point::Snapshot(1), Point::Snapshot(4)));
    let batches = vec![batch(&SAMPLES)];
    let mut several =
        opened.study(comparison.path(), &Walker::at(&[0.0; 3]), &batches).expect("a study");
    let line = several.barrier(&a, &b).expect("a line");
    several.finish().expect("an end");

    let told = comparison.records().into_iter().find_map(|record| match record {
        Record::Runs(runs) => Some(runs.runs),
        _ => None,
    });
    for (told, run) in told.expect("the runs").iter().zip(&runs) {
        assert_eq!(told.run_id, run.head().run_id);
        let way = comparison.path().join(&told.path);
        assert_eq!(way.canonicalize().unwrap(), run.path().canonicalize().unwrap());
    }
    let snapshots = comparison.snapshots();
    assert_eq!(
        snapshots.iter().map(|it| it.run).collect::<Vec<_>>(),
        [Some(0), Some(0), Some(1), Some(1), Some(1)]
    );
    for (number, snapshot) in [(0, 0), (4, 2)] {
        let own = runs[usize::from(number > 1)].snapshot(snapshot);
        assert_eq!(comparison.snapshot(number), own);
    }
    // A quadratic, by hand at every node.
    assert_eq!(line.lines.len(), 1);
    let surface = &line.lines[0].surface.surface;
    assert_eq!(surface.grid().len(), 25);
    for (node, &loss) in surface.losses().iter().enumerate() {
        let (lambda, _) = surface.grid().coordinates(node);
        let at = |k: usize| (1.0 - lambda) * [1.0, 0.0, 0.0][k] + lambda * 2.0;
        assert_close(loss, bowl(&[at(0), at(1), at(2)]), 10.0, "a node");
    }
    assert!(line.lowest() <= 1e-6, "{}", line.lowest());
    let study = comparison.records().into_iter().rev().find_map(|record| match record {
        Record::Study(study) => Some(study),
        _ => None,
    });
    let study = study.expect("a study");
    assert_eq!((study.kind, study.measures["barrier"].len()), (StudyKind::Barrier, 1));
}

#[test]
fn runs_that_do_not_fit_are_left_out_with_the_reason() {
    let good = walked(&[[0.0; 3], [1.0, 0.0, 0.0]]);
    let other = walked(&[[0.5; 3], [1.0, 1.0, 0.0]]);
    let wide = Run::new();
    let probe = wide.probe();
    let walker = walk(&probe, &[[0.0; 4], [1.0; 4]]);
    end(probe, &walker, &[batch(&[[0.0; 4]])]);
    let diverged = walked(&[[0.5; 3], [1.0; 3], [f32::NAN; 3]]);
    let lost = walked(&[[0.5; 3], [f32::INFINITY; 3]]);
    let living = without_end(&other);
    let missing = good.path().join("nowhere");
    let all = [&good, &other, &wide, &diverged, &lost, &living, &good].map(Run::path);
    let runs = Runs::open(all.iter().chain([&missing])).expect("some that fit");
    assert_eq!(runs.iter().len(), 4);
    let left_out = runs.left_out();
    assert_eq!(left_out.len(), 4, "{left_out:?}");
    assert_names(&left_out[0], &["structure is another", "point"]);
    assert_names(&left_out[1], &["two finite snapshots, and it has 1"]);
    assert_names(&left_out[2], &["the same run as", "twice"]);
    let remarks: Vec<String> = runs.iter().flat_map(|run| run.remarks().to_vec()).collect();
    assert_names(&remarks.join(" "), &["diverged", "no end"]);
    let too_few = Runs::open([good.path(), wide.path()]).expect_err("only one fits");
    assert!(matches!(too_few, Error::NothingToCompare { fit: 1, .. }), "{too_few}");
}

#[test]
fn what_is_damaged_of_a_run_is_left_out_and_the_rest_compared() {
    let path = [[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [3.0, 1.0, 0.0]];
    let whole = walked(&path.map(|[x, y, z]| [x, y + 1.0, z]));
    let [cut, gone, scarred] = [walked(&path), walked(&path), walked(&path)];
    let files =
        |run: &Run| run.snapshots().iter().map(|it| run.path().join(&it.file)).collect::<Vec<_>>();
    let bytes = std::fs::read(&files(&cut)[1]).expect("a snapshot");
    std::fs::write(&files(&cut)[1], &bytes[..bytes.len() - 3]).expect("a shorter one");
    files(&gone)[1..].iter().for_each(|file| std::fs::remove_file(file).unwrap_or_default());
    let trace = scarred.path().join("trace.cbor");
    let mut bytes = std::fs::read(&trace).expect("a trace");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
    std::fs::write(&trace, bytes).expect("a damaged trace");
    let runs = opened(&[&whole, &cut, &gone, &scarred]);
    assert_eq!(runs.left_out().len(), 1, "{:?}", runs.left_out());
    assert_names(&runs.left_out()[0], &["two finite snapshots, and it has 1", "cannot be read"]);
    let [_, cut, scarred] = &runs.iter().collect::<Vec<_>>()[..] else { panic!("three runs") };
    assert_names(&cut.remarks().join(" "), &["Snapshot 1 cannot be read", "bytes"]);
    assert_names(&scarred.remarks().join(" "), &["damaged in 1 place"]);
    let left = cut.points().len();
    let comparison = Run::new();
    let batches = vec![batch(&SAMPLES)];
    let mut several =
        runs.study(comparison.path(), &Walker::at(&[0.0; 3]), &batches).expect("a study");
    let plane = several.joint_plane().expect("a plane");
    several.finish().expect("an end");
    assert_eq!(plane.surface.trajectory.runs()[1].len(), left);
    // What is known of a run stands in the comparison too.
    assert_names(&comparison.notes().join(" "), &["Snapshot 1 cannot be read", "Left out"]);
}

#[test]
fn a_run_of_another_element_type_is_left_out() {
    let single = walked(&[[0.0; 3], [1.0, 0.0, 0.0]]);
    let other = walked(&[[0.5; 3], [1.0, 1.0, 0.0]]);
    let double = Run::new();
    let probe = double.probe();
    let mut walker = Walker::at(&[0.0; 3]);
    walker.point = walker.point.map(|it| it.cast(DType::F64).detach());
    let mut observer = probe.observe();
    for _ in 0..2 {
        let grads = GradientsParams::new();
        walker = observer.update(1.0, walker, grads, |it, _| Walker {
            point: it.point.map(|point| (point + 1.0).detach()),
        });
        observer.epoch_done(&walker);
    }
    probe.close().expect("an end");
    let runs = opened(&[&single, &other, &double]);
    assert_eq!(runs.iter().len(), 2);
    assert_names(&runs.left_out()[0], &["f64", "f32"]);
}

/// What a run looks like whose training goes on: another one, as far as nobody ended it.
fn without_end(of: &Run) -> Run {
    let run = Run::new();
    let folder = RunFolder::create(run.path()).expect("a folder");
    let mut writer = Writer::create(&folder).expect("a trace");
    for mut record in of.records() {
        if let Record::Head(head) = &mut record {
            head.run_id = "another".into();
        }
        if !matches!(record, Record::End(_)) {
            writer.append(&record).expect("a record");
        }
    }
    for snapshot in of.snapshots() {
        let to = folder.snapshot_path(snapshot.index);
        std::fs::copy(of.path().join(&snapshot.file), to).expect("a copy");
    }
    run
}

/// Gives a model with a method `output` both of burn's steps.
macro_rules! steps {
    ($model:ty) => {
        impl TrainStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
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

/// The last two columns are targets.
fn squares<const D: usize>(
    rows: Tensor<2>,
    of: impl FnOnce(Tensor<2>) -> Tensor<2>,
) -> RegressionOutput {
    let [count, _] = rows.dims();
    let inputs = rows.clone().slice([0..count, 0..D]);
    let targets = rows.slice([0..count, D..D + 2]);
    let found = of(inputs);
    let loss = (found.clone() - targets.clone()).powi_scalar(2).sum_dim(1).mean() * 0.5;
    RegressionOutput::new(loss, found, targets)
}

#[derive(Module, Debug)]
struct Perceptron {
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl Perceptron {
    fn new() -> Self {
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device());
        Self { fc1: linear(5, 9), fc2: linear(9, 7), fc3: linear(7, 2) }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        squares::<5>(rows, |x| {
            let x = activation::tanh(self.fc1.forward(x));
            self.fc3.forward(activation::tanh(self.fc2.forward(x)))
        })
    }

    fn shuffled(self) -> Self {
        let (fc1, fc2) = (outputs_of(self.fc1, &order(9)), inputs_of(self.fc2, &order(9)));
        let fc2 = outputs_of(fc2, &order(7));
        Self { fc1, fc2, fc3: inputs_of(self.fc3, &order(7)) }
    }
}

steps!(Perceptron);

/// Images of 4 × 4; four places of each channel are flattened.
#[derive(Module, Debug)]
struct Convolutional {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
    fc: Linear,
}

fn conv(inputs: usize, outputs: usize) -> Conv2d {
    Conv2dConfig::new([inputs, outputs], [3, 3])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .init(&device())
}

fn norm(channels: usize) -> BatchNorm {
    BatchNormConfig::new(channels).init(&device())
}

fn image(rows: Tensor<2>) -> Tensor<4> {
    let [count, _] = rows.dims();
    rows.reshape([count, 1, 4, 4])
}

impl Convolutional {
    fn new() -> Self {
        Self {
            conv1: conv(1, 6),
            norm1: norm(6),
            conv2: conv(6, 5),
            norm2: norm(5),
            fc: LinearConfig::new(80, 2).init(&device()),
        }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        squares::<16>(rows, |x| {
            let x = activation::relu(self.norm1.forward(self.conv1.forward(image(x))));
            let x = activation::relu(self.norm2.forward(self.conv2.forward(x)));
            self.fc.forward(x.flatten(1, 3))
        })
    }

    fn shuffled(self) -> Self {
        let flattened: Vec<usize> =
            order(5).into_iter().flat_map(|it| it * 16..(it + 1) * 16).collect();
        Self {
            conv1: filters_of(self.conv1, &order(6)),
            norm1: channels_of(self.norm1, &order(6)),
            conv2: channels_in(filters_of(self.conv2, &order(5)), &order(6)),
            norm2: channels_of(self.norm2, &order(5)),
            fc: inputs_of(self.fc, &flattened),
        }
    }
}

steps!(Convolutional);

/// x + conv2(relu(norm(conv1(x)))) twice, on one stream of channels.
#[derive(Module, Debug)]
struct Residual {
    stem: Conv2d,
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    conv3: Conv2d,
    norm3: BatchNorm,
    conv4: Conv2d,
    head: Linear,
}

impl Residual {
    fn new() -> Self {
        Self {
            stem: conv(1, 6),
            conv1: conv(6, 7),
            norm1: norm(7),
            conv2: conv(7, 6),
            conv3: conv(6, 7),
            norm3: norm(7),
            conv4: conv(7, 6),
            head: LinearConfig::new(6, 2).init(&device()),
        }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        squares::<16>(rows, |x| {
            let x = self.stem.forward(image(x));
            let inner = activation::relu(self.norm1.forward(self.conv1.forward(x.clone())));
            let x = activation::relu(x + self.conv2.forward(inner));
            let inner = activation::relu(self.norm3.forward(self.conv3.forward(x.clone())));
            let x = activation::relu(x + self.conv4.forward(inner));
            let [count, channels, ..] = x.dims();
            self.head.forward(x.mean_dim(3).mean_dim(2).reshape([count, channels]))
        })
    }

    fn shuffled(self) -> Self {
        let (stream, first, second) = (order(6), order(7), vec![3, 0, 6, 1, 5, 2, 4]);
        Self {
            stem: filters_of(self.stem, &stream),
            conv1: channels_in(filters_of(self.conv1, &first), &stream),
            norm1: channels_of(self.norm1, &first),
            conv2: channels_in(filters_of(self.conv2, &stream), &first),
            conv3: channels_in(filters_of(self.conv3, &second), &stream),
            norm3: channels_of(self.norm3, &second),
            conv4: channels_in(filters_of(self.conv4, &stream), &second),
            head: inputs_of(self.head, &stream),
        }
    }

    fn wiring(layout: &Layout) -> Wiring<'_> {
        Wiring::new(layout)
            .layer("stem", "", "stream")
            .layer("conv1", "stream", "first")
            .layer("norm1", "first", "first")
            .layer("conv2", "first", "stream")
            .layer("conv3", "stream", "second")
            .layer("norm3", "second", "second")
            .layer("conv4", "second", "stream")
            .layer("head", "stream", "")
    }
}

steps!(Residual);

/// An order of units that leaves hardly one in place.
fn order(count: usize) -> Vec<usize> {
    (0..count).map(|unit| (unit * (count - 1) + 2) % count).collect()
}

fn taken<const D: usize>(
    param: Param<Tensor<D>>,
    axis: usize,
    order: &[usize],
) -> Param<Tensor<D>> {
    let order: Vec<i64> = order.iter().map(|&unit| unit as i64).collect();
    param.map(|tensor| {
        let order = TensorData::new(order.clone(), [order.len()]);
        let order = Tensor::<1, Int>::from_data(order, &tensor.device());
        tensor.select(axis, order)
    })
}

fn outputs_of(layer: Linear, order: &[usize]) -> Linear {
    let bias = layer.bias.map(|bias| taken(bias, 0, order));
    Linear { weight: taken(layer.weight, 1, order), bias }
}

fn inputs_of(layer: Linear, order: &[usize]) -> Linear {
    Linear { weight: taken(layer.weight, 0, order), ..layer }
}

fn filters_of(layer: Conv2d, order: &[usize]) -> Conv2d {
    let bias = layer.bias.map(|bias| taken(bias, 0, order));
    Conv2d { weight: taken(layer.weight, 0, order), bias, ..layer }
}

fn channels_in(layer: Conv2d, order: &[usize]) -> Conv2d {
    Conv2d { weight: taken(layer.weight, 1, order), ..layer }
}

fn channels_of(layer: BatchNorm, order: &[usize]) -> BatchNorm {
    let state = |state: RunningState<Tensor<1>>| {
        let value = state.value_sync();
        let order: Vec<i64> = order.iter().map(|&unit| unit as i64).collect();
        let order = Tensor::<1, Int>::from_data(
            TensorData::new(order.clone(), [order.len()]),
            &value.device(),
        );
        RunningState::new(value.select(0, order))
    };
    BatchNorm {
        gamma: taken(layer.gamma, 0, order),
        beta: taken(layer.beta, 0, order),
        running_mean: state(layer.running_mean),
        running_var: state(layer.running_var),
        ..layer
    }
}

/// A short training, and the model that it ends with.
fn trained<M, const D: usize>(model: M) -> (Run, M)
where
    M: TrainStep<Input = Tensor<2>> + InferenceStep<Input = Tensor<2>> + Module,
{
    let run = Run::new();
    let probe = run.probe();
    let mut model = probe.watch(model);
    for _ in 0..2 {
        model = epoch(model, 0.1, 4, &training_batch(&wave_rows::<D>(6, 0.3)));
    }
    let model = model.valid();
    end(probe, &model, &[batch(&wave_rows::<D>(6, 0.3))]);
    (run, model.into_inner())
}

/// Compares two trainings of a model, and gives what is to be done with its end and a copy of it with shuffled units.
fn with_shuffled<M, const D: usize>(
    new: fn() -> M,
    shuffled: fn(M) -> M,
    check: impl FnOnce(&mut Comparison<'_, M>, &Point, &Point),
) where
    M: TrainStep<Input = Tensor<2>> + InferenceStep<Input = Tensor<2>> + Module,
{
    let (first, end) = trained::<M, D>(drawn(new(), 1));
    let (second, _) = trained::<M, D>(drawn(new(), 2));
    let runs = opened(&[&first, &second]);
    let last = runs.iter().next().expect("a run").last();
    let batches = vec![batch(&wave_rows::<D>(6, 0.3)), batch(&wave_rows::<D>(5, 2.0))];
    let comparison = Run::new();
    let mut several = runs.study(comparison.path(), &new(), &batches).expect("a study");
    let copy = several.study().point("copy", &shuffled(end)).expect("a point");
    check(&mut several, &last, &copy);
    several.finish().expect("an end");
}

/// Aligned back, nothing is left between a model and its shuffled copy; before, there is a barrier.
fn comes_back<M>(
    several: &mut Comparison<'_, M>,
    [last, copy]: [&Point; 2],
    wiring: impl for<'l> FnOnce(&'l Layout) -> Wiring<'l>,
) where
    M: TrainStep<Input = Tensor<2>> + InferenceStep<Input = Tensor<2>> + Module,
{
    let before = several.barrier_at(last, copy, 5).expect("a line");
    assert!(before.distance > 0.1, "{}", before.distance);
    let aligned = several.align_with(last, copy, wiring).expect("units that match");
    assert!(aligned.matching.after > aligned.matching.before);
    let after = several.barrier_at(last, &aligned.point, 5).expect("a line");
    assert_eq!((after.distance, after.lowest()), (0.0, 0.0), "{:?}", after.sentences);
}

#[test]
fn a_shuffled_perceptron_comes_back_exactly() {
    with_shuffled::<Perceptron, 7>(Perceptron::new, Perceptron::shuffled, |several, last, copy| {
        comes_back(several, [last, copy], |layout| Wiring::chain(layout));
    });
}

#[test]
fn a_shuffled_convolutional_network_with_batchnorm_comes_back_exactly() {
    with_shuffled::<Convolutional, 18>(
        Convolutional::new,
        Convolutional::shuffled,
        |several, last, copy| {
            comes_back(several, [last, copy], |layout| Wiring::chain(layout));
        },
    );
}

#[test]
fn a_shuffled_residual_network_comes_back_exactly_and_told_as_a_chain_is_refused() {
    with_shuffled::<Residual, 18>(Residual::new, Residual::shuffled, |several, last, copy| {
        comes_back(several, [last, copy], Residual::wiring);
        // Of another training, units of layers that are added up would be swapped apart.
        let other = several.runs().iter().nth(1).expect("a run").last();
        let aligned =
            several.align_with(last, &other, Residual::wiring).expect("the same function");
        assert!(aligned.matching.after > aligned.matching.before);
        let refused = several.align(last, &other).expect_err("residual adds are no chain");
        assert!(matches!(refused, Error::NotTheSameFunction { .. }), "{refused}");
        assert_names(&refused.to_string(), &["align_with", ".weight"]);
    });
}

#[test]
fn losses_that_are_not_finite_prove_no_alignment() {
    let (first, _) = trained::<Perceptron, 7>(drawn(Perceptron::new(), 1));
    let (second, _) = trained::<Perceptron, 7>(drawn(Perceptron::new(), 2));
    let runs = opened(&[&first, &second]);
    let [a, b] = [0, 1].map(|it| runs.iter().nth(it).expect("a run").last());
    let comparison = Run::new();
    let batches = vec![batch(&[[f32::NAN; 7]; 4])];
    let mut several = runs.study(comparison.path(), &Perceptron::new(), &batches).expect("a study");
    let refused = several.align(&a, &b).expect_err("nothing is proved");
    assert!(matches!(refused, Error::NothingToProveOn { .. }), "{refused}");
    assert_names(&refused.to_string(), &["the end of run 2", "none of its losses"]);
}
