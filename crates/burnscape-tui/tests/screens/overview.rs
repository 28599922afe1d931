//! The overview: metrics of the user's as charts, smoothing of the lines drawn, what is not recorded.

use super::support::Synthetic;
use super::support::keys::Typed;
use burnscape_trace::{Hyperparameters, Metric, Record, Resume, Step, record};
use burnscape_tui::palette::{ENVELOPE, TRAIN};
use burnscape_tui::{App, Run, ViewKind};
use ratatui::buffer::Buffer;

fn metric(split: &str, name: &str, epoch: u64, value: f64) -> Record {
    let (split, name) = (split.into(), name.to_owned());
    Record::Metric(record!(Metric { split, name, epoch, step: 40 * epoch, value }))
}

fn with_metrics() -> Run {
    let mut run = Synthetic { with_slice: false, ..Synthetic::default() }.run();
    for epoch in 1..=10 {
        let share = epoch as f64 / 10.0;
        run.apply(&metric("train", "accuracy", epoch, share));
        run.apply(&metric("valid", "accuracy", epoch, share / 2.0));
        run.apply(&metric("valid", "f1", epoch, 0.25));
    }
    run
}

fn screen(run: Run, size: (u16, u16)) -> Typed {
    Typed::new(App::new(run, ViewKind::Overview), size)
}

/// The line of a title and the lines of its chart, from the cell on where the title begins.
fn chart<'a>(text: &'a str, title: &str) -> Vec<String> {
    let line = text
        .lines()
        .position(|line| line.contains(title))
        .unwrap_or_else(|| panic!("{title} in {text}"));
    let head = text.lines().nth(line).unwrap();
    let begin = head[..head.find(title).unwrap()].chars().count();
    let from = |line: &'a str| line.chars().skip(begin).collect::<String>();
    text.lines().skip(line).map(from).collect()
}

#[test]
fn metrics_of_the_user_are_charts_with_a_curve_for_each_split() {
    let text = screen(with_metrics(), (200, 60)).text();
    let accuracy = chart(&text, "accuracy  ─ train 1  ─ valid 0.5");
    // The axis reaches from the least of both splits, 0.05, to the most, 1, where the line of train ends.
    let rows: Vec<&str> = accuracy.iter().skip(1).take(9).map(|row| row.trim()).collect();
    let row_of = |name: &str| rows.iter().position(|row| row.contains(name)).unwrap();
    assert!(row_of("train") <= 1 && row_of("valid") > 2, "{text}");
    assert!(rows.iter().any(|row| row.starts_with("1.0")), "{text}");
    assert!(text.contains("f1  ─ valid 0.25") && text.contains("steps/s"), "{text}");
    assert!(text.contains("train accuracy 1") && text.contains("valid accuracy 0.5"), "{text}");
}

#[test]
fn values_of_ones_own_are_a_chart_and_a_number_and_settings_are_listed() {
    let mut run = Synthetic { with_slice: false, ..Synthetic::default() }.run();
    for step in 0..400 {
        let (split, name) = ("own".into(), "rew\u{1b}ard".to_owned());
        let value = step as f64 / 4.0;
        run.apply(&Record::Metric(record!(Metric { split, name, epoch: 1, step, value })));
    }
    let told = |values: &[(&str, &str)]| {
        let values = values.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Record::Hyperparameters(record!(Hyperparameters { values: values.collect() }))
    };
    run.apply(&told(&[("batch", "32"), ("optimizer", "\"adam\u{1b}\"")]));
    run.apply(&told(&[("batch", "64")]));
    let text = screen(run, (200, 60)).text();
    let chart = chart(&text, "rew\u{fffd}ard  ─ own");
    assert!(chart.iter().take(9).any(|row| row.trim().starts_with("60")), "{text}");
    for part in ["rew\u{fffd}ard 99.8", "batch 64", "optimizer \"adam\u{fffd}\""] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn where_charts_find_no_room_a_key_goes_on_to_them() {
    let mut screen = screen(with_metrics(), (80, 24));
    let shown = |text: String, title: &str| {
        text.lines().any(|line| line.trim_start_matches(['╭', '─', ' ']).starts_with(title))
    };
    assert!(shown(screen.text(), "learning rate") && screen.text().contains("v: 3 more"));
    for title in ["gradient norm", "accuracy", "f1", "steps/s", "learning rate"] {
        assert!(shown(screen.press("v").text(), title), "{title} in {}", screen.text());
    }
}

#[test]
fn metrics_of_a_path_that_was_left_are_left_out() {
    let mut run = with_metrics();
    run.apply(&Record::Resume(record!(Resume { steps: 200 })));
    let text = screen(run, (200, 60)).text();
    // Epoch 5 ended at step 200: half of all.
    assert!(text.contains("train accuracy 0.5") && text.contains("valid accuracy 0.25"), "{text}");
}

/// The first and the last row with dots of a colour, in the chart of the loss: three fifths of 120 columns.
fn lowest_and_highest(buffer: &Buffer, colour: ratatui::style::Color) -> Option<(u16, u16)> {
    let cells = (0..buffer.area.height).flat_map(|y| (0..72).map(move |x| (x, y)));
    let braille = |&at: &(u16, u16)| {
        let glyph = buffer[at].symbol().chars().next().unwrap_or(' ');
        ('\u{2801}'..='\u{28ff}').contains(&glyph) && buffer[at].fg == colour
    };
    let rows: Vec<u16> = cells.filter(braille).map(|(_, y)| y).collect();
    Some((*rows.iter().min()?, *rows.iter().max()?))
}

/// A loss that swings between 0 and 1: its average settles at a half, and the swings stay visible behind it.
#[test]
fn a_smoothed_line_says_so_and_the_raw_one_stays() {
    let mut run = Run::named("swinging");
    for step in 0..400 {
        let loss = Some((step % 2) as f64);
        run.apply(&Record::Step(record!(Step { step, loss })));
    }
    let mut screen = screen(run, (120, 30));
    assert!(lowest_and_highest(screen.buffer(), TRAIN).is_none());
    let raw = lowest_and_highest(screen.buffer(), ENVELOPE).unwrap();
    let text = screen.press("s").text();
    assert!(text.contains("smoothed, α=0.2"), "{text}");
    assert_eq!(lowest_and_highest(screen.buffer(), ENVELOPE).unwrap(), raw);
    let text = screen.press("s").text();
    assert!(text.contains("smoothed, α=0.05"), "{text}");
    // With α = 0.05 the average swings by less than 0.05 around a half once it is there.
    let end = (70, raw.0 + (raw.1 - raw.0) / 2);
    let column = (raw.0..=raw.1).filter(|&y| screen.buffer()[(end.0 - 10, y)].fg == TRAIN);
    assert!(
        column.clone().count() <= 2 && column.clone().all(|y| y.abs_diff(end.1) <= 2),
        "{text}"
    );
    let text = screen.press("s").text();
    assert!(!text.contains("smoothed"), "{text}");
    assert_eq!(screen.app.run().last_loss(), Some(1.0));
}

#[test]
fn one_spike_of_the_loss_in_a_million_steps_is_drawn() {
    let mut run = Run::named("long");
    for step in 0..1_000_000_u64 {
        let loss = Some(if step == 314_159 { 1000.0 } else { 1.0 });
        run.apply(&Record::Step(record!(Step { step, loss })));
    }
    for keys in ["", "s", "ss"] {
        let mut screen = screen(run.clone(), (80, 24));
        screen.press(keys);
        let loss = chart(&screen.text(), "loss  ─ step");
        // The plot begins six cells right of the title; nothing but the spike is in its upper rows.
        let is_dot = |it: char| ('\u{2801}'..='\u{28ff}').contains(&it);
        let highest = loss[1..].iter().find(|row| row.chars().skip(6).any(is_dot)).unwrap();
        let top = highest.chars().skip(6).position(is_dot);
        // 70 cells are a million steps, and an eighth more where the run goes on.
        let cells = [314_159.0 / 1_125_000.0 * 70.0 - 1.0, 314_159.0 / 1_000_000.0 * 70.0 + 1.0];
        let column = top.unwrap_or_else(|| panic!("{}", screen.text())) as f64;
        assert!(cells[0] <= column && column <= cells[1], "{column} in {}", screen.text());
    }
}

#[test]
fn what_is_not_recorded_is_said_with_what_turns_it_on() {
    let mut run = Run::named("bare");
    (0..3).for_each(|step| run.apply(&Record::Step(record!(Step { step }))));
    let text = screen(run, (200, 40)).text();
    assert!(text.contains("turn it on with `probe.grad_norms_every(1)`"), "{text}");
    assert!(text.contains("what the training step returns has no loss"), "{text}");
    assert!(screen(Run::named("new"), (200, 40)).text().contains("no values yet"));
}
