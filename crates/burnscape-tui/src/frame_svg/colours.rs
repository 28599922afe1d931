//! The colours of a picture: those of the frame, where it has none of its own those of a dark terminal.

use std::fmt;

use ratatui::style::Color;

use crate::frame_text::NAMED;
use crate::palette::of_256;

/// The ground of the picture.
pub(super) const BACKGROUND: Ink = Ink([0x12, 0x16, 0x1d]);
/// Text without a colour of its own; its contrast with the ground is above 12 : 1.
pub(super) const TEXT: Ink = Ink([0xd9, 0xde, 0xe7]);

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ink(pub(super) [u8; 3]);

/// The same of a picture for light pages.
pub(super) const LIGHT_BACKGROUND: Ink = Ink([0xff, 0xff, 0xff]);
pub(super) const LIGHT_TEXT: Ink = Ink([0x1b, 0x1f, 0x26]);

impl fmt::Display for Ink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Ink {
    /// A colour of the frame; `None`: the terminal's own.
    pub(super) fn of(colour: Color) -> Option<Self> {
        match colour {
            Color::Reset => None,
            Color::Rgb(red, green, blue) => Some(Self([red, green, blue])),
            Color::Indexed(index) => Some(indexed(index)),
            named => NAMED.iter().position(|&it| it == named).map(|i| Self(ANSI[i])),
        }
    }

    /// Half-way to the ground.
    pub(super) fn dimmed(self) -> Self {
        let mixed = |i: usize| self.0[i].midpoint(BACKGROUND.0[i]);
        Self([mixed(0), mixed(1), mixed(2)])
    }
}

/// The sixteen as xterm shows them.
const ANSI: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

/// The 256 of xterm: the sixteen, a cube of 6 × 6 × 6, and 24 greys.
fn indexed(index: u8) -> Ink {
    match index {
        0..16 => Ink(ANSI[usize::from(index)]),
        _ => Ink(of_256(index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_256_colours_are_those_of_xterm() {
        let hex = |index| Ink::of(Color::Indexed(index)).unwrap().to_string();
        assert_eq!([hex(16), hex(196), hex(231)], ["#000000", "#ff0000", "#ffffff"]);
        assert_eq!([hex(67), hex(232), hex(255)], ["#5f87af", "#080808", "#eeeeee"]);
    }

    #[test]
    fn text_is_read_well_on_its_ground() {
        for (text, ground) in [(TEXT, BACKGROUND), (LIGHT_TEXT, LIGHT_BACKGROUND)] {
            let contrast = crate::ground::contrast(text.0, ground.0);
            assert!(contrast > 12.0, "{contrast}");
        }
    }
}
