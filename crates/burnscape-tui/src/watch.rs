//! `burnscape watch` in a terminal: what was asked for, shown until the reader leaves.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::looks::{Choices, Looks};
use crate::play::{play, shortest_frame};
use crate::runs::Sources;
use crate::session::Session;
use crate::terminal_profile::TerminalProfile;
use crate::viewer::Viewer;
use crate::views::ViewKind;

/// How to watch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WatchOptions {
    /// The view to begin with.
    pub view: ViewKind,
    /// What the terminal can show.
    pub profile: TerminalProfile,
    /// Frames per second at most.
    pub frames_per_sec: f64,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            view: ViewKind::Overview,
            profile: TerminalProfile::detect(true),
            frames_per_sec: default_frames_per_sec(),
        }
    }
}

/// Frames per second where nothing else is asked for: 10 are enough for the eye on changing numbers,
/// and over SSH 4 cost less than half as much.
#[must_use]
pub fn default_frames_per_sec() -> f64 {
    frames_per_sec_in(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn frames_per_sec_in(is_set: impl Fn(&str) -> bool) -> f64 {
    let is_remote = ["SSH_CONNECTION", "SSH_TTY"].into_iter().any(is_set);
    if is_remote { 4.0 } else { 10.0 }
}

/// Shows runs in this terminal until the reader leaves or the terminal is gone: the only one, or a list of several
/// and of those in folders, from which one is opened. In folders runs are looked for three levels deep.
///
/// The runs go on without the reader; a terminal that hangs up is an ordinary end.
///
/// # Errors
///
/// [`Error::Trace`] where a path does not exist, is a file and no run, or the only run is one that this version
/// cannot read; [`Error::NoRuns`] where there is none; [`Error::Terminal`] where the terminal cannot be used.
pub fn watch(paths: &[PathBuf], options: WatchOptions) -> Result<(), Error> {
    watch_as_chosen(paths, options, Choices::default())
}

/// The same as the reader chose it: the theme, the depth of colours, the mouse.
///
/// # Errors
///
/// As [`watch`].
pub fn watch_as_chosen(
    paths: &[PathBuf],
    options: WatchOptions,
    choices: Choices,
) -> Result<(), Error> {
    let sources = Sources::new(paths)?;
    let mut viewer = Viewer::new(sources, options.view, Path::new("."), choices.keys)?;
    let looks = Looks::of_this_process(options.profile, choices);
    let mut session = Session::enter(looks).map_err(|it| Error::Terminal(it.into()))?;
    play(&mut session, &mut viewer, shortest_frame(options.frames_per_sec)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_by_ssh_is_drawn_on_less_often() {
        assert_eq!(frames_per_sec_in(|_| false), 10.0);
        assert_eq!(frames_per_sec_in(|name| name == "SSH_CONNECTION"), 4.0);
        assert_eq!(frames_per_sec_in(|name| name == "SSH_TTY"), 4.0);
    }
}
