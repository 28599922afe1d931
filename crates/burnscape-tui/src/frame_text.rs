//! A finished frame as text: lines for a file, or with the colour codes of a terminal.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::widgets::text;

/// The frame as lines without codes; spaces at their ends are dropped.
#[must_use]
pub fn plain(frame: &Buffer) -> String {
    rows(frame).map(|row| symbols(row).trim_end().to_owned() + "\n").collect()
}

/// The frame with colour codes; each line ends with the terminal's own colours.
#[must_use]
pub fn ansi(frame: &Buffer) -> String {
    rows(frame).map(ansi_row).collect()
}

fn rows(frame: &Buffer) -> impl Iterator<Item = &[Cell]> {
    frame.content.chunks(usize::from(frame.area.width).max(1))
}

fn symbols(row: &[Cell]) -> String {
    visible(row).map(Cell::symbol).collect()
}

/// The cells of a row, without those that lie behind a wide character.
fn visible(row: &[Cell]) -> impl Iterator<Item = &Cell> {
    let mut hidden = 0;
    row.iter().filter(move |cell| {
        let shown = hidden == 0;
        hidden = if shown { text::width(cell.symbol()).saturating_sub(1) } else { hidden - 1 };
        shown
    })
}

fn ansi_row(row: &[Cell]) -> String {
    let end = row.iter().rposition(|cell| !is_blank(cell)).map_or(0, |last| last + 1);
    let mut line = String::new();
    let mut style = (Color::Reset, Color::Reset, Modifier::empty());
    for cell in visible(&row[..end]) {
        let wanted = (cell.fg, cell.bg, cell.modifier);
        if wanted != style {
            line.push_str(&codes(cell));
            style = wanted;
        }
        line.push_str(cell.symbol());
    }
    if style != (Color::Reset, Color::Reset, Modifier::empty()) {
        line.push_str("\x1b[0m");
    }
    line + "\n"
}

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && cell.bg == Color::Reset && cell.modifier.is_empty()
}

fn codes(cell: &Cell) -> String {
    let mut codes = "\x1b[0".to_owned();
    let modifiers = [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::REVERSED, 7)];
    for (_, code) in modifiers.iter().filter(|(modifier, _)| cell.modifier.contains(*modifier)) {
        let _ = write!(codes, ";{code}");
    }
    push_colour(&mut codes, cell.fg, 0);
    push_colour(&mut codes, cell.bg, 10);
    codes + "m"
}

/// Appends a colour; backgrounds are 10 above foregrounds, and the terminal's own colour is none.
pub(crate) fn push_colour(codes: &mut String, colour: Color, offset: u8) {
    let _ = match colour {
        Color::Reset => Ok(()),
        Color::Rgb(r, g, b) => write!(codes, ";{};2;{r};{g};{b}", 38 + offset),
        Color::Indexed(index) => write!(codes, ";{};5;{index}", 38 + offset),
        named => write!(codes, ";{}", named_code(named) + offset),
    };
}

/// The colours with names, in the order of their numbers.
pub(crate) const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

fn named_code(colour: Color) -> u8 {
    match NAMED.iter().position(|&named| named == colour) {
        Some(dark @ 0..8) => 30 + dark as u8,
        Some(light) => 82 + light as u8,
        None => 39,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn wide_characters_take_their_two_cells_once() {
        let frame = Buffer::with_lines(["重み x "]);
        assert_eq!(plain(&frame), "重み x\n");
    }

    #[test]
    fn colours_are_set_when_they_change_and_reset_at_the_end() {
        let mut frame = Buffer::with_lines(["ab"]);
        frame.set_style(frame.area, Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Indexed(7)));
        assert_eq!(ansi(&frame), "\x1b[0;38;2;1;2;3;48;5;7mab\x1b[0m\n");
        frame.set_style(frame.area, Style::new().fg(Color::LightRed).bg(Color::Blue));
        assert_eq!(ansi(&frame), "\x1b[0;91;44mab\x1b[0m\n");
    }
}
