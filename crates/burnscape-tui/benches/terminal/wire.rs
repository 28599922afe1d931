//! Bytes a second of each view on a live run, at the rates of frames over SSH and beside the terminal, and bytes of a
//! key, as a terminal gets them.

use burnscape_trace::{Nodes, Progress, Record, record};
use burnscape_tui::{App, Message, Run, TICK, TerminalProfile, Towards, ViewKind, bytes_between};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Map, Value, json};

use crate::frames::SIZE;
use crate::support::Synthetic;

/// Frames a second over SSH, and where nothing else is asked for.
const RATES: [u64; 2] = [4, 10];
/// Steps a second of the run that is watched.
const STEPS_PER_SEC: u64 = 20;
/// How long it is watched.
const SECS: u64 = 60;
/// Steps that there were when somebody began to watch.
const STEPS_BEFORE: u64 = 2_000;

/// Measures and prints; gives what goes into the file.
pub fn measure() -> Value {
    let mut results = Map::new();
    for frames_per_sec in RATES {
        results.insert(format!("at {frames_per_sec} frames"), steady(frames_per_sec));
    }
    results.insert("a key".to_owned(), keys());
    Value::Object(results)
}

fn steady(frames_per_sec: u64) -> Value {
    let rate = format!("{frames_per_sec} frames and {STEPS_PER_SEC} steps a second");
    println!("\nBytes a second at {} × {}, {rate}, over {SECS} s", SIZE.0, SIZE.1);
    let aims = [("overview", 5.0), ("gradients", 5.0), ("landscape", 5.0), ("turning", 40.0)];
    let mut results = Map::new();
    for (name, bytes_per_sec) in all(frames_per_sec) {
        let aim = aims.iter().find(|(aimed, _)| frames_per_sec == 4 && *aimed == name);
        let aim = aim.map_or(String::new(), |(_, aim)| format!("    aim {aim:.0} kB/s"));
        println!("{name:<22} {:>8.2} kB/s{aim}", bytes_per_sec / 1e3);
        results.insert(name, json!(bytes_per_sec));
    }
    Value::Object(results)
}

fn all(frames_per_sec: u64) -> Vec<(String, f64)> {
    let trained =
        [ViewKind::Overview, ViewKind::Gradients, ViewKind::Activations, ViewKind::Sharpness];
    let name = |view| format!("{view:?}").to_lowercase();
    let mut all: Vec<_> = trained.map(|view| (name(view), training(view, frames_per_sec))).into();
    all.push(("landscape".to_owned(), filling(frames_per_sec)));
    all.push(("turning".to_owned(), turning()));
    all
}

/// Bytes of what keys change: all of it, however many parts a slow link makes of it.
fn keys() -> Value {
    println!("\nBytes of a key at {} × {}", SIZE.0, SIZE.1);
    let (right, down) = (Message::Move(Towards::Right), Message::Move(Towards::Down));
    let space = &[Message::NextPicture][..];
    let keys = [
        ("overview, step", ViewKind::Overview, &[][..], right),
        ("overview, zoom", ViewKind::Overview, &[], Message::ZoomIn),
        ("gradients, block", ViewKind::Gradients, &[], down),
        ("landscape, scale", ViewKind::Landscape, &[], Message::NextScale),
        ("landscape, cursor", ViewKind::Landscape, &[right], right),
        ("surface, turn", ViewKind::Landscape, space, right),
        ("help", ViewKind::Overview, &[], Message::ToggleHelp),
    ];
    let mut results = Map::new();
    for (name, view, before, key) in keys {
        let run = Synthetic { with_looks: true, ..Synthetic::default() }.run();
        let mut wire = Wire::new(App::new(run, view));
        before.iter().for_each(|key| wire.app.update(*key));
        wire.draw();
        wire.bytes = 0;
        wire.app.update(key);
        wire.draw();
        println!("{name:<22} {:>8.2} kB", wire.bytes as f64 / 1e3);
        results.insert(name.to_owned(), json!(wire.bytes));
    }
    Value::Object(results)
}

/// A run that trains.
fn training(view: ViewKind, frames_per_sec: u64) -> f64 {
    let synthetic = Synthetic {
        steps: STEPS_BEFORE + SECS * STEPS_PER_SEC,
        with_slice: false,
        with_end: false,
        with_looks: true,
        ..Synthetic::default()
    };
    let records = synthetic.records();
    let is_before =
        |record: &Record| !matches!(record, Record::Step(it) if it.step >= STEPS_BEFORE);
    let begin = records.iter().position(|it| !is_before(it)).unwrap_or(records.len());
    let mut run = Run::named("live");
    records[..begin].iter().for_each(|record| run.apply(record));
    let mut wire = Wire::new(App::new(run, view));
    let mut rest = records[begin..].iter().peekable();
    let steps_a_frame = STEPS_PER_SEC / frames_per_sec;
    for frame in 0..SECS * frames_per_sec {
        let until = STEPS_BEFORE + (frame + 1) * steps_a_frame;
        let is_due = |record: &&Record| !matches!(record, Record::Step(it) if it.step >= until);
        while let Some(record) = rest.next_if(is_due) {
            wire.app.apply(record);
        }
        wire.draw();
    }
    wire.bytes_per_sec(SECS)
}

/// A map that fills in while it is computed.
fn filling(frames_per_sec: u64) -> f64 {
    let synthetic = Synthetic { with_end: false, ..Synthetic::default() };
    let mut run = Run::named("live");
    let records = synthetic.records();
    let is_node = |record: &&Record| matches!(record, Record::Nodes(_));
    records.iter().filter(|it| !is_node(it)).for_each(|record| run.apply(record));
    let mut wire = Wire::new(App::new(run, ViewKind::Landscape));
    let nodes = coarse_first(&synthetic, &synthetic.nodes());
    let (total, frames) = (nodes.loss.len() as u64, SECS * frames_per_sec);
    for frame in 0..frames {
        let tile = (frame * total / frames) as usize..((frame + 1) * total / frames) as usize;
        wire.app.apply(&Record::Nodes(tile_of(&nodes, tile.clone())));
        wire.app.apply(&Record::Progress(record!(Progress {
            split: "surface".into(),
            done: tile.end as u64,
            total,
            eta_secs: Some((SECS - frame / frames_per_sec) as f64),
        })));
        wire.draw();
    }
    wire.bytes_per_sec(SECS)
}

/// The nodes in the order in which a surface is evaluated: every eighth one of both directions, every fourth …
fn coarse_first(synthetic: &Synthetic, nodes: &Nodes) -> Nodes {
    let fineness = |node: u32| {
        let (column, row) =
            (u64::from(node) % synthetic.columns, u64::from(node) / synthetic.columns);
        let stride = |place: u64| place.trailing_zeros().min(3);
        3 - stride(column).min(stride(row))
    };
    let mut order: Vec<usize> = (0..nodes.loss.len()).collect();
    order.sort_by_key(|&node| fineness(node as u32));
    record!(Nodes {
        index: order.iter().map(|&node| node as u32).collect(),
        loss: order.iter().map(|&node| nodes.loss[node]).collect(),
        stderr: order.iter().map(|&node| nodes.stderr[node]).collect(),
    })
}

fn tile_of(nodes: &Nodes, tile: std::ops::Range<usize>) -> Nodes {
    record!(Nodes {
        slice: nodes.slice,
        index: nodes.index[tile.clone()].to_vec().into(),
        loss: nodes.loss[tile.clone()].to_vec().into(),
        stderr: nodes.stderr[tile].to_vec().into(),
    })
}

/// A surface in space that turns by itself.
fn turning() -> f64 {
    let run = Synthetic::default().run();
    let mut wire = Wire::new(App::new(run, ViewKind::Landscape));
    wire.app.update(Message::NextPicture);
    wire.app.update(Message::ToggleRotation);
    wire.draw();
    wire.bytes = 0;
    for _ in 0..SECS * 1000 / TICK.as_millis() as u64 {
        wire.app.update(Message::Tick);
        wire.draw();
    }
    wire.bytes_per_sec(SECS)
}

/// An application, and a terminal that counts what it is sent.
struct Wire {
    app: App,
    shown: Buffer,
    bytes: u64,
}

impl Wire {
    /// Draws the first frame, which is not counted.
    fn new(app: App) -> Self {
        let shown = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
        let mut wire = Self { app, shown, bytes: 0 };
        wire.draw();
        wire.bytes = 0;
        wire
    }

    /// Draws where something changed, as the loop around the application does.
    fn draw(&mut self) {
        if !self.app.take_changed() {
            return;
        }
        let mut frame = Buffer::empty(self.shown.area);
        self.app.draw(frame.area, &mut frame);
        TerminalProfile::FULL.adapt(&mut frame);
        self.bytes += bytes_between(&self.shown, &frame).len() as u64;
        self.shown = frame;
    }

    fn bytes_per_sec(&self, secs: u64) -> f64 {
        self.bytes as f64 / secs as f64
    }
}
