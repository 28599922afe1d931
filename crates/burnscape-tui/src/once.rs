//! One frame as text: for `--once`, and for a training program to print at its end.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::SystemTime;

use burnscape_trace::{Follower, Item, RunFolder};
use ratatui::buffer::Buffer;
use ratatui::crossterm::terminal;
use ratatui::layout::Rect;

use crate::Error;
use crate::app::App;
use crate::followed::{silent_secs, written_at};
use crate::frame_text;
use crate::model::{Run, ShardsFollower};
use crate::terminal_profile::{ColourDepth, TerminalProfile};
use crate::tty::DEFAULT_SIZE;
use crate::views::ViewKind;

/// Rows of a landscape that is printed below other output: more would push it off the screen.
const PRINTED_ROWS: u16 = 40;

/// Reads a run from its folder or its `trace.cbor`, as far as it is written.
///
/// # Errors
///
/// [`Error::Trace`] where the path is no run, or one that this version cannot read. Damage is no
/// error: it is told by [`Run::damage`].
pub fn read_run(path: &Path) -> Result<Run, Error> {
    let folder = RunFolder::open(path)?;
    let mut run = Run::named(run_name(folder.path()));
    let mut follower = Follower::open(path)?;
    loop {
        follower.poll_each(|item| run.apply_item(item))?;
        if !follower.has_more() {
            break;
        }
    }
    if let Some(tail) = follower.finish_tail()? {
        run.apply_item(&tail);
    }
    ShardsFollower::of(&folder).poll().iter().for_each(|record| run.apply_of_shard(record));
    run.set_silent_secs(silent_secs(written_at(&folder), SystemTime::now()));
    Ok(run)
}

/// Reads what of a run was written before byte `end` of its trace, while more is being written.
pub(crate) fn read_run_before(path: &Path, end: u64) -> Result<Run, Error> {
    let folder = RunFolder::open(path)?;
    let mut run = Run::named(run_name(folder.path()));
    let mut follower = Follower::open(path)?;
    loop {
        let items = follower.poll()?;
        let is_all = items.iter().any(|item| offset(item) >= end) || !follower.has_more();
        let before = items.iter().filter(|item| offset(item) < end);
        before.for_each(|item| run.apply_item(item));
        if is_all {
            return Ok(run);
        }
    }
}

fn offset(item: &Item) -> u64 {
    match item {
        Item::Record { offset, .. } => *offset,
        Item::Lost(lost) => lost.offset,
        Item::Torn(torn) => torn.offset,
    }
}

/// The view that says most about a run: the landscape where there is a slice of it.
#[must_use]
pub fn default_view(run: &Run) -> ViewKind {
    if run.landscapes().is_empty() { ViewKind::Overview } else { ViewKind::Landscape }
}

/// One frame of a view, in true colour and braille.
#[must_use]
pub fn draw_once(run: &Run, view: ViewKind, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut frame = Buffer::empty(area);
    App::new(run.clone(), view).without_keys().draw(area, &mut frame);
    frame
}

/// One frame of a view as lines of text, with colour codes where the profile has colours.
#[must_use]
pub fn render_once(
    run: &Run,
    view: ViewKind,
    width: u16,
    height: u16,
    profile: &TerminalProfile,
) -> String {
    let mut frame = draw_once(run, view, width, height);
    profile.adapt(&mut frame);
    match profile.colours {
        ColourDepth::None => frame_text::plain(&frame),
        _ => frame_text::ansi(&frame),
    }
}

/// The landscape of a run as text of the given size.
///
/// # Errors
///
/// As [`read_run`].
pub fn landscape_text(
    path: &Path,
    width: u16,
    height: u16,
    profile: &TerminalProfile,
) -> Result<String, Error> {
    Ok(render_once(&read_run(path)?, ViewKind::Landscape, width, height, profile))
}

/// Prints the landscape of a run on standard output, as large and colourful as that is.
///
/// # Errors
///
/// As [`read_run`]; [`Error::Output`] where standard output cannot be written.
pub fn print_landscape(path: &Path) -> Result<(), Error> {
    let profile = TerminalProfile::detect(io::stdout().is_terminal());
    let (width, height) = terminal_size();
    let text = landscape_text(path, width, height.min(PRINTED_ROWS), &profile)?;
    io::stdout().write_all(text.as_bytes()).map_err(Error::Output)
}

/// Columns and rows of the terminal that standard output is; 80 × 24 where it is none.
#[must_use]
pub fn terminal_size() -> (u16, u16) {
    // Asked for another descriptor, crossterm would start `tput`.
    let size = io::stdout().is_terminal().then(|| terminal::size().ok()).flatten();
    size.filter(|&(width, height)| width > 0 && height > 0).unwrap_or(DEFAULT_SIZE)
}

/// The last part of a path, which names the run.
pub(crate) fn run_name(path: &Path) -> String {
    let absolute = path.canonicalize();
    let path = absolute.as_deref().unwrap_or(path);
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.display().to_string())
}
