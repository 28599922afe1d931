//! The ground that a terminal draws on: dark or light, and what can be read on it.

use std::str::FromStr;

use crate::unknown_word::UnknownWord;

/// Contrast of text with its ground, at least (WCAG 2.1, 1.4.3).
pub(crate) const TEXT: f64 = 4.5;
/// Contrast of marks and areas with what is beside them, at least (WCAG 2.1, 1.4.11).
pub(crate) const MARK: f64 = 3.0;

/// Of borders and guides, which tell nothing: seen and not in the way.
pub(crate) const RULE: f64 = 1.2;

/// The lightest of the dark grounds that are in use, and the darkest of the light ones: what can be read on these
/// can be read on the others. (Lighter than those of Solarized, Gruvbox, One Dark and Nord's; darker than those of
/// Solarized, One Light, Latte.)
const LIGHTEST_DARK: [u8; 3] = [0x30, 0x34, 0x40];
const DARKEST_LIGHT: [u8; 3] = [0xee, 0xe8, 0xd5];

/// Whether a terminal draws light on dark, or dark on light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
}

impl FromStr for Theme {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "dark" => Ok(Self::Dark),
            "light" => Ok(Self::Light),
            _ => Err(UnknownWord { found: word.to_owned(), expected: "dark, light" }),
        }
    }
}

impl Theme {
    /// The theme that `COLORFGBG` tells: the numbers of two of the sixteen colours, the last one that of the ground.
    /// rxvt and Konsole set it; vim reads it the same way.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let ground = variable("COLORFGBG")?.rsplit(';').next()?.parse::<u8>().ok()?;
        match ground {
            0..=6 | 8 => Some(Self::Dark),
            7 | 9..=15 => Some(Self::Light),
            _ => None,
        }
    }
}

/// What is known of the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ground {
    pub(crate) theme: Theme,
    rgb: [u8; 3],
}

impl Ground {
    /// A ground of which only this is known: what is read on the worst of its kind is read on it.
    pub(crate) fn assumed(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self { theme, rgb: LIGHTEST_DARK },
            Theme::Light => Self { theme, rgb: DARKEST_LIGHT },
        }
    }

    /// A ground whose colour the terminal told.
    pub(crate) fn told(rgb: [u8; 3]) -> Self {
        let theme = if contrast(rgb, [255; 3]) >= contrast(rgb, [0; 3]) {
            Theme::Dark
        } else {
            Theme::Light
        };
        Self { theme, rgb }
    }

    /// Its colour, as told or assumed.
    pub(crate) fn rgb(&self) -> [u8; 3] {
        self.rgb
    }

    /// Contrast of a colour with it, from 1 to 21.
    pub(crate) fn contrast(&self, colour: [u8; 3]) -> f64 {
        contrast(self.rgb, colour)
    }

    /// The colour, or as little beside it as brings the contrast up: lighter on dark, darker on light.
    pub(crate) fn readable(&self, colour: [u8; 3], least: f64) -> [u8; 3] {
        let far = if self.theme == Theme::Dark { 255 } else { 0 };
        let shares = (0..=100).map(|percent| mix(colour, [far; 3], f64::from(percent) / 100.0));
        let mut readable = shares.filter(|it| self.contrast(*it) >= least);
        readable.next().unwrap_or([far; 3])
    }

    /// The relative luminances that marks on it may have.
    pub(crate) fn luminances(&self) -> std::ops::RangeInclusive<f64> {
        let own = luminance(self.rgb) + 0.05;
        match self.theme {
            Theme::Dark => MARK * own - 0.05..=1.0,
            Theme::Light => 0.0..=own / MARK - 0.05,
        }
    }
}

/// Relative luminance of sRGB (WCAG 2.1).
pub(crate) fn luminance(colour: [u8; 3]) -> f64 {
    let [r, g, b] = colour.map(|channel| linear(f64::from(channel) / 255.0));
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Contrast ratio (WCAG 2.1), from 1 to 21.
pub(crate) fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    a.max(b) / a.min(b)
}

/// The colour of the same hue that has a relative luminance: mixed with black or white.
pub(crate) fn with_luminance(colour: [u8; 3], wanted: f64) -> [u8; 3] {
    let own = luminance(colour);
    let (far, share) = match own < wanted {
        true => (1.0, (wanted - own) / (1.0 - own)),
        false => (0.0, 1.0 - wanted / own),
    };
    colour.map(|channel| {
        let light = linear(f64::from(channel) / 255.0);
        (encoded(light + share * (far - light)) * 255.0).round() as u8
    })
}

fn linear(share: f64) -> f64 {
    if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
}

fn encoded(light: f64) -> f64 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

fn mix(from: [u8; 3], to: [u8; 3], share: f64) -> [u8; 3] {
    std::array::from_fn(|i| {
        (f64::from(from[i]) * (1.0 - share) + f64::from(to[i]) * share).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of WCAG's own tools: black on white, and the grey that just passes.
    #[test]
    fn contrasts_are_those_of_wcag() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
        assert!((contrast([0x76; 3], [255; 3]) - 4.54).abs() < 0.01);
        assert!((contrast([255, 0, 0], [255; 3]) - 4.0).abs() < 0.01);
    }

    #[test]
    fn the_environment_tells_the_ground_by_its_last_number() {
        let of = |value: &str| Theme::from_environment(|_| Some(value.to_owned()));
        assert_eq!((of("15;0"), of("0;15")), (Some(Theme::Dark), Some(Theme::Light)));
        assert_eq!((of("0;default;7"), of("12;8")), (Some(Theme::Light), Some(Theme::Dark)));
        assert_eq!((of("default"), of("0;99")), (None, None));
    }

    #[test]
    fn any_colour_becomes_readable_on_any_ground() {
        for ground in (0..=255).step_by(15).map(|grey| [grey, 255 - grey / 2, grey / 3]) {
            let ground = Ground::told(ground);
            for colour in [[0; 3], [255; 3], [128, 10, 200], [9, 200, 90]] {
                let readable = ground.readable(colour, TEXT);
                assert!(ground.contrast(readable) >= TEXT, "{ground:?} {readable:?}");
            }
        }
    }

    #[test]
    fn a_colour_is_given_a_luminance() {
        for colour in [[68, 1, 84], [33, 144, 140], [253, 231, 37]] {
            for wanted in [0.05, 0.2, 0.7] {
                let given = luminance(with_luminance(colour, wanted));
                assert!((given - wanted).abs() < 0.01, "{colour:?} {wanted}: {given}");
            }
        }
    }
}
