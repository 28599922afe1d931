//! `burnscape watch`: what can be typed, and which of the three ways to show a run is meant.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use burnscape_tui::{
    Choices, ColourDepth, Glyphs, LineFormat, Picture, PictureSize, TerminalProfile, Theme,
    ViewKind, WatchOptions, default_frames_per_sec, follow_lines, terminal_size,
};
use clap::Args;

use crate::config::Config;
use crate::new_file;
use crate::words::{Word, numbered_words, words};

const EXIT_CODES: &str = "\
Exit codes:
  0  shown; also when the terminal hung up, training goes on without it
  2  a path is no run and no folder with one, the only run cannot be read (its format is newer, its
     trace is no trace), the terminal cannot be used, FILE exists (--force replaces it) or cannot be
     written, or the arguments make no sense

A damaged run is shown as far as it is whole, and says that it is damaged; in a list, a run that cannot
be read says why. In a list, arrows select and Enter opens a run; `L` comes back to the list.
Without a terminal and without --once, values are printed as lines until all runs have ended.

Every line of --json has `run` and `kind`: head (run_id, started_unix_secs, device, dtype, blocks,
epochs_planned), hyperparameters (values, by name, each as JSON), step (step, epoch, loss, lr, grad_norm, elapsed_secs), epoch (epoch, steps, train_loss,
valid_loss, weighted_by, elapsed_secs), metric (split, name, epoch, step, value), curvature (step, epoch, largest,
largest_error, trace, lr, stability_limit), alert (level, rule, step, epoch, text, advice), progress
(split, epoch, done, total, eta_secs), snapshot (index, step, epoch, reason, file, bytes), note (level,
text), dropped (records), resume (steps), lost and torn (bytes), error (text), end (reason, steps,
dropped, elapsed_secs). Not recorded is null; NaN and infinities are \"NaN\", \"Infinity\", \"-Infinity\".

What is wanted always stands in ~/.config/burnscape/config.toml, or below XDG_CONFIG_HOME, each where needed:
  theme = \"light\"    color = \"256\"    glyphs = \"block\"    fps = 4    mouse = false
and below a line [keys] what a key is to mean, such as quit = \"x\" with log-steps = \"ctrl-x\"; \"\" is no key. Actions:
  quit help command filter left down up right far-left first last next previous zoom-in zoom-out zoom-all log-steps
  scale further smooth tree mark pause output colours glyphs save list repaint next-slice previous-slice surface rotate
  flatter steeper

NO_COLOR, TERM, COLORTERM, COLORFGBG and the locale are respected; the terminal is asked for its ground, for 24 bits of
colour, and after each part of a frame whether it has drawn it, so that keys are answered soon on slow links too.";

const VIEWS: &[Word] = &[
    ("overview", "loss, learning rate, gradient norm, progress, alerts"),
    ("gradients", "gradient and update norms of every block over steps"),
    ("activations", "what passes the taps in the model"),
    ("landscape", "the loss surface with the path of training on it"),
    ("sharpness", "curvature of the loss over training"),
];

const COLOURS: &[Word] = &[
    ("auto", "what the terminal can, none in a file or pipe"),
    ("never", "none: heat maps become a ramp of characters"),
    ("16", "the colours of every console"),
    ("256", "the colour cube of xterm"),
    ("true", "24 bits"),
];

const THEMES: &[Word] = &[
    ("auto", "the terminal's own ground: it is asked, then COLORFGBG tells, then it is dark"),
    ("dark", "light on dark"),
    ("light", "dark on light"),
];

const GLYPHS: &[Word] = &[
    ("auto", "what the terminal and its locale can"),
    ("braille", "dots of braille, half blocks, any letter"),
    ("block", "half blocks and shades, for fonts without braille"),
    ("ascii", "the 95 printable characters of ASCII"),
];

/// Show runs: in this terminal until `q`, as one frame with --once, or as lines without a terminal.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Watch {
    /// Folders of runs, their trace.cbor, or folders in which runs are looked for, three levels deep;
    /// more than one run is a list to choose from
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Print one frame and leave
    #[arg(long)]
    once: bool,

    /// Print what happens as JSON, an object a line, until all runs have ended
    #[arg(long, conflicts_with = "once")]
    json: bool,

    /// Size of the frame of --once [default: the terminal's, else 80x24]
    #[arg(long, value_name = "WxH", requires = "once")]
    size: Option<Size>,

    /// Write the frame of --once as an SVG picture instead of printing it
    #[arg(long, value_name = "FILE", requires = "once")]
    svg: Option<PathBuf>,

    /// Keys that are typed before the frame of --once, a letter each, such as `m` for the surface in space or `→` for the
    /// arrow
    #[arg(
        long,
        value_name = "LETTERS",
        requires = "once",
        default_value = "",
        hide_default_value = true
    )]
    keys: String,

    /// Replace FILE if it exists
    #[arg(long, requires = "svg")]
    force: bool,

    /// The view to begin with [default: overview; with --once landscape where the run has one, and a list of several
    /// runs, which with a view are shown together: curves, surfaces or measures]
    #[arg(long, value_parser = numbered_words::<ViewKind>(VIEWS))]
    view: Option<ViewKind>,

    /// How many colours to use
    #[arg(long, alias = "colour", default_value = "auto", value_name = "WHEN")]
    #[arg(value_parser = words::<OrAuto<ColourDepth>>(COLOURS))]
    color: OrAuto<ColourDepth>,

    /// Colours for which ground
    #[arg(long, default_value = "auto", value_name = "THEME")]
    #[arg(value_parser = words::<OrAuto<Theme>>(THEMES))]
    theme: OrAuto<Theme>,

    /// Leave the mouse to the terminal, for copying
    #[arg(long)]
    no_mouse: bool,

    /// Which characters to draw with
    #[arg(long, default_value = "auto", value_name = "SET")]
    #[arg(value_parser = words::<OrAuto<Glyphs>>(GLYPHS))]
    glyphs: OrAuto<Glyphs>,

    /// Frames per second at most, from 0.1 to 30 [default: 10, over SSH 4]
    #[arg(long, value_name = "N", value_parser = frames_per_sec)]
    fps: Option<f64>,
}

/// Shows the runs.
pub(crate) fn run(arguments: &Watch) -> anyhow::Result<()> {
    let is_terminal = io::stdout().is_terminal();
    let config = Config::read()?;
    let profile = profile(arguments, &config, is_terminal);
    if arguments.once {
        return print_once(arguments, &config, &profile);
    }
    if arguments.json || !is_terminal || is_dumb() {
        let format = if arguments.json { LineFormat::Json } else { LineFormat::Words };
        return Ok(follow_lines(&arguments.runs, format, &mut io::stdout().lock())?);
    }
    let options = WatchOptions {
        view: arguments.view.unwrap_or_default(),
        profile,
        frames_per_sec: arguments.fps.or(config.fps).unwrap_or_else(default_frames_per_sec),
    };
    let choices = choices(arguments, &config);
    Ok(burnscape_tui::watch_as_chosen(&arguments.runs, options, choices)?)
}

/// What was typed, else what the configuration has.
fn choices(arguments: &Watch, config: &Config) -> Choices {
    let mut choices = Choices::default();
    choices.theme = arguments.theme.chosen().or(config.theme);
    choices.keeps_depth = arguments.color.chosen().or(config.color).is_some();
    choices.without_mouse = arguments.no_mouse || config.mouse == Some(false);
    choices.keys = config.keys;
    choices
}

fn profile(arguments: &Watch, config: &Config, is_terminal: bool) -> TerminalProfile {
    let detected = TerminalProfile::detect(is_terminal);
    // A configuration is for terminals: what goes into a file or a pipe has the colours that were asked for.
    let colours = config.color.filter(|_| is_terminal).unwrap_or(detected.colours);
    TerminalProfile {
        colours: arguments.color.unwrap_or(colours),
        glyphs: arguments.glyphs.unwrap_or(config.glyphs.unwrap_or(detected.glyphs)),
    }
}

/// A terminal that cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "dumb")
}

fn print_once(arguments: &Watch, config: &Config, profile: &TerminalProfile) -> anyhow::Result<()> {
    let default = default_size();
    let size = PictureSize {
        width: arguments.size.map_or(default.width, |size| size.width),
        height: arguments.size.map(|size| size.height),
        default_height: default.height,
    };
    let picture = Picture::after_keys(&arguments.runs, arguments.view, &arguments.keys, size)?;
    let theme = arguments.theme.chosen().or(config.theme);
    match &arguments.svg {
        Some(file) => write_svg(&picture.svg_on(theme.unwrap_or_default()), file, arguments.force),
        None => {
            let found = || Theme::from_environment(|name| std::env::var(name).ok());
            print(&picture.text_on(profile, theme.or_else(found).unwrap_or_default()))
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    io::stdout().write_all(text.as_bytes()).context("could not print it")
}

fn write_svg(picture: &str, file: &Path, force: bool) -> anyhow::Result<()> {
    new_file::write(file, picture.as_bytes(), force)?;
    print(&format!("wrote {}\n", file.display()))
}

/// The terminal's, less the row on which the shell's prompt will stand.
fn default_size() -> Size {
    let (width, height) = terminal_size();
    let prompt = u16::from(io::stdout().is_terminal() && height > 1);
    Size { width, height: height - prompt }
}

/// A value, or what the terminal is found to be capable of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum OrAuto<T> {
    Auto,
    Is(T),
}

impl<T: FromStr> FromStr for OrAuto<T> {
    type Err = T::Err;

    fn from_str(word: &str) -> Result<Self, T::Err> {
        if word == "auto" { Ok(Self::Auto) } else { word.parse().map(Self::Is) }
    }
}

impl<T: Copy> OrAuto<T> {
    fn unwrap_or(self, detected: T) -> T {
        self.chosen().unwrap_or(detected)
    }

    fn chosen(self) -> Option<T> {
        match self {
            Self::Auto => None,
            Self::Is(value) => Some(value),
        }
    }
}

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    width: u16,
    height: u16,
}

/// A frame of more columns or rows is a slip of the keyboard.
const LARGEST_SIDE: u16 = 2000;

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!("`{text}` is no size such as 120x40, from 1x1 to {LARGEST_SIDE}x{LARGEST_SIDE}")
        };
        let (width, height) = text.split_once(['x', 'X', '×']).ok_or_else(expected)?;
        let side = |text: &str| text.parse().ok().filter(|side| (1..=LARGEST_SIDE).contains(side));
        match (side(width), side(height)) {
            (Some(width), Some(height)) => Ok(Self { width, height }),
            _ => Err(expected()),
        }
    }
}

fn frames_per_sec(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.1..=30.0).contains(number));
    number.ok_or_else(|| format!("`{text}` is no number from 0.1 to 30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_views_are_all_views_in_the_order_of_their_numbers() {
        let words: Vec<_> = VIEWS.iter().map(|(word, _)| word.parse()).collect();
        assert_eq!(words, ViewKind::ALL.map(Ok));
    }

    #[test]
    fn sizes_are_columns_by_rows() {
        assert_eq!("120x40".parse(), Ok(Size { width: 120, height: 40 }));
        for wrong in ["", "80", "0x10", "80x-1", "99999x10", "axb"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn colours_are_a_depth_or_automatic() {
        assert_eq!("auto".parse(), Ok(OrAuto::<ColourDepth>::Auto));
        assert_eq!("256".parse(), Ok(OrAuto::Is(ColourDepth::TwoFiftySix)));
        assert!("blue".parse::<OrAuto<ColourDepth>>().is_err());
    }
}
