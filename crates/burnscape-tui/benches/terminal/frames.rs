//! Time of a frame of every view, drawn anew into a buffer and mapped to what a terminal can show.

use std::hint::black_box;
use std::time::Instant;

use burnscape_tui::{App, Message, TerminalProfile, ViewKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Map, Value, json};

use crate::support::Synthetic;

/// Columns and rows of the terminal.
pub const SIZE: (u16, u16) = (200, 60);
const FRAMES: usize = 101;

/// Measures and prints; gives what goes into the file.
pub fn measure() -> Value {
    println!("\nA frame at {} × {}, median of {FRAMES}    aim 5 ms", SIZE.0, SIZE.1);
    let mut results = Map::new();
    for (name, keys, view) in shown() {
        let secs = one(view, keys);
        println!("{name:<22} {:>8.2} ms", secs * 1e3);
        results.insert(name, json!(secs));
    }
    Value::Object(results)
}

/// Every view, and the surface in space.
fn shown() -> Vec<(String, &'static [Message], ViewKind)> {
    let views = ViewKind::ALL.into_iter();
    let mut shown: Vec<_> =
        views.map(|view| (format!("{view:?}").to_lowercase(), &[][..], view)).collect();
    shown.push(("surface in space".to_owned(), &[Message::NextPicture], ViewKind::Landscape));
    shown
}

fn one(view: ViewKind, keys: &[Message]) -> f64 {
    let run = Synthetic { with_looks: true, ..Synthetic::default() }.run();
    let mut app = App::new(run, view);
    keys.iter().for_each(|key| app.update(*key));
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let profile = TerminalProfile::FULL;
    let frame = |_| {
        let mut buffer = Buffer::empty(area);
        let start = Instant::now();
        app.draw(area, &mut buffer);
        profile.adapt(&mut buffer);
        let took = start.elapsed().as_secs_f64();
        black_box(buffer);
        took
    };
    crate::median((0..FRAMES).map(frame).collect())
}
