//! Signals that concern a terminal which is ours: it is given back before a signal ends the process, a hang-up
//! ends the dashboard and not the training, and after a stop everything is drawn again.

#[cfg(unix)]
pub(crate) use unix::Signals;

#[cfg(not(unix))]
pub(crate) use elsewhere::Signals;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, OnceLock};

    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    use signal_hook::flag;
    use signal_hook::low_level::emulate_default_handler;

    /// What came, and what is done at once.
    #[derive(Debug, Default)]
    pub(crate) struct Signals {
        terminate: Watched,
        quit: Watched,
        interrupt: Watched,
        stop: Watched,
        hang_up: Watched,
        continued: Arc<AtomicBool>,
    }

    /// A signal that otherwise ends the process.
    #[derive(Debug, Default)]
    struct Watched {
        came: Arc<AtomicBool>,
        /// It ends the process, as it does without us.
        ends: Arc<AtomicBool>,
        /// The program had no handler of its own, so that it is for us to end it.
        is_ours: OnceLock<bool>,
    }

    impl Signals {
        /// Listens from now on. A process that has something else to do keeps its interrupt: a training answers it by
        /// stopping after a batch, and asks whether anybody else listens to it.
        pub(crate) fn listen(keeps_interrupt: bool) -> io::Result<&'static Self> {
            static SIGNALS: OnceLock<Signals> = OnceLock::new();
            let signals = SIGNALS.get_or_init(Self::default);
            signals.terminate.listen(SIGTERM)?;
            signals.quit.listen(SIGQUIT)?;
            signals.stop.listen(SIGTSTP)?;
            if !keeps_interrupt {
                signals.interrupt.listen(SIGINT)?;
            }
            signals.hang_up.listen(SIGHUP)?;
            static CONTINUED: OnceLock<()> = OnceLock::new();
            if CONTINUED.set(()).is_ok() {
                flag::register(SIGCONT, signals.continued.clone())?;
            }
            Ok(signals)
        }

        /// The terminal hung up.
        pub(crate) fn hung_up(&self) -> bool {
            self.hang_up.came.load(Ordering::Relaxed)
        }

        /// Somebody asked this process to end; call [`end`](Self::end) once the terminal is given back.
        pub(crate) fn terminated(&self) -> bool {
            self.endings().iter().any(|(_, watched)| watched.came.load(Ordering::Relaxed))
        }

        /// The signals that ask this process to end.
        fn endings(&self) -> [(i32, &Watched); 3] {
            [(SIGTERM, &self.terminate), (SIGQUIT, &self.quit), (SIGINT, &self.interrupt)]
        }

        /// Somebody asked this process to stop, since this was last asked: it is to give the terminal back first.
        pub(crate) fn take_stop(&self) -> bool {
            self.stop.came.swap(false, Ordering::Relaxed)
        }

        /// Stops this process as the signal would have, until it is continued.
        pub(crate) fn stop(&self) {
            if self.stop.is_ours.get() == Some(&true) {
                let _ = emulate_default_handler(SIGTSTP);
            }
        }

        /// The process was stopped and goes on, since this was last asked.
        pub(crate) fn take_continued(&self) -> bool {
            self.continued.swap(false, Ordering::Relaxed)
        }

        /// Ends the process as the signal would have; a program with a handler of its own goes on.
        pub(crate) fn end(&self) {
            for (signal, watched) in self.endings() {
                let came = watched.came.load(Ordering::Relaxed);
                if came && watched.is_ours.get() == Some(&true) {
                    let _ = emulate_default_handler(signal);
                }
            }
        }

        /// The terminal is given back: signals do again what they did. A hang-up does not, where the process
        /// is meant to outlive its terminal.
        pub(crate) fn stop_listening(&self, outlives_terminal: bool) {
            for watched in [&self.terminate, &self.quit, &self.interrupt, &self.stop] {
                watched.ends.store(true, Ordering::Relaxed);
            }
            self.hang_up.ends.store(!outlives_terminal, Ordering::Relaxed);
        }
    }

    impl Watched {
        fn listen(&self, signal: i32) -> io::Result<()> {
            self.came.store(false, Ordering::Relaxed);
            self.ends.store(false, Ordering::Relaxed);
            if self.is_ours.get().is_some() {
                return Ok(());
            }
            let was_left_alone = !is_handled(signal);
            if self.is_ours.set(was_left_alone).is_ok() {
                if was_left_alone {
                    flag::register_conditional_default(signal, self.ends.clone())?;
                }
                flag::register(signal, self.came.clone())?;
            }
            Ok(())
        }
    }

    /// Whether the program catches or ignores a signal; where the system does not tell, it is taken not to.
    fn is_handled(signal: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
        };
        (mask("SigCgt:") | mask("SigIgn:")) & (1 << (signal - 1)) != 0
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    #[derive(Debug)]
    pub(crate) struct Signals;

    impl Signals {
        pub(crate) fn listen(_: bool) -> io::Result<&'static Self> {
            Ok(&Self)
        }

        pub(crate) fn take_stop(&self) -> bool {
            false
        }

        pub(crate) fn stop(&self) {}

        pub(crate) fn hung_up(&self) -> bool {
            false
        }

        pub(crate) fn terminated(&self) -> bool {
            false
        }

        pub(crate) fn take_continued(&self) -> bool {
            false
        }

        pub(crate) fn end(&self) {}

        pub(crate) fn stop_listening(&self, _: bool) {}
    }
}
