//! A finished frame as a picture in SVG: the cells of a terminal, in the same places and colours everywhere.
//!
//! Blocks, braille, marks and box lines are shapes, so that they do not depend on what a font makes of them.
//! Letters are text; each word has its place and its length, so that no font can move them. The same frame
//! gives the same bytes.

mod colours;
mod place;
mod shapes;
mod words;

use std::fmt::Write as _;

use ratatui::buffer::Buffer;

use self::colours::{BACKGROUND, LIGHT_BACKGROUND, LIGHT_TEXT, TEXT};
use self::place::{CELL_HEIGHT, CELL_WIDTH, placed};
use self::shapes::Shapes;
use self::words::Words;
use crate::ground::Theme;
use crate::model::xml_escaped;

/// Ground around the cells.
const MARGIN: u32 = 8;

/// The frame as the text of an SVG file, with a title for those who cannot see it.
#[must_use]
pub fn svg(frame: &Buffer, title: &str) -> String {
    let (mut shapes, mut words) = (Shapes::default(), Words::default());
    for place in placed(frame) {
        if !shapes.add(&place) {
            words.add(&place);
        }
    }
    let mut picture = opening(frame, title);
    picture.push_str(&shapes.finish());
    picture.push_str(&words.finish());
    picture + "</g>\n</svg>\n"
}

/// The same on the ground of a theme: the frame has its inks already.
#[must_use]
pub fn svg_on(frame: &Buffer, title: &str, theme: Theme) -> String {
    let picture = svg(frame, title);
    match theme {
        Theme::Dark => picture,
        // No other colour of a frame is one of these.
        Theme::Light => picture
            .replace(&BACKGROUND.to_string(), &LIGHT_BACKGROUND.to_string())
            .replace(&TEXT.to_string(), &LIGHT_TEXT.to_string()),
    }
}

fn opening(frame: &Buffer, title: &str) -> String {
    let width = u32::from(frame.area.width) * CELL_WIDTH + 2 * MARGIN;
    let height = u32::from(frame.area.height) * CELL_HEIGHT + 2 * MARGIN;
    let mut opening = String::new();
    let _ = writeln!(
        opening,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\">",
        xml_escaped(title)
    );
    opening
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier, Style};

    use super::*;

    #[test]
    fn names_cannot_become_tags() {
        let picture = svg(&Buffer::with_lines(["<script>"]), "a & b");
        assert!(picture.contains("&lt;script&gt;") && picture.contains("<title>a &amp; b</title>"));
    }

    #[test]
    fn each_word_has_its_place_and_its_length() {
        let picture = svg(&Buffer::with_lines(["", "  loss 0.25"]), "");
        assert!(
            picture.contains("<text x=\"16\" y=\"28\" textLength=\"32\">loss</text>"),
            "{picture}"
        );
        assert!(
            picture.contains("<text x=\"56\" y=\"28\" textLength=\"32\">0.25</text>"),
            "{picture}"
        );
    }

    #[test]
    fn wide_characters_take_two_cells_once() {
        let picture = svg(&Buffer::with_lines(["重み"]), "");
        assert!(
            picture.contains("<text x=\"0\" y=\"12\" textLength=\"32\">重み</text>"),
            "{picture}"
        );
    }

    #[test]
    fn a_half_block_is_two_rectangles_and_neighbours_of_one_colour_are_one() {
        let mut frame = Buffer::with_lines(["▀▀"]);
        frame.set_style(frame.area, Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Rgb(4, 5, 6)));
        let picture = svg(&frame, "");
        assert!(picture.contains("<path fill=\"#010203\" d=\"M0 0h16v8h-16z\"/>"), "{picture}");
        assert!(picture.contains("<path fill=\"#040506\" d=\"M0 8h16v8h-16z\"/>"), "{picture}");
        assert!(!picture.contains('▀'));
    }

    #[test]
    fn a_dot_of_braille_is_a_circle_in_its_place() {
        // Dots 1 and 8: the upper left one and the lower right one.
        let picture = svg(&Buffer::with_lines(["⢁"]), "");
        let circle = |x, y| format!("M{x} {y}a1.3 1.3 0 1 0 2.6 0 1.3 1.3 0 1 0-2.6 0z");
        assert!(picture.contains(&(circle("0.7", 2) + &circle("4.7", 14))), "{picture}");
    }

    #[test]
    fn reversed_text_stands_in_the_ground_s_colour_on_the_text_s() {
        let mut frame = Buffer::with_lines(["ab"]);
        frame.set_style(frame.area, Style::new().add_modifier(Modifier::REVERSED));
        let picture = svg(&frame, "");
        assert!(
            picture
                .contains(&format!("<path fill=\"{TEXT}\" d=\"M0 0h16v8h-16zM0 8h16v8h-16z\"/>")),
            "{picture}"
        );
        assert!(picture.contains(&format!("<g fill=\"{BACKGROUND}\">")), "{picture}");
    }
}
