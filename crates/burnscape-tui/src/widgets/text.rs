//! Text that fits: cutting at the right or left with a mark, and breaking into lines.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

pub use crate::model::printable;

/// Cells that a text takes in a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// The beginning of a text, with `…` where its end was cut off.
#[must_use]
pub fn cut_end(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let kept = fitting(text.chars(), cells.saturating_sub(1));
    kept.into_iter().chain((cells > 0).then_some('…')).collect()
}

/// The end of a text, with `…` where its beginning was cut off: the telling part of a path.
#[must_use]
pub fn cut_start(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let kept = fitting(text.chars().rev(), cells.saturating_sub(1));
    (cells > 0).then_some('…').into_iter().chain(kept.into_iter().rev()).collect()
}

/// Lines of at most `cells` cells, broken at spaces; longer words are cut.
#[must_use]
pub fn wrapped(text: &str, cells: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= cells => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut_end(word, cells)),
        }
    }
    lines
}

/// One line at the upper left of an area, cut to its width; nothing in an area without cells.
pub fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let area = area.intersection(buffer.area);
    if !area.is_empty() {
        let cut = cut_end(text, usize::from(area.width));
        buffer.set_stringn(area.x, area.y, cut, usize::from(area.width), style);
    }
}

/// One line that ends at the right edge of an area.
pub fn put_right(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let cut = cut_end(text, usize::from(area.width));
    let indent = area.width.saturating_sub(width(&cut) as u16);
    put(buffer, Rect { x: area.x + indent, width: area.width - indent, ..area }, &cut, style);
}

fn fitting(characters: impl Iterator<Item = char>, cells: usize) -> Vec<char> {
    let mut taken = 0;
    characters
        .take_while(|character| {
            taken += width(character.encode_utf8(&mut [0; 4]));
            taken <= cells
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_cells_not_bytes() {
        assert_eq!(cut_end("encoder.weight", 8), "encoder…");
        assert_eq!(cut_start("encoder.weight", 8), "….weight");
        assert_eq!(cut_start("層.重み.weight", 11), "…み.weight");
        assert_eq!(cut_end("層", 1), "…");
        assert_eq!(cut_end("abc", 0), "");
    }

    #[test]
    fn wrapping_keeps_every_word() {
        let lines = wrapped("the plane shows 85 % of the movement", 10);
        assert!(lines.iter().all(|line| width(line) <= 10));
        assert_eq!(lines.join(" "), "the plane shows 85 % of the movement");
    }

    #[test]
    fn control_characters_are_shown_as_unprintable() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
