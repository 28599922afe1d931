//! Colours: one quantised scale for heat maps, and the few colours of text and lines.
//!
//! Views draw in viridis and these true colours only. [`ColourMap`] gives the finished frame another
//! map; [`TerminalProfile`](crate::TerminalProfile) maps it down to what the terminal can show, which it
//! recognises by [`scale_level`].

use std::collections::HashMap;
use std::sync::LazyLock;

use ratatui::buffer::Buffer;
use ratatui::style::Color;

use crate::ground;

/// Levels of the heat scale. Few, because each change of colour costs about 20 bytes on the wire.
pub const LEVELS: usize = 16;

/// Lights in which a face of a surface may stand, from the shade to the full light.
pub const LIGHTS: usize = 5;

/// Secondary text, axes, rules.
pub const MUTED: Color = Color::Rgb(0xa0, 0xa0, 0xa0);
/// Training curves.
pub const TRAIN: Color = Color::Rgb(0x5f, 0xaf, 0xe6);
/// The min–max envelope behind a training curve.
pub const ENVELOPE: Color = Color::Rgb(0x4b, 0x87, 0xb5);
/// Validation curves.
pub const VALID: Color = Color::Rgb(0xf0, 0x9a, 0x46);
/// Warnings.
pub const WARNING: Color = Color::Rgb(0xe0, 0xb0, 0x30);
/// Non-finite values, damage.
pub const BAD: Color = Color::Rgb(0xff, 0x7b, 0x72);
/// A run that is going on, a check that holds.
pub const GOOD: Color = Color::Rgb(0x4c, 0xb8, 0x6a);
/// Borders and guides: they tell nothing that a reader would miss.
pub const RULE: Color = Color::Rgb(0x55, 0x5b, 0x66);
/// A line or mark on a face of a surface in the light: faces are bright on dark grounds, and dark on light ones.
pub const ON_FACE: Color = Color::Rgb(0x01, 0x01, 0x02);
/// What hatches a darkened colour.
pub const HATCH: Color = Color::Rgb(0xd8, 0xd8, 0xd8);

/// A map from levels to colours, readable by the colour-blind: its lightness grows with the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ColourMap {
    /// Purple over green to yellow.
    #[default]
    Viridis,
    /// Blue over grey to yellow; the same to those who see no red or no green.
    Cividis,
    /// Black over purple and orange to a light yellow.
    Inferno,
    /// Black to white.
    Grey,
}

impl ColourMap {
    /// All maps, in the order in which the key `c` walks through them.
    pub const ALL: [Self; 4] = [Self::Viridis, Self::Cividis, Self::Inferno, Self::Grey];

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "viridis",
            Self::Cividis => "cividis",
            Self::Inferno => "inferno",
            Self::Grey => "grey",
        }
    }

    /// The colour of a level; levels above the last one are the last one.
    #[must_use]
    pub fn colour(self, level: usize) -> Color {
        self.shades().scale[level.min(LEVELS - 1)]
    }

    /// Gives a finished frame, drawn in viridis, the colours of this map.
    pub fn recolour(self, frame: &mut Buffer) {
        if self == Self::Viridis {
            return;
        }
        for cell in &mut frame.content {
            (cell.fg, cell.bg) = (self.of(cell.fg), self.of(cell.bg));
        }
    }

    /// What stands in this map for a colour of viridis; other colours stay.
    pub(crate) fn of(self, colour: Color) -> Color {
        match known(colour) {
            Some(Known { map: Self::Viridis, shade, level }) => self.shades().table(shade)[level],
            _ => colour,
        }
    }

    fn shades(self) -> &'static Shades {
        &SHADES[self as usize]
    }

    fn eval(self, level: usize) -> Color {
        let gradient = match self {
            Self::Viridis => colorous::VIRIDIS,
            Self::Cividis => colorous::CIVIDIS,
            Self::Inferno => colorous::INFERNO,
            Self::Grey => return grey(level),
        };
        let colour = gradient.eval_rational(level, LEVELS);
        Color::Rgb(colour.r, colour.g, colour.b)
    }
}

/// A tone bluer than grey by one step of 255, so that it is told from the greys of text.
fn grey(level: usize) -> Color {
    let lightness = (16 * level + 8) as u8;
    Color::Rgb(lightness, lightness, lightness + 1)
}

/// What a colour of a map is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shade {
    Scale,
    Preview,
    Faint,
    /// In one of the [`LIGHTS`].
    Lit(usize),
}

impl Shade {
    /// Those of which colours are recognised; of colours that two of them share, the first one's.
    fn all() -> impl Iterator<Item = Self> {
        [Self::Scale, Self::Preview, Self::Faint].into_iter().chain((0..LIGHTS).map(Self::Lit))
    }
}

/// A colour of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    map: ColourMap,
    shade: Shade,
    level: usize,
}

/// The colours of a map by level.
#[derive(Debug)]
struct Shades {
    scale: [Color; LEVELS],
    preview: [Color; LEVELS],
    faint: [Color; LEVELS],
    lit: [[Color; LEVELS]; LIGHTS],
}

impl Shades {
    fn of(map: ColourMap) -> Self {
        let scale: [Color; LEVELS] = std::array::from_fn(|level| map.eval(level));
        let preview = std::array::from_fn(|level| mix(scale[level], BLACK, 0.55));
        let faint = std::array::from_fn(|level| outlined(scale[level], ink(level)));
        let lit = std::array::from_fn(|light| {
            std::array::from_fn(|level| lit_as_drawn(scale[level], level, light))
        });
        Self { scale, preview, faint, lit }
    }

    fn table(&self, shade: Shade) -> &[Color; LEVELS] {
        match shade {
            Shade::Scale => &self.scale,
            Shade::Preview => &self.preview,
            Shade::Faint => &self.faint,
            Shade::Lit(light) => &self.lit[light],
        }
    }
}

/// As little of the ink as stands out.
fn outlined(colour: Color, ink: Color) -> Color {
    let shares = (45..=100).step_by(5).map(|percent| mix(colour, ink, f64::from(percent) / 100.0));
    let mut outlined = shares.filter(|it| {
        rgb(*it).zip(rgb(colour)).is_some_and(|(a, b)| ground::contrast(a, b) >= ground::MARK)
    });
    outlined.next().unwrap_or(ink)
}

/// A face as it is drawn before the terminal's ground is known: told from all others, and right on the dark.
fn lit_as_drawn(colour: Color, level: usize, light: usize) -> Color {
    let brightness =
        0.2 * (4.0_f64).powf((level + light * 4) as f64 / (LEVELS + 4 * LIGHTS) as f64);
    let [r, g, b] = rgb(colour).map_or([0; 3], |it| ground::with_luminance(it, brightness));
    Color::Rgb(r, g, b)
}

/// A colour of a map that marks something on the terminal's own ground.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapMark {
    /// As views draw it.
    pub(crate) colour: Color,
    /// The colour of the map at its level.
    pub(crate) hue: [u8; 3],
    pub(crate) level: usize,
    /// `None`: it is no face of a surface.
    pub(crate) light: Option<usize>,
}

/// The colours of all maps that may mark something.
pub(crate) fn marks() -> impl Iterator<Item = MapMark> {
    KNOWN.iter().map(|(&colour, known)| {
        let (light, hue) = match known.shade {
            Shade::Lit(light) => (Some(light), known.map.colour(known.level)),
            _ => (None, colour),
        };
        MapMark { colour, hue: rgb(hue).unwrap_or_default(), level: known.level, light }
    })
}

static SHADES: LazyLock<[Shades; 4]> = LazyLock::new(|| ColourMap::ALL.map(Shades::of));

/// The colours of all maps; of colours that two of them share, the first one's, and the scale's before others.
static KNOWN: LazyLock<HashMap<Color, Known>> = LazyLock::new(|| {
    let mut known = HashMap::new();
    for shade in Shade::all() {
        for map in ColourMap::ALL {
            for (level, &colour) in map.shades().table(shade).iter().enumerate() {
                known.entry(colour).or_insert(Known { map, shade, level });
            }
        }
    }
    known
});

const BLACK: Color = Color::Rgb(0, 0, 0);
const WHITE: Color = Color::Rgb(255, 255, 255);

fn known(colour: Color) -> Option<Known> {
    KNOWN.get(&colour).copied()
}

/// The colour of a level as views draw it, in viridis; levels above the last one are the last one.
#[must_use]
pub fn scale(level: usize) -> Color {
    ColourMap::Viridis.colour(level)
}

/// The darkened colour of a level: the value belongs to a neighbour.
#[must_use]
pub fn preview(level: usize) -> Color {
    ColourMap::Viridis.shades().preview[level.min(LEVELS - 1)]
}

/// The level of a colour made by [`scale`] or [`preview`], in any map.
#[must_use]
pub fn scale_level(colour: Color) -> Option<usize> {
    let is_level = |known: &Known| matches!(known.shade, Shade::Scale | Shade::Preview);
    known(colour).filter(is_level).map(|known| known.level)
}

/// The level of a colour made by [`scale`], in any map; not by [`preview`].
#[must_use]
pub fn measured_level(colour: Color) -> Option<usize> {
    measured(colour).map(|(_, level)| level)
}

/// The map and the level of a colour made by [`scale`].
pub(crate) fn measured(colour: Color) -> Option<(ColourMap, usize)> {
    known(colour).filter(|known| known.shade == Shade::Scale).map(|known| (known.map, known.level))
}

/// The level of a share of the scale: 0 is the lowest, 1 the highest.
#[must_use]
pub fn level_of_share(share: f64) -> usize {
    ((share.clamp(0.0, 1.0) * LEVELS as f64) as usize).min(LEVELS - 1)
}

/// Black or white, whichever is read better on a level.
#[must_use]
pub fn ink(level: usize) -> Color {
    if level < LEVELS * 9 / 16 { WHITE } else { BLACK }
}

/// The colour of a face of a surface: its level, in one of the [`LIGHTS`]; beyond the last one, in the last one.
#[must_use]
pub fn lit(level: usize, light: usize) -> Color {
    ColourMap::Viridis.shades().lit[light.min(LIGHTS - 1)][level.min(LEVELS - 1)]
}

/// The level and the light of a colour made by [`lit`], in any map.
#[must_use]
pub fn lit_level(colour: Color) -> Option<(usize, usize)> {
    known(colour).and_then(|known| match known.shade {
        Shade::Lit(light) => Some((known.level, light)),
        _ => None,
    })
}

/// A shade of the level itself that stands out a little.
#[must_use]
pub fn faint_ink(level: usize) -> Color {
    ColourMap::Viridis.shades().faint[level.min(LEVELS - 1)]
}

/// Red, green and blue of a colour made of them.
pub(crate) fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        _ => None,
    }
}

/// The first sixteen as xterm shows them.
pub(crate) const XTERM_16: [[u8; 3]; 16] = [
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
pub(crate) fn of_256(index: u8) -> [u8; 3] {
    let step = |n: u8| CUBE[usize::from(n % 6)];
    match index.checked_sub(16) {
        None => XTERM_16[usize::from(index)],
        Some(cube @ 0..216) => [step(cube / 36), step(cube / 6), step(cube)],
        Some(grey) => [8 + 10 * (grey - 216); 3],
    }
}

/// Channels of the cube of xterm.
pub(crate) const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// How far two colours are apart.
pub(crate) fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter().zip(b).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
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

    fn lightness(colour: Color) -> f64 {
        let [r, g, b] = rgb(colour).unwrap().map(|c| (f64::from(c) / 255.0).powf(2.2));
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn in_every_map_more_is_lighter_and_every_level_is_told_from_all_others() {
        let mut seen = std::collections::HashSet::new();
        for map in ColourMap::ALL {
            for level in 0..LEVELS {
                let colour = map.colour(level);
                assert!(level == 0 || lightness(colour) > lightness(map.colour(level - 1)));
                assert!(seen.insert(colour), "{} {level}", map.name());
                assert_eq!(measured(colour), Some((map, level)));
            }
        }
        for text in [MUTED, TRAIN, ENVELOPE, VALID, WARNING, BAD, GOOD] {
            assert_eq!(known(text), None);
        }
    }

    #[test]
    fn ink_is_read_on_every_level_of_every_map() {
        for map in ColourMap::ALL {
            for level in 0..LEVELS {
                let (a, b) = (lightness(map.colour(level)), lightness(ink(level)));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                // WCAG asks 3 of graphics.
                assert!(contrast >= 3.0, "{} {level}: {contrast}", map.name());
            }
        }
    }

    #[test]
    fn a_frame_is_given_another_map_and_text_stays() {
        let mut frame = Buffer::with_lines(["ab"]);
        frame[(0, 0)].set_fg(preview(3)).set_bg(scale(9));
        frame[(1, 0)].set_fg(MUTED).set_bg(faint_ink(4));
        ColourMap::Cividis.recolour(&mut frame);
        assert_eq!(frame[(0, 0)].bg, ColourMap::Cividis.colour(9));
        assert_eq!(scale_level(frame[(0, 0)].fg), Some(3));
        assert_eq!(frame[(1, 0)].fg, MUTED);
        assert_ne!(frame[(1, 0)].bg, faint_ink(4));
        let walk = (0..4).scan(ColourMap::default(), |map, _| {
            *map = map.next();
            Some(*map)
        });
        assert_eq!(walk.last(), Some(ColourMap::Viridis));
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
