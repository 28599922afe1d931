//! Planted faults are caught at the right step and in the right block; sound runs raise nothing.

use burn::module::Module;
use burn::nn::Linear;
use burn::optim::{AdamConfig, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{DType, Device, Int, Tensor};
use burn::train::{RegressionOutput, TrainOutput, TrainStep};
use burnscape::trace::Alert;
use burnscape::{AlertAction, AlertRules};
use burnscape_examples::data::{self, DigitBatch};
use burnscape_examples::mlp::Mlp;
use burnscape_tests::weights::drawn;

use super::support::{Bowl, Run, close, flex, sample, step};

fn sgd() -> ModuleOptimizer {
    SgdConfig::new().init()
}

fn of<'a>(alerts: &'a [Alert], rule: &str) -> Vec<&'a Alert> {
    alerts.iter().filter(|alert| alert.rule == rule).collect()
}

#[test]
fn a_learning_rate_that_explodes_is_told_at_the_first_step_that_is_longer_than_one() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let device = flex();
    let mut model = probe.watch(Bowl::at(&[0.006, 0.0], &[0.01, 0.0], DType::F32, &device));
    for _ in 0..20 {
        model = step(model, &mut sgd(), 3.0, sample(&[0.0; 4], DType::F32, &device));
    }
    close(probe);
    // θ becomes −2θ: lr·‖g‖ = 3·0.01·2ᵗ first exceeds 1 at t = 6, where the left block has 1.152.
    let alerts = run.alerts();
    let exploding = of(&alerts, "exploding-gradient");
    assert_eq!(exploding[0].step, 6);
    assert_eq!(run.path_of(exploding[0].block), "right");
    assert_eq!(exploding[0].places, 2);
    assert_eq!(exploding.len(), 1, "a run that stays broken says so once: {exploding:?}");
}

/// Linear layers 2 → 2 with a sigmoid behind each.
#[derive(Module, Debug)]
struct Chain {
    layers: Vec<Linear>,
}

impl Chain {
    fn new(depth: usize, device: &Device) -> Self {
        let layer = |_| burn::nn::LinearConfig::new(2, 2).init(device);
        drawn(Self { layers: (0..depth).map(layer).collect() }, 5)
    }
}

impl TrainStep for Chain {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, x: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let found = self.layers.iter().fold(x.clone(), |x, layer| sigmoid(layer.forward(x)));
        let loss = found.clone().square().mean();
        let output = RegressionOutput::new(loss, found, x);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

#[test]
fn a_deep_sigmoid_chain_vanishes_in_its_first_layers_at_the_first_step() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let model = probe.watch(Chain::new(24, &flex()));
    let _ = step(model, &mut sgd(), 0.1, Tensor::from_floats([[0.5, -0.5]], &flex()));
    close(probe);
    let alerts = run.alerts();
    let vanishing = of(&alerts, "vanishing-gradient");
    let [alert] = vanishing[..] else { panic!("{alerts:?}") };
    assert_eq!(alert.step, 0);
    assert!(run.path_of(alert.block).starts_with("layers.0."), "{alert:?}");
    // Each layer passes on at most a quarter: the smallest norm is the first layer's.
    let steps = run.steps();
    let norms = &steps[0].columns["grad_norm"];
    let smallest = norms.iter().copied().fold(f32::INFINITY, f32::min);
    assert_eq!(f64::from(smallest), alert.value);
    assert!(norms[norms.len() - 1] > 1e-9, "the last layer learns");
}

/// Digits in batches of 32, one after the other.
fn digit_batches(device: &Device) -> Vec<DigitBatch> {
    data::batches(&data::split().0, 32, device)
}

/// Trains a perceptron on batches, of which `spoil` changes one.
fn train_digits(run: &Run, count: usize, spoil: impl Fn(usize, DigitBatch) -> DigitBatch) {
    let device = flex();
    let probe = run.builder().start().expect("a probe");
    let mut model = probe.watch(drawn(Mlp::new(&device), 3));
    let mut adam = AdamConfig::new().init();
    let batches = digit_batches(&device);
    for number in 0..count {
        let batch = spoil(number, batches[number % batches.len()].clone());
        model = step(model, &mut adam, 1e-3, batch);
    }
    close(probe);
}

#[test]
fn a_sample_that_is_not_a_number_in_batch_37_is_told_there() {
    let run = Run::new();
    train_digits(&run, 45, |number, batch| match number {
        37 => DigitBatch { images: batch.images * f32::NAN, ..batch },
        _ => batch,
    });
    let alerts = run.alerts();
    for rule in ["non-finite-loss", "non-finite-gradient"] {
        let found = of(&alerts, rule);
        assert_eq!(
            (found.len(), found[0].step, found[0].level.as_str()),
            (1, 37, "error"),
            "{rule}"
        );
    }
    let gradient = of(&alerts, "non-finite-gradient")[0];
    assert_eq!(run.path_of(gradient.block), "hidden.0.weight");
    let steps = run.steps();
    let broken = steps[37].columns["grad_norm"].iter().filter(|norm| !norm.is_finite()).count();
    assert_eq!(gradient.places as usize, broken);
    assert!(!alerts.iter().any(|alert| alert.step < 37), "{alerts:?}");
}

#[test]
fn a_flip_of_the_labels_spikes_the_loss_of_its_batch() {
    let run = Run::new();
    train_digits(&run, 240, |number, batch| match number {
        220 => {
            let flipped: Tensor<1, Int> = (batch.labels + 5).remainder_scalar(10);
            DigitBatch { labels: flipped, ..batch }
        }
        _ => batch,
    });
    let alerts = run.alerts();
    let [spike] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!((spike.rule.as_str(), spike.step), ("loss-spike", 220));
    let steps = run.steps();
    let mut before: Vec<f64> = steps[156..220].iter().filter_map(|step| step.loss).collect();
    before.sort_by(f64::total_cmp);
    let (median, largest) = ((before[31] + before[32]) / 2.0, before[63]);
    super::support::assert_close(
        spike.threshold,
        median + 3.0 * (largest - median),
        1e-12,
        "three times as far out as the largest of the last 64",
    );
    assert!(spike.value > spike.threshold && spike.text.contains("220"));
}

#[test]
fn a_sound_training_raises_nothing() {
    let run = Run::new();
    train_digits(&run, 400, |_, batch| batch);
    assert_eq!(run.alerts(), []);
}

#[test]
fn rules_that_are_off_are_silent() {
    let run = Run::new();
    let probe = run.builder().alerts(AlertRules::none()).start().expect("a probe");
    let model = probe.watch(Bowl::at(&[1.0, 0.0], &[2.0, 0.0], DType::F32, &flex()));
    let model = step(model, &mut sgd(), 30.0, sample(&[f64::NAN; 4], DType::F32, &flex()));
    let _ = step(model, &mut sgd(), 30.0, sample(&[0.0; 4], DType::F32, &flex()));
    close(probe);
    assert_eq!(run.alerts(), []);
    assert!(run.black_boxes().is_empty());
}

#[test]
fn thresholds_that_make_no_sense_are_refused_by_name() {
    let run = Run::new();
    let rules = AlertRules { loss_spike: Some(-1.0), ..AlertRules::default() };
    let error = run.builder().alerts(rules).start().err().expect("a refusal").to_string();
    assert!(error.contains("loss_spike") && error.contains("-1"), "{error}");
    assert!(!run.path().exists());
}

#[test]
fn an_answer_that_panics_costs_nothing_of_the_recording() {
    let run = Run::new();
    let probe = run.builder().on_alert(|_| panic!("in the answer")).start().expect("a probe");
    let mut observer = probe.observe();
    let mut model = Bowl::at(&[f64::NAN], &[0.0], DType::F32, &flex());
    for _ in 0..300 {
        let grads = super::support::gradients(&model, sample(&[0.0; 2], DType::F32, &flex()));
        model = observer.step(&mut sgd(), 0.1, model, grads);
    }
    let recording = probe.close().expect("the writer thread lives");
    assert_eq!((recording.steps(), observer.should_stop()), (300, false));
    assert!(!run.alerts().is_empty());
}

#[test]
fn an_answer_to_an_alert_stops_a_loop() {
    let run = Run::new();
    let builder = run.builder().on_alert(|alert| match alert.rule.as_str() {
        "exploding-gradient" => AlertAction::Stop,
        _ => AlertAction::Continue,
    });
    let probe = builder.start().expect("a probe");
    let mut observer = probe.observe();
    let mut model = Bowl::at(&[1.0, 0.0], &[2.0, 0.0], DType::F32, &flex());
    let mut optim = sgd();
    // The writer thread answers a little later, so the loop goes on until then.
    while !observer.should_stop() {
        let grads = super::support::gradients(&model, sample(&[0.0; 4], DType::F32, &flex()));
        model = observer.step(&mut optim, 2.0, model, grads);
    }
    close(probe);
    assert_eq!(run.alerts()[0].step, 0);
    let end = super::support::pick(run.records(), |record| match record {
        burnscape::trace::Record::End(end) => Some(end.reason),
        _ => None,
    });
    assert_eq!(end, ["interrupted"]);
}
