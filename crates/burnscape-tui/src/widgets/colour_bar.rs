//! The colours of a heat map with their numbers, from the highest at the top to the lowest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::colours::ValueAt;
use super::half_blocks::{self, Pixel};
use super::{areas, text};
use crate::numbers::fitting;
use crate::palette::{MUTED, level_of_share};

/// Columns of the whole: two of colour, a gap, and numbers such as `-1.23e-4`.
pub const WIDTH: u16 = 11;

const COLOUR_COLUMNS: u16 = 2;
/// Columns of the numbers and remarks.
pub const TEXT_WIDTH: u16 = WIDTH - COLOUR_COLUMNS - 1;
/// Rows from one number to the next.
const NUMBER_ROWS: u16 = 4;

/// Draws the bar over the full height of an area; `remarks` go below the top number.
pub fn draw(area: Rect, buffer: &mut Buffer, colours: &impl ValueAt, remarks: &[Line<'_>]) {
    let (bar, rest) = areas::split_left(area, COLOUR_COLUMNS);
    let (_gap, numbers) = areas::split_left(rest, 1);
    let halves = f64::from(2 * area.height);
    half_blocks::draw(bar, buffer, |_, half| {
        Pixel::Level(level_of_share(1.0 - (f64::from(half) + 0.5) / halves))
    });
    draw_numbers(numbers, buffer, colours);
    draw_remarks(numbers, buffer, remarks);
}

fn draw_numbers(area: Rect, buffer: &mut Buffer, colours: &impl ValueAt) {
    for row in number_rows(area.height) {
        let share = 1.0 - f64::from(row) / f64::from(area.height.saturating_sub(1).max(1));
        let number = fitting(colours.value_at(share), usize::from(area.width));
        text::put(buffer, areas::row(area, row), &number, Style::new());
    }
}

fn draw_remarks(area: Rect, buffer: &mut Buffer, remarks: &[Line<'_>]) {
    let taken: Vec<u16> = number_rows(area.height).collect();
    let free = (0..area.height).filter(|row| !taken.contains(row));
    for (row, remark) in free.zip(remarks) {
        let place = areas::row(area, row).intersection(buffer.area);
        let muted = Style::new().fg(MUTED).patch(remark.style);
        buffer.set_line(place.x, place.y, &remark.clone().style(muted), place.width);
    }
}

/// Rows with a number: both ends, and evenly between them.
fn number_rows(height: u16) -> impl Iterator<Item = u16> {
    let gaps = (height.saturating_sub(1) / NUMBER_ROWS).max(1);
    let last = height.saturating_sub(1);
    let rows =
        (0..=gaps).map(move |gap| (u32::from(gap) * u32::from(last) / u32::from(gaps)) as u16);
    rows.take(usize::from(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::{LEVELS, scale};
    use crate::widgets::scale::{ColourScale, ScaleChoice};

    #[test]
    fn the_ends_carry_the_limits_of_the_scale() {
        let area = Rect::new(0, 0, WIDTH, 9);
        let mut buffer = Buffer::empty(area);
        let colours = ColourScale::fit([0.25, 8.5].into_iter(), ScaleChoice::Auto).unwrap();
        draw(area, &mut buffer, &colours, &[Line::raw("log")]);
        let row = |y: u16| (3..WIDTH).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        assert_eq!(row(0).trim(), "8.5");
        assert_eq!(row(1).trim(), "log");
        assert_eq!(row(8).trim(), "0.25");
        assert_eq!(buffer[(0, 0)].fg, scale(LEVELS - 1));
        assert_eq!(buffer[(0, 8)].bg, scale(0));
    }
}
