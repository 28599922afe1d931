//! A dashboard's time with the terminal: it is drawn on while this process is in the foreground, and given back
//! in every case.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;

use crate::keys::Keys;
use crate::link::Link;
use crate::looks::Looks;
use crate::replies::{self, Reply};
use crate::screen::{self, Screen};
use crate::signals::Signals;
use crate::still::{self, Still};
use crate::terminal_profile::Glyphs;
use crate::tty::{self, Tty};
use crate::wire::{Order, Wire};

/// What stands between these is drawn at once, by terminals that know it.
const TOGETHER: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");
/// Everything is erased, and what is drawn next is drawn in full.
const ERASE: &[u8] = b"\x1b[0m\x1b[2J";
/// A shell that stops us does it by then, unless it does not at all.
const STOP_COMES: Duration = Duration::from_millis(500);
/// A signal to oneself comes by then, on however busy a machine.
const OWN_SIGNAL_COMES: Duration = Duration::from_secs(5);
/// A hang-up is not a moment's matter, and neither is coming back to the foreground.
const BACKGROUND_REST: Duration = Duration::from_millis(100);
/// Signals and resizes are looked at this often.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Larger frames are no terminal's.
const LARGEST_SIDE: u16 = 2000;

/// Why there is no dashboard in this terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no terminal, or it cannot be used.
    #[error("there is no terminal to draw on")]
    NoTerminal(#[source] io::Error),
    /// `TERM=dumb`, or none.
    #[error("the terminal cannot move its cursor (TERM is `dumb` or not set)")]
    Dumb,
    /// Started with `&`: drawing would disturb whoever has the terminal.
    #[error("this process is in the background")]
    Background,
    /// Two dashboards would fight for the keys.
    #[error("another dashboard of this process has the terminal")]
    Taken,
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::other(refusal)
    }
}

/// The terminal; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Session {
    tty: Arc<Tty>,
    looks: Looks,
    signals: &'static Signals,
    keys: Keys,
    link: Link,
    /// What the terminal shows.
    wire: Wire,
    /// How to go on with a frame of which the terminal has a part; `None`: it has all of it.
    rest: Option<Order>,
    synchronizes: bool,
    /// A picture lies over the frame.
    has_still: bool,
    /// The process goes on when its terminal is gone.
    outlives_terminal: bool,
    /// Who started this process.
    parent: Parent,
}

/// Whether `TERM` names a terminal that can be drawn on.
pub(crate) fn is_dumb() -> bool {
    cfg!(unix) && std::env::var("TERM").map_or(true, |term| term.is_empty() || term == "dumb")
}

impl Session {
    /// Takes the terminal, at once or when this process comes to the foreground.
    pub(crate) fn enter(looks: Looks) -> Result<Self, Refusal> {
        Self::enter_printing_to(None, looks)
    }

    fn enter_printing_to(print_file: Option<PathBuf>, looks: Looks) -> Result<Self, Refusal> {
        let tty = Arc::new(Tty::open().map_err(Refusal::NoTerminal)?);
        let keeps_interrupt = print_file.is_some();
        if !screen::claim(tty.clone(), print_file, looks.listens_to_the_mouse()) {
            return Err(Refusal::Taken);
        }
        let begun = Signals::listen(keeps_interrupt).and_then(|signals| {
            let mut session = Self {
                tty,
                looks,
                signals,
                keys: Keys::default(),
                link: Link::default(),
                wire: Wire::blank(Rect::ZERO),
                rest: None,
                synchronizes: false,
                has_still: false,
                outlives_terminal: false,
                parent: Parent::of_this_process(),
            };
            session.follow_foreground().map(|_| session)
        });
        begun.inspect_err(|_| screen::release()).map_err(Refusal::NoTerminal)
    }

    /// As [`enter`](Self::enter), for a process that has something else to do: refused in the background and on
    /// a dumb terminal, and the process outlives the terminal. What it prints meanwhile goes into a file.
    pub(crate) fn enter_beside_work(print_file: PathBuf, looks: Looks) -> Result<Self, Refusal> {
        if is_dumb() {
            return Err(Refusal::Dumb);
        }
        if !Tty::open().map_err(Refusal::NoTerminal)?.is_foreground() {
            return Err(Refusal::Background);
        }
        let mut session = Self::enter_printing_to(Some(print_file), looks)?;
        session.outlives_terminal = true;
        Ok(session)
    }

    /// Whether it can be drawn now: this process is in the foreground, and the terminal has drawn what it was sent.
    /// Takes the terminal when it comes to the foreground, and leaves it to others when it goes.
    pub(crate) fn is_ready(&mut self) -> io::Result<bool> {
        let is_ours = self.follow_foreground()?;
        let is_clear = screen::with(|screen| Ok(screen.is_clear()))?;
        Ok(is_ours && is_clear && self.link.is_free(Instant::now()))
    }

    /// The terminal is asked whether it has drawn what it was sent.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.link.awaits()
    }

    /// The terminal has all of the last frame.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest.is_none()
    }

    /// What is drawn with.
    pub(crate) fn glyphs(&self) -> Glyphs {
        self.looks.profile.glyphs
    }

    /// Goes on with other glyphs.
    pub(crate) fn set_glyphs(&mut self, glyphs: Glyphs) {
        self.looks.profile.glyphs = glyphs;
    }

    /// The terminal's cells.
    pub(crate) fn area(&self) -> Rect {
        size_of(&self.tty)
    }

    /// The terminal has another size than the last frame, or was somebody else's since.
    pub(crate) fn is_stale(&self) -> bool {
        self.area() != self.wire.area()
    }

    /// Draws a frame, or as much of it as the link carries at a time; only what changed is written. What answers a key
    /// begins with what tells most.
    pub(crate) fn draw(
        &mut self,
        answers_a_key: bool,
        draw: impl FnOnce(Rect, &mut Buffer),
    ) -> io::Result<()> {
        let area = self.area();
        let mut bytes = Vec::new();
        if area != self.wire.area() {
            bytes.extend_from_slice(ERASE);
            self.wire = Wire::blank(area);
        }
        let mut frame = Buffer::empty(area);
        draw(area, &mut frame);
        self.looks.adapt(&mut frame);
        let order = match answers_a_key && self.link.is_slow() {
            true => Order::WordsFirst,
            false => self.rest.take().unwrap_or(Order::From(0)),
        };
        let sent = self.wire.send(&frame, order, self.link.part());
        self.rest = sent.rest_from.map(Order::From);
        bytes.extend_from_slice(&sent.bytes);
        self.hand_over(bytes)
    }

    /// Shows a still in pixels over the frame, which goes with the next key; a sentence where there is none.
    pub(crate) fn show_still(
        &mut self,
        of: impl Fn(Rect) -> Option<Still>,
    ) -> Result<(), &'static str> {
        if !still::is_spoken(|name| std::env::var(name).ok()) {
            return Err("no still: this terminal is not known to speak Kitty's graphics protocol");
        }
        let bytes = still::finest(self.area(), of, self.looks.pixels())?;
        self.has_still = true;
        self.hand_over(bytes).map_err(|_| "no still: the terminal does not take it")
    }

    /// Takes a still off the screen again.
    pub(crate) fn remove_still(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.has_still) {
            true => self.hand_over(still::REMOVE.to_vec()),
            false => Ok(()),
        }
    }

    fn hand_over(&mut self, mut bytes: Vec<u8>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.synchronizes {
            bytes.splice(0..0, TOGETHER.0.iter().copied());
            bytes.extend_from_slice(TOGETHER.1);
        }
        bytes.extend_from_slice(self.link.send(bytes.len(), Instant::now()));
        let awaits = self.link.awaits();
        screen::with(|screen| {
            screen.set_awaits_answer(awaits);
            screen.write(&bytes)
        })
    }

    /// Makes the next frame write everything. Not `Terminal::clear`: that asks the terminal where
    /// its cursor is and waits for an answer, which some never give.
    pub(crate) fn forget(&mut self) {
        self.wire = Wire::blank(Rect::ZERO);
        self.rest = None;
    }

    /// Waits for keys, at most so long; an error: nobody is there any more.
    pub(crate) fn wait(&mut self, longest: Duration) -> io::Result<Vec<Event>> {
        if self.signals.hung_up() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let (is_taken, has_more) = screen::with(|it| Ok((it.is_taken(), !it.is_clear())))?;
        if !is_taken {
            // Reading would stop this process.
            std::thread::sleep(longest.min(BACKGROUND_REST));
            return Ok(Vec::new());
        }
        // Without the lock: a panic elsewhere must not have to wait for a key.
        self.tty.wait(has_more, longest.min(LONGEST_WAIT))?;
        screen::with(Screen::push)?;
        if !self.follow_foreground()? {
            return Ok(Vec::new());
        }
        let events = self.tty.take_events(&mut self.keys)?;
        self.keys.take_replies().into_iter().try_for_each(|reply| self.take_reply(reply))?;
        Ok(events)
    }

    /// What the terminal tells about itself.
    fn take_reply(&mut self, reply: Reply) -> io::Result<()> {
        match reply {
            Reply::Status => {
                self.link.take_answer(Instant::now());
                screen::with(|screen| {
                    screen.set_awaits_answer(false);
                    Ok(())
                })?;
            }
            Reply::Synchronizes => self.synchronizes = true,
            Reply::Ground(rgb) if self.looks.take_ground(rgb) => self.forget(),
            Reply::TrueColour if self.looks.take_true_colour() => self.forget(),
            Reply::Ground(_) | Reply::TrueColour => {}
        }
        Ok(())
    }

    /// Gives the terminal to the shell until it continues this process and everybody who was started with it.
    pub(crate) fn suspend(&mut self) {
        let _ = screen::with(|screen| {
            screen.give_back();
            Ok(())
        });
        self.link.forget();
        self.signals.take_continued();
        if stop_with_group() {
            // Any thread may be given our own signal, and late: one that comes after the stop would stop us once more.
            wait_up_to(OWN_SIGNAL_COMES, || self.signals.take_stop());
        }
        if is_in_a_job() {
            self.signals.stop();
        }
        wait_up_to(STOP_COMES, || self.signals.take_continued());
        self.forget();
    }

    /// Somebody asked this process to stop, since this was last asked.
    pub(crate) fn is_to_stop(&self) -> bool {
        self.signals.take_stop()
    }

    /// Somebody asked this process to end.
    pub(crate) fn is_terminated(&self) -> bool {
        self.signals.terminated()
    }

    /// The terminal is given back, and these lines are left on it.
    pub(crate) fn leave_saying(self, lines: &str) {
        let _ = screen::with(|screen| {
            let was_taken = screen.is_taken();
            screen.give_back();
            if was_taken {
                screen.say(lines.as_bytes());
            }
            Ok(())
        });
    }

    /// Asks the terminal about itself; the first frame waits for the answer, for a moment.
    fn ask(&mut self) -> io::Result<()> {
        let questions = replies::questions(|name| std::env::var(name).ok());
        self.link.send(questions.len(), Instant::now());
        screen::with(|screen| {
            screen.set_awaits_answer(true);
            screen.write(&questions)
        })
    }

    /// Whether this process has the foreground; an error: whoever started it is gone, and nobody would ever end it.
    fn follow_foreground(&mut self) -> io::Result<bool> {
        if !self.outlives_terminal && self.parent.is_gone() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let was_stopped = self.signals.take_continued();
        let is_foreground = self.tty.is_foreground();
        let is_taken = screen::with(|screen| Ok(screen.is_taken()))?;
        match is_foreground {
            true if !is_taken || was_stopped => {
                self.forget();
                self.link.forget();
                screen::with(Screen::take)?;
                self.ask()?;
            }
            false if is_taken => {
                self.link.forget();
                screen::with(|screen| {
                    screen.leave_to_others();
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(is_foreground)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.signals.hung_up() || self.is_hung_up() {
            screen::print_to_file_for_good();
            tty::leave_dead_terminal();
        }
        screen::release();
        self.signals.stop_listening(self.outlives_terminal);
        if self.signals.terminated() {
            self.signals.end();
        }
    }
}

impl Session {
    fn is_hung_up(&self) -> bool {
        self.tty.wait(false, Duration::ZERO).is_err_and(|error| tty::is_gone(&error))
    }
}

fn wait_up_to(longest: Duration, has_come: impl Fn() -> bool) {
    let until = Instant::now() + longest;
    while !has_come() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn size_of(tty: &Tty) -> Rect {
    let (width, height) = tty.size().unwrap_or(tty::DEFAULT_SIZE);
    Rect::new(0, 0, width.min(LARGEST_SIDE), height.min(LARGEST_SIDE))
}

/// Who started this process: a shell, or a program that another one runs. Where it dies by a signal of its own, nobody
/// tells this process, which would go on drawing on a terminal that a shell has.
#[derive(Debug)]
struct Parent(#[cfg(unix)] Option<rustix::process::Pid>);

#[cfg(unix)]
impl Parent {
    fn of_this_process() -> Self {
        Self(rustix::process::getppid())
    }

    fn is_gone(&self) -> bool {
        rustix::process::getppid() != self.0
    }
}

#[cfg(not(unix))]
impl Parent {
    fn of_this_process() -> Self {
        Self()
    }

    fn is_gone(&self) -> bool {
        false
    }
}

/// Whether a shell may continue this process: its parent is of the same session and of another group (POSIX, "orphaned
/// process group"). The system lets no other one be stopped by its terminal.
#[cfg(unix)]
fn is_in_a_job() -> bool {
    use rustix::process::{getpgid, getpgrp, getppid, getsid};
    let parent = getppid();
    let is_of_session = getsid(parent).ok().zip(getsid(None).ok()).is_some_and(|(a, b)| a == b);
    parent.is_some() && is_of_session && getpgid(parent).is_ok_and(|group| group != getpgrp())
}

#[cfg(not(unix))]
fn is_in_a_job() -> bool {
    false
}

/// Asks everybody who was started with this process to stop, and this process too; whether there is such a signal.
#[cfg(unix)]
fn stop_with_group() -> bool {
    use rustix::process::{Signal, kill_current_process_group};
    kill_current_process_group(Signal::TSTP).is_ok()
}

#[cfg(not(unix))]
fn stop_with_group() -> bool {
    false
}
