//! Several devices measure one surface: as one does where they are of one kind, closely where they are not.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
#[cfg(feature = "ndarray")]
use burnscape::Error;
use burnscape::{SliceSpec, Watched};

use super::models::Mlp;
#[cfg(feature = "ndarray")]
use super::support::assert_names;
use super::support::{Run, batch, bits, epoch, training_batch, wave_rows};

fn rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.2)
}

fn batches() -> [Tensor<2>; 2] {
    [batch(&rows()[..4]), batch(&rows()[4..])]
}

fn recorded() -> Run {
    let run = Run::new();
    let probe = run.probe();
    let mut model: Watched<Mlp> = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    drop(model.valid());
    probe.close().expect("a recording");
    run
}

fn open(run: &Run) -> burnscape::Run {
    burnscape::Run::open(run.path()).expect("a run").quiet().threads(2).resolution(13, 9)
}

#[test]
fn a_device_that_is_named_again_counts_once() {
    let run = recorded();
    let mut study = open(&run).study(&Mlp::new(), &batches()).expect("a study");
    let alone = study.slice(&SliceSpec::random()).expect("a slice");
    let twice =
        [Device::flex(), Device::flex().autodiff()].map(|device| (device, batches().to_vec()));
    let again = study.devices(twice).expect("the same device").slice(&SliceSpec::random());
    assert_eq!(bits(alone.surface.losses()), bits(again.expect("a slice").surface.losses()));
    study.also_on("valid", &batches()).expect("there is no further device");
    study.finish().expect("a landscape");
    assert!(run.checks().iter().all(|check| !check.name.starts_with("devices-agree")));
}

/// On a second backend, where it is built.
#[cfg(feature = "ndarray")]
mod on_two {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use burn::train::RegressionOutput;
    use burnscape::{BatchLoss, BatchNormMode};
    use burnscape_tests::devices::cpu_devices;

    use super::super::models::ConvNorm;
    use super::*;

    fn ndarray() -> Device {
        cpu_devices().remove(1)
    }

    fn moved(batches: &[Tensor<2>]) -> Vec<Tensor<2>> {
        batches.iter().map(|batch| batch.clone().to_device(&ndarray())).collect()
    }

    /// Losses that ndarray computes before flex, which is quicker, no longer lets it go first.
    const ITS_SHARE: usize = 17;

    /// Counts the losses that ndarray computes, and lets it fail after so many.
    struct Counted {
        flex: AtomicUsize,
        ndarray: AtomicUsize,
        fails_after: usize,
    }

    impl Counted {
        fn failing_after(fails_after: usize) -> Self {
            Self { flex: AtomicUsize::new(0), ndarray: AtomicUsize::new(0), fails_after }
        }

        /// Some turns of the processor for each loss of flex, once ndarray takes part: else flex may have measured all
        /// nodes before the other thread has begun.
        fn let_ndarray_go_first(&self) {
            let is_due = || (1..ITS_SHARE).contains(&self.ndarray.load(Ordering::Relaxed));
            (0..200).take_while(|_| is_due()).for_each(|_| std::thread::yield_now());
        }

        fn read(&self, output: &RegressionOutput) -> BatchLoss {
            if output.loss.device() == ndarray() {
                let count = self.ndarray.fetch_add(1, Ordering::Relaxed);
                assert!(count < self.fails_after, "the device is gone");
            } else {
                self.flex.fetch_add(1, Ordering::Relaxed);
                self.let_ndarray_go_first();
            }
            BatchLoss { mean: output.loss.clone(), samples: output.targets.dims()[0] }
        }
    }

    #[test]
    fn flex_and_ndarray_measure_one_surface_closely_and_the_trace_tells_it() {
        let run = recorded();
        let counted = Counted::failing_after(usize::MAX);
        let study = open(&run).study_with(&Mlp::new(), &batches(), |output| counted.read(output));
        let mut study = study.expect("a study");
        let alone = study.slice(&SliceSpec::pca()).expect("a slice");
        let before = counted.ndarray.load(Ordering::Relaxed);
        study.devices([(ndarray(), moved(&batches()))]).expect("a device");
        let both = study.slice(&SliceSpec::pca()).expect("a slice");
        study.finish().expect("a landscape");
        assert_eq!(before, 0);
        // Two batches for two looks at the model and for three nodes that are compared; the rest are nodes.
        assert!(counted.ndarray.load(Ordering::Relaxed) > 10, "ndarray measured nodes");
        assert!(both.surface.is_complete());
        let range = alone.surface.range().expect("a range");
        for (here, there) in alone.surface.losses().iter().zip(both.surface.losses()) {
            assert!((here - there).abs() <= 1e-4 * range, "{here} {there}");
        }
        let check = run.checks().into_iter().find(|it| it.name.starts_with("devices-agree"));
        let check = check.expect("a check");
        assert!(check.passed);
        assert_names(&check.detail, &["Flex", "NdArray"]);
    }

    /// Every device recomputes the statistics of its own nodes.
    #[test]
    fn slices_with_recomputed_batchnorm_statistics_are_measured_on_both() {
        let rows = wave_rows::<17>(6, 0.2);
        let run = Run::new();
        let probe = run.probe();
        let mut model: Watched<ConvNorm> = probe.watch(ConvNorm::new());
        for _ in 0..2 {
            model = epoch(model, 0.05, 2, &training_batch(&rows));
        }
        drop(model.valid());
        probe.close().expect("a recording");
        let batches = [batch(&rows[..4]), batch(&rows[4..])];
        let counted = Counted::failing_after(usize::MAX);
        let read = |output: &RegressionOutput| counted.read(output);
        let study = open(&run).study_with(&ConvNorm::new(), &batches, read);
        let mut study = study.expect("a study");
        let spec = SliceSpec::pca().batchnorm(BatchNormMode::Recalibrate);
        let alone = study.slice(&spec).expect("a slice");
        study.devices([(ndarray(), moved(&batches))]).expect("a device");
        let both = study.slice(&spec).expect("a slice");
        study.finish().expect("a landscape");
        // Every node reads two batches for its statistics and two for its loss.
        assert!(counted.ndarray.load(Ordering::Relaxed) > 16, "ndarray measured nodes");
        let range = alone.surface.range().expect("a range");
        for (here, there) in alone.surface.losses().iter().zip(both.surface.losses()) {
            assert!((here - there).abs() <= 1e-4 * range, "{here} {there}");
        }
        let check = run.checks().into_iter().find(|it| it.name.starts_with("devices-agree"));
        assert!(check.expect("a check").passed);
    }

    #[test]
    fn a_device_that_fails_costs_the_nodes_it_was_at_and_the_others_measure_them() {
        let run = recorded();
        let counted = Counted::failing_after(12);
        let study = open(&run).study_with(&Mlp::new(), &batches(), |output| counted.read(output));
        let mut study = study.expect("a study");
        study.devices([(ndarray(), moved(&batches()))]).expect("a device");
        let slice = study.slice(&SliceSpec::pca()).expect("a slice");
        let next = study.slice(&SliceSpec::random()).expect("a slice");
        study.finish().expect("a landscape");
        assert!(slice.surface.is_complete() && next.surface.is_complete());
        assert_names(
            &run.notes().join("\n"),
            &["NdArray", "measures no more", "the device is gone"],
        );
    }

    #[test]
    fn a_device_that_never_works_is_refused_by_its_name_and_the_study_goes_on_without_it() {
        let run = recorded();
        let counted = Counted::failing_after(0);
        let study = open(&run).study_with(&Mlp::new(), &batches(), |output| counted.read(output));
        let mut study = study.expect("a study");
        let error = study.devices([(ndarray(), moved(&batches()))]).err().expect("a refusal");
        assert!(matches!(error, Error::UnusableDevice { .. }), "{error}");
        assert_names(&error.to_string(), &["NdArray", "cannot be used", "the device is gone"]);
        assert!(study.slice(&SliceSpec::pca()).expect("a slice").surface.is_complete());
    }

    #[test]
    fn other_batches_on_a_device_and_validation_data_on_one_device_are_refused() {
        let run = recorded();
        let mut study = open(&run).study(&Mlp::new(), &batches()).expect("a study");
        let fewer = moved(&batches()[..1]);
        let error = study.devices([(ndarray(), fewer)]).err().expect("a refusal");
        assert_names(&error.to_string(), &["NdArray", "it has 1 of them, the study 2"]);
        let [first, _] = batches();
        let other = moved(&[first, batch(&wave_rows::<5>(6, 0.3)[4..])]);
        let error = study.devices([(ndarray(), other)]).err().expect("a refusal");
        assert!(matches!(error, Error::OtherBatches { .. }), "{error}");
        assert_names(&error.to_string(), &["batch 1 has the loss"]);
        study.devices([(ndarray(), moved(&batches()))]).expect("a device");
        let error = study.also_on("valid", &batches()).err().expect("a refusal");
        assert_names(&error.to_string(), &["also_on"]);
    }
}
