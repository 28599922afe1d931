//! `trace.cddl` says what is written: checked with a small reader of the CDDL that it uses.

use std::collections::BTreeSet;

use burnscape_trace::columns::{Column, table_of_columns, table_of_quotients};
use burnscape_trace::{RESERVED_KINDS, Reader, Record, Trace};
use ciborium::Value;
use proptest::prelude::*;

use crate::cddl::{Maps, agrees, kind_and_fields, maps};
use crate::golden::FILES;
use crate::round_trip::any_records;
use crate::sample::{framed, records};

const CDDL: &str = include_str!("../../trace.cddl");
const README: &str = include_str!("../../README.md");

fn written_as_the_schema_says(maps: &Maps, records: &[Record]) {
    let (bytes, ranges) = framed(records);
    for range in ranges {
        let (kind, fields) = kind_and_fields(&bytes[range]);
        assert!(agrees(maps, &kind, &fields), "{kind}: {fields:?}");
    }
}

#[test]
fn the_schema_names_every_field_of_every_kind() {
    written_as_the_schema_says(&maps(CDDL), &records());
}

#[test]
fn what_the_examples_recorded_agrees_with_the_schema() {
    for (_, bytes) in FILES {
        let trace: Trace = Reader::new(bytes).collect::<Result<_, _>>().unwrap();
        // Files are written again byte for byte, as the golden tests say.
        written_as_the_schema_says(&maps(CDDL), &trace.records);
    }
}

proptest! {
    #[test]
    fn whatever_is_written_agrees_with_the_schema(records in any_records()) {
        written_as_the_schema_says(&maps(CDDL), &records);
    }
}

#[test]
fn the_schema_names_every_kind() {
    let rules = CDDL.split_once("record = ").unwrap().1;
    let rules = rules.split_once("head = {").unwrap().0;
    let in_schema: BTreeSet<&str> = rules.split('"').skip(1).step_by(2).collect();
    assert_eq!(in_schema, BTreeSet::from(RESERVED_KINDS));
}

#[test]
fn schema_and_readme_tell_every_column_as_the_table_does() {
    for column in Column::ALL.map(Column::name) {
        assert!(CDDL.lines().any(|line| line.starts_with(&format!("; {column} "))), "{column}");
        assert_eq!(Column::named(column).map(Column::name), Some(column));
    }
    for table in [table_of_columns(), table_of_quotients()] {
        assert!(README.contains(&table), "the README holds this table:\n{table}");
    }
}

#[test]
fn the_readme_names_every_kind_and_the_fields_of_what_is_observed() {
    for kind in RESERVED_KINDS {
        assert!(README.contains(&format!("\n| `{kind}` |")), "{kind}");
    }
    let maps = maps(CDDL);
    for kind in ["activation", "histogram", "alert", "blackbox", "curvature"] {
        let (_, table) = README.split_once(&format!("| field of `{kind}` |")).unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        for field in maps[kind].keys() {
            assert!(table.contains(&format!("`{field}`")), "{kind}: {field}");
        }
    }
}

#[test]
fn the_check_itself_finds_a_wrong_type_and_a_missing_field() {
    let maps = maps(CDDL);
    let text = |text: &str| Value::Text(text.into());
    let note = |level: Value| Value::Map(vec![(text("level"), level), (text("text"), text(""))]);
    assert!(agrees(&maps, "note", &note(text("info"))));
    assert!(!agrees(&maps, "note", &note(Value::Null)));
    assert!(!agrees(&maps, "note", &Value::Map(vec![(text("level"), text("info"))])));
}
