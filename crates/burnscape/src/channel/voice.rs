//! Who tells a person what a probe has to say: the lines of our renderer, or standard error; what finds a screen of
//! another program on the terminal waits until that is closed.

use std::fmt;
use std::io::Write;
use std::sync::Mutex;

/// Sentences kept for whoever will tell them.
const MOST_KEPT: usize = 200;

/// Tells sentences, each once.
pub(crate) struct Voice {
    said: Mutex<Said>,
    outlet: Box<dyn Outlet>,
}

/// What waits to be told.
#[derive(Default)]
struct Said {
    /// For the lines of our renderer.
    for_lines: Vec<String>,
    /// Renderers that print lines at present.
    line_printers: usize,
    /// For standard error, once no screen is in the way.
    waiting: Vec<String>,
    /// Renderers around which ours are, and after whose end a screen is free.
    screens: usize,
}

/// Where sentences go that no renderer of ours prints.
pub(crate) trait Outlet: Send + Sync {
    /// Another program has the terminal for a screen of its own.
    fn is_held(&self) -> bool;

    /// Writes a line.
    fn write(&self, line: &str);
}

impl Voice {
    pub fn new(outlet: impl Outlet + 'static) -> Self {
        Self { said: Mutex::default(), outlet: Box::new(outlet) }
    }

    /// A sentence that is worth a line, and no interruption.
    pub fn note(&self, sentence: String) {
        self.with(|said| keep(&mut said.for_lines, sentence));
    }

    /// A sentence that a person should see at once; on a dashboard of ours it stands already.
    pub fn alert(&self, sentence: String, has_dashboard: bool) {
        let printed_elsewhere = self.with(|said| {
            let is_elsewhere = has_dashboard || said.line_printers > 0;
            let list = if is_elsewhere { &mut said.for_lines } else { &mut said.waiting };
            keep(list, sentence);
            is_elsewhere
        });
        if printed_elsewhere == Some(false) {
            self.tell_if_free();
        }
    }

    /// Tells what waits, if no screen is in the way.
    pub fn tell_if_free(&self) {
        let waits = self.with(|said| !said.waiting.is_empty()).unwrap_or(false);
        if waits && !self.outlet.is_held() {
            self.tell_all();
        }
    }

    /// Tells what still waits when a recording ends, unless a renderer is there that will.
    pub fn tell_at_end(&self) {
        if self.with(|said| said.screens == 0).unwrap_or(false) {
            self.tell_all();
        }
    }

    /// A renderer begins to print what is kept for lines.
    pub fn lines_begin(&self) {
        self.with(|said| said.line_printers += 1);
    }

    /// It prints no more.
    pub fn lines_end(&self) {
        self.with(|said| said.line_printers = said.line_printers.saturating_sub(1));
    }

    /// A renderer may open a screen, and is going to say when it is closed.
    pub fn screen_begins(&self) {
        self.with(|said| said.screens += 1);
    }

    /// Its screen is closed.
    pub fn screen_ends(&self) {
        self.with(|said| said.screens = said.screens.saturating_sub(1));
        self.tell_all();
    }

    /// What nobody has printed as a line yet.
    pub fn take_lines(&self) -> Vec<String> {
        self.with(|said| std::mem::take(&mut said.for_lines)).unwrap_or_default()
    }

    fn tell_all(&self) {
        let waiting = self.with(|said| std::mem::take(&mut said.waiting)).unwrap_or_default();
        waiting.iter().for_each(|sentence| self.outlet.write(&format!("burnscape: {sentence}")));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Said) -> T) -> Option<T> {
        self.said.lock().ok().map(|mut said| change(&mut said))
    }
}

/// Nobody may be there to take sentences, ever.
fn keep(list: &mut Vec<String>, sentence: String) {
    if list.len() < MOST_KEPT {
        list.push(sentence);
    }
}

impl Default for Voice {
    fn default() -> Self {
        Self::new(StandardError)
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Voice(..)")
    }
}

/// The standard error of this process.
pub(crate) struct StandardError;

impl Outlet for StandardError {
    /// A terminal whose output is not processed: lines would become stairs across the screen that somebody draws.
    #[cfg(unix)]
    fn is_held(&self) -> bool {
        use rustix::termios::{OutputModes, tcgetattr};
        // No terminal: nothing to be in the way of.
        tcgetattr(std::io::stderr())
            .is_ok_and(|terminal| !terminal.output_modes.contains(OutputModes::OPOST))
    }

    #[cfg(not(unix))]
    fn is_held(&self) -> bool {
        use std::io::IsTerminal;
        std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
    }

    fn write(&self, line: &str) {
        // A closed standard error is no reason to disturb training.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// An outlet for tests, which keeps what was written.
#[cfg(test)]
pub(crate) mod paper {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    use super::Outlet;

    #[derive(Clone, Default)]
    pub(crate) struct Paper {
        pub held: Arc<AtomicBool>,
        lines: Arc<Mutex<Vec<String>>>,
    }

    impl Outlet for Paper {
        fn is_held(&self) -> bool {
            self.held.load(Ordering::Relaxed)
        }

        fn write(&self, line: &str) {
            self.lines.lock().unwrap().push(line.to_owned());
        }
    }

    impl Paper {
        /// What was written since the last call.
        pub fn lines(&self) -> Vec<String> {
            std::mem::take(&mut self.lines.lock().unwrap())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::paper::Paper;
    use super::*;

    fn voice() -> (Voice, Paper) {
        let paper = Paper::default();
        (Voice::new(paper.clone()), paper)
    }

    #[test]
    fn an_alert_is_told_at_once_where_nothing_is_in_the_way() {
        let (voice, paper) = voice();
        voice.alert("the loss leaps".to_owned(), false);
        assert_eq!(paper.lines(), ["burnscape: the loss leaps"]);
        assert_eq!(voice.take_lines(), [] as [String; 0]);
    }

    #[test]
    fn an_alert_waits_until_the_screen_is_closed_and_comes_once() {
        let (voice, paper) = voice();
        voice.screen_begins();
        paper.held.store(true, Ordering::Relaxed);
        voice.alert("first".to_owned(), false);
        voice.alert("second".to_owned(), false);
        voice.tell_if_free();
        voice.tell_at_end();
        assert_eq!(paper.lines(), [] as [String; 0]);
        voice.screen_ends();
        assert_eq!(paper.lines(), ["burnscape: first", "burnscape: second"]);
        voice.tell_at_end();
        assert_eq!(paper.lines(), [] as [String; 0]);
    }

    #[test]
    fn a_screen_that_nobody_tells_the_end_of_costs_no_alert() {
        let (voice, paper) = voice();
        paper.held.store(true, Ordering::Relaxed);
        voice.alert("first".to_owned(), false);
        paper.held.store(false, Ordering::Relaxed);
        voice.tell_if_free();
        assert_eq!(paper.lines(), ["burnscape: first"]);
        paper.held.store(true, Ordering::Relaxed);
        voice.alert("second".to_owned(), false);
        voice.tell_at_end();
        assert_eq!(paper.lines(), ["burnscape: second"]);
    }

    #[test]
    fn what_our_lines_or_dashboard_print_is_not_printed_beside_them() {
        let (voice, paper) = voice();
        voice.note("a note".to_owned());
        voice.alert("on the dashboard".to_owned(), true);
        voice.lines_begin();
        voice.alert("among the lines".to_owned(), false);
        assert_eq!(voice.take_lines(), ["a note", "on the dashboard", "among the lines"]);
        voice.lines_end();
        voice.alert("afterwards".to_owned(), false);
        assert_eq!(paper.lines(), ["burnscape: afterwards"]);
    }

    #[test]
    fn sentences_that_nobody_takes_are_no_leak() {
        let (voice, _) = voice();
        (0..10 * MOST_KEPT).for_each(|number| voice.note(number.to_string()));
        assert_eq!(voice.take_lines().len(), MOST_KEPT);
    }
}
