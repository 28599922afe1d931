//! The viewer without a terminal: files change, keys come, time passes; what is on the screen?

use std::fs;
use std::thread;
use std::time::Instant;

use burnscape_trace::{End, FORMAT, Head, Record, RunFolder, Step, Writer, record};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;

/// As the loop may wait at most, with the time of a frame, so that what is new is seen within 500 ms.
const LONGEST_DELAY: Duration = Duration::from_millis(250);

struct Scene {
    root: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn start(&self, name: &str, run_id: &str) -> Writer {
        let mut writer = Writer::create(&RunFolder::create(self.path(name)).unwrap()).unwrap();
        let head = record!(Head { format: FORMAT, run_id: run_id.into() });
        writer.append(&Record::Head(head)).unwrap();
        writer.flush().unwrap();
        writer
    }

    fn viewer(&self, names: &[&str]) -> Viewer {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        let sources = Sources::new(&paths).unwrap();
        let keys = Bindings::default();
        Viewer::new(sources, ViewKind::Overview, self.root.path(), keys).unwrap()
    }
}

fn step(writer: &mut Writer, step: u64, loss: f64) {
    writer.append(&Record::Step(record!(Step { step, loss: Some(loss) }))).unwrap();
    writer.flush().unwrap();
}

fn screen(viewer: &Viewer) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 24));
    viewer.draw(buffer.area, &mut buffer);
    crate::frame_text::plain(&buffer)
}

fn press(viewer: &mut Viewer, code: KeyCode) {
    viewer.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    let wishes = viewer.take_wishes();
    if wishes.show_list {
        viewer.show_list();
    }
    if wishes.save_picture {
        let said = viewer.save_picture(Rect::new(0, 0, 100, 24), Glyphs::Ascii);
        viewer.say(said);
    }
}

/// Refreshes until the screen says something: the list is read by a thread.
fn until(viewer: &mut Viewer, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !screen(viewer).contains(words) {
        assert!(Instant::now() < deadline, "no {words} in {}", screen(viewer));
        viewer.refresh_at(SystemTime::now());
        thread::yield_now();
    }
}

#[test]
fn a_new_record_is_on_the_screen_after_one_look_and_looks_are_never_far_apart() {
    let scene = Scene::new();
    let mut writer = scene.start("a", "1");
    let mut viewer = scene.viewer(&["a"]);
    for i in 0..50 {
        // Long pauses, in which followers look less and less often.
        for _ in 0..i {
            assert!(viewer.refresh_at(SystemTime::now()) <= LONGEST_DELAY);
        }
        step(&mut writer, i, 1.0 + i as f64 / 128.0);
        viewer.refresh_at(SystemTime::now());
        assert!(viewer.take_changed());
        let expected = format!("last loss {}", crate::numbers::loss(1.0 + i as f64 / 128.0));
        assert!(screen(&viewer).contains(&expected), "{expected} in {}", screen(&viewer));
    }
}

#[test]
fn nothing_is_drawn_again_while_nothing_happens() {
    let scene = Scene::new();
    step(&mut scene.start("a", "1"), 0, 1.0);
    let mut viewer = scene.viewer(&["a"]);
    let now = SystemTime::now();
    viewer.refresh_at(now);
    assert!(viewer.take_changed());
    for _ in 0..10 {
        viewer.refresh_at(now);
        assert!(!viewer.take_changed());
    }
    viewer.refresh_at(now + Duration::from_secs(200));
    assert!(viewer.take_changed());
    assert!(screen(&viewer).contains("silent for 3 min"), "{}", screen(&viewer));
}

#[test]
fn a_run_that_is_deleted_is_a_sentence_until_it_returns() {
    let scene = Scene::new();
    let mut writer = scene.start("a", "1");
    step(&mut writer, 0, 0.375);
    let mut viewer = scene.viewer(&["a"]);
    let now = SystemTime::now();
    viewer.refresh_at(now);
    fs::rename(scene.path("a"), scene.path("away")).unwrap();
    viewer.refresh_at(now);
    let gone = screen(&viewer);
    assert!(gone.contains("the run folder is gone") && gone.contains("last loss 0.375"), "{gone}");
    press(&mut viewer, KeyCode::Char('2'));
    assert!(screen(&viewer).contains("the run folder is gone"), "{}", screen(&viewer));
    press(&mut viewer, KeyCode::Char('1'));
    fs::rename(scene.path("away"), scene.path("a")).unwrap();
    step(&mut writer, 1, 0.25);
    viewer.refresh_at(now);
    let back = screen(&viewer);
    assert!(!back.contains("gone") && back.contains("last loss 0.25"), "{back}");
}

#[test]
fn a_run_that_takes_the_folder_of_another_is_shown_from_its_beginning() {
    let scene = Scene::new();
    step(&mut scene.start("a", "1"), 0, 0.375);
    let mut viewer = scene.viewer(&["a"]);
    fs::remove_dir_all(scene.path("a")).unwrap();
    let mut writer = scene.start("a", "2");
    (0..3).for_each(|i| step(&mut writer, i, 0.5));
    viewer.refresh_at(SystemTime::now());
    viewer.refresh_at(SystemTime::now());
    let shown = screen(&viewer);
    assert!(shown.contains("another run took the folder"), "{shown}");
    assert!(shown.contains("last loss 0.5") && !shown.contains("0.375"), "{shown}");
}

#[test]
fn a_trace_that_becomes_unreadable_is_a_sentence_and_no_end() {
    let scene = Scene::new();
    step(&mut scene.start("a", "1"), 0, 0.375);
    let mut viewer = scene.viewer(&["a"]);
    let trace = scene.path("a").join(burnscape_trace::TRACE_FILE);
    let whole = fs::read(&trace).unwrap();
    fs::write(&trace, "this is no trace, and it is longer than the one before it ".repeat(9))
        .unwrap();
    let now = SystemTime::now();
    viewer.refresh_at(now);
    viewer.refresh_at(now);
    let shown = screen(&viewer);
    assert!(shown.contains("is not a burnscape trace"), "{shown}");
    fs::write(&trace, whole).unwrap();
    viewer.refresh_at(now);
    assert!(screen(&viewer).contains("last loss 0.375"), "{}", screen(&viewer));
    assert!(!screen(&viewer).contains("is not a"), "{}", screen(&viewer));
}

#[test]
fn a_list_opens_runs_and_is_come_back_to() {
    let scene = Scene::new();
    let mut writer = scene.start("runs/a", "1");
    step(&mut writer, 0, 0.375);
    step(&mut scene.start("runs/b", "2"), 4, 0.125);
    let mut viewer = scene.viewer(&["runs"]);
    until(&mut viewer, "0.125");
    press(&mut viewer, KeyCode::Down);
    press(&mut viewer, KeyCode::Enter);
    let opened = screen(&viewer);
    assert!(opened.starts_with("b  training") && opened.contains("last loss 0.125"), "{opened}");
    assert!(opened.contains("L list"), "{opened}");
    press(&mut viewer, KeyCode::Char('L'));
    let list = screen(&viewer);
    assert!(list.starts_with("2 runs: 2 training"), "{list}");
    press(&mut viewer, KeyCode::Up);
    press(&mut viewer, KeyCode::Char('2'));
    assert!(screen(&viewer).starts_with("a  training"), "{}", screen(&viewer));
    assert!(screen(&viewer).contains("2 Gradients"), "{}", screen(&viewer));
    step(&mut writer, 1, 0.0625);
    press(&mut viewer, KeyCode::Char('L'));
    until(&mut viewer, "0.0625");
}

#[test]
fn runs_that_come_and_go_are_seen_in_the_list() {
    let scene = Scene::new();
    drop(scene.start("runs/a", "1"));
    let mut viewer = scene.viewer(&["runs"]);
    assert!(screen(&viewer).contains("waiting"), "{}", screen(&viewer));
    let end = record!(End { reason: "interrupted".into() });
    scene.start("runs/new", "2").finish(end).unwrap();
    until(&mut viewer, "new");
    until(&mut viewer, "interrupted");
    fs::remove_dir_all(scene.path("runs/a")).unwrap();
    until(&mut viewer, "gone");
    press(&mut viewer, KeyCode::Enter);
    assert!(screen(&viewer).contains("there is no run folder"), "{}", screen(&viewer));
}

#[test]
fn a_view_becomes_files_in_the_folder_of_the_viewer_and_says_so() {
    let scene = Scene::new();
    step(&mut scene.start("a", "1"), 0, 0.375);
    let mut viewer = scene.viewer(&["a"]);
    press(&mut viewer, KeyCode::Char('e'));
    assert!(screen(&viewer).contains("wrote "), "{}", screen(&viewer));
    let text = fs::read_to_string(scene.path("burnscape-a-Overview-1.txt")).unwrap();
    assert!(text.contains("last loss 0.375") && text.is_ascii(), "{text}");
    let svg = fs::read_to_string(scene.path("burnscape-a-Overview-1.svg")).unwrap();
    assert!(svg.contains(">0.375</text>"), "{svg}");
    press(&mut viewer, KeyCode::Char('p'));
    assert!(!screen(&viewer).contains("wrote "), "{}", screen(&viewer));
    fs::create_dir(scene.path("gone")).unwrap();
    viewer.folder = scene.path("gone");
    fs::remove_dir(scene.path("gone")).unwrap();
    press(&mut viewer, KeyCode::Char('e'));
    assert!(screen(&viewer).contains("could not write"), "{}", screen(&viewer));
}

#[test]
fn there_is_no_list_for_one_run() {
    let scene = Scene::new();
    drop(scene.start("a", "1"));
    let mut viewer = scene.viewer(&["a"]);
    press(&mut viewer, KeyCode::Char('L'));
    assert!(screen(&viewer).contains("this is the only run"), "{}", screen(&viewer));
}

#[test]
fn runs_that_are_marked_are_opened_together_and_left_again() {
    let scene = Scene::new();
    for name in ["a", "b", "c"] {
        step(&mut scene.start(name, name), 0, 0.5);
    }
    let mut viewer = scene.viewer(&["a", "b", "c"]);
    until(&mut viewer, "3 runs");
    press(&mut viewer, KeyCode::Char(' '));
    press(&mut viewer, KeyCode::Down);
    press(&mut viewer, KeyCode::Char(' '));
    assert!(screen(&viewer).contains("2 runs marked"), "{}", screen(&viewer));
    press(&mut viewer, KeyCode::Enter);
    let shown = screen(&viewer);
    assert!(shown.contains("2 runs together") && shown.contains("/a (training)"), "{shown}");
    assert!(shown.contains("/c (training)") && !shown.contains("/b (training)"), "{shown}");
    press(&mut viewer, KeyCode::Char('L'));
    press(&mut viewer, KeyCode::Esc);
    assert!(!screen(&viewer).contains("marked"));
    press(&mut viewer, KeyCode::Enter);
    assert!(!screen(&viewer).contains("together"));
}

/// Three notes of 3 MB: two are more than one look reads.
#[test]
fn how_much_of_a_long_run_is_read_is_told_until_it_is_whole() {
    let scene = Scene::new();
    let mut writer = scene.start("run", "a");
    for _ in 0..3 {
        let note = record!(burnscape_trace::Note { text: "n".repeat(3_000_000) });
        writer.append(&Record::Note(note)).unwrap();
    }
    writer.flush().unwrap();
    let mut viewer = scene.viewer(&["run"]);
    assert!(screen(&viewer).contains("reading 66 %"), "{}", screen(&viewer));
    viewer.refresh_at(SystemTime::now());
    assert!(!screen(&viewer).contains("reading"), "{}", screen(&viewer));
}

#[test]
fn a_writer_that_is_killed_is_missed_at_once() {
    let scene = Scene::new();
    let mut writer = scene.start("a", "1");
    step(&mut writer, 0, 1.0);
    let mut viewer = scene.viewer(&["a"]);
    let now = SystemTime::now();
    viewer.refresh_at(now);
    assert!(screen(&viewer).starts_with("a  training"), "{}", screen(&viewer));
    drop(writer);
    viewer.refresh_at(now + Duration::from_secs(1));
    viewer.refresh_at(now + Duration::from_secs(4));
    let header = screen(&viewer).lines().next().unwrap_or_default().to_owned();
    assert!(header.contains("process gone 3 s ago"), "{header}");
}

#[test]
fn keys_of_the_readers_own_work_in_lists_and_runs_and_stand_in_help_and_footer() {
    let scene = Scene::new();
    for name in ["a", "b"] {
        step(&mut scene.start(name, name), 0, 1.0);
    }
    let mut keys = Bindings::default();
    for (action, key) in [("quit", "x"), ("log-steps", ""), ("down", "ctrl-n"), ("list", "z")] {
        keys.bind(action, key.parse().unwrap()).unwrap();
    }
    let sources = Sources::new(&[scene.path("a"), scene.path("b")]).unwrap();
    let mut viewer = Viewer::new(sources, ViewKind::Overview, scene.root.path(), keys).unwrap();
    until(&mut viewer, "2 training");
    assert!(screen(&viewer).contains("x quit"), "{}", screen(&viewer));
    viewer.handle(&Event::Key(KeyEvent::new(KeyCode::Char('n'), KeyModifiers::CONTROL)));
    press(&mut viewer, KeyCode::Enter);
    assert!(screen(&viewer).contains("/b  training"), "{}", screen(&viewer));
    assert!(screen(&viewer).contains("x quit  ? help  z list"), "{}", screen(&viewer));
    press(&mut viewer, KeyCode::Char('q'));
    assert!(!viewer.wants_quit(), "its key means nothing any more");
    press(&mut viewer, KeyCode::Char('?'));
    let help: String = (0..30)
        .map(|_| {
            press(&mut viewer, KeyCode::Down);
            screen(&viewer)
        })
        .collect();
    assert!(
        help.contains("x, Ctrl-C") && help.contains("z             list of several runs"),
        "{help}"
    );
    press(&mut viewer, KeyCode::Esc);
    press(&mut viewer, KeyCode::Char('z'));
    assert!(screen(&viewer).starts_with("2 runs"), "{}", screen(&viewer));
    press(&mut viewer, KeyCode::Char('x'));
    assert!(viewer.wants_quit());
}
