//! A small reader of the CDDL that `trace.cddl` uses, which checks values against it.

use std::collections::BTreeMap;

use burnscape_trace::frame;
use ciborium::Value;

/// The maps of the schema: name → field → type, after `? ` where the field may be missing.
pub type Maps = BTreeMap<String, BTreeMap<String, String>>;

/// The maps that a schema in CDDL defines.
pub fn maps(schema: &str) -> Maps {
    let mut maps = Maps::new();
    let mut current = None;
    for line in schema.lines() {
        if let Some(name) = line.strip_suffix(" = {") {
            current = Some(maps.entry(name.to_owned()).or_default());
        } else if line == "}" {
            current = None;
        } else if let (Some(fields), Some((name, kind))) = (&mut current, line.split_once(": ")) {
            let (name, may_miss) = match name.trim().strip_prefix("? ") {
                Some(name) => (name, "? "),
                None => (name.trim(), ""),
            };
            let kind = format!("{may_miss}{}", kind.trim_end_matches(','));
            fields.insert(name.trim_matches('"').to_owned(), kind);
        }
    }
    maps
}

/// A value is of a type of the schema.
pub fn agrees(maps: &Maps, kind: &str, value: &Value) -> bool {
    match (kind, value) {
        _ if kind.contains(" / ") => kind.split(" / ").any(|one| agrees(maps, one, value)),
        ("null", Value::Null) | ("tstr", Value::Text(_)) | ("bool", Value::Bool(_)) => true,
        ("float", Value::Float(_)) | ("int", Value::Integer(_)) => true,
        ("uint", Value::Integer(number)) => i128::from(*number) >= 0,
        (_, Value::Integer(number)) if kind.starts_with("uint .size ") => {
            let bytes: u32 = kind["uint .size ".len()..].parse().unwrap();
            (0..1 << (8 * bytes)).contains(&i128::from(*number))
        }
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

/// The same names on both sides but for those that may be missing, each with a value of its type.
fn fields_agree(
    maps: &Maps,
    fields: &BTreeMap<String, String>,
    entries: &[(Value, Value)],
) -> bool {
    let is_there = |name: &str| entries.iter().any(|(key, _)| key.as_text() == Some(name));
    fields.iter().all(|(name, kind)| kind.starts_with("? ") || is_there(name))
        && entries.iter().all(|(key, value)| {
            let kind = key.as_text().and_then(|key| fields.get(key));
            kind.is_some_and(|kind| agrees(maps, kind.trim_start_matches("? "), value))
        })
}

/// What the frame at the beginning of some bytes holds.
pub fn kind_and_fields(bytes: &[u8]) -> (String, Value) {
    let frame::Parsed::Whole { payload } = frame::parse(bytes) else {
        panic!("no frame");
    };
    ciborium::from_reader(payload).unwrap()
}
