//! The dashboard inside the process that trains: fed with the records that also go into the file, drawn by a
//! thread of its own, and never in anybody's way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use burnscape_trace::Record;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;

use crate::Error;
use crate::app::App;
use crate::feed::Queue;
use crate::looks::{Choices, Looks};
use crate::model::{Run, RunState, shell_word};
use crate::once::run_name;
use crate::play::{Exit, Play, fulfil, play, shortest_frame};
use crate::printed::{PRINTED_FILE, PrintedLines};
use crate::report_lines::RunLines;
use crate::session::{Refusal, Session};
use crate::terminal_profile::TerminalProfile;
use crate::views::ViewKind;
use crate::views::dialog::Decision;
use crate::watch::default_frames_per_sec;
use crate::widgets::text::printable;

/// New records are looked for this often.
const REFRESH_EVERY: Duration = Duration::from_millis(50);

/// What becomes of a decision; called on the dashboard's thread.
type OnDecision = Box<dyn Fn(Decision, RunState) + Send>;

/// A dashboard in the terminal of this process.
///
/// It draws until [`close`](Self::close) or until the reader detaches, the terminal hangs up or the program
/// panics; training goes on without it.
#[derive(Debug)]
pub struct Dashboard {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The way of records to the screen; clones lead to the same one.
#[derive(Debug, Clone, Default)]
pub struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Queue,
    /// It is to end.
    closing: AtomicBool,
    is_over: Mutex<bool>,
    over: Condvar,
    /// To be left on the terminal.
    last_words: Mutex<Vec<String>>,
}

impl Feed {
    /// Hands a record over; what finds no room is lost to the screen and counted there. Never waits for a
    /// terminal.
    pub fn push(&self, record: &Record) {
        self.0.queue.push(record);
    }

    /// Nobody is going to look: what was handed over is let go of, and so is what comes.
    pub fn close(&self) {
        self.0.queue.close();
    }
}

impl Dashboard {
    /// Opens the dashboard of a run that is recorded in the folder `path`: what is known of it so far, and what
    /// comes from now on.
    ///
    /// `on_decision` is told what the reader wants of training, and in which state the run was then.
    ///
    /// What the process prints to the terminal meanwhile goes into `printed.txt` in that folder; its last lines are shown
    /// below the view, and its end is left on the terminal afterwards.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: why there is none in this terminal.
    pub fn open(
        run: Run,
        feed: Feed,
        path: &Path,
        on_decision: impl Fn(Decision, RunState) + Send + 'static,
    ) -> Result<Self, Refusal> {
        let printed = PrintedLines::from_now_on(path.join(PRINTED_FILE));
        let looks = Looks::of_this_process(TerminalProfile::detect(true), Choices::default());
        let session = Session::enter_beside_work(path.join(PRINTED_FILE), looks)?;
        let Feed(shared) = feed;
        let app = App::new(run, ViewKind::Overview).attached_to_training();
        let live = Live {
            app,
            path: path.to_owned(),
            printed,
            shared: shared.clone(),
            on_decision: Box::new(on_decision),
            is_detached: false,
            leaves: false,
        };
        let thread = std::thread::Builder::new()
            .name("burnscape-screen".to_owned())
            .spawn(move || live.perform(session))
            .map_err(Refusal::NoTerminal)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// The run in a folder as far as it was written before byte `end` of its trace; what cannot be read is left
    /// out.
    #[must_use]
    pub fn run_before(path: &Path, end: u64) -> Run {
        let run = crate::once::read_run_before(path, end);
        run.unwrap_or_else(|_| Run::named(run_name(path)))
    }

    /// Whether it has the terminal still.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !*lock(&self.shared.is_over)
    }

    /// Text to be left on the terminal when it closes.
    pub fn say_at_end(&self, text: impl Into<String>) {
        lock(&self.shared.last_words).push(text.into());
    }

    /// Waits until the reader has left, or nobody is there to leave.
    pub fn wait_until_left(&self) {
        let mut is_over = lock(&self.shared.is_over);
        while !*is_over {
            is_over = self.shared.over.wait(is_over).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Shows what was fed, gives the terminal back and leaves on it how the run ended and where it is. Does not
    /// wait for a terminal that takes nothing.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::Release);
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.close();
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            queue: Queue::default(),
            closing: AtomicBool::new(false),
            is_over: Mutex::new(false),
            over: Condvar::new(),
            last_words: Mutex::new(Vec::new()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells that it is over, however it ends.
struct TellsOver(Arc<Shared>);

impl Drop for TellsOver {
    fn drop(&mut self) {
        self.0.queue.close();
        *lock(&self.0.is_over) = true;
        self.0.over.notify_all();
    }
}

/// What the dashboard's thread shows.
struct Live {
    app: App,
    path: PathBuf,
    printed: PrintedLines,
    shared: Arc<Shared>,
    on_decision: OnDecision,
    is_detached: bool,
    leaves: bool,
}

impl Live {
    fn perform(mut self, mut session: Session) {
        let over = TellsOver(self.shared.clone());
        let exit = play(&mut session, &mut self, shortest_frame(default_frames_per_sec()));
        if let Ok(Exit::Left) = exit {
            session.leave_saying(&self.last_words());
        } else {
            drop(session);
        }
        drop(over);
    }

    /// Takes what was fed; without more to come, that is the end.
    fn take_records(&mut self) {
        let closing = self.shared.closing.load(Ordering::Acquire);
        let taken = self.shared.queue.take();
        self.app.set_unseen(taken.lost);
        taken.records.iter().for_each(|record| self.app.apply(record));
        self.leaves |= closing && taken.records.is_empty();
    }

    fn decide(&mut self, decision: Decision) {
        (self.on_decision)(decision, self.app.run().state());
        self.is_detached |= decision == Decision::Detach;
        self.leaves |= self.is_detached;
    }

    fn last_words(&self) -> String {
        let mut lines = lock(&self.shared.last_words).clone();
        let again = watch_command(&self.path);
        match self.is_detached {
            true => lines.push(format!(
                "burnscape: training goes on without the dashboard; look again with `{again}`"
            )),
            false => {
                lines.extend(self.how_it_ended());
                lines.push(format!("burnscape: look again with `{again}`"));
            }
        }
        lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    fn how_it_ended(&self) -> Option<String> {
        let run = self.app.run();
        let end = run.end()?;
        let line = RunLines::new(run.clone()).end_line(end);
        Some(printable(&format!("burnscape: {line}")))
    }
}

impl Play for Live {
    fn handle(&mut self, event: &Event) {
        self.app.handle(event);
        if let Some(decision) = self.app.take_decision() {
            self.decide(decision);
        }
    }

    fn refresh(&mut self) -> Result<Duration, Error> {
        self.take_records();
        if let Some(lines) = self.printed.newest() {
            self.app.set_printed(lines);
        }
        Ok(REFRESH_EVERY)
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
        self.leaves || self.app.wants_quit()
    }

    fn fulfil_wishes(&mut self, session: &mut Session) {
        let wishes = self.app.take_wishes();
        fulfil(wishes, &mut self.app, session);
        if wishes.show_list {
            self.app
                .say("this is the run that is trained here: `burnscape watch` lists the others");
        }
    }
}

/// The command that shows a run, to be pasted into a shell.
#[must_use]
pub fn watch_command(run: &Path) -> String {
    format!("burnscape watch {}", shell_word(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let command = |path: &str| watch_command(Path::new(path));
        assert_eq!(command("runs/digits-2"), "burnscape watch runs/digits-2");
        assert_eq!(command("my run"), "burnscape watch 'my run'");
        assert_eq!(command("it's;rm"), r"burnscape watch 'it'\''s;rm'");
    }
}
