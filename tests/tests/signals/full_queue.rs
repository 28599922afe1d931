//! A writer thread that stands still costs records, which are counted, and training never waits for it.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use burn::optim::SgdConfig;
use burn::tensor::DType;
use burnscape::trace::{Dropped, Record};
use burnscape::{AlertAction, Measurements, Schedule};

use super::support::{Bowl, Run, flex, pick, sample, step};

const STEPS: u64 = 500;
const QUEUE: usize = 16;

/// Trains while the writer thread is stuck in an answer to an alert, until training is over.
fn trained_beside_a_stuck_writer(run: &Run, measurements: Measurements) -> burnscape::Recording {
    let (stuck, is_stuck) = channel();
    let (release, released): (_, Receiver<()>) = channel();
    let released = Mutex::new(released);
    let builder = run.builder().queue_steps(QUEUE).measurements(measurements);
    let builder = builder.on_alert(move |_| {
        let _ = stuck.send(());
        let _ = released.lock().expect("no panic").recv();
        AlertAction::Continue
    });
    let probe = builder.start().expect("a probe");
    let mut sgd = SgdConfig::new().init();
    let mut model = probe.watch(Bowl::at(&[0.0, 0.0], &[1.0, 0.0], DType::F32, &flex()));
    // The second step explodes: lr·‖g‖ = 2.
    for lr in [0.0, 2.0] {
        model = step(model, &mut sgd, lr, sample(&[0.0; 4], DType::F32, &flex()));
    }
    is_stuck.recv().expect("the writer thread is stuck");
    // A training that waited for it would never end.
    for _ in 2..STEPS {
        model = step(model, &mut sgd, 0.0, sample(&[0.0; 4], DType::F32, &flex()));
    }
    drop(release);
    probe.close().expect("closed")
}

fn assert_counted(run: &Run, recording: &burnscape::Recording) {
    let dropped = pick(run.records(), |record| match record {
        Record::Dropped(Dropped { records, .. }) => Some(records),
        _ => None,
    });
    let written = run.steps().len() as u64;
    assert!(recording.dropped_steps() >= STEPS - 2 - QUEUE as u64 - 1, "{recording:?}");
    assert_eq!(dropped.iter().sum::<u64>(), recording.dropped_steps());
    assert_eq!(written + recording.dropped_steps(), STEPS);
}

#[test]
fn steps_that_find_no_room_are_counted_and_training_goes_on() {
    let run = Run::new();
    let recording = trained_beside_a_stuck_writer(&run, Measurements::default());
    assert_counted(&run, &recording);
}

#[test]
fn closer_looks_that_find_no_room_are_said_to_be_left_out() {
    let run = Run::new();
    let everything = Measurements::all(Schedule::Every(1));
    let recording = trained_beside_a_stuck_writer(&run, everything);
    assert_counted(&run, &recording);
    let told = pick(run.records(), |record| match record {
        Record::Note(note) if note.text.contains("left out because the writer") => Some(note.text),
        _ => None,
    });
    assert_eq!(told.len(), 1, "{told:?}");
}
