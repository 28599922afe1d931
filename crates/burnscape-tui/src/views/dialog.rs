//! The question that `q` asks inside training: go on without the dashboard, stop, or stay.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::model::RunState;
use crate::widgets::text;

/// What the reader of a dashboard inside training wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Training goes on, the dashboard ends.
    Detach,
    /// Training stops after this step, or the surface after the nodes in progress.
    Stop,
}

/// What a key answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing yet.
    None,
    /// Stay.
    Cancel,
    /// Nothing yet, and back to the shell.
    Suspend,
    /// This.
    Is(Decision),
}

/// The open question, with one answer marked; at first the one that changes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Dialog {
    marked: usize,
}

const ANSWERS: [Answer; 3] =
    [Answer::Cancel, Answer::Is(Decision::Detach), Answer::Is(Decision::Stop)];
/// Frame and margin beside the text, on both sides.
const BESIDE: u16 = 4;

impl Dialog {
    /// Takes a key.
    pub(crate) fn handle(&mut self, event: &Event) -> Answer {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(*key),
            _ => Answer::None,
        }
    }

    fn key(&mut self, key: KeyEvent) -> Answer {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                // Whoever types it twice wants to end.
                KeyCode::Char('c') => Answer::Is(Decision::Stop),
                KeyCode::Char('z') => Answer::Suspend,
                _ => Answer::None,
            };
        }
        match key.code {
            KeyCode::Char('d' | 'D') => Answer::Is(Decision::Detach),
            KeyCode::Char('s' | 'S') => Answer::Is(Decision::Stop),
            KeyCode::Char('c' | 'C' | 'n') | KeyCode::Esc => Answer::Cancel,
            KeyCode::Enter => ANSWERS[self.marked],
            KeyCode::Up | KeyCode::Left | KeyCode::Char('k' | 'h') | KeyCode::BackTab => {
                self.mark(ANSWERS.len() - 1)
            }
            KeyCode::Down | KeyCode::Right | KeyCode::Char('j' | 'l') | KeyCode::Tab => {
                self.mark(1)
            }
            _ => Answer::None,
        }
    }

    fn mark(&mut self, further: usize) -> Answer {
        self.marked = (self.marked + further) % ANSWERS.len();
        Answer::None
    }

    /// Draws the question in the middle of an area; where there is no room for a frame, without one.
    pub(crate) fn draw(&self, state: RunState, area: Rect, buffer: &mut Buffer) {
        let lines = lines(state);
        let widest = lines.iter().map(|line| text::width(line)).max().unwrap_or(0) as u16;
        let has_frame = area.width >= widest + BESIDE && area.height >= lines.len() as u16 + 2;
        let (beside, above) = if has_frame { (BESIDE, 2) } else { (0, 0) };
        let place = middle(area, widest + beside, lines.len() as u16 + above);
        empty(place, buffer);
        let inside = if has_frame { frame(place, buffer) } else { place };
        for (i, (line, y)) in lines.iter().zip(inside.y..inside.bottom()).enumerate() {
            let marked = i.checked_sub(lines.len() - ANSWERS.len()) == Some(self.marked);
            let modifier = if marked { Modifier::REVERSED } else { Modifier::empty() };
            let row = Rect { y, height: 1, ..inside };
            text::put(buffer, row, line, Style::new().add_modifier(modifier));
        }
    }
}

/// The question and its answers, the shortest first where not all lines fit.
fn lines(state: RunState) -> [&'static str; 4] {
    match state {
        RunState::Surface => [
            "Leave? The surface is being measured.",
            "c  stay",
            "d  detach: it goes on without the dashboard",
            "s  stop it: what is measured is kept, and can be resumed",
        ],
        _ => [
            "Leave? Training is running.",
            "c  stay",
            "d  detach: it goes on without the dashboard",
            "s  stop training after this step (again Ctrl-C)",
        ],
    }
}

fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

fn empty(area: Rect, buffer: &mut Buffer) {
    for position in area.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
        }
    }
}

/// A frame along the edge; gives what is inside, with a margin.
fn frame(area: Rect, buffer: &mut Buffer) -> Rect {
    let side = "─".repeat(usize::from(area.width) - 2);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    buffer.set_string(area.x, area.y, format!("┌{side}┐"), bold);
    buffer.set_string(area.x, area.bottom() - 1, format!("└{side}┘"), bold);
    for y in area.y + 1..area.bottom() - 1 {
        buffer.set_string(area.x, y, "│", bold);
        buffer.set_string(area.right() - 1, y, "│", bold);
    }
    Rect { x: area.x + 2, y: area.y + 1, width: area.width - BESIDE, height: area.height - 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    fn answer_to(code: KeyCode) -> Answer {
        Dialog::default().handle(&typed(code, KeyModifiers::NONE))
    }

    #[test]
    fn each_answer_has_its_letter_and_control_c_again_stops() {
        assert_eq!(answer_to(KeyCode::Char('d')), Answer::Is(Decision::Detach));
        assert_eq!(answer_to(KeyCode::Char('s')), Answer::Is(Decision::Stop));
        assert_eq!(answer_to(KeyCode::Char('c')), Answer::Cancel);
        assert_eq!(answer_to(KeyCode::Esc), Answer::Cancel);
        assert_eq!(answer_to(KeyCode::Char('x')), Answer::None);
        let again = Dialog::default().handle(&typed(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert_eq!(again, Answer::Is(Decision::Stop));
    }

    #[test]
    fn enter_alone_stays_and_arrows_mark_the_others() {
        assert_eq!(answer_to(KeyCode::Enter), Answer::Cancel);
        let mut dialog = Dialog::default();
        dialog.handle(&typed(KeyCode::Down, KeyModifiers::NONE));
        let enter = typed(KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(dialog.handle(&enter), Answer::Is(Decision::Detach));
        dialog.handle(&typed(KeyCode::Down, KeyModifiers::NONE));
        assert_eq!(dialog.handle(&enter), Answer::Is(Decision::Stop));
        dialog.handle(&typed(KeyCode::Tab, KeyModifiers::NONE));
        assert_eq!(dialog.handle(&enter), Answer::Cancel);
    }

    #[test]
    fn it_fits_any_area_and_stays_inside() {
        for (width, height) in [(0, 0), (1, 1), (5, 2), (20, 5), (58, 6), (80, 24)] {
            let area = Rect::new(0, 0, width, height);
            let mut buffer = Buffer::empty(area);
            Dialog::default().draw(RunState::Training, area, &mut buffer);
            let shown: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
            assert_eq!(shown.contains("detach"), width >= 20, "{width}x{height}: {shown}");
        }
    }
}
