//! The course of a run as arrays: an entry per step or per epoch.

use burnscape_run::{MetricSeries, Steps};
use burnscape_trace::Step;
use serde_json::json;

use super::Npz;
use super::archive::{Element, Place};
use crate::Error;
use crate::json::hyperparameters;
use crate::run::{Named, Run};
use crate::step_columns::{self, StepColumns};

/// What every step has.
const WHOLE: [Named<u64>; 3] = [
    ("step", |row| row.step),
    ("batches", |row| row.batches),
    ("accumulated", |row| u64::from(row.accumulated)),
];
const NUMBERS: [Named<f64>; 5] = [
    ("epoch_of_step", |row| or_nan(row.epoch)),
    ("iteration", |row| or_nan(row.iteration)),
    ("elapsed_secs", |row| row.elapsed_secs),
    ("lr", |row| row.lr),
    ("loss", |row| row.loss.unwrap_or(f64::NAN)),
];

/// Writes steps and epochs, where there are any.
pub(super) fn write(run: &Run, npz: &mut Npz<'_>) -> Result<(), Error> {
    if run.history.steps.count() > 0 {
        steps(run, npz)?;
    }
    if !run.history.epochs.is_empty() {
        epochs(run, npz)?;
    }
    if !run.history.hyperparameters.is_empty() {
        npz.text("hyperparameters", &hyperparameters(&run.history))?;
    }
    metrics(run, npz)
}

/// Three arrays for each metric: the value, after how many steps, and in which epoch.
fn metrics(run: &Run, npz: &mut Npz<'_>) -> Result<(), Error> {
    let series = run.history.metrics.series();
    if series.is_empty() {
        return Ok(());
    }
    let names = series.iter().map(|it| json!({ "split": it.split, "name": it.name }));
    npz.text("metrics", &names.collect())?;
    for (number, MetricSeries { rows, .. }) in series.iter().enumerate() {
        let key = format!("metric{number}");
        npz.vector(&key, &rows.iter().map(|row| row.value).collect::<Vec<_>>())?;
        npz.vector(&format!("{key}_step"), &rows.iter().map(|row| row.step).collect::<Vec<_>>())?;
        npz.vector(&format!("{key}_epoch"), &rows.iter().map(|row| row.epoch).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Appends what a step has for an array.
type Push<'a> = Box<dyn Fn(&mut Vec<u8>, &Step) + 'a>;

/// An array of steps, and where it goes.
struct Array<'a> {
    place: Place,
    push: Push<'a>,
}

/// All arrays from one reading of the trace.
fn steps(run: &Run, npz: &mut Npz<'_>) -> Result<(), Error> {
    let steps = &run.history.steps;
    let columns = StepColumns::of(run, "npz")?;
    let mut arrays = numbers(steps, npz);
    let blocks = (0..steps.widest()).map(|block| json!(run.block_name(block)));
    npz.text("blocks", &blocks.collect())?;
    for (name, key) in steps.names().iter().zip(&super::keys::of_columns(steps.names())) {
        match columns.rare.contains(&name.as_str()) {
            true => arrays.extend(rare_column(steps, name, key, npz)),
            false => arrays.push(column(steps, name, key, npz)),
        }
    }
    match columns.rare.is_empty() {
        true => arrays.push(missing(steps, npz)),
        false => arrays.extend(missing_pairs(steps, npz)),
    }
    steps.for_each(|step| {
        arrays.iter_mut().try_for_each(|Array { place, push }| {
            push(&mut place.buffer, step);
            npz.drain(place)
        })
    })?;
    arrays.into_iter().try_for_each(|array| npz.close(array.place))
}

impl<'a> Array<'a> {
    fn new<T: Element>(
        key: &str,
        shape: &[usize],
        npz: &mut Npz<'_>,
        push: impl Fn(&mut Vec<u8>, &Step) + 'a,
    ) -> Self {
        Self { place: npz.reserve::<T>(key, shape), push: Box::new(push) }
    }
}

fn numbers<'a>(steps: &Steps, npz: &mut Npz<'_>) -> Vec<Array<'a>> {
    let shape = [steps.count() as usize];
    let mut arrays = Vec::new();
    for (key, of_step) in WHOLE {
        let push = move |out: &mut Vec<u8>, step: &Step| of_step(step).append(out);
        arrays.push(Array::new::<u64>(key, &shape, npz, push));
    }
    for (key, of_step) in NUMBERS {
        let push = move |out: &mut Vec<u8>, step: &Step| of_step(step).append(out);
        arrays.push(Array::new::<f64>(key, &shape, npz, push));
    }
    arrays
}

/// A row for each step.
fn column<'a>(steps: &Steps, name: &'a str, key: &str, npz: &mut Npz<'_>) -> Array<'a> {
    let width = steps.widest();
    Array::new::<f32>(key, &[steps.count() as usize, width], npz, move |out, step| {
        push_row(out, step.columns.get(name).map_or(&[], |values| values), width);
    })
}

/// Rows for the steps alone in which a quantity was measured, and which these are.
fn rare_column<'a>(steps: &Steps, name: &'a str, key: &str, npz: &mut Npz<'_>) -> [Array<'a>; 2] {
    let (times, width) = (step_columns::times(steps, name) as usize, steps.widest());
    let rows = Array::new::<f32>(key, &[times, width], npz, move |out, step| {
        if step_columns::is_in(step, name) {
            push_row(out, &step.columns[name], width);
        }
    });
    let of = Array::new::<u64>(&format!("steps_of_{key}"), &[times], npz, move |out, step| {
        if step_columns::is_in(step, name) {
            step.step.append(out);
        }
    });
    [rows, of]
}

/// The values of a column in a step, with NaN for blocks of which there is none.
fn push_row(out: &mut Vec<u8>, values: &[f32], width: usize) {
    values.iter().for_each(|value| value.append(out));
    (values.len()..width).for_each(|_| f32::NAN.append(out));
}

/// 1 where no gradient reached the block.
fn missing<'a>(steps: &Steps, npz: &mut Npz<'_>) -> Array<'a> {
    let width = steps.widest();
    Array::new::<u8>("missing", &[steps.count() as usize, width], npz, move |out, step| {
        let begin = out.len();
        out.resize(begin + width, 0);
        for &block in step.missing.iter() {
            out[begin..].get_mut(block as usize).into_iter().for_each(|flag| *flag = 1);
        }
    })
}

/// Two arrays side by side: a step, and the number of a block that no gradient reached in it.
fn missing_pairs<'a>(steps: &Steps, npz: &mut Npz<'_>) -> [Array<'a>; 2] {
    let shape = [steps.missing() as usize];
    let of = Array::new::<u64>("missing_step", &shape, npz, |out, step| {
        step.missing.iter().for_each(|_| step.step.append(out));
    });
    let blocks = Array::new::<u64>("missing_block", &shape, npz, |out, step| {
        step.missing.iter().for_each(|&block| u64::from(block).append(out));
    });
    [of, blocks]
}

fn epochs(run: &Run, npz: &mut Npz<'_>) -> Result<(), Error> {
    let epochs = &run.history.epochs;
    let whole = |of: fn(&burnscape_trace::Epoch) -> u64| epochs.iter().map(of).collect::<Vec<_>>();
    let loss = |of: fn(&burnscape_trace::Epoch) -> Option<f64>| -> Vec<f64> {
        epochs.iter().map(|epoch| of(epoch).unwrap_or(f64::NAN)).collect()
    };
    npz.vector("epoch", &whole(|epoch| epoch.epoch))?;
    npz.vector("epoch_steps", &whole(|epoch| epoch.steps))?;
    npz.vector("epoch_train_loss", &loss(|epoch| epoch.train_loss))?;
    npz.vector("epoch_valid_loss", &loss(|epoch| epoch.valid_loss))
}

fn or_nan(number: Option<u64>) -> f64 {
    number.map_or(f64::NAN, |number| number as f64)
}
