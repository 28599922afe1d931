//! A link of 2 kB a second: how much of it passes between a key and the first that is seen of its answer. Bytes are counted,
//! so that no machine is too slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use burnscape::trace::{FORMAT, Head, Record, RunFolder, Step, Writer, record};
use burnscape_tests::pseudo_terminal::PseudoTerminal;

use super::support::{recorded_run, watch_over_link};

/// What the link carries in a second: a key is to be answered by then.
const A_SECOND: usize = 2_000;
/// Words of the help: borders are drawn after them.
const HELP: &str = "Esc closes it";
/// Bytes after which what is written at the beginning has told how slow the link is.
const SETTLED: usize = 3_000;

/// Types a key, waits until what is seen answers it, and gives the bytes until then.
fn bytes_until(terminal: &mut PseudoTerminal, key: &str, answers: impl Fn(&str) -> bool) -> usize {
    assert!(!answers(&terminal.screen()), "{key:?} has its answer before it is typed");
    let typed = terminal.bytes().len();
    terminal.type_in(key);
    terminal.wait_until(&format!("an answer to {key:?}"), |it| answers(&it.screen()));
    terminal.first_seen(typed, answers).expect("it was seen") - typed
}

fn assert_answered(terminal: &mut PseudoTerminal, key: &str, answers: impl Fn(&str) -> bool) {
    let bytes = bytes_until(terminal, key, answers);
    assert!(bytes <= A_SECOND, "{key:?} is answered after {bytes} bytes");
}

/// What stands behind a word, up to the next blank.
fn after<'a>(screen: &'a str, word: &str) -> Option<&'a str> {
    let next = screen.split(word).nth(1)?.split_whitespace().next()?;
    // What is no letter may come after them.
    Some(next.trim_end_matches('°'))
}

#[test]
fn keys_in_the_landscape_are_answered_within_a_second() {
    let mut terminal = watch_over_link(&recorded_run(), A_SECOND);
    terminal.wait_until("a beginning", |it| it.bytes().len() > SETTLED);
    // Each key is typed while what the one before it changed is still on its way.
    assert_answered(&mut terminal, "4", |screen| {
        screen.contains("4 Landscape") && screen.contains("1 pca")
    });
    assert_answered(&mut terminal, "l", |screen| screen.contains('┼') || screen.contains("cursor"));
    assert_answered(&mut terminal, "?", |screen| screen.contains(HELP));
    // All of the help is there, so that what changes next is what Escape changes.
    terminal.wait_until("all of the help", |it| {
        it.screen().contains("╭─ help") && it.screen().contains("─╯")
    });
    let whole = terminal.screen();
    assert_answered(&mut terminal, "\u{1b}", |screen| screen != whole);
    assert_answered(&mut terminal, "m", |screen| screen.contains("turn 30"));
    for _ in 0..3 {
        let turn = after(&terminal.screen(), "turn ").expect("a turn").to_owned();
        assert_answered(&mut terminal, "l", |screen| {
            after(screen, "turn ").is_some_and(|it| it != turn)
        });
    }
    terminal.type_in("q");
    assert!(terminal.wait_for_end().success());
    assert!(terminal.has_its_modes_back());
}

/// A run that is written to all the time.
fn live_run(path: &std::path::Path, ends: &AtomicBool) {
    let folder = RunFolder::create(path).expect("a new folder");
    let mut writer = Writer::create(&folder).expect("a writer");
    writer.append(&Record::Head(record!(Head { format: FORMAT }))).expect("a head");
    for step in 0.. {
        let loss = Some(2.0 / (1.0 + step as f64 / 50.0) + (step % 7) as f64 / 50.0);
        writer.append(&Record::Step(record!(Step { step, loss, lr: 0.1 }))).expect("a step");
        writer.flush().expect("a disk");
        if ends.load(Ordering::Relaxed) {
            return;
        }
        // Some steps are there at once; then they come as a training brings them.
        if step > 200 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn the_help_of_a_live_run_is_answered_within_a_second() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("live");
    let ends = Arc::new(AtomicBool::new(false));
    let writer = {
        let (path, ends) = (path.clone(), ends.clone());
        std::thread::spawn(move || live_run(&path, &ends))
    };
    while !path.join("trace.cbor").exists() {
        std::thread::yield_now();
    }
    let mut terminal = watch_over_link(&path, A_SECOND);
    terminal.wait_until("a beginning", |it| {
        it.bytes().len() > SETTLED && it.screen().contains("steps/s")
    });
    for _ in 0..2 {
        assert_answered(&mut terminal, "?", |screen| screen.contains(HELP));
        assert_answered(&mut terminal, "\u{1b}", |screen| !screen.contains(HELP));
    }
    terminal.type_in("q");
    assert!(terminal.wait_for_end().success());
    ends.store(true, Ordering::Relaxed);
    writer.join().expect("a writer that ended");
}
