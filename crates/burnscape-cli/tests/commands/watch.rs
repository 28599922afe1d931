//! The `burnscape` command from outside: what it prints, where, and its exit code.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use burnscape_trace::{
    Axis, End, FORMAT, Head, Nodes, Record, RunFolder, Slice, Snapshot, Step, TRACE_FILE, Writer,
    record,
};

use super::program::{stderr, stdout};

const LAST_LOSS: f64 = 0.123_456_789;
const HIGHEST: f64 = 8.25;

fn burnscape(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_burnscape"))
        .args(arguments)
        .env_remove("NO_COLOR")
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "xterm-256color")
        .output()
        .unwrap()
}

/// A finished run with a surface of 3 × 3 nodes, 0.25 in the middle and `HIGHEST` at a corner.
fn write_run(path: &Path) {
    let folder = RunFolder::create(path).unwrap();
    let mut writer = Writer::create(&folder).unwrap();
    let axis = |label: &str| {
        record!(Axis {
            label: label.into(),
            first: -1,
            count: 3,
            spacing: 1.0,
            direction_norm: 1.0,
        })
    };
    let losses = vec![1.0, 1.0, HIGHEST, 1.0, 0.25, 1.0, 1.0, 1.0, 1.0];
    let records = [
        Record::Head(record!(Head { format: FORMAT, run_id: "ab".into() })),
        Record::Snapshot(Snapshot::default()),
        Record::Step(record!(Step { loss: Some(2.5) })),
        Record::Step(record!(Step { step: 1, loss: Some(LAST_LOSS), elapsed_secs: 1.0 })),
        Record::Snapshot(record!(Snapshot { index: 1 })),
        Record::Slice(record!(Slice {
            name: "random".into(),
            x: axis("random 1"),
            y: Some(axis("random 2")),
        })),
        Record::Nodes(record!(Nodes {
            slice: 0,
            index: (0..9).collect(),
            loss: losses.into(),
            stderr: vec![0.5; 9].into(),
        })),
    ];
    for record in &records {
        writer.append(record).unwrap();
    }
    let end = record!(End { reason: "finished".into(), steps: 2 });
    writer.finish(end).unwrap();
}

fn run_in(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("digits");
    write_run(&path);
    path.to_str().unwrap().to_owned()
}

#[test]
fn once_prints_the_landscape_with_the_numbers_of_the_trace() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    for size in ["80x24", "120x40"] {
        let output = burnscape(&["watch", &run, "--once", "--size", size]);
        let frame = stdout(&output);
        assert!(output.status.success());
        for text in [
            "last loss 0.123457",
            "lowest 0.25 at (0, 0)",
            "highest 8.25 at (1, -1)",
            "snapshots 2",
            "digits",
        ] {
            assert!(frame.contains(text), "{text} in {frame}");
        }
        assert!(!frame.contains('\u{1b}'), "no colours in a pipe");
    }
}

#[test]
fn the_trace_file_will_do_and_views_have_names_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let trace = format!("{}/{TRACE_FILE}", run_in(&folder));
    let named = burnscape(&["watch", &trace, "--once", "--view", "overview"]);
    let numbered = burnscape(&["watch", &trace, "--once", "--view", "1"]);
    assert!(stdout(&named).contains("last loss 0.123457"));
    assert_eq!(named.stdout, numbered.stdout);
}

#[test]
fn colours_and_glyphs_are_as_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    let coloured = stdout(&burnscape(&["watch", &run, "--once", "--color", "true"]));
    assert!(coloured.contains("\u{1b}[0;38;2;"));
    let ascii = stdout(&burnscape(&["watch", &run, "--once", "--glyphs", "ascii"]));
    assert!(ascii.is_ascii());
}

#[test]
fn without_a_terminal_values_are_lines_until_the_run_ends() {
    let folder = tempfile::tempdir().unwrap();
    let output = burnscape(&["watch", &run_in(&folder)]);
    let lines = stdout(&output);
    assert!(output.status.success());
    assert!(lines.contains("step 1 loss 0.123457"), "{lines}");
    assert!(lines.lines().last().unwrap().starts_with("finished after 2 steps"), "{lines}");
    assert!(lines.contains("lowest 0.25 highest 8.25"), "{lines}");
}

#[test]
fn keys_are_typed_before_the_frame() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    let of = |keys: &[&str]| stdout(&burnscape(&[&["watch", &run, "--once"], keys].concat()));
    assert!(!of(&[]).contains("turn 30°"));
    assert!(of(&["--keys", "m"]).contains("turn 30°"), "{}", of(&["--keys", "m"]));
    assert!(of(&["--keys", "1"]).contains("last loss 0.123457"));
}

#[test]
fn an_empty_trace_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(TRACE_FILE), "").unwrap();
    let run = folder.path().to_str().unwrap();
    let frame = stdout(&burnscape(&["watch", run, "--once", "--size", "80x24"]));
    assert!(frame.contains("the trace is empty: nothing is recorded yet"), "{frame}");
    let info = stdout(&burnscape(&["info", run]));
    assert!(info.contains("trace     empty: nothing was recorded\n"), "{info}");
}

/// An end is written while it is followed: it is an end of nothing.
#[test]
fn lines_of_an_empty_trace_say_so_and_go_on_when_something_comes() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut writer = Writer::create(&RunFolder::create(&run).unwrap()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_burnscape"))
        .args(["watch", run.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "the trace is empty: nothing is recorded yet");
    writer.append(&Record::Head(record!(Head { format: FORMAT, run_id: "ab".into() }))).unwrap();
    writer.finish(record!(End { reason: "finished".into() })).unwrap();
    assert_eq!(lines.next().unwrap(), "run ab: 0 blocks of  on ");
    assert!(lines.next().unwrap().starts_with("finished after 0 steps"));
    assert!(child.wait().unwrap().success());
}

#[test]
fn numbers_of_json_are_as_short_as_they_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut writer = Writer::create(&RunFolder::create(&run).unwrap()).unwrap();
    writer.append(&Record::Head(record!(Head { format: FORMAT }))).unwrap();
    let rates = [1e-7, 1.0000000000000001e-7, 2.5e-10, 0.001, 1e300, 3.0];
    for (step, lr) in (0..).zip(rates) {
        writer.append(&Record::Step(record!(Step { step, lr }))).unwrap();
    }
    writer.finish(record!(End { reason: "finished".into() })).unwrap();
    let lines = stdout(&burnscape(&["watch", run.to_str().unwrap(), "--json"]));
    let written: Vec<&str> = lines.lines().filter_map(|it| it.split("\"lr\":").nth(1)).collect();
    let written: Vec<&str> = written.iter().filter_map(|it| it.split(',').next()).collect();
    let expected = ["1e-7", "1.0000000000000001e-7", "2.5e-10", "0.001", "1e+300", "3.0"];
    assert_eq!(written, expected, "{lines}");
}

#[test]
fn a_view_that_there_is_not_is_answered_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let output = burnscape(&["watch", &run_in(&folder), "--view", "9"]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for view in ["overview", "gradients", "activations", "landscape", "sharpness"] {
        assert!(told.contains(view), "{told}");
    }
}

#[test]
fn what_is_no_run_is_a_sentence_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("notes.txt"), "hello").unwrap();
    fs::create_dir(path("empty")).unwrap();
    fs::create_dir(path("text")).unwrap();
    fs::write(path("text/trace.cbor"), "this is no trace at all, but long enough").unwrap();
    for (name, words) in [
        ("missing", "there is no run folder"),
        ("notes.txt", "is not a run"),
        ("empty", "there is no run in"),
        ("text", "is not a burnscape trace"),
    ] {
        for arguments in [vec!["watch"], vec!["watch", "--once"]] {
            let path = path(name);
            let output = burnscape(&[arguments, vec![&path]].concat());
            assert_eq!(output.status.code(), Some(2), "{name}");
            assert!(stderr(&output).contains(words), "{name}: {}", stderr(&output));
            assert!(output.stdout.is_empty());
        }
    }
}

#[test]
fn a_newer_format_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    let trace = Path::new(&run).join(TRACE_FILE);
    let mut bytes = fs::read(&trace).unwrap();
    // The head is `… "format": [1, 1] …`: text of 6 letters, array of 2.
    let at = bytes.windows(7).position(|window| window == b"format\x82").unwrap() + 7;
    bytes[at] = 9;
    // The frame: tag, array, checksum (bytes 5 to 8), tag 24, length (bytes 12 to 15), payload.
    let length = u32::from_be_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let checksum = crc32fast::hash(&bytes[16..16 + length]);
    bytes[5..9].copy_from_slice(&checksum.to_be_bytes());
    fs::write(&trace, bytes).unwrap();
    let output = burnscape(&["watch", &run, "--once"]);
    assert_eq!(output.status.code(), Some(2));
    let [major, minor] = FORMAT;
    let expected = format!("has format 9.{minor}, this program knows {major}.{minor}");
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
}

#[test]
fn a_damaged_run_is_drawn_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    let trace = Path::new(&run).join(TRACE_FILE);
    let mut bytes = fs::read(&trace).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&trace, bytes).unwrap();
    let output = burnscape(&["watch", &run, "--once", "--view", "1"]);
    assert!(output.status.success());
    assert!(stdout(&output).contains("damaged"), "{}", stdout(&output));
}

#[test]
fn a_torn_end_is_drawn_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    let trace = Path::new(&run).join(TRACE_FILE);
    let whole = fs::read(&trace).unwrap();
    for cut in [1, 5, 20] {
        fs::write(&trace, &whole[..whole.len() - cut]).unwrap();
        let output = burnscape(&["watch", &run, "--once", "--view", "1"]);
        assert!(output.status.success());
        assert!(stdout(&output).contains("the last record is not whole"), "{}", stdout(&output));
    }
}

#[test]
fn arguments_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    for wrong in [
        vec!["--once", "--size", "80"],
        vec!["--once", "--view", "9"],
        vec!["--color", "blue"],
        vec!["--glyphs", "emoji"],
        vec!["--fps", "0"],
    ] {
        let output = burnscape(&[vec!["watch", &run], wrong.clone()].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!stderr(&output).is_empty());
    }
}

#[test]
fn the_help_tells_the_exit_codes() {
    let help = stdout(&burnscape(&["watch", "--help"]));
    assert!(help.contains("Exit codes") && help.contains("--once"), "{help}");
}

#[test]
fn the_help_names_every_action_that_a_key_can_mean() {
    let help = stdout(&burnscape(&["watch", "--help"]));
    let words: Vec<&str> = help.split_whitespace().collect();
    let missing = burnscape_tui::ACTION_NAMES.split(", ").find(|name| !words.contains(name));
    assert_eq!(missing, None, "{help}");
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_its_file_and_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    let file = folder.path().join("burnscape/config.toml");
    fs::create_dir(folder.path().join("burnscape")).unwrap();
    let told = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_burnscape"));
        command.args(["watch", &run, "--once"]).env("XDG_CONFIG_HOME", folder.path());
        let output = command.output().unwrap();
        (output.status.code(), stderr(&output))
    };
    for (text, parts) in [
        ("theme = \"dark\"\n\n[keys]\nleave = \"x\"", ["line 4", "`leave`", "quit, help, command"]),
        ("[keys]\nquit = \"ctrl-c\"", ["line 2", "`ctrl-c`", "a character, space, ctrl-a"]),
        ("[keys]\nquit = \"x\"", ["[keys]", "`x` means both quit and log-steps", "another key"]),
        ("fps = 1000", ["line 1", "`1000`", "from 0.1 to 30"]),
    ] {
        let (code, told) = told(text);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(file.to_str().unwrap()), "{told}");
        assert!(parts.iter().all(|part| told.contains(part)), "{parts:?} in {told}");
    }
    assert_eq!(told("[keys]\nquit = \"x\"\nlog-steps = \"\"").0, Some(0));
}

#[test]
fn an_empty_trace_is_a_run_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    fs::File::create(folder.path().join(TRACE_FILE)).unwrap().flush().unwrap();
    let output = burnscape(&["watch", folder.path().to_str().unwrap(), "--once"]);
    assert!(stdout(&output).contains("waiting"), "{}", stderr(&output));
}

/// A folder with a finished run, one that waits, and one that is no trace.
fn write_runs(root: &Path) {
    write_run(&root.join("sweep/a"));
    for (name, trace) in [("sweep/b", ""), ("odd", "this is no trace at all, but long enough")] {
        fs::create_dir_all(root.join(name)).unwrap();
        fs::write(root.join(name).join(TRACE_FILE), trace).unwrap();
    }
}

#[test]
fn a_folder_of_runs_is_a_list_as_high_as_it_has_runs() {
    let folder = tempfile::tempdir().unwrap();
    write_runs(folder.path());
    let root = folder.path().to_str().unwrap();
    let output = burnscape(&["watch", root, "--once"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let list = stdout(&output);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 5, "{list}");
    assert!(lines[0].starts_with("3 runs: 1 unreadable, 1 finished, 1 waiting"), "{list}");
    for (line, words) in
        [(2, ["odd", "unreadable"]), (3, ["sweep/a", "finished"]), (4, ["sweep/b", "waiting"])]
    {
        assert!(words.iter().all(|word| lines[line].contains(word)), "{words:?} in {list}");
    }
    assert!(lines[3].contains("0.123457"), "{list}");
    let sized = stdout(&burnscape(&["watch", root, "--once", "--size", "40x3"]));
    assert_eq!(sized.lines().count(), 3, "{sized}");
}

#[test]
fn several_runs_are_a_list_in_the_order_given() {
    let folder = tempfile::tempdir().unwrap();
    write_runs(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let list = stdout(&burnscape(&[
        "watch",
        &path("sweep/b"),
        &path("sweep/a"),
        "--once",
        "--size",
        "160x9",
    ]));
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[2].contains("waiting") && lines[3].contains("finished"), "{list}");
    let wrong = burnscape(&["watch", &path("sweep/a"), &path("missing"), "--once"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("there is no run folder"), "{}", stderr(&wrong));
}

#[test]
fn a_list_of_three_hundred_runs_is_printed_whole() {
    let folder = tempfile::tempdir().unwrap();
    (0..300).for_each(|i| write_run(&folder.path().join(format!("run-{i:03}"))));
    let list = stdout(&burnscape(&["watch", folder.path().to_str().unwrap(), "--once"]));
    assert_eq!(list.lines().count(), 302);
    assert!(list.starts_with("300 runs: 300 finished"), "{list}");
    assert!(list.lines().last().unwrap().starts_with("run-299"), "{list}");
}

#[test]
fn without_a_terminal_lines_of_several_runs_begin_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    write_run(&folder.path().join("a"));
    write_run(&folder.path().join("b"));
    fs::create_dir(folder.path().join("c")).unwrap();
    fs::write(folder.path().join("c").join(TRACE_FILE), "this is no trace, but long enough")
        .unwrap();
    let output = burnscape(&["watch", folder.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = stdout(&output);
    for line in ["a: step 1 loss 0.123457", "b: finished after 2 steps", "c: "] {
        assert!(lines.lines().any(|told| told.starts_with(line)), "{line} in {lines}");
    }
}

#[test]
fn a_frame_becomes_a_picture_and_no_file_is_replaced_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    let file = folder.path().join("map.svg");
    let path = file.to_str().unwrap();
    let once = ["watch", &run, "--once", "--size", "80x24", "--svg", path];
    let output = burnscape(&once);
    assert_eq!(stdout(&output), format!("wrote {path}\n"));
    let picture = fs::read(&file).unwrap();
    let text = String::from_utf8(picture.clone()).unwrap();
    assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
    assert!(text.contains("<title>burnscape: landscape of digits</title>"), "{text}");
    let again = burnscape(&once);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    fs::write(&file, "").unwrap();
    assert!(burnscape(&[&once[..], &["--force"]].concat()).status.success());
    assert_eq!(fs::read(&file).unwrap(), picture, "the same frame gives the same bytes");
}

#[test]
fn options_that_need_once_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(&folder);
    for wrong in [vec!["--svg", "x.svg"], vec!["--size", "80x24"], vec!["--once", "--force"]] {
        let output = burnscape(&[vec!["watch", &run], wrong.clone()].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn json_is_an_object_a_line_with_the_values_of_the_trace() {
    let folder = tempfile::tempdir().unwrap();
    let output = burnscape(&["watch", &run_in(&folder), "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["run"] == "digits"), "{text}");
    let steps: Vec<_> = lines.iter().filter(|line| line["kind"] == "step").collect();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[1]["loss"], LAST_LOSS);
    assert_eq!(lines.last().unwrap()["reason"], "finished");
}
