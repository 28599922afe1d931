//! What the terminal costs: time of a frame, bytes on the wire, opening and following a long run.
//!
//! `cargo bench -p burnscape-tui --bench terminal`.

mod opening;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::path::Path;

use serde_json::json;

fn main() {
    if let Some(run) = std::env::var_os(opening::RUN) {
        return opening::print_peak_memory(Path::new(&run));
    }
    let results = json!({ "opening": opening::measure() });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("terminal.json");
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
