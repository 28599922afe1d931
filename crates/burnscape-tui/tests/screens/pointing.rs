//! The mouse on what is drawn: charts, heat maps, tables, maps.

use burnscape_tui::{Run, ViewKind};
use ratatui::crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::support::Synthetic;
use super::support::screen::{Screen, cells};

const LEFT: MouseButton = MouseButton::Left;

fn run() -> Run {
    Synthetic { with_looks: true, ..Synthetic::default() }.run()
}

fn act(screen: &mut Screen, kind: MouseEventKind, (column, row): (u16, u16)) {
    let modifiers = KeyModifiers::NONE;
    screen.app.handle(&Event::Mouse(MouseEvent { kind, column, row, modifiers }));
    screen.draw();
}

fn header(screen: &Screen) -> String {
    screen.text().lines().next().unwrap_or_default().to_owned()
}

/// Cells of the rule of the cursor in a column.
fn rule(screen: &Screen, column: u16) -> usize {
    let rows = 1..screen.frame.area.height;
    rows.filter(|&row| screen.frame[(column, row)].symbol() == "│").count()
}

/// Places, some columns and rows apart, at which a press picks a step.
fn places(view: ViewKind, size: (u16, u16)) -> Vec<(u16, u16)> {
    let mut screen = Screen::new(run(), view, size);
    let mut all: Vec<(u16, u16)> =
        cells(&screen.frame).filter(|(x, y)| x % 23 == 20 && y % 5 == 1).collect();
    all.retain(|at| {
        screen.press("\u{1b}\u{1b}");
        act(&mut screen, MouseEventKind::Down(LEFT), *at);
        header(&screen).contains("at step")
    });
    all
}

#[test]
fn a_press_on_a_chart_puts_the_rule_below_the_pointer_in_every_view_over_steps() {
    for size in [(80, 24), (120, 40)] {
        for view in
            [ViewKind::Overview, ViewKind::Gradients, ViewKind::Activations, ViewKind::Sharpness]
        {
            let places = places(view, size);
            assert!(places.len() > 2, "{view:?} at {size:?}: {places:?}");
            for at in places {
                let mut screen = Screen::new(run(), view, size);
                let before = rule(&screen, at.0);
                act(&mut screen, MouseEventKind::Down(LEFT), at);
                assert!(
                    rule(&screen, at.0) > before,
                    "{view:?} at {size:?}, {at:?}:\n{}",
                    screen.text()
                );
            }
        }
    }
}

#[test]
fn the_wheel_on_a_chart_zooms_and_beside_it_scrolls() {
    let mut screen = Screen::new(run(), ViewKind::Gradients, (120, 40));
    let chart = places(ViewKind::Gradients, (120, 40))[0];
    act(&mut screen, MouseEventKind::ScrollUp, chart);
    assert!(header(&screen).contains("zoomed to"), "{}", screen.text());
    (0..5).for_each(|_| act(&mut screen, MouseEventKind::ScrollDown, chart));
    assert!(!header(&screen).contains("zoomed to"), "{}", screen.text());
    act(&mut screen, MouseEventKind::ScrollDown, (2, 18));
    assert!(screen.text().contains("block 2 of 6"), "{}", screen.text());
}

#[test]
fn a_drag_on_a_zoomed_chart_pans_all_views() {
    let mut screen = Screen::new(run(), ViewKind::Overview, (120, 40));
    screen.press("++");
    assert!(header(&screen).contains("zoomed to 300–399"), "{}", header(&screen));
    act(&mut screen, MouseEventKind::Down(LEFT), (20, 20));
    act(&mut screen, MouseEventKind::Drag(LEFT), (50, 20));
    let header_after = header(&screen);
    let from: u64 = header_after
        .split("zoomed to ")
        .nth(1)
        .and_then(|it| it.split('–').next())
        .unwrap()
        .parse()
        .unwrap();
    // Thirty of about sixty columns, a hundred steps wide.
    assert!((230..280).contains(&from), "{header_after}");
    let range = format!("zoomed to {from}–{}", from + 99);
    assert!(header(screen.press("2")).contains(&range), "{range}");
}

#[test]
fn a_press_on_a_row_selects_it() {
    let mut screen = Screen::new(run(), ViewKind::Gradients, (120, 40));
    let row = |screen: &Screen, name: &str| {
        screen
            .text()
            .lines()
            .enumerate()
            .filter(|(_, line)| line.starts_with(name))
            .map(|(i, _)| i as u16)
            .last()
            .unwrap()
    };
    let at = row(&screen, "fc1.bias");
    act(&mut screen, MouseEventKind::Down(LEFT), (2, at));
    assert_eq!(screen.reversed(at), "fc1.bias", "{}", screen.text());
    screen.press("t");
    let at = row(&screen, "norm1");
    act(&mut screen, MouseEventKind::Down(LEFT), (2, at));
    assert_eq!(screen.reversed(at), "norm1", "{}", screen.text());
    screen.press("3");
    let text = screen.text();
    let (at, line) = text.lines().enumerate().skip(1).nth(2).unwrap();
    act(&mut screen, MouseEventKind::Down(LEFT), (2, at as u16));
    let name = line.split_whitespace().next().unwrap();
    assert_eq!(screen.reversed(at as u16), name, "{}", screen.text());
}

#[test]
fn a_press_on_the_map_puts_the_cursor_on_the_node_there() {
    let mut screen = Screen::new(run(), ViewKind::Landscape, (120, 40));
    // Profiles through the cursor take their room from the map.
    act(&mut screen, MouseEventKind::Down(LEFT), (40, 10));
    for at in [(30, 10), (50, 20), (14, 25)] {
        act(&mut screen, MouseEventKind::Down(LEFT), at);
        let cursor = screen.find("┼")[0];
        // 25 × 21 nodes on some seventy columns and thirty rows.
        assert!(
            cursor.0.abs_diff(at.0) <= 2 && cursor.1.abs_diff(at.1) <= 1,
            "{cursor:?}, not {at:?}"
        );
    }
}
