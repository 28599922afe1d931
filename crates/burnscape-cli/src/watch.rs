//! `burnscape watch`: which of the three ways to show a run was meant.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use burnscape_tui::{
    TerminalProfile, WatchOptions, default_view, follow_lines, read_run, render_once, terminal_size,
};

use crate::arguments::{Size, Watch};

/// Shows the run.
pub(crate) fn run(arguments: &Watch) -> anyhow::Result<()> {
    let is_terminal = io::stdout().is_terminal();
    let profile = profile(arguments, is_terminal);
    if arguments.once {
        return print_once(arguments, &profile);
    }
    if !is_terminal || is_dumb() {
        return Ok(follow_lines(&arguments.run, &mut io::stdout().lock())?);
    }
    let options = WatchOptions {
        view: arguments.view.unwrap_or_default(),
        profile,
        frames_per_sec: arguments.fps,
    };
    Ok(burnscape_tui::watch(&arguments.run, options)?)
}

fn profile(arguments: &Watch, is_terminal: bool) -> TerminalProfile {
    let detected = TerminalProfile::detect(is_terminal);
    TerminalProfile {
        colours: arguments.color.unwrap_or(detected.colours),
        glyphs: arguments.glyphs.unwrap_or(detected.glyphs),
    }
}

/// A terminal that cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "dumb")
}

fn print_once(arguments: &Watch, profile: &TerminalProfile) -> anyhow::Result<()> {
    let run = read_run(&arguments.run)?;
    let view = arguments.view.unwrap_or_else(|| default_view(&run));
    let Size { width, height } = arguments.size.unwrap_or_else(default_size);
    let frame = render_once(&run, view, width, height, profile);
    io::stdout().write_all(frame.as_bytes()).context("could not write the frame")
}

/// The terminal's, less the row on which the shell's prompt will stand.
fn default_size() -> Size {
    let (width, height) = terminal_size();
    let prompt = u16::from(io::stdout().is_terminal() && height > 1);
    Size { width, height: height - prompt }
}
