//! `burnscape watch`: a run folder, followed while its records come.

use std::path::Path;
use std::time::Duration;

use burnscape_trace::{Follower, RunFolder};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;

use crate::Error;
use crate::app::App;
use crate::error::may_pass;
use crate::model::Run;
use crate::once::run_name;
use crate::play::{Play, fulfil, play, shortest_frame};
use crate::session::Session;
use crate::terminal_profile::TerminalProfile;
use crate::views::ViewKind;

/// The trace is looked at this often at least, also when nothing comes.
const POLL_LONGEST: Duration = Duration::from_millis(250);

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

/// Shows a run in this terminal until the reader leaves or the terminal is gone.
///
/// The run goes on without the reader; a terminal that hangs up is an ordinary end.
///
/// # Errors
///
/// [`Error::Trace`] where the path is no run, or one that this version cannot read;
/// [`Error::Terminal`] where the terminal cannot be used.
pub fn watch(path: &Path, options: WatchOptions) -> Result<(), Error> {
    let folder = RunFolder::open(path)?;
    let follower = Follower::open(path)?;
    let app = App::new(Run::named(run_name(folder.path())), options.view);
    let mut watching = Watching { follower, app, folder };
    // The first items come before the terminal is taken: a file that is no trace is told plainly.
    watching.poll()?;
    let mut session = Session::enter(options.profile).map_err(|it| Error::Terminal(it.into()))?;
    play(&mut session, &mut watching, shortest_frame(options.frames_per_sec)).map(|_| ())
}

struct Watching {
    follower: Follower,
    app: App,
    folder: RunFolder,
}

impl Play for Watching {
    fn handle(&mut self, event: &Event) {
        self.app.handle(event);
    }

    fn refresh(&mut self) -> Result<Duration, Error> {
        self.poll()?;
        Ok(self.follower.delay().min(POLL_LONGEST))
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer) {
        self.app.draw(area, buffer);
    }

    fn take_changed(&mut self) -> bool {
        self.app.take_changed()
    }

    fn app_mut(&mut self) -> Option<&mut App> {
        Some(&mut self.app)
    }

    fn wants_quit(&self) -> bool {
        self.app.wants_quit()
    }

    fn fulfil_wishes(&mut self, session: &mut Session) {
        fulfil(&mut self.app, session);
        if self.app.take_show_list() {
            self.app.say("this is the only run: give several, or their folder, for a list");
        }
    }
}

impl Watching {
    fn poll(&mut self) -> Result<(), Error> {
        match self.follower.poll() {
            Ok(items) => items.iter().for_each(|item| self.app.apply_item(item)),
            Err(burnscape_trace::Error::Replaced { .. }) => self.start_over()?,
            Err(error) if may_pass(&error) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Another run took the folder.
    fn start_over(&mut self) -> Result<(), Error> {
        self.follower = Follower::open(self.folder.path())?;
        self.app.replace_run(Run::named(run_name(self.folder.path())));
        Ok(())
    }
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
