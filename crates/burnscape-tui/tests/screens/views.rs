//! Whole-application tests: keys in, screen out, from runs of known numbers.

use super::support::{CURVATURE, LOWEST, Synthetic, looks, paraboloid};
use burnscape_trace::{
    Activation, Alert, AlertRule, Axis, Blackbox, Block, End, Head, Histogram, Item, LossCause,
    Lost, Nodes, Note, Record, Resume, Slice, Step, record,
};
use burnscape_tui::model::MAX_NODES;
use burnscape_tui::palette::{LEVELS, WARNING, scale, scale_level};
use burnscape_tui::{
    App, ColourDepth, Glyphs, Message, Run, TerminalProfile, ViewKind, default_view, draw_once,
    render_once,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

const SIZES: [(u16, u16); 10] = [
    (1, 1),
    (2, 3),
    (20, 5),
    (24, 7),
    (40, 12),
    (80, 24),
    (117, 30),
    (118, 40),
    (120, 40),
    (200, 60),
];

/// An application on a terminal that exists only in memory.
struct Screen {
    app: App,
    terminal: Terminal<TestBackend>,
}

impl Screen {
    fn new(run: Run, view: ViewKind, (width, height): (u16, u16)) -> Self {
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut screen = Self { app: App::new(run, view), terminal };
        screen.draw();
        screen
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        for character in keys.chars() {
            let code = match character {
                '\t' => KeyCode::Tab,
                '\n' => KeyCode::Enter,
                '←' => KeyCode::Left,
                '→' => KeyCode::Right,
                '↑' => KeyCode::Up,
                '↓' => KeyCode::Down,
                other => KeyCode::Char(other),
            };
            let message = Message::from_key(KeyEvent::new(code, KeyModifiers::NONE));
            self.app.update(message.expect("the key means something"));
        }
        self.draw();
        self
    }

    fn draw(&mut self) {
        let app = &self.app;
        self.terminal.draw(|frame| app.draw(frame.area(), frame.buffer_mut())).unwrap();
    }

    fn text(&self) -> String {
        text(self.terminal.backend().buffer())
    }

    fn selected_tab(&self) -> String {
        use ratatui::style::Modifier;
        let buffer = self.terminal.backend().buffer();
        let reversed = (0..buffer.area.width)
            .filter(|&x| buffer[(x, 0)].modifier.contains(Modifier::REVERSED));
        reversed.map(|x| buffer[(x, 0)].symbol()).collect::<String>().trim().to_owned()
    }
}

fn text(buffer: &Buffer) -> String {
    let row = |y| (0..buffer.area.width).map(move |x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}

/// The number that follows a label on the screen.
fn number_after(screen: &str, label: &str) -> f64 {
    let after =
        screen.split(&format!("{label} ")).nth(1).unwrap_or_else(|| panic!("{label} in {screen}"));
    after.split_whitespace().next().unwrap().parse().unwrap()
}

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{found} is not {expected}");
}

#[test]
fn the_landscape_prints_the_numbers_of_the_trace() {
    let synthetic = Synthetic::default();
    for (width, height) in [(80, 24), (120, 40)] {
        let frame = text(&draw_once(&synthetic.run(), ViewKind::Landscape, width, height));
        assert_close(number_after(&frame, "last loss"), synthetic.last_loss());
        assert_close(number_after(&frame, "lowest"), LOWEST);
        assert_close(number_after(&frame, "highest"), synthetic.highest());
        assert_eq!(number_after(&frame, "snapshots"), synthetic.snapshots() as f64);
    }
}

#[test]
fn the_overview_prints_the_numbers_of_the_trace() {
    let synthetic = Synthetic::default();
    for (width, height) in [(80, 24), (120, 40)] {
        let mut screen = Screen::new(synthetic.run(), ViewKind::Overview, (width, height));
        assert_close(number_after(&screen.text(), "last loss"), synthetic.last_loss());
        let frame = screen.press("\n").text();
        assert_eq!(number_after(&frame, "snapshots"), synthetic.snapshots() as f64);
        assert_close(number_after(&frame, "lowest"), LOWEST);
        assert_close(number_after(&frame, "highest"), synthetic.highest());
        assert_eq!(number_after(&frame, "steps/s"), 20.0);
        assert_eq!(number_after(&frame, "dropped"), 0.0);
    }
}

#[test]
fn no_word_finds_no_room_on_usual_terminals() {
    let run = Synthetic::default().run();
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let screen = Screen::new(run.clone(), ViewKind::Landscape, (width, height));
        assert!(!screen.text().contains("enlarge"), "{}", screen.text());
    }
}

/// Cells of the map: those with a colour of the scale, left of the colour bar.
fn map_cells(buffer: &Buffer) -> Vec<(u16, u16)> {
    let end_of_map = buffer.area.width - 12;
    let cells = (0..buffer.area.height).flat_map(|y| (0..end_of_map).map(move |x| (x, y)));
    cells.filter(|&at| scale_level(buffer[at].bg).is_some()).collect()
}

#[test]
fn the_map_has_60_by_16_cells_on_a_terminal_of_80_by_24() {
    for with_keys in [true, false] {
        let run = Synthetic::default().run();
        let buffer = if with_keys {
            let screen = Screen::new(run, ViewKind::Landscape, (80, 24));
            screen.terminal.backend().buffer().clone()
        } else {
            draw_once(&run, ViewKind::Landscape, 80, 24)
        };
        let cells = map_cells(&buffer);
        let span =
            |values: Vec<u16>| values.iter().max().unwrap() - values.iter().min().unwrap() + 1;
        assert!(span(cells.iter().map(|cell| cell.0).collect()) >= 60);
        assert!(span(cells.iter().map(|cell| cell.1).collect()) >= 16);
    }
}

#[test]
fn colours_follow_the_paraboloid() {
    let synthetic = Synthetic { with_end: false, ..Synthetic::default() };
    let buffer = draw_once(&synthetic.run(), ViewKind::Landscape, 80, 24);
    let cells = map_cells(&buffer);
    let (left, bottom) =
        (cells.iter().map(|c| c.0).min().unwrap(), cells.iter().map(|c| c.1).max().unwrap());
    // The grid reaches farther to the left and below: its lower left node is the highest.
    assert_eq!(buffer[(left, bottom)].bg, scale(LEVELS - 1));
    let end = find(&buffer, "●");
    assert_eq!(scale_level(buffer[end].bg), Some(0), "the trajectory ends in the lowest colour");
}

#[test]
fn the_trajectory_runs_from_its_start_to_the_centre() {
    let buffer = draw_once(&Synthetic::default().run(), ViewKind::Landscape, 80, 24);
    let (start, end) = (find(&buffer, "○"), find(&buffer, "●"));
    assert!(start.0 + 20 < end.0 && start.1 > end.1, "{start:?} {end:?}");
}

fn find(buffer: &Buffer, symbol: &str) -> (u16, u16) {
    let cells = (0..buffer.area.height).flat_map(|y| (0..buffer.area.width).map(move |x| (x, y)));
    let mut found = cells.filter(|&at| buffer[at].symbol() == symbol);
    found.next().unwrap_or_else(|| panic!("{symbol} in {}", text(buffer)))
}

/// The contour lines of α² + β² are circles: on a map whose cells are twice as high as wide, all
/// dots of one level lie at one distance from the centre.
#[test]
fn contour_lines_of_a_bowl_are_circles() {
    let synthetic = Synthetic { columns: 41, rows: 41, ..Synthetic::default() };
    let axis = record!(Axis {
        label: "d".into(),
        first: -20,
        count: 41,
        spacing: 0.1,
        direction_norm: 1.0,
    });
    let at = |i: u32| (f64::from(i) - 20.0) * 0.1;
    let bowl = (0..41 * 41).map(|node| at(node % 41).powi(2) + at(node / 41).powi(2)).collect();
    let mut run = Run::named("bowl");
    run.apply(&Record::Head(synthetic.head()));
    run.apply(&Record::Slice(record!(Slice { x: axis.clone(), y: Some(axis) })));
    run.apply(&Record::Nodes(record!(Nodes {
        slice: 0,
        index: (0..41 * 41).collect(),
        loss: bowl,
    })));
    let buffer = draw_once(&run, ViewKind::Landscape, 80, 24);
    let dots = dots(&buffer);
    assert!(dots.len() > 150, "{}", dots.len());
    // The map is 60 × 17 cells of 2 × 4 dots and shows −2.05 … 2.05 both ways; the scale of the
    // colours 0 … 8 is linear, and contour lines at 2, 4 and 6 are drawn.
    let (left, top) = (8.0, 1.0);
    let cells = map_cells(&buffer);
    let (columns, rows) =
        (cells.iter().map(|c| c.0).max().unwrap() - 7, cells.iter().map(|c| c.1).max().unwrap());
    for (x, y) in dots {
        let alpha = (x - left * 2.0 + 0.5) / (f64::from(columns) * 2.0) * 4.1 - 2.05;
        let beta = (y - top * 4.0 + 0.5) / (f64::from(rows) * 4.0) * 4.1 - 2.05;
        let radius = alpha.hypot(beta);
        let nearest = (1..=3).map(|level| (2.0 * f64::from(level)).sqrt());
        let distance = nearest.map(|circle| (circle - radius).abs()).fold(f64::MAX, f64::min);
        // Half a dot each way, and the chord of a grid cell.
        assert!(distance < 0.06, "({alpha}, {beta}) is {distance} from a circle");
    }
}

/// Braille dots on the screen, in dots from the upper left.
fn dots(buffer: &Buffer) -> Vec<(f64, f64)> {
    const PLACES: [(u32, u32); 8] =
        [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let mut dots = Vec::new();
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let glyph = buffer[(x, y)].symbol().chars().next().unwrap_or(' ') as u32;
            let bits = glyph.checked_sub(0x2800).filter(|bits| *bits < 256).unwrap_or(0);
            let set = PLACES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
            dots.extend(set.map(|(_, (dx, dy))| {
                (f64::from(2 * u32::from(x) + dx), f64::from(4 * u32::from(y) + dy))
            }));
        }
    }
    dots
}

#[test]
fn the_words_tell_what_the_map_does_not_show() {
    let narrow = text(&draw_once(&Synthetic::default().run(), ViewKind::Landscape, 80, 24));
    for word in [
        "explained 85.2 % (random walk 77.8 %)",
        "out of plane up to 23 %",
        "true loss",
        "on plane",
        "samples 1000",
        "stderr 0.0125",
        "β PC 2",
        "α PC 1",
        "linear",
    ] {
        assert!(narrow.contains(word), "{word} in {narrow}");
    }
    let wide = draw_once(&Synthetic::default().run(), ViewKind::Landscape, 200, 60);
    let beside = |y| (136..200).map(|x| wide[(x, y)].symbol()).collect::<String>();
    let beside: Vec<String> = (1..60).map(beside).collect();
    let words = beside.iter().flat_map(|row| row.split_whitespace());
    let wide = words.collect::<Vec<_>>().join(" ");
    for word in ["a random walk of 11", "mean over the same 1000 samples", "525 of 525 nodes"] {
        assert!(wide.contains(word), "{word} in {wide}");
    }
}

#[test]
fn random_directions_tell_their_seeds() {
    let mut slice = Synthetic::default().slice();
    slice.x =
        record!(Axis { label: "random 1".into(), seed: Some(4711), explained: None, ..slice.x });
    let mut run = Synthetic::default().run();
    run.apply(&Record::Slice(slice));
    assert!(text(&draw_once(&run, ViewKind::Landscape, 80, 24)).contains("seed 4711"));
}

#[test]
fn the_cursor_reads_the_loss_and_its_error() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, (80, 24));
    screen.press("→→→↑");
    let frame = screen.text();
    // The first arrow shows the cursor at the centre.
    assert!(frame.contains("cursor (0.2, 0.1)"), "{frame}");
    assert_close(number_after(&frame, "(0.2, 0.1) loss"), paraboloid(0.2, 0.1));
    assert!(frame.contains("± 0.0125"));
    assert_eq!(CURVATURE, (1.0, 2.0));
}

#[test]
fn zooming_shows_less_and_back() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, (80, 24));
    let before = screen.text();
    assert!(!screen.press("++").text().contains("○"), "the start is outside");
    assert_eq!(screen.press("0").text(), before);
}

#[test]
fn zoomed_to_the_minimum_the_colours_tell_its_surroundings_apart() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, (120, 40));
    let colours = |buffer: &Buffer| {
        let grounds = map_cells(buffer).into_iter().map(|at| scale_level(buffer[at].bg));
        grounds.collect::<std::collections::BTreeSet<_>>().len()
    };
    let whole = colours(screen.terminal.backend().buffer());
    screen.press("+++");
    let zoomed = colours(screen.terminal.backend().buffer());
    // A bowl has all colours at any size.
    assert!(whole > 8 && zoomed > 8, "{whole} and {zoomed} colours");
}

#[test]
fn what_is_told_of_a_surface_is_called_the_surfaces() {
    let screen = Screen::new(Synthetic::default().run(), ViewKind::Overview, (200, 60)).text();
    for figure in ["lowest", "highest"] {
        let all = screen.matches(figure).count();
        let named = screen.matches(&format!("surface {figure}")).count();
        assert!(all > 0 && all == named, "{figure} in {screen}");
    }
}

#[test]
fn the_scale_key_changes_the_colour_bar() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, (80, 24));
    assert!(screen.text().contains("linear"));
    assert!(screen.press("y").text().contains("log"));
}

#[test]
fn brackets_choose_the_slice() {
    let mut run = Synthetic::default().run();
    let axis = record!(Axis {
        label: "random 1".into(),
        first: -4,
        count: 9,
        spacing: 0.5,
        direction_norm: 1.0,
    });
    run.apply(&Record::Slice(record!(Slice { slice: 1, name: "line".into(), x: axis })));
    let losses: Vec<f64> = (-4..5).map(|i| f64::from(i * i)).collect();
    run.apply(&Record::Nodes(record!(Nodes {
        slice: 1,
        index: (0..9).collect(),
        loss: losses.into(),
    })));
    let mut screen = Screen::new(run, ViewKind::Landscape, (80, 24));
    assert!(screen.text().contains("slice 1/2 pca"));
    let line = screen.press("]").text();
    assert!(line.contains("slice 2/2 line") && line.contains("highest 16 at (-2)"), "{line}");
    assert!(screen.press("]").text().contains("slice 2/2"));
    assert!(screen.press("[").text().contains("slice 1/2 pca"));
}

#[test]
fn views_are_chosen_by_number_and_tab() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Overview, (80, 24));
    assert_eq!(screen.selected_tab(), "1 Overview");
    assert_eq!(screen.press("3").selected_tab(), "3 Activations");
    assert_eq!(screen.press("4").selected_tab(), "4 Landscape");
    assert_eq!(screen.press("\t").selected_tab(), "5 Sharpness");
    assert_eq!(screen.press("\t").selected_tab(), "1 Overview");
    assert_eq!(screen.press("\t").selected_tab(), "2 Gradients");
    assert_eq!(screen.press("9").selected_tab(), "2 Gradients");
    assert!(screen.press("?").text().contains("leave; training goes on"));
    assert!(!screen.press("?").text().contains("leave; training goes on"));
    screen.press("q");
    assert!(screen.app.wants_quit());
}

#[test]
fn a_paused_picture_holds_while_records_arrive() {
    let synthetic = Synthetic::default();
    let mut screen = Screen::new(synthetic.run(), ViewKind::Overview, (80, 24));
    screen.press("p");
    let held = screen.text();
    assert!(held.contains("paused"));
    screen.app.apply(&Record::Step(record!(Step { step: 400, loss: Some(77.0) })));
    screen.draw();
    assert_eq!(screen.text(), held);
    assert!(screen.press("p").text().contains("last loss 77"));
}

#[test]
fn nothing_changes_without_a_message() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Overview, (80, 24));
    assert!(screen.app.take_changed());
    assert!(!screen.app.take_changed());
    screen.app.update(Message::Resize);
    assert!(screen.app.take_changed());
}

#[test]
fn the_gradient_table_follows_the_selection() {
    let names = (0..300).map(|i| format!("layer{i}.weight")).collect();
    let synthetic = Synthetic { names, steps: 50, ..Synthetic::default() };
    let mut screen = Screen::new(synthetic.run(), ViewKind::Gradients, (80, 24));
    assert!(screen.text().contains("block 1 of 300"));
    let down = "↓".repeat(150);
    let frame = screen.press(&down).text();
    assert!(frame.contains("block 151 of 300") && frame.contains("layer150.weight"), "{frame}");
    let frame = screen.press(&"↓".repeat(400)).text();
    assert!(frame.contains("block 300 of 300") && frame.contains("layer299.weight"));
}

#[test]
fn the_gradient_table_shows_norms_ratio_and_status() {
    let names = ["a.weight", "frozen.weight"].map(str::to_owned).to_vec();
    let synthetic = Synthetic { names, steps: 2, ..Synthetic::default() };
    let frame = text(&draw_once(&synthetic.run(), ViewKind::Gradients, 100, 20));
    let row = |name: &str| frame.lines().rfind(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(row("frozen.weight").ends_with("frozen"));
    let numbers: Vec<f64> =
        row("a.weight").split_whitespace().skip(1).take(4).map(|n| n.parse().unwrap()).collect();
    let [gradient, weight, update, ratio] = numbers[..] else { panic!("{numbers:?}") };
    assert_eq!(weight, 3.0);
    assert!((update / gradient - 0.01).abs() < 1e-4 && (ratio - update / 3.0).abs() < 1e-5);
}

#[test]
fn the_gradient_table_shows_signal_to_noise_and_cosine_where_they_were_measured() {
    let looked_at = Synthetic { with_looks: true, ..Synthetic::default() };
    for size in [(80, 24), (200, 60)] {
        let frame = text(&draw_once(&looked_at.run(), ViewKind::Gradients, size.0, size.1));
        // Signal i + 1 of a power of i + 5; the updates at an angle whose cosine is 1 − i/4.
        for (i, name) in looked_at.names.iter().enumerate() {
            let row = last_line(&frame, name);
            // On wide terminals the chart of the selected block stands beside the table.
            let row: String = row.chars().take(100).collect();
            let numbers: Vec<f64> = row.split_whitespace().flat_map(str::parse).collect();
            let i = i as f64;
            assert!(numbers.ends_with(&[(i + 1.0) / 4.0, 1.0 - i / 4.0]), "{row}");
        }
    }
    let frame = text(&draw_once(&Synthetic::default().run(), ViewKind::Gradients, 200, 60));
    assert!(!frame.contains("S/N") && !frame.contains("cosine"), "{frame}");
}

/// The last line that begins with a word.
fn last_line(frame: &str, word: &str) -> String {
    let found = frame.lines().rfind(|line| line.split_whitespace().next() == Some(word));
    found.unwrap_or_else(|| panic!("{word} in {frame}")).to_owned()
}

#[test]
fn an_update_is_held_against_the_weight_of_the_same_step() {
    let mut run = Run::named("one");
    let names = vec!["w".to_owned()];
    run.apply(&Record::Head(Synthetic { names, ..Synthetic::default() }.head()));
    let both = [("weight_norm", 2.0), ("update_norm", 1.0)];
    for (step, columns) in [(0, &both[..]), (1, &[("update_norm", 64.0)])] {
        let of = |&(name, value): &(&str, f32)| (name.to_owned(), vec![value].into());
        let columns = columns.iter().map(of).collect();
        run.apply(&Record::Step(record!(Step { step, columns })));
    }
    let frame = text(&draw_once(&run, ViewKind::Gradients, 80, 24));
    let row = last_line(&frame, "w");
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[1..5], ["–", "2", "64", "0.5"], "{row}");
}

#[test]
fn the_status_of_a_block_tells_its_alerts() {
    let names: Vec<String> = (0..5).map(|i| format!("b{i}")).collect();
    let mut run = Run::named("alerts");
    run.apply(&Record::Head(Synthetic { names, ..Synthetic::default() }.head()));
    // One block is fine, two still break their rules, and two do not any more.
    let columns = [("grad_norm".to_owned(), vec![1.0, 500.0, 1e-12, 1.0, 1.0].into())];
    run.apply(&Record::Step(record!(Step { step: 9, columns: columns.into() })));
    for (block, rule, value, threshold) in [
        (1, "exploding-gradient", 400.0, 100.0),
        (2, "vanishing-gradient", 1e-13, 1e-9),
        (3, "exploding-gradient", 400.0, 100.0),
        (4, "non-finite-gradient", f64::NAN, 0.0),
    ] {
        let alert = record!(Alert {
            rule: rule.into(),
            block: Some(block),
            value,
            threshold,
            ..looks::alert(rule, 5)
        });
        run.apply(&Record::Alert(alert));
    }
    let frame = text(&draw_once(&run, ViewKind::Gradients, 80, 24));
    let expected = ["ok", "explodes", "vanishes", "exploded", "NaN before"];
    for (block, word) in expected.into_iter().enumerate() {
        let row = last_line(&frame, &format!("b{block}"));
        assert!(row.ends_with(&format!("  {word}")), "{row}");
    }
}

#[test]
fn histograms_of_the_selected_block_are_drawn_below_the_table() {
    let synthetic = Synthetic { with_looks: true, ..Synthetic::default() };
    let frame = text(&draw_once(&synthetic.run(), ViewKind::Gradients, 80, 40));
    assert!(frame.contains("gradient, step 390") && frame.contains("weights, step 390"), "{frame}");
    // Twelve octaves from 2⁻²⁴ and from 2⁻¹¹, of both signs.
    let powers = frame.lines().last().unwrap();
    let powers: Vec<&str> = powers.split_whitespace().collect();
    assert_eq!(powers, ["-2^-12", "±2^-24", "2^-12", "-2^1", "±2^-11", "2^1"]);
}

/// A run with a step, and alerts of a level at steps.
fn with_alerts(alerts: &[(&str, u64)]) -> Run {
    let mut run = Run::named("alerts");
    run.apply(&Record::Head(Synthetic::default().head()));
    run.apply(&Record::Step(Step::default()));
    for &(level, step) in alerts {
        let text = format!(
            "a sentence of {} words about what happened at step {step}",
            "many ".repeat(16)
        );
        let rule = AlertRule::from(format!("{level}-rule"));
        run.apply(&Record::Alert(record!(Alert {
            level: level.into(),
            text: text + " end",
            advice: format!("Help against {rule}."),
            rule,
            ..looks::alert("", step)
        })));
    }
    run
}

/// The words on the screen, whatever line they are on.
fn words(frame: &str) -> String {
    frame.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of the screen that tell an alert, trimmed.
fn alert_rows(frame: &str) -> Vec<String> {
    let tells = |row: &&str| row.starts_with("error at step ") || row.starts_with("step ");
    let rows = frame.lines().map(str::trim_end).filter(|row| row.contains(": "));
    rows.filter(tells).map(str::to_owned).collect()
}

#[test]
fn each_alert_is_one_line_and_the_newest_is_among_them() {
    let run = with_alerts(&[("error", 40), ("error", 50), ("error", 60), ("warning", 90)]);
    for (size, errors) in [((80, 24), &[60, 50][..]), ((120, 40), &[60, 50, 40])] {
        let frame = text(&draw_once(&run, ViewKind::Overview, size.0, size.1));
        let rows = alert_rows(&frame);
        assert_eq!(rows.len(), errors.len() + 1, "{frame}");
        for (row, step) in rows.iter().zip(errors) {
            assert!(row.starts_with(&format!("error at step {step}: a sentence")), "{frame}");
        }
        assert!(rows[errors.len()].starts_with("step 90: a sentence of many"), "{frame}");
        assert!(!frame.contains("Help against"), "{frame}");
    }
}

#[test]
fn what_an_alert_says_and_what_helps_is_behind_a_key_errors_first() {
    let run = with_alerts(&[("error", 40), ("warning", 80), ("error", 50), ("warning", 90)]);
    let mut screen = Screen::new(run, ViewKind::Overview, (200, 60));
    let frame = screen.press("\n").text();
    let places = [
        "4 alerts  error-rule 2  warning-rule 2",
        "error at step 50",
        "happened at step 50 end",
        "Help against error-rule.",
        "error at step 40",
        "step 90",
        "Help against warning-rule.",
        "step 80",
    ];
    let found =
        places.map(|words| frame.find(words).unwrap_or_else(|| panic!("{words} in {frame}")));
    assert!(found.is_sorted(), "{found:?} {frame}");
    assert_eq!(frame.matches("Help against").count(), 2);
}

#[test]
fn all_that_is_behind_the_key_can_be_scrolled_to_on_a_usual_terminal() {
    let alerts: Vec<(&str, u64)> = (0..12).map(|step| ("warning", step)).collect();
    let mut screen = Screen::new(with_alerts(&alerts), ViewKind::Overview, (80, 24));
    let frame = screen.press("\n").text();
    assert!(frame.contains("more") && !frame.contains("happened at step 0 end"), "{frame}");
    let frame = screen.press(&"↓".repeat(60)).text();
    assert!(words(&frame).contains("happened at step 0 end") && !frame.contains("more"), "{frame}");
    // It stops at its end: one key back moves.
    assert_ne!(screen.press("↑").text(), frame);
}

#[test]
fn alerts_are_counted_when_they_are_too_many_to_be_kept() {
    let alerts: Vec<(&str, u64)> = (0..2345).map(|step| ("warning", step)).collect();
    let mut screen = Screen::new(with_alerts(&alerts), ViewKind::Overview, (80, 24));
    assert!(screen.text().contains("step 2344"), "{}", screen.text());
    let frame = screen.press("\n").text();
    assert!(frame.contains("2345 alerts  warning-rule 2345"), "{frame}");
}

/// What stands in the way of the charts of a usual window: six figures and a line for each alert, no prose and no bar.
#[test]
fn a_finished_run_is_told_in_figures_and_not_in_prose() {
    let synthetic = Synthetic { with_looks: true, ..Synthetic::default() };
    for size in [(80, 24), (120, 40)] {
        let frame = text(&draw_once(&synthetic.run(), ViewKind::Overview, size.0, size.1));
        let (head, _) = frame.split_once("╭").unwrap();
        for label in ["last loss", "train epoch", "valid epoch", "lr", "‖g‖", "steps"] {
            let column = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(head.lines().any(|line| column(line).contains(&format!("{label} "))), "{head}");
        }
        assert!(!head.contains('█') && !head.contains("Clip gradients"), "{frame}");
        assert!(!frame.contains("1000 of 60000 samples"), "a note of no concern: {frame}");
        assert!(head.lines().count() <= 8, "{frame}");
    }
}

#[test]
fn every_view_says_that_there_are_alerts_and_only_then() {
    let run = with_alerts(&[("warning", 3)]);
    for view in ViewKind::ALL {
        let frame = text(&draw_once(&run, view, 80, 24));
        assert!(frame.lines().next().unwrap().contains("1 alert "), "{frame}");
    }
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Overview, (80, 24));
    assert!(!screen.text().lines().next().unwrap().contains("alert"), "{}", screen.text());
    assert_eq!(number_after(&screen.press("\n").text(), "alerts"), 0.0);
}

#[test]
fn an_alert_is_seen_on_the_smallest_terminal() {
    let frame = text(&draw_once(&with_alerts(&[("error", 3)]), ViewKind::Overview, 20, 5));
    assert!(frame.contains("error at step 3"), "{frame}");
}

#[test]
fn a_black_box_tells_its_step_its_rule_and_whether_weights_are_kept() {
    let mut run = Synthetic::default().run();
    run.apply(&Record::Blackbox(record!(Blackbox { step: 7, rule: "plateau".into() })));
    let all = |run: &Run| Screen::new(run.clone(), ViewKind::Overview, (80, 24)).press("\n").text();
    let frame = all(&run);
    assert!(frame.contains("black boxes 1, last at step 7: plateau, without weights"), "{frame}");
    run.apply(&Record::Blackbox(looks::black_box(9)));
    let frame = all(&run);
    let words = "black boxes 2, last at step 9: non-finite-gradient, with weights";
    assert!(frame.contains(words), "{frame}");
}

#[test]
fn what_belongs_to_a_path_that_training_has_left_is_left_out() {
    let looked_at = Synthetic { with_looks: true, with_end: false, ..Synthetic::default() };
    let mut run = looked_at.run();
    run.apply(&Record::Resume(record!(Resume { steps: 200 })));
    // Of the alerts at 120, 200, 312 and 350 one is left, of the black box at 312 nothing.
    let frame = Screen::new(run.clone(), ViewKind::Overview, (80, 24)).press("\n").text();
    assert!(frame.contains("1 alert  exploding-gradient 1"), "{frame}");
    assert!(!frame.contains("black boxes"), "{frame}");
    let frame = text(&draw_once(&run, ViewKind::Gradients, 80, 24));
    let row = last_line(&frame, "conv1.weight");
    let numbers = row.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
    assert_eq!(numbers, "– – – – ok", "nothing was measured since");
    assert!(!frame.contains("gradient, step"), "{frame}");
    let mut screen = Screen::new(run, ViewKind::Activations, (80, 24));
    assert!(!screen.text().contains("1.38 ±"), "{}", screen.text());
    let after = looks::activation("conv1.relu", 0, 200);
    screen.app.apply(&Record::Activation(record!(Activation { mean: 7.0, ..after })));
    screen.draw();
    assert!(last_line(&screen.text(), "conv1.relu").contains("7 ±"), "{}", screen.text());
}

/// A run with what passed its taps, and nothing else.
fn with_taps(seen: impl IntoIterator<Item = Activation>) -> Run {
    let mut run = Run::named("taps");
    run.apply(&Record::Head(Synthetic::default().head()));
    seen.into_iter().for_each(|seen| run.apply(&Record::Activation(seen)));
    run
}

fn seen(tap: &str, step: u64) -> Activation {
    record!(Activation {
        tap: tap.into(),
        step,
        values: 8192,
        mean: 0.3989,
        std: 0.5838,
        zero_share: 0.5,
        saturated_share: 0.125,
        units: 128,
        dead_units: 3,
        window: 10,
        drift: 1.75,
    })
}

#[test]
fn the_activation_table_prints_the_numbers_of_the_records() {
    let unbounded =
        record!(Activation { saturated_share: f64::NAN, drift: f64::NAN, ..seen("fc2.relu", 20) });
    let run = with_taps([seen("fc1.tanh", 10), unbounded, seen("fc1.tanh", 20)]);
    for (width, height) in [(80, 24), (200, 60)] {
        let frame = text(&draw_once(&run, ViewKind::Activations, width, height));
        assert!(frame.contains("tap 1 of 2"), "{frame}");
        let row = words(&last_line(&frame, "fc1.tanh"));
        assert_eq!(row, "fc1.tanh 0.399 ± 0.584 50 % 3 of 128 12.5 % 1.75");
        let row = words(&last_line(&frame, "fc2.relu"));
        assert_eq!(row, "fc2.relu 0.399 ± 0.584 50 % 3 of 128 – –");
    }
}

#[test]
fn values_that_are_not_finite_are_marked_and_counted() {
    let nan = f64::NAN;
    let run = with_taps([record!(Activation {
        non_finite: 9,
        mean: nan,
        std: nan,
        ..seen("fc1.relu", 4)
    })]);
    let frame = text(&draw_once(&run, ViewKind::Activations, 80, 24));
    assert!(last_line(&frame, "fc1.relu").contains("×NaN ± NaN"), "{frame}");
    assert!(frame.contains("not finite 9 of 8192"), "{frame}");
    assert!(frame.contains("× 1 not finite"), "the chart marks one mean: {frame}");
}

#[test]
fn without_a_tap_it_is_said_how_to_put_one() {
    for (width, height) in [(80, 24), (200, 60), (40, 12)] {
        let frame = text(&draw_once(&Run::default(), ViewKind::Activations, width, height));
        let told = words(&frame);
        let call = "Put `burnscape::tap(\"fc1.relu\", x)` into forward";
        assert!(told.contains("No tap was recorded yet.") && told.contains(call), "{frame}");
    }
}

#[test]
fn arrows_walk_through_any_number_of_taps() {
    let run = with_taps((0..300).map(|i| seen(&format!("layer{i}.relu"), 1)));
    let mut screen = Screen::new(run, ViewKind::Activations, (80, 24));
    assert!(screen.text().contains("tap 1 of 300"));
    let frame = screen.press(&"↓".repeat(150)).text();
    assert!(frame.contains("tap 151 of 300") && frame.contains("of layer150.relu"), "{frame}");
    assert!(last_line(&frame, "layer150.relu").contains("0.399 ± 0.584"));
    let frame = screen.press(&"↓".repeat(400)).text();
    assert!(frame.contains("tap 300 of 300") && frame.contains("of layer299.relu"), "{frame}");
    assert!(screen.press("↑").text().contains("tap 299 of 300"));
}

#[test]
fn a_key_walks_through_what_is_drawn_of_a_tap() {
    let mut screen = Screen::new(with_taps([seen("t", 1)]), ViewKind::Activations, (80, 24));
    let titles = [
        "mean ± std of t",
        "share of zeros of t",
        "share of dead units of t",
        "share of saturated values of t",
        "drift of t",
        "values by octaves of t, over steps",
    ];
    for title in titles {
        assert!(screen.text().contains(title), "{title} in {}", screen.text());
        screen.press("v");
    }
    assert!(screen.text().contains(titles[0]));
}

#[test]
fn the_chart_of_a_tap_shows_its_mean_and_one_standard_deviation_around_it() {
    let constant = |step| record!(Activation { mean: 2.0, std: 1.0, ..seen("t", step) });
    let mut run = with_taps((0..200).map(constant));
    run.apply(&Record::End(End::default()));
    let mut heights: Vec<i64> = dots(&draw_once(&run, ViewKind::Activations, 80, 24))
        .into_iter()
        .map(|(_, y)| y as i64)
        .collect();
    heights.sort_unstable();
    heights.dedup();
    let [high, mean, low] = heights[..] else { panic!("{heights:?}") };
    assert!((low - mean).abs_diff(mean - high) <= 1, "{heights:?}");
}

#[test]
fn the_histogram_of_a_tap_has_its_octaves_and_tells_its_zeros() {
    let mut run = with_taps([seen("t", 5)]);
    run.apply(&Record::Histogram(record!(Histogram {
        of: "activation".into(),
        tap: Some("t".into()),
        step: 5,
        first_exponent: -3,
        positive: vec![10, 0, 20].into(),
        negative: vec![0, 0, 0].into(),
        zeros: 90,
        non_finite: 2,
    })));
    let buffer = draw_once(&run, ViewKind::Activations, 80, 24);
    let frame = text(&buffer);
    assert!(frame.contains("values, step 5  × 2 not finite"), "{frame}");
    let powers = frame.lines().last().unwrap();
    assert!(words(powers).ends_with("2^-3 2^0"), "{frame}");
    // Two bars: the lower half as high as the upper one, none between them.
    let bars = dots(&buffer).into_iter().filter(|(x, _)| *x >= 84.0);
    let mut heights = [0; 3];
    bars.for_each(|(x, _)| heights[(x - 84.0) as usize / 6] += 1);
    assert_eq!((heights[0] * 2, heights[1]), (heights[2], 0));
    let frame = text(&draw_once(&run, ViewKind::Activations, 200, 60));
    let told = "values, step 5  × 2 not finite  zeros 75 %  highest 16.7 %";
    assert!(frame.contains(told), "{frame}");
}

#[test]
fn what_an_alert_says_of_a_tap_stands_out_while_it_holds() {
    let alerted = |dead_units| {
        let mut run = with_taps([record!(Activation { dead_units, ..seen("t", 5) })]);
        let tap = Some("t".to_owned());
        let dead = looks::alert("dead-units", 2);
        run.apply(&Record::Alert(record!(Alert { tap, block: None, threshold: 0.5, ..dead })));
        let buffer = draw_once(&run, ViewKind::Activations, 80, 24);
        let row = text(&buffer).lines().position(|line| line.starts_with("t ")).unwrap() as u16;
        // The header has the colour of alerts as well.
        (0..80).any(|x| buffer[(x, row)].fg == WARNING)
    };
    assert!(alerted(64) && !alerted(63));
}

#[test]
fn the_help_explains_every_view_in_lines_that_fit_a_usual_terminal() {
    let explained = [
        (ViewKind::Overview, vec!["alerts", "black boxes"]),
        (ViewKind::Gradients, vec!["S/N", "cosine", "status", "histogram"]),
        (
            ViewKind::Activations,
            vec!["mean ± std", "zero", "dead units", "saturated", "drift", "histogram"],
        ),
        (ViewKind::Landscape, vec!["○ ●"]),
    ];
    for (view, labels) in explained {
        let mut screen = Screen::new(Synthetic::default().run(), view, (80, 24));
        let frame = screen.press("?").text();
        assert!(frame.contains("╭─ help ") && frame.contains("Everywhere"), "{frame}");
        let mut frames = vec![frame.clone()];
        frames.extend((0..30).map(|_| screen.press("↓").text()));
        for label in labels {
            let starts = |line: &str| line.trim_start_matches(['│', ' ']).starts_with(label);
            assert!(frames.iter().any(|it| it.lines().any(starts)), "{label} in {frame}");
        }
    }
}

#[test]
fn views_are_asked_for_by_name_or_number() {
    let names = ["overview", "gradients", "activations", "landscape", "sharpness"];
    for ((view, name), number) in ViewKind::ALL.into_iter().zip(names).zip(1..) {
        assert_eq!(name.parse(), Ok(view));
        assert_eq!(number.to_string().parse(), Ok(view));
        assert_eq!(view.number(), number);
    }
    let error = "6".parse::<ViewKind>().unwrap_err().to_string();
    assert!(error.contains("activations") && error.contains("5"), "{error}");
}

#[test]
fn the_brightest_cell_is_the_largest_gradient() {
    let names = ["a", "b"].map(str::to_owned).to_vec();
    let mut run = Run::named("two");
    run.apply(&Record::Head(Synthetic { names, ..Synthetic::default() }.head()));
    for (step, norms) in [[1.0_f32, 10.0], [0.01, 100.0]].into_iter().enumerate() {
        let columns = [("grad_norm".to_owned(), norms.to_vec().into())].into();
        run.apply(&Record::Step(record!(Step { step: step as u64, columns })));
    }
    // A run that goes on leaves room for steps to come.
    run.apply(&Record::End(End::default()));
    let buffer = draw_once(&run, ViewKind::Gradients, 80, 24);
    let frame = text(&buffer);
    let row_of = |name: &str| frame.lines().position(|line| line.starts_with(name)).unwrap() as u16;
    let (first, last) = (2, 80 - 13);
    // log10 of 0.01, 1, 10, 100 on −2 … 2: shares 0, ½, ¾, 1.
    assert_eq!(scale_level(buffer[(first, row_of("a"))].bg), Some(8));
    assert_eq!(scale_level(buffer[(last, row_of("a"))].bg), Some(0));
    assert_eq!(scale_level(buffer[(first, row_of("b"))].bg), Some(12));
    assert_eq!(scale_level(buffer[(last, row_of("b"))].bg), Some(15));
    assert!(frame.contains("log10"));
}

#[test]
fn every_view_of_every_run_fits_every_size() {
    for (name, run) in difficult_runs() {
        for view in ViewKind::ALL {
            for size in SIZES {
                let mut screen = Screen::new(run.clone(), view, size);
                let keys = "→↑←↓++-l]?\n?[p";
                screen.press(keys);
                for profile in profiles() {
                    let printed = render_once(&run, view, size.0, size.1, &profile);
                    let lines = printed.lines().count();
                    assert_eq!(lines, usize::from(size.1), "{name} {view:?} {size:?}");
                }
            }
        }
    }
}

#[test]
fn every_small_size_fits() {
    let run = Synthetic::default().run();
    for width in 0..45 {
        for height in 0..20 {
            for view in ViewKind::ALL {
                let _ = draw_once(&run, view, width, height);
            }
        }
    }
}

#[test]
fn views_that_do_not_fit_say_so() {
    let run = Synthetic::default().run();
    let frame = text(&draw_once(&run, ViewKind::Landscape, 20, 5));
    assert!(frame.contains("needs") && frame.contains("24×6"), "{frame}");
}

fn profiles() -> Vec<TerminalProfile> {
    let colours =
        [ColourDepth::None, ColourDepth::Sixteen, ColourDepth::TwoFiftySix, ColourDepth::True];
    let glyphs = [Glyphs::Braille, Glyphs::Block, Glyphs::Ascii];
    let pairs = colours
        .iter()
        .flat_map(|&colours| glyphs.map(|glyphs| TerminalProfile { colours, glyphs }));
    pairs.collect()
}

fn difficult_runs() -> Vec<(&'static str, Run)> {
    let with_names =
        |names: Vec<String>| Synthetic { names, steps: 30, ..Synthetic::default() }.run();
    vec![
        ("empty", Run::default()),
        ("ordinary", Synthetic::default().run()),
        ("one step", Synthetic { steps: 1, ..Synthetic::default() }.run()),
        ("300 blocks", with_names((0..300).map(|i| format!("l{i}.w")).collect())),
        ("one block", with_names(vec!["w".into()])),
        ("long names", with_names(vec!["x".repeat(120), format!("{}.weight", "層".repeat(60))])),
        (
            "strange names",
            with_names(vec!["e\u{301}👩‍👩‍👧.重み".into(), "\u{1b}[2J\n\t".into(), String::new()]),
        ),
        ("not finite", not_finite()),
        ("filling", filling()),
        ("flat", flat()),
        ("broken slices", broken_slices()),
        ("looked at", Synthetic { with_looks: true, ..Synthetic::default() }.run()),
        ("300 taps", with_taps((0..300).map(|i| seen(&format!("layer{i}.relu"), i)))),
        ("strange taps", strange_taps()),
        ("many alerts", many_alerts()),
        ("not finite looks", not_finite_looks()),
    ]
}

fn strange_taps() -> Run {
    let long = ["x".repeat(200), "層".repeat(60)];
    let short = ["e\u{301}👩‍👩‍👧.重み".to_owned(), "\u{1b}[2J\n\t".into(), String::new()];
    let mut run = with_taps(long.iter().chain(&short).map(|name| seen(name, 3)));
    for name in long.into_iter().chain(short) {
        let bins = vec![u32::MAX; 3000];
        run.apply(&Record::Histogram(record!(Histogram {
            tap: Some(name.clone()),
            first_exponent: i16::MAX,
            positive: bins.clone().into(),
            negative: bins[..7].to_vec().into(),
            zeros: u64::MAX,
        })));
        let tap = Some(name.clone());
        run.apply(&Record::Alert(record!(Alert {
            rule: name.as_str().into(),
            text: name.repeat(9),
            tap,
            advice: name,
        })));
    }
    run
}

fn many_alerts() -> Run {
    let mut run = Synthetic { steps: 30, ..Synthetic::default() }.run();
    for step in 0..1200 {
        let rules =
            ["non-finite-gradient", "vanishing-gradient", "update-ratio", "a rule of tomorrow"];
        let rule = rules[step as usize % rules.len()];
        let block = Some(step as u32 % 9);
        run.apply(&Record::Alert(record!(Alert { block, ..looks::alert(rule, step) })));
    }
    run
}

fn not_finite_looks() -> Run {
    let mut run = Synthetic { with_looks: true, steps: 30, ..Synthetic::default() }.run();
    for (step, value) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308].into_iter().enumerate()
    {
        run.apply(&Record::Activation(record!(Activation {
            tap: "fc1.tanh".into(),
            step: step as u64,
            non_finite: u64::MAX,
            mean: value,
            std: value,
            rms: value,
            min: value,
            max: value,
            zero_share: value,
            saturated_share: value,
            drift: value,
            dead_units: u64::MAX,
        })));
        let columns = ["grad_signal", "grad_power", "update_norm", "update_dot", "distance"];
        let of_blocks = |name: &str| (name.to_owned(), vec![value as f32; 6].into());
        run.apply(&Record::Step(record!(Step {
            step: 30 + step as u64,
            columns: columns.map(of_blocks).into(),
        })));
        let alert = looks::alert("exploding-gradient", step as u64);
        run.apply(&Record::Alert(record!(Alert { value, threshold: f64::NAN, ..alert })));
    }
    run
}

fn not_finite() -> Run {
    let synthetic = Synthetic { with_end: false, ..Synthetic::default() };
    let mut run = synthetic.run();
    for (step, loss) in [f64::NAN, f64::INFINITY, -1e308, 1e308].into_iter().enumerate() {
        let columns = [(
            "grad_norm".to_owned(),
            vec![f32::NAN, f32::INFINITY, 0.0, -0.0, f32::MIN_POSITIVE, f32::MAX].into(),
        )];
        let step = record!(Step {
            step: 400 + step as u64,
            loss: Some(loss),
            lr: f64::NAN,
            columns: columns.into(),
        });
        run.apply(&Record::Step(step));
    }
    let mut nodes = synthetic.nodes();
    nodes.loss = nodes
        .loss
        .iter()
        .enumerate()
        .map(|(i, &loss)| match i % 7 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            _ => loss,
        })
        .collect();
    run.apply(&Record::Nodes(nodes));
    let mut trajectory = synthetic.trajectory();
    trajectory.x.0[3] = f64::NAN;
    trajectory.y.0[0] = f64::INFINITY;
    trajectory.loss.0.clear();
    run.apply(&Record::Trajectory(trajectory));
    run
}

fn filling() -> Run {
    let synthetic = Synthetic::default();
    let mut run = Run::named("filling");
    run.apply(&Record::Head(synthetic.head()));
    run.apply(&Record::Slice(synthetic.slice()));
    let all = synthetic.nodes();
    let coarse = |i: &usize| (i % 25).is_multiple_of(6) && (i / 25).is_multiple_of(6);
    let kept: Vec<usize> = (0..all.index.len()).filter(coarse).collect();
    run.apply(&Record::Nodes(record!(Nodes {
        slice: 0,
        index: kept.iter().map(|&i| all.index[i]).collect(),
        loss: kept.iter().map(|&i| if i == 0 { f64::NAN } else { all.loss[i] }).collect(),
    })));
    run
}

fn flat() -> Run {
    let synthetic = Synthetic::default();
    let mut run = synthetic.run();
    let mut nodes = synthetic.nodes();
    nodes.loss = nodes.loss.iter().map(|_| -1.0).collect();
    run.apply(&Record::Nodes(nodes));
    run
}

fn broken_slices() -> Run {
    let mut run = Run::named("broken");
    let axis = |count| record!(Axis { count, spacing: 1.0 });
    let absurd = record!(Slice { slice: 0, x: axis(MAX_NODES), y: Some(axis(MAX_NODES)) });
    let empty = record!(Slice { slice: 1, x: axis(0) });
    run.apply(&Record::Slice(absurd));
    run.apply(&Record::Slice(empty));
    run.apply(&Record::Nodes(record!(Nodes { slice: 9 })));
    run.apply(&Record::Head(record!(Head { blocks: vec![Block::default(); 2] })));
    run
}

#[test]
fn a_filling_surface_marks_what_is_not_measured_and_not_finite_differently() {
    let buffer = draw_once(&filling(), ViewKind::Landscape, 80, 24);
    let frame = text(&buffer);
    assert!(frame.contains('░') && frame.contains('×'), "{frame}");
    assert!(frame.contains("nodes measured 20 of 525"), "{frame}");
    assert!(frame.contains("× ∞ non-finite 1 nodes"), "{frame}");
}

#[test]
fn nan_losses_are_marked_and_printed_as_such() {
    let mut run = Synthetic::default().run();
    run.apply(&Record::Step(record!(Step { step: 400, loss: Some(f64::NAN) })));
    let frame = text(&draw_once(&run, ViewKind::Overview, 80, 24));
    assert!(frame.contains("last loss NaN") && frame.contains("× 1 not finite"), "{frame}");
}

#[test]
fn a_large_range_is_logarithmic_and_says_so() {
    let synthetic = Synthetic { spacing: 2.0, ..Synthetic::default() };
    let frame = text(&draw_once(&synthetic.run(), ViewKind::Landscape, 80, 24));
    assert!(frame.lines().nth(3).unwrap().trim_end().ends_with("log"), "{frame}");
}

#[test]
fn an_outlier_is_clipped_and_said() {
    let synthetic = Synthetic::default();
    let mut nodes = synthetic.nodes();
    nodes.loss.0[0] = -1e6;
    let mut run = synthetic.run();
    run.apply(&Record::Nodes(nodes));
    let frame = text(&draw_once(&run, ViewKind::Landscape, 80, 24));
    assert!(frame.contains("clipped") && frame.contains("colours clip 10 below"), "{frame}");
    assert!(frame.contains("lowest -1e6"), "{frame}");
}

#[test]
fn damage_and_warnings_are_told() {
    let mut run = Synthetic::default().run();
    run.apply_item(&Item::Lost(Lost { offset: 100, bytes: 2500, cause: LossCause::Damaged }));
    run.apply(&Record::Note(record!(Note {
        level: "warning".into(),
        text: "the model has a tied parameter".into(),
    })));
    // An end that something follows is none.
    let frame = text(&draw_once(&run, ViewKind::Overview, 80, 24));
    assert!(frame.contains("training damaged"), "{frame}");
    run.apply(&Record::End(record!(End { reason: "finished".into() })));
    let frame = text(&draw_once(&run, ViewKind::Overview, 80, 24));
    assert!(frame.contains("finished damaged"), "{frame}");
    assert!(frame.contains("damaged: 2.5 kB in 1 place") && frame.contains("tied parameter"));
}

#[test]
fn the_default_view_is_the_landscape_where_there_is_one() {
    assert_eq!(default_view(&Synthetic::default().run()), ViewKind::Landscape);
    let without = Synthetic { with_slice: false, ..Synthetic::default() };
    assert_eq!(default_view(&without.run()), ViewKind::Overview);
}

#[test]
fn without_colour_nothing_but_text_is_printed() {
    let printed = render_once(
        &Synthetic::default().run(),
        ViewKind::Landscape,
        80,
        24,
        &TerminalProfile::PLAIN,
    );
    assert!(!printed.contains('\u{1b}'));
    assert!(printed.contains("@@") && printed.contains('●'), "{printed}");
}

#[test]
fn ascii_is_ascii_whatever_the_run_is_called() {
    let profile = TerminalProfile { colours: ColourDepth::None, glyphs: Glyphs::Ascii };
    for (name, run) in difficult_runs() {
        for view in ViewKind::ALL {
            assert!(render_once(&run, view, 120, 40, &profile).is_ascii(), "{name} {view:?}");
        }
    }
}

#[test]
fn fewer_colours_stay_within_their_number() {
    let run = Synthetic::default().run();
    let sixteen = TerminalProfile { colours: ColourDepth::Sixteen, glyphs: Glyphs::Block };
    let two_fifty_six =
        TerminalProfile { colours: ColourDepth::TwoFiftySix, glyphs: Glyphs::Braille };
    for (profile, allowed) in [(sixteen, false), (two_fifty_six, true)] {
        let mut buffer = draw_once(&run, ViewKind::Landscape, 80, 24);
        profile.adapt(&mut buffer);
        for cell in &buffer.content {
            for colour in [cell.fg, cell.bg] {
                assert!(!matches!(colour, Color::Rgb(..)));
                assert!(allowed || !matches!(colour, Color::Indexed(_)));
            }
        }
    }
}

#[test]
fn the_heat_map_uses_at_most_16_colours() {
    let buffer = draw_once(&Synthetic::default().run(), ViewKind::Landscape, 200, 60);
    let mut colours: Vec<Color> = buffer.content.iter().map(|cell| cell.bg).collect();
    colours.sort_by_key(|colour| format!("{colour:?}"));
    colours.dedup();
    assert!(colours.len() <= LEVELS + 1);
}

#[test]
fn the_help_scrolls_to_its_last_word_where_it_does_not_fit() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, (40, 8));
    assert!(screen.press("?").text().contains("more"), "{}", screen.text());
    assert!(!screen.text().contains("q, Ctrl-C"), "{}", screen.text());
    for last in ["q, Ctrl-C", "○ ●"] {
        let found = (0..60).any(|_| screen.press("↓").text().contains(last));
        assert!(found, "{last} after {}", screen.text());
    }
    screen.press(&"↑".repeat(60));
    assert!(screen.text().contains("previous, next slice"), "{}", screen.text());
    screen.app.update(Message::Abandon);
    screen.draw();
    assert!(!screen.text().contains("previous, next slice"), "{}", screen.text());
}

#[test]
fn what_was_said_goes_with_the_next_key_and_trouble_stays() {
    for (width, height) in [(80, 24), (30, 4)] {
        let run = Synthetic::default().run();
        let mut screen = Screen::new(run, ViewKind::Overview, (width, height));
        let last = |screen: &Screen| screen.text().lines().last().unwrap().to_owned();
        screen.app.set_trouble(Some("the run folder\u{1b} is gone".to_owned()));
        screen.app.say("wrote it");
        screen.draw();
        assert_eq!(last(&screen), "wrote it");
        screen.app.update(Message::Resize);
        screen.draw();
        assert_eq!(last(&screen), "wrote it");
        assert_eq!(last(screen.press("p")), "the run folder\u{fffd} is gone");
        screen.app.set_trouble(None);
        screen.draw();
        assert!(!last(&screen).contains("gone"), "{}", screen.text());
    }
}

#[test]
fn a_run_without_an_end_that_is_silent_says_so_in_minutes() {
    let mut run = Synthetic { with_end: false, with_slice: false, ..Synthetic::default() }.run();
    let header = |run: &Run| {
        text(&draw_once(run, ViewKind::Overview, 80, 24)).lines().next().unwrap().to_owned()
    };
    run.set_silent_secs(59);
    assert!(!header(&run).contains("silent"), "{}", header(&run));
    run.set_silent_secs(200);
    assert!(header(&run).contains("training silent for 3 min"), "{}", header(&run));
    run.set_silent_secs(3 * 3600 + 5);
    assert!(header(&run).contains("silent for 3 h"), "{}", header(&run));
    run.apply(&Record::End(record!(End { reason: "finished".into() })));
    assert!(!header(&run).contains("silent"), "{}", header(&run));
}
