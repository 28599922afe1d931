//! What a panic says and where, kept for the end of a run. The hook that listens hands everything on to the one before
//! it, which prints what it always printed.

use std::collections::VecDeque;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::{Thread, ThreadId, current, panicking};

use crate::Error;

/// Panics kept: one, and those of the threads that led to it.
const KEPT: usize = 16;

static HEARD: Mutex<Heard> = Mutex::new(Heard { count: 0, last: VecDeque::new() });

struct Heard {
    /// All so far.
    count: u64,
    last: VecDeque<Panicked>,
}

#[derive(Debug, Clone)]
struct Panicked {
    number: u64,
    thread: ThreadId,
    name: Option<String>,
    message: String,
    /// `file:line:column`.
    place: Option<String>,
}

/// Listens from now on, in the whole process; gives the number of panics heard so far.
pub(crate) fn listen() -> u64 {
    static LISTENING: Once = Once::new();
    // A thread that panics must not set a hook.
    if !panicking() {
        LISTENING.call_once(|| {
            let before = take_hook();
            set_hook(Box::new(move |info| {
                keep(Panicked::of(info, &current()));
                before(info);
            }));
        });
    }
    heard(|heard| heard.count)
}

/// What the panic says that unwinds this thread, with the first one in another thread since `since` were heard.
pub(crate) fn of_this_thread(since: u64) -> Option<String> {
    let thread = current().id();
    let all: Vec<Panicked> =
        heard(|heard| heard.last.iter().filter(|it| it.number >= since).cloned().collect());
    let last = all.iter().rfind(|it| it.thread == thread)?;
    let earlier = all.iter().find(|it| it.thread != thread && it.number < last.number);
    let earlier = earlier.map_or(String::new(), |it| {
        let name = it.name.as_ref().map_or(String::new(), |name| format!(" `{name}`"));
        format!("; before it, the thread{name} panicked{}", it.in_words())
    });
    Some(format!("training panicked{}{earlier}", last.in_words()))
}

fn keep(mut panicked: Panicked) {
    heard(|heard| {
        panicked.number = heard.count;
        heard.count += 1;
        if heard.last.len() == KEPT {
            heard.last.pop_front();
        }
        heard.last.push_back(panicked);
    });
}

fn heard<T>(look: impl FnOnce(&mut Heard) -> T) -> T {
    look(&mut HEARD.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Panicked {
    fn of(info: &PanicHookInfo<'_>, thread: &Thread) -> Self {
        Self {
            number: 0,
            thread: thread.id(),
            name: thread.name().map(str::to_owned),
            message: info.payload_as_str().unwrap_or_default().to_owned(),
            place: info.location().map(ToString::to_string),
        }
    }

    /// ` at src/model.rs:12:5: the message`.
    fn in_words(&self) -> String {
        let place = self.place.as_ref().map_or(String::new(), |place| format!(" at {place}"));
        match self.message.as_str() {
            "" => place,
            message => format!("{place}: {message}"),
        }
    }
}

/// A panic as an error.
pub(crate) fn panicked(what: &str, panic: Box<dyn std::any::Any + Send>) -> Error {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let message = text.unwrap_or_else(|| "no message".into());
    Error::Panicked { what: what.to_string(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    /// Asks while it is dropped, as a probe does.
    struct Asks(u64, std::sync::mpsc::Sender<Option<String>>);

    impl Drop for Asks {
        fn drop(&mut self) {
            let _ = self.1.send(of_this_thread(self.0));
        }
    }

    const LOADER: u32 = line!() + 3;

    fn load() {
        panic!("a file is gone");
    }

    #[test]
    fn a_panic_is_told_with_its_message_and_its_place_and_with_what_led_to_it() {
        let since = listen();
        let (sender, told) = std::sync::mpsc::channel();
        let unwound = catch_unwind(move || {
            let loader = std::thread::Builder::new().name("loader".to_owned()).spawn(load);
            let _asks = Asks(since, sender);
            loader.expect("a thread").join().expect("items");
        });
        assert!(unwound.is_err());
        let told = told.recv().expect("asked").expect("a panic");
        assert!(told.starts_with("training panicked at ") && told.contains(": items: "), "{told}");
        let earlier = format!("; before it, the thread `loader` panicked at {}:{LOADER}:", file!());
        assert!(told.contains(&earlier) && told.ends_with(": a file is gone"), "{told}");
    }
}
