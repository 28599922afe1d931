//! CSV: a table per file, a header in the first line.

use std::io::Write;

use burnscape_landscape::surface::Surface;
use burnscape_landscape::words as honest;
use burnscape_run::{Distinct, Steps, layer_names};
use burnscape_trace::{Axis, Metric, Step};
use serde_json::Value;

use crate::cells::Texts;
use crate::digits::{push_f32, push_f64, push_whole};
use crate::fields::Fields;
use crate::output_folder::OutputFolder;
use crate::run::Run;
use crate::slice::Slice;
use crate::step_columns::StepColumns;
use crate::{Error, basins};

/// What is in the folder, told to those who find it.
const LEAFLET: &str = "\
A run of burnscape as tables. Texts are UTF-8, quoted as RFC 4180 says; numbers have as many digits as it
takes to read them back exactly; NaN, inf and -inf are what Python's float() reads; an empty cell was not
recorded or, of a standard error, is not known. Texts that a spreadsheet would calculate have an apostrophe before
them, and U+FFFD in place of control characters; `burnscape export --raw-texts` leaves them as they are.

steps.csv        a row per optimizer step: step, batches, epoch, iteration, accumulated, elapsed_secs, lr,
                 loss, missing (numbers of blocks without a gradient, with spaces between them), then
                 QUANTITY/BLOCK for each quantity and parameter block, such as grad_norm/fc1.weight
rare_steps.csv   only of a long run in which so little was measured that steps.csv would be nearly empty: quantities
                 that were measured in fewer than one step of 256, and the steps in which they were
blocks.csv       the parameter blocks, in their order
epochs.csv       a row per complete epoch
hyperparameters.csv  what the training was set to: name and value, as JSON
metrics.csv      a row per value of a metric; those of the split own the program told itself
activations.csv  a row per tap and observed step
histograms.csv   a row per histogram: bin i counts values with 2^(first_exponent+i) <= |x| < 2^(first_exponent+i+1)
alerts.csv       a row per alert
curvature.csv    a row per measurement; lists are JSON
snapshots.csv    a row per snapshot
slices.csv       a row per slice: where it lies; x_component and y_component are the numbers of the principal components
                 along which it does
nodes.csv        a row per node of a slice: slice, ix, iy, x, y, loss, stderr, state (unmeasured, measured or
                 interpolated)
basins.csv       a row per basin of a slice, the most persistent first: number on pictures (empty if it does not
                 count), node, place and loss of its minimum and of the saddle over which it runs into another
                 one (into: its number), persistence (height of the saddle over the minimum), at_border,
                 standing: counts, noise (no deeper than twice the standard error of the difference) or
                 filled-in (rests on interpolated losses)
layers.csv       the same as nodes.csv for further quantities: slice, layer, ix, iy, value, stderr; of several layers of
                 one name the further ones have a number behind it, as in `accuracy (2)`
trajectory.csv   a row per slice and snapshot: coordinates x and y, distance from the plane, losses

A table without rows has no file.
";

type Table<'a> = csv::Writer<&'a mut dyn Write>;

/// Where the tables go, and how texts are written.
struct Tables<'a> {
    out: &'a OutputFolder,
    texts: Texts,
}

/// Writes the tables that have rows.
pub(crate) fn write(run: &Run, texts: Texts, out: &OutputFolder) -> Result<(), Error> {
    run.require_anything()?;
    let (history, tables) = (&run.history, Tables { out, texts });
    steps(run, &tables)?;
    tables.records("blocks.csv", &run.head.blocks)?;
    tables.records("epochs.csv", &history.epochs)?;
    hyperparameters(run, &tables)?;
    metrics(run, &tables)?;
    tables.records("activations.csv", &history.activations)?;
    tables.records("histograms.csv", &history.histograms)?;
    tables.records("alerts.csv", &history.alerts)?;
    tables.records("curvature.csv", &history.curvature)?;
    tables.records("snapshots.csv", &history.snapshots)?;
    slices(run, &tables)?;
    out.leaflet(LEAFLET)
}

impl Tables<'_> {
    /// A file whose first line is the header; `rows` writes the others.
    fn table(
        &self,
        name: &str,
        header: &[String],
        rows: impl FnOnce(&mut Table<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.file(name, |file| self.fill(file, header, rows))
    }

    fn fill(
        &self,
        file: &mut dyn Write,
        header: &[String],
        rows: impl FnOnce(&mut Table<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut table = csv::Writer::from_writer(file);
        self.line(&mut table, header)?;
        rows(&mut table)?;
        table.flush().map_err(|source| self.out.error(source))
    }

    /// A table of numbers, which need no quotes: a row for each step of which `push` appends something.
    fn numbers_of_steps(
        &self,
        name: &str,
        header: &[String],
        steps: &Steps,
        push: impl Fn(&mut Vec<u8>, &Step),
    ) -> Result<(), Error> {
        self.out.file(name, |file| {
            self.fill(file, header, |_| Ok(()))?;
            let mut row = Vec::new();
            steps.for_each(|step| {
                row.clear();
                push(&mut row, step);
                if row.is_empty() {
                    return Ok(());
                }
                row.push(b'\n');
                file.write_all(&row).map_err(|source| self.out.error(source))
            })
        })
    }

    fn line(&self, table: &mut Table<'_>, cells: &[String]) -> Result<(), Error> {
        table.write_record(cells).map_err(|source| self.out.error(source.into()))
    }

    /// Records, a row each; no table without rows.
    fn records<T: Fields>(&self, name: &str, records: &[T]) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        self.table(name, &words(T::NAMES), |table| {
            records.iter().try_for_each(|record| self.line(table, &self.cells(record)))
        })
    }

    fn cells<T: Fields>(&self, record: &T) -> Vec<String> {
        let told = record.values().into_iter().zip(record.are_texts());
        told.map(|(value, is_text)| self.cell(&value, is_text)).collect()
    }

    fn cell(&self, value: &Value, is_text: bool) -> String {
        match value {
            Value::Null => String::new(),
            Value::String(text) if is_text => self.texts.cell(text),
            Value::String(word) if word == "Infinity" => "inf".to_owned(),
            Value::String(word) if word == "-Infinity" => "-inf".to_owned(),
            Value::String(word) => word.clone(),
            Value::Array(_) | Value::Object(_) => self.texts.cell(&value.to_string()),
            other => other.to_string(),
        }
    }
}

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn steps(run: &Run, tables: &Tables<'_>) -> Result<(), Error> {
    let steps = &run.history.steps;
    if steps.count() == 0 {
        return Ok(());
    }
    let columns = StepColumns::of(run, "steps.csv")?;
    let (all, blocks) = (sorted(&columns.of_all_steps), steps.widest());
    let header = header_of_steps(run, &all, tables.texts);
    tables.numbers_of_steps("steps.csv", &header, steps, |row, step| {
        push_step(row, step);
        push_columns(row, step, &all, blocks);
    })?;
    rare_steps(run, &columns, tables)
}

/// A row for each step in which something was measured that `steps.csv` leaves out.
fn rare_steps(run: &Run, columns: &StepColumns<'_>, tables: &Tables<'_>) -> Result<(), Error> {
    if columns.rare.is_empty() {
        return Ok(());
    }
    let (steps, rare) = (&run.history.steps, sorted(&columns.rare));
    let mut header = words(&["step"]);
    header.extend(names_of_cells(run, &rare, tables.texts));
    tables.numbers_of_steps("rare_steps.csv", &header, steps, |row, step| {
        if columns.is_in_rare(step) {
            push_whole(row, step.step);
            push_columns(row, step, &rare, steps.widest());
        }
    })
}

fn metrics(run: &Run, tables: &Tables<'_>) -> Result<(), Error> {
    let metrics = &run.history.metrics;
    if metrics.is_empty() {
        return Ok(());
    }
    tables.table("metrics.csv", &words(Metric::NAMES), |table| {
        metrics.iter().try_for_each(|metric| tables.line(table, &tables.cells(&metric)))
    })
}

fn hyperparameters(run: &Run, tables: &Tables<'_>) -> Result<(), Error> {
    let told = &run.history.hyperparameters;
    if told.is_empty() {
        return Ok(());
    }
    tables.table("hyperparameters.csv", &words(&["name", "value"]), |table| {
        let cells =
            |(name, value): (&String, &String)| [name, value].map(|it| tables.texts.cell(it));
        told.iter().try_for_each(|row| tables.line(table, &cells(row)))
    })
}

fn sorted<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

fn header_of_steps(run: &Run, columns: &[&str], texts: Texts) -> Vec<String> {
    let own =
        ["step", "batches", "epoch", "iteration", "accumulated", "elapsed_secs", "lr", "loss"];
    let mut header = words(&own);
    header.push("missing".to_owned());
    header.extend(names_of_cells(run, columns, texts));
    header
}

/// A name for each block of each column; those that become the same cell are told apart.
fn names_of_cells(run: &Run, columns: &[&str], texts: Texts) -> Vec<String> {
    let mut distinct = Distinct::default();
    let mut name =
        |column, block| distinct.name(&texts.cell(&format!("{column}/{}", run.block_name(block))));
    let blocks = 0..run.history.steps.widest();
    let cells = columns.iter().flat_map(|column| blocks.clone().map(move |block| (*column, block)));
    cells.map(|(column, block): (&str, usize)| name(column, block)).collect()
}

/// What every step has.
fn push_step(row: &mut Vec<u8>, step: &Step) {
    let whole = [
        Some(step.step),
        Some(step.batches),
        step.epoch,
        step.iteration,
        Some(u64::from(step.accumulated)),
    ];
    for number in whole {
        number.into_iter().for_each(|it| push_whole(row, it));
        row.push(b',');
    }
    for number in [Some(step.elapsed_secs), Some(step.lr), step.loss] {
        number.into_iter().for_each(|it| push_f64(row, it));
        row.push(b',');
    }
    for (place, &block) in step.missing.iter().enumerate() {
        if place > 0 {
            row.push(b' ');
        }
        push_whole(row, u64::from(block));
    }
}

/// A cell for each block of each column, empty where it was not measured.
fn push_columns(row: &mut Vec<u8>, step: &Step, columns: &[&str], blocks: usize) {
    for &column in columns {
        let values = step.columns.get(column).map_or(&[][..], |values| values);
        for block in 0..blocks {
            row.push(b',');
            values.get(block).into_iter().for_each(|&value| push_f32(row, value));
        }
    }
}

/// As many digits as it takes, with an exponent where that is shorter.
fn float(value: f64) -> String {
    format!("{value:?}")
}

fn slices(run: &Run, tables: &Tables<'_>) -> Result<(), Error> {
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
        "x_component",
        "y_component",
    ];
    tables.table("slices.csv", &words(&header), |table| {
        let row = |slice| row_of_slice(slice, tables.texts);
        run.slices.values().try_for_each(|slice| tables.line(table, &row(slice)))
    })?;
    nodes(run, tables)?;
    basins(run, tables)?;
    layers(run, tables)?;
    trajectories(run, tables)
}

fn row_of_slice(slice: &Slice, texts: Texts) -> Vec<String> {
    let (record, text) = (&slice.record, |text: &str| texts.cell(text));
    let y = record.y.as_ref();
    let component = |axis: Option<&Axis>| {
        axis.and_then(Axis::principal_component).map_or(String::new(), |it| it.to_string())
    };
    vec![
        record.slice.to_string(),
        text(&record.name),
        text(&record.centre),
        text(&record.x.label),
        y.map_or(String::new(), |y| text(&y.label)),
        record.x.count.to_string(),
        y.map_or(String::new(), |y| y.count.to_string()),
        record.samples.to_string(),
        float(record.centre_loss),
        record.cosine.map_or(String::new(), float),
        text(record.normalisation.as_str()),
        text(record.biases.as_str()),
        text(honest::unit(&record.unit)),
        component(Some(&record.x)),
        component(y),
    ]
}

/// A row per basin, those that do not count too; no table where no slice is whole.
fn basins(run: &Run, tables: &Tables<'_>) -> Result<(), Error> {
    let trees: Vec<_> =
        run.slices.values().filter_map(|it| Some((it.record.slice, it.basins()?))).collect();
    if trees.is_empty() {
        return Ok(());
    }
    tables.table("basins.csv", &words(&basins::COLUMNS), |table| {
        for (slice, tree) in &trees {
            for row in basins::rows(tree) {
                let mut cells = vec![slice.to_string()];
                cells.extend(row.iter().map(|value| tables.cell(value, false)));
                tables.line(table, &cells)?;
            }
        }
        Ok(())
    })
}

fn nodes(run: &Run, tables: &Tables<'_>) -> Result<(), Error> {
    let header = ["slice", "ix", "iy", "x", "y", "loss", "stderr", "state"];
    tables.table("nodes.csv", &words(&header), |table| {
        for slice in run.slices.values() {
            for node in 0..slice.surface.grid().len() {
                tables.line(table, &row_of_node(slice, node))?;
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
        error(surface, node),
        crate::slice::state_name(surface.states()[node]).to_owned(),
    ]
}

/// Empty where it is not known.
fn error(surface: &Surface, node: usize) -> String {
    let stderr = surface.stderrs()[node];
    if stderr.is_nan() { String::new() } else { float(stderr) }
}

fn layers(run: &Run, tables: &Tables<'_>) -> Result<(), Error> {
    if run.slices.values().all(|slice| slice.layers.is_empty()) {
        return Ok(());
    }
    let header = ["slice", "layer", "ix", "iy", "value", "stderr"];
    tables.table("layers.csv", &words(&header), |table| {
        run.slices.values().try_for_each(|slice| layers_of(slice, table, tables))
    })
}

fn layers_of(slice: &Slice, table: &mut Table<'_>, tables: &Tables<'_>) -> Result<(), Error> {
    let is_line = slice.record.y.is_none();
    // Texts that become the same cell are told apart as well.
    let mut distinct = Distinct::default();
    let names = layer_names(&slice.record);
    let names = names.iter().map(|name| distinct.name(&tables.texts.cell(name)));
    for (name, values) in names.zip(&slice.layers) {
        for node in 0..values.grid().len() {
            let (ix, iy) = values.grid().column_row(node);
            let cells = [
                slice.record.slice.to_string(),
                name.clone(),
                ix.to_string(),
                if is_line { String::new() } else { iy.to_string() },
                values.loss(node).map_or(String::new(), float),
                error(values, node),
            ];
            tables.line(table, &cells)?;
        }
    }
    Ok(())
}

fn trajectories(run: &Run, tables: &Tables<'_>) -> Result<(), Error> {
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
    tables.table("trajectory.csv", &words(&header), |table| {
        for path in with_path() {
            for place in 0..path.x.len() {
                tables.line(table, &row_of_path(path, place))?;
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
