//! JSON: the whole run as one document, written as it is read.

mod lists;

use burnscape_landscape::surface::Surface;
use burnscape_run::{History, Steps, json_number as number, json_printable, layer_names};
use burnscape_trace::{F32s, Step};
use serde_json::{Value, json};

use self::lists::List;
use crate::digits::{push_json_number, push_whole};
use crate::fields::{Fields, object};
use crate::output::{Output, Pieces};
use crate::run::Run;
use crate::slice::{Slice, state_name};
use crate::{Error, basins, info};

/// Version of the document's structure.
const SCHEMA: u32 = 1;

/// Writes the run.
pub(crate) fn write(run: &Run, output: &Output) -> Result<(), Error> {
    run.require_anything()?;
    let mut document = Document { out: Pieces::new(output), members: 0 };
    document.text("{")?;
    document.member("schema", &json!(SCHEMA))?;
    document.member("head", &object(&run.head))?;
    document.steps(&run.history.steps)?;
    document.course(run)?;
    document.slices(run)?;
    document.text("\n}\n")?;
    document.out.write(&[])
}

/// The values that the JSON texts are; a text that is no JSON stays one.
pub(crate) fn hyperparameters(history: &History) -> Value {
    let value = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let values = history.hyperparameters.iter().map(|(name, text)| (name.clone(), value(text)));
    Value::Object(values.collect())
}

struct Document<'a> {
    out: Pieces<'a>,
    members: usize,
}

impl Document<'_> {
    fn text(&mut self, text: &str) -> Result<(), Error> {
        self.out.text.extend(text.as_bytes());
        self.out.drain()
    }

    fn name(&mut self, name: &str) -> Result<(), Error> {
        let comma = if self.members == 0 { "" } else { "," };
        self.members += 1;
        self.text(&format!("{comma}\n{}: ", json!(name)))
    }

    fn member(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        self.name(name)?;
        self.text(&json_printable(&value.to_string()))
    }

    /// A list, value by value, as it may be long.
    fn list(&mut self, name: &str, values: impl Iterator<Item = Value>) -> Result<(), Error> {
        self.name(name)?;
        self.text("[")?;
        for (place, value) in values.enumerate() {
            self.text(if place == 0 { "" } else { "," })?;
            self.text(&json_printable(&value.to_string()))?;
        }
        self.text("]")
    }

    fn objects<T: Fields>(&mut self, name: &str, records: &[T]) -> Result<(), Error> {
        self.list(name, records.iter().map(object))
    }

    fn course(&mut self, run: &Run) -> Result<(), Error> {
        let history = &run.history;
        self.member("hyperparameters", &hyperparameters(history))?;
        self.objects("epochs", &history.epochs)?;
        self.list("metrics", history.metrics.iter().map(|metric| object(&metric)))?;
        self.objects("activations", &history.activations)?;
        self.objects("histograms", &history.histograms)?;
        self.objects("alerts", &history.alerts)?;
        self.objects("curvature", &history.curvature)?;
        self.objects("snapshots", &history.snapshots)?;
        self.objects("checks", &history.checks)?;
        self.objects("notes", &history.notes)?;
        self.objects("resumes", &history.resumes)?;
        self.member("dropped", &json!(run.standing.dropped()))?;
        self.member("end", &run.standing.end().map_or(Value::Null, object))?;
        self.list("studies", run.studies.values().map(object))?;
        self.objects("plans", &history.plans)?;
        self.objects("frozen", &history.frozen)?;
        self.objects("runs", &history.runs)?;
        self.member("lost", &json!(run.lost))
    }

    /// One list per quantity, with an entry per step; those of blocks have lists as entries.
    fn steps(&mut self, steps: &Steps) -> Result<(), Error> {
        self.name("steps")?;
        self.text("{")?;
        let lists: Vec<List<'_>> = numbers_of_steps(steps).chain(columns_of_steps(steps)).collect();
        lists::write(steps, &lists, &mut self.out)?;
        self.text(if steps.names().is_empty() { ",\n  \"columns\": {}}" } else { "}}" })
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

/// A key, and how a step appends what it has for it.
type Number = (&'static str, fn(&mut Vec<u8>, &Step));

/// What every step has.
fn numbers_of_steps<'a>(steps: &Steps) -> impl Iterator<Item = List<'a>> {
    let numbers: [Number; 9] = [
        ("step", |text, step| push_whole(text, step.step)),
        ("batches", |text, step| push_whole(text, step.batches)),
        ("epoch", |text, step| push_or_null(text, step.epoch, push_whole)),
        ("iteration", |text, step| push_or_null(text, step.iteration, push_whole)),
        ("accumulated", |text, step| push_whole(text, step.accumulated.into())),
        ("elapsed_secs", |text, step| push_json_number(text, step.elapsed_secs)),
        ("lr", |text, step| push_json_number(text, step.lr)),
        ("loss", |text, step| push_or_null(text, step.loss, push_json_number)),
        ("missing", |text, step| {
            push_list(text, &step.missing, |text, block| push_whole(text, block.into()));
        }),
    ];
    // A digit and a comma.
    let least_bytes = 2 * steps.count();
    numbers.into_iter().enumerate().map(move |(place, (name, push))| {
        let comma = if place == 0 { "" } else { "," };
        let before = format!("{comma}\n  {}: ", json!(name));
        List { before, least_bytes, has_columns: false, push: Box::new(push) }
    })
}

/// Null where a column was not measured in a step.
fn columns_of_steps(steps: &Steps) -> impl Iterator<Item = List<'_>> {
    steps.names().iter().enumerate().map(|(place, name)| {
        let begin = if place == 0 { ",\n  \"columns\": {" } else { "," };
        let push = move |text: &mut Vec<u8>, step: &Step| {
            let measured = step.columns.get(name).filter(|values| !values.is_empty());
            push_or_null(text, measured, |text, values: &F32s| {
                push_list(text, values, |text, value: f32| push_json_number(text, value.into()));
            });
        };
        let before = json_printable(&format!("{begin}\n    {}: ", json!(name)));
        // Two digits, a point and a comma for each block.
        let measured = steps.measured(name).map_or(0, |it| it.steps);
        let least_bytes = measured.saturating_mul(4 * steps.widest() as u64);
        List { before, least_bytes, has_columns: true, push: Box::new(push) }
    })
}

fn push_or_null<T>(text: &mut Vec<u8>, value: Option<T>, push: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => push(text, value),
        None => text.extend(b"null"),
    }
}

fn push_list<T: Copy>(text: &mut Vec<u8>, values: &[T], push: impl Fn(&mut Vec<u8>, T)) {
    text.push(b'[');
    for (place, &value) in values.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        push(text, value);
    }
    text.push(b']');
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
