//! Several models that are trained together: each a run of its own below the one above.

use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::{DType, Tensor};
use burn::train::TrainStep;
use burnscape::trace::columns::{GRAD_NORM, UPDATE_NORM};
use burnscape::trace::{Record, RunFolder};
use burnscape::{AlertAction, BatchLoss, Error, Probe};

use super::support::{Bowl, Run, assert_close, close, flex, gradients, pick, records, sample};

fn sgd() -> ModuleOptimizer {
    SgdConfig::new().init()
}

/// Trains a bowl for so many steps.
fn trained(probe: &Probe, start: f64, lr: f64, steps: usize) -> Bowl {
    let device = flex();
    let mut observer = probe.observe();
    let (mut model, mut optim) = (Bowl::at(&[start], &[0.0], DType::F32, &device), sgd());
    for _ in 0..steps {
        let origin = sample(&[0.0; 2], DType::F32, &device);
        (model, _) = observer.train_step(&mut optim, lr, model, origin);
        observer.epoch_done(&model);
    }
    model
}

#[test]
fn each_model_has_its_own_run_below_the_one_above() {
    let run = Run::new();
    let probe = run.builder().resolution(5, 5).agreement(0).start().expect("a probe");
    let (generator, critic) =
        (probe.child("generator").expect("a run"), probe.child("critic").expect("a run"));
    critic.loss_of(|output: &burn::train::RegressionOutput| BatchLoss {
        mean: output.loss.clone().neg(),
        samples: 1,
    });
    let made = trained(&generator, 8.0, 0.5, 3);
    let judged = trained(&critic, 2.0, 0.25, 5);
    for (child, model) in [(&generator, &made), (&critic, &judged)] {
        let data = [sample(&[0.0; 2], DType::F32, &burn::tensor::Device::flex())];
        let landscape = child.finish(model, &data).expect("a landscape");
        assert_eq!(landscape.problems(), [] as [String; 0]);
        assert!(landscape.slice("pca").is_some());
    }
    // The probe above watched nothing itself, which is no problem.
    close(probe);

    let of = |name: &str| {
        let steps = pick(records(&run.path().join(name)), |record| match record {
            Record::Step(step) => Some((step.lr, step.loss.expect("a loss"))),
            _ => None,
        });
        (steps.len(), steps[0])
    };
    assert_eq!(of("generator"), (3, (0.5, 32.0)));
    assert_eq!(of("critic"), (5, (0.25, -2.0)));
    let folder = RunFolder::open(run.path()).expect("a run");
    let family: Vec<_> = folder.family().iter().map(|it| it.path().to_path_buf()).collect();
    assert_eq!(family, ["critic", "generator"].map(|name| run.path().join(name)));
}

#[test]
fn a_parent_that_watches_a_model_itself_is_a_run_as_ever() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let child = probe.child("student").expect("a run");
    trained(&probe, 4.0, 0.5, 2);
    trained(&child, 2.0, 0.5, 4);
    close(child);
    close(probe);
    assert_eq!(run.steps().len(), 2);
    assert_eq!(RunFolder::open(run.path()).expect("a run").family().len(), 2);
}

#[test]
fn names_that_a_run_uses_itself_or_that_lead_elsewhere_are_refused() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let refused = ["", ".", "..", "a/b", "/a", ".hidden", "snapshots", "directions", "blackbox"];
    for name in refused {
        let error = probe.child(name).map(|_| ()).expect_err(name);
        assert!(matches!(error, Error::Setting { .. }), "{name}: {error}");
    }
    let first = probe.child("critic").expect("a run");
    assert!(probe.child("critic").is_err(), "it is there already");
    drop(first);
    assert!(Probe::disabled().child("critic").is_ok_and(|it| !it.is_enabled()));
}

#[test]
fn a_family_is_gone_on_with_as_a_whole() {
    let run = Run::new();
    for steps in [2, 3] {
        let probe = run.builder().resume().start().expect("a probe");
        let child = probe.child("student").expect("a run");
        trained(&child, 2.0, 0.5, steps);
        close(child);
        close(probe);
    }
    let steps = pick(records(&run.path().join("student")), |record| match record {
        Record::Step(step) => Some(step.step),
        _ => None,
    });
    assert_eq!(steps, [0, 1, 2, 3, 4]);
}

#[test]
fn an_alert_of_one_stops_all() {
    let run = Run::new();
    let probe = run.builder().on_alert(|_| AlertAction::Stop).start().expect("a probe");
    let (sick, well) = (probe.child("sick").expect("a run"), probe.child("well").expect("a run"));
    let (mut of_sick, of_well) = (sick.observe(), well.observe());
    let device = flex();
    let model = Bowl::at(&[f64::NAN], &[0.0], DType::F32, &device);
    let origin = sample(&[0.0; 2], DType::F32, &device);
    let _ = of_sick.train_step(&mut sgd(), 0.1, model, origin);
    sick.close().expect("closed");
    assert!(of_sick.should_stop() && of_well.should_stop() && probe.observe().should_stop());
    let other = Run::new();
    let alone = other.builder().start().expect("a probe");
    assert!(!alone.observe().should_stop());
}

/// wgan: the weights of the critic are clipped after its step.
#[test]
fn what_is_done_to_the_weights_after_a_step_belongs_to_its_update() {
    let run = Run::new();
    let probe = run.builder().weight_norms_every(1).start().expect("a probe");
    let critic = probe.child("critic").expect("a run");
    let device = flex();
    let mut observer = critic.observe();
    let mut optim = sgd();
    let model = Bowl::at(&[4.0], &[1.0], DType::F32, &device);
    let grads = gradients(&model, sample(&[0.0; 2], DType::F32, &device));
    let model = observer.update(0.25, model, grads, |model, grads| {
        let Bowl { left, right } = optim.step(0.25, model, grads);
        Bowl {
            left: left.map(|it| Tensor::from_inner(it.inner().clamp(-0.5, 0.5)).require_grad()),
            right,
        }
    });
    close(critic);
    let left = model.left.val().into_scalar::<f32>();
    assert_eq!(left, 0.5);
    let step = &pick(records(&run.path().join("critic")), |record| match record {
        Record::Step(step) => Some(step),
        _ => None,
    })[0];
    assert_close(f64::from(step.columns[GRAD_NORM][0]), 4.0, 1e-6, "gradient");
    // From 4 by the step to 3 and by the clipping to ½.
    assert_close(f64::from(step.columns[UPDATE_NORM][0]), 3.5, 1e-6, "update");
    drop(TrainStep::step(&model, sample(&[0.0; 2], DType::F32, &device)));
}
