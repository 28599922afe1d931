//! Runs of one's own, and studies of models that were not moved.

use std::path::PathBuf;

use burn::module::Module;
use burn::optim::SgdConfig;
use burn::tensor::Device;
use burn::train::{InferenceStep, TrainStep};
use burnscape::trace::{Check, Curvature, Record, read_run};
use burnscape::{Probe, ProbeBuilder, Study};
use tempfile::TempDir;

/// Where models train.
pub fn device() -> Device {
    Device::flex().autodiff()
}

/// A folder for one run, gone with the test.
pub struct Run(TempDir);

impl Run {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("run")
    }

    pub fn builder(&self) -> ProbeBuilder {
        Probe::builder(self.path()).quiet().resolution(9, 9)
    }

    pub fn records(&self) -> Vec<Record> {
        read_run(self.path()).expect("a readable run").records
    }

    pub fn curvatures(&self) -> Vec<Curvature> {
        let records = self.records().into_iter();
        let curvature = |record| match record {
            Record::Curvature(curvature) => Some(curvature),
            _ => None,
        };
        records.filter_map(curvature).collect()
    }

    pub fn checks(&self) -> Vec<Check> {
        let records = self.records().into_iter();
        let check = |record| match record {
            Record::Check(check) => Some(check),
            _ => None,
        };
        records.filter_map(check).collect()
    }
}

/// A study of a model exactly as it is given: one recorded step has the learning rate 0.
pub fn studied<M, I, T>(
    run: &Run,
    model: M,
    batches: &[I],
    ask: impl FnOnce(&mut Study<'_, M>) -> T,
) -> T
where
    M: TrainStep<Input = I> + InferenceStep<Input = I> + Module,
    I: Clone,
{
    let probe = run.builder().start().expect("a probe");
    let watched = probe.watch(model);
    let output = TrainStep::step(&watched, batches[0].clone());
    let watched = watched.optimize(&mut SgdConfig::new().init(), 0.0.into(), output.grads);
    let mut study = probe.study(&watched, batches).expect("a study");
    let answer = ask(&mut study);
    study.finish().expect("a landscape");
    let checks = run.checks();
    assert!(checks.iter().all(|check| check.passed), "{checks:?}");
    answer
}
