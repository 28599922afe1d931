//! The terminal while it is ours: raw, on the alternate screen, and given back in every case.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, terminal};
use ratatui::layout::{Position, Rect};

use crate::terminal_profile::{Glyphs, TerminalProfile};

/// One frame fits, so that it reaches the terminal in one write.
const BUFFER_BYTES: usize = 1 << 18;

static ACTIVE: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal; dropping it gives it back.
pub(crate) struct Session {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    profile: TerminalProfile,
}

impl Session {
    /// Takes the terminal.
    pub(crate) fn enter(profile: TerminalProfile) -> io::Result<Self> {
        HOOK.call_once(give_back_before_panics);
        // We map colours down ourselves; crossterm's own NO_COLOR would wipe bold and reverse.
        force_color_output(true);
        take()?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(writer)).inspect_err(|_| give_back())?;
        Ok(Self { terminal, profile })
    }

    /// What is drawn with.
    pub(crate) fn glyphs(&self) -> Glyphs {
        self.profile.glyphs
    }

    /// Goes on with other glyphs.
    pub(crate) fn set_glyphs(&mut self, glyphs: Glyphs) {
        self.profile.glyphs = glyphs;
    }

    /// The terminal's cells.
    pub(crate) fn area(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.terminal.size()?)))
    }

    /// Draws a frame; only what changed is written.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        let profile = self.profile;
        self.terminal.draw(|frame| {
            let area = frame.area();
            draw(area, frame.buffer_mut());
            profile.adapt(frame.buffer_mut());
        })?;
        Ok(())
    }

    /// Makes the next frame write everything. Not `Terminal::clear`: that asks the terminal where
    /// its cursor is and waits for an answer, which some never give.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        let (width, height) = terminal::size()?;
        self.terminal.resize(Rect::new(0, 0, width, height))
    }

    /// Gives the terminal to the shell until it continues this process.
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        stop_this_process()?;
        take()?;
        self.forget()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    ACTIVE.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, Hide).inspect_err(|_| give_back())
}

/// Errors are of no use here: the terminal may be gone.
fn give_back() {
    if ACTIVE.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

/// A message on the alternate screen would vanish with it.
fn give_back_before_panics() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        previous(panic);
    }));
}

#[cfg(unix)]
fn stop_this_process() -> io::Result<()> {
    use rustix::process::{Signal, getpid, kill_process};
    Ok(kill_process(getpid(), Signal::TSTP)?)
}

#[cfg(not(unix))]
fn stop_this_process() -> io::Result<()> {
    Ok(())
}
