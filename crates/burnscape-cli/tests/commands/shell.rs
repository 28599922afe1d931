//! What the `burnscape` command gives to a shell: completions, manual pages, exit codes in its help.

use std::fs;
use std::process::{Command, Output, Stdio};

use super::program::stdout;

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_burnscape"));
    command.args(arguments);
    command
}

fn burnscape(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

#[test]
fn each_shell_completes_commands_options_and_their_words() {
    for shell in SHELLS {
        let output = burnscape(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        // The scripts of these two know no words behind options.
        let knows_words = !["elvish", "powershell"].contains(&shell);
        let words = ["braille", "landscape"].into_iter().filter(|_| knows_words);
        for word in ["watch", "verify", "once", "glyphs"].into_iter().chain(words) {
            assert!(stdout(&output).contains(word), "{word} for {shell}");
        }
    }
}

#[test]
fn bash_reads_the_script() {
    let Some(bash) = burnscape_workbench::bash() else { return };
    let script = stdout(&burnscape(&["completions", "bash"]));
    let asked = format!(
        "{script}\nCOMP_WORDS=(burnscape watch --glyphs b); COMP_CWORD=3; COMP_LINE=x; COMP_POINT=1\n\
         _burnscape burnscape b --glyphs; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new(bash).args(["--norc", "-c", &asked]).output().unwrap();
    assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), ["braille", "block"]);
}

#[test]
fn an_unknown_shell_or_page_is_a_sentence_and_exit_code_2() {
    for (arguments, words) in [
        (["completions", "tcsh"], "possible values: bash"),
        (["man", "wach"], "the commands are watch"),
    ] {
        let output = burnscape(&arguments);
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn pages_are_written_once_and_replaced_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("man1");
    let path = path.to_str().unwrap();
    assert!(burnscape(&["man", "-o", path]).status.success());
    let page = fs::read_to_string(folder.path().join("man1/burnscape-watch.1")).unwrap();
    assert!(page.contains(".TH burnscape-watch 1") && page.contains("Exit codes"), "{page}");
    assert_eq!(page, stdout(&burnscape(&["man", "watch"])));
    let again = burnscape(&["man", "-o", path]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    assert!(burnscape(&["man", "-o", path, "--force"]).status.success());
}

#[test]
fn the_help_of_every_command_tells_the_exit_codes() {
    for arguments in
        [&["--help"][..], &["watch", "--help"], &["verify", "--help"], &["man", "--help"]]
    {
        let help = stdout(&burnscape(arguments));
        assert!(help.contains("Exit codes"), "{help}");
    }
}

#[test]
fn a_reader_that_closes_the_pipe_has_seen_enough() {
    for arguments in [&["completions", "bash"][..], &["man", "watch"]] {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert!(child.wait().unwrap().success());
    }
}
