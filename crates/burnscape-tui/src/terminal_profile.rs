//! What a terminal can show, and the one pass that maps a finished frame down to it.

use std::str::FromStr;
use std::sync::LazyLock;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::ground::{Ground, Theme};
use crate::inks::Inks;
use crate::palette::{
    CUBE, ColourMap, LEVELS, ON_FACE, distance, lit_level, measured, rgb, scale_level,
};
use crate::unknown_word::UnknownWord;
use crate::widgets::{dots, half_blocks};

/// How many colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourDepth {
    /// None: heat maps become a ramp of characters.
    None,
    /// The colours that every console has.
    Sixteen,
    /// The colour cube of xterm.
    TwoFiftySix,
    /// 24 bits.
    True,
}

/// Which characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Braille dots, half blocks, any letter.
    Braille,
    /// Half blocks and shades, for consoles whose font has no braille.
    Block,
    /// The 95 printable characters of ASCII.
    Ascii,
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalProfile {
    /// How many colours.
    pub colours: ColourDepth,
    /// Which characters.
    pub glyphs: Glyphs,
}

impl FromStr for ColourDepth {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "never" => Ok(Self::None),
            "16" => Ok(Self::Sixteen),
            "256" => Ok(Self::TwoFiftySix),
            "true" => Ok(Self::True),
            _ => Err(UnknownWord { found: word.to_owned(), expected: "never, 16, 256, true" }),
        }
    }
}

impl Glyphs {
    /// The next set, from many characters to few, then from the beginning.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Braille => Self::Block,
            Self::Block => Self::Ascii,
            Self::Ascii => Self::Braille,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Braille => "braille",
            Self::Block => "block",
            Self::Ascii => "ascii",
        }
    }
}

impl FromStr for Glyphs {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "braille" => Ok(Self::Braille),
            "block" => Ok(Self::Block),
            "ascii" => Ok(Self::Ascii),
            _ => Err(UnknownWord { found: word.to_owned(), expected: "braille, block, ascii" }),
        }
    }
}

impl TerminalProfile {
    /// True colour and braille: frames stay as they were drawn.
    pub const FULL: Self = Self { colours: ColourDepth::True, glyphs: Glyphs::Braille };
    /// No colour, all glyphs: text for a file or a pipe.
    pub const PLAIN: Self = Self { colours: ColourDepth::None, glyphs: Glyphs::Braille };

    /// The profile that this process's environment tells; no colour where output is no terminal.
    #[must_use]
    pub fn detect(is_terminal: bool) -> Self {
        let detected = Self::from_environment(|name| std::env::var(name).ok());
        if is_terminal { detected } else { Self { colours: ColourDepth::None, ..detected } }
    }

    /// The profile that environment variables tell: `NO_COLOR`, `COLORTERM`, `TERM`, and the
    /// locale in `LC_ALL`, `LC_CTYPE`, `LANG`. No locale at all counts as UTF-8, as containers
    /// have none and their terminals read it.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let colours = match set("NO_COLOR") {
            Some(_) => ColourDepth::None,
            None => depth(set),
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        Self { colours, glyphs: glyphs(&term, locale.as_deref()) }
    }

    /// Maps a finished frame down to what the terminal can show on a dark ground.
    pub fn adapt(&self, frame: &mut Buffer) {
        self.adapt_with(&DARK[self.colours as usize], frame);
    }

    /// Maps a finished frame down to what the terminal can show, with the inks of its ground.
    pub(crate) fn adapt_with(&self, inks: &Inks, frame: &mut Buffer) {
        for cell in &mut frame.content {
            if matches!(self.colours, ColourDepth::None | ColourDepth::Sixteen) {
                leave_out_faces(cell);
            }
            self.adapt_glyph(cell);
            self.adapt_colours(inks, cell);
        }
    }

    fn adapt_glyph(&self, cell: &mut Cell) {
        let symbol = match self.glyphs {
            Glyphs::Braille if self.colours == ColourDepth::None => strong_symbol(cell),
            Glyphs::Braille => None,
            // Contour lines of one character a cell would leave nothing of a ramp of characters.
            _ if self.colours == ColourDepth::None && is_contour(cell) => Some(" "),
            Glyphs::Block => block_symbol(cell),
            Glyphs::Ascii => ascii_symbol(cell),
        };
        if let Some(symbol) = symbol {
            cell.set_symbol(symbol);
        }
    }

    fn adapt_colours(&self, inks: &Inks, cell: &mut Cell) {
        let map = match self.colours {
            ColourDepth::True => |colour| colour,
            ColourDepth::TwoFiftySix => nearest_of_256,
            ColourDepth::Sixteen => nearest_of_16,
            ColourDepth::None => {
                ramp(cell);
                without_colour
            }
        };
        let is_line = lies_on_colour(cell) && !["▀", " "].contains(&cell.symbol());
        let is_area = ["▀", "▄"].contains(&cell.symbol());
        // On the ground of the terminal, and on faces, an ink is what is read there; on another colour it is as it was drawn.
        let is_of_faces = |colour: Color| colour == ON_FACE || lit_level(colour).is_some();
        let ink = |colour: Color, is_on_ground: bool| match is_on_ground || is_of_faces(colour) {
            true => inks.of(colour).unwrap_or_else(|| map(colour)),
            false => map(colour),
        };
        let is_on_ground = cell.bg == Color::Reset && !(is_area && scale_level(cell.fg).is_some());
        (cell.fg, cell.bg) = (ink(cell.fg, is_on_ground), ink(cell.bg, false));
        if self.colours == ColourDepth::Sixteen && is_line {
            cell.fg = contrast_of_16(cell.bg);
        }
    }
}

/// The inks of dark grounds, by depth.
static DARK: LazyLock<[Inks; 4]> = LazyLock::new(|| {
    use ColourDepth::*;
    [None, Sixteen, TwoFiftySix, True].map(|depth| Inks::new(depth, Ground::assumed(Theme::Dark)))
});

/// Terminals that show 24 bits and say so by their names alone, over SSH too.
const TRUE_BY_NAME: [&str; 7] =
    ["kitty", "ghostty", "alacritty", "foot", "wezterm", "contour", "direct"];
/// Terminals whose names say less than they can: nobody who sets them has had fewer for twenty years.
const AT_LEAST_256: [&str; 7] = ["xterm", "rxvt", "konsole", "gnome", "vte", "st", "tmux"];

fn depth(set: impl Fn(&str) -> Option<String>) -> ColourDepth {
    let term = set("TERM").unwrap_or_default();
    let is_named = |names: &[&str]| term.split(['-', '.']).any(|part| names.contains(&part));
    let is_true = || matches!(set("COLORTERM").as_deref(), Some("truecolor" | "24bit"));
    match () {
        () if term == "dumb" => ColourDepth::None,
        // GNU screen draws false colours where it is sent 24 bits, and hands on what it was started in.
        () if set("STY").is_some() && term.contains("256") => ColourDepth::TwoFiftySix,
        () if set("STY").is_some() => ColourDepth::Sixteen,
        () if is_true() || is_named(&TRUE_BY_NAME) => ColourDepth::True,
        () if set("TMUX").is_some() || term.contains("256") || is_named(&AT_LEAST_256) => {
            ColourDepth::TwoFiftySix
        }
        () => ColourDepth::Sixteen,
    }
}

fn glyphs(term: &str, locale: Option<&str>) -> Glyphs {
    let is_utf8 = locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    match term {
        "dumb" => Glyphs::Ascii,
        _ if !is_utf8 => Glyphs::Ascii,
        "linux" => Glyphs::Block,
        _ => Glyphs::Braille,
    }
}

/// Characters from nothing to full, for heat maps without colour.
const RAMP: &[u8; 10] = b" .:-=+*#%@";

/// The same for what was filled in: letters, from light to dense, of which none is in [`RAMP`] or
/// stands for a mark.
const INTERPOLATED_RAMP: &[u8; 10] = b"',;rczunwm";

/// A heat map's cell becomes a character as dense as its level; lines drawn on it stay.
fn ramp(cell: &mut Cell) {
    let is_interpolated = is_interpolated(cell);
    let levels = match cell.symbol() {
        _ if is_interpolated => [scale_level(cell.bg), None],
        "▀" | "▄" | "\"" | "_" => [scale_level(cell.fg), scale_level(cell.bg)],
        " " => [scale_level(cell.bg), None],
        _ => return,
    };
    let known: Vec<usize> = levels.into_iter().flatten().collect();
    if !known.is_empty() {
        let mean = known.iter().sum::<usize>() / known.len();
        let ramp = if is_interpolated { INTERPOLATED_RAMP } else { RAMP };
        cell.set_char(ramp[mean * ramp.len() / LEVELS] as char);
    }
}

/// A dot on a colour of the heat map, before or after it became a character of ASCII.
fn is_interpolated(cell: &Cell) -> bool {
    [half_blocks::INTERPOLATED_MARK, ","].contains(&cell.symbol()) && lies_on_colour(cell)
}

/// Faces in the light take more colours than there are: their edges are drawn alone.
fn leave_out_faces(cell: &mut Cell) {
    let is_face = |colour| lit_level(colour).is_some();
    if is_face(cell.fg) && ["▀", "▄"].contains(&cell.symbol()) {
        cell.set_symbol(" ").set_fg(Color::Reset);
    }
    if is_face(cell.bg) {
        cell.set_bg(Color::Reset);
        if cell.fg == ON_FACE {
            cell.set_fg(Color::Reset);
        }
    }
}

fn without_colour(_: Color) -> Color {
    Color::Reset
}

/// Levels in the eight colours that every console has as backgrounds, dark to light.
const SCALE_OF_16: [Color; 6] =
    [Color::Blue, Color::Magenta, Color::Cyan, Color::Green, Color::Yellow, Color::Gray];

fn nearest_of_16(colour: Color) -> Color {
    const ANSI: [(Color, [u8; 3]); 8] = [
        (Color::Black, [0, 0, 0]),
        (Color::DarkGray, [128, 128, 128]),
        (Color::LightRed, [230, 60, 60]),
        (Color::LightGreen, [60, 170, 90]),
        (Color::LightYellow, [230, 150, 40]),
        (Color::LightBlue, [64, 160, 220]),
        (Color::Blue, [50, 100, 140]),
        (Color::White, [255, 255, 255]),
    ];
    match (scale_level(colour), rgb(colour)) {
        (Some(level), _) => SCALE_OF_16[level * SCALE_OF_16.len() / LEVELS],
        (None, Some(wanted)) => {
            let nearest = ANSI.into_iter().min_by_key(|(_, ansi)| distance(*ansi, wanted));
            nearest.map_or(Color::Reset, |(colour, _)| colour)
        }
        (None, None) => colour,
    }
}

fn contrast_of_16(background: Color) -> Color {
    match background {
        Color::Blue | Color::Magenta | Color::Black => Color::White,
        _ => Color::Black,
    }
}

/// Levels in the colour cube of xterm, by hand: the nearest ones are grey where viridis turns from
/// purple to blue, and several levels would be one.
const SCALE_OF_256: [u8; LEVELS] =
    [53, 54, 55, 24, 25, 31, 30, 36, 35, 71, 77, 113, 149, 184, 220, 226];

fn nearest_of_256(colour: Color) -> Color {
    if let Some((ColourMap::Viridis, level)) = measured(colour) {
        return Color::Indexed(SCALE_OF_256[level]);
    }
    let Some(wanted) = rgb(colour) else {
        return colour;
    };
    let cube = wanted.map(nearest_step);
    let grey =
        ((wanted.iter().map(|&c| u32::from(c)).sum::<u32>() / 3).saturating_sub(3) / 10).min(23);
    let grey_value = (8 + 10 * grey) as u8;
    let cube_rgb = cube.map(|step| CUBE[step]);
    if distance([grey_value; 3], wanted) < distance(cube_rgb, wanted) {
        Color::Indexed(232 + grey as u8)
    } else {
        Color::Indexed((16 + 36 * cube[0] + 6 * cube[1] + cube[2]) as u8)
    }
}

fn nearest_step(channel: u8) -> usize {
    (0..CUBE.len()).min_by_key(|&step| CUBE[step].abs_diff(channel)).unwrap_or(0)
}

const UPPER_DOTS: u8 = 0x01 | 0x02 | 0x08 | 0x10;
const LOWER_DOTS: u8 = !UPPER_DOTS;

/// A line over a heat map, as opposed to one on an empty ground.
fn lies_on_colour(cell: &Cell) -> bool {
    scale_level(cell.bg).is_some()
}

fn is_contour(cell: &Cell) -> bool {
    let is_line = dots::bits_of(cell.symbol()).is_some() && lies_on_colour(cell);
    is_line && !cell.modifier.contains(Modifier::BOLD)
}

/// Without colour only its glyphs tell the trajectory from the contour lines.
fn strong_symbol(cell: &Cell) -> Option<&'static str> {
    dots::bits_of(cell.symbol())?;
    cell.modifier.contains(Modifier::BOLD).then_some("•")
}

fn block_symbol(cell: &Cell) -> Option<&'static str> {
    let bits = match cell.symbol() {
        "○" => return Some("o"),
        "●" => return Some("@"),
        "◇" => return Some("^"),
        "▾" => return Some("v"),
        symbol => dots::bits_of(symbol)?,
    };
    Some(match (bits & UPPER_DOTS != 0, bits & LOWER_DOTS != 0) {
        _ if lies_on_colour(cell) => overlay_symbol(cell, "•", "·"),
        _ if cell.modifier.contains(Modifier::BOLD) => "•",
        (true, true) => "█",
        (true, false) => "▀",
        (false, true) => "▄",
        (false, false) => " ",
    })
}

fn ascii_symbol(cell: &Cell) -> Option<&'static str> {
    let symbol = cell.symbol();
    if let Some(bits) = dots::bits_of(symbol) {
        return Some(match (bits & UPPER_DOTS != 0, bits & LOWER_DOTS != 0) {
            _ if lies_on_colour(cell) => overlay_symbol(cell, "o", "."),
            _ if cell.modifier.contains(Modifier::BOLD) => "o",
            (true, true) => ":",
            (true, false) => "'",
            (false, true) => ".",
            (false, false) => " ",
        });
    }
    (!symbol.is_ascii()).then(|| ascii_of(symbol))
}

/// Bold is the trajectory, anything else a contour line.
fn overlay_symbol(cell: &Cell, strong: &'static str, faint: &'static str) -> &'static str {
    if cell.modifier.contains(Modifier::BOLD) { strong } else { faint }
}

fn ascii_of(symbol: &str) -> &'static str {
    match symbol {
        "─" | "−" | "–" | "—" => "-",
        "│" | "‖" => "|",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" | "┼" => "+",
        "·" => ".",
        "…" | "±" | "≈" => "~",
        "α" => "a",
        "β" => "b",
        "θ" => "w",
        "Δ" => "d",
        "→" | "▸" => ">",
        "←" => "<",
        "↑" => "^",
        "↓" => "v",
        "≤" => "<",
        "≥" => ">",
        half_blocks::NAN_MARK => "x",
        half_blocks::INFINITY_MARK => "i",
        half_blocks::UNMEASURED_MARK => "?",
        half_blocks::INTERPOLATED_MARK => ",",
        "○" => "S",
        "●" => "E",
        "▾" => "v",
        "▀" => "\"",
        "▄" => "_",
        "█" | "▉" | "▊" | "▋" | "▌" => "#",
        "▍" | "▎" | "▏" => " ",
        "◇" => "^",
        "•" => "o",
        "°" => "d",
        "²" => "2",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;
    use crate::palette::scale;

    fn profile(variables: &[(&str, &str)]) -> (ColourDepth, Glyphs) {
        let profile = TerminalProfile::from_environment(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        (profile.colours, profile.glyphs)
    }

    #[test]
    fn a_path_over_faces_is_read_on_light_grounds_as_on_dark_ones() {
        for theme in [Theme::Dark, Theme::Light] {
            let ground = Ground::assumed(theme);
            let inks = Inks::new(ColourDepth::True, ground);
            for level in 0..LEVELS {
                let mut frame = Buffer::empty(Rect::new(0, 0, 1, 1));
                let cell = &mut frame[(0, 0)];
                cell.set_char('⠶').set_fg(ON_FACE).set_bg(crate::palette::lit(level, 1));
                TerminalProfile::FULL.adapt_with(&inks, &mut frame);
                let cell = &frame[(0, 0)];
                let [ink, face] = [cell.fg, cell.bg].map(|it| rgb(it).expect("a colour"));
                let contrast = crate::ground::contrast(ink, face);
                assert!(contrast >= crate::ground::MARK, "{level} on {theme:?}: {contrast}");
            }
        }
    }

    #[test]
    fn the_environment_tells_what_the_terminal_can() {
        use ColourDepth::*;
        use Glyphs::*;
        let utf8 = ("LANG", "en_US.UTF-8");
        assert_eq!(profile(&[("TERM", "xterm-256color"), utf8]), (TwoFiftySix, Braille));
        assert_eq!(
            profile(&[("TERM", "xterm"), ("COLORTERM", "truecolor"), utf8]),
            (True, Braille)
        );
        assert_eq!(profile(&[("TERM", "linux"), utf8]), (Sixteen, Block));
        assert_eq!(profile(&[("TERM", "dumb"), utf8]), (None, Ascii));
        assert_eq!(profile(&[("TERM", "xterm"), ("NO_COLOR", "1"), utf8]), (None, Braille));
        assert_eq!(profile(&[("TERM", "xterm"), ("NO_COLOR", ""), utf8]), (TwoFiftySix, Braille));
        assert_eq!(profile(&[("TERM", "xterm"), ("LC_ALL", "C"), utf8]), (TwoFiftySix, Ascii));
        assert_eq!(profile(&[("TERM", "xterm")]), (TwoFiftySix, Braille));
    }

    #[test]
    fn terminals_are_known_by_their_names_also_where_nothing_else_is_handed_on() {
        use ColourDepth::*;
        let depth = |variables: &[(&str, &str)]| profile(variables).0;
        for term in [
            "xterm-kitty",
            "xterm-ghostty",
            "alacritty",
            "foot",
            "foot-extra",
            "wezterm",
            "xterm-direct",
        ] {
            assert_eq!(depth(&[("TERM", term)]), True, "{term}");
        }
        for term in [
            "xterm",
            "xterm-256color",
            "rxvt-unicode",
            "tmux-256color",
            "st-256color",
            "screen-256color",
        ] {
            assert_eq!(depth(&[("TERM", term)]), TwoFiftySix, "{term}");
        }
        for term in ["vt100", "linux", "screen", "ansi", "footloose"] {
            assert_eq!(depth(&[("TERM", term)]), Sixteen, "{term}");
        }
        assert_eq!(depth(&[("TERM", "screen"), ("TMUX", "/tmp/tmux-1/default,1,0")]), TwoFiftySix);
    }

    #[test]
    fn gnu_screen_is_never_sent_24_bits() {
        for term in
            ["screen", "screen-256color", "screen.xterm-256color", "xterm-kitty", "xterm-direct"]
        {
            let variables = [("TERM", term), ("STY", "42.tty"), ("COLORTERM", "truecolor")];
            assert_ne!(profile(&variables).0, ColourDepth::True, "{term}");
        }
    }

    fn adapted(profile: TerminalProfile, cell: Cell) -> Cell {
        let mut frame = Buffer::filled(Rect::new(0, 0, 1, 1), cell);
        profile.adapt(&mut frame);
        frame[(0, 0)].clone()
    }

    #[test]
    fn without_colour_a_heat_map_is_a_ramp() {
        let ramp: String = (0..LEVELS)
            .map(|level| {
                let mut cell = Cell::new("▀");
                cell.set_fg(scale(level)).set_bg(scale(level));
                let adapted = adapted(TerminalProfile::PLAIN, cell);
                assert_eq!((adapted.fg, adapted.bg), (Color::Reset, Color::Reset));
                adapted.symbol().to_owned()
            })
            .collect();
        assert_eq!(ramp, "  ..:--=++**#%%@");
    }

    #[test]
    fn the_256_colours_keep_the_levels_apart() {
        let mapped = (0..LEVELS).map(|level| nearest_of_256(scale(level)));
        let distinct: std::collections::HashSet<Color> = mapped.collect();
        assert_eq!(distinct.len(), LEVELS);
        assert_eq!(nearest_of_256(Color::Rgb(128, 128, 128)), Color::Indexed(244));
    }

    #[test]
    fn sixteen_colours_use_only_the_eight_backgrounds_of_a_console() {
        for level in 0..LEVELS {
            let mut cell = Cell::new("▀");
            cell.set_fg(scale(level)).set_bg(scale(LEVELS - 1 - level));
            let sixteen = TerminalProfile { colours: ColourDepth::Sixteen, glyphs: Glyphs::Block };
            assert!(SCALE_OF_16.contains(&adapted(sixteen, cell).bg));
        }
    }

    #[test]
    fn ascii_leaves_nothing_else() {
        let ascii = TerminalProfile { colours: ColourDepth::None, glyphs: Glyphs::Ascii };
        for symbol in ["⠁", "⣿", "○", "é", "重", "░", "▀", "×"] {
            assert!(adapted(ascii, Cell::new(symbol)).symbol().is_ascii(), "{symbol}");
        }
    }

    #[test]
    fn words_are_parsed_and_others_named() {
        assert_eq!("256".parse(), Ok(ColourDepth::TwoFiftySix));
        assert_eq!("block".parse(), Ok(Glyphs::Block));
        let error = "blue".parse::<ColourDepth>().unwrap_err();
        assert_eq!(error.to_string(), "`blue` is none of never, 16, 256, true");
    }
}
