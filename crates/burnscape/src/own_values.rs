//! What a program tells of itself: what the training was set to, and values of its own at any step.

use std::collections::BTreeMap;

use burnscape_trace::{Hyperparameters, Record};
use ciborium::Value;
use serde::Serialize;

use crate::Probe;

/// Where a value that has no name of its own stands.
const UNNAMED: &str = "value";

impl Probe {
    /// Records what the training is set to: anything that serde can write, such as a config of burn's or a struct of
    /// one's own. It is told with the run (`burnscape info`, the overview, the page), and exported.
    ///
    /// Fields of structs and maps become names, those of inner ones joined by dots (`optimizer.beta_1`). It may be told
    /// in parts; of a name that is told again, the last value holds.
    ///
    /// ```no_run
    /// # let probe = burnscape::Probe::start("runs/digits")?;
    /// # let seed = 7;
    /// # let config = burn::optim::AdamConfig::new();
    /// probe.hyperparameters(&config);
    /// probe.hyperparameters(&[("seed", seed)].into_iter().collect::<std::collections::BTreeMap<_, _>>());
    /// # Ok::<(), burnscape::Error>(())
    /// ```
    ///
    /// What cannot be written is a problem of the recording ([`Recording::problems`](crate::Recording::problems)) and
    /// none of the training.
    pub fn hyperparameters(&self, settings: &(impl Serialize + ?Sized)) {
        let Some(active) = self.active() else { return };
        let lanes = &active.recorder.lanes;
        match Value::serialized(settings) {
            Ok(settings) => {
                let values = named(&settings);
                lanes.record(Record::Hyperparameters(Hyperparameters { values }));
            }
            Err(error) => {
                lanes.problem(format!("the hyperparameters cannot be written: {error}"));
            }
        }
    }

    /// Records a value of one's own at the present step, such as the reward of an episode. It is a curve like that of
    /// a metric, in the split `own`.
    ///
    /// It may be called from any thread, as often as there is something to tell; it never waits. What finds no room in
    /// the queue is counted and told.
    ///
    /// ```no_run
    /// # let probe = burnscape::Probe::start("runs/pole")?;
    /// # let reward = 1.0;
    /// probe.log("reward", reward);
    /// # Ok::<(), burnscape::Error>(())
    /// ```
    pub fn log(&self, name: &str, value: impl Into<f64>) {
        if let Some(active) = self.active() {
            active.hook.log(name, value.into());
        }
    }
}

/// Names and values, each as JSON text.
fn named(settings: &Value) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    add_named("", settings, &mut values);
    values
}

fn add_named(name: &str, value: &Value, values: &mut BTreeMap<String, String>) {
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let key = text_of(key);
                let inner = if name.is_empty() { key } else { format!("{name}.{key}") };
                add_named(&inner, value, values);
            }
        }
        value => {
            let name = if name.is_empty() { UNNAMED } else { name };
            values.insert(name.to_owned(), json(value).to_string());
        }
    }
}

/// A key as a name: texts as they are, all else as JSON.
fn text_of(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        key => json(key).to_string(),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(flag) => (*flag).into(),
        Value::Integer(number) => integer(i128::from(*number)),
        Value::Float(number) => float(*number),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => bytes.as_slice().into(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (text_of(key), json(value)));
            serde_json::Value::Object(entries.collect())
        }
        Value::Tag(_, inner) => json(inner),
        _ => serde_json::Value::Null,
    }
}

fn integer(number: i128) -> serde_json::Value {
    match (u64::try_from(number), i64::try_from(number)) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        _ => number.to_string().into(),
    }
}

/// As few digits as tell the number: what was an f32 keeps those of one. JSON has no NaN and no infinities.
fn float(number: f64) -> serde_json::Value {
    let single = number as f32;
    let shortest = match f64::from(single) == number {
        true => single.to_string().parse().unwrap_or(number),
        false => number,
    };
    match number {
        _ if number.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => shortest.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn told(settings: &impl Serialize) -> Vec<(String, String)> {
        named(&Value::serialized(settings).unwrap()).into_iter().collect()
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
        for number in [0.1, 1.0 / 3.0, 1e300, 5e-324, -0.0, 16_777_217.0, 0.1_f32.into()] {
            let text = &told(&number)[0].1;
            let back: f64 = text.parse().unwrap();
            assert!(back == number || back as f32 == number as f32, "{text} {number}");
        }
    }
}
