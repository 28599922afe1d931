//! What the terminal costs: time of a frame, bytes on the wire, opening and following a long run.
//!
//! `cargo bench -p burnscape-tui --bench terminal`, with one of `frames`, `wire` and `opening` behind `--` for that
//! part alone. Bytes do not depend on the machine.

mod frames;
mod opening;
#[path = "../../tests/screens/support/mod.rs"]
mod support;
mod wire;

use std::path::Path;

use serde_json::{Map, Value};

/// Measures, prints, and gives what goes into the file.
type Part = fn() -> Value;

/// What is measured, and how.
const PARTS: [(&str, Part); 3] =
    [("frames", frames::measure), ("wire", wire::measure), ("opening", opening::measure)];

fn main() {
    if let Some(run) = std::env::var_os(opening::RUN) {
        return opening::print_peak_memory(Path::new(&run));
    }
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |name: &str| asked.iter().any(|word| word == name);
    let any = PARTS.iter().any(|(name, _)| is_asked(name));
    let chosen = PARTS.iter().filter(|(name, _)| !any || is_asked(name));
    let results: Map<String, Value> =
        chosen.map(|(name, measure)| ((*name).to_owned(), measure())).collect();
    let results = Value::Object(results);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("terminal.json");
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
