//! The colours of views on the ground that a terminal has: text with a contrast of 4.5 at least, marks of 3, in as
//! many colours as the terminal shows.

use std::collections::HashMap;

use ratatui::style::Color;

use crate::ground::{self, Ground, Theme};
use crate::palette::{
    self, BAD, ENVELOPE, GOOD, LEVELS, MUTED, ON_FACE, RULE, TRAIN, VALID, WARNING,
};
use crate::terminal_profile::ColourDepth;

/// What views draw with on the terminal's own ground: in the colours of dark and light grounds, and the contrast that
/// each is to have.
const INKS: [(Color, [u8; 3], [u8; 3], f64); 8] = [
    (RULE, [0x55, 0x5b, 0x66], [0xa8, 0xac, 0xb4], ground::RULE),
    (MUTED, [0xa0, 0xa0, 0xa0], [0x58, 0x58, 0x58], ground::TEXT),
    (TRAIN, [0x5f, 0xaf, 0xe6], [0x00, 0x5a, 0x9e], ground::TEXT),
    (ENVELOPE, [0x4b, 0x87, 0xb5], [0x5a, 0x8a, 0xb8], ground::MARK),
    (VALID, [0xf0, 0x9a, 0x46], [0x94, 0x42, 0x00], ground::TEXT),
    (WARNING, [0xe0, 0xb0, 0x30], [0x74, 0x52, 0x00], ground::TEXT),
    (BAD, [0xff, 0x7b, 0x72], [0xb0, 0x1c, 0x1c], ground::TEXT),
    (GOOD, [0x4c, 0xb8, 0x6a], [0x1a, 0x68, 0x34], ground::TEXT),
];

/// The same in the sixteen colours of consoles, on dark and on light. Their dark grey is no text on either ground:
/// what is secondary has the ordinary colour.
const OF_16: [(Color, Color, Color); 8] = [
    (RULE, Color::DarkGray, Color::Gray),
    (MUTED, Color::Gray, Color::Reset),
    (TRAIN, Color::Cyan, Color::Blue),
    (ENVELOPE, Color::LightBlue, Color::DarkGray),
    (VALID, Color::LightMagenta, Color::Magenta),
    (WARNING, Color::LightYellow, Color::Magenta),
    (BAD, Color::LightRed, Color::Red),
    (GOOD, Color::LightGreen, Color::Reset),
];

/// Levels as marks in the sixteen, from low to high.
const LEVELS_OF_16: [[Color; 6]; 2] = [
    [Color::LightBlue, Color::Magenta, Color::Cyan, Color::Green, Color::LightYellow, Color::White],
    [Color::Black, Color::Blue, Color::Blue, Color::Magenta, Color::Magenta, Color::Red],
];

/// From the colours of views to those on the ground.
#[derive(Debug, Clone)]
pub(crate) struct Inks(HashMap<Color, Color>);

impl Inks {
    /// The inks of a ground.
    pub(crate) fn new(depth: ColourDepth, ground: Ground) -> Self {
        let mut table = HashMap::new();
        match depth {
            ColourDepth::None => {}
            ColourDepth::Sixteen => fill_with_16(&mut table, ground.theme),
            ColourDepth::TwoFiftySix => {
                fill(&mut table, ground, |colour, least| nearest_of_256(colour, least, ground));
            }
            ColourDepth::True => {
                fill(&mut table, ground, |colour, least| rgb(ground.readable(colour, least)));
            }
        }
        if depth != ColourDepth::None {
            table.insert(ON_FACE, on_face(depth, ground.theme));
        }
        Self(table)
    }

    /// What a colour of views is on the ground; `None`: it is none of theirs.
    pub(crate) fn of(&self, colour: Color) -> Option<Color> {
        self.0.get(&colour).copied()
    }
}

fn fill(table: &mut HashMap<Color, Color>, ground: Ground, of: impl Fn([u8; 3], f64) -> Color) {
    for (colour, dark, light, least) in INKS {
        let wanted = if ground.theme == Theme::Dark { dark } else { light };
        table.insert(colour, of(wanted, least));
    }
    for mark in palette::marks() {
        let wanted = match mark.light {
            Some(light) => {
                ground::with_luminance(mark.hue, lit_luminance(ground, mark.level, light))
            }
            None => mark.hue,
        };
        table.entry(mark.colour).or_insert_with(|| of(wanted, ground::MARK));
    }
}

/// How bright a face of a surface is: higher and better lit ones are brighter, and all stand out from the ground.
fn lit_luminance(ground: Ground, level: usize, light: usize) -> f64 {
    let range = ground.luminances();
    let (low, high) = match ground.theme {
        Theme::Dark => (range.start() * 1.05, 0.85),
        Theme::Light => (0.02, range.end() * 0.95),
    };
    let height = level as f64 / (LEVELS - 1) as f64;
    let light = light as f64 / (palette::LIGHTS - 1) as f64;
    // Hues are strongest where they are dark: the shade of what lies low is left to them.
    low * (high / low).powf(0.7 * height + 0.3 * light)
}

fn fill_with_16(table: &mut HashMap<Color, Color>, theme: Theme) {
    let is_dark = theme == Theme::Dark;
    for (colour, dark, light) in OF_16 {
        table.insert(colour, if is_dark { dark } else { light });
    }
    let levels = LEVELS_OF_16[usize::from(!is_dark)];
    for mark in palette::marks() {
        table.entry(mark.colour).or_insert(levels[mark.level * levels.len() / LEVELS]);
    }
}

/// What is read on faces: they stand out from the ground, and so from what is beyond it.
fn on_face(depth: ColourDepth, theme: Theme) -> Color {
    match (depth, theme) {
        (ColourDepth::True, Theme::Dark) => Color::Rgb(0, 0, 0),
        (ColourDepth::True, Theme::Light) => Color::Rgb(255, 255, 255),
        (ColourDepth::TwoFiftySix, Theme::Dark) => Color::Indexed(16),
        (ColourDepth::TwoFiftySix, Theme::Light) => Color::Indexed(231),
        (_, Theme::Dark) => Color::Black,
        (_, Theme::Light) => Color::White,
    }
}

fn rgb([r, g, b]: [u8; 3]) -> Color {
    Color::Rgb(r, g, b)
}

/// The nearest of the cube and the greys of xterm that is read on the ground.
fn nearest_of_256(wanted: [u8; 3], least: f64, ground: Ground) -> Color {
    let readable = (16..=255).filter(|&index| ground.contrast(palette::of_256(index)) >= least);
    let distance = |&index: &u8| palette::distance(palette::of_256(index), wanted);
    readable.min_by_key(distance).map_or(Color::Reset, Color::Indexed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sixteen as a VGA console shows them.
    const VGA: [[u8; 3]; 16] = [
        [0, 0, 0],
        [170, 0, 0],
        [0, 170, 0],
        [170, 85, 0],
        [0, 0, 170],
        [170, 0, 170],
        [0, 170, 170],
        [170, 170, 170],
        [85, 85, 85],
        [255, 85, 85],
        [85, 255, 85],
        [255, 255, 85],
        [85, 85, 255],
        [255, 85, 255],
        [85, 255, 255],
        [255, 255, 255],
    ];

    /// Grounds that people have: black, VS Code, One Dark, Solarized, Gruvbox, Nord; white, Solarized, One Light, Latte.
    const DARK: [[u8; 3]; 6] =
        [[0; 3], [0x1e; 3], [0x28, 0x2c, 0x34], [0, 0x2b, 0x36], [0x28; 3], [0x2e, 0x34, 0x40]];
    const LIGHT: [[u8; 3]; 4] = [[255; 3], [0xfd, 0xf6, 0xe3], [0xfa; 3], [0xef, 0xf1, 0xf5]];

    fn shown(colour: Color, sixteen: &[[u8; 3]; 16], theme: Theme) -> [u8; 3] {
        match colour {
            Color::Rgb(r, g, b) => [r, g, b],
            Color::Indexed(index) => palette::of_256(index),
            Color::Reset if theme == Theme::Dark => sixteen[7],
            Color::Reset => sixteen[0],
            named => sixteen[crate::frame_text::NAMED.iter().position(|it| *it == named).unwrap()],
        }
    }

    fn assert_readable(depth: ColourDepth, ground: Ground, seen_on: [u8; 3]) {
        let inks = Inks::new(depth, ground);
        let least =
            |colour| INKS.iter().find(|ink| ink.0 == colour).map_or(ground::MARK, |ink| ink.3);
        for (&colour, &ink) in inks.0.iter().filter(|(colour, _)| **colour != ON_FACE) {
            for sixteen in [&palette::XTERM_16, &VGA] {
                let contrast = ground::contrast(shown(ink, sixteen, ground.theme), seen_on);
                assert!(
                    contrast >= least(colour),
                    "{colour:?} as {ink:?} on {seen_on:?}, {depth:?}: {contrast}"
                );
            }
        }
        assert!(inks.0.len() > 4 * LEVELS * 3);
    }

    #[test]
    fn every_ink_is_read_on_every_ground_in_every_depth() {
        for depth in [ColourDepth::True, ColourDepth::TwoFiftySix] {
            for (theme, grounds) in [(Theme::Dark, &DARK[..]), (Theme::Light, &LIGHT[..])] {
                for &ground in grounds {
                    assert_readable(depth, Ground::assumed(theme), ground);
                    assert_readable(depth, Ground::told(ground), ground);
                    assert_eq!(Ground::told(ground).theme, theme);
                }
            }
        }
        assert_readable(ColourDepth::Sixteen, Ground::assumed(Theme::Dark), [0; 3]);
        assert_readable(ColourDepth::Sixteen, Ground::assumed(Theme::Light), [255; 3]);
    }

    #[test]
    fn a_ground_of_its_own_colour_is_read_on_as_well() {
        for ground in
            [[0x30, 0x0a, 0x24], [0, 0, 128], [90, 90, 90], [200, 200, 120], [255, 255, 0]]
        {
            for depth in [ColourDepth::True, ColourDepth::TwoFiftySix] {
                assert_readable(depth, Ground::told(ground), ground);
            }
        }
    }

    #[test]
    fn on_the_dark_the_constants_are_their_own_inks() {
        let inks = Inks::new(ColourDepth::True, Ground::assumed(Theme::Dark));
        for (colour, ..) in INKS {
            assert_eq!(inks.of(colour), Some(colour));
        }
    }

    #[test]
    fn what_lies_on_a_face_is_read_on_every_face_in_every_depth() {
        // Fewer colours are too few for faces.
        let depths = [ColourDepth::True, ColourDepth::TwoFiftySix];
        for (depth, theme) in
            depths.into_iter().flat_map(|it| [(it, Theme::Dark), (it, Theme::Light)])
        {
            let inks = Inks::new(depth, Ground::assumed(theme));
            let seen = |colour| shown(inks.of(colour).unwrap(), &palette::XTERM_16, theme);
            let faces = (0..LEVELS).flat_map(|level| {
                (0..palette::LIGHTS).map(move |light| palette::lit(level, light))
            });
            for face in faces {
                let contrast = ground::contrast(seen(ON_FACE), seen(face));
                assert!(contrast >= ground::MARK, "{face:?} in {depth:?} on {theme:?}: {contrast}");
            }
        }
    }

    #[test]
    fn a_face_in_the_light_is_brighter_than_one_of_its_height_in_the_shade() {
        for theme in [Theme::Dark, Theme::Light] {
            let inks = Inks::new(ColourDepth::True, Ground::assumed(theme));
            for level in 0..LEVELS {
                let seen = |light| {
                    let ink = inks.of(palette::lit(level, light)).unwrap();
                    ground::luminance(shown(ink, &palette::XTERM_16, theme))
                };
                assert!((1..palette::LIGHTS).all(|light| seen(light) > seen(light - 1)), "{level}");
            }
        }
    }
}
