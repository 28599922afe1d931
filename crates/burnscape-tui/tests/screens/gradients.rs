//! The view of gradients: a block over steps, which blocks are shown, one block in full.

use super::support::keys::Typed;
use super::support::screen::Screen;
use super::support::{Synthetic, looks};
use burnscape_trace::{Record, Step, record};
use burnscape_tui::model::{BlockQuantity, COLUMNS};
use burnscape_tui::{App, Run, ViewKind};
use ratatui::buffer::Buffer;

fn names(names: &[&str]) -> Synthetic {
    Synthetic {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        with_slice: false,
        ..Synthetic::default()
    }
}

fn typed(synthetic: &Synthetic, size: (u16, u16)) -> Typed {
    Typed::new(App::new(synthetic.run(), ViewKind::Gradients), size)
}

#[test]
fn letters_filter_blocks_while_they_are_typed_and_are_no_commands() {
    let synthetic =
        names(&["conv1.weight", "conv1.bias", "conv2.weight", "head.weight", "quantile.bias"]);
    let mut screen = typed(&synthetic, (100, 30));
    // Each letter is a command elsewhere: q leaves, 1 shows the overview, v changes the chart.
    assert!(screen.press("/q").text().contains("1 of 5 blocks"), "{}", screen.text());
    assert!(!screen.app.wants_quit());
    screen.press("←uv1");
    assert!(screen.text().contains("/quv1"), "{}", screen.text());
    assert!(screen.text().contains("no block matches") && screen.text().contains("0 of 5 blocks"));
    screen.press("⌫⌫⌫⌫*.weight");
    assert!(screen.text().contains("3 of 5 blocks"), "{}", screen.text());
    assert!(!screen.text().contains("conv1.bias") && !screen.text().contains("quantile"));
    assert!(screen.text().contains("block 1 of 3"));
}

#[test]
fn enter_keeps_a_filter_and_escape_drops_it() {
    let synthetic = names(&["conv1.weight", "conv1.bias", "fc.weight"]);
    let mut screen = typed(&synthetic, (100, 30));
    let kept = screen.press("/conv*\n").text();
    assert!(kept.contains("/conv*") && kept.contains("2 of 3 blocks") && kept.contains("q quit"));
    assert!(!kept.contains("fc.weight"));
    // Typing on and leaving gives the filter back that was kept.
    assert!(screen.press("/.zzz").text().contains("no block matches"));
    assert!(screen.press("⎋").text().contains("2 of 3 blocks"));
    let all = screen.press("⎋").text();
    assert!(all.contains("fc.weight") && !all.contains("of 3 blocks"), "{all}");
}

#[test]
fn arrows_stay_within_the_blocks_that_match() {
    let synthetic = names(&["a.weight", "a.bias", "b.weight", "b.bias"]);
    let mut screen = typed(&synthetic, (100, 30));
    let chart = |screen: &Typed| {
        let text = screen.text();
        let words: Vec<&str> = text.split_whitespace().collect();
        let of = words.windows(3).find(|it| it[..2] == ["‖g‖", "of"]);
        of.map(|it| it.join(" "))
    };
    screen.press("/*.bias\n");
    assert_eq!(chart(&screen).as_deref(), Some("‖g‖ of a.bias"));
    screen.press("↓↓↓");
    assert_eq!(chart(&screen).as_deref(), Some("‖g‖ of b.bias"));
    screen.press("↑↑");
    assert_eq!(chart(&screen).as_deref(), Some("‖g‖ of a.bias"));
}

#[test]
fn three_hundred_blocks_are_counted() {
    let many: Vec<String> = (0..300).map(|i| format!("layer{i}.weight")).collect();
    let synthetic = Synthetic { names: many, steps: 3, with_slice: false, ..Synthetic::default() };
    let mut screen = typed(&synthetic, (80, 24));
    // layer7, layer17 … layer297: one of each ten.
    assert!(screen.press("/layer*7.weight").text().contains("30 of 300 blocks"));
}

#[test]
fn the_next_value_of_a_block_is_drawn_or_said_how_to_record_it() {
    let looked_at = Synthetic { with_looks: true, ..Synthetic::default() };
    let mut screen = typed(&looked_at, (80, 40));
    for title in
        ["‖θ‖ of", "‖Δθ‖ of", "‖Δθ‖/‖θ‖ of", "S/N of the gradient of", "cosine of updates of"]
    {
        let frame = screen.press("v").text();
        assert!(frame.contains(&format!("{title} conv1.weight")), "{title} in {frame}");
        assert!(!frame.contains("not recorded"), "{frame}");
    }
    let mut screen = typed(&Synthetic::default(), (80, 40));
    let frame = screen.press("vvvv").text();
    assert!(frame.contains("turn it on with `probe.level(Level::Standard)`"), "{frame}");
}

/// A run whose gradients are measured at every step, and whose weights at every `every`-th.
fn measured(steps: u64, every: u64) -> Run {
    let mut run = Run::named("measured");
    run.apply(&Record::Head(names(&["w"]).head()));
    for step in 0..steps {
        let weights = ["weight_norm", "update_norm"].map(|name| (name, step % every == 0));
        let due = [("grad_norm", true)].into_iter().chain(weights);
        let columns = due.filter(|(_, is_due)| *is_due);
        let columns = columns.map(|(name, _)| (name.to_owned(), vec![0.5_f32].into())).collect();
        run.apply(&Record::Step(record!(Step { step, columns })));
    }
    run
}

#[test]
fn numbers_of_several_steps_are_not_said_to_be_of_one() {
    for (steps, every, of_weights) in [(12, 20, 0), (95, 20, 80), (8, 7, 7), (1, 3, 0)] {
        let mut screen =
            Typed::new(App::new(measured(steps, every), ViewKind::Gradients), (80, 24));
        let frame = screen.text();
        let last = steps - 1;
        let head = frame.lines().find(|it| it.starts_with("block 1 of 1")).unwrap_or_default();
        if of_weights == last {
            assert!(head.starts_with(&format!("block 1 of 1 at step {last} ")), "{frame}");
            continue;
        }
        assert!(!head.contains("at step"), "{frame}");
        let below = frame.lines().find(|it| it.starts_with("at step")).unwrap_or_default();
        let steps: Vec<&str> = below.split_whitespace().skip(2).collect();
        let (last, weights) = (last.to_string(), of_weights.to_string());
        assert_eq!(steps, [&last, &weights, &weights, &weights], "{frame}");
        let inspected = screen.press("\n").text();
        assert!(inspected.contains(&format!("‖θ‖ 0.5 (step {weights})")), "{inspected}");
        assert!(inspected.contains("‖g‖ 0.5  "), "{inspected}");
    }
}

/// One step in a million is a hundred times as large: the chart reaches up to it.
#[test]
fn one_spike_in_a_million_steps_is_seen_in_the_chart() {
    let mut run = Run::named("long");
    run.apply(&Record::Head(names(&["w"]).head()));
    for step in 0..1_000_000_u64 {
        let norm = if step == 654_321 { 100.0_f32 } else { 1.0 };
        let columns = [("grad_norm".to_owned(), vec![norm].into())].into();
        run.apply(&Record::Step(record!(Step { step, columns })));
    }
    let screen = Typed::new(App::new(run, ViewKind::Gradients), (80, 24));
    let frame = screen.text();
    let chart = frame.lines().skip_while(|line| !line.starts_with("‖g‖ of w"));
    let top = chart.clone().nth(1).unwrap();
    let column = top.chars().position(|it| ('\u{2801}'..'\u{28ff}').contains(&it));
    // The plot begins at cell 8; the axis goes on for an eighth at most, as the run has no end.
    let end = 1_000_000.0..=1_125_000.0;
    let cells = |end: f64| 8.0 + 654_321.0 / end * 72.0;
    let (first, last) = (cells(*end.end()) - 1.0, cells(*end.start()) + 1.0);
    let column = column.unwrap_or_else(|| panic!("{frame}")) as f64;
    assert!((first..=last).contains(&column), "{column} of {first}..{last} in {frame}");
}

#[test]
fn memory_of_a_block_over_steps_does_not_grow() {
    let mut run = Run::named("long");
    let many: Vec<String> = (0..300).map(|i| format!("b{i}")).collect();
    let synthetic = Synthetic { names: many, ..Synthetic::default() };
    run.apply(&Record::Head(synthetic.head()));
    (0..5_000).for_each(|step| run.apply(&Record::Step(synthetic.step(step))));
    let mut app = App::new(run, ViewKind::Gradients);
    let mut frame = Buffer::empty(ratatui::layout::Rect::new(0, 0, 80, 24));
    app.draw(frame.area, &mut frame);
    app.take_changed();
    assert!(app.run().block_series(BlockQuantity::GradNorm).len() <= COLUMNS);
}

#[test]
fn enter_shows_all_that_is_known_of_a_block_and_escape_leaves() {
    let long = format!("encoder.{}.weight", "layer".repeat(25));
    let synthetic =
        Synthetic { with_looks: true, ..names(&[&long, "fc1.weight", "a", "fc2.weight"]) };
    let mut run = synthetic.run();
    run.apply(&Record::Alert(looks::alert("update-ratio", 350)));
    let mut screen = Typed::new(App::new(run, ViewKind::Gradients), (80, 40));
    let frame = screen.press("\n").text();
    let joined: String = frame.lines().collect();
    assert!(joined.contains(&long), "{frame}");
    for fact in
        ["shape [16, 8]", "parameters 128", "role weight", "in Linear", "S/N 0.25", "cosine 1"]
    {
        assert!(frame.contains(fact), "{fact} in {frame}");
    }
    assert!(frame.contains("max |g| 0.125") && frame.contains("gradient, step 390"), "{frame}");
    // The alert is about block 3.
    assert!(!frame.contains("Clip gradients"));
    assert!(screen.press("↓↓↓").text().contains("Clip gradients"));
    assert!(screen.press("⎋").text().contains("block by step"));
}

#[test]
fn blocks_fold_into_modules_with_their_sums_and_enter_opens_one() {
    let names = ["encoder.0.weight", "encoder.0.bias", "encoder.1.weight", "head.weight"];
    let names = names.map(str::to_owned).to_vec();
    let run = Synthetic { names, with_slice: false, ..Synthetic::default() }.run();
    let weights: Vec<f64> = (0..4).map(|i| 3.0 + f64::from(i)).collect();
    let mut screen = Screen::new(run, ViewKind::Gradients, (100, 30));
    let folded = screen.press("t").text();
    assert!(folded.contains("module 1 of 4"), "{folded}");
    let row = |label: &str| {
        let row = folded.lines().find(|row| row.trim_start().starts_with(label)).unwrap();
        row.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    // Weights have the norms 3, 4, 5 and 6; that of several is the root of the sum of squares.
    let norm = |of: &[usize]| of.iter().map(|&i| weights[i].powi(2)).sum::<f64>().sqrt();
    for (label, blocks, of) in [("encoder ", "3", &[0, 1, 2][..]), ("0 ", "2", &[0, 1])] {
        let row = row(label);
        assert_eq!(row[1], blocks, "{row:?}");
        let told: f64 = row[3].parse().unwrap();
        assert!((told - norm(of)).abs() < 0.005 * norm(of), "{row:?}");
    }
    let opened = screen.press("↓\n").text();
    assert!(opened.contains("block 1 of 2") && !opened.contains("head.weight"), "{opened}");
    assert!(screen.press("\u{1b}").text().contains("module 2 of 4"), "{}", screen.text());
}
