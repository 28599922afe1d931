//! The loop around what is shown: keys and news in, frames out, nothing when nothing happens.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;

use crate::app::{App, TICK};
use crate::message::Message;
use crate::session::Session;
use crate::shown::Shown;
use crate::wishes::Wishes;
use crate::{Error, tty};

/// A terminal that takes its time is given this many times as long before the next frame.
const REST_AFTER_SLOW_FRAME: u32 = 4;

/// What is shown, and where its news come from.
pub(crate) trait Play {
    /// Takes an event of the terminal.
    fn handle(&mut self, event: &Event);

    /// Takes what is new, and tells how long it may take until there is more.
    ///
    /// # Errors
    ///
    /// Where it cannot go on.
    fn refresh(&mut self) -> Result<Duration, Error>;

    /// Draws everything.
    fn draw(&self, area: Rect, buffer: &mut Buffer);

    /// Whether there is something to draw, since this was last asked.
    fn take_changed(&mut self) -> bool;

    /// The application in it: what moves by itself in there gets its ticks.
    fn app_mut(&mut self) -> Option<&mut App>;

    /// Whether something in it moves by itself.
    fn wants_ticks(&mut self) -> bool {
        self.app_mut().is_some_and(|app| app.wants_ticks())
    }

    /// Lets that go on.
    fn tick(&mut self) {
        self.app_mut().into_iter().for_each(|app| app.update(Message::Tick));
    }

    /// Whether it is to end.
    fn wants_quit(&self) -> bool;

    /// Does what the reader wants of the terminal and of the disk.
    fn fulfil_wishes(&mut self, session: &mut Session);
}

/// Fulfils the wishes that any application has.
pub(crate) fn fulfil(wishes: Wishes, shown: &mut impl Shown, session: &mut Session) {
    if wishes.suspend {
        session.suspend();
    }
    if wishes.repaint {
        session.forget();
    }
    if wishes.next_glyphs {
        session.set_glyphs(session.glyphs().next());
        shown.say(format!("glyphs: {}", session.glyphs().word()));
    }
    if wishes.still {
        let shows = session.show_still(|area| shown.still(area));
        if let Err(sentence) = shows {
            shown.say(sentence.to_owned());
        }
    }
    if wishes.save_picture {
        let said = shown.save_picture(session.area(), session.glyphs());
        shown.say(said);
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It wanted to leave.
    Left,
    /// The terminal is gone, or was given back by a panic.
    Gone,
    /// A signal asks the process to end.
    Terminated,
}

/// The shortest time between two frames.
pub(crate) fn shortest_frame(frames_per_sec: f64) -> Duration {
    Duration::from_secs_f64(1.0 / frames_per_sec.clamp(0.1, 30.0))
}

/// Shows something until it wants to leave or the terminal is gone.
///
/// # Errors
///
/// As [`Play::refresh`]; [`Error::Terminal`] where the terminal is there and cannot be used.
pub(crate) fn play(
    session: &mut Session,
    show: &mut impl Play,
    shortest_frame: Duration,
) -> Result<Exit, Error> {
    let pace = Pace::new(shortest_frame);
    let mut stage = Stage { pace, next_tick: Instant::now(), undrawn: true, has_key: false };
    match stage.go_on(session, show) {
        Err(Error::Terminal(error)) if tty::is_gone(&error) => Ok(Exit::Gone),
        other => other,
    }
}

struct Stage {
    pace: Pace,
    next_tick: Instant,
    undrawn: bool,
    /// A key came that no frame has answered yet.
    has_key: bool,
}

impl Stage {
    fn go_on(&mut self, session: &mut Session, show: &mut impl Play) -> Result<Exit, Error> {
        let mut next_news = Instant::now();
        loop {
            if Instant::now() >= next_news {
                next_news = Instant::now() + show.refresh()?;
            }
            let next_tick = self.tick_when_due(show);
            show.fulfil_wishes(session);
            if show.wants_quit() {
                return Ok(Exit::Left);
            }
            if session.is_to_stop() {
                session.suspend();
            }
            if session.is_terminated() {
                return Ok(Exit::Terminated);
            }
            self.undrawn |= show.take_changed() || session.is_stale() || !session.is_whole();
            self.draw_when_due(session, show)?;
            let wake = next_tick.map_or(next_news, |tick| tick.min(next_news));
            let is_due = self.undrawn && !session.awaits_answer();
            let wake = if is_due { self.pace.next.min(wake) } else { wake };
            let wait = wake.saturating_duration_since(Instant::now());
            let events = session.wait(wait).map_err(Error::Terminal)?;
            if !events.is_empty() {
                session.remove_still().map_err(Error::Terminal)?;
            }
            events.iter().for_each(|event| show.handle(event));
            if !events.is_empty() {
                self.has_key = true;
                self.pace.hurry();
            }
        }
    }

    /// Lets go on what moves by itself, and tells when it does so again; `None`: nothing moves.
    fn tick_when_due(&mut self, show: &mut impl Play) -> Option<Instant> {
        if !show.wants_ticks() {
            return None;
        }
        if Instant::now() >= self.next_tick {
            show.tick();
            self.next_tick = Instant::now() + TICK;
        }
        Some(self.next_tick)
    }

    fn draw_when_due(&mut self, session: &mut Session, show: &impl Play) -> Result<(), Error> {
        let is_ready = session.is_ready().map_err(Error::Terminal)?;
        self.pace.see(is_ready);
        if self.undrawn && is_ready && Instant::now() >= self.pace.next {
            let has_key = std::mem::take(&mut self.has_key);
            let draw = |area, buffer: &mut Buffer| show.draw(area, buffer);
            session.draw(has_key, draw).map_err(Error::Terminal)?;
            self.undrawn = !session.is_whole();
            // The rest of a frame follows as soon as the terminal has this part.
            if session.is_whole() {
                self.pace.begin_frame();
            }
        }
        Ok(())
    }
}

/// When the next frame may come: not too soon, and later where the terminal is slow.
struct Pace {
    shortest: Duration,
    /// The last frame, while the terminal has not taken it.
    begun: Option<Instant>,
    next: Instant,
}

impl Pace {
    fn new(shortest: Duration) -> Self {
        Self { shortest, begun: None, next: Instant::now() }
    }

    fn begin_frame(&mut self) {
        let now = Instant::now();
        self.begun = Some(now);
        self.next = now + self.shortest;
    }

    /// A key is answered at once.
    fn hurry(&mut self) {
        self.next = self.next.min(Instant::now());
    }

    /// Sees whether the terminal has taken the last frame.
    fn see(&mut self, is_through: bool) {
        if let (true, Some(begun)) = (is_through, self.begun) {
            let rest = begun.elapsed() * REST_AFTER_SLOW_FRAME;
            self.next = begun + self.shortest.max(rest);
            self.begun = None;
        }
    }
}
