//! The view of sharpness: the numbers of the records, the line of stability, what else was measured.

use super::support::curvature::{LARGEST, LR, at};
use super::support::keys::Typed;
use super::support::{Synthetic, paraboloid};
use burnscape_trace::{Curvature, Record, Resume, record};
use burnscape_tui::{App, Run, ViewKind};

fn with(records: &[Curvature]) -> Run {
    let mut run = Run::named("curved");
    run.apply(&Record::Head(Synthetic::default().head()));
    records.iter().for_each(|record| run.apply(&Record::Curvature(record.clone())));
    run
}

fn screen(run: Run, size: (u16, u16)) -> Typed {
    Typed::new(App::new(run, ViewKind::Sharpness), size)
}

/// The rows below a title, as far as they are on the screen.
fn below<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    text.lines().skip_while(|line| !line.contains(title)).skip(1).collect()
}

#[test]
fn the_numbers_of_the_last_record_are_on_the_screen() {
    for size in [(80, 24), (200, 60)] {
        let text = screen(with(&[at(6, 40), at(6, 80)]), size).text();
        for words in [
            "λ_max·lr 1.6 of 2 (80 %)",
            "λ_max 8 ± 0.25, 4, 2",
            "λ_min -0.5 ± 0.125",
            "trace 20 ± 1.5 (16 probes)",
            "at step 80",
            "epoch 2",
            "loss 0.625",
            "samples 512 in 4 batches",
            "cost 123 gradients, 4.5 s",
            "error of a product 1e-4",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }
    assert!((LARGEST.0 * LR - 1.6).abs() < 1e-12 && paraboloid(0.0, 0.0) > 0.0);
}

#[test]
fn the_line_of_stability_is_called_what_it_is() {
    let assumed = screen(with(&[at(6, 40)]), (120, 30)).text();
    assert!(assumed.contains("─ 2/lr, gradient descent assumed"), "{assumed}");
    let heavy_ball = record!(Curvature {
        optimizer: "SGD, momentum 0.9".into(),
        stability_limit: Some(3.8),
        ..at(6, 40)
    });
    let named = screen(with(&[heavy_ball]), (120, 30)).text();
    assert!(named.contains("─ 3.8/lr, SGD, momentum 0.9") && named.contains("of 3.8"), "{named}");
    let unknown = record!(Curvature { stability_limit: None, ..at(6, 40) });
    let text = screen(with(&[unknown]), (120, 30)).text();
    assert!(!text.contains("/lr,") && text.contains("no limit of stability is known"), "{text}");
}

#[test]
fn a_step_beyond_the_limit_is_said_to_overshoot() {
    let beyond = record!(Curvature { lr: 0.5, ..at(6, 40) });
    let text = screen(with(&[beyond]), (80, 24)).text();
    assert!(text.contains("λ_max·lr 4 of 2 (200 %, steps overshoot)"), "{text}");
}

/// 2/lr lies at 10 and 8 ± 0.25 below it, on an axis from the least to the most: both are drawn at the height that
/// the axis gives them.
#[test]
fn the_largest_eigenvalue_is_drawn_with_its_error_below_the_line_of_stability() {
    let records: Vec<_> = (1..=10).map(|i| at(6, 40 * i)).collect();
    let text = screen(with(&records), (80, 40)).text();
    let rows = below(&text, "sharpness  ─");
    let rows: Vec<&str> = rows.into_iter().take_while(|row| !row.contains("step ")).collect();
    let dots = |row: &&str| row.chars().skip(8).any(|it| ('\u{2801}'..='\u{28ff}').contains(&it));
    let (top, bottom) = (rows.iter().position(dots), rows.iter().rposition(dots));
    // The limit is the highest of all and the foot of the lowest error bar the lowest, and nothing lies between
    // the bars' heads at 8.25 and the limit at 10.
    assert!(top < bottom, "{text}");
    let between = rows[top.unwrap()..=bottom.unwrap()].iter().filter(|row| !dots(row)).count();
    assert!(between > (rows.len() / 3), "{between} of {} rows in {text}", rows.len());
}

#[test]
fn panels_show_density_blocks_measures_and_sentences_in_turn() {
    let mut screen = screen(with(&[at(6, 40), at(6, 80)]), (80, 30));
    let text = screen.text();
    assert!(text.contains("density of eigenvalues") && text.contains("10 probes × 60 steps"));
    assert!(
        text.contains("1 of 6")
            && text.contains("λ -2")
            && text.lines().any(|it| it.ends_with(" 10"))
    );
    let text = screen.press("v").text();
    let blocks = below(&text, "largest eigenvalue of each block alone");
    assert!(blocks[0].starts_with("conv1.weight") && blocks[0].contains("7.9 ± 0.0625"), "{text}");
    let text = screen.press("v").text();
    let measures = below(&text, "measures of sharpness");
    assert_eq!(measures[0], "sam  0.75 ± 0.01  radius 0.05");
    assert!(measures[1].contains("does not change when a layer is scaled"), "{text}");
    let text = screen.press("v").text();
    assert!(text.contains("∙ There is a direction of negative curvature"), "{text}");
    assert!(screen.press("v").text().contains("λ_min "));
    assert!(
        screen
            .press("v")
            .text()
            .lines()
            .any(|line| line.trim_start_matches(['│', '╭', '─', ' ']).starts_with("trace "))
    );
    assert!(screen.press("v").text().contains("density of eigenvalues"));
}

#[test]
fn bars_of_blocks_are_as_long_as_their_share_of_the_largest() {
    let halves = record!(Curvature { block_largest: vec![2.0, 8.0, 4.0].into(), ..at(3, 40) });
    let mut screen = screen(with(&[halves]), (80, 30));
    let text = screen.press("v").text();
    let rows = below(&text, "of each block alone");
    let bars: Vec<usize> = rows.iter().take(3).map(|row| row.matches('█').count()).collect();
    assert!(rows[0].starts_with("conv1.bias") && rows[2].starts_with("conv1.weight"), "{text}");
    assert!(
        bars[0] >= 8 && bars[1].abs_diff(bars[0] / 2) <= 1 && bars[2].abs_diff(bars[0] / 4) <= 1
    );
}

#[test]
fn hessians_that_cannot_be_compared_are_shown_apart() {
    let adam = record!(Curvature { preconditioned: true, largest: vec![77.0].into(), ..at(6, 40) });
    let mut screen = screen(with(&[at(6, 40), adam]), (120, 40));
    assert!(screen.text().contains("Hessian 1 of 2") && screen.text().contains("λ_max 8"));
    let second = screen.press("]").text();
    assert!(second.contains("in the coordinates of the optimizer") && second.contains("λ_max 77"));
}

#[test]
fn what_training_has_left_behind_is_not_shown() {
    let mut run =
        with(&[at(6, 40), record!(Curvature { largest: vec![55.0].into(), ..at(6, 80) })]);
    run.apply(&Record::Resume(record!(Resume { steps: 60 })));
    let text = screen(run, (80, 24)).text();
    assert!(text.contains("of a path that training has left") && !text.contains("55"), "{text}");
}

#[test]
fn without_a_record_it_is_said_how_to_get_one() {
    let text = screen(Synthetic::default().run(), (80, 24)).text();
    assert!(text.contains("No curvature was recorded."), "{text}");
    assert!(text.contains("probe.curvature(model, batches, LiveCurvature::new())"), "{text}");
}

#[test]
fn records_of_nonsense_fit_every_size() {
    let nan = f64::NAN;
    let mut nonsense = at(6, u64::MAX);
    nonsense.largest = vec![nan, f64::INFINITY].into();
    nonsense.largest_error = vec![nan].into();
    nonsense.block_largest = vec![nan, f64::NEG_INFINITY, 1e300].into();
    nonsense.lr = nan;
    nonsense.optimizer = "\u{1b}[2J层".repeat(40);
    nonsense.sentences = vec![String::new(), "x".repeat(10_000)];
    nonsense.density = at(6, 0).density.map(|mut density| {
        density.density = vec![nan, f64::INFINITY, -1.0].into();
        density
    });
    let empty = Curvature::default();
    for records in [vec![empty.clone()], vec![nonsense.clone()], vec![empty, nonsense]] {
        for size in [(1, 1), (20, 5), (40, 12), (80, 24), (120, 40), (200, 60)] {
            let mut screen = screen(with(&records), size);
            (0..8).for_each(|_| assert!(!screen.press("v↓").text().contains('\u{1b}')));
        }
    }
}
