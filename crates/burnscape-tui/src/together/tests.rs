//! Several runs without a terminal: files change, keys come; what is on the screen?

use std::path::PathBuf;

use burnscape_trace::{
    Axis, Curvature, End, Epoch, FORMAT, Head, Layer, LayerNodes, Nodes, Record, RunFolder, Slice,
    Step, Writer, record,
};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tempfile::TempDir;

use super::*;

fn chosen(root: &TempDir, name: &str) -> Chosen {
    Chosen { path: root.path().join(name), name: name.to_owned(), view: None }
}

/// A run of ten steps with a random plane `steep·(x² + y²)` on 5 × 5 nodes.
fn start(root: &TempDir, name: &str, steep: f64, spacing: f64) -> Writer {
    let folder = RunFolder::create(root.path().join(name)).unwrap();
    let mut writer = Writer::create(&folder).unwrap();
    let axis = || record!(Axis { kind: "random".into(), first: -2, count: 5, spacing });
    let loss = |k: i32| steep * f64::from((k % 5 - 2).pow(2) + (k / 5 - 2).pow(2));
    let mut records: Vec<Record> =
        vec![record!(Head { format: FORMAT, run_id: name.into() }).into()];
    records.extend((0..10).map(|step| record!(Step { step, loss: Some(steep) }).into()));
    records.push(record!(Epoch { epoch: 1, steps: 10, valid_loss: Some(steep / 2.0) }).into());
    records.push(record!(Curvature { step: 10, largest: vec![10.0 * steep].into() }).into());
    let name = "random".to_owned();
    records.push(record!(Slice { name, x: axis(), y: Some(axis()) }).into());
    let loss: Vec<f64> = (0..25).map(loss).collect();
    records.push(record!(Nodes { index: (0..25).collect(), loss: loss.into() }).into());
    records.iter().for_each(|record| writer.append(record).unwrap());
    writer.flush().unwrap();
    writer
}

fn end(writer: Writer) {
    writer.finish(record!(End { reason: "finished".into(), steps: 10 })).unwrap();
}

fn together(root: &TempDir, names: &[&str], view: ViewKind) -> Together {
    let chosen: Vec<Chosen> = names.iter().map(|name| chosen(root, name)).collect();
    Together::new(&chosen, Some(view), Bindings::default())
}

fn press(together: &mut Together, code: KeyCode) {
    together.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

fn screen(together: &Together, width: u16, height: u16) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    together.draw(buffer.area, &mut buffer);
    crate::frame_text::plain(&buffer)
}

#[test]
fn curves_lie_over_each_other_with_numbers_and_names() {
    let root = tempfile::tempdir().unwrap();
    end(start(&root, "sgd", 1.0, 0.5));
    let going_on = start(&root, "adam", 2.0, 0.5);
    let mut all = together(&root, &["sgd", "adam"], ViewKind::Overview);
    let shown = screen(&all, 120, 40);
    for words in
        ["2 runs together", "1 sgd", "2 adam (training)", "validation loss", "loss of each step"]
    {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    // Both are followed.
    all.take_changed();
    end(going_on);
    all.refresh();
    assert!(all.take_changed());
    assert!(!screen(&all, 120, 40).contains("(training)"));
    all.refresh();
    assert!(!all.take_changed(), "nothing happened");
}

#[test]
fn surfaces_stand_side_by_side_on_one_scale_and_turn_together() {
    let root = tempfile::tempdir().unwrap();
    for (name, steep) in [("sgd", 1.0), ("adam", 4.0)] {
        end(start(&root, name, steep, 0.5));
    }
    let mut all = together(&root, &["sgd", "adam"], ViewKind::Landscape);
    let shown = screen(&all, 120, 40);
    for words in ["random, on one scale", "1 sgd", "2 adam"] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert_eq!(shown.matches("turn 30°").count(), 2, "{shown}");
    press(&mut all, KeyCode::Right);
    assert_eq!(screen(&all, 120, 40).matches("turn 35°").count(), 2);
    assert!(!all.wants_ticks());
    press(&mut all, KeyCode::Char('r'));
    assert!(all.wants_ticks());
    // The highest of both, 4·8, stands on the scale that they share, in space and from above.
    for _ in 0..2 {
        let shown = screen(&all, 120, 40);
        assert!(shown.contains("32") && shown.matches("common").count() == 1, "{shown}");
        press(&mut all, KeyCode::Char('m'));
    }
}

/// A plane of 3 × 3 nodes with an accuracy beside the loss.
fn with_accuracy(root: &TempDir, name: &str, accuracy: f64) {
    let mut writer = Writer::create(&RunFolder::create(root.path().join(name)).unwrap()).unwrap();
    let axis = || record!(Axis { kind: "random".into(), first: -1, count: 3, spacing: 1.0 });
    let layers = vec![record!(Layer { name: "accuracy".into(), samples: 8 })];
    let value = (0..9).map(|k| accuracy - 0.01 * f64::from(k)).collect::<Vec<_>>().into();
    let nodes = record!(Nodes {
        index: (0..9).collect(),
        loss: vec![1.0; 9].into(),
        layers: vec![record!(LayerNodes { value })],
    });
    let slice = record!(Slice { name: "random".into(), x: axis(), y: Some(axis()), layers });
    let head: Record = record!(Head { format: FORMAT, run_id: name.into() }).into();
    for record in [head, slice.into(), nodes.into()] {
        writer.append(&record).unwrap();
    }
    end(writer);
}

#[test]
fn further_layers_stand_side_by_side_on_a_scale_of_their_own() {
    let root = tempfile::tempdir().unwrap();
    with_accuracy(&root, "a", 0.5);
    with_accuracy(&root, "b", 0.9);
    end(start(&root, "plain", 1.0, 1.0));
    let mut all = together(&root, &["a", "b", "plain"], ViewKind::Landscape);
    assert!(screen(&all, 120, 40).contains("random (1 of 2), on one scale"));
    press(&mut all, KeyCode::Char(']'));
    let shown = screen(&all, 120, 40);
    for words in [
        "accuracy of random (2 of 2), on one scale",
        "0.9",
        "0.42",
        "There is no `accuracy` of `random` of 3 plain.",
    ] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
}

#[test]
fn what_was_measured_otherwise_is_said_and_what_is_missing_too() {
    let root = tempfile::tempdir().unwrap();
    end(start(&root, "sgd", 1.0, 0.5));
    end(start(&root, "wide", 1.0, 1.0));
    end(Writer::create(&RunFolder::create(root.path().join("none")).unwrap()).map(begun).unwrap());
    let all = together(&root, &["sgd", "wide", "none", "gone"], ViewKind::Landscape);
    let shown = screen(&all, 160, 40);
    let words = "2 wide was measured otherwise than 1 sgd: grid 5 nodes from -2 to 2";
    assert!(shown.contains(words), "{shown}");
    assert!(shown.contains("There is no `random` of 3 none, 4 gone."), "{shown}");
    let all = together(&root, &["sgd", "gone"], ViewKind::Overview);
    assert!(screen(&all, 160, 40).contains("2 gone (there is no run folder"));
}

fn begun(mut writer: Writer) -> Writer {
    writer.append(&record!(Head { format: FORMAT, run_id: "none".into() }).into()).unwrap();
    writer
}

/// Names of the runs from top to bottom.
fn rows(shown: &str) -> Vec<String> {
    let rows = shown.lines().skip(2).take_while(|line| !line.trim().is_empty());
    rows.map(|line| line.split_whitespace().nth(1).unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_long_name_keeps_its_number_and_its_end_in_the_table() {
    let root = tempfile::tempdir().unwrap();
    let long = format!("{}-of-seed-7", "很长的名字".repeat(12));
    end(start(&root, &long, 2.0, 0.5));
    end(start(&root, "b", 1.0, 0.5));
    let shown = screen(&together(&root, &[&long, "b"], ViewKind::Sharpness), 80, 20);
    let row = shown.lines().find(|line| line.contains("of-seed-7")).unwrap_or_default();
    assert!(row.starts_with("1 …"), "{shown}");
}

#[test]
fn any_column_sorts_the_table_and_what_is_unknown_comes_last() {
    let root = tempfile::tempdir().unwrap();
    end(start(&root, "b", 2.0, 0.5));
    end(Writer::create(&RunFolder::create(root.path().join("none")).unwrap()).map(begun).unwrap());
    end(start(&root, "a", 3.0, 0.5));
    end(start(&root, "c", 1.0, 0.5));
    let mut all = together(&root, &["b", "none", "a", "c"], ViewKind::Sharpness);
    let shown = screen(&all, 200, 20);
    assert_eq!(rows(&shown), ["b", "none", "a", "c"], "{shown}");
    for label in ["valid loss", "λ_max", "convex", "minima"] {
        assert!(shown.contains(label), "{label} in {shown}");
    }
    while !screen(&all, 200, 20).contains("Sorted by λ_max, lowest first") {
        press(&mut all, KeyCode::Right);
    }
    assert_eq!(rows(&screen(&all, 200, 20)), ["c", "b", "a", "none"]);
    press(&mut all, KeyCode::Char('v'));
    assert_eq!(rows(&screen(&all, 200, 20)), ["a", "b", "c", "none"]);
    // λ_max of a is 10 times 3.
    assert!(screen(&all, 200, 20).contains("30"));
}

#[test]
fn every_side_is_drawn_at_any_size() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<PathBuf> = (0..6).map(|k| PathBuf::from(format!("run-{k}"))).collect();
    let names: Vec<&str> = names.iter().filter_map(|name| name.to_str()).collect();
    names.iter().for_each(|name| end(start(&root, name, 1.0, 0.5)));
    for view in [ViewKind::Overview, ViewKind::Landscape, ViewKind::Sharpness] {
        let mut all = together(&root, &names, view);
        for (width, height) in [(1, 1), (3, 2), (24, 6), (40, 12), (80, 24), (120, 40), (200, 60)] {
            for key in ['v', 'm', '?', '?'] {
                screen(&all, width, height);
                press(&mut all, KeyCode::Char(key));
            }
        }
    }
}

#[test]
fn a_comparison_shows_its_slices_side_by_side_until_one_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    for (name, steep) in [("sgd", 1.0), ("adam", 4.0)] {
        end(start(&root, name, steep, 0.5));
    }
    let paths = ["sgd", "adam"].map(|name| root.path().join(name));
    let beside = crate::model::SideBySide::of(paths, &crate::model::Sides::Each).unwrap();
    let folder = beside.write(root.path().join("both")).unwrap();
    let run = crate::once::read_run(folder.path()).unwrap();
    let mut app = crate::App::new(run, ViewKind::Landscape);
    let drawn = |app: &crate::App| {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 40));
        app.draw(buffer.area, &mut buffer);
        // The row of slices above them names all in any case.
        let text = crate::frame_text::plain(&buffer);
        text.lines().skip(2).collect::<Vec<_>>().join("\n")
    };
    // The names stand side by side above the pictures.
    let has_both = |shown: &str| {
        let mut lines = shown.lines();
        lines.any(|line| line.starts_with("sgd random") && line.contains("adam random"))
    };
    assert!(has_both(&drawn(&app)), "{}", drawn(&app));
    app.update(Message::ToggleMark);
    assert!(!has_both(&drawn(&app)), "{}", drawn(&app));
    app.update(Message::ToggleMark);
    app.update(Message::NextPicture);
    assert_eq!(drawn(&app).matches("turn 30°").count(), 2, "{}", drawn(&app));
}
