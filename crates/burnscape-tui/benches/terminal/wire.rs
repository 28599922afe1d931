//! Bytes a second of each view on a live run, at the default rate of frames, as a terminal would get them.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use burnscape_trace::{Nodes, Progress, Record, record};
use burnscape_tui::{App, Message, Run, TICK, TerminalProfile, ViewKind};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::style::force_color_output;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use serde_json::{Map, Value, json};

use crate::frames::SIZE;
use crate::support::Synthetic;

/// Frames a second where nothing else is asked for.
const FRAMES_PER_SEC: u64 = 10;
/// Steps a second of the run that is watched.
const STEPS_PER_SEC: u64 = 20;
/// How long it is watched.
const SECS: u64 = 60;
/// Steps that there were when somebody began to watch.
const STEPS_BEFORE: u64 = 2_000;

/// Measures and prints; gives what goes into the file.
pub fn measure() -> Value {
    let rate = format!("{FRAMES_PER_SEC} frames and {STEPS_PER_SEC} steps a second");
    println!("\nBytes a second at {} × {}, {rate}, over {SECS} s", SIZE.0, SIZE.1);
    let aims = [("overview", 5.0), ("gradients", 5.0), ("landscape", 8.0), ("turning", 60.0)];
    let mut results = Map::new();
    for (name, bytes_per_sec) in all() {
        let aim = aims.iter().find(|(aimed, _)| *aimed == name);
        let aim = aim.map_or(String::new(), |(_, aim)| format!("    aim {aim:.0} kB/s"));
        println!("{name:<22} {:>8.2} kB/s{aim}", bytes_per_sec / 1e3);
        results.insert(name, json!(bytes_per_sec));
    }
    Value::Object(results)
}

fn all() -> Vec<(String, f64)> {
    let trained =
        [ViewKind::Overview, ViewKind::Gradients, ViewKind::Activations, ViewKind::Sharpness];
    let mut all: Vec<_> =
        trained.map(|view| (format!("{view:?}").to_lowercase(), training(view))).into();
    all.push(("landscape".to_owned(), filling()));
    all.push(("turning".to_owned(), turning()));
    all
}

/// A run that trains.
fn training(view: ViewKind) -> f64 {
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
    let steps_a_frame = STEPS_PER_SEC / FRAMES_PER_SEC;
    for frame in 0..SECS * FRAMES_PER_SEC {
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
fn filling() -> f64 {
    let synthetic = Synthetic { with_end: false, ..Synthetic::default() };
    let mut run = Run::named("live");
    let records = synthetic.records();
    let is_node = |record: &&Record| matches!(record, Record::Nodes(_));
    records.iter().filter(|it| !is_node(it)).for_each(|record| run.apply(record));
    let mut wire = Wire::new(App::new(run, ViewKind::Landscape));
    let nodes = coarse_first(&synthetic, &synthetic.nodes());
    let (total, frames) = (nodes.loss.len() as u64, SECS * FRAMES_PER_SEC);
    for frame in 0..frames {
        let tile = (frame * total / frames) as usize..((frame + 1) * total / frames) as usize;
        wire.app.apply(&Record::Nodes(tile_of(&nodes, tile.clone())));
        wire.app.apply(&Record::Progress(record!(Progress {
            split: "surface".into(),
            done: tile.end as u64,
            total,
            eta_secs: Some((SECS - frame / FRAMES_PER_SEC) as f64),
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
    wire.bytes.set(0);
    for _ in 0..SECS * 1000 / TICK.as_millis() as u64 {
        wire.app.update(Message::Tick);
        wire.draw();
    }
    wire.bytes_per_sec(SECS)
}

/// An application, and a terminal that counts what it is sent.
struct Wire {
    app: App,
    terminal: Terminal<CrosstermBackend<Counting>>,
    bytes: Rc<Cell<u64>>,
}

impl Wire {
    /// Draws the first frame, which is not counted.
    fn new(app: App) -> Self {
        force_color_output(true);
        let bytes = Rc::new(Cell::new(0));
        let viewport = Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1));
        let backend = CrosstermBackend::new(Counting(Rc::clone(&bytes)));
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport });
        let mut wire = Self { app, terminal: terminal.expect("a terminal in memory"), bytes };
        wire.draw();
        wire.bytes.set(0);
        wire
    }

    /// Draws where something changed, as the loop around the application does.
    fn draw(&mut self) {
        if !self.app.take_changed() {
            return;
        }
        let app = &self.app;
        let draw = |frame: &mut ratatui::Frame<'_>| {
            app.draw(frame.area(), frame.buffer_mut());
            TerminalProfile::FULL.adapt(frame.buffer_mut());
        };
        self.terminal.draw(draw).expect("a terminal in memory");
    }

    fn bytes_per_sec(&self, secs: u64) -> f64 {
        self.bytes.get() as f64 / secs as f64
    }
}

struct Counting(Rc<Cell<u64>>);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
