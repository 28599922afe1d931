//! The table of a comparison that was written, read back from its trace: numbers by side, with their spreads over seeds.

use burnscape_trace::{ComparedRun, Study, StudyKind};

use super::conclusions::{Row, Side, row};
use super::numbers::{OF_LAYER, OF_RUN, OF_SLICE, SHARPNESS};

/// Numbers of slices that stand side by side.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// The sides, each with the places of its slices among those of the study.
    pub sides: Vec<Side>,
    /// A row for each number, those that nothing is known of left out.
    pub rows: Vec<Row>,
}

/// The table of a study of several runs side by side, with the names of its slices in their order; `None` of any other.
#[must_use]
pub fn table_of(study: &Study, slices: &[&str], compared: &[ComparedRun]) -> Option<Table> {
    if study.kind != StudyKind::SideBySide || compared.is_empty() {
        return None;
    }
    let sides = sides(slices, compared);
    let rows = study.measures.iter().filter_map(|(name, values)| {
        let (order, label) = label(name)?;
        let mut values = values.to_vec();
        values.resize(slices.len(), f64::NAN);
        Some((order, row(name, &label, values, &sides)))
    });
    let mut rows: Vec<(usize, Row)> = rows.collect();
    rows.retain(|(_, row)| row.runs.iter().any(|value| !value.is_nan()));
    rows.sort_by_key(|(order, _)| *order);
    Some(Table { sides, rows: rows.into_iter().map(|(_, row)| row).collect() })
}

/// Slices are called by their runs, as in `plain-1 random`.
fn sides(slices: &[&str], compared: &[ComparedRun]) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    for (place, slice) in slices.iter().enumerate() {
        let is_of = |run: &&ComparedRun| {
            slice.strip_prefix(run.name.as_str()).is_some_and(|rest| rest.starts_with(' '))
        };
        let Some(run) = compared.iter().filter(is_of).max_by_key(|run| run.name.len()) else {
            continue;
        };
        let name = if run.side.is_empty() { &run.name } else { &run.side };
        match sides.iter_mut().find(|side| side.name == *name) {
            Some(side) => side.runs.push(place),
            None => sides.push(Side { name: name.clone(), runs: vec![place] }),
        }
    }
    sides
}

/// Where a number stands in the table, and what it is called there; `None`: it serves another one.
fn label(name: &str) -> Option<(usize, String)> {
    let mut fixed = OF_RUN.iter().chain(&OF_SLICE).enumerate();
    let known = fixed.find(|(_, (known, _))| *known == name);
    if let Some((order, (_, label))) = known {
        return Some((order, (*label).to_owned()));
    }
    let after = OF_RUN.len() + OF_SLICE.len();
    if name.starts_with(SHARPNESS) {
        return Some((after, name.to_owned()));
    }
    let (layer, number) = name.rsplit_once(": ")?;
    let (_, label) = OF_LAYER.iter().find(|(known, _)| *known == number)?;
    Some((after + 1, format!("{layer}: {label}")))
}
