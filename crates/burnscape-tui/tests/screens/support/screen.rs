//! An application on a terminal that exists only in memory: keys in, screen out.

use burnscape_tui::{App, Run, ViewKind};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

pub struct Screen {
    pub app: App,
    pub frame: Buffer,
}

impl Screen {
    pub fn new(run: Run, view: ViewKind, (width, height): (u16, u16)) -> Self {
        let area = Rect::new(0, 0, width, height);
        let mut screen = Self { app: App::new(run, view), frame: Buffer::empty(area) };
        screen.draw();
        screen
    }

    /// Types; arrows, Tab, Enter and Esc (`\u{1b}`) as characters.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for character in keys.chars() {
            let code = match character {
                '\t' => KeyCode::Tab,
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '←' => KeyCode::Left,
                '→' => KeyCode::Right,
                '↑' => KeyCode::Up,
                '↓' => KeyCode::Down,
                other => KeyCode::Char(other),
            };
            self.app.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        self.draw();
        self
    }

    pub fn draw(&mut self) {
        self.frame = Buffer::empty(self.frame.area);
        self.app.draw(self.frame.area, &mut self.frame);
    }

    pub fn text(&self) -> String {
        text(&self.frame)
    }

    /// Cells with a symbol.
    pub fn find(&self, symbol: &str) -> Vec<(u16, u16)> {
        cells(&self.frame).filter(|&at| self.frame[at].symbol() == symbol).collect()
    }

    /// What stands out on a row, on it alone.
    pub fn reversed(&self, row: u16) -> String {
        let cells = (0..self.frame.area.width).map(|x| &self.frame[(x, row)]);
        let reversed = cells.filter(|cell| cell.modifier.contains(Modifier::REVERSED));
        reversed.map(ratatui::buffer::Cell::symbol).collect::<String>().trim().to_owned()
    }
}

pub fn cells(frame: &Buffer) -> impl Iterator<Item = (u16, u16)> {
    let (width, height) = (frame.area.width, frame.area.height);
    (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)))
}

pub fn text(frame: &Buffer) -> String {
    let row = |y| (0..frame.area.width).map(move |x| frame[(x, y)].symbol()).collect::<String>();
    (0..frame.area.height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}

/// The bits of a braille glyph: 2 × 4 dots.
pub fn braille(symbol: &str) -> Option<u8> {
    let glyph = symbol.chars().next()? as u32;
    u8::try_from(glyph.checked_sub(0x2800)?).ok()
}

/// Every dot of the braille glyphs of a frame, counted from the upper left.
pub fn dots(frame: &Buffer) -> Vec<(i32, i32)> {
    const PLACES: [(i32, i32); 8] =
        [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let mut dots = Vec::new();
    for (x, y) in cells(frame) {
        let bits = braille(frame[(x, y)].symbol()).unwrap_or(0);
        let set = PLACES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        dots.extend(set.map(|(_, (dx, dy))| (2 * i32::from(x) + dx, 4 * i32::from(y) + dy)));
    }
    dots
}
