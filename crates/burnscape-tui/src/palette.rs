//! Colours: one quantised scale for heat maps, and the few colours of text and lines.
//!
//! Views draw in these true colours only; [`TerminalProfile`](crate::TerminalProfile) maps the
//! finished frame down to what the terminal can show, which it recognises by [`scale_level`].

use std::sync::LazyLock;

use ratatui::style::Color;

/// Levels of the heat scale. Few, because each change of colour costs about 20 bytes on the wire.
pub const LEVELS: usize = 16;

/// Secondary text, axes, rules.
pub const MUTED: Color = Color::Rgb(128, 128, 128);
/// Training curves.
pub const TRAIN: Color = Color::Rgb(64, 160, 220);
/// The min–max envelope behind a training curve.
pub const ENVELOPE: Color = Color::Rgb(50, 100, 140);
/// Validation curves.
pub const VALID: Color = Color::Rgb(235, 140, 50);
/// Warnings.
pub const WARNING: Color = Color::Rgb(220, 165, 30);
/// Non-finite values, damage.
pub const BAD: Color = Color::Rgb(225, 60, 55);
/// A run that is going on, a check that holds.
pub const GOOD: Color = Color::Rgb(60, 170, 90);

static SCALE: LazyLock<[Color; LEVELS]> = LazyLock::new(|| {
    std::array::from_fn(|level| {
        let viridis = colorous::VIRIDIS.eval_rational(level, LEVELS);
        Color::Rgb(viridis.r, viridis.g, viridis.b)
    })
});

static PREVIEW: LazyLock<[Color; LEVELS]> =
    LazyLock::new(|| std::array::from_fn(|level| mix(SCALE[level], BLACK, 0.55)));

const BLACK: Color = Color::Rgb(0, 0, 0);
const WHITE: Color = Color::Rgb(255, 255, 255);

/// The viridis colour of a level; levels above the last one are the last one.
#[must_use]
pub fn scale(level: usize) -> Color {
    SCALE[level.min(LEVELS - 1)]
}

/// The darkened colour of a level: the value belongs to a neighbour.
#[must_use]
pub fn preview(level: usize) -> Color {
    PREVIEW[level.min(LEVELS - 1)]
}

/// The level of a colour made by [`scale`] or [`preview`].
#[must_use]
pub fn scale_level(colour: Color) -> Option<usize> {
    let position = |table: &[Color; LEVELS]| table.iter().position(|&entry| entry == colour);
    position(&SCALE).or_else(|| position(&PREVIEW))
}

/// The level of a colour made by [`scale`]; not by [`preview`].
#[must_use]
pub fn measured_level(colour: Color) -> Option<usize> {
    SCALE.iter().position(|&entry| entry == colour)
}

/// The level of a share of the scale: 0 is the lowest, 1 the highest.
#[must_use]
pub fn level_of_share(share: f64) -> usize {
    ((share.clamp(0.0, 1.0) * LEVELS as f64) as usize).min(LEVELS - 1)
}

/// Black or white, whichever is read better on a level.
#[must_use]
pub fn ink(level: usize) -> Color {
    if level < LEVELS * 5 / 8 { WHITE } else { BLACK }
}

/// A shade of the level itself that stands out a little: contour lines lie below the trajectory.
#[must_use]
pub fn faint_ink(level: usize) -> Color {
    mix(scale(level), ink(level), 0.45)
}

/// Red, green and blue of a colour made of them.
pub(crate) fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        _ => None,
    }
}

fn mix(from: Color, to: Color, share_of_to: f64) -> Color {
    let (Some(a), Some(b)) = (rgb(from), rgb(to)) else {
        return from;
    };
    let channel =
        |i: usize| (f64::from(a[i]) * (1.0 - share_of_to) + f64::from(b[i]) * share_of_to) as u8;
    Color::Rgb(channel(0), channel(1), channel(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_recognised_again() {
        for level in 0..LEVELS {
            assert_eq!(scale_level(scale(level)), Some(level));
            assert_eq!(scale_level(preview(level)), Some(level));
        }
        assert_eq!(scale_level(MUTED), None);
    }

    #[test]
    fn the_scale_runs_from_viridis_purple_to_yellow() {
        assert_eq!(scale(0), Color::Rgb(68, 1, 84));
        assert_eq!(scale(LEVELS - 1), Color::Rgb(253, 231, 37));
    }

    #[test]
    fn shares_outside_the_scale_are_clamped() {
        assert_eq!(level_of_share(-3.0), 0);
        assert_eq!(level_of_share(1.0), LEVELS - 1);
        assert_eq!(level_of_share(f64::NAN), 0);
    }
}
