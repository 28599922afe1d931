//! Keys in, list out.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::model::RunState;
use crate::runs::row::RowState;

fn row(name: &str) -> Row {
    Row {
        path: PathBuf::from(name),
        name: name.to_owned(),
        state: RowState::Run(RunState::Training),
        silent_minutes: 0,
        is_damaged: false,
        epoch: Some(3),
        planned_epochs: Some(10),
        steps: 1200,
        last_loss: Some(0.25),
        losses: vec![2.0, 1.0, 0.5, 0.25],
        best_valid_loss: Some(0.5),
        learning_rate: Some(1e-3),
        alerts: 0,
        errors: 0,
        is_whole: true,
        started_unix_secs: Some(1_700_000_000.0),
        sentence: None,
    }
}

fn list(rows: Vec<Row>) -> RunList {
    let mut list = RunList::default();
    list.set_rows(rows);
    list
}

fn press(list: &mut RunList, codes: &[KeyCode]) {
    for code in codes {
        list.handle(&Event::Key(KeyEvent::new(*code, KeyModifiers::NONE)));
    }
}

fn drawn(list: &RunList, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    list.draw(buffer.area, &mut buffer);
    buffer
}

fn lines(list: &RunList, width: u16, height: u16) -> Vec<String> {
    let text = crate::frame_text::plain(&drawn(list, width, height));
    text.lines().map(str::to_owned).collect()
}

/// The name that is drawn reversed.
fn selected(list: &RunList, width: u16, height: u16) -> String {
    let buffer = drawn(list, width, height);
    let cells = buffer.content.iter();
    cells
        .filter(|it| it.modifier.contains(Modifier::REVERSED))
        .map(ratatui::buffer::Cell::symbol)
        .collect()
}

#[test]
fn a_row_tells_where_a_run_is_in_numbers() {
    let shown = lines(&list(vec![row("sweep/a")]), 140, 10);
    assert!(shown[0].starts_with("1 run: 1 training"), "{shown:?}");
    for column in [
        "run",
        "state",
        "epoch",
        "steps",
        "loss",
        "last loss",
        "best valid",
        "lr",
        "alerts",
        "started (UTC)",
    ] {
        assert!(shown[1].contains(column), "{shown:?}");
    }
    let words: Vec<&str> = shown[2].split_whitespace().collect();
    assert_eq!(words[..4], ["sweep/a", "training", "3/10", "1200"]);
    assert!(words[4].starts_with('⠉') && words[4].ends_with('⣀'), "the loss falls: {}", words[4]);
    assert_eq!(words[5..], ["0.25", "0.5", "0.001", "2023-11-14", "22:13"]);
    assert!(shown.last().unwrap().contains("Enter open"), "{shown:?}");
}

#[test]
fn alerts_are_counted_and_a_trace_that_is_still_read_says_that_there_may_be_more() {
    let with = |alerts, is_whole| Row { alerts, is_whole, ..row("a") };
    let words = |row| alerts(&row).0;
    assert_eq!(words(with(0, true)), "");
    assert_eq!(words(with(0, false)), "…");
    assert_eq!(words(with(3, false)), "≥3");
    assert_eq!(words(with(3, true)), "3");
    assert_eq!(alerts(&Row { errors: 1, ..with(3, true) }).1.fg, Some(BAD));
}

#[test]
fn every_state_has_a_word_and_states_are_counted() {
    let of = |state, silent_minutes| Row { state, silent_minutes, ..row("a") };
    let rows = [
        (of(RowState::Run(RunState::Waiting), 0), "waiting"),
        (of(RowState::Run(RunState::Training), 0), "training"),
        (of(RowState::Run(RunState::Training), 3), "silent for 3 min"),
        (of(RowState::Run(RunState::Surface), 90), "silent for 1 h"),
        (of(RowState::Run(RunState::Finished), 90), "finished"),
        (of(RowState::Run(RunState::Interrupted), 0), "interrupted"),
        (of(RowState::Run(RunState::Stopped), 0), "stopped"),
        (of(RowState::Gone, 3), "gone"),
        (of(RowState::Unreadable, 3), "unreadable"),
    ];
    for (row, words) in &rows {
        assert_eq!(row.state_words(), *words);
    }
    let counts = list(rows.map(|(row, _)| row).to_vec()).counts();
    assert!(counts.starts_with("9 runs: 1 waiting, 1 training, 2 silent, 1 finished"), "{counts}");
    let damaged = Row { is_damaged: true, ..of(RowState::Run(RunState::Interrupted), 0) };
    assert_eq!(damaged.state_words(), "interrupted, damaged");
}

fn one(choice: Option<Choice>) -> Chosen {
    match choice {
        Some(Choice::One(chosen)) => chosen,
        other => panic!("{other:?} is not one run"),
    }
}

#[test]
fn what_is_marked_is_opened_together_in_the_order_of_the_marks_and_stays_marked_in_any_order() {
    let mut list = list(["a", "b", "c"].map(row).to_vec());
    let space = KeyCode::Char(' ');
    press(&mut list, &[KeyCode::Down, space, KeyCode::Up, KeyCode::Up, space]);
    assert!(lines(&list, 80, 10)[3].starts_with("● b"), "{:?}", lines(&list, 80, 10));
    press(&mut list, &[KeyCode::Char('v'), KeyCode::Char('4')]);
    let Some(Choice::Together(chosen, view)) = list.take_chosen() else { panic!("one run") };
    let names: Vec<&str> = chosen.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((names, view), (vec!["b", "a"], Some(ViewKind::Landscape)));
    // A mark is taken back where it was made; one run alone is none together.
    press(&mut list, &[KeyCode::Home, KeyCode::Char('g'), space, KeyCode::Enter]);
    assert!(matches!(list.take_chosen(), Some(Choice::One(_))));
    press(&mut list, &[KeyCode::Esc]);
    assert!(lines(&list, 80, 10).iter().all(|line| !line.contains('●')));
}

#[test]
fn arrows_select_and_enter_opens() {
    let mut list = list(["a", "b", "c"].map(row).to_vec());
    assert_eq!(selected(&list, 80, 10), "a");
    press(&mut list, &[KeyCode::Down, KeyCode::Char('j'), KeyCode::Down]);
    assert_eq!(selected(&list, 80, 10), "c");
    press(&mut list, &[KeyCode::Up, KeyCode::Enter]);
    let chosen = one(list.take_chosen());
    assert_eq!((chosen.path, chosen.view), (PathBuf::from("b"), None));
    assert_eq!(list.take_chosen(), None);
    press(&mut list, &[KeyCode::Char('4')]);
    assert_eq!(one(list.take_chosen()).view, Some(ViewKind::Landscape));
    press(&mut list, &[KeyCode::Char('9')]);
    assert_eq!(list.take_chosen(), None);
}

#[test]
fn the_selection_stays_with_its_run_when_others_come_and_orders_change() {
    let with = |name: &str, loss, started| Row {
        last_loss: Some(loss),
        best_valid_loss: (name != "a").then_some(1.0 - loss),
        started_unix_secs: Some(started),
        ..row(name)
    };
    let rows = vec![with("a", f64::NAN, 5.0), with("b", 0.5, f64::NAN), with("c", 0.25, 7.0)];
    let mut list = list(rows.clone());
    press(&mut list, &[KeyCode::Down]);
    let names = |list: &RunList| -> Vec<String> {
        lines(list, 100, 10)[2..]
            .iter()
            .filter_map(|line| line.split(' ').next())
            .take(3)
            .map(str::to_owned)
            .collect()
    };
    let mut orders = Vec::new();
    for _ in 0..5 {
        assert_eq!(selected(&list, 100, 10), "b");
        orders.push(names(&list).concat());
        press(&mut list, &[KeyCode::Char('v')]);
    }
    assert_eq!(orders, ["abc", "cab", "cba", "bca", "abc"]);
    list.set_rows([vec![row("0")], rows].concat());
    assert_eq!(selected(&list, 100, 10), "b");
}

#[test]
fn a_filter_shows_the_runs_whose_names_match_and_keeps_the_marks() {
    let mut list = list(["sweep/a", "sweep/b", "other/a"].map(row).to_vec());
    press(&mut list, &[KeyCode::Down, KeyCode::Char(' '), KeyCode::Char('/')]);
    "*/a".chars().for_each(|it| press(&mut list, &[KeyCode::Char(it)]));
    let shown = lines(&list, 100, 10).join("\n");
    assert!(shown.contains("/*/a") && shown.contains("2 of 3 runs"), "{shown}");
    assert!(!shown.contains("sweep/b"), "{shown}");
    // `q` is text while somebody types.
    press(&mut list, &[KeyCode::Char('q')]);
    assert!(!list.wants_quit() && lines(&list, 100, 10).join("").contains("0 of 3 runs"));
    press(&mut list, &[KeyCode::Backspace, KeyCode::Enter, KeyCode::Down, KeyCode::Enter]);
    assert_eq!(one(list.take_chosen()).name, "other/a");
    press(&mut list, &[KeyCode::Esc]);
    let shown = lines(&list, 100, 10).join("\n");
    assert!(shown.contains("● sweep/b") && !shown.contains("of 3 runs"), "{shown}");
    press(&mut list, &[KeyCode::Esc]);
    assert!(!lines(&list, 100, 10).join("").contains('●'), "one level at a time");
}

#[test]
fn the_mouse_selects_a_run_opens_the_selected_one_and_scrolls() {
    use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let mut list = list((0..50).map(|i| row(&format!("run-{i:02}"))).collect());
    let mut act = |kind, row| {
        drawn(&list, 80, 24);
        let modifiers = KeyModifiers::NONE;
        list.handle(&Event::Mouse(MouseEvent { kind, column: 3, row, modifiers }));
        (selected(&list, 80, 24), list.take_chosen())
    };
    let press = MouseEventKind::Down(MouseButton::Left);
    // Below the line of counts and the heads.
    assert_eq!(act(press, 6), ("run-04".to_owned(), None));
    assert_eq!(act(MouseEventKind::ScrollDown, 6), ("run-05".to_owned(), None));
    let (_, chosen) = act(press, 7);
    assert_eq!(one(chosen).name, "run-05");
    assert_eq!(act(press, 1), ("run-05".to_owned(), None), "on no run");
}

#[test]
fn three_hundred_runs_scroll_with_the_selection_in_sight() {
    let rows: Vec<Row> = (0..300).map(|i| row(&format!("run-{i:03}"))).collect();
    let mut list = list(rows);
    press(&mut list, &[KeyCode::End]);
    assert_eq!(selected(&list, 80, 24), "run-299");
    press(&mut list, &[KeyCode::PageUp]);
    assert_eq!(selected(&list, 80, 24), "run-289");
    press(&mut list, &[KeyCode::Home]);
    assert_eq!(selected(&list, 80, 24), "run-000");
    for at in 0..300 {
        assert_eq!(selected(&list, 80, 24), format!("run-{at:03}"));
        press(&mut list, &[KeyCode::Down]);
    }
}

#[test]
fn what_is_wrong_with_the_selected_run_stands_below_the_list() {
    let broken = Row {
        state: RowState::Unreadable,
        sentence: Some("it has format 9.0\u{1b}[2J".to_owned()),
        ..row("b")
    };
    let mut list = list(vec![row("a"), broken]);
    assert!(!lines(&list, 80, 10).join("\n").contains("format 9.0"));
    press(&mut list, &[KeyCode::Down]);
    let shown = lines(&list, 80, 10);
    assert!(shown[8].starts_with("it has format 9.0\u{fffd}[2J"), "{shown:?}");
}

#[test]
fn every_size_is_drawn_and_long_and_hostile_names_are_cut() {
    let names = ["x".repeat(120), "重み/".repeat(40), "a\u{1b}[2J\n".to_owned(), String::new()];
    let mut list = list(names.iter().map(|name| row(name)).collect());
    for with_help in [false, true] {
        for (width, height) in [(0, 0), (1, 1), (2, 3), (20, 5), (40, 12), (80, 24), (200, 60)] {
            let buffer = drawn(&list, width, height);
            let symbols = buffer.content.iter().flat_map(|cell| cell.symbol().chars());
            assert_eq!(symbols.filter(|it| it.is_control()).count(), 0);
            if !with_help && height >= 5 {
                let text = crate::frame_text::plain(&buffer);
                assert!(text.contains("training"), "{text}");
            }
        }
        press(&mut list, &[KeyCode::Char('?')]);
    }
}

#[test]
fn the_help_explains_the_keys_and_every_state() {
    let mut list = list(vec![row("a")]);
    press(&mut list, &[KeyCode::Char('?')]);
    let mut shown = lines(&list, 80, 24).join("\n");
    press(&mut list, &[KeyCode::Down; 5]);
    shown += &lines(&list, 80, 24).join("\n");
    for words in ["Enter", "silent for", "unreadable", "damaged", "gone", "alerts"] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    press(&mut list, &[KeyCode::Esc]);
    assert!(!lines(&list, 80, 24).join("\n").contains("unreadable"));
}

#[test]
fn wishes_are_for_the_loop() {
    let mut list = list(vec![row("a")]);
    for (key, wish) in [
        ('q', Wishes { quit: true, ..Wishes::default() }),
        ('u', Wishes { next_glyphs: true, ..Wishes::default() }),
        ('e', Wishes { save_picture: true, ..Wishes::default() }),
    ] {
        press(&mut list, &[KeyCode::Char(key)]);
        assert_eq!(std::mem::take(list.wishes()), wish);
    }
}
