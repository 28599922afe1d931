//! The landscape: slices to choose from, lines, scales, colours, nodes one by one, and a surface that is not
//! complete.

use std::collections::HashSet;

use super::support::screen::{Screen, braille, cells, text};
use super::support::{LOWEST, Synthetic, paraboloid};
use burnscape_trace::{
    Axis, Layer, LayerNodes, Nodes, Progress, Record, Slice, Trajectory, record,
};
use burnscape_tui::palette::{ColourMap, ENVELOPE, LEVELS, VALID, measured_level, scale_level};
use burnscape_tui::{ColourDepth, Glyphs, Run, TerminalProfile, ViewKind};
use ratatui::style::Color;

fn screen(run: Run, size: (u16, u16)) -> Screen {
    Screen::new(run, ViewKind::Landscape, size)
}

/// The paraboloid, and further slices of given names.
fn with_slices(names: &[String]) -> Run {
    let synthetic = Synthetic::default();
    let mut run = synthetic.run();
    for (number, name) in (1..).zip(names) {
        let slice = record!(Slice { slice: number, name: name.clone(), ..synthetic.slice() });
        run.apply(&Record::Slice(slice));
        run.apply(&Record::Nodes(record!(Nodes { slice: number, ..synthetic.nodes() })));
    }
    run
}

#[test]
fn the_slices_are_listed_and_the_one_shown_stands_out() {
    let mut screen = screen(with_slices(&["random".into(), "wide".into()]), (80, 24));
    assert!(screen.text().lines().nth(1).unwrap().contains("1 pca  2 random  3 wide"));
    assert_eq!(screen.reversed(1), "1 pca");
    assert_eq!(screen.press("]").reversed(1), "2 random");
    assert_eq!(screen.press("]]]").reversed(1), "3 wide");
    assert_eq!(screen.press("[").reversed(1), "2 random");
    assert!(screen.text().contains("slice 2/3 random"), "{}", screen.text());
}

#[test]
fn one_slice_needs_no_list_and_many_long_ones_leave_the_one_shown_in_sight() {
    assert_eq!(screen(Synthetic::default().run(), (80, 24)).reversed(1), "");
    let names: Vec<String> =
        (0..40).map(|i| format!("slice of 勾配 {i} {}", "x".repeat(120))).collect();
    let mut screen = screen(with_slices(&names), (80, 24));
    for number in 2..=41 {
        screen.press("]");
        assert!(screen.reversed(1).starts_with(&format!("{number} slice")), "{}", screen.text());
    }
}

#[test]
fn with_a_list_the_map_still_has_60_by_16_cells_on_a_terminal_of_80_by_24() {
    let screen = screen(with_slices(&["random".into()]), (80, 24));
    let map = cells(&screen.frame)
        .filter(|&(x, y)| x < 68 && y > 1 && scale_level(screen.frame[(x, y)].bg).is_some());
    let map: Vec<(u16, u16)> = map.collect();
    let columns: HashSet<u16> = map.iter().map(|at| at.0).collect();
    let rows: HashSet<u16> = map.iter().map(|at| at.1).collect();
    assert!(columns.len() >= 60 && rows.len() >= 16, "{} × {}", columns.len(), rows.len());
}

#[test]
fn the_scales_walk_and_say_what_they_are() {
    let mut screen = screen(Synthetic::default().run(), (80, 24));
    let words: Vec<&str> = (0..5)
        .map(|_| {
            let text = screen.text();
            let kinds = [" log", " linear", " by rank"];
            let kind = kinds.into_iter().find(|kind| text.lines().any(|line| line.ends_with(kind)));
            screen.press("y");
            kind.expect("a scale is named")
        })
        .collect();
    assert_eq!(words, [" linear", " log", " linear", " by rank", " linear"]);
}

#[test]
fn by_rank_every_colour_covers_as_many_cells_and_none_is_clipped() {
    let mut run = Synthetic { with_slice: false, ..Synthetic::default() }.run();
    let synthetic = Synthetic { columns: 31, rows: 31, ..Synthetic::default() };
    let mut nodes = synthetic.nodes();
    // Most values close together, a few far away: other scales would clip them.
    nodes.loss = nodes
        .index
        .iter()
        .map(|&node| if node < 5 { 1e9 } else { 1.0 + f64::from(node) * 1e-3 })
        .collect();
    run.apply(&Record::Slice(synthetic.slice()));
    run.apply(&Record::Nodes(nodes));
    let mut screen = screen(run, (80, 24));
    assert!(screen.text().contains("clip"), "{}", screen.text());
    screen.press("yyy");
    assert!(screen.text().contains("by rank") && !screen.text().contains("clip"));
    let mut counts = [0; LEVELS];
    for at in cells(&screen.frame).filter(|at| at.0 < 68) {
        if let Some(level) = measured_level(screen.frame[at].bg) {
            counts[level] += 1;
        }
    }
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    // 31 rows of nodes on 16 rows of cells: a colour covers 60 cells, give or take a row that is shared.
    assert!(*least > 0 && *most <= 4 * least, "{counts:?}");
    // The ends of the bar are the extremes.
    assert!(
        screen.text().contains("1e9") && screen.text().contains(" 1\n")
            || screen.text().contains("1.01")
    );
}

#[test]
fn a_key_changes_the_colours_of_every_view_and_nothing_else() {
    for view in ViewKind::ALL {
        let mut screen = Screen::new(Synthetic::default().run(), view, (120, 40));
        let before = screen.frame.clone();
        for map in [ColourMap::Cividis, ColourMap::Inferno, ColourMap::Grey] {
            screen.press("c");
            assert!(screen.text().lines().next().unwrap().contains(map.name()));
            for at in cells(&screen.frame).filter(|at| at.1 > 0) {
                let (old, new) = (&before[at], &screen.frame[at]);
                assert_eq!(old.symbol(), new.symbol());
                assert_eq!(scale_level(old.bg), scale_level(new.bg));
                if let Some(level) = measured_level(old.bg) {
                    assert_eq!(new.bg, map.colour(level));
                }
            }
        }
        screen.press("c");
        assert_eq!(screen.frame, before);
    }
}

#[test]
fn every_map_keeps_within_fewer_colours() {
    for presses in 0..4 {
        let mut screen = screen(Synthetic::default().run(), (80, 24));
        screen.press(&"c".repeat(presses));
        for colours in [ColourDepth::Sixteen, ColourDepth::TwoFiftySix, ColourDepth::None] {
            let mut frame = screen.frame.clone();
            TerminalProfile { colours, glyphs: Glyphs::Braille }.adapt(&mut frame);
            let used = frame.content.iter().flat_map(|cell| [cell.fg, cell.bg]);
            let used: Vec<Color> = used.collect();
            assert!(used.iter().all(|colour| !matches!(colour, Color::Rgb(..))));
            if colours == ColourDepth::None {
                assert!(used.iter().all(|colour| *colour == Color::Reset));
            }
        }
    }
}

#[test]
fn enter_tells_all_of_the_node_at_the_cursor() {
    let synthetic = Synthetic::default();
    let mut slice = synthetic.slice();
    slice.layers = vec![record!(Layer { name: "accuracy".into(), samples: 1000 })];
    let mut nodes = synthetic.nodes();
    let count = nodes.index.len();
    nodes.layers = vec![record!(LayerNodes { value: vec![0.875; count].into() })];
    let mut run = Synthetic { with_slice: false, ..Synthetic::default() }.run();
    run.apply(&Record::Slice(slice));
    run.apply(&Record::Nodes(nodes));
    run.apply(&Record::Trajectory(synthetic.trajectory()));
    let mut screen = screen(run, (80, 24));
    screen.press("→→→→\n");
    let text = screen.text();
    let value = paraboloid(0.3, 0.0);
    assert!(text.contains("The node at (0.3, 0)"), "{text}");
    assert!(text.contains(&format!("loss {value:.6} ± 0.0125, measured")), "{text}");
    assert!(text.contains("accuracy 0.875, measured"), "{text}");
    // α² + 2β² < 0.09 on a grid of 0.1: β = 0 with |α| ≤ 0.2, β = ±0.1 with |α| ≤ 0.2 (0.02 + 0.04 < 0.09;
    // |α| = 0.3 is 0.11), β = ±0.2 with |α| ≤ 0 (0.08; |α| = 0.1 is 0.09, which rounding may call lower).
    let lower =
        text.split("rank ").nth(1).unwrap().split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!((5 + 2 * 5 + 2..=5 + 2 * 5 + 2 + 4).contains(&lower), "{text}");
    assert!(text.contains("of 525 nodes are lower, the lowest by 0.09"), "{text}");
    // ‖d‖ is 1 and ‖θ‖ 12.5.
    assert!(text.contains("from the centre 0.3, 2.4 % of ‖θ‖"), "{text}");
    assert!(text.contains("nearest snapshot 10, 0.3 away"), "{text}");
    assert!(!screen.press("\n").text().contains("The node at"));
}

/// A line from −1 to 1 in steps of 0.1: 1 + α², errors of 0.2, and a path if one is given.
fn line(stderr: f64, path: Option<Trajectory>) -> Run {
    let mut run = Synthetic { with_slice: false, ..Synthetic::default() }.run();
    let x = record!(Axis {
        label: "final − initial".into(),
        kind: "interpolation".into(),
        first: -10,
        count: 21,
        spacing: 0.1,
        direction_norm: 2.0,
    });
    run.apply(&Record::Slice(record!(Slice { x, y: None, ..Synthetic::default().slice() })));
    run.apply(&Record::Nodes(record!(Nodes {
        index: (0..21).collect(),
        loss: (0..21).map(|i| 1.0 + (f64::from(i) * 0.1 - 1.0).powi(2)).collect(),
        stderr: vec![stderr; 21].into(),
    })));
    if let Some(path) = path {
        run.apply(&Record::Trajectory(path));
    }
    run
}

#[test]
fn a_line_has_a_band_of_one_standard_error_around_its_curve() {
    let band = |stderr: f64| {
        let screen = screen(line(stderr, None), (80, 24));
        cells(&screen.frame).filter(|&at| screen.frame[at].fg == ENVELOPE).count()
    };
    assert_eq!(band(0.0), 0);
    let (narrow, wide) = (band(0.1), band(0.3));
    assert!(narrow > 20 && wide > narrow, "{narrow} {wide}");
}

#[test]
fn a_line_marks_its_centre_and_reads_out_the_cursor() {
    let mut screen = screen(line(0.125, None), (80, 24));
    // The plot begins at column 9 and is 71 wide; α = 0 is in its middle.
    let centre = 9 + 71 / 2;
    let dotted = (2..16).filter(|&y| braille(screen.frame[(centre, y)].symbol()).is_some());
    assert!(dotted.count() >= 12, "{}", screen.text());
    screen.press("→→→→");
    let value = 1.0 + 0.3_f64 * 0.3;
    assert!(
        screen.text().contains(&format!("cursor (0.3) loss {value} ± 0.125")),
        "{}",
        screen.text()
    );
    assert_eq!(screen.find("┼").len(), 1);
    assert!(screen.press("\n").text().contains("The node at (0.3)"));
}

#[test]
fn a_line_shows_where_snapshots_project_to_and_what_they_themselves_lose() {
    let path = record!(Trajectory {
        slice: Some(0),
        snapshots: vec![0, 1, 2].into(),
        x: vec![-0.8, -0.4, 0.0].into(),
        loss: vec![1.9, 9.0, 1.0].into(),
        loss_on_plane: vec![1.64, 1.16, 1.0].into(),
    });
    let screen = screen(line(0.0, Some(path)), (80, 24));
    let marks: Vec<_> = screen.find("◇").into_iter().filter(|at| at.1 > 1).collect();
    let of_path = |symbol| screen.find(symbol)[0];
    let column = |alpha: f64| 9 + ((alpha + 1.05) / 2.1 * 71.0).floor() as u16;
    assert!(marks.iter().any(|at| at.0 == column(-0.8)), "{marks:?} {}", screen.text());
    assert_eq!(of_path("○").0, column(-0.8));
    assert_eq!(of_path("●").0, column(0.0));
    // 9 lies beyond a scale up to 2.
    assert_eq!(screen.find("↑").iter().filter(|at| at.1 > 1).count(), 1, "{}", screen.text());
    assert_eq!(of_path("↑").0, column(-0.4));
    assert_eq!(screen.frame[of_path("○")].fg, VALID);
    assert!(screen.text().contains("◇ true losses of snapshots"));
}

#[test]
fn a_line_has_no_third_dimension_and_ranks_are_no_axis() {
    let mut screen = screen(line(0.1, None), (80, 24));
    let before = text(&screen.frame);
    let plot = |text: &str| text.lines().take(20).collect::<Vec<_>>().join("\n");
    assert_eq!(plot(&screen.press("m").text()), plot(&before));
    screen.press("myyy");
    assert_eq!(plot(&screen.text()), plot(&before));
}

/// The paraboloid of which only the first nodes are measured.
fn partial(measured: usize, with_end: bool) -> Run {
    let synthetic = Synthetic { with_slice: false, with_end: false, ..Synthetic::default() };
    let mut run = synthetic.run();
    run.apply(&Record::Slice(synthetic.slice()));
    let mut nodes = synthetic.nodes();
    nodes.index = nodes.index[..measured].to_vec().into();
    run.apply(&Record::Nodes(nodes));
    run.apply(&Record::Progress(record!(Progress {
        split: "surface".into(),
        epoch: 0,
        done: measured as u64,
        total: 1050,
        eta_secs: Some(125.0),
    })));
    if with_end {
        let ended = Synthetic { with_slice: false, ..Synthetic::default() }.records();
        run.apply(ended.last().unwrap());
    }
    run
}

#[test]
fn while_it_is_measured_done_total_share_and_time_left_are_told() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let text = words(&screen(partial(105, false), size).text());
        assert!(text.contains("nodes measured 105 of 525, 20 %"), "{text}");
        assert!(text.contains("all slices 105 of 1050, 10 %"), "{text}");
        assert!(text.contains("left 2 min 05 s"), "{text}");
        assert!(!text.contains("resume"), "{text}");
    }
}

#[test]
fn a_surface_that_was_stopped_says_how_to_go_on() {
    let mut screen = screen(partial(105, true), (80, 24));
    let text = words(&screen.text());
    assert!(text.contains("stopped at 105 of 525 nodes"), "{text}");
    assert!(text.contains(".resume()?"), "{text}");
    assert!(!text.contains("left 2 min"), "{text}");
    let all = words(&screen.press("\n").text());
    assert!(all.contains("Measuring stopped before the last 420 nodes."), "{all}");
    assert!(!screen_of_whole().contains("stopped at"));
}

/// The words of a frame, one space apart.
fn words(frame: &str) -> String {
    frame.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn screen_of_whole() -> String {
    let text = screen(Synthetic::default().run(), (80, 24)).text();
    assert!(text.contains(&format!("lowest {LOWEST:.6}")), "{text}");
    text
}

#[test]
fn measured_interpolated_not_finite_and_unmeasured_are_told_apart_without_colour() {
    let synthetic = Synthetic { with_slice: false, ..Synthetic::default() };
    let mut run = synthetic.run();
    run.apply(&Record::Slice(synthetic.slice()));
    let put = |run: &mut Run, range: std::ops::Range<u32>, loss: f64, interpolated| {
        run.apply(&Record::Nodes(record!(Nodes {
            loss: vec![loss; range.len()].into(),
            index: range.collect(),
            interpolated,
        })));
    };
    // From the bottom: a fifth each.
    put(&mut run, 0..105, 1.0, false);
    put(&mut run, 105..210, 0.5, true);
    put(&mut run, 210..315, f64::NAN, false);
    put(&mut run, 315..420, f64::INFINITY, false);
    let mut frame = screen(run, (80, 24)).frame;
    TerminalProfile::PLAIN.adapt(&mut frame);
    let symbols = |rows: std::ops::Range<u16>| -> HashSet<String> {
        let cells = rows.flat_map(|y| (20..30).map(move |x| (x, y)));
        cells.map(|at| frame[at].symbol().to_owned()).collect()
    };
    // 16 rows from row 1: the middle of each fifth.
    let kinds = [2..3, 5..6, 8..9, 11..12, 15..16].map(symbols);
    for (i, kind) in kinds.iter().enumerate() {
        let others = kinds.iter().enumerate().filter(|(j, _)| *j != i);
        for (_, other) in others {
            assert!(kind.is_disjoint(other), "{kinds:?}");
        }
    }
    assert_eq!(kinds[1], HashSet::from(["∞".to_owned()]));
    assert_eq!(kinds[2], HashSet::from(["×".to_owned()]));
}
