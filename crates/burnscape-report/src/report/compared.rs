//! The runs that a comparison is about, and its numbers by side.

use burnscape_landscape::words::number;
use burnscape_run::{MEASURES, SideValue, Table, table_of};
use burnscape_trace::{ComparedRun, Study};
use serde_json::{Value, json};

use crate::run::Run;

/// Each by name, with its numbers in words; none unless the run is a comparison.
pub(super) fn of_run(run: &Run) -> Value {
    run.history.runs.iter().map(of_one).collect()
}

fn of_one(run: &ComparedRun) -> Value {
    let known = MEASURES.iter().filter_map(|(name, label)| Some((label, run.numbers.get(*name)?)));
    let numbers: Vec<Value> = known.map(|(label, value)| json!([label, number(*value)])).collect();
    json!({
        "name": run.name,
        "side": run.side,
        "path": run.path,
        "remarks": run.remarks,
        "numbers": numbers,
    })
}

/// A row for each number, a column for each side, in words; null where the study is of one run.
pub(super) fn table(study: &Study, run: &Run) -> Value {
    let slices = study.slices.iter().map(|number| run.slices.get(number));
    let names: Vec<&str> =
        slices.map(|slice| slice.map_or("", |slice| slice.record.name.as_str())).collect();
    let Some(Table { sides, rows, .. }) = table_of(study, &names, &run.history.runs) else {
        return Value::Null;
    };
    let row = |row: &burnscape_run::Row| {
        let cells = row.sides.iter().map(SideValue::in_words);
        std::iter::once(row.label.clone()).chain(cells).collect::<Vec<String>>()
    };
    json!({
        "sides": sides.iter().map(|side| &side.name).collect::<Vec<_>>(),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}
