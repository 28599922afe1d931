//! Slices with BatchNorm statistics recomputed at every node, against plain arithmetic.
//!
//! Expected statistics are those of all samples of all batches pooled; the hook puts them together batch by
//! batch.

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear};
use burn::tensor::{Tensor, activation};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{BatchNormMode, Direction, Probe, SliceSpec, SliceSurface, Watched};

use super::models::{ConvNorm, linear};
use super::plain::{Block, CONV_BLOCKS, Weights, conv_loss, moved, weights};
use super::support::{
    Run, assert_close, assert_names, batch, device, epoch, largest, training_batch, wave_rows,
    waves,
};

/// [BatchNorm →] linear → BatchNorm → relu → dropout → linear → BatchNorm, with different momenta; a row is
/// 3 inputs and 2 targets.
#[derive(Module, Debug)]
struct Normed {
    first: Option<BatchNorm>,
    hidden: Linear,
    norm: BatchNorm,
    dropout: Dropout,
    output: Linear,
    scale: BatchNorm,
}

fn norm(channels: usize, momentum: f64) -> BatchNorm {
    BatchNormConfig::new(channels).with_momentum(momentum).init(&device())
}

impl Normed {
    fn new() -> Self {
        Self {
            first: None,
            hidden: linear(3, 4, 0.1),
            norm: norm(4, 0.1),
            dropout: DropoutConfig::new(0.5).init(),
            output: linear(4, 2, 1.1),
            scale: norm(2, 0.03),
        }
    }

    fn with_first(self) -> Self {
        Self { first: Some(norm(3, 0.2)), ..self }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let [count, _] = rows.dims();
        let inputs = rows.clone().slice([0..count, 0..3]);
        let targets = rows.slice([0..count, 3..5]);
        let inputs = match &self.first {
            Some(first) => first.forward(inputs),
            None => inputs,
        };
        let hidden = activation::relu(self.norm.forward(self.hidden.forward(inputs)));
        let found = self.scale.forward(self.output.forward(self.dropout.forward(hidden)));
        let squares = (found.clone() - targets.clone()).powi_scalar(2);
        RegressionOutput::new(squares.sum_dim(1).mean() * 0.5, found, targets)
    }
}

impl TrainStep for Normed {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.output(rows);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Normed {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        let output = self.output(rows);
        assert!(!output.loss.is_tracked(), "a graph is built");
        output
    }
}

const BLOCKS: [Block; 8] = [
    ("hidden.weight", 12),
    ("hidden.bias", 4),
    ("norm.gamma", 4),
    ("norm.beta", 4),
    ("output.weight", 8),
    ("output.bias", 2),
    ("scale.gamma", 2),
    ("scale.beta", 2),
];

/// Samples × channels.
type Rows = Vec<Vec<f64>>;

/// The network once more, on batches; normalisation layers replace their statistics unless told to keep them.
struct Plain {
    weights: Weights,
    kept: &'static [&'static str],
}

impl Plain {
    fn dense(&self, layer: &str, batches: Vec<Rows>) -> Vec<Rows> {
        let weight = &self.weights[&format!("{layer}.weight")];
        let bias = &self.weights[&format!("{layer}.bias")];
        let entry = |row: &[f64], column: usize| {
            let terms = row.iter().enumerate().map(|(i, x)| x * weight[i * bias.len() + column]);
            bias[column] + terms.sum::<f64>()
        };
        let dense = |row: &Vec<f64>| (0..bias.len()).map(|column| entry(row, column)).collect();
        batches.iter().map(|rows| rows.iter().map(dense).collect()).collect()
    }

    /// While training: each batch with its own statistics; those of all samples become the layer's.
    fn trained(&mut self, layer: &str, batches: Vec<Rows>) -> Vec<Rows> {
        if self.kept.contains(&layer) {
            return self.stored(layer, batches);
        }
        let own = |rows: &Rows| self.normalised(layer, rows, &statistics(rows));
        let normalised = batches.iter().map(own).collect();
        let (mean, variance) = statistics(&batches.concat());
        self.weights.insert(format!("{layer}.running_mean"), mean);
        self.weights.insert(format!("{layer}.running_var"), variance);
        normalised
    }

    /// In inference: with the statistics of the layer.
    fn stored(&self, layer: &str, batches: Vec<Rows>) -> Vec<Rows> {
        let of = |name: &str| self.weights[&format!("{layer}.{name}")].clone();
        let statistics = (of("running_mean"), of("running_var"));
        batches.iter().map(|rows| self.normalised(layer, rows, &statistics)).collect()
    }

    fn normalised(
        &self,
        layer: &str,
        rows: &Rows,
        (mean, variance): &(Vec<f64>, Vec<f64>),
    ) -> Rows {
        let gamma = &self.weights[&format!("{layer}.gamma")];
        let beta = &self.weights[&format!("{layer}.beta")];
        let entry = |(c, x): (usize, &f64)| {
            (x - mean[c]) / (variance[c] + 1e-5).sqrt() * gamma[c] + beta[c]
        };
        rows.iter().map(|row| row.iter().enumerate().map(entry).collect()).collect()
    }

    fn recalibrate(&mut self, batches: &[Vec<[f32; 5]>]) {
        let inputs = self.inputs(batches);
        let hidden = self.dense("hidden", inputs);
        let hidden = relu(self.trained("norm", hidden));
        let output = self.dense("output", hidden);
        self.trained("scale", output);
    }

    fn inputs(&self, batches: &[Vec<[f32; 5]>]) -> Vec<Rows> {
        let wide = |row: &[f32; 5]| row[..3].iter().copied().map(f64::from).collect();
        let inputs = batches.iter().map(|rows| rows.iter().map(wide).collect()).collect();
        match self.weights.contains_key("first.gamma") {
            true => self.stored("first", inputs),
            false => inputs,
        }
    }

    fn loss(&self, batches: &[Vec<[f32; 5]>]) -> f64 {
        let hidden = self.dense("hidden", self.inputs(batches));
        let hidden = relu(self.stored("norm", hidden));
        let found = self.stored("scale", self.dense("output", hidden)).concat();
        let targets: Vec<_> = batches.concat();
        let square = |(found, row): (&Vec<f64>, &[f32; 5])| -> f64 {
            let pairs = found.iter().zip(&row[3..]);
            0.5 * pairs.map(|(found, target)| (found - f64::from(*target)).powi(2)).sum::<f64>()
        };
        found.iter().zip(&targets).map(square).sum::<f64>() / targets.len() as f64
    }
}

/// Mean and population variance of every channel.
fn statistics(rows: &Rows) -> (Vec<f64>, Vec<f64>) {
    let count = rows.len() as f64;
    let mean = |c: usize| rows.iter().map(|row| row[c]).sum::<f64>() / count;
    let variance =
        |c: usize| rows.iter().map(|row| (row[c] - mean(c)).powi(2)).sum::<f64>() / count;
    let channels = rows[0].len();
    ((0..channels).map(mean).collect(), (0..channels).map(variance).collect())
}

fn relu(mut batches: Vec<Rows>) -> Vec<Rows> {
    batches.iter_mut().flatten().flatten().for_each(|x| *x = x.max(0.0));
    batches
}

/// Batches of 4, 3 and 2 samples.
fn batches() -> Vec<Vec<[f32; 5]>> {
    let rows = wave_rows(9, 0.4);
    vec![rows[..4].to_vec(), rows[4..7].to_vec(), rows[7..].to_vec()]
}

fn tensors<const D: usize>(batches: &[Vec<[f32; D]>]) -> Vec<Tensor<2>> {
    batches.iter().map(|rows| batch(rows)).collect()
}

fn trained<M>(run: &Run, model: M, input: &Tensor<2>) -> (Probe, Watched<M>)
where
    M: TrainStep<Input = Tensor<2>> + Module,
{
    let probe = run.probe();
    let model = epoch(probe.watch(model), 0.05, 3, input);
    (probe, model.valid())
}

fn line(parameters: usize) -> SliceSpec {
    let direction = Direction::given("waves", waves(parameters, 2.3));
    SliceSpec::line(direction).range(-0.5..=0.5).resolution(5, 1)
}

/// The line with recomputed statistics; the model is as it was, to the last bit.
fn measured(run: &Run, model: Normed, parameters: usize) -> SliceSurface {
    let input = training_batch(&batches().concat());
    let (probe, model) = trained(run, model, &input);
    let before = [&model.norm, &model.scale].map(statistics_of);
    let mut study = probe.study(&model, &tensors(&batches())).expect("a study");
    let spec = line(parameters).batchnorm(BatchNormMode::Recalibrate);
    let slice = study.slice(&spec).expect("a slice");
    study.finish().expect("a landscape");
    assert_eq!([&model.norm, &model.scale].map(statistics_of), before);
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
    slice
}

fn statistics_of(norm: &BatchNorm) -> Vec<u32> {
    let bits = |tensor: Tensor<1>| -> Vec<u32> {
        let values: Vec<f32> = tensor.into_data().try_to_vec().expect("f32");
        values.into_iter().map(f32::to_bits).collect()
    };
    [bits(norm.running_mean.value()), bits(norm.running_var.value())].concat()
}

fn assert_nodes(slice: &SliceSurface, loss: impl Fn(f64) -> f64) {
    let scale = largest(slice.surface.losses());
    assert_eq!(slice.slice.batchnorm, "recalibrate");
    for (node, &found) in slice.surface.losses().iter().enumerate() {
        let (alpha, _) = slice.surface.grid().coordinates(node);
        assert_close(found, loss(alpha), scale, &format!("at {alpha}"));
    }
}

fn last(run: &Run) -> Weights {
    weights(&run.snapshot(run.snapshots().len() - 1))
}

/// The weights at a node, from the numbers in the files.
fn there(run: &Run, blocks: &[Block], alpha: f64) -> Weights {
    let direction = waves(blocks.iter().map(|(_, len)| len).sum(), 2.3);
    moved(&last(run), blocks, [&direction, &direction], [alpha, 0.0])
}

fn plain_loss(weights: Weights, kept: &'static [&'static str]) -> f64 {
    let mut plain = Plain { weights, kept };
    plain.recalibrate(&batches());
    plain.loss(&batches())
}

#[test]
fn statistics_are_those_of_all_samples_at_the_node_whatever_the_momentum_and_the_sizes_of_batches()
{
    let run = Run::new();
    // Without dropout, whose draws depend on the other tests of this process, the statistics that training
    // leaves are the same every time: how far they are from these ones is then no matter of chance.
    let model = Normed { dropout: DropoutConfig::new(0.0).init(), ..Normed::new() };
    let slice = measured(&run, model, 38);
    assert_nodes(&slice, |alpha| plain_loss(there(&run, &BLOCKS, alpha), &[]));
    let stored = |alpha| Plain { weights: there(&run, &BLOCKS, alpha), kept: &[] }.loss(&batches());
    let [first, _, centre, ..] = slice.surface.losses() else { panic!("five nodes") };
    assert!((first - stored(-0.5)).abs() > 0.01 && (centre - stored(0.0)).abs() > 0.01);
}

#[test]
fn a_frozen_layer_keeps_its_statistics() {
    let run = Run::new();
    let model = Normed::new();
    let model = Normed { norm: model.norm.freeze(), ..model };
    let slice = measured(&run, model, 38);
    assert_nodes(&slice, |alpha| plain_loss(there(&run, &BLOCKS, alpha), &["norm"]));
}

#[test]
fn a_layer_on_the_bare_input_keeps_its_statistics() {
    let run = Run::new();
    let slice = measured(&run, Normed::new().with_first(), 44);
    let blocks = [&[("first.gamma", 3), ("first.beta", 3)][..], &BLOCKS].concat();
    assert_nodes(&slice, |alpha| plain_loss(there(&run, &blocks, alpha), &["first"]));
}

#[test]
fn a_model_whose_layers_all_keep_their_statistics_cannot_be_recalibrated() {
    let run = Run::new();
    let model = Normed::new();
    let model = Normed { norm: model.norm.freeze(), scale: model.scale.freeze(), ..model };
    let (probe, model) = trained(&run, model, &training_batch(&batches().concat()));
    let mut study = probe.study(&model, &tensors(&batches())).expect("a study");
    let spec = line(38).batchnorm(BatchNormMode::Recalibrate);
    let error = study.slice(&spec).expect_err("nothing to recalibrate").to_string();
    assert_names(&error, &["Recalibrate", "frozen", "BatchNormMode::Centre"]);
}

fn conv_batches() -> Vec<Vec<[f32; 17]>> {
    let rows = wave_rows(6, 1.4);
    vec![rows[..1].to_vec(), rows[1..].to_vec()]
}

/// The outputs of the convolution: samples and places × channels.
fn convolved(weights: &Weights, rows: &[[f32; 17]]) -> Rows {
    let tap = |row: &[f32; 17], place: usize, channel: usize, tap: usize| {
        let pixel = row[(place / 2 + tap / 3) * 4 + place % 2 + tap % 3];
        f64::from(pixel) * weights["conv.weight"][channel * 9 + tap]
    };
    let of = |row: &[f32; 17], place: usize, channel: usize| {
        let taps = (0..9).map(|number| tap(row, place, channel, number));
        weights["conv.bias"][channel] + taps.sum::<f64>()
    };
    let places = rows.iter().flat_map(|row| (0..4).map(move |place| (row, place)));
    places.map(|(row, place)| vec![of(row, place, 0), of(row, place, 1)]).collect()
}

fn recalibrated_conv_loss(mut weights: Weights) -> f64 {
    let rows = conv_batches().concat();
    let (mean, variance) = statistics(&convolved(&weights, &rows));
    weights.insert("norm.running_mean".into(), mean);
    weights.insert("norm.running_var".into(), variance);
    conv_loss(&weights, &rows)
}

#[test]
fn statistics_of_a_convolution_are_over_samples_and_places() {
    let run = Run::new();
    let input = training_batch(&conv_batches().concat());
    let (probe, model) = trained(&run, ConvNorm::new(), &input);
    let mut study = probe.study(&model, &tensors(&conv_batches())).expect("a study");
    let spec = line(33).batchnorm(BatchNormMode::Recalibrate);
    let slice = study.slice(&spec).expect("a slice");
    study.finish().expect("a landscape");
    assert_nodes(&slice, |alpha| recalibrated_conv_loss(there(&run, &CONV_BLOCKS, alpha)));
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
}

#[test]
fn a_second_set_of_batches_is_measured_with_the_statistics_of_the_first() {
    let run = Run::new();
    let input = training_batch(&batches().concat());
    let (probe, model) = trained(&run, Normed::new(), &input);
    let other = vec![wave_rows::<5>(3, 2.2)];
    let mut study = probe.study(&model, &tensors(&batches())).expect("a study");
    study.also_on("other", &tensors(&other)).expect("batches");
    let spec = line(38).batchnorm(BatchNormMode::Recalibrate);
    let slice = study.slice(&spec).expect("a slice");
    study.finish().expect("a landscape");
    let scale = largest(slice.layers[0].losses());
    for (node, &found) in slice.layers[0].losses().iter().enumerate() {
        let (alpha, _) = slice.surface.grid().coordinates(node);
        let mut plain = Plain { weights: there(&run, &BLOCKS, alpha), kept: &[] };
        plain.recalibrate(&batches());
        assert_close(found, plain.loss(&other), scale, &format!("at {alpha}"));
    }
}
