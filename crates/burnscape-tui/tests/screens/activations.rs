//! The view of activations: how the values behind a tap are spread over steps.

use super::support::Synthetic;
use super::support::keys::Typed;
use burnscape_trace::{End, Histogram, Record, Resume, record};
use burnscape_tui::palette::{LEVELS, scale_level};
use burnscape_tui::{App, Run, ViewKind};

/// All values in one octave.
fn heap(step: u64, first_exponent: i16, zeros: u64) -> Record {
    Record::Histogram(record!(Histogram {
        of: "activation".into(),
        tap: Some("relu".into()),
        step,
        first_exponent,
        positive: vec![100].into(),
        zeros,
    }))
}

fn with(records: &[Record]) -> Run {
    let mut run = Run::named("spread");
    run.apply(&Record::Head(Synthetic::default().head()));
    records.iter().for_each(|record| run.apply(record));
    run
}

/// The view with the map of octaves in place of the chart.
fn map_of(run: Run) -> Typed {
    let mut screen = Typed::new(App::new(run, ViewKind::Activations), (120, 24));
    screen.press("vvvvv");
    screen
}

/// Levels of colour in a row of the map, from the first cell of its left half to the last of it.
fn levels(screen: &Typed, row: u16) -> Vec<Option<usize>> {
    // The chart takes the left half; eight cells are labels, and the bar needs the last dozen.
    (8..45)
        .map(|x| {
            scale_level(screen.buffer()[(x, row)].fg).or(scale_level(screen.buffer()[(x, row)].bg))
        })
        .collect()
}

fn row_of(screen: &Typed, label: &str) -> u16 {
    let text = screen.text();
    let line = text.lines().position(|line| line.trim_start().starts_with(label));
    line.unwrap_or_else(|| panic!("{label} in {text}")) as u16
}

/// Values lie in the octave from 2⁻³ for the first half of the steps, and in that from 2² for the second.
#[test]
fn a_heap_that_wanders_off_is_seen_over_steps() {
    let mut records: Vec<Record> =
        (0..40).map(|i| heap(i, if i < 20 { -3 } else { 2 }, 0)).collect();
    records.push(Record::End(End::default()));
    let screen = map_of(with(&records));
    let (top, bottom) =
        (levels(&screen, row_of(&screen, "2^3")), levels(&screen, row_of(&screen, "2^-3")));
    let half = top.len() / 2;
    // All values of an octave are the highest level of the scale.
    assert!(bottom[..half - 4].iter().all(|level| *level == Some(LEVELS - 1)), "{}", screen.text());
    assert!(top[..half - 4].iter().all(Option::is_none), "{}", screen.text());
    assert!(top[half + 6..].iter().all(|level| *level == Some(LEVELS - 1)), "{}", screen.text());
    assert!(bottom[half + 6..].iter().all(Option::is_none), "{}", screen.text());
    assert!(screen.text().contains("step 0") && screen.text().contains("39"));
}

/// 100 of 5000 values: log₁₀ of the share is −1.7, at 0.575 of a scale from −4 to 0, which is level 9 of 16.
#[test]
fn the_colour_is_the_logarithm_of_the_share_of_all_values() {
    let records = [heap(0, -3, 4_900), heap(1, -3, 4_900), Record::End(End::default())];
    let screen = map_of(with(&records));
    let row = levels(&screen, row_of(&screen, "2^-3"));
    assert!(row.iter().all(|level| *level == Some(9)), "{row:?} in {}", screen.text());
}

#[test]
fn histograms_of_a_path_that_was_left_are_left_out() {
    let mut records: Vec<Record> =
        (0..10).map(|i| heap(i, if i < 5 { -3 } else { 2 }, 0)).collect();
    records.push(Record::Resume(record!(Resume { steps: 5 })));
    records.push(heap(5, -3, 0));
    let text = map_of(with(&records)).text();
    assert!(text.contains("2^-2") && !text.contains("2^3"), "{text}");
}

#[test]
fn without_histograms_it_is_said_how_to_record_them() {
    let synthetic = Synthetic { with_looks: true, ..Synthetic::default() };
    let mut run = Run::named("plain");
    let is_histogram = |record: &Record| matches!(record, Record::Histogram(_));
    synthetic.records().iter().filter(|it| !is_histogram(it)).for_each(|record| run.apply(record));
    let text = map_of(run).text();
    assert!(text.contains("turn it on with `activation_histograms: true`"), "{text}");
}
