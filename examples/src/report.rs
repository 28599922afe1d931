//! The last words of an example: what was found, and how to look at it again.

use std::io::IsTerminal;

use burnscape::Landscape;

/// Prints the findings in words and, on a terminal, leaves the landscape on the screen.
pub fn print(landscape: &Landscape, with_picture: bool) {
    let Some(run) = landscape.run_folder() else {
        println!("burnscape was off: nothing was recorded.");
        return;
    };
    println!();
    for sentence in landscape.summary() {
        println!("{sentence}");
    }
    if with_picture && std::io::stdout().is_terminal() {
        println!();
        if let Err(error) = landscape.print() {
            eprintln!("burnscape: the landscape cannot be drawn here: {error}");
        }
    }
    println!();
    println!("Run folder: {}", run.display());
    println!("Look again: cargo run --release -p burnscape-cli -- watch {}", run.display());
}
