//! Every quantity of a step, against closed forms, on both backends, in f32 and f64, read at once and left on the
//! device.

use burn::grad_clipping::GradientClippingConfig;
use burn::lr_scheduler::constant::ConstantLr;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::module::ParamGroup;
use burn::optim::{GradientsAccumulator, ModuleOptimizer, SgdConfig};
use burn::tensor::{DType, Device};
use burn::train::TrainStep;
use burnscape::trace::Step;
use burnscape::trace::columns::{self, Blocks};
use burnscape::{Measurements, Probe, Schedule};
use burnscape_trace::record;

use super::support::{Bowl, Run, assert_close, close, devices, flex, sample, step};

const LEFT: [f64; 2] = [3.0, -4.0];
const RIGHT: [f64; 3] = [12.0, 0.0, 0.0];

/// Every way in which numbers come out of a step: element type, device, deferred reading.
fn ways() -> Vec<(DType, Device, bool)> {
    let of = |dtype| {
        let deferred =
            move |device: Device| [(dtype, device.clone(), false), (dtype, device, true)];
        devices().into_iter().flat_map(deferred)
    };
    [DType::F32, DType::F64].into_iter().flat_map(of).collect()
}

/// Trains the bowl on the samples in turn, with everything measured at every step.
fn recorded(
    way: &(DType, Device, bool),
    optim: &mut ModuleOptimizer,
    lr: f64,
    samples: &[[f64; 5]],
) -> Vec<Step> {
    let (dtype, device, deferred) = way;
    let run = Run::new();
    let builder = run.builder().measurements(Measurements::all(Schedule::Every(1)));
    let probe = builder.deferred_reads(*deferred).start().expect("a probe");
    let mut model = probe.watch(Bowl::at(&LEFT, &RIGHT, *dtype, device));
    for values in samples {
        model = step(model, optim, lr, sample(values, *dtype, device));
    }
    close(probe);
    let steps = run.steps();
    assert_eq!(steps.len(), samples.len());
    steps
}

fn sgd() -> ModuleOptimizer {
    SgdConfig::new().init()
}

/// Both blocks together.
fn all() -> Blocks {
    Blocks::of_module(&head(), "bowl")
}

fn head() -> burnscape::trace::Head {
    let block = |path: &str| record!(burnscape::trace::Block { path: path.into() });
    let blocks = ["bowl.left", "bowl.right"].map(block).to_vec();
    record!(burnscape::trace::Head { blocks })
}

#[test]
fn gradients_of_half_the_squared_norm_are_the_parameters() {
    for way in ways() {
        let steps = recorded(&way, &mut sgd(), 0.0, &[[0.0; 5]]);
        let (left, right) = (Blocks::one(0), Blocks::one(1));
        let over = |blocks: &Blocks, column: &str| steps[0].over(blocks, column).expect(column);
        for (blocks, norm, largest) in
            [(&left, 5.0, 4.0), (&right, 12.0, 12.0), (&all(), 13.0, 12.0)]
        {
            assert_close(over(blocks, columns::GRAD_NORM), norm, 1e-6, "norm");
            assert_close(over(blocks, columns::WEIGHT_NORM), norm, 1e-6, "weight norm");
            assert_eq!(over(blocks, columns::GRAD_MAX), largest, "{way:?}");
            assert_eq!(over(blocks, columns::GRAD_NON_FINITE), 0.0);
            assert_eq!(over(blocks, columns::UPDATE_NORM), 0.0);
        }
    }
}

#[test]
fn descent_into_a_bowl_goes_straight_and_its_length_adds_up() {
    for way in ways() {
        let (lr, count) = (0.25, 5);
        let steps = recorded(&way, &mut sgd(), lr, &vec![[0.0; 5]; count]);
        for (t, step) in steps.iter().enumerate() {
            // θ shrinks by 1 − lr at every step.
            let (before, after) = (0.75_f64.powi(t as i32), 0.75_f64.powi(t as i32 + 1));
            for (blocks, norm) in [(Blocks::one(0), 5.0), (Blocks::one(1), 12.0), (all(), 13.0)] {
                let over = |column: &str| step.over(&blocks, column).expect(column);
                assert_close(over(columns::UPDATE_NORM), lr * norm * before, 1e-5, "update");
                assert_close(over(columns::DISTANCE), norm * (1.0 - after), 1e-5, "distance");
                assert_close(step.update_ratio(&blocks).expect("a ratio"), lr, 1e-5, "ratio");
                match t {
                    0 => assert_eq!(step.update_cosine(&blocks), None),
                    _ => {
                        let cosine = step.update_cosine(&blocks).expect("a cosine");
                        assert_close(cosine, 1.0, 1e-5, "cosine");
                        let dot = lr * lr * norm * norm * before * before / 0.75;
                        assert_close(over(columns::UPDATE_DOT), dot, 1e-5, "dot");
                    }
                }
            }
        }
    }
}

#[test]
fn a_step_too_long_turns_round() {
    for way in ways() {
        // θ becomes −½θ at lr = 1.5: successive updates are opposite.
        let steps = recorded(&way, &mut sgd(), 1.5, &[[0.0; 5]; 3]);
        let cosine = steps[2].update_cosine(&all()).expect("a cosine");
        assert_close(cosine, -1.0, 1e-5, "cosine");
    }
}

#[test]
fn signal_and_power_are_averages_that_forget_a_tenth_at_every_step() {
    // At lr = 0 the gradient is θ − sample: two samples in turn give signal and noise.
    let samples: Vec<[f64; 5]> =
        (0..8).map(|t| if t % 2 == 0 { [0.0; 5] } else { [6.0, 0.0, 0.0, 9.0, 0.0] }).collect();
    for way in ways() {
        let steps = recorded(&way, &mut sgd(), 0.0, &samples);
        for (blocks, range) in [(Blocks::one(0), 0..2), (Blocks::one(1), 2..5), (all(), 0..5)] {
            let theta = [&LEFT[..], &RIGHT].concat();
            let (mut mean, mut power, mut weight) = (vec![0.0; 5], 0.0, 0.0);
            for (sample, step) in samples.iter().zip(&steps) {
                let gradient: Vec<f64> = range.clone().map(|i| theta[i] - sample[i]).collect();
                weight = 0.9 * weight + 0.1;
                power = 0.9 * power + 0.1 * gradient.iter().map(|g| g * g).sum::<f64>();
                for (i, g) in range.clone().zip(&gradient) {
                    mean[i] = 0.9 * mean[i] + 0.1 * g;
                }
                let signal: f64 = range.clone().map(|i| (mean[i] / weight).powi(2)).sum();
                let expected = signal / (power / weight - signal);
                let found = step.signal_to_noise(&blocks).expect("a ratio");
                if (0.0..1e3).contains(&expected) {
                    assert_close(found, expected, 1e-3, "signal to noise");
                } else {
                    // The first gradient is all signal; rounding to f32 leaves some noise.
                    assert!(found > 1e5, "{found}");
                }
            }
        }
    }
}

#[test]
fn the_coefficient_of_variation_is_that_of_the_last_hundred_norms() {
    let samples: Vec<[f64; 5]> = (0..120).map(|t| [0.0, 0.0, 0.0, 0.0, f64::from(t % 7)]).collect();
    let steps = recorded(&(DType::F32, flex(), false), &mut sgd(), 0.0, &samples);
    assert!(!steps[98].columns.contains_key(columns::GRAD_CV), "the window is not full");
    let norms: Vec<f64> =
        (20..120).map(|t| 144.0 + f64::from(t % 7).powi(2)).map(f64::sqrt).collect();
    let mean = norms.iter().sum::<f64>() / 100.0;
    let variance = norms.iter().map(|norm| (norm - mean).powi(2)).sum::<f64>() / 99.0;
    let cv = &steps[119].columns[columns::GRAD_CV];
    assert_eq!(cv[0], 0.0);
    assert_close(f64::from(cv[1]), variance.sqrt() / mean, 1e-4, "coefficient of variation");
}

#[test]
fn nan_and_infinite_entries_are_counted_where_they_are() {
    for (dtype, device, deferred) in ways() {
        let run = Run::new();
        // Light: the closer look comes with the broken norm, and only with it.
        let probe = run.builder().deferred_reads(deferred).start().expect("a probe");
        let mut model = probe.watch(Bowl::at(&LEFT, &RIGHT, dtype, &device));
        let broken = [0.0, f64::NAN, f64::INFINITY, 0.0, f64::NAN];
        for values in [[0.0; 5], broken] {
            model = step(model, &mut sgd(), 0.0, sample(&values, dtype, &device));
        }
        close(probe);
        let steps = run.steps();
        assert!(!steps[0].columns.contains_key(columns::GRAD_NON_FINITE));
        if deferred {
            // What lies on an accelerator is not waited for.
            assert!(!steps[1].columns[columns::GRAD_NORM][0].is_finite());
            continue;
        }
        assert_eq!(steps[1].columns[columns::GRAD_NON_FINITE].0, [1.0, 2.0]);
    }
}

#[test]
fn histograms_count_the_octaves_of_gradients_and_weights() {
    let run = Run::new();
    let measurements = Measurements {
        gradient_histograms: Schedule::Every(2),
        weight_histograms: Schedule::Logarithmic,
        ..Measurements::default()
    };
    let probe = run.builder().measurements(measurements).start().expect("a probe");
    let mut model = probe.watch(Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()));
    for _ in 0..3 {
        model = step(model, &mut sgd(), 0.0, sample(&[0.0; 5], DType::F32, &flex()));
    }
    close(probe);
    let found = run.histograms();
    let at = |of: &str| -> Vec<(u64, Option<u32>)> {
        found.iter().filter(|it| it.of == of).map(|it| (it.step, it.block)).collect()
    };
    assert_eq!(at("gradient"), [(0, Some(0)), (0, Some(1)), (2, Some(0)), (2, Some(1))]);
    assert_eq!(at("weight").len(), 6);
    // 3 lies in [2, 4), −4 in [4, 8), 12 in [8, 16).
    let (left, right) = (&found[0], &found[1]);
    assert_eq!((left.first_exponent, left.positive.0.as_slice()), (1, &[1, 0][..]));
    assert_eq!(left.negative.0, [0, 1]);
    assert_eq!((right.first_exponent, right.positive.0.as_slice(), right.zeros), (3, &[1][..], 2));
}

#[test]
fn accumulated_gradients_are_the_sum_that_the_optimizer_receives() {
    for (dtype, device, deferred) in ways() {
        let run = Run::new();
        let probe = run.builder().deferred_reads(deferred).start().expect("a probe");
        let model = probe.watch(Bowl::at(&LEFT, &RIGHT, dtype, &device));
        let mut sum = GradientsAccumulator::new();
        for _ in 0..3 {
            let output = TrainStep::step(&model, sample(&[0.0; 5], dtype, &device));
            sum.accumulate(model.inner(), output.grads);
        }
        let _ = model.optimize(&mut sgd(), 0.1.into(), sum.grads());
        close(probe);
        let [step] = &run.steps()[..] else { panic!("one step") };
        assert_eq!(step.accumulated, 3);
        assert_close(
            step.over(&all(), columns::GRAD_NORM).expect("a norm"),
            39.0,
            1e-6,
            "three times 13",
        );
    }
}

/// What the optimizer's own clipping leaves, read off the update it makes.
#[test]
fn clipping_is_seen_from_both_sides() {
    let cases = [
        // ‖(3, −4)‖ = 5 and 12 are cut to 2 each.
        (GradientClippingConfig::Norm(2.0), [2.0, 2.0]),
        (GradientClippingConfig::Norm(7.0), [5.0, 7.0]),
        // Every entry is cut to ±3.5.
        (GradientClippingConfig::Value(3.5), [(9.0_f64 + 3.5 * 3.5).sqrt(), 3.5]),
    ];
    for (clipping, expected) in cases {
        for way in ways() {
            let mut optim = SgdConfig::new().with_gradient_clipping(Some(clipping.clone())).init();
            let step = recorded(&way, &mut optim, 0.5, &[[0.0; 5]]).swap_remove(0);
            for (block, expected) in expected.into_iter().enumerate() {
                let over = |column: &str| step.over(&Blocks::one(block), column).expect(column);
                let received = [5.0, 12.0][block];
                assert_close(over(columns::GRAD_NORM), received, 1e-6, "received");
                assert_close(over(columns::GRAD_NORM_CLIPPED), expected, 1e-6, "clipped");
                assert_close(over(columns::UPDATE_NORM) / 0.5, expected, 1e-5, "used");
            }
        }
    }
}

#[test]
fn clipping_of_another_group_is_unknown_and_said_to_be() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let model = probe.watch(Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()));
    let group = ParamGroup::from_path("right");
    let clipping = Some(burn::grad_clipping::GradientClipping::Norm(1.0));
    let mut optim = sgd().with_group(group, SgdConfig::new().build(), clipping);
    let _ = step(model, &mut optim, 0.1, sample(&[0.0; 5], DType::F32, &flex()));
    close(probe);
    assert!(!run.steps()[0].columns.contains_key(columns::GRAD_NORM_CLIPPED));
    let told = run.records().into_iter().any(|record| match record {
        burnscape::trace::Record::Note(note) => note.text.contains("unknown"),
        _ => false,
    });
    assert!(told);
}

#[test]
fn learning_rates_of_groups_are_told_by_block() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let model = probe.watch(Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()));
    let mut rates = ModuleLrScheduler::new(ConstantLr::from(0.5))
        .with_group(ParamGroup::from_path("right"), ConstantLr::from(0.125));
    let output = TrainStep::step(&model, sample(&[0.0; 5], DType::F32, &flex()));
    let model = model.optimize(&mut sgd(), rates.step(), output.grads);
    let _ = step(model, &mut sgd(), 0.5, sample(&[0.0; 5], DType::F32, &flex()));
    close(probe);
    let steps = run.steps();
    assert_eq!(steps[0].columns[columns::LR].0, [0.5, 0.125]);
    // Independently: the update of descent is lr·‖g‖.
    let updates = &steps[0].columns[columns::UPDATE_NORM];
    assert_eq!((updates[0], updates[1]), (2.5, 1.5));
    assert!(!steps[1].columns.contains_key(columns::LR), "one rate for all is that of the step");
}

#[test]
fn a_level_measures_what_it_says() {
    for (level, has_extremes, has_histograms) in [
        (burnscape::Level::Light, false, false),
        (burnscape::Level::Standard, true, false),
        (burnscape::Level::Full, true, true),
    ] {
        let run = Run::new();
        let probe: Probe = run.builder().level(level).start().expect("a probe");
        let model = probe.watch(Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()));
        let _ = step(model, &mut sgd(), 0.1, sample(&[0.0; 5], DType::F32, &flex()));
        close(probe);
        let step = &run.steps()[0];
        assert!(step.columns.contains_key(columns::GRAD_NORM));
        assert_eq!(step.columns.contains_key(columns::GRAD_MAX), has_extremes);
        assert_eq!(!run.histograms().is_empty(), has_histograms);
    }
}
