//! What a program tells itself: what training is set to, and values of its own at any step.

use burn::config::Config;
use burn::optim::{AdamConfig, SgdConfig};
use burn::tensor::{DType, Device};
use burn::train::TrainStep;
use burnscape::Probe;
use burnscape::trace::{Metric, Record};
use serde::Serialize;

use super::support::{Bowl, Run, close, flex, pick, sample};

fn bowl(device: &Device) -> Bowl {
    Bowl::at(&[3.0, 4.0], &[12.0, 0.0], DType::F32, device)
}

fn own(run: &Run) -> Vec<Metric> {
    pick(run.records(), |record| match record {
        Record::Metric(metric) if metric.split == "own" => Some(metric),
        _ => None,
    })
}

fn set(run: &Run) -> Vec<(String, String)> {
    let told = pick(run.records(), |record| match record {
        Record::Hyperparameters(told) => Some(told.values),
        _ => None,
    });
    told.into_iter().flatten().collect()
}

/// A loop of `epochs` epochs of three steps that tells values before and after each step.
fn observed(probe: &Probe, epochs: u64) {
    let device = flex();
    let mut observer = probe.observe();
    let (mut model, mut optim) = (bowl(&device), SgdConfig::new().init());
    probe.log("before all", 1.0);
    for _ in 0..epochs {
        for _ in 0..3 {
            let output = TrainStep::step(&model, sample(&[0.0; 4], DType::F32, &device));
            observer.loss(&output.item.loss, 1);
            model = observer.step(&mut optim, 0.25, model, output.grads);
            probe.log("after step", 2.0_f32);
        }
        probe.log("after epoch", 7);
        observer.epoch_done(&model);
    }
    probe.log("after all", f64::NAN);
}

#[test]
fn values_of_ones_own_stand_at_their_steps_and_in_their_epochs() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    observed(&probe, 2);
    close(probe);
    let told = own(&run);
    let of = |name: &str| -> Vec<(u64, u64, f64)> {
        let of_name = told.iter().filter(|it| it.name == name);
        of_name.map(|it| (it.step, it.epoch, it.value)).collect()
    };
    let expected: Vec<_> = (1..=6).map(|step| (step, 1 + (step - 1) / 3, 2.0)).collect();
    assert_eq!(of("after step"), expected);
    assert_eq!(of("after epoch"), [(3, 1, 7.0), (6, 2, 7.0)]);
    assert_eq!(of("before all"), [(0, 1, 1.0)]);
    let [(step, epoch, value)] = of("after all")[..] else { panic!("{told:?}") };
    assert!((step, epoch) == (6, 3) && value.is_nan());
    // In the order in which they were told.
    assert!(told.is_sorted_by_key(|it| it.step));
}

#[test]
fn names_are_kept_as_they_are_and_values_come_from_any_thread() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let hostile = "</script>\u{1b}[2J\n\u{202e}";
    std::thread::scope(|scope| {
        for agent in 0..4 {
            let probe = &probe;
            scope.spawn(move || {
                (0..100).for_each(|it| probe.log(&format!("agent {agent}"), f64::from(it)));
            });
        }
    });
    probe.log(hostile, f64::INFINITY);
    observed(&probe, 1);
    close(probe);
    let told = own(&run);
    for agent in 0..4 {
        let name = format!("agent {agent}");
        let values = told.iter().filter(|it| it.name == name).map(|it| it.value);
        assert!(values.eq((0..100).map(f64::from)), "{name}");
    }
    let odd = told.iter().find(|it| it.name == hostile).expect("the odd name");
    assert_eq!(odd.value, f64::INFINITY);
}

#[test]
fn more_values_than_the_writer_can_follow_are_counted_and_told() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    const TOLD: usize = 200_000;
    (0..TOLD).for_each(|it| probe.log("fast", it as f64));
    observed(&probe, 1);
    close(probe);
    let written = own(&run).len();
    assert!(written > 0 && written < TOLD, "{written}");
    let notes = pick(run.records(), |record| match record {
        Record::Note(note) => Some(note.text),
        _ => None,
    });
    // One before, three after steps, one after the epoch and one at the end.
    let told = TOLD + 6;
    let left_out = format!("{} values of `probe.log` were left out", told - written);
    assert!(notes.iter().any(|it| it.starts_with(&left_out)), "{notes:?}");
}

#[test]
fn values_and_settings_cost_a_disabled_probe_nothing() {
    let probe = Probe::disabled();
    probe.log("reward", 1.0);
    probe.hyperparameters(&AdamConfig::new());
}

#[derive(Config, Debug)]
struct Training {
    optimizer: AdamConfig,
    #[config(default = 64)]
    batch_size: usize,
}

#[derive(Serialize)]
struct Own {
    batch_size: u32,
    name: &'static str,
    warmup: Option<f32>,
    widths: [u16; 2],
}

#[test]
fn settings_are_recorded_in_parts_whenever_they_are_told() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    // Before there is a head.
    probe.hyperparameters(&Training::new(AdamConfig::new()));
    observed(&probe, 1);
    probe.hyperparameters(&Own { batch_size: 32, name: "a\n", warmup: Some(0.1), widths: [8, 4] });
    close(probe);
    let told = set(&run);
    let value = |name: &str| {
        let last = told.iter().rev().find(|(known, _)| known == name);
        last.map(|(_, value)| value.as_str())
    };
    // burn's defaults of Adam: β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁵.
    let expected = [
        ("optimizer.beta_1", Some("0.9")),
        ("optimizer.beta_2", Some("0.999")),
        ("optimizer.epsilon", Some("1e-5")),
        ("batch_size", Some("32")),
        ("name", Some("\"a\\n\"")),
        ("warmup", Some("0.1")),
        ("widths", Some("[8,4]")),
        ("nothing", None),
    ];
    for (name, expected) in expected {
        assert_eq!(value(name), expected, "{name} in {told:?}");
    }
    assert!(told.contains(&("batch_size".to_owned(), "64".to_owned())), "{told:?}");
}

#[test]
fn what_serde_cannot_write_is_a_problem_of_the_recording_alone() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the test breaks it"))
        }
    }
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    probe.hyperparameters(&Broken);
    observed(&probe, 1);
    let recording = probe.close().expect("closed");
    let [problem] = recording.problems() else { panic!("{:?}", recording.problems()) };
    assert!(problem.contains("hyperparameters") && problem.contains("the test breaks it"));
    assert_eq!(run.steps().len(), 3);
}
