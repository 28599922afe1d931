//! The dashboard in the terminal of the training: opened by a probe, fed by its writer thread, and what its reader
//! decides.

use std::sync::atomic::Ordering;

use burn::train::renderer::MetricsRenderer;
use burnscape_tui::model::RunState;
use burnscape_tui::{Dashboard, Decision, Feed, Refusal, watch_command};

use super::Probe;
use super::session::Session;
use crate::channel::handle::RecorderHandle;
use crate::channel::message::Control;
use crate::study::stop::watch_beside_dashboard;

/// What burn is told when the reader stops training.
const STOPPED: &str = "burnscape: stopped from the dashboard";

impl Probe {
    /// A renderer for `training.renderer(…)` that shows training in this terminal: the views of `burnscape watch`,
    /// drawn from the same records as the file holds, metrics of the user's included.
    ///
    /// It stays until [`finish`](Self::finish) or [`close`](Self::close), the surfaces included, and leaves on the
    /// terminal how the run ended. `q` asks: detach, stop after this step (a training of
    /// [`training`](Self::training), or one that is registered with [`attach`](Self::attach)), or stay; Ctrl-C is `q`, and Ctrl-C again stops. Training never waits for the
    /// terminal, and outlives it: a hang-up is a detach. Standard output that is redirected stays so; the dashboard
    /// is drawn on `/dev/tty`.
    ///
    /// Where there is no terminal to draw on (a pipe, `TERM=dumb`, a process in the background, another dashboard of
    /// this process) it is the renderer of [`lines`](Self::lines), and says why on standard error.
    pub fn dashboard(&self) -> Box<dyn MetricsRenderer> {
        self.open_dashboard();
        self.lines()
    }

    /// Opens the [`dashboard`](Self::dashboard) for a hand-written loop; gives whether there is one now. The loop may go
    /// on printing: that goes into `printed.txt` in the run folder while the dashboard is there, and is left on the
    /// terminal afterwards.
    pub fn open_dashboard(&self) -> bool {
        let Some(session) = self.session() else {
            return false;
        };
        match open(session) {
            Ok(()) => true,
            Err(refusal) => {
                tell(session, &refusal);
                false
            }
        }
    }
}

/// Opens it, unless it is open.
fn open(session: &Session) -> Result<(), Refusal> {
    let handle = &session.handle;
    if handle.has_dashboard() {
        return Ok(());
    }
    let feed = Feed::default();
    let path = session.folder.path();
    let into = feed.clone();
    let viewer = Box::new(move |record: &_| into.push(record));
    let written = handle.ask(|reply| Control::Show(viewer, reply)).unwrap_or(0);
    let run = Dashboard::run_before(path, written);
    let on_decision = {
        let handle = handle.clone();
        move |decision, state| decide(&handle, decision, state)
    };
    let opened = Dashboard::open(run, feed.clone(), path, on_decision);
    let dashboard = opened.inspect_err(|_| feed.close())?;
    // One that was left before stays in its place; this one then closes at once.
    handle.counters().dashboard.set(dashboard).map_err(|_| Refusal::Taken)?;
    watch_beside_dashboard(handle.clone());
    Ok(())
}

fn tell(session: &Session, refusal: &Refusal) {
    let again = watch_command(session.folder.path());
    log::info!("burnscape: no dashboard: {refusal}");
    // Formatted first, for one write: another dashboard may be drawing in the same terminal.
    let sentence = format!(
        "burnscape: no dashboard, {refusal}; values come as lines, and `{again}` shows the run elsewhere"
    );
    eprintln!("{sentence}");
}

fn decide(handle: &RecorderHandle, decision: Decision, state: RunState) {
    let counters = handle.counters();
    match (decision, state) {
        (Decision::Detach, _) => {}
        (Decision::Stop, RunState::Surface) => {
            counters.study_stop_asked.store(true, Ordering::Relaxed);
        }
        (Decision::Stop, _) => {
            counters.stop_asked.store(true, Ordering::Release);
            if let Some(interrupter) = counters.interrupter.get() {
                interrupter.stop(Some(STOPPED));
            }
        }
    }
}
