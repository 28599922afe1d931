//! Words on slices that belong together: their names, their numbers, the scale that they share.

use burnscape_trace::Study;

use crate::model::{Landscape, Landscapes, Row, Run, Table, table_of};
use crate::numbers::short;
use crate::views::landscape::picture::Picture;
use crate::widgets::facts::{Fact, Tone};
use crate::widgets::text;

/// What the study asks.
pub(super) fn title(study: &Study) -> String {
    let count = told(study);
    match study.kind.as_str() {
        "initial-and-trained" => "Before and after training".to_owned(),
        "agreement" => format!("Is this slice typical? {count} seeds"),
        "scale-sweep" => format!("The same plane at {count} ranges"),
        "side-by-side" => format!("{count} runs side by side"),
        other => text::printable(&format!("Study {other}")),
    }
}

/// The study in a word, for the line of facts.
pub(super) fn named(study: &Study) -> Fact {
    Fact::new("study", text::printable(&format!("{} of {}", study.kind, told(study))))
}

/// How many slices have a say: all of them until the study is concluded, then those of which a number is known.
fn told(study: &Study) -> usize {
    let is_known = |place: &usize| {
        study.measures.values().any(|values| values.get(*place).is_some_and(|it| !it.is_nan()))
    };
    let all = study.slices.len();
    match study.kind.as_str() {
        "agreement" if !study.measures.is_empty() => (0..all).filter(is_known).count(),
        _ => all,
    }
}

/// The slices, and one line for each of the numbers: by side where several runs are compared, else in the order of the
/// slices.
pub(super) fn facts(study: &Study, run: &Run) -> Vec<Fact> {
    let landscapes = run.landscapes();
    let slice = |number: &u32| landscapes.get(*number).map_or("", |it| it.slice().name.as_str());
    let slices: Vec<&str> = study.slices.iter().map(slice).collect();
    if let Some(table) = table_of(study, &slices, run.compared()) {
        return by_side(&table);
    }
    let measures = study.measures.iter().map(|(name, values)| {
        let values: Vec<String> = values.iter().map(|&value| short(value)).collect();
        Fact::new(text::printable(&name.replace('_', " ")), values.join("  "))
    });
    std::iter::once(Fact::new("slices", names(study, landscapes))).chain(measures).collect()
}

/// Numbers as in `share of convex nodes skips 0.91 (0.86 to 0.93)  plain 0.53 (0.41 to 0.63)`.
fn by_side(table: &Table) -> Vec<Fact> {
    let fact = |row: &Row| {
        let sides = table.sides.iter().zip(&row.sides);
        let cells = sides.map(|(side, value)| format!("{} {}", side.name, value.in_words()));
        Fact::new(
            text::printable(&row.label),
            text::printable(&cells.collect::<Vec<_>>().join("  ")),
        )
    };
    table.rows.iter().map(fact).collect()
}

fn names(study: &Study, landscapes: &Landscapes) -> String {
    let names = landscapes.slices_of(study).map(|it| it.slice().name.as_str());
    text::printable(&names.collect::<Vec<_>>().join("  "))
}

/// That the colours are made to be compared with another picture's.
pub(super) fn common_scale(run: &Run, picture: &Picture<'_>) -> Option<Fact> {
    let (low, high) = picture.common?;
    let study = run.landscapes().study_of(picture.landscape.slice())?;
    let own = picture.landscape.slice().slice;
    let others = run.landscapes().slices_of(study).map(Landscape::slice);
    let others: Vec<&str> =
        others.filter(|it| it.slice != own).map(|it| it.name.as_str()).collect();
    let with = if others.is_empty() { "the study".to_owned() } else { others.join(", ") };
    let value = format!("{}…{} as in {with}", short(low), short(high));
    Some(Fact::new("common scale", text::printable(&value)).toned(Tone::Good))
}
