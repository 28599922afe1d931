//! A thinned trace keeps minima, maxima and spikes where they were, and tells means.

use std::num::NonZeroU64;

use burnscape_trace::{
    Alert, Epoch, Error, F32s, Metric, Record, RunFolder, Step, Thinned, Writer, read_run, record,
    thin,
};
use tempfile::TempDir;

use crate::sample::{end, head, note, text, uncounted};

fn step(step: u64, loss: f64, norms: [f32; 2]) -> Record {
    let columns = [("grad_norm".to_owned(), F32s(norms.to_vec()))].into();
    Record::from(record!(Step { step, batches: step + 1, loss: Some(loss), columns }))
}

fn thinned(records: &[Record], every: u64) -> (TempDir, Thinned, Vec<Record>) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("old")).unwrap();
    let mut writer = Writer::create(&folder).unwrap();
    writer.append(&head().into()).unwrap();
    records.iter().for_each(|it| writer.append(it).unwrap());
    writer.finish(end()).unwrap();
    let every = NonZeroU64::new(every).unwrap();
    let thinned = thin(folder.path(), scratch.path().join("new"), every).unwrap();
    let trace = read_run(scratch.path().join("new")).unwrap();
    assert_eq!((trace.lost, trace.torn), (vec![], None));
    (scratch, thinned, trace.records)
}

fn steps(records: &[Record]) -> Vec<&Step> {
    let mut steps = Vec::new();
    for record in records {
        if let Record::Step(step) = record {
            steps.push(step);
        }
    }
    steps
}

fn numbers(records: &[Record]) -> Vec<u64> {
    steps(records).iter().map(|step| step.step).collect()
}

#[test]
fn the_extremes_of_loss_and_gradient_norms_stay_where_they_were() {
    let mut all: Vec<Record> = (0..100).map(|it| step(it, 1.0, [2.0, 3.0])).collect();
    all[17] = step(17, 9.0, [2.0, 3.0]);
    all[40] = step(40, 0.5, [2.0, 3.0]);
    all[55] = step(55, 1.0, [50.0, 3.0]);
    all[56] = step(56, 1.0, [2.0, 0.25]);
    all[70] = step(70, f64::NAN, [2.0, 3.0]);
    all[71] = step(71, f64::INFINITY, [2.0, 3.0]);
    all[80] = step(80, 1.0, [2.0, f32::NAN]);
    let (_scratch, thinned, records) = thinned(&all, 100);
    assert_eq!(numbers(&records), [0, 17, 40, 55, 56, 70, 80]);
    assert_eq!((thinned.steps, thinned.kept), (100, 7));
    let kept = |number: usize| text(std::slice::from_ref(&all[number]))[0].clone();
    let written = text(&records);
    assert!([17, 40, 55, 56, 70, 80].into_iter().all(|it| written.contains(&kept(it))));
}

#[test]
fn the_first_step_of_a_bucket_tells_the_means_of_finite_values() {
    let all = [
        step(0, 1.0, [1.0, f32::NAN]),
        step(1, 2.0, [2.0, 4.0]),
        step(2, 6.0, [6.0, 2.0]),
        step(3, f64::NAN, [3.0, f32::INFINITY]),
    ];
    let (_scratch, _, records) = thinned(&all, 4);
    let first = steps(&records)[0];
    assert_eq!(first.columns["grad_norm_mean"], F32s(vec![3.0, 3.0]));
    let Some(Record::Metric(mean)) = records.iter().find(|it| it.kind() == "metric") else {
        panic!()
    };
    let expected = ("thinned", "loss", 0, 3.0);
    assert_eq!((mean.split.as_str(), mean.name.as_str(), mean.step, mean.value), expected);
}

#[test]
fn all_that_is_no_step_stays_and_keeps_its_place() {
    let metric = |step| Record::from(record!(Metric { name: "a".into(), step }));
    let epoch = Record::from(record!(Epoch { epoch: 1, steps: 3 }));
    let all = [
        step(0, 1.0, [1.0, 1.0]),
        metric(1),
        step(1, 1.0, [1.0, 1.0]),
        metric(2),
        step(2, 2.0, [1.0, 1.0]),
        epoch.clone(),
        note("between"),
        step(3, 1.0, [1.0, 1.0]),
    ];
    let (_scratch, _, records) = thinned(&all, 1000);
    let mut others = records.clone();
    // Those that thinning adds, and the copies of the head that a writer adds.
    others.retain(|it| match it {
        Record::Step(_) | Record::Head(_) => false,
        Record::Metric(metric) => metric.split != "thinned",
        Record::Note(note) => !note.text.contains("thinned"),
        _ => true,
    });
    let expected = [metric(1), metric(2), epoch, note("between"), end().into()];
    assert_eq!(text(&uncounted(others)), text(&expected));
    assert_eq!(numbers(&records), [0, 2, 3]);
    let place = |kind: &str| records.iter().rposition(|it| it.kind() == kind).unwrap();
    assert!(place("step") > place("epoch"), "the last bucket comes after the epoch");
}

#[test]
fn a_step_that_an_alert_refers_to_is_kept() {
    let mut all: Vec<Record> = (0..50).map(|it| step(it, 1.0, [1.0, 1.0])).collect();
    all.insert(31, Record::from(record!(Alert { step: 30 })));
    let (_scratch, _, records) = thinned(&all, 50);
    assert_eq!(numbers(&records), [0, 30]);
}

#[test]
fn blocks_that_no_gradient_reached_say_nothing() {
    let missing = |number: u64| {
        let Record::Step(mut it) = step(number, 1.0, [1.0, f32::NAN]) else { unreachable!() };
        it.missing = vec![1].into();
        Record::from(it)
    };
    let (_scratch, _, records) = thinned(&[step(0, 1.0, [1.0, 1.0]), missing(1)], 10);
    assert_eq!(numbers(&records), [0]);
}

#[test]
fn every_step_is_its_own_bucket_of_one() {
    let all: Vec<Record> = (0..5).map(|it| step(it, 1.0, [1.0, 2.0])).collect();
    let (_scratch, thinned, records) = thinned(&all, 1);
    assert_eq!((thinned.steps, thinned.kept), (5, 5));
    let kept: Vec<Record> = steps(&records).into_iter().cloned().map(Record::from).collect();
    assert_eq!(kept, all);
}

#[test]
fn thinning_is_never_in_place() {
    let (scratch, _, _) = thinned(&[step(0, 1.0, [1.0, 1.0])], 2);
    let old = scratch.path().join("old");
    let error = thin(&old, &old, NonZeroU64::MIN).unwrap_err();
    assert!(matches!(error, Error::OutputExists { .. }), "{error:?}");
}
