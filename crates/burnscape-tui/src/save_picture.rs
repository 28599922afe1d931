//! A view as files: a picture in SVG and text, under names that were free.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ratatui::buffer::Buffer;

use crate::frame_svg::svg;
use crate::frame_text;
use crate::terminal_profile::{ColourDepth, Glyphs, TerminalProfile};

/// Pictures of one view of one run; the next one has to go elsewhere.
const MAX_NUMBER: u32 = 9999;
/// Characters of a run's name in the name of a file.
const MAX_NAME: usize = 60;

/// Writes a frame as [`save`] does, and says where it is or why not.
pub(crate) fn saved(frame: &Buffer, folder: &Path, names: (&str, &str), glyphs: Glyphs) -> String {
    match save(frame, folder, names, glyphs) {
        Ok(path) => format!("wrote {} and .txt", shown(&path)),
        Err(error) => format!("could not write the view into this folder: {error}"),
    }
}

/// The whole path where it is known: the reader may have forgotten where the program was started.
fn shown(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Writes a frame, which is in true colour and all glyphs, as `burnscape-RUN-VIEW-N.svg` and `.txt` into a
/// folder, with the first `N` of which there is neither; the text has the glyphs asked for. Gives the path of
/// the picture.
fn save(
    frame: &Buffer,
    folder: &Path,
    (run, view): (&str, &str),
    glyphs: Glyphs,
) -> io::Result<PathBuf> {
    let stem = format!("burnscape-{}-{}", plain_name(run), plain_name(view));
    let picture = svg(frame, &format!("burnscape: {view} of {run}"));
    let mut lines = frame.clone();
    TerminalProfile { colours: ColourDepth::None, glyphs }.adapt(&mut lines);
    for number in 1..=MAX_NUMBER {
        let path = |ending: &str| folder.join(format!("{stem}-{number}.{ending}"));
        let (image, text) = (path("svg"), path("txt"));
        if text.symlink_metadata().is_ok() || !create(&image, &picture)? {
            continue;
        }
        create(&text, &frame_text::plain(&lines))?;
        return Ok(image);
    }
    Err(io::Error::other("all numbers are taken"))
}

/// Writes a new file; `false`: there is one.
fn create(path: &Path, contents: &str) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(contents.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The letters, digits, dots and underscores of a name, all else as `-`: a name that every file system takes.
fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._".contains(c) { c } else { '-' };
    let name: String = name.chars().take(MAX_NAME).map(plain).collect();
    if name.is_empty() { "run".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Buffer {
        Buffer::with_lines(["loss 0.25 ─"])
    }

    #[test]
    fn pictures_are_numbered_and_none_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let names = ("runs/a b", "Loss");
        std::fs::write(folder.path().join("burnscape-runs-a-b-Loss-2.txt"), "mine").unwrap();
        for number in [1, 3] {
            let path = save(&frame(), folder.path(), names, Glyphs::Ascii).unwrap();
            let expected = folder.path().join(format!("burnscape-runs-a-b-Loss-{number}.svg"));
            assert_eq!(path, expected);
            let text = std::fs::read_to_string(expected.with_extension("txt")).unwrap();
            assert_eq!(text, "loss 0.25 -\n");
        }
        let mine = std::fs::read_to_string(folder.path().join("burnscape-runs-a-b-Loss-2.txt"));
        assert_eq!(mine.unwrap(), "mine");
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error_and_not_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        assert!(save(&frame(), &gone, ("a", "b"), Glyphs::Ascii).is_err());
    }

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(plain_name("../e\u{1b}[2J/重"), "..-e--2J--");
        assert_eq!(plain_name(""), "run");
        assert_eq!(plain_name(&"x".repeat(300)).len(), MAX_NAME);
    }
}
