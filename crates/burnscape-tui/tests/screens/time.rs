//! One cursor of time in all views, zoom around it, the mouse, commands, and what finds room at four sizes.

use super::support::Synthetic;
use super::support::keys::Typed;
use super::support::screen::Screen;
use burnscape_tui::{App, Run, ViewKind};
use ratatui::crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// The sizes at which every screen is looked at.
const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];
/// Views along whose charts steps lie.
const IN_TIME: [char; 3] = ['1', '2', '3'];

fn run() -> Run {
    Synthetic { with_looks: true, ..Synthetic::default() }.run()
}

fn screen(size: (u16, u16)) -> Screen {
    Screen::new(run(), ViewKind::Overview, size)
}

#[test]
fn the_cursor_is_at_the_same_step_in_all_views_and_escape_follows_live_again() {
    let mut screen = screen((120, 40));
    // 400 steps: an arrow is 3 of them, from the last one, 399, on.
    assert!(screen.press("←").text().contains("at step 396"), "{}", screen.text());
    for view in IN_TIME {
        let text = screen.press(&view.to_string()).text();
        assert!(text.contains("at step 396") && text.contains(" 396 "), "{view}: {text}");
    }
    let live = screen.press("1\u{1b}").text();
    assert!(!live.lines().next().unwrap().contains("at step"), "{live}");
}

#[test]
fn the_values_at_the_cursor_are_those_of_the_run() {
    let mut screen = Typed::new(App::new(run(), ViewKind::Overview), (120, 40));
    let text = screen.press(":100\n").text();
    // 2.3 / (1 + 100 / 20)
    assert!(text.contains("at step 100") && text.contains("─ step 0.383"), "{text}");
    let text = screen.press(":step 20\n").text();
    assert!(text.contains("at step 20") && text.contains("─ step 1.15"), "{text}");
    assert!(screen.press(":nonsense\n").text().contains("no command `nonsense`"));
}

#[test]
fn the_zoom_shows_the_same_range_in_all_views() {
    let mut screen = Typed::new(App::new(run(), ViewKind::Overview), (120, 40));
    screen.press(":200\n++");
    for view in IN_TIME {
        let text = screen.press(&view.to_string()).text();
        assert!(text.contains("zoomed to 151–250"), "{view}: {text}");
        let is_axis_whole = view == '1' && text.contains(" 399");
        assert!(!is_axis_whole, "the axis ends with what is in sight: {text}");
    }
    assert!(!screen.press("0").text().contains("zoomed"));
}

#[test]
fn enter_pins_and_shift_moves_ten_times_as_far() {
    let mut screen = Typed::new(App::new(run(), ViewKind::Overview), (120, 40));
    assert!(screen.press("←\n").text().contains("pinned at step 396"), "{}", screen.text());
    assert!(screen.press("H").text().contains("at step 366"), "{}", screen.text());
}

fn mouse(kind: MouseEventKind, (column, row): (u16, u16)) -> Event {
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

#[test]
fn the_mouse_picks_tabs_scrolls_and_drags_the_surface() {
    let mut screen = screen((120, 40));
    let tab = screen.find("4").into_iter().rfind(|at| at.1 == 0).unwrap();
    screen.app.handle(&mouse(MouseEventKind::Down(MouseButton::Left), tab));
    assert_eq!(screen.app.view_title(), "Landscape");
    screen.press("m");
    screen.app.handle(&mouse(MouseEventKind::Down(MouseButton::Left), (30, 20)));
    screen.app.handle(&mouse(MouseEventKind::Drag(MouseButton::Left), (40, 18)));
    screen.draw();
    // Ten columns to the right and two rows up, 2° a column and twice that a row.
    assert!(screen.text().contains("turn 50°  tilt 32°"), "{}", screen.text());
    screen.press("1");
    screen.app.handle(&mouse(MouseEventKind::ScrollUp, (30, 20)));
    screen.draw();
    assert!(screen.text().contains("zoomed to"), "{}", screen.text());
}

#[test]
fn no_figure_loses_its_last_digits_at_any_size() {
    for size in SIZES {
        for view in ViewKind::ALL {
            let text = Screen::new(run(), view, size).text();
            let characters: Vec<char> = text.chars().collect();
            // A range is written with the same character.
            let is_number = |it: char| it.is_ascii_digit() || it == '-';
            let is_cut = |it: &[char]| it[0].is_ascii_digit() && it[1] == '…' && !is_number(it[2]);
            assert!(!characters.windows(3).any(is_cut), "{view:?} at {size:?}:\n{text}");
        }
    }
}

#[test]
fn the_smallest_usual_window_has_five_rows_of_loss() {
    let text = screen((40, 12)).text();
    let title = text.lines().position(|line| line.contains("loss  ─")).unwrap();
    let steps = text.lines().position(is_axis).unwrap();
    assert!(steps - title > 5, "{text}");
}

/// A line that names steps; the last loss may begin like one.
fn is_axis(line: &str) -> bool {
    line.contains("step 0 ") || line.contains("step 0─")
}

#[test]
fn an_axis_begins_and_ends_with_the_data_at_any_size() {
    for size in SIZES {
        let text = screen(size).text();
        // Epochs are counted in steps: the last one is told at step 400, which a chart of steps alone does not reach.
        assert!(text.lines().any(|line| is_axis(line) && line.contains("400")), "{text}");
    }
}
