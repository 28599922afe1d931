//! The loop of `burnscape watch`: keys and new records in, frames out, nothing when nothing happens.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use burnscape_trace::{Follower, RunFolder};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::Error;
use crate::app::App;
use crate::error::may_pass;
use crate::input::{self, Input};
use crate::model::Run;
use crate::once::run_name;
use crate::save_picture;
use crate::session::Session;
use crate::terminal_profile::{Glyphs, TerminalProfile};
use crate::views::ViewKind;

/// The trace is looked at this often at least, also when nothing comes.
const POLL_LONGEST: Duration = Duration::from_millis(250);
/// Keys that wait while a frame is drawn.
const INPUT_QUEUE: usize = 256;
/// A terminal that takes its time is given this many times as long before the next frame.
const REST_AFTER_SLOW_FRAME: u32 = 4;

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
    let mut watching = Watching { follower, app, folder, next_poll: Instant::now() };
    // The first items come before the terminal is taken: a file that is no trace is told plainly.
    watching.poll()?;
    let (sender, receiver) = sync_channel(INPUT_QUEUE);
    let mut session = Session::enter(options.profile).map_err(Error::Terminal)?;
    input::spawn(sender).map_err(Error::Terminal)?;
    watching.go_on(&mut session, &receiver, shortest_frame(options.frames_per_sec))
}

fn shortest_frame(frames_per_sec: f64) -> Duration {
    Duration::from_secs_f64(1.0 / frames_per_sec.clamp(0.1, 30.0))
}

struct Watching {
    follower: Follower,
    app: App,
    folder: RunFolder,
    next_poll: Instant,
}

impl Watching {
    fn go_on(
        &mut self,
        session: &mut Session,
        receiver: &Receiver<Input>,
        shortest_frame: Duration,
    ) -> Result<(), Error> {
        let mut next_frame = Instant::now();
        let mut undrawn = true;
        loop {
            if undrawn && Instant::now() >= next_frame {
                let Some(took) = self.draw(session)? else {
                    return Ok(());
                };
                next_frame = Instant::now() + shortest_frame.max(took * REST_AFTER_SLOW_FRAME);
                undrawn = false;
            }
            let wake = if undrawn { next_frame.min(self.next_poll) } else { self.next_poll };
            if !self.take_input(receiver, wake) || self.app.wants_quit() {
                return Ok(());
            }
            self.poll_when_due()?;
            self.fulfil_wishes(session).map_err(Error::Terminal)?;
            undrawn |= self.app.take_changed();
        }
    }

    fn poll_when_due(&mut self) -> Result<(), Error> {
        if Instant::now() >= self.next_poll { self.poll() } else { Ok(()) }
    }

    /// Draws a frame and tells how long the terminal took; `None`: it is gone.
    fn draw(&mut self, session: &mut Session) -> Result<Option<Duration>, Error> {
        let started = Instant::now();
        let forgotten = if self.app.take_repaint() { session.forget() } else { Ok(()) };
        match forgotten.and_then(|()| session.draw(|area, buffer| self.app.draw(area, buffer))) {
            Ok(()) => Ok(Some(started.elapsed())),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(Error::Terminal(error)),
        }
    }

    /// What the reader wants of the terminal and of the disk.
    fn fulfil_wishes(&mut self, session: &mut Session) -> io::Result<()> {
        if self.app.take_suspend() {
            session.suspend()?;
        }
        if self.app.take_next_glyphs() {
            session.set_glyphs(session.glyphs().next());
            self.app.say(format!("glyphs: {}", session.glyphs().word()));
        }
        if self.app.take_save_picture() {
            let said = self.save_picture(session.area()?, session.glyphs());
            self.app.say(said);
        }
        if self.app.take_show_list() {
            self.app.say("this is the only run: give several, or their folder, for a list");
        }
        Ok(())
    }

    /// Writes the view as files where this program was started, and says so.
    fn save_picture(&self, area: Rect, glyphs: Glyphs) -> String {
        let mut frame = Buffer::empty(area);
        self.app.draw_still(area, &mut frame);
        let names = (self.app.run().name(), self.app.view_title());
        save_picture::saved(&frame, Path::new("."), names, glyphs)
    }

    /// Takes what the reader asked for, waiting until `until` at most; `false`: nobody is there.
    fn take_input(&mut self, receiver: &Receiver<Input>, until: Instant) -> bool {
        let mut wait = until.saturating_duration_since(Instant::now());
        loop {
            match receiver.recv_timeout(wait) {
                Ok(Input::Event(event)) => self.app.handle(&event),
                Ok(Input::Gone) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
            }
            wait = Duration::ZERO;
        }
    }

    fn poll(&mut self) -> Result<(), Error> {
        match self.follower.poll() {
            Ok(items) => items.iter().for_each(|item| self.app.apply_item(item)),
            Err(burnscape_trace::Error::Replaced { .. }) => self.start_over()?,
            Err(error) if may_pass(&error) => {}
            Err(error) => return Err(error.into()),
        }
        self.next_poll = Instant::now() + self.follower.delay().min(POLL_LONGEST);
        Ok(())
    }

    /// Another run took the folder.
    fn start_over(&mut self) -> Result<(), Error> {
        self.follower = Follower::open(self.folder.path())?;
        self.app.replace_run(Run::named(run_name(self.folder.path())));
        Ok(())
    }
}

/// Errors of a terminal that hung up: nobody is left to be told.
fn is_gone(error: &io::Error) -> bool {
    // EIO has no kind of its own.
    const EIO: i32 = 5;
    let kinds =
        [io::ErrorKind::BrokenPipe, io::ErrorKind::NotConnected, io::ErrorKind::UnexpectedEof];
    kinds.contains(&error.kind()) || (cfg!(unix) && error.raw_os_error() == Some(EIO))
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
