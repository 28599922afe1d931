//! Every view of recorded runs of the examples, and of what can become of them: keys in, screen out.

use std::path::{Path, PathBuf};

use super::support::screen::{Screen, cells};
use burnscape_trace::{Head, Record, Step, record};
use burnscape_tui::palette::{LEVELS, measured_level};
use burnscape_tui::{App, ColourDepth, Glyphs, Run, TerminalProfile, ViewKind};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

const TRACES: [&str; 3] = ["digits", "convnet", "custom_loop"];
const SIZES: [(u16, u16); 5] = [(20, 5), (40, 12), (80, 24), (120, 40), (200, 60)];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces").join(name)
}

/// The records of a trace, read without the model that is tested.
fn records(name: &str) -> Vec<Record> {
    burnscape_trace::read_run(folder(name)).unwrap().records
}

fn run_of(records: &[Record]) -> Run {
    let mut run = Run::named("recorded");
    records.iter().for_each(|record| run.apply(record));
    run
}

fn steps(records: &[Record]) -> impl Iterator<Item = &Step> {
    records.iter().filter_map(|record| match record {
        Record::Step(step) => Some(step),
        _ => None,
    })
}

/// The finite losses of the measured nodes of the first slice.
fn losses(records: &[Record]) -> Vec<f64> {
    let nodes = records.iter().filter_map(|record| match record {
        Record::Nodes(nodes) if nodes.slice == 0 && !nodes.interpolated => Some(&nodes.loss),
        _ => None,
    });
    nodes.flat_map(|loss| loss.iter().copied()).filter(|loss| loss.is_finite()).collect()
}

/// The number that follows a label on the screen.
fn number_after(screen: &str, label: &str) -> f64 {
    let after = screen.split(&format!("{label} ")).nth(1);
    let after = after.unwrap_or_else(|| panic!("{label} in {screen}"));
    after.split_whitespace().next().unwrap().parse().unwrap()
}

/// Numbers are printed with six digits.
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{found} is not {expected}");
}

#[test]
fn the_numbers_on_the_screen_are_those_of_the_trace() {
    for name in TRACES {
        let records = records(name);
        let last_loss = steps(&records).filter_map(|step| step.loss).last().unwrap();
        let losses = losses(&records);
        let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let snapshots = records.iter().filter(|it| matches!(it, Record::Snapshot(_))).count();
        for size in [(80, 24), (120, 40), (200, 60)] {
            for view in [ViewKind::Overview, ViewKind::Landscape] {
                let mut screen = Screen::new(run_of(&records), view, size);
                assert_close(number_after(&screen.text(), "last loss"), last_loss);
                // The overview has its other numbers behind a key.
                let keys = if view == ViewKind::Overview { "\n" } else { "" };
                let text = screen.press(keys).text();
                assert_close(number_after(&text, "lowest"), lowest);
                assert_close(number_after(&text, "highest"), highest);
                assert_eq!(number_after(&text, "snapshots"), snapshots as f64, "{text}");
            }
            let text = Screen::new(run_of(&records), ViewKind::Overview, size).text();
            assert_eq!(number_after(&text, "steps"), steps(&records).count() as f64, "{text}");
        }
    }
}

#[test]
fn every_block_of_the_trace_can_be_selected() {
    for name in TRACES {
        let records = records(name);
        let blocks = records.iter().find_map(|record| match record {
            Record::Head(head) => Some(&head.blocks),
            _ => None,
        });
        let mut screen = Screen::new(run_of(&records), ViewKind::Gradients, (200, 60));
        for block in blocks.unwrap() {
            assert!(screen.text().contains(&block.path), "{}: {}", block.path, screen.text());
            let selected: String = (1..60).map(|row| screen.reversed(row)).collect();
            assert!(selected.contains(&block.path), "{} is not in {selected}", block.path);
            screen.press("↓");
        }
    }
}

/// Recorded runs, and what can become of them.
fn runs() -> Vec<(String, Run)> {
    let mut runs: Vec<(String, Run)> =
        TRACES.iter().map(|name| ((*name).to_owned(), run_of(&records(name)))).collect();
    let digits = records("digits");
    let head = digits[..1].to_vec();
    let one_step = steps(&digits).next().unwrap().clone();
    runs.push(("nothing".into(), Run::named("empty")));
    runs.push(("no step".into(), run_of(&head)));
    runs.push(("one step".into(), run_of(&[head, vec![Record::Step(one_step)]].concat())));
    runs.push(("not finite".into(), run_of(&not_finite(&digits))));
    runs.push(("one block".into(), run_of(&with_blocks(&digits, &["weight".to_owned()]))));
    let names: Vec<String> = (0..300).map(|i| format!("層.{i}.重み.{}", "n".repeat(120))).collect();
    runs.push(("300 blocks".into(), run_of(&with_blocks(&digits, &names))));
    let long = "encoder.layer.attention.".repeat(5);
    assert_eq!(long.len(), 120);
    let mut named = Run::named(long.clone());
    with_blocks(&digits, &[long]).iter().for_each(|record| named.apply(record));
    runs.push(("120 characters".into(), named));
    runs
}

/// Every third loss, norm and node is NaN, every fourth of the others infinite.
fn not_finite(records: &[Record]) -> Vec<Record> {
    let broken = |i: usize, value: f64| match i {
        i if i % 3 == 0 => f64::NAN,
        i if i % 4 == 0 => f64::INFINITY,
        _ => value,
    };
    let break_record = |(i, record): (usize, &Record)| match record.clone() {
        Record::Step(mut step) => {
            step.loss = step.loss.map(|loss| broken(i, loss));
            for values in step.columns.values_mut() {
                let all = values.iter().enumerate().map(|(i, &it)| broken(i, f64::from(it)) as f32);
                *values = all.collect();
            }
            Record::Step(step)
        }
        Record::Nodes(mut nodes) => {
            let numbered = nodes.index.iter().zip(nodes.loss.iter());
            nodes.loss = numbered.map(|(&node, &loss)| broken(node as usize, loss)).collect();
            Record::Nodes(nodes)
        }
        other => other,
    };
    records.iter().enumerate().map(break_record).collect()
}

/// The same run of a model with other blocks.
fn with_blocks(records: &[Record], names: &[String]) -> Vec<Record> {
    let change = |record: &Record| match record.clone() {
        Record::Head(head) => {
            let first = head.blocks[0].clone();
            let block = |name: &String| {
                record!(burnscape_trace::Block { path: name.clone(), ..first.clone() })
            };
            Record::Head(record!(Head { blocks: names.iter().map(block).collect(), ..head }))
        }
        Record::Step(mut step) => {
            for values in step.columns.values_mut() {
                *values = values.iter().copied().cycle().take(names.len()).collect();
            }
            Record::Step(step)
        }
        other => other,
    };
    records.iter().map(change).collect()
}

#[test]
fn every_view_has_its_head_its_tab_and_few_colours_at_every_size() {
    for (name, run) in runs() {
        for view in ViewKind::ALL {
            for size in SIZES {
                let screen = Screen::new(run.clone(), view, size);
                assert_frame(&format!("{name}, {view:?}, {size:?}"), view, &screen);
            }
        }
    }
}

fn assert_frame(what: &str, view: ViewKind, screen: &Screen) {
    let number = view.number().to_string();
    assert!(screen.reversed(0).starts_with(&number), "{what}: {}", screen.text());
    if screen.frame.area.width >= 120 && !what.starts_with("120 characters") {
        let head = screen.text().lines().next().unwrap().to_owned();
        let name = if what.starts_with("nothing") { "empty" } else { "recorded" };
        assert!(head.starts_with(name), "{what}: {head}");
    }
    let drawn = screen.frame.content.iter().filter(|cell| cell.symbol() != " ");
    assert!(drawn.clone().count() > 20, "{what}: {}", screen.text());
    assert!(drawn.clone().all(|cell| !cell.symbol().contains(char::is_control)), "{what}");
    let levels: std::collections::HashSet<_> =
        screen.frame.content.iter().filter_map(|cell| measured_level(cell.bg)).collect();
    assert!(levels.len() <= LEVELS, "{what}: {} colours", levels.len());
}

#[test]
fn no_view_draws_outside_its_area() {
    for (name, run) in runs() {
        for view in ViewKind::ALL {
            for (width, height) in SIZES {
                let area = Rect::new(3, 2, width, height);
                let mut frame =
                    Buffer::filled(Rect::new(0, 0, width + 7, height + 5), Cell::new("#"));
                App::new(run.clone(), view).draw(area, &mut frame);
                let outside = cells(&frame)
                    .filter(|&(x, y)| !area.contains(ratatui::layout::Position::new(x, y)));
                for at in outside {
                    assert_eq!(frame[at].symbol(), "#", "{name}, {view:?}, {area}: {at:?}");
                }
            }
        }
    }
}

#[test]
fn keys_change_the_landscape_of_recorded_runs_at_every_size() {
    for name in TRACES {
        for size in &SIZES[1..] {
            let mut screen = Screen::new(run_of(&records(name)), ViewKind::Landscape, *size);
            let map = screen.text();
            let relief = screen.press("m").text();
            assert!(relief.contains("turn 30°  tilt 40°"), "{name} {size:?}: {relief}");
            assert_ne!(screen.press("→").text(), relief);
            assert_eq!(screen.press("←m").text(), map);
            assert_eq!(screen.press("]").reversed(1), "2 random", "{}", screen.text());
        }
    }
}

#[test]
fn what_is_not_finite_is_marked_and_counted() {
    let run = run_of(&not_finite(&records("digits")));
    for size in &SIZES[2..] {
        let mut screen = Screen::new(run.clone(), ViewKind::Landscape, *size);
        assert!(!screen.find("×").is_empty() && !screen.find("∞").is_empty());
        // 13 × 13 nodes.
        let broken = (0..169).filter(|i| i % 3 == 0 || i % 4 == 0).count();
        assert!(screen.text().contains(&format!("non-finite {broken} nodes")), "{}", screen.text());
        screen.press("m");
        assert!(!screen.find("×").is_empty(), "{}", screen.text());
    }
}

#[test]
fn empty_runs_say_that_there_is_nothing_yet() {
    for (records, words) in [(Vec::new(), "waiting"), (records("digits")[..1].to_vec(), "waiting")]
    {
        for view in ViewKind::ALL {
            let text = Screen::new(run_of(&records), view, (80, 24)).text();
            assert!(text.lines().next().unwrap().contains(words), "{text}");
        }
        let text = Screen::new(run_of(&records), ViewKind::Landscape, (80, 24)).text();
        assert!(text.contains("No slice of the landscape yet"), "{text}");
    }
}

#[test]
fn without_colour_and_in_ascii_every_view_is_plain_text() {
    for name in TRACES {
        let run = run_of(&records(name));
        for view in ViewKind::ALL {
            let mut screen = Screen::new(run.clone(), view, (120, 40));
            screen.press("m");
            let mut frame = screen.frame.clone();
            TerminalProfile { colours: ColourDepth::None, glyphs: Glyphs::Ascii }.adapt(&mut frame);
            assert!(frame.content.iter().all(|cell| cell.symbol().is_ascii()), "{name} {view:?}");
        }
    }
}
