//! What can be typed.

use std::path::PathBuf;
use std::str::FromStr;

use burnscape_report::Format;
use burnscape_tui::{ColourDepth, Glyphs, ViewKind};
use clap::{Args, Parser, Subcommand};

/// Watch training runs of the burn deep-learning framework, and take them to other programs: loss,
/// gradients, loss landscape.
#[derive(Debug, Parser)]
#[command(name = "burnscape", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Watch(Watch),
    Export(Export),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  shown; also when the terminal hung up, training goes on without it
  2  the path is no run, the run cannot be read (its format is newer, its trace is no trace),
     the terminal cannot be used, or the arguments make no sense

A damaged run is shown as far as it is whole, and says that it is damaged.
Without a terminal and without --once, values are printed as lines until the run ends.
NO_COLOR, TERM, COLORTERM and the locale are respected.";

/// Show a run: in this terminal until `q`, as one frame with --once, or as lines without a terminal.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Watch {
    /// Folder of the run, or its trace.cbor
    pub(crate) run: PathBuf,

    /// Print one frame and leave
    #[arg(long)]
    pub(crate) once: bool,

    /// Size of the frame of --once [default: the terminal's, else 80x24]
    #[arg(long, value_name = "WxH", requires = "once")]
    pub(crate) size: Option<Size>,

    /// overview, gradients, activations, landscape, or 1, 2, 3, 4 [default: overview; with --once
    /// landscape where the run has one]
    #[arg(long)]
    pub(crate) view: Option<ViewKind>,

    /// auto, never, 16, 256, true
    #[arg(long, alias = "colour", default_value = "auto", value_name = "WHEN")]
    pub(crate) color: OrAuto<ColourDepth>,

    /// auto, braille, block, ascii
    #[arg(long, default_value = "auto", value_name = "SET")]
    pub(crate) glyphs: OrAuto<Glyphs>,

    /// Frames per second at most, from 0.1 to 30
    #[arg(long, default_value_t = 10.0, value_name = "N", value_parser = frames_per_sec)]
    pub(crate) fps: f64,
}

const EXPORT_EXIT_CODES: &str = "\
Exit codes:
  0  written; also when the run is damaged: what is whole is exported, and what is lost is told on
     standard error
  2  nothing was written: the path is no run, the run cannot be read or has no loss surface, FILE
     exists (--force replaces it) or cannot be written, a file that --with-directions needs is
     missing or damaged, or the arguments make no sense

npz is for numpy.load. Slice 0 of the run is `slice0_x`, `slice0_y`, `slice0_loss`, `slice0_stderr`,
`slice0_state` (0 not measured, 1 measured, 2 interpolated), further layers by their names,
`slice0_info` (JSON) and `slice0_trajectory_xy`; `trajectory_xy` is that of the first slice which has
one. With --with-directions also `centre`, `buffers`, `slice0_d1`, `slice0_d2`, `layout` and
`buffer_layout` (JSON): a node is the model with the parameters centre + x·d1 + y·d2 and these buffers,
such as the statistics of BatchNorm. A slice around another model than the others has a `slice0_centre`
and `slice0_buffers`; planes that a random one is only compared with have seeds and no directions.";

/// Write the loss surfaces of a run, and the path through them, in a format of other programs.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXIT_CODES)]
pub(crate) struct Export {
    /// Folder of the run, or its trace.cbor
    pub(crate) run: PathBuf,

    /// npz
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// File to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// Also centres, buffers and directions: what it takes to compute a surface again; for a run with
    /// the default slices five times the size of the model
    #[arg(long)]
    pub(crate) with_directions: bool,

    /// Replace FILE if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

/// A value, or what the terminal is found to be capable of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum OrAuto<T> {
    Auto,
    Is(T),
}

impl<T: FromStr> FromStr for OrAuto<T> {
    type Err = T::Err;

    fn from_str(word: &str) -> Result<Self, T::Err> {
        if word == "auto" { Ok(Self::Auto) } else { word.parse().map(Self::Is) }
    }
}

impl<T> OrAuto<T> {
    pub(crate) fn unwrap_or(self, detected: T) -> T {
        match self {
            Self::Auto => detected,
            Self::Is(value) => value,
        }
    }
}

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u16,
    pub(crate) height: u16,
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
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_view_and_its_number() {
        let mut command = Arguments::command();
        let watch = command.find_subcommand_mut("watch").unwrap();
        let help = watch.render_long_help().to_string();
        let names: Vec<_> = ViewKind::ALL.map(|it| format!("{it:?}").to_lowercase()).into();
        let numbers: Vec<_> = ViewKind::ALL.map(|it| it.number().to_string()).into();
        let all = format!("{}, or {}", names.join(", "), numbers.join(", "));
        assert!(help.contains(&all), "{all} in {help}");
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
