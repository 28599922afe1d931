//! Long runs in which little was measured: nothing is refused, and what was measured is there.

use std::fs;

use burnscape_report::{Error, Format};
use burnscape_trace::{Block, FORMAT, Head, Step, record};

use super::python::Python;
use super::support::{Npz, TestRun};

const BLOCKS: u32 = 1000;
const STEPS: u64 = 6000;

/// What was measured in a step: norms in every 1000th, a second quantity in two others.
fn measured(step: u64) -> Vec<(&'static str, f32)> {
    let norm = step.is_multiple_of(1000).then_some(("grad_norm", 1.0));
    let noise = (step == 17 || step == 4000).then_some(("noise", 0.25));
    norm.into_iter().chain(noise).collect()
}

fn value(step: u64, block: u32, factor: f32) -> f32 {
    (step as f32 + block as f32) * factor
}

fn step(number: u64) -> Step {
    let column = |(name, factor): (&str, f32)| {
        let values: Vec<f32> = (0..BLOCKS).map(|block| value(number, block, factor)).collect();
        (name.to_owned(), values.into())
    };
    let missing = if number == 5 { vec![7, 900] } else { Vec::new() };
    record!(Step {
        step: number,
        loss: Some(0.5),
        missing: missing.into(),
        columns: measured(number).into_iter().map(column).collect(),
    })
}

fn long_run() -> TestRun {
    let mut run = TestRun::new();
    (0..STEPS).for_each(|number| {
        run.add(step(number));
    });
    run
}

/// Steps in which a quantity was measured, by the rule and not by what was written.
fn steps_of(quantity: &str) -> Vec<u64> {
    (0..STEPS).filter(|step| measured(*step).iter().any(|(name, _)| *name == quantity)).collect()
}

#[test]
fn npz_has_rows_for_the_steps_in_which_a_rare_quantity_was_measured() {
    let mut run = long_run();
    let npz = Npz::open(fs::File::open(run.export_as(Format::Npz).unwrap().file).unwrap());
    assert_eq!(npz.f64s("loss").len(), STEPS as usize);
    for (quantity, factor) in [("grad_norm", 1.0), ("noise", 0.25)] {
        let steps = steps_of(quantity);
        assert_eq!(npz.u64s(&format!("steps_of_{quantity}")), steps);
        assert_eq!(npz.shape(quantity), [steps.len(), BLOCKS as usize]);
        let values = steps.iter().flat_map(|&it| (0..BLOCKS).map(move |b| value(it, b, factor)));
        assert_eq!(npz.f32s(quantity), values.collect::<Vec<_>>());
    }
    assert!(!npz.has("missing"));
    assert_eq!((npz.u64s("missing_step"), npz.u64s("missing_block")), (vec![5, 5], vec![7, 900]));
}

#[test]
fn csv_has_a_table_of_the_steps_in_which_rare_quantities_were_measured() {
    let mut run = long_run();
    let out = run.export_as(Format::Csv).unwrap().file;
    let table = |name: &str| csv::Reader::from_path(out.join(name)).unwrap();
    assert_eq!(table("steps.csv").headers().unwrap().len(), 9);
    assert_eq!(table("steps.csv").records().count(), STEPS as usize);
    let mut rare = table("rare_steps.csv");
    let header = rare.headers().unwrap().clone();
    assert_eq!(header.len(), 1 + 2 * BLOCKS as usize);
    assert_eq!((&header[1], &header[2000]), ("grad_norm/fc.weight", "noise/block 999"));
    let rows: Vec<csv::StringRecord> = rare.records().map(Result::unwrap).collect();
    let numbers: Vec<u64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, [0, 17, 1000, 2000, 3000, 4000, 5000]);
    for (row, &number) in rows.iter().zip(&numbers) {
        for (column, (quantity, factor)) in
            [("grad_norm", 1.0), ("noise", 0.25)].into_iter().enumerate()
        {
            let is_there = measured(number).iter().any(|(name, _)| *name == quantity);
            for block in 0..BLOCKS {
                let cell = &row[1 + column * BLOCKS as usize + block as usize];
                let told = is_there.then(|| value(number, block, factor));
                assert_eq!(
                    cell.parse::<f32>().ok(),
                    told,
                    "{quantity} of {block} in step {number}"
                );
            }
        }
    }
}

/// The rules of the run again, in Python.
const READ_IN_PYTHON: &str = r#"
import sys
sys.path.insert(0, READER)
import numpy as np
from burnscape_trace import read_run

steps = read_run(sys.argv[1]).steps()
assert steps.loss.tolist() == [.5] * 6000 and steps.step[steps.rows].tolist() == [0, 17, 1000, 2000, 3000, 4000, 5000]
of = lambda name: steps.step[steps.rows][steps.measured[name]].tolist()
assert of("grad_norm") == [0, 1000, 2000, 3000, 4000, 5000] and of("noise") == [17, 4000]
np.testing.assert_array_equal(steps.columns["noise"][1], (np.arange(1000) + 17) * .25)
assert np.isnan(steps.columns["noise"][0]).all()
norms = steps.over("grad_norm")
assert np.flatnonzero(~np.isnan(norms)).tolist() == [0, 1000, 2000, 3000, 4000, 5000]
assert abs(norms[0] - (999 * 1000 * 1999 / 6) ** .5) < 1e-9 * norms[0]
"#;

#[test]
fn python_has_rows_for_the_steps_in_which_something_was_measured() {
    let Some(python) = Python::with("cbor2, numpy") else { return };
    let block = |number: u32| record!(Block { path: format!("b{number}"), shape: vec![1] });
    let blocks = (0..BLOCKS).map(block).collect();
    let mut run = TestRun::with_head(record!(Head { format: FORMAT, blocks }));
    (0..STEPS).for_each(|number| {
        run.add(step(number));
    });
    run.flush();
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/python");
    python.check(&READ_IN_PYTHON.replace("READER", &format!("{reader:?}")), run.folder.path());
}

#[test]
fn one_wide_step_among_narrow_ones_is_refused_by_the_tables_alone() {
    let mut run = TestRun::new();
    for number in 0..STEPS {
        let width = if number == 9 { 20_000 } else { 1 };
        let values = vec![1.0; width];
        run.add(record!(Step { step: number, columns: [("a".into(), values.into())].into() }));
    }
    for format in [Format::Npz, Format::Csv] {
        assert!(matches!(run.export_as(format), Err(Error::TooSparse { .. })), "{format}");
    }
    assert_eq!(run.export_as(Format::Json).unwrap().steps, STEPS);
}
