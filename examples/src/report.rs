//! The last words of an example: what was found, and how to look at it again.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use burnscape::Landscape;

/// All the folders that runs were recorded in; `None` where burnscape was off, which is said.
pub fn folders<'a>(runs: impl Iterator<Item = Option<&'a Path>>) -> Option<Vec<PathBuf>> {
    let folders = runs.map(|folder| folder.map(Path::to_path_buf)).collect();
    if Option::is_none(&folders) {
        println!("burnscape was off: nothing was recorded.");
    }
    folders
}

/// On a terminal leaves the landscape on the screen, and prints what matters of it in a handful of lines.
pub fn print(landscape: &Landscape, with_picture: bool) {
    // A terminal that is gone by now is no reason to fail.
    let _ = match landscape.run_folder() {
        Some(run) => print_findings(landscape, run, with_picture),
        None => writeln!(io::stdout(), "burnscape was off: nothing was recorded."),
    };
}

fn print_findings(landscape: &Landscape, run: &Path, with_picture: bool) -> io::Result<()> {
    let mut stdout = io::stdout();
    if with_picture && stdout.is_terminal() {
        writeln!(stdout)?;
        if let Err(error) = landscape.print() {
            writeln!(stdout, "burnscape: the landscape cannot be drawn here: {error}")?;
        }
    }
    writeln!(stdout, "\n{landscape}")?;
    let run = run.display();
    writeln!(stdout, "Not installed? cargo run --release --bin burnscape -- watch {run}")
}
