//! Whole-application tests: keys in, screen out, from runs of known numbers.

mod support;

use burnscape_trace::{
    Axis, Block, End, Head, Item, LossCause, Lost, Nodes, Note, Record, Slice, Step,
};
use burnscape_tui::model::MAX_NODES;
use burnscape_tui::palette::{LEVELS, scale, scale_level};
use burnscape_tui::{
    App, ColourDepth, Glyphs, Message, Run, TerminalProfile, ViewKind, default_view, draw_once,
    render_once,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use support::{CURVATURE, LOWEST, Synthetic, paraboloid};

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
        let frame = text(&draw_once(&synthetic.run(), ViewKind::Overview, width, height));
        assert_close(number_after(&frame, "last loss"), synthetic.last_loss());
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
    let axis = Axis {
        label: "d".into(),
        first: -20,
        count: 41,
        spacing: 0.1,
        direction_norm: 1.0,
        ..Axis::default()
    };
    let at = |i: u32| (f64::from(i) - 20.0) * 0.1;
    let bowl = (0..41 * 41).map(|node| at(node % 41).powi(2) + at(node / 41).powi(2)).collect();
    let mut run = Run::named("bowl");
    run.apply(&Record::Head(synthetic.head()));
    run.apply(&Record::Slice(Slice { x: axis.clone(), y: Some(axis), ..Slice::default() }));
    run.apply(&Record::Nodes(Nodes {
        slice: 0,
        index: (0..41 * 41).collect(),
        loss: bowl,
        ..Nodes::default()
    }));
    let buffer = draw_once(&run, ViewKind::Landscape, 80, 24);
    let dots = dots(&buffer);
    assert!(dots.len() > 300, "{}", dots.len());
    // The map is 60 × 17 cells of 2 × 4 dots and shows −2.05 … 2.05 both ways; the scale of the
    // colours 0 … 8 is linear and has contour lines at 0.8, 1.6 … 7.2.
    let (left, top) = (8.0, 1.0);
    let cells = map_cells(&buffer);
    let (columns, rows) =
        (cells.iter().map(|c| c.0).max().unwrap() - 7, cells.iter().map(|c| c.1).max().unwrap());
    for (x, y) in dots {
        let alpha = (x - left * 2.0 + 0.5) / (f64::from(columns) * 2.0) * 4.1 - 2.05;
        let beta = (y - top * 4.0 + 0.5) / (f64::from(rows) * 4.0) * 4.1 - 2.05;
        let radius = alpha.hypot(beta);
        let nearest = (1..=9).map(|level| (0.8 * f64::from(level)).sqrt());
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
    slice.x = Axis { label: "random 1".into(), seed: Some(4711), explained: None, ..slice.x };
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
fn the_scale_key_changes_the_colour_bar() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, (80, 24));
    assert!(screen.text().contains("linear"));
    assert!(screen.press("l").text().contains("log"));
}

#[test]
fn brackets_choose_the_slice() {
    let mut run = Synthetic::default().run();
    let axis = Axis {
        label: "random 1".into(),
        first: -4,
        count: 9,
        spacing: 0.5,
        direction_norm: 1.0,
        ..Axis::default()
    };
    run.apply(&Record::Slice(Slice { slice: 1, name: "line".into(), x: axis, ..Slice::default() }));
    let losses: Vec<f64> = (-4..5).map(|i| f64::from(i * i)).collect();
    run.apply(&Record::Nodes(Nodes {
        slice: 1,
        index: (0..9).collect(),
        loss: losses.into(),
        ..Nodes::default()
    }));
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
    assert_eq!(screen.press("3").selected_tab(), "3 Landscape");
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
    screen.app.apply(&Record::Step(Step { step: 400, loss: Some(77.0), ..Step::default() }));
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
fn the_brightest_cell_is_the_largest_gradient() {
    let names = ["a", "b"].map(str::to_owned).to_vec();
    let mut run = Run::named("two");
    run.apply(&Record::Head(Synthetic { names, ..Synthetic::default() }.head()));
    for (step, norms) in [[1.0_f32, 10.0], [0.01, 100.0]].into_iter().enumerate() {
        let columns = [("grad_norm".to_owned(), norms.to_vec().into())].into();
        run.apply(&Record::Step(Step { step: step as u64, columns, ..Step::default() }));
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
    ]
}

fn not_finite() -> Run {
    let synthetic = Synthetic { with_end: false, ..Synthetic::default() };
    let mut run = synthetic.run();
    for (step, loss) in [f64::NAN, f64::INFINITY, -1e308, 1e308].into_iter().enumerate() {
        let columns = [(
            "grad_norm".to_owned(),
            vec![f32::NAN, f32::INFINITY, 0.0, -0.0, f32::MIN_POSITIVE, f32::MAX].into(),
        )];
        let step = Step {
            step: 400 + step as u64,
            loss: Some(loss),
            lr: f64::NAN,
            columns: columns.into(),
            ..Step::default()
        };
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
    run.apply(&Record::Nodes(Nodes {
        slice: 0,
        index: kept.iter().map(|&i| all.index[i]).collect(),
        loss: kept.iter().map(|&i| if i == 0 { f64::NAN } else { all.loss[i] }).collect(),
        ..Nodes::default()
    }));
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
    let axis = |count| Axis { count, spacing: 1.0, ..Axis::default() };
    let absurd =
        Slice { slice: 0, x: axis(MAX_NODES), y: Some(axis(MAX_NODES)), ..Slice::default() };
    let empty = Slice { slice: 1, x: axis(0), ..Slice::default() };
    run.apply(&Record::Slice(absurd));
    run.apply(&Record::Slice(empty));
    run.apply(&Record::Nodes(Nodes { slice: 9, ..Nodes::default() }));
    run.apply(&Record::Head(Head { blocks: vec![Block::default(); 2], ..Head::default() }));
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
    run.apply(&Record::Step(Step { step: 400, loss: Some(f64::NAN), ..Step::default() }));
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
    run.apply(&Record::Note(Note {
        level: "warning".into(),
        text: "the model has a tied parameter".into(),
    }));
    let frame = text(&draw_once(&run, ViewKind::Overview, 80, 24));
    assert!(frame.contains("finished damaged"), "{frame}");
    assert!(frame.contains("damaged: 2.5 kB in 1 place(s)") && frame.contains("tied parameter"));
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
