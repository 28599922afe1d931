//! What a training was set to, from anything that serde can write: names, and values as JSON text.

use std::collections::BTreeMap;
use std::fmt::Write;

use ciborium::Value;
use serde::Serialize;

use crate::Error;
use crate::record::Hyperparameters;

/// Where a value that has no name of its own stands.
const UNNAMED: &str = "value";

impl Hyperparameters {
    /// Fields of structs and maps become names, those of inner ones joined by dots; lists stay together.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`] where serde cannot write it.
    pub fn of(settings: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        let settings = Value::serialized(settings)
            .map_err(|error| Error::Settings { message: error.to_string() })?;
        let mut values = BTreeMap::new();
        add_named("", &settings, &mut values);
        Ok(Self { values })
    }
}

fn add_named(name: &str, value: &Value, values: &mut BTreeMap<String, String>) {
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let key = name_of(key);
                let inner = if name.is_empty() { key } else { format!("{name}.{key}") };
                add_named(&inner, value, values);
            }
        }
        value => {
            let name = if name.is_empty() { UNNAMED } else { name };
            values.insert(name.to_owned(), json(value));
        }
    }
}

/// A key as a name: texts as they are, all else as JSON.
fn name_of(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        key => json(key),
    }
}

fn json(value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Integer(number) => i128::from(*number).to_string(),
        Value::Float(number) => float(*number),
        Value::Text(text) => quoted(text),
        Value::Bytes(bytes) => list(bytes.iter().map(u8::to_string)),
        Value::Array(items) => list(items.iter().map(json)),
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| {
                format!("{}:{}", quoted(&name_of(key)), json(value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
        }
        Value::Tag(_, inner) => json(inner),
        _ => "null".to_owned(),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// As few digits as tell the number: what was an f32 keeps those of one. JSON has no NaN and no infinities.
fn float(number: f64) -> String {
    let single = number as f32;
    match json_word(number) {
        Some(word) => quoted(word),
        None if f64::from(single) == number => format!("{single:?}"),
        None => format!("{number:?}"),
    }
}

/// What stands in JSON for a number that it has not, as Python's `float` reads it; `None`: JSON has it.
#[must_use]
pub fn json_word(number: f64) -> Option<&'static str> {
    match number {
        _ if number.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

/// A JSON string, RFC 8259, section 7.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\0'..='\x1f' | '\x7f'..='\u{9f}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn told(settings: &impl Serialize) -> Vec<(String, String)> {
        let values = Hyperparameters::of(settings).unwrap().values;
        for text in values.values() {
            serde_json::from_str::<serde_json::Value>(text).unwrap();
        }
        values.into_iter().collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[derive(Serialize)]
    enum Scheduler {
        Constant,
        Cosine { steps: u64 },
    }

    #[derive(Serialize)]
    struct Settings {
        lr: f64,
        dropout: f32,
        widths: Vec<usize>,
        name: &'static str,
        clip: Option<f64>,
        limits: (f64, f64),
        schedulers: [Scheduler; 2],
        optimizer: HashMap<&'static str, f64>,
        nothing: HashMap<String, u8>,
        signed: i64,
        large: u64,
    }

    #[test]
    fn settings_are_names_with_values_as_json() {
        let settings = Settings {
            lr: 1e-3,
            dropout: 0.1,
            widths: vec![64, 10],
            name: "a\"b\u{1b}",
            clip: None,
            limits: (f64::NEG_INFINITY, f64::NAN),
            schedulers: [Scheduler::Constant, Scheduler::Cosine { steps: 7 }],
            optimizer: HashMap::from([("beta_1", 0.9)]),
            nothing: HashMap::new(),
            signed: i64::MIN,
            large: u64::MAX,
        };
        let expected = [
            ("clip", "null"),
            ("dropout", "0.1"),
            ("large", "18446744073709551615"),
            ("limits", r#"["-Infinity","NaN"]"#),
            ("lr", "0.001"),
            ("name", r#""a\"b\u001b""#),
            ("nothing", "{}"),
            ("optimizer.beta_1", "0.9"),
            ("schedulers", r#"["Constant",{"Cosine":{"steps":7}}]"#),
            ("signed", "-9223372036854775808"),
            ("widths", "[64,10]"),
        ];
        assert_eq!(told(&settings), pairs(&expected));
    }

    #[test]
    fn whatever_serde_can_write_has_a_name() {
        assert_eq!(told(&0.5), pairs(&[("value", "0.5")]));
        assert_eq!(told(&"text"), pairs(&[("value", "\"text\"")]));
        assert_eq!(told(&Scheduler::Cosine { steps: 7 }), pairs(&[("Cosine.steps", "7")]));
        let by_pairs = HashMap::from([((1, 2), true)]);
        assert_eq!(told(&by_pairs), pairs(&[("[1,2]", "true")]));
        assert_eq!(told(&()), pairs(&[("value", "null")]));
    }

    #[test]
    fn every_number_is_the_one_that_was_given() {
        for number in [0.1, 1.0 / 3.0, 1e300, 5e-324, -0.0, 16_777_217.0, 1e-5, 0.1_f32.into()] {
            let text = &told(&number)[0].1;
            let back: f64 = text.parse().unwrap();
            assert!(back == number || back as f32 == number as f32, "{text} {number}");
        }
    }
}
