//! `trace.cddl` says what is written: checked with a small reader of the CDDL that it uses.

use std::collections::{BTreeMap, BTreeSet};

use burnscape_trace::{RESERVED_KINDS, Reader, Record, Trace, frame};
use ciborium::Value;
use proptest::prelude::*;

use crate::golden::FILES;
use crate::round_trip::any_records;
use crate::sample::{framed, records};

const CDDL: &str = include_str!("../../trace.cddl");
const README: &str = include_str!("../../README.md");
const COLUMNS: &str = include_str!("../../src/columns.rs");

/// The maps of the schema: name → field → type.
type Maps = BTreeMap<String, BTreeMap<String, String>>;

fn maps() -> Maps {
    let mut maps = Maps::new();
    let mut current = None;
    for line in CDDL.lines() {
        if let Some(name) = line.strip_suffix(" = {") {
            current = Some(maps.entry(name.to_owned()).or_default());
        } else if line == "}" {
            current = None;
        } else if let (Some(fields), Some((name, kind))) = (&mut current, line.split_once(": ")) {
            let kind = kind.trim_end_matches(',').to_owned();
            fields.insert(name.trim().trim_matches('"').to_owned(), kind);
        }
    }
    maps
}

fn agrees(maps: &Maps, kind: &str, value: &Value) -> bool {
    match (kind, value) {
        _ if kind.contains(" / ") => kind.split(" / ").any(|one| agrees(maps, one, value)),
        ("null", Value::Null) | ("tstr", Value::Text(_)) | ("bool", Value::Bool(_)) => true,
        ("float", Value::Float(_)) | ("int", Value::Integer(_)) => true,
        ("uint", Value::Integer(number)) => i128::from(*number) >= 0,
        ("f32s", Value::Tag(85, _)) | ("f64s", Value::Tag(86, _)) => true,
        ("u32s", Value::Tag(70, _)) => true,
        (_, Value::Map(entries)) if kind.starts_with("{* tstr => ") => {
            let inner = kind["{* tstr => ".len()..].trim_end_matches('}');
            entries.iter().all(|(key, value)| key.is_text() && agrees(maps, inner, value))
        }
        ("[major: uint .size 2, minor: uint .size 2]", Value::Array(items)) => {
            items.len() == 2 && items.iter().all(|item| agrees(maps, "uint", item))
        }
        (_, Value::Array(items)) if kind.starts_with("[* ") => {
            let inner = kind[3..].trim_end_matches(']');
            items.iter().all(|item| agrees(maps, inner, item))
        }
        (name, Value::Map(entries)) => {
            maps.get(name).is_some_and(|fields| fields_agree(maps, fields, entries))
        }
        _ => false,
    }
}

/// The same names on both sides, each with a value of its type.
fn fields_agree(
    maps: &Maps,
    fields: &BTreeMap<String, String>,
    entries: &[(Value, Value)],
) -> bool {
    entries.len() == fields.len()
        && entries.iter().all(|(key, value)| {
            let kind = key.as_text().and_then(|key| fields.get(key));
            kind.is_some_and(|kind| agrees(maps, kind, value))
        })
}

fn kind_and_fields(bytes: &[u8]) -> (String, Value) {
    let frame::Parsed::Whole { payload } = frame::parse(bytes) else {
        panic!("no frame");
    };
    ciborium::from_reader(payload).unwrap()
}

fn written_as_the_schema_says(maps: &Maps, records: &[Record]) {
    let (bytes, ranges) = framed(records);
    for range in ranges {
        let (kind, fields) = kind_and_fields(&bytes[range]);
        assert!(agrees(maps, &kind, &fields), "{kind}: {fields:?}");
    }
}

#[test]
fn the_schema_names_every_field_of_every_kind() {
    written_as_the_schema_says(&maps(), &records());
}

#[test]
fn what_the_examples_recorded_agrees_with_the_schema() {
    for (_, bytes) in FILES {
        let trace: Trace = Reader::new(bytes).collect::<Result<_, _>>().unwrap();
        // Files are written again byte for byte, as the golden tests say.
        written_as_the_schema_says(&maps(), &trace.records);
    }
}

proptest! {
    #[test]
    fn whatever_is_written_agrees_with_the_schema(records in any_records()) {
        written_as_the_schema_says(&maps(), &records);
    }
}

#[test]
fn the_schema_names_every_kind() {
    let rules = CDDL.split_once("record = ").unwrap().1;
    let rules = rules.split_once("head = {").unwrap().0;
    let in_schema: BTreeSet<&str> = rules.split('"').skip(1).step_by(2).collect();
    assert_eq!(in_schema, BTreeSet::from(RESERVED_KINDS));
}

/// The names in `columns.rs`, from its text, so that none is forgotten here.
fn columns() -> Vec<&'static str> {
    let constants = COLUMNS.lines().filter_map(|line| line.strip_prefix("pub const "));
    let values = constants.filter_map(|constant| constant.split_once(": &str = \""));
    values.map(|(_, value)| value.trim_end_matches("\";")).collect()
}

#[test]
fn schema_and_readme_name_every_column() {
    let columns = columns();
    assert!(columns.contains(&"grad_norm") && columns.contains(&"distance"), "{columns:?}");
    for column in columns {
        assert!(CDDL.lines().any(|line| line.starts_with(&format!("; {column} "))), "{column}");
        assert!(README.contains(&format!("\n| `{column}` |")), "{column}");
    }
}

#[test]
fn the_readme_names_every_kind_and_the_fields_of_what_is_observed() {
    for kind in RESERVED_KINDS {
        assert!(README.contains(&format!("\n| `{kind}` |")), "{kind}");
    }
    let maps = maps();
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
    let maps = maps();
    let text = |text: &str| Value::Text(text.into());
    let note = |level: Value| Value::Map(vec![(text("level"), level), (text("text"), text(""))]);
    assert!(agrees(&maps, "note", &note(text("info"))));
    assert!(!agrees(&maps, "note", &note(Value::Null)));
    assert!(!agrees(&maps, "note", &Value::Map(vec![(text("level"), text("info"))])));
}
