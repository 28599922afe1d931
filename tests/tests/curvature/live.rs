//! The curvature while training goes on.

use burn::module::Module;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::DType;
use burn::train::TrainStep;
use burnscape::trace::{Alert, Record};
use burnscape::{AlertRules, Error, LiveCurvature, OptimizerKind, Probe, Recording};
use nalgebra::SymmetricEigen;

use super::models::{Oddity, TanhNet, batches, rows};
use super::support::Run;

/// Trains for some steps with a gauge, full batches, plain gradient descent.
fn trained(run: &Run, model: TanhNet, gauge: LiveCurvature, lr: f64, steps: usize) -> Recording {
    let dtype = model.first.val().dtype();
    let batch = batches(&[8], dtype);
    let probe = run.builder().start().expect("a probe");
    let model = probe.watch(model);
    let mut model = probe.curvature(model, batch.clone(), gauge).expect("a gauge");
    let mut optim = SgdConfig::new().init();
    for _ in 0..steps {
        let output = TrainStep::step(&model, batch[0].clone());
        model = model.optimize(&mut optim, lr.into(), output.grads);
    }
    probe.close().expect("a recording")
}

fn alerts(run: &Run) -> Vec<Alert> {
    let alert = |record| match record {
        Record::Alert(alert) => Some(alert),
        _ => None,
    };
    run.records()
        .into_iter()
        .filter_map(alert)
        .filter(|it| it.rule == "edge-of-stability")
        .collect()
}

fn largest_by_hand() -> f64 {
    SymmetricEigen::new(TanhNet::hessian(&rows(8))).eigenvalues.max()
}

#[test]
fn every_second_step_the_largest_eigenvalue_is_told_and_found_sooner_each_time() {
    let run = Run::new();
    let gauge = LiveCurvature::new().every_steps(2);
    let recording = trained(&run, TanhNet::new(DType::F64), gauge, 0.01, 5);
    assert_eq!(recording.problems(), &[] as &[String]);
    let told = run.curvatures();
    assert_eq!(told.iter().map(|it| it.step).collect::<Vec<_>>(), [0, 2, 4]);
    let top = largest_by_hand();
    assert!((told[0].largest[0] - top).abs() <= told[0].largest_error[0], "{:?}", told[0]);
    assert!(told[0].largest_error[0] <= 0.011 * top);
    for it in &told {
        assert_eq!((it.reason.as_str(), it.lr, it.stability_limit), ("live", 0.01, Some(2.0)));
        assert!(it.took_secs > 0.0 && it.samples == 8 && !it.preconditioned);
    }
    assert!(told[1].gradients < told[0].gradients, "a warm start, and no step to look for");
    assert!(alerts(&run).is_empty(), "far below the edge");
}

#[test]
fn training_at_the_edge_of_stability_says_so_once() {
    let run = Run::new();
    let lr = 1.99 / largest_by_hand();
    trained(&run, TanhNet::new(DType::F64), LiveCurvature::new().every_steps(1), lr, 1);
    let alerts = alerts(&run);
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].level.as_str(), alerts[0].step), ("info", 0));
    assert!((alerts[0].value - 1.99).abs() < 0.03, "{:?}", alerts[0]);
    assert!((alerts[0].threshold - 1.9).abs() < 1e-12);
    let off = Run::new();
    let probe = off.builder().alerts(AlertRules::none()).start().expect("a probe");
    let batch = batches(&[8], DType::F64);
    let gauge = LiveCurvature::new().every_steps(1);
    let model =
        probe.curvature(probe.watch(TanhNet::new(DType::F64)), batch.clone(), gauge).unwrap();
    let output = TrainStep::step(&model, batch[0].clone());
    let _ = model.optimize(&mut SgdConfig::new().init(), lr.into(), output.grads);
    probe.close().expect("a recording");
    assert_eq!((self::alerts(&off).len(), off.curvatures().len()), (0, 1));
}

#[test]
fn a_named_optimizer_has_its_own_limit_and_adam_its_own_hessian() {
    let heavy = OptimizerKind::HeavyBall { momentum: 0.9, dampening: 0.1 };
    for (optimizer, limit, preconditioned) in
        [(heavy, 3.8 / 0.9, false), (OptimizerKind::Adam { beta: 0.9, epsilon: 1e-5 }, 38.0, true)]
    {
        let run = Run::new();
        let gauge = LiveCurvature::new().every_steps(1).optimizer(optimizer);
        trained(&run, TanhNet::new(DType::F64), gauge, 0.01, 1);
        let told = run.curvatures().remove(0);
        assert!((told.stability_limit.unwrap() - limit).abs() < 1e-9, "{told:?}");
        assert_eq!(told.preconditioned, preconditioned);
        assert_eq!(told.optimizer, optimizer.to_string());
    }
}

#[test]
fn a_gauge_that_cannot_measure_is_a_problem_told_and_training_goes_on() {
    let run = Run::new();
    let gauge = LiveCurvature::new().every_steps(1);
    let recording = trained(&run, TanhNet::odd(Oddity::NoisyInTraining), gauge, 0.01, 3);
    assert_eq!(recording.steps(), 3);
    assert_eq!(recording.problems().len(), 1, "{:?}", recording.problems());
    assert!(recording.problems()[0].contains("no longer measured"), "{:?}", recording.problems());
    assert!(run.curvatures().is_empty());
}

#[test]
fn schedules_that_make_no_sense_are_refused_and_a_disabled_probe_measures_nothing() {
    let batch = batches(&[8], DType::F32);
    let ask = |gauge, batches| {
        let probe = Probe::disabled();
        probe.curvature(probe.watch(TanhNet::new(DType::F32)), batches, gauge).map(|_| ())
    };
    for gauge in [
        LiveCurvature::new().every_steps(0),
        LiveCurvature::new().every_epochs(0),
        LiveCurvature::new().share(1.5),
        LiveCurvature::new().tolerance(f64::NAN),
    ] {
        assert!(matches!(ask(gauge, batch.clone()), Err(Error::Setting { .. })));
    }
    assert!(matches!(ask(LiveCurvature::new(), Vec::new()), Err(Error::NoBatches)));
    assert!(ask(LiveCurvature::new(), batch).is_ok());
}

#[test]
fn a_hand_written_loop_asks_its_gauge_before_each_step() {
    let run = Run::new();
    let batch = batches(&[8], DType::F64);
    let probe = run.builder().start().expect("a probe");
    let mut observer = probe.observe();
    let settings = LiveCurvature::new().every_epochs(2);
    let mut gauge = observer.curvature(batch.clone(), settings).expect("a gauge");
    let mut model = TanhNet::new(DType::F64);
    let mut optim = SgdConfig::new().init();
    for _epoch in 0..4 {
        for _step in 0..3 {
            let output = TrainStep::step(&model, batch[0].clone());
            let grads: GradientsParams = output.grads;
            gauge.before_step(&model, 0.01);
            model = observer.step(&mut optim, 0.01, model, grads);
        }
        observer.epoch_done(&model.valid());
    }
    probe.close().expect("a recording");
    let steps: Vec<u64> = run.curvatures().iter().map(|it| it.step).collect();
    assert_eq!(steps, [0, 6], "the first and the third epoch");
    assert_eq!(run.curvatures()[1].epoch, Some(2), "epochs complete");
}
