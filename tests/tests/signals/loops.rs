//! Training without burn's `Learner`, and several replicas at once.

use burnscape_trace::record;
use std::sync::Barrier;

use burn::module::Module;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::{DType, Device, Tensor};
use burn::train::TrainStep;
use burnscape::trace::columns::{GRAD_NORM, UPDATE_NORM};
use burnscape::trace::{Epoch, Record, Step};
use burnscape::{Probe, Schedule, tap};

use super::support::{
    Bowl, Run, assert_close, close, devices, flex, gradients, pick, sample, step,
};

fn sgd() -> ModuleOptimizer {
    SgdConfig::new().init()
}

fn bowl(device: &Device) -> Bowl {
    Bowl::at(&[3.0, 4.0], &[12.0, 0.0], DType::F32, device)
}

fn origin(device: &Device) -> Tensor<2> {
    sample(&[0.0; 4], DType::F32, device)
}

fn epochs(run: &Run) -> Vec<Epoch> {
    pick(run.records(), |record| match record {
        Record::Epoch(epoch) => Some(epoch),
        _ => None,
    })
}

/// Two epochs of three steps, each with one validation batch.
fn observed(probe: &Probe) -> Bowl {
    let device = flex();
    let mut observer = probe.observe();
    let (mut model, mut optim) = (bowl(&device), sgd());
    for _ in 0..2 {
        for _ in 0..3 {
            let output = observer.forward(|| TrainStep::step(&model, origin(&device)));
            observer.loss(&output.item.loss, 1);
            model = observer.step(&mut optim, 0.25, model, output.grads);
        }
        let loss = TrainStep::step(&model, origin(&device)).item.loss;
        observer.validation_loss(&loss, 1);
        observer.epoch_done(&model);
    }
    model
}

#[test]
fn a_loop_of_ones_own_is_recorded_as_a_learner_is() {
    let run = Run::new();
    let probe = run.builder().weight_norms_every(1).start().expect("a probe");
    observed(&probe);
    close(probe);
    let steps = run.steps();
    assert_eq!(steps.len(), 6);
    for (t, step) in steps.iter().enumerate() {
        let shrunk = 0.75_f64.powi(t as i32);
        assert_close(f64::from(step.columns[GRAD_NORM][1]), 12.0 * shrunk, 1e-6, "gradient");
        assert_close(f64::from(step.columns[UPDATE_NORM][1]), 3.0 * shrunk, 1e-6, "update");
        assert_close(step.loss.expect("a loss"), 84.5 * shrunk * shrunk, 1e-6, "loss");
        assert_eq!((step.epoch, step.accumulated), (Some(1 + t as u64 / 3), 1));
    }
    let epochs = epochs(&run);
    let numbers: Vec<(u64, u64)> = epochs.iter().map(|it| (it.epoch, it.steps)).collect();
    assert_eq!(numbers, [(1, 3), (2, 6)]);
    // L after three steps: 84.5·0.75⁶.
    let valid = epochs[0].valid_loss.expect("a validation loss");
    assert_close(valid, 84.5 * 0.75_f64.powi(6), 1e-6, "validation loss");
}

#[test]
fn batches_of_a_loop_count_by_the_samples_that_it_tells() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let mut observer = probe.observe();
    let (mut model, mut optim) = (bowl(&flex()), sgd());
    let batches = [(1.0, 4), (1.0, 4), (4.0, 2)];
    let mean = |loss: f32| Tensor::<1>::from_floats([loss], &flex());
    // An epoch of a step for each batch, and one whose gradients are summed for a single step.
    for accumulated in [1, batches.len()] {
        for group in batches.chunks(accumulated) {
            group.iter().for_each(|&(loss, samples)| observer.loss(&mean(loss), samples));
            model =
                observer.step(&mut optim, 0.0, model.clone(), gradients(&model, origin(&flex())));
        }
        batches.iter().for_each(|&(loss, samples)| observer.validation_loss(&mean(loss), samples));
        observer.epoch_done(&model);
    }
    close(probe);
    for epoch in epochs(&run) {
        // (4·1 + 4·1 + 2·4) / 10
        assert_eq!((epoch.train_loss, epoch.valid_loss), (Some(1.6), Some(1.6)));
        assert_eq!(epoch.weighted_by, "samples");
    }
    let losses: Vec<Option<f64>> = run.steps().iter().map(|step| step.loss).collect();
    assert_eq!(losses, [Some(1.0), Some(1.0), Some(4.0), Some(1.6)]);
}

#[test]
fn no_loss_of_a_long_epoch_is_left_out_however_fast_they_come() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let mut observer = probe.observe();
    let (mut model, mut optim) = (bowl(&flex()), sgd());
    const BATCHES: u32 = 200_000;
    let (low, high) =
        (Tensor::<1>::from_floats([1.0], &flex()), Tensor::from_floats([2.0], &flex()));
    for batch in 0..BATCHES {
        observer.loss(if batch < BATCHES / 4 { &high } else { &low }, 1);
    }
    model = observer.step(&mut optim, 0.0, model.clone(), gradients(&model, origin(&flex())));
    observer.epoch_done(&model);
    close(probe);
    let [epoch] = &epochs(&run)[..] else { panic!("one epoch") };
    assert_eq!((epoch.batches, epoch.train_loss), (u64::from(BATCHES), Some(1.25)));
}

#[test]
fn a_loop_of_ones_own_trains_bit_for_bit_the_same_when_observed() {
    let run = Run::new();
    let probe = run.builder().level(burnscape::Level::Full).start().expect("a probe");
    let watched = observed(&probe);
    close(probe);
    let bare = observed(&Probe::disabled());
    let data = |model: &Bowl| [model.left.val().into_data(), model.right.val().into_data()];
    assert_eq!(data(&watched), data(&bare));
}

/// The same two epochs, a line a step.
fn observed_in_one_line(probe: &Probe) -> Bowl {
    let device = flex();
    let mut observer = probe.observe();
    let (mut model, mut optim) = (bowl(&device), sgd());
    for _ in 0..2 {
        for _ in 0..3 {
            let output;
            (model, output) = observer.train_step(&mut optim, 0.25, model, origin(&device));
            assert!(output.loss.into_scalar::<f32>() > 0.0);
        }
        let loss = TrainStep::step(&model, origin(&device)).item.loss;
        observer.validation_loss(&loss, 1);
        observer.epoch_done(&model);
    }
    model
}

/// A run without what differs from one time to the next: times, and which of the steps that follow an epoch are written
/// before its record.
fn timeless(run: &Run) -> Vec<Record> {
    let timeless = |record| match record {
        Record::Step(step) => Some(Record::Step(record!(Step { elapsed_secs: 0.0, ..step }))),
        Record::Epoch(epoch) => Some(Record::Epoch(record!(Epoch { elapsed_secs: 0.0, ..epoch }))),
        _ => None,
    };
    let mut records = pick(run.records(), timeless);
    records.sort_by(|a, b| a.kind().cmp(b.kind()));
    records
}

#[test]
fn a_step_in_one_line_is_the_step_in_parts() {
    let (parts, one) = (Run::new(), Run::new());
    let start = |run: &Run| run.builder().weight_norms_every(1).start().expect("a probe");
    let (of_parts, of_one) = (start(&parts), start(&one));
    let data = |model: &Bowl| [model.left.val().into_data(), model.right.val().into_data()];
    assert_eq!(data(&observed(&of_parts)), data(&observed_in_one_line(&of_one)));
    close(of_parts);
    close(of_one);
    assert_eq!(timeless(&one), timeless(&parts));
    assert_eq!(one.steps().len(), 6);
}

/// Takes its own way through `optimize`, which a step in one line calls as burn does.
#[derive(Module, Debug)]
struct Stubborn {
    bowl: Bowl,
}

impl TrainStep for Stubborn {
    type Input = Tensor<2>;
    type Output = burn::train::RegressionOutput;

    fn step(&self, samples: Tensor<2>) -> burn::train::TrainOutput<Self::Output> {
        TrainStep::step(&self.bowl, samples)
    }

    fn optimize(
        self,
        optim: &mut ModuleOptimizer,
        _lr: burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate,
        grads: burn::optim::GradientsParams,
    ) -> Self {
        // Half a step, whatever is asked for.
        optim.step(0.5, self, grads)
    }
}

#[test]
fn a_step_in_one_line_calls_the_models_own_optimize() {
    let device = flex();
    let mut observer = Probe::disabled().observe();
    let model = Stubborn { bowl: bowl(&device) };
    let (model, _) = observer.train_step(&mut sgd(), 0.01, model, origin(&device));
    assert_eq!(model.bowl.right.val().into_data().try_to_vec::<f32>().expect("f32"), [6.0, 0.0]);
}

/// burn clones the policies of agents and sends them to their threads.
#[test]
fn an_observer_is_cloned_and_sent_wherever_its_owner_is() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let observer = probe.observe();
    let device = flex();
    let mut model = bowl(&device);
    for _ in 0..3 {
        let mut acting = observer.clone();
        model = std::thread::scope(|scope| {
            let device = &device;
            let step = move || acting.train_step(&mut sgd(), 0.25, model, origin(device)).0;
            scope.spawn(step).join().expect("a step")
        });
    }
    close(probe);
    let steps = run.steps();
    assert_eq!(steps.iter().map(|it| it.batches).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(steps.iter().all(|it| it.accumulated == 1 && it.loss.is_some()));
}

#[test]
fn a_loop_that_tells_no_losses_has_steps_without_them() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let mut observer = probe.observe();
    let device = flex();
    let mut model = bowl(&device);
    for _ in 0..2 {
        let grads = gradients(&model, origin(&device));
        model = observer.update(0.5, model, grads, |model, grads| sgd().step(0.5, model, grads));
    }
    close(probe);
    let steps = run.steps();
    assert_eq!(
        steps.iter().map(|it| (it.batches, it.loss)).collect::<Vec<_>>(),
        [(1, None), (2, None)]
    );
    assert_close(f64::from(steps[1].columns[GRAD_NORM][1]), 6.0, 1e-6, "gradient");
}

#[test]
fn taps_are_heard_in_a_loop_of_ones_own() {
    let run = Run::new();
    let probe = run.builder().activations(Schedule::Every(2)).start().expect("a probe");
    let mut observer = probe.observe();
    let device = flex();
    let (mut model, mut optim) = (bowl(&device), sgd());
    for _ in 0..3 {
        let output = observer.forward(|| {
            let input = tap("input", origin(&device) + 2.0);
            TrainStep::step(&model, input)
        });
        observer.loss(&output.item.loss, 1);
        model = observer.step(&mut optim, 0.0, model, output.grads);
    }
    close(probe);
    let seen = pick(run.records(), |record| match record {
        Record::Activation(seen) => Some((seen.step, seen.mean, seen.values)),
        _ => None,
    });
    assert_eq!(seen, [(0, 2.0, 4), (2, 2.0, 4)]);
}

/// burn's distributed training steps one replica per device, each on a thread of its own, with the same
/// gradients. Its collectives need CUDA; what the hook sees of it is this.
#[test]
#[cfg_attr(
    not(feature = "ndarray"),
    ignore = "a second backend: `--features burnscape-tests/ndarray`"
)]
fn replicas_on_several_devices_are_recorded_once() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let watched = probe.watch(bowl(&flex()));
    let in_turn = Barrier::new(2);
    std::thread::scope(|scope| {
        for device in devices() {
            let (model, in_turn) = (watched.clone().fork(&device), &in_turn);
            scope.spawn(move || {
                let mut model = model;
                for _ in 0..10 {
                    model = step(model, &mut sgd(), 0.25, origin(&device));
                    in_turn.wait();
                }
            });
        }
    });
    close(probe);
    let steps = run.steps();
    assert_eq!(steps.iter().map(|step| step.step).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    for (t, step) in steps.iter().enumerate() {
        let expected = 12.0 * 0.75_f64.powi(t as i32);
        assert_close(f64::from(step.columns[GRAD_NORM][1]), expected, 1e-6, "gradient");
    }
}
