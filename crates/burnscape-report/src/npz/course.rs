//! The course of a run as arrays: an entry per step or per epoch.

use burnscape_run::MetricSeries;
use serde_json::{Value, json};

use super::Npz;
use crate::Error;
use crate::json::hyperparameters;
use crate::run::{Named, Run};
use crate::step_columns::{self, StepColumns};

/// What every step has.
const NUMBERS: [Named<f64>; 5] = [
    ("epoch_of_step", |row| or_nan(row.epoch)),
    ("iteration", |row| or_nan(row.iteration)),
    ("elapsed_secs", |row| row.elapsed_secs),
    ("lr", |row| row.lr),
    ("loss", |row| row.loss.unwrap_or(f64::NAN)),
];

/// Of so many steps all numbers are kept at once, which take 64 MB: the trace is read once for them.
const STEPS_TOGETHER: usize = 1_000_000;

/// Writes steps and epochs, where there are any.
pub(super) fn write(run: &Run, npz: &mut Npz<'_>) -> Result<(), Error> {
    let steps = run.history.steps.count() as usize;
    if steps > 0 {
        numbers(run, steps, npz)?;
        columns(run, steps, npz)?;
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

fn numbers(run: &Run, steps: usize, npz: &mut Npz<'_>) -> Result<(), Error> {
    let whole: [Named<u64>; 3] = [
        ("step", |row| row.step),
        ("batches", |row| row.batches),
        ("accumulated", |row| u64::from(row.accumulated)),
    ];
    let all = &run.history.steps;
    if steps <= STEPS_TOGETHER {
        let (mut wholes, mut floats) =
            (vec![Vec::new(); whole.len()], vec![Vec::new(); NUMBERS.len()]);
        all.for_each(|row| {
            wholes
                .iter_mut()
                .zip(&whole)
                .for_each(|(values, (_, of_row))| values.push(of_row(row)));
            floats
                .iter_mut()
                .zip(&NUMBERS)
                .for_each(|(values, (_, of_row))| values.push(of_row(row)));
            Ok::<_, Error>(())
        })?;
        whole.iter().zip(&wholes).try_for_each(|((key, _), values)| npz.vector(key, values))?;
        return NUMBERS
            .iter()
            .zip(&floats)
            .try_for_each(|((key, _), values)| npz.vector(key, values));
    }
    for (key, of_row) in whole {
        npz.stream(key, &[steps], |go_on| all.for_each(|row| go_on(&[of_row(row)])))?;
    }
    for (key, of_row) in NUMBERS {
        npz.stream(key, &[steps], |go_on| all.for_each(|row| go_on(&[of_row(row)])))?;
    }
    Ok(())
}

fn columns(run: &Run, steps: usize, npz: &mut Npz<'_>) -> Result<(), Error> {
    let all = &run.history.steps;
    let width = all.widest();
    let columns = StepColumns::of(run, "npz")?;
    let blocks: Value = (0..width).map(|block| json!(run.block_name(block))).collect();
    npz.text("blocks", &blocks)?;
    let mut values = vec![f32::NAN; width];
    for (name, key) in all.names().iter().zip(&super::keys::of_columns(all.names())) {
        if columns.rare.contains(&name.as_str()) {
            rare_column(run, name, key, npz)?;
            continue;
        }
        npz.stream(key, &[steps, width], |go_on| {
            all.for_each(|row| {
                values.fill(f32::NAN);
                if let Some(measured) = row.columns.get(name) {
                    values[..measured.len()].copy_from_slice(measured);
                }
                go_on(&values)
            })
        })?;
    }
    match columns.rare.is_empty() {
        true => missing(run, steps, width, npz),
        false => missing_pairs(run, npz),
    }
}

/// Rows for the steps alone in which a quantity was measured, and which these are.
fn rare_column(run: &Run, name: &str, key: &str, npz: &mut Npz<'_>) -> Result<(), Error> {
    let all = &run.history.steps;
    let (times, width) = (step_columns::times(all, name) as usize, all.widest());
    let mut steps = Vec::new();
    let mut values = vec![f32::NAN; width];
    npz.stream(key, &[times, width], |go_on| {
        all.for_each(|row| {
            let Some(measured) = row.columns.get(name).filter(|it| !it.is_empty()) else {
                return Ok(());
            };
            steps.push(row.step);
            values.fill(f32::NAN);
            values[..measured.len()].copy_from_slice(measured);
            go_on(&values)
        })
    })?;
    npz.vector(&format!("steps_of_{key}"), &steps)
}

/// Two arrays side by side: a step, and the number of a block that no gradient reached in it.
fn missing_pairs(run: &Run, npz: &mut Npz<'_>) -> Result<(), Error> {
    let all = &run.history.steps;
    let mut pairs = 0;
    all.for_each(|row| {
        pairs += row.missing.len();
        Ok::<_, Error>(())
    })?;
    npz.stream("missing_step", &[pairs], |go_on| {
        all.for_each(|row| go_on(&vec![row.step; row.missing.len()]))
    })?;
    npz.stream("missing_block", &[pairs], |go_on| {
        all.for_each(|row| go_on(&row.missing.iter().copied().map(u64::from).collect::<Vec<_>>()))
    })
}

/// 1 where no gradient reached the block.
fn missing(run: &Run, steps: usize, width: usize, npz: &mut Npz<'_>) -> Result<(), Error> {
    let mut flags = vec![0_u8; width];
    npz.stream("missing", &[steps, width], |go_on| {
        run.history.steps.for_each(|row| {
            flags.fill(0);
            for &block in &row.missing.0 {
                flags.get_mut(block as usize).into_iter().for_each(|flag| *flag = 1);
            }
            go_on(&flags)
        })
    })
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
