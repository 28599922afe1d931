//! Heat maps: two values to a cell, one above the other, as half blocks.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};

use crate::palette::{BAD, HATCH, MUTED, faint_ink, preview, scale};

/// Mark of a NaN.
pub const NAN_MARK: &str = "×";
/// Mark of an infinity.
pub const INFINITY_MARK: &str = "∞";
/// Mark of what was not measured but filled in from measured neighbours.
pub const INTERPOLATED_MARK: &str = "∙";
/// Mark of what was not measured yet.
pub const UNMEASURED_MARK: &str = "░";

/// What one half of a cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pixel {
    /// Nothing: outside.
    Empty,
    /// A value, as a level of the scale.
    Level(usize),
    /// A value that was not measured but filled in, as a level of the scale.
    Interpolated(usize),
    /// Not measured; the level of the nearest value that was, if there is one.
    Unmeasured(Option<usize>),
    /// A NaN.
    Nan,
    /// An infinity.
    Infinite,
}

/// Draws an area from its pixels, `pixel(column, half_row)` with half rows from the top.
pub fn draw(area: Rect, buffer: &mut Buffer, pixel: impl Fn(u16, u16) -> Pixel) {
    let area = area.intersection(buffer.area);
    for row in 0..area.height {
        for column in 0..area.width {
            let halves = (pixel(column, 2 * row), pixel(column, 2 * row + 1));
            if let Some(cell) = buffer.cell_mut(Position::new(area.x + column, area.y + row)) {
                paint(cell, halves);
            }
        }
    }
}

fn paint(cell: &mut Cell, halves: (Pixel, Pixel)) {
    match halves {
        (Pixel::Nan, _) | (_, Pixel::Nan) => mark(cell, NAN_MARK),
        (Pixel::Infinite, _) | (_, Pixel::Infinite) => mark(cell, INFINITY_MARK),
        (Pixel::Unmeasured(near), Pixel::Unmeasured(other)) => hatch(cell, near.or(other)),
        (Pixel::Unmeasured(_), Pixel::Interpolated(near))
        | (Pixel::Interpolated(near), Pixel::Unmeasured(_)) => hatch(cell, Some(near)),
        (Pixel::Interpolated(level), other) | (other, Pixel::Interpolated(level)) => {
            dot(cell, level_of(other).map_or(level, |other| usize::midpoint(level, other)));
        }
        (upper, lower) => split(cell, colour(upper), colour(lower)),
    }
}

fn mark(cell: &mut Cell, symbol: &str) {
    cell.set_symbol(symbol).set_fg(BAD).set_bg(Color::Reset);
    cell.modifier = Modifier::BOLD;
}

fn hatch(cell: &mut Cell, near: Option<usize>) {
    let (ink, background) = near.map_or((MUTED, Color::Reset), |near| (HATCH, preview(near)));
    cell.set_symbol(UNMEASURED_MARK).set_fg(ink).set_bg(background);
}

/// A cell of which any half was filled in has one glyph, so its halves become one colour.
fn dot(cell: &mut Cell, level: usize) {
    cell.set_symbol(INTERPOLATED_MARK).set_fg(faint_ink(level)).set_bg(scale(level));
}

fn level_of(pixel: Pixel) -> Option<usize> {
    match pixel {
        Pixel::Level(level) | Pixel::Interpolated(level) => Some(level),
        _ => None,
    }
}

/// Two colours in a cell; `None`: the terminal's own.
pub(crate) fn split(cell: &mut Cell, upper: Option<Color>, lower: Option<Color>) {
    match (upper, lower) {
        (None, None) => cell.set_symbol(" ").set_bg(Color::Reset),
        (Some(upper), None) => cell.set_symbol("▀").set_fg(upper).set_bg(Color::Reset),
        (None, Some(lower)) => cell.set_symbol("▄").set_fg(lower).set_bg(Color::Reset),
        (Some(upper), Some(lower)) if upper == lower => cell.set_symbol(" ").set_bg(upper),
        (Some(upper), Some(lower)) => cell.set_symbol("▀").set_fg(upper).set_bg(lower),
    };
}

fn colour(pixel: Pixel) -> Option<Color> {
    match pixel {
        Pixel::Level(level) | Pixel::Interpolated(level) => Some(scale(level)),
        Pixel::Unmeasured(near) => near.map(preview),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell_of(upper: Pixel, lower: Pixel) -> Cell {
        let area = Rect::new(0, 0, 1, 1);
        let mut buffer = Buffer::empty(area);
        draw(area, &mut buffer, |_, half| if half == 0 { upper } else { lower });
        buffer[(0, 0)].clone()
    }

    #[test]
    fn two_values_share_a_cell() {
        let cell = cell_of(Pixel::Level(3), Pixel::Level(9));
        assert_eq!((cell.symbol(), cell.fg, cell.bg), ("▀", scale(3), scale(9)));
    }

    #[test]
    fn what_was_filled_in_is_dotted_even_beside_a_measurement() {
        let cell = cell_of(Pixel::Interpolated(4), Pixel::Level(8));
        assert_eq!((cell.symbol(), cell.bg), (INTERPOLATED_MARK, scale(6)));
        assert_eq!(cell_of(Pixel::Empty, Pixel::Interpolated(3)).bg, scale(3));
        let hatched = cell_of(Pixel::Interpolated(3), Pixel::Unmeasured(None));
        assert_eq!(hatched.symbol(), UNMEASURED_MARK);
        assert_eq!(cell_of(Pixel::Interpolated(3), Pixel::Nan).symbol(), NAN_MARK);
    }

    #[test]
    fn non_finite_unmeasured_and_empty_differ() {
        assert_eq!(cell_of(Pixel::Nan, Pixel::Level(1)).symbol(), NAN_MARK);
        assert_eq!(cell_of(Pixel::Level(1), Pixel::Infinite).symbol(), INFINITY_MARK);
        let hatched = cell_of(Pixel::Unmeasured(None), Pixel::Unmeasured(None));
        assert_eq!(hatched.symbol(), UNMEASURED_MARK);
        assert_eq!(cell_of(Pixel::Empty, Pixel::Empty).symbol(), " ");
    }
}
