//! A test whose tool is hidden fails where tools are demanded; else it is told and counted, once.

use std::process::{Command, Output};

use burnscape_workbench as workbench;
use burnscape_workbench::{STRICT, Skipped};

/// What the tests below run in a process of its own.
#[test]
#[ignore = "started by the other tests, with tools hidden"]
fn takes_tools() {
    workbench::chromium();
    workbench::tmux();
    workbench::tmux();
    workbench::bash();
    workbench::mounts_of_its_own();
    workbench::linux_path("/dev/null/nothing");
    workbench::python("numpy");
    assert_eq!(workbench::pythons_of_each_cbor2("numpy"), [] as [String; 0]);
}

#[test]
#[ignore = "started by the other tests, with tools hidden"]
fn takes_another_tool() {
    workbench::tmux();
}

/// Runs one of the two tests above where no program is found.
fn without_programs(test: &str, strict: Option<&str>) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "--ignored", test]);
    for variable in ["BURNSCAPE_CHROMIUM", "BURNSCAPE_PYTHON", "BURNSCAPE_PYTHON_CBOR2_5", STRICT] {
        command.env_remove(variable);
    }
    command.env("PATH", "/dev/null").envs(strict.map(|value| (STRICT, value)));
    command.output().expect("this program starts")
}

fn told(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it)).concat()
}

#[test]
fn a_test_that_lacks_a_tool_fails_where_tools_are_demanded_and_says_how_to_get_it() {
    let output = without_programs("takes_another_tool", Some("1"));
    assert!(!output.status.success(), "{}", told(&output));
    for part in ["takes_another_tool", "tmux is not there", STRICT, "install the package `tmux`"] {
        assert!(told(&output).contains(part), "{part} in {}", told(&output));
    }
}

/// All in one test: what is counted is counted for this process.
#[test]
fn without_that_demand_it_passes_and_is_told_and_counted_once() {
    let nothing = Skipped::take_from(std::process::id());
    assert_eq!((nothing.len(), nothing.is_empty()), (0, true));
    assert_eq!(nothing.to_string(), "Tests skipped: none, every tool was there.");

    for (test, strict) in [("takes_tools", None), ("takes_another_tool", Some("0"))] {
        let output = without_programs(test, strict);
        assert!(output.status.success(), "{}", told(&output));
        let line =
            format!("SKIPPED missing::{test}: tmux is not there: install the package `tmux`");
        assert!(told(&output).contains(&line), "{line} in {}", told(&output));
    }
    let skipped = Skipped::take_from(std::process::id());
    assert_eq!(skipped.len(), 2);
    let expected = "Tests skipped, in whole or in part: 2 (2 for tmux; 1 for /dev/null/nothing; \
                    1 for Python with cbor2 5, numpy; 1 for Python with cbor2 6, numpy; \
                    1 for Python with numpy; 1 for a namespace with mounts of its own; 1 for bash; \
                    1 for chromium). \
                    BURNSCAPE_TEST_STRICT=1 makes them fail, with how to get it.";
    assert_eq!(skipped.to_string(), expected);
    assert!(Skipped::take_from(std::process::id()).is_empty(), "it is told once");
}
