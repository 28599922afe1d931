//! JSON: the whole run as one document, written as it is read.

use std::io::{self, BufWriter, Write};

use burnscape_landscape::surface::Surface;
use burnscape_run::{History, Steps, json_number as number, json_printable, layer_names};
use burnscape_trace::{F32s, Step};
use serde_json::{Value, json};

use crate::fields::{object, objects};
use crate::output::Output;
use crate::run::{Named, Run};
use crate::slice::{Slice, state_name};
use crate::{Error, basins, info};

/// Version of the document's structure.
const SCHEMA: u32 = 1;

/// Of so many steps all numbers are kept at once, which take about 64 MiB: the trace is read once for them.
const STEPS_TOGETHER: u64 = 1_000_000;

/// Writes the run.
pub(crate) fn write(run: &Run, output: &Output) -> Result<(), Error> {
    run.require_anything()?;
    let mut document = Document { out: BufWriter::new(output.file()), output, members: 0 };
    document.text("{")?;
    document.member("schema", &json!(SCHEMA))?;
    document.member("head", &object(&run.head))?;
    document.steps(&run.history.steps)?;
    for (name, value) in course(run) {
        document.member(name, &value)?;
    }
    document.slices(run)?;
    document.text("\n}\n")?;
    document.out.flush().map_err(|source| output.error(source))
}

fn course(run: &Run) -> [(&'static str, Value); 18] {
    let history = &run.history;
    let studies = run.studies.values().map(object).collect();
    [
        ("hyperparameters", hyperparameters(history)),
        ("epochs", objects(&history.epochs)),
        ("metrics", history.metrics.iter().map(|metric| object(&metric)).collect()),
        ("activations", objects(&history.activations)),
        ("histograms", objects(&history.histograms)),
        ("alerts", objects(&history.alerts)),
        ("curvature", objects(&history.curvature)),
        ("snapshots", objects(&history.snapshots)),
        ("checks", objects(&history.checks)),
        ("notes", objects(&history.notes)),
        ("resumes", objects(&history.resumes)),
        ("dropped", json!(run.standing.dropped())),
        ("end", run.standing.end().map_or(Value::Null, object)),
        ("studies", studies),
        ("plans", objects(&history.plans)),
        ("frozen", objects(&history.frozen)),
        ("runs", objects(&history.runs)),
        ("lost", json!(run.lost)),
    ]
}

/// The values that the JSON texts are; a text that is no JSON stays one.
pub(crate) fn hyperparameters(history: &History) -> Value {
    let value = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let values = history.hyperparameters.iter().map(|(name, text)| (name.clone(), value(text)));
    Value::Object(values.collect())
}

struct Document<'a> {
    out: BufWriter<&'a std::fs::File>,
    output: &'a Output,
    members: usize,
}

impl Document<'_> {
    fn text(&mut self, text: &str) -> Result<(), Error> {
        self.out.write_all(text.as_bytes()).map_err(|source| self.output.error(source))
    }

    fn name(&mut self, name: &str) -> Result<(), Error> {
        let comma = if self.members == 0 { "" } else { "," };
        self.members += 1;
        self.text(&format!("{comma}\n{}: ", json!(name)))
    }

    fn value(&mut self, value: &Value) -> Result<(), Error> {
        let written = serde_json::to_writer(&mut self.out, value);
        written.map_err(|error| self.output.error(io::Error::from(error)))
    }

    fn member(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        self.name(name)?;
        self.text(&json_printable(&value.to_string()))
    }

    /// One list per quantity, with an entry per step; those of blocks have lists as entries.
    fn steps(&mut self, steps: &Steps) -> Result<(), Error> {
        self.name("steps")?;
        self.text("{")?;
        let lists: [Named<Value>; 9] = [
            ("step", |row| json!(row.step)),
            ("batches", |row| json!(row.batches)),
            ("epoch", |row| json!(row.epoch)),
            ("iteration", |row| json!(row.iteration)),
            ("accumulated", |row| json!(row.accumulated)),
            ("elapsed_secs", |row| number(row.elapsed_secs)),
            ("lr", |row| number(row.lr)),
            ("loss", |row| row.loss.map_or(Value::Null, number)),
            ("missing", |row| json!(row.missing.0)),
        ];
        let together = if steps.count() <= STEPS_TOGETHER { lists.len() } else { 1 };
        for lists in lists.chunks(together) {
            self.lists(steps, lists)?;
        }
        self.columns(steps)
    }

    /// Several lists from one reading where they fit into memory, one as it is read.
    fn lists(&mut self, steps: &Steps, lists: &[Named<Value>]) -> Result<(), Error> {
        if let [(name, of_row)] = lists {
            self.text(&format!("\n  {}: ", json!(name)))?;
            self.list(steps, of_row)?;
            return self.text(",");
        }
        for ((name, _), text) in lists.iter().zip(texts(steps, lists)?) {
            self.text(&format!("\n  {}: [{text}],", json!(name)))?;
        }
        Ok(())
    }

    fn columns(&mut self, steps: &Steps) -> Result<(), Error> {
        self.text("\n  \"columns\": {")?;
        for (column, name) in steps.names().iter().enumerate() {
            let comma = if column == 0 { "" } else { "," };
            self.text(&json_printable(&format!("{comma}\n    {}: ", json!(name))))?;
            self.list(steps, |row| of_column(row.columns.get(name)))?;
        }
        self.text("}}")
    }

    fn list(&mut self, steps: &Steps, of_row: impl Fn(&Step) -> Value) -> Result<(), Error> {
        self.text("[")?;
        let mut is_first = true;
        steps.for_each(|row| {
            if !std::mem::take(&mut is_first) {
                self.text(",")?;
            }
            self.value(&of_row(row))
        })?;
        self.text("]")
    }

    fn slices(&mut self, run: &Run) -> Result<(), Error> {
        self.name("slices")?;
        self.text("[")?;
        for (place, slice) in run.slices.values().enumerate() {
            self.text(if place == 0 { "\n" } else { ",\n" })?;
            self.text(&json_printable(&of_slice(slice, run).to_string()))?;
        }
        self.text("]")
    }
}

/// The values of each list as JSON, with commas between them.
fn texts(steps: &Steps, lists: &[Named<Value>]) -> Result<Vec<String>, Error> {
    let mut texts = vec![String::new(); lists.len()];
    steps.for_each(|step| {
        for (text, (_, of_step)) in texts.iter_mut().zip(lists) {
            let comma = if text.is_empty() { "" } else { "," };
            text.push_str(&format!("{comma}{}", of_step(step)));
        }
        Ok::<_, Error>(())
    })?;
    Ok(texts)
}

/// A column of a step: null where it was not measured.
fn of_column(values: Option<&F32s>) -> Value {
    match values {
        None => Value::Null,
        Some(values) if values.is_empty() => Value::Null,
        Some(values) => values.iter().map(|&value| number(f64::from(value))).collect(),
    }
}

fn of_slice(slice: &Slice, run: &Run) -> Value {
    let names = layer_names(&slice.record);
    let (surface, grid) = (&slice.surface, slice.surface.grid());
    let floats = |values: &[f64]| -> Value { values.iter().copied().map(number).collect() };
    let layer = |layer: &Surface| json!({ "value": floats(layer.losses()), "stderr": floats(layer.stderrs()) });
    let losses: Vec<Value> =
        (0..grid.len()).map(|node| surface.loss(node).map_or(Value::Null, number)).collect();
    json!({
        "info": info::of_slice(&slice.record, &names, &run.head),
        "x_values": grid.x().values().map(number).collect::<Value>(),
        "y_values": grid.y().map(|y| y.values().map(number).collect::<Value>()),
        "shape": slice.shape(),
        "loss": losses,
        "stderr": floats(surface.stderrs()),
        "state": surface.states().iter().map(|state| state_name(*state)).collect::<Vec<_>>(),
        "basins": slice.basins().as_ref().map(basins::of_tree),
        "layers": slice.layers.iter().map(layer).collect::<Vec<_>>(),
        "trajectory": slice.trajectory.as_ref().map(object),
    })
}
