//! The surface in space: known surfaces, and where their dots, marks and words are.

use super::support::Synthetic;
use super::support::screen::{Screen, braille, cells, dots};
use burnscape_trace::{ComparedRun, Nodes, Record, Runs, Trajectory, record};
use burnscape_tui::palette::{LEVELS, measured_level};
use burnscape_tui::{App, Message, Run, TerminalProfile, ViewKind};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::style::Modifier;

const SIZE: (u16, u16) = (80, 24);
/// Columns of the surface on a terminal of 80: the colour bar is right of them.
const SURFACE: std::ops::Range<u16> = 8..68;

/// A grid of 21 × 21 nodes around 0 with a function on it, and a path if one is given.
fn run_of(loss: impl Fn(f64, f64) -> f64, path: Option<Trajectory>) -> Run {
    let synthetic = Synthetic { columns: 21, rows: 21, with_slice: false, ..Synthetic::default() };
    let mut run = synthetic.run();
    let mut slice = synthetic.slice();
    slice.x.first = -10;
    slice.y.as_mut().unwrap().first = -10;
    run.apply(&Record::Slice(slice));
    run.apply(&Record::Nodes(nodes(0..441, loss, false)));
    if let Some(path) = path {
        run.apply(&Record::Trajectory(path));
    }
    run
}

fn nodes(
    index: impl Iterator<Item = u32> + Clone,
    loss: impl Fn(f64, f64) -> f64,
    interpolated: bool,
) -> Nodes {
    let at = |node: u32| f64::from(node) * 0.1 - 1.0;
    record!(Nodes {
        loss: index.clone().map(|node| loss(at(node % 21), at(node / 21))).collect(),
        index: index.collect(),
        interpolated,
    })
}

/// Snapshots at points, with the losses that they themselves have.
fn path(points: &[(f64, f64)], losses: &[f64]) -> Trajectory {
    record!(Trajectory {
        slice: Some(0),
        snapshots: (0..points.len() as u32).collect(),
        x: points.iter().map(|point| point.0).collect(),
        y: points.iter().map(|point| point.1).collect(),
        loss: losses.to_vec().into(),
        loss_on_plane: losses.to_vec().into(),
    })
}

fn bowl(alpha: f64, beta: f64) -> f64 {
    alpha * alpha + beta * beta
}

/// A wall along α at β = 0.
fn ridge(_: f64, beta: f64) -> f64 {
    (1.0 - 5.0 * beta.abs()).max(0.0)
}

/// The view turned to 0° and tilted to 20°, so that β points straight away from the reader.
fn along_beta(run: Run) -> Screen {
    let mut screen = Screen::new(run, ViewKind::Landscape, SIZE);
    screen.press("m←←←←←←↓↓↓↓");
    assert!(screen.text().contains("turn 0°  tilt 20°"), "{}", screen.text());
    screen
}

/// Where a mark is on the surface: not in the line that explains it.
fn marks(screen: &Screen, symbol: &str) -> Vec<(u16, u16)> {
    screen
        .find(symbol)
        .into_iter()
        .filter(|at| SURFACE.contains(&at.0) && (2..17).contains(&at.1))
        .collect()
}

fn surface_dots(screen: &Screen) -> Vec<(i32, i32)> {
    let inside =
        |&(x, y): &(i32, i32)| SURFACE.contains(&((x / 2) as u16)) && (4 * 2..4 * 17).contains(&y);
    dots(&screen.frame).into_iter().filter(inside).collect()
}

#[test]
fn a_key_shows_the_surface_in_space_with_its_numbers_and_a_key_the_map() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, (120, 40));
    let map = screen.text();
    assert!(map.contains("m 3-D"), "{map}");
    let relief = screen.press("m").text();
    for word in ["turn 30°", "tilt 40°", "height ×1", "zoom ×1", "α PC 1", "β PC 2", "loss"] {
        assert!(relief.contains(word), "{word}: {relief}");
    }
    for number in ["-1.4", "-1.2", "0.8", "4.96", "0.123"] {
        assert!(relief.contains(number), "{number}: {relief}");
    }
    assert_eq!(screen.press("m").text(), map);
}

#[test]
fn an_end_of_the_path_behind_a_ridge_is_not_drawn_and_one_before_it_is() {
    let behind = along_beta(run_of(ridge, Some(path(&[(0.0, 0.4), (0.1, 0.4)], &[0.0; 2]))));
    assert!(marks(&behind, "●").is_empty(), "{}", behind.text());
    assert!(behind.text().contains("○ ● behind"));
    let before = along_beta(run_of(ridge, Some(path(&[(0.0, -0.6), (0.3, -0.6)], &[0.0; 2]))));
    assert_eq!((marks(&before, "○").len(), marks(&before, "●").len()), (1, 1), "{}", before.text());
    assert!(!before.text().contains("behind"));
}

/// Two short paths on either side: nothing is drawn between the end of one and the beginning of the next.
#[test]
fn paths_of_several_runs_are_apart_and_end_in_their_numbers() {
    let points = [(-0.8, -0.6), (-0.7, -0.6), (0.7, -0.6), (0.8, -0.6)];
    let two = record!(Trajectory { starts: vec![0, 2].into(), ..path(&points, &[0.0; 4]) });
    let mut screen = along_beta(run_of(|_, _| 0.0, Some(two.clone())));
    assert_eq!(marks(&screen, "○").len(), 2, "{}", screen.text());
    let text = screen.text();
    // A tenth of the plane is two columns here.
    let cells: Vec<char> = text.chars().collect();
    let ends_in = |number| cells.windows(3).any(|it| (it[0], it[2]) == ('○', number));
    assert!(ends_in('1') && ends_in('2'), "{text}");
    assert!(marks(&screen, "●").is_empty());
    // From above, bold is the path: with one run it crosses the middle.
    let middle = |screen: &Screen| {
        let bold = |x: u16| (2..17).any(|y| screen.frame[(x, y)].modifier.contains(Modifier::BOLD));
        (38..42).any(bold)
    };
    screen.press("m");
    assert!(!middle(&screen), "{}", screen.text());
    let one = record!(Trajectory { starts: Vec::new().into(), ..two });
    let mut screen = along_beta(run_of(|_, _| 0.0, Some(one)));
    screen.press("m");
    assert!(middle(&screen), "{}", screen.text());
}

#[test]
fn paths_of_several_runs_are_called_by_their_names() {
    let points = [(-0.8, -0.6), (-0.7, -0.6), (0.5, 0.6), (0.6, 0.6)];
    let two = record!(Trajectory { starts: vec![0, 2].into(), ..path(&points, &[0.0; 4]) });
    let mut run = run_of(|alpha, _| alpha, Some(two));
    let runs = ["sgd", "adam"].map(|name| record!(ComparedRun { name: name.into() }));
    run.apply(&record!(Runs { runs: runs.into() }).into());
    let mut screen = along_beta(run);
    screen.press("m");
    let text = screen.text();
    assert!(text.contains("paths 1 sgd  2 adam"), "{text}");
    // Beside the ends on the map, and in the key.
    assert_eq!((text.matches("1 sgd").count(), text.matches("2 adam").count()), (2, 2), "{text}");
    assert!(text.contains("(snapshot 1 of adam)"), "{text}");
    // A comparison trains nothing.
    assert!(!text.contains("last loss"), "{text}");
}

#[test]
fn turned_by_half_what_was_hidden_is_seen() {
    let mut screen = along_beta(run_of(ridge, Some(path(&[(0.0, 0.4), (0.4, 0.4)], &[0.0; 2]))));
    assert!(marks(&screen, "●").is_empty());
    screen.press(&"→".repeat(36));
    assert!(screen.text().contains("turn 180°"));
    assert_eq!((marks(&screen, "○").len(), marks(&screen, "●").len()), (1, 1), "{}", screen.text());
}

#[test]
fn the_foot_of_a_ridge_hides_the_plain_behind_it() {
    // Seen under 20°, the ridge (half as high as the plane is wide) hides more than the plain behind it.
    let flat = along_beta(run_of(|alpha, beta| if alpha + beta > 1.95 { 1.0 } else { 0.0 }, None));
    let ridge = along_beta(run_of(ridge, None));
    let top = |screen: &Screen| surface_dots(screen).iter().map(|dot| dot.1).min().unwrap();
    let middle = |screen: &Screen, y: i32| {
        surface_dots(screen).iter().filter(|dot| dot.1 == y && (60..90).contains(&dot.0)).count()
    };
    // The far border of the plain is a line in the middle of the screen; behind the ridge it is none.
    let far_border = (top(&ridge)..100).find(|&y| middle(&flat, y) >= 28).unwrap();
    assert!(middle(&ridge, far_border) < 28, "{}", ridge.text());
}

#[test]
fn every_full_turn_is_the_same_frame() {
    let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, SIZE);
    let before = screen.press("m").frame.clone();
    let other = screen.press(&"→".repeat(18)).frame.clone();
    assert_ne!(before, other);
    screen.press(&"→".repeat(54));
    assert_eq!(screen.frame, before);
}

#[test]
fn the_silhouette_of_a_bowl_is_symmetric() {
    let screen = along_beta(run_of(bowl, None));
    let dots = surface_dots(&screen);
    let rows: std::collections::BTreeSet<i32> = dots.iter().map(|dot| dot.1).collect();
    assert!(rows.len() > 25, "{}", screen.text());
    let upright = dots.iter().map(|dot| dot.0).min().unwrap();
    // The canvas is 60 cells wide from column 8 on, so its middle lies between two dots; a coordinate half
    // way between dots is rounded to the right on either side.
    let sum_of_ends = 2 * 8 * 2 + 2 * 60 - 1;
    for y in rows {
        let row: Vec<i32> = dots.iter().filter(|dot| dot.1 == y).map(|dot| dot.0).collect();
        let right = *row.iter().max().unwrap();
        // The upright stands at the left corner alone.
        let reaches_corner = right >= sum_of_ends - upright - 1;
        let left =
            *row.iter().filter(|x| reaches_corner || **x > upright + 1).min().unwrap_or(&upright);
        let is_upright_alone = right <= upright + 1;
        let is_symmetric = (left + right - sum_of_ends).abs() <= 1;
        assert!(is_symmetric || is_upright_alone, "{y}: {left}…{right}: {}", screen.text());
    }
}

#[test]
fn a_stem_leads_up_to_a_loss_above_the_surface_and_none_to_the_same_loss() {
    let points = [(-0.5, -0.5), (0.0, 0.0)];
    let slope = |_, beta| 1.0 + beta;
    let same = along_beta(run_of(slope, Some(path(&points, &[0.5, 1.0]))));
    assert!(marks(&same, "◇").is_empty(), "{}", same.text());
    let above = along_beta(run_of(slope, Some(path(&points, &[0.5, 2.0]))));
    let (tips, ends) = (marks(&above, "◇"), marks(&above, "●"));
    assert_eq!((tips.len(), ends.len()), (1, 1), "{}", above.text());
    assert_eq!(tips[0].0, ends[0].0, "a stem is upright: {}", above.text());
    // The range is 2; at ×1 it stands half as high as the plane is wide, seen under 20°.
    let (wide, _) = extent(&above);
    let expected = f64::from(wide) / 2.0 * 0.5 * 20_f64.to_radians().cos() / 4.0;
    let rows = f64::from(ends[0].1 - tips[0].1);
    assert!((rows - expected).abs() <= 1.0, "{rows} rows, not {expected}: {}", above.text());
    assert!(above.text().contains("what the plane misses"));
}

/// Dots from left to right and from top to bottom of the surface.
fn extent(screen: &Screen) -> (i32, i32) {
    let dots = surface_dots(screen);
    let span = |of: fn(&(i32, i32)) -> i32| {
        dots.iter().map(of).max().unwrap() - dots.iter().map(of).min().unwrap()
    };
    (span(|dot| dot.0), span(|dot| dot.1))
}

#[test]
fn heights_grow_as_the_number_beside_them_says() {
    let mut screen = Screen::new(run_of(|alpha, _| alpha, None), ViewKind::Landscape, SIZE);
    // Along the plane and along β, a slope in α is a line from one corner to the other.
    screen.press("m←←←←←←↓↓↓↓↓↓↓↓");
    assert!(screen.text().contains("tilt 0°  height ×1"), "{}", screen.text());
    let (wide, high) = extent(&screen);
    assert!((f64::from(high) - f64::from(wide) / 2.0).abs() <= 1.0, "{wide} × {high}");
    screen.press("<<");
    assert!(screen.text().contains("height ×0.5"));
    let (wide, high) = extent(&screen);
    assert!((f64::from(high) - f64::from(wide) / 4.0).abs() <= 1.0, "{wide} × {high}");
    assert!(screen.press(">>>").text().contains("height ×1.5"));
}

#[test]
fn the_surface_fills_its_room_in_one_direction_at_least() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut screen = Screen::new(run_of(bowl, None), ViewKind::Landscape, size);
        screen.press("m");
        // The words stand beside it from 118 columns on; numbers, bar, titles and legend take the rest.
        let columns = if size.0 < 118 { size.0 } else { 82.max(size.0 - 64) };
        let (from, to) = (8 * 2, 2 * i32::from(columns - 12));
        let drawn = dots(&screen.frame).into_iter().filter(|dot| (from..to).contains(&dot.0));
        let (across, down): (Vec<i32>, Vec<i32>) = drawn.unzip();
        let share = |of: &[i32], room: i32| {
            f64::from(of.iter().max().unwrap() - of.iter().min().unwrap()) / f64::from(room)
        };
        let shares = [share(&across, to - from), share(&down, 4 * i32::from(size.1 - 6))];
        assert!(
            shares.iter().any(|share| *share > 0.8),
            "{shares:?} at {size:?}:\n{}",
            screen.text()
        );
    }
}

#[test]
fn zooming_enlarges_and_back() {
    let mut screen = Screen::new(run_of(bowl, None), ViewKind::Landscape, SIZE);
    let whole = screen.press("m").text();
    assert!(screen.press("+").text().contains("zoom ×1.5"));
    assert!(screen.press("+").text().contains("zoom ×2.25"));
    assert_eq!(screen.press("0").text(), whole);
}

#[test]
fn holes_are_told_apart() {
    let mut run = run_of(bowl, None);
    let put = |run: &mut Run, node: u32, loss: f64| {
        run.apply(&Record::Nodes(record!(Nodes {
            index: vec![node].into(),
            loss: vec![loss].into(),
        })));
    };
    put(&mut run, 220 - 5, f64::NAN);
    put(&mut run, 220 + 5, f64::INFINITY);
    let mut screen = Screen::new(run, ViewKind::Landscape, (120, 40));
    screen.press("m↑↑↑↑↑↑↑↑↑↑");
    let on_surface = |symbol| screen.find(symbol).into_iter().filter(|at| at.0 < 70).count();
    assert_eq!((on_surface("×"), on_surface("∞")), (1 + 2, 1), "{}", screen.text());
}

#[test]
fn what_is_not_measured_yet_is_dots_on_the_floor_and_the_mesh_gets_finer() {
    let synthetic = Synthetic { columns: 21, rows: 21, with_slice: false, ..Synthetic::default() };
    let mut run = synthetic.run();
    let mut slice = synthetic.slice();
    slice.x.first = -10;
    slice.y.as_mut().unwrap().first = -10;
    run.apply(&Record::Slice(slice));
    let coarse = (0..441).filter(|node| node % 21 % 5 == 0 && node / 21 % 5 == 0);
    run.apply(&Record::Nodes(nodes(coarse, bowl, false)));
    let mut screen = Screen::new(run, ViewKind::Landscape, SIZE);
    let text = screen.press("m").text();
    assert!(text.contains("mesh of every 5×5 nodes"), "{text}");
    let muted = burnscape_tui::palette::MUTED;
    let floor = cells(&screen.frame)
        .filter(|&at| braille(screen.frame[at].symbol()).is_some() && screen.frame[at].fg == muted);
    assert!(floor.count() > 10, "{text}");
    screen.app.apply(&Record::Nodes(nodes(0..441, bowl, false)));
    screen.draw();
    assert!(!screen.text().contains("mesh of every"), "{}", screen.text());
}

#[test]
fn lines_over_interpolated_nodes_are_dotted() {
    let count = |run: Run| {
        let mut screen = Screen::new(run, ViewKind::Landscape, SIZE);
        screen.press("m");
        surface_dots(&screen).len()
    };
    let synthetic = run_of(bowl, None);
    let measured = count(synthetic);
    let mut run = Synthetic { with_slice: false, ..Synthetic::default() }.run();
    let mut slice = Synthetic { columns: 21, rows: 21, ..Synthetic::default() }.slice();
    slice.x.first = -10;
    slice.y.as_mut().unwrap().first = -10;
    run.apply(&Record::Slice(slice));
    run.apply(&Record::Nodes(nodes(0..441, bowl, true)));
    let interpolated = count(run);
    assert!(interpolated * 10 < measured * 8, "{interpolated} of {measured}");
}

#[test]
fn colours_are_levels_and_rise_with_the_loss() {
    let mut screen = Screen::new(run_of(|_, beta| beta, None), ViewKind::Landscape, SIZE);
    screen.press("m←←←←←←↓↓↓↓↓↓↓↓");
    let colours: Vec<(u16, usize)> = cells(&screen.frame)
        .filter(|&(x, y)| SURFACE.contains(&x) && (2..17).contains(&y))
        .filter_map(|at| Some((at.1, measured_level(screen.frame[at].fg)?)))
        .collect();
    assert!(colours.len() > 20);
    let (top, bottom) = (colours.iter().min().unwrap(), colours.iter().max().unwrap());
    // A cell has one colour, and the lowest one reaches over the first two levels.
    assert!(top.1 == LEVELS - 1 && bottom.1 <= 1, "{top:?} {bottom:?} {}", screen.text());
    assert!(colours.windows(2).all(|pair| pair[0].0 == pair[1].0 || pair[0].1 >= pair[1].1));
}

#[test]
fn it_turns_by_itself_only_when_asked_and_only_where_it_is_seen() {
    let mut screen = Screen::new(run_of(bowl, None), ViewKind::Landscape, SIZE);
    assert!(!screen.press("m").app.wants_ticks());
    assert!(screen.press("r").app.wants_ticks());
    assert!(screen.text().contains("rotating"));
    screen.app.update(Message::Tick);
    screen.draw();
    assert!(screen.text().contains("turn 33°"), "{}", screen.text());
    for elsewhere in ["m", "1", "?"] {
        assert!(!screen.press(elsewhere).app.wants_ticks(), "{elsewhere}");
    }
    assert!(screen.press("4m").app.wants_ticks());
    assert!(!screen.press("r").app.wants_ticks());
}

#[test]
fn the_scale_is_honoured_and_ranks_are_no_heights() {
    let run = run_of(|alpha, beta| 10_f64.powf(-4.0 * bowl(alpha, beta)), None);
    let mut screen = Screen::new(run, ViewKind::Landscape, (120, 40));
    let auto = screen.press("m").text();
    assert!(auto.contains(" log") && auto.contains("1e-5"), "{auto}");
    assert!(screen.press("yy").text().contains(" linear"));
    let ranks = screen.press("y").text();
    assert!(ranks.contains("by rank") && ranks.contains("heights log"), "{ranks}");
}

#[test]
fn without_colour_the_path_is_told_from_the_mesh() {
    let screen = {
        let mut screen = Screen::new(Synthetic::default().run(), ViewKind::Landscape, (120, 40));
        screen.press("m");
        screen
    };
    for (profile, path) in [("braille", "•"), ("block", "•"), ("ascii", "o")] {
        let mut frame = screen.frame.clone();
        let colours = burnscape_tui::ColourDepth::None;
        TerminalProfile { colours, glyphs: profile.parse().unwrap() }.adapt(&mut frame);
        let count = cells(&frame)
            .filter(|&(x, y)| x < 70 && (2..36).contains(&y) && frame[(x, y)].symbol() == path);
        assert!(count.count() > 3, "{profile}");
    }
}

#[test]
fn turning_stays_within_what_a_slow_link_carries() {
    let mut app = App::new(Synthetic::default().run(), ViewKind::Landscape);
    app.update(Message::NextPicture);
    app.update(Message::ToggleRotation);
    let frame = |app: &App| {
        let mut frame = Buffer::empty(ratatui::layout::Rect::new(0, 0, 200, 50));
        app.draw(frame.area, &mut frame);
        frame
    };
    let mut previous = frame(&app);
    let mut bytes = 0;
    let ticks_per_second = (1.0 / burnscape_tui::TICK.as_secs_f64()).round() as usize;
    for _ in 0..ticks_per_second {
        app.update(Message::Tick);
        let next = frame(&app);
        bytes += burnscape_tui::bytes_between(&previous, &next).len();
        previous = next;
    }
    assert!(bytes > 1000, "it turns");
    println!("{bytes} bytes a second");
    assert!(bytes <= 40_000, "{bytes} bytes a second");
}

/// Where the end of the path is marked.
fn end(screen: &Screen) -> (u16, u16) {
    let marks = marks(screen, "●");
    assert_eq!(marks.len(), 1, "{}", screen.text());
    marks[0]
}

#[test]
fn shift_and_arrows_or_the_other_button_move_the_picture_along_and_a_key_back() {
    let path = path(&[(-0.4, -0.4), (0.1, 0.1)], &[0.3, 0.02]);
    let mut screen = Screen::new(run_of(bowl, Some(path)), ViewKind::Landscape, SIZE);
    let (column, row) = end(screen.press("m"));
    let shifted = |code| Event::Key(KeyEvent::new(code, KeyModifiers::SHIFT));
    for (code, expected) in [
        (KeyCode::Right, (column + 4, row)),
        (KeyCode::Up, (column + 4, row - 2)),
        (KeyCode::Left, (column, row - 2)),
        (KeyCode::Down, (column, row)),
    ] {
        screen.app.handle(&shifted(code));
        screen.draw();
        assert_eq!(end(&screen), expected, "{code:?}: {}", screen.text());
        assert!(screen.text().contains("turn 30°  tilt 40°"), "it does not turn");
    }
    let right = MouseButton::Right;
    for (kind, at) in
        [(MouseEventKind::Down(right), (20, 9)), (MouseEventKind::Drag(right), (27, 12))]
    {
        let (column, row) = at;
        let modifiers = KeyModifiers::NONE;
        screen.app.handle(&Event::Mouse(MouseEvent { kind, column, row, modifiers }));
    }
    screen.draw();
    assert_eq!(end(&screen), (column + 7, row + 3), "{}", screen.text());
    assert_eq!(end(screen.press("0")), (column, row));
}

/// Below what stands high at the left, its floor is seen.
#[test]
fn the_floor_has_lines_of_equal_loss_and_what_moves_has_none() {
    let slope = |alpha: f64, _: f64| -alpha;
    let mut screen = Screen::new(run_of(slope, None), ViewKind::Landscape, (120, 40));
    let coloured = |screen: &Screen| {
        let below = cells(&screen.frame).filter(|at| {
            let cell = &screen.frame[*at];
            cell.bg == ratatui::style::Color::Reset
                && braille(cell.symbol()).is_some_and(|it| it > 0)
        });
        below.filter(|at| measured_level(screen.frame[*at].fg).is_some()).count()
    };
    let still = coloured(screen.press("m"));
    screen.press("r");
    screen.app.update(Message::Tick);
    screen.draw();
    let moving = coloured(&screen);
    assert!(still > moving + 5, "{still} and {moving}: {}", screen.text());
}
