//! The same inside GNU screen, where it is installed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use burnscape_tests::pseudo_terminal::PseudoTerminal;
use burnscape_workbench::gnu_screen;
use tempfile::TempDir;

use super::support::{WATCHER, recorded_run, start};

/// A shell in screen, in a terminal that shows 24 bits of colour.
struct GnuScreen {
    folder: TempDir,
    terminal: PseudoTerminal,
}

impl GnuScreen {
    /// `None` where there is no screen.
    fn start() -> Option<Self> {
        let program = gnu_screen()?;
        let folder = tempfile::tempdir().expect("a folder");
        // screen demands that nobody else may look into it.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).expect("its mode");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings =
            format!("startup_message off\nlogfile {}\nlogfile flush 0\n", path("written"));
        std::fs::write(path("settings"), settings).expect("a file");
        let settings = path("settings");
        let words = [program, "-c", &settings, "-U", "-L", "sh", "-i"];
        let sockets = folder.path().display().to_string();
        let variables =
            [("SCREENDIR", sockets.as_str()), ("COLORTERM", "truecolor"), ("PS1", "$ ")];
        let terminal = start(&words, &variables, None, true);
        terminal.wait_for("$");
        Some(Self { folder, terminal })
    }

    /// Everything that programs wrote in it.
    fn written(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("written")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn watch(&mut self, run: &Path) {
        self.terminal.type_in(&format!("{WATCHER} {}\r", run.display()));
        self.terminal.wait_for("tour  finished");
    }
}

/// The landscape of the recorded run in a terminal of 256 colours, without anything between.
fn direct(run: &Path) -> PseudoTerminal {
    let run = run.to_str().expect("a UTF-8 path");
    let mut terminal = start(&[WATCHER, run], &[], None, true);
    terminal.wait_for("tour  finished");
    show_landscape(&mut terminal);
    terminal
}

fn show_landscape(terminal: &mut PseudoTerminal) {
    terminal.type_in("4");
    terminal
        .wait_until("the map", |it| it.screen().contains("1 pca") && it.screen().contains("PC 1"));
}

#[test]
fn in_gnu_screen_colours_are_right_keys_work_and_the_terminal_is_given_back() {
    let Some(mut screen) = GnuScreen::start() else { return };
    let run = recorded_run();
    screen.watch(&run);
    show_landscape(&mut screen.terminal);
    let direct = direct(&run);
    // Both may still be drawing.
    screen
        .terminal
        .wait_until("the same cells in the same colours", |it| it.cells() == direct.cells());
    screen.terminal.type_in("m");
    screen.terminal.wait_for("turn 30°");
    screen.terminal.type_in("\u{1b}[C");
    screen.terminal.wait_until("a turn", |it| {
        !it.screen().contains("turn 30°") && it.screen().contains("turn ")
    });
    screen.terminal.type_in("?");
    screen.terminal.wait_for("╭─ help");
    // screen keeps an Escape to itself until another key comes: it may begin a sequence.
    screen.terminal.type_in("?");
    screen.terminal.wait_until("no help", |it| !it.screen().contains("╭─ help"));
    screen.terminal.type_in("q");
    // Nothing of the picture stands beside what comes next.
    screen.terminal.wait_until("the shell alone", |it| {
        it.screen().trim_end().ends_with('$') && !it.screen().contains("tour")
    });
    assert!(screen.terminal.shows_cursor());
    screen.terminal.type_in("echo still $((40 + 2)) here\r");
    screen.terminal.wait_for("still 42 here");
    let written = screen.written();
    assert!(written.contains("8;5;") && !written.contains("8;2;"), "256 colours and no 24 bits");
    assert!(
        !written.contains("\u{1b}]11;?"),
        "screen hands this on to a terminal that is not ours"
    );
    screen.terminal.type_in("exit\r");
    assert!(screen.terminal.wait_for_end().success());
    assert!(screen.terminal.has_its_modes_back());
}
