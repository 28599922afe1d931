//! A frame as bytes: what changed, and of that nothing that the terminal has already.
//!
//! A link of 2 kB a second carries twenty repeated colours a second and nothing else. So colours and attributes are
//! sent where they change only, a blank has no colour of its own, the end of a row is erased in three bytes, and a
//! frame that is too large for the moment is sent in parts: what tells most comes first.

use std::io::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::widgets::text::width;

/// Unchanged cells that are written again where moving over them costs more.
const REWRITTEN: u16 = 3;
/// Blanks at the end of a row that are worth an erasing.
const ERASED_FROM: u16 = 4;

/// Which part of a frame comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// From the upper left to the lower right, beginning at a row.
    From(u16),
    /// The first and the last row, then words, then pictures: the answer to a key.
    WordsFirst,
}

/// What the terminal shows, as far as it was told.
#[derive(Debug)]
pub(crate) struct Wire {
    shown: Buffer,
    pen: Option<Pen>,
    at: Option<(u16, u16)>,
}

/// What characters are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    ink: Color,
    ground: Color,
    modifier: Modifier,
}

/// Bytes that turn one frame into another, as a terminal gets them that draws with an unknown pen.
#[must_use]
pub fn bytes_between(before: &Buffer, after: &Buffer) -> Vec<u8> {
    let mut wire = Wire { shown: before.clone(), pen: None, at: None };
    wire.send(after, Order::From(after.area.y), usize::MAX).bytes
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    /// The row to go on with; `None`: the terminal has all of it.
    pub(crate) rest_from: Option<u16>,
}

impl Wire {
    /// A terminal that shows blanks in its own colours all over an area; what it draws with is not known.
    pub(crate) fn blank(area: ratatui::layout::Rect) -> Self {
        Self { shown: Buffer::empty(area), pen: None, at: None }
    }

    /// The cells of the terminal.
    pub(crate) fn area(&self) -> ratatui::layout::Rect {
        self.shown.area
    }

    /// Bytes that turn what the terminal shows into a frame of the same size: about so many at most, at least a cell.
    pub(crate) fn send(&mut self, frame: &Buffer, order: Order, budget: usize) -> Sent {
        let mut places = self.changed(frame);
        let mut bytes = Vec::new();
        sort(&mut places, frame, order);
        let mut erased = None;
        for &(x, y) in &places {
            if bytes.len() >= budget {
                return Sent { bytes, rest_from: Some(y) };
            }
            if erased.is_none_or(|(from, row)| row != y || x < from) {
                erased = self.put(frame, (x, y), &mut bytes).then_some((x, y)).or(erased);
            }
        }
        Sent { bytes, rest_from: None }
    }

    /// Where the frame differs, by row. What a wide letter covers is no place of its own.
    fn changed(&self, frame: &Buffer) -> Vec<(u16, u16)> {
        let mut places = Vec::new();
        for y in frame.area.top()..frame.area.bottom() {
            let mut x = frame.area.left();
            while x < frame.area.right() {
                if self.shown[(x, y)] != frame[(x, y)] {
                    places.push((x, y));
                }
                x += cells_of(&frame[(x, y)]);
            }
        }
        places
    }

    /// Puts a cell, or erases the row from there on if that is what the frame has; `true`: it did.
    fn put(&mut self, frame: &Buffer, (x, y): (u16, u16), bytes: &mut Vec<u8>) -> bool {
        self.go_to(frame, (x, y), bytes);
        let cell = &frame[(x, y)];
        let right = frame.area.right();
        if is_blank(cell)
            && right - x >= ERASED_FROM
            && (x..right).all(|x| is_blank(&frame[(x, y)]))
        {
            self.draw_with(Pen::PLAIN, bytes);
            bytes.extend_from_slice(b"\x1b[K");
            (x..right).for_each(|x| self.shown[(x, y)] = frame[(x, y)].clone());
            return true;
        }
        self.write(frame, (x, y), bytes);
        false
    }

    /// Writes a cell where the cursor is.
    fn write(&mut self, frame: &Buffer, (x, y): (u16, u16), bytes: &mut Vec<u8>) {
        let cell = &frame[(x, y)];
        let symbol = self.draw_as(cell, bytes);
        bytes.extend_from_slice(symbol.as_bytes());
        let (end, right) = (x + cells_of(cell), frame.area.right());
        self.shown[(x, y)] = cell.clone();
        // What it covers is equal to nothing that a frame may have there.
        (x + 1..end.min(right)).for_each(|x| {
            self.shown[(x, y)].set_symbol("");
        });
        // Behind the last column terminals differ on where the cursor is.
        self.at = Some((end, y)).filter(|(x, _)| *x < right);
    }

    /// Takes the pen that a cell needs, and gives its symbol: the other half block where that spares two colours.
    fn draw_as<'a>(&mut self, cell: &'a Cell, bytes: &mut Vec<u8>) -> &'a str {
        let wanted = Pen::of(cell);
        let turned = Pen { ink: wanted.ground, ground: wanted.ink, ..wanted };
        let has = |pen: Pen| self.pen.is_some_and(|it| it == pen);
        match cell.symbol() {
            "▀" | "▄" if has(turned) && !has(wanted) => {
                if cell.symbol() == "▀" {
                    "▄"
                } else {
                    "▀"
                }
            }
            symbol if shows_no_ink(cell) => {
                let ink = self.pen.map_or(Color::Reset, |pen| pen.ink);
                self.draw_with(Pen { ink, ..wanted }, bytes);
                symbol
            }
            symbol => {
                self.draw_with(wanted, bytes);
                symbol
            }
        }
    }

    fn go_to(&mut self, frame: &Buffer, (x, y): (u16, u16), bytes: &mut Vec<u8>) {
        match self.at {
            Some(at) if at == (x, y) => {}
            Some((from, row)) if row == y && from < x => {
                if !self.rewrite(frame, from..x, y, bytes) {
                    let _ = match x - from {
                        1 => bytes.write_all(b"\x1b[C"),
                        gap => write!(bytes, "\x1b[{gap}C"),
                    };
                }
            }
            _ if x == frame.area.x => {
                let _ = write!(bytes, "\x1b[{}H", y + 1);
            }
            _ => {
                let _ = write!(bytes, "\x1b[{};{}H", y + 1, x + 1);
            }
        }
        self.at = Some((x, y));
    }

    /// Writes a few cells again that need no other pen; `false`: moving over them is cheaper.
    fn rewrite(
        &mut self,
        frame: &Buffer,
        gap: std::ops::Range<u16>,
        y: u16,
        bytes: &mut Vec<u8>,
    ) -> bool {
        let is_cheap = |x: u16| {
            let cell = &frame[(x, y)];
            let has_pen = self.pen.is_some_and(|pen| {
                pen == Pen::of(cell)
                    || (shows_no_ink(cell) && pen.ground == cell.bg && pen.modifier.is_empty())
            });
            cell.symbol().len() == 1 && has_pen && self.shown[(x, y)] == *cell
        };
        if gap.len() > usize::from(REWRITTEN) || !gap.clone().all(is_cheap) {
            return false;
        }
        gap.for_each(|x| bytes.extend_from_slice(frame[(x, y)].symbol().as_bytes()));
        true
    }

    /// Changes the pen, as little as possible.
    fn draw_with(&mut self, wanted: Pen, bytes: &mut Vec<u8>) {
        if self.pen == Some(wanted) {
            return;
        }
        let mut codes = String::new();
        let before = self.pen.unwrap_or_else(|| {
            codes.push_str(";0");
            Pen::PLAIN
        });
        if wanted == Pen::PLAIN {
            bytes.extend_from_slice(b"\x1b[m");
        } else {
            before.codes_to(wanted, &mut codes);
            let _ = write!(bytes, "\x1b[{}m", codes.trim_start_matches(';'));
        }
        self.pen = Some(wanted);
    }
}

impl Pen {
    const PLAIN: Self =
        Self { ink: Color::Reset, ground: Color::Reset, modifier: Modifier::empty() };

    fn of(cell: &Cell) -> Self {
        Self { ink: cell.fg, ground: cell.bg, modifier: cell.modifier }
    }

    /// "Select graphic rendition" (ECMA-48, 8.3.117), each code after a semicolon.
    fn codes_to(self, wanted: Self, codes: &mut String) {
        let lost = self.modifier - wanted.modifier;
        let mut has = wanted.modifier & self.modifier;
        for (of, code) in ENDS {
            if lost.intersects(of) {
                codes.push_str(code);
                // What ends together begins again alone.
                has.remove(of);
            }
        }
        for (modifier, code) in BEGINNINGS {
            if (wanted.modifier - has).contains(modifier) {
                codes.push_str(code);
            }
        }
        if self.ink != wanted.ink {
            push_colour(codes, wanted.ink, 0);
        }
        if self.ground != wanted.ground {
            push_colour(codes, wanted.ground, 10);
        }
    }
}

const ENDS: [(Modifier, &str); 5] = [
    (Modifier::BOLD.union(Modifier::DIM), ";22"),
    (Modifier::ITALIC, ";23"),
    (Modifier::UNDERLINED, ";24"),
    (Modifier::REVERSED, ";27"),
    (Modifier::CROSSED_OUT, ";29"),
];

const BEGINNINGS: [(Modifier, &str); 6] = [
    (Modifier::BOLD, ";1"),
    (Modifier::DIM, ";2"),
    (Modifier::ITALIC, ";3"),
    (Modifier::UNDERLINED, ";4"),
    (Modifier::REVERSED, ";7"),
    (Modifier::CROSSED_OUT, ";9"),
];

fn push_colour(codes: &mut String, colour: Color, offset: u8) {
    use std::fmt::Write as _;
    match colour {
        Color::Reset => drop(write!(codes, ";{}", 39 + offset)),
        colour => crate::frame_text::push_colour(codes, colour, offset),
    }
}

/// Cells that a letter takes.
fn cells_of(cell: &Cell) -> u16 {
    width(cell.symbol()).max(1) as u16
}

/// Nothing of a blank has the colour of the ink.
fn shows_no_ink(cell: &Cell) -> bool {
    cell.symbol() == " " && cell.modifier.is_empty()
}

/// What an erased cell is.
fn is_blank(cell: &Cell) -> bool {
    shows_no_ink(cell) && cell.bg == Color::Reset
}

fn sort(places: &mut [(u16, u16)], frame: &Buffer, order: Order) {
    let height = frame.area.height;
    match order {
        Order::From(first) => {
            places.sort_by_key(|(_, y)| (y + height - first.min(height)) % height.max(1));
        }
        Order::WordsFirst => {
            let rank = |&(x, y): &(u16, u16)| match y {
                _ if y == frame.area.y => 0,
                _ if y + 1 == frame.area.bottom() => 1,
                _ if is_word(&frame[(x, y)]) => 2,
                _ => 3,
            };
            places.sort_by_key(rank);
        }
    }
}

/// Letters, figures, signs and the blanks between them, on the terminal's own ground: no lines, blocks and dots.
fn is_word(cell: &Cell) -> bool {
    let is_drawing = |it| matches!(it, '\u{2500}'..='\u{25ff}' | '\u{2800}'..='\u{28ff}');
    cell.bg == Color::Reset && !cell.symbol().chars().any(is_drawing)
}

#[cfg(test)]
mod tests;
