//! CSV: a table per file, a header in the first line.

use std::io::Write;

use burnscape_landscape::words as honest;
use burnscape_trace::{Metric, Step};
use serde_json::Value;

use crate::Error;
use crate::fields::Fields;
use crate::output_folder::OutputFolder;
use crate::run::Run;
use crate::slice::Slice;

/// What is in the folder, told to those who find it.
const LEAFLET: &str = "\
A run of burnscape as tables. Texts are UTF-8, quoted as RFC 4180 says; numbers have as many digits as it
takes to read them back exactly; NaN, inf and -inf are what Python's float() reads; an empty cell was not
recorded.

steps.csv        a row per optimizer step: step, batches, epoch, iteration, accumulated, elapsed_secs, lr,
                 loss, missing (numbers of blocks without a gradient, with spaces between them), then
                 QUANTITY/BLOCK for each quantity and parameter block, such as grad_norm/fc1.weight
blocks.csv       the parameter blocks, in their order
epochs.csv       a row per complete epoch
hyperparameters.csv  what the training was set to: name and value, as JSON
metrics.csv      a row per value of a metric; those of the split own the program told itself
activations.csv  a row per tap and observed step
histograms.csv   a row per histogram: bin i counts values with 2^(first_exponent+i) <= |x| < 2^(first_exponent+i+1)
alerts.csv       a row per alert
curvature.csv    a row per measurement; lists are JSON
snapshots.csv    a row per snapshot
slices.csv       a row per slice: where it lies
nodes.csv        a row per node of a slice: slice, ix, iy, x, y, loss, stderr, state (unmeasured, measured or
                 interpolated)
layers.csv       the same for further quantities: slice, layer, ix, iy, value, stderr
trajectory.csv   a row per slice and snapshot: coordinates x and y, distance from the plane, losses

A table without rows has no file.
";

type Table<'a> = csv::Writer<&'a mut dyn Write>;

/// Writes the tables that have rows.
pub(crate) fn write(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    run.require_anything()?;
    let history = &run.history;
    steps(run, out)?;
    records("blocks.csv", &run.head.blocks, out)?;
    records("epochs.csv", &history.epochs, out)?;
    hyperparameters(run, out)?;
    metrics(run, out)?;
    records("activations.csv", &history.activations, out)?;
    records("histograms.csv", &history.histograms, out)?;
    records("alerts.csv", &history.alerts, out)?;
    records("curvature.csv", &history.curvature, out)?;
    records("snapshots.csv", &history.snapshots, out)?;
    slices(run, out)?;
    out.leaflet(LEAFLET)
}

/// A file whose first line is the header; `rows` writes the others.
fn table(
    name: &str,
    header: &[String],
    out: &OutputFolder,
    rows: impl FnOnce(&mut Table<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    out.file(name, |file| {
        let file: &mut dyn Write = file;
        let mut table = csv::Writer::from_writer(file);
        line(&mut table, header, out)?;
        rows(&mut table)?;
        table.flush().map_err(|source| out.error(source))
    })
}

fn line(table: &mut Table<'_>, cells: &[String], out: &OutputFolder) -> Result<(), Error> {
    table.write_record(cells).map_err(|source| out.error(source.into()))
}

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Records, a row each.
fn records<T: Fields>(name: &str, records: &[T], out: &OutputFolder) -> Result<(), Error> {
    if records.is_empty() {
        return Ok(());
    }
    table(name, &words(T::NAMES), out, |table| {
        for record in records {
            let cells: Vec<String> = record.values().iter().map(cell).collect();
            line(table, &cells, out)?;
        }
        Ok(())
    })
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text == "Infinity" => "inf".to_owned(),
        Value::String(text) if text == "-Infinity" => "-inf".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn steps(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    let steps = &run.history.steps;
    if steps.count() == 0 {
        return Ok(());
    }
    let columns = columns(run);
    table("steps.csv", &header_of_steps(run, &columns), out, |table| {
        steps.for_each(|row| {
            step(table, row, &columns, steps.widest()).map_err(|source| out.error(source.into()))
        })
    })
}

fn hyperparameters(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    let told = &run.history.hyperparameters;
    if told.is_empty() {
        return Ok(());
    }
    table("hyperparameters.csv", &words(&["name", "value"]), out, |table| {
        told.iter().try_for_each(|(name, value)| line(table, &[name.clone(), value.clone()], out))
    })
}

fn metrics(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    let metrics = &run.history.metrics;
    if metrics.is_empty() {
        return Ok(());
    }
    table("metrics.csv", &words(Metric::NAMES), out, |table| {
        metrics.iter().try_for_each(|metric| {
            let cells: Vec<String> = metric.values().iter().map(cell).collect();
            line(table, &cells, out)
        })
    })
}

/// Names of the columns in their order.
fn columns(run: &Run) -> Vec<&str> {
    let mut names: Vec<&str> = run.history.steps.names().iter().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn header_of_steps(run: &Run, columns: &[&str]) -> Vec<String> {
    let own =
        ["step", "batches", "epoch", "iteration", "accumulated", "elapsed_secs", "lr", "loss"];
    let mut header = words(&own);
    header.push("missing".to_owned());
    let blocks = 0..run.history.steps.widest();
    for column in columns {
        header.extend(blocks.clone().map(|block| format!("{column}/{}", run.block_name(block))));
    }
    header
}

fn step(table: &mut Table<'_>, row: &Step, columns: &[&str], blocks: usize) -> csv::Result<()> {
    let or_empty = |number: Option<u64>| number.map_or(String::new(), |it| it.to_string());
    table.write_field(row.step.to_string())?;
    table.write_field(row.batches.to_string())?;
    table.write_field(or_empty(row.epoch))?;
    table.write_field(or_empty(row.iteration))?;
    table.write_field(row.accumulated.to_string())?;
    table.write_field(float(row.elapsed_secs))?;
    table.write_field(float(row.lr))?;
    table.write_field(row.loss.map_or(String::new(), float))?;
    let missing: Vec<String> = row.missing.iter().map(u32::to_string).collect();
    table.write_field(missing.join(" "))?;
    for &column in columns {
        let values = row.columns.get(column);
        for block in 0..blocks {
            let value = values.and_then(|values| values.get(block));
            table.write_field(value.map_or(String::new(), |value| format!("{value:?}")))?;
        }
    }
    table.write_record(None::<&[u8]>)
}

/// As many digits as it takes, with an exponent where that is shorter.
fn float(value: f64) -> String {
    format!("{value:?}")
}

fn slices(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    if run.slices.is_empty() {
        return Ok(());
    }
    let header = [
        "slice",
        "name",
        "centre",
        "x_label",
        "y_label",
        "nx",
        "ny",
        "samples",
        "centre_loss",
        "cosine",
        "normalisation",
        "biases",
        "unit",
    ];
    table("slices.csv", &words(&header), out, |table| {
        run.slices.values().try_for_each(|slice| line(table, &row_of_slice(slice), out))
    })?;
    nodes(run, out)?;
    layers(run, out)?;
    trajectories(run, out)
}

fn row_of_slice(slice: &Slice) -> Vec<String> {
    let record = &slice.record;
    let y = record.y.as_ref();
    vec![
        record.slice.to_string(),
        record.name.clone(),
        record.centre.clone(),
        record.x.label.clone(),
        y.map_or(String::new(), |y| y.label.clone()),
        record.x.count.to_string(),
        y.map_or(String::new(), |y| y.count.to_string()),
        record.samples.to_string(),
        float(record.centre_loss),
        record.cosine.map_or(String::new(), float),
        record.normalisation.to_string(),
        record.biases.to_string(),
        honest::unit(&record.unit).to_owned(),
    ]
}

fn nodes(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    let header = ["slice", "ix", "iy", "x", "y", "loss", "stderr", "state"];
    table("nodes.csv", &words(&header), out, |table| {
        for slice in run.slices.values() {
            for node in 0..slice.surface.grid().len() {
                line(table, &row_of_node(slice, node), out)?;
            }
        }
        Ok(())
    })
}

fn row_of_node(slice: &Slice, node: usize) -> Vec<String> {
    let (surface, is_line) = (&slice.surface, slice.record.y.is_none());
    let (ix, iy) = surface.grid().column_row(node);
    let (x, y) = surface.grid().coordinates(node);
    let of_plane = |cell: String| if is_line { String::new() } else { cell };
    vec![
        slice.record.slice.to_string(),
        ix.to_string(),
        of_plane(iy.to_string()),
        float(x),
        of_plane(float(y)),
        surface.loss(node).map_or(String::new(), float),
        surface.loss(node).map_or(String::new(), |_| float(surface.stderrs()[node])),
        crate::slice::state_name(surface.states()[node]).to_owned(),
    ]
}

fn layers(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    if run.slices.values().all(|slice| slice.layers.is_empty()) {
        return Ok(());
    }
    let header = ["slice", "layer", "ix", "iy", "value", "stderr"];
    table("layers.csv", &words(&header), out, |table| {
        run.slices.values().try_for_each(|slice| layers_of(slice, table, out))
    })
}

fn layers_of(slice: &Slice, table: &mut Table<'_>, out: &OutputFolder) -> Result<(), Error> {
    for (layer, values) in slice.record.layers.iter().zip(&slice.layers) {
        for (node, (value, stderr)) in values.losses().iter().zip(values.stderrs()).enumerate() {
            let (ix, iy) = slice.surface.grid().column_row(node);
            let cells = [
                slice.record.slice.to_string(),
                layer.name.clone(),
                ix.to_string(),
                iy.to_string(),
                float(*value),
                float(*stderr),
            ];
            line(table, &cells, out)?;
        }
    }
    Ok(())
}

fn trajectories(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    let with_path = || run.slices.values().filter_map(|slice| slice.trajectory.as_ref());
    if with_path().next().is_none() {
        return Ok(());
    }
    let header = [
        "slice",
        "snapshot",
        "epoch",
        "x",
        "y",
        "out_of_plane",
        "out_of_plane_share",
        "loss",
        "loss_on_plane",
    ];
    table("trajectory.csv", &words(&header), out, |table| {
        for path in with_path() {
            for place in 0..path.x.len() {
                line(table, &row_of_path(path, place), out)?;
            }
        }
        Ok(())
    })
}

fn row_of_path(path: &burnscape_trace::Trajectory, place: usize) -> Vec<String> {
    let at = |values: &[f64]| values.get(place).copied().map_or(String::new(), float);
    let number = |number: Option<u32>| number.map_or(String::new(), |it| it.to_string());
    vec![
        number(path.slice),
        number(path.snapshots.get(place).copied()),
        at(&path.epochs),
        at(&path.x),
        at(&path.y),
        at(&path.out_of_plane),
        at(&path.out_of_plane_share),
        at(&path.loss),
        at(&path.loss_on_plane),
    ]
}
