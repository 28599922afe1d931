//! What a program prints while a dashboard has its terminal: it would tear the picture, and the picture would cover it. So
//! it goes into a file, and its end is left on the terminal when that is given back.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::model::printable;
use crate::tty::{Stream, Streams};

/// Name of the file in the run folder.
pub(crate) const PRINTED_FILE: &str = "printed.txt";
/// Bytes of it that are left on the terminal at most: some hundred lines.
const LEFT_AT_MOST: u64 = 16 << 10;

/// Standard streams that lead into a file.
#[derive(Debug)]
pub(crate) struct Printed {
    path: PathBuf,
    file: File,
    /// Where what is printed from now on begins.
    begins: u64,
    streams: Streams,
}

impl Printed {
    /// Leads those of the standard streams into a file that lead to the terminal of this process; `None` where none
    /// does, or it cannot be done: then what is printed is printed.
    pub(crate) fn divert(path: &Path) -> Option<Self> {
        let led = Stream::that_lead_to_the_terminal();
        if led.is_empty() {
            return None;
        }
        let file = OpenOptions::new().create(true).append(true).read(true).open(path).ok()?;
        let begins = file.metadata().ok()?.len();
        let _ = io::stdout().flush();
        let streams = Streams::divert(&led, &file).ok()?;
        Some(Self { path: path.to_owned(), file, begins, streams })
    }

    /// Gives the streams back; what was printed meanwhile, or its end and where the rest is.
    pub(crate) fn give_back(self) -> String {
        let _ = io::stdout().flush();
        let Self { path, mut file, begins, streams } = self;
        streams.give_back();
        let printed = read_end(&mut file, begins).unwrap_or_default();
        let is_empty = file.metadata().is_ok_and(|it| it.len() == 0);
        if is_empty {
            let _ = std::fs::remove_file(&path);
        }
        match printed {
            (text, 0) => text,
            (text, left_out) => {
                format!("burnscape: {left_out} bytes before this are in {}\n{text}", path.display())
            }
        }
    }
}

/// The lines that a program prints while a dashboard has its terminal, as they come.
#[derive(Debug)]
pub(crate) struct PrintedLines {
    path: PathBuf,
    begins: u64,
    seen: u64,
}

impl PrintedLines {
    /// Those that are printed into a file from now on.
    pub(crate) fn from_now_on(path: PathBuf) -> Self {
        let begins = path.metadata().map_or(0, |it| it.len());
        Self { path, begins, seen: begins }
    }

    /// The last lines, where there are others than when this was last asked.
    pub(crate) fn newest(&mut self) -> Option<Vec<String>> {
        let length = self.path.metadata().ok()?.len();
        if std::mem::replace(&mut self.seen, length) == length {
            return None;
        }
        let (text, _) = read_end(&mut File::open(&self.path).ok()?, self.begins).ok()?;
        // What a bar of progress has written over is not seen on a terminal either.
        let seen = |line: &str| printable(line.trim_end_matches('\r').rsplit('\r').next()?).into();
        Some(text.lines().filter_map(seen).collect())
    }
}

/// What a file holds from a place on, whole lines at its end if that is much, and how much was left out.
fn read_end(file: &mut File, begins: u64) -> io::Result<(String, u64)> {
    let end = file.metadata()?.len();
    let from = begins.max(end.saturating_sub(LEFT_AT_MOST));
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(end.saturating_sub(from)).read_to_end(&mut bytes)?;
    let line = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let cut = if from > begins { line } else { 0 };
    let text = String::from_utf8_lossy(&bytes[cut..]).into_owned();
    Ok((text, from - begins + cut as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(lines: usize, begins: u64) -> (String, u64) {
        let mut file = tempfile::tempfile().unwrap();
        for line in 0..lines {
            writeln!(file, "line {line:06}").unwrap();
        }
        read_end(&mut file, begins).unwrap()
    }

    #[test]
    fn lines_are_told_as_they_come_without_those_of_earlier_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PRINTED_FILE);
        std::fs::write(&path, "of an earlier run\n").unwrap();
        let mut lines = PrintedLines::from_now_on(path.clone());
        assert_eq!(lines.newest(), None);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        write!(file, "epoch 1\n 10 %\r 50 %\r100 %\nlist\u{1b}[2J").unwrap();
        let expected = ["epoch 1", "100 %", "list\u{fffd}[2J"];
        assert_eq!(lines.newest().unwrap(), expected);
        assert_eq!(lines.newest(), None);
    }

    #[test]
    fn what_was_printed_is_left_whole_or_from_the_beginning_of_a_line_on() {
        assert_eq!(end_of(2, 0), ("line 000000\nline 000001\n".to_owned(), 0));
        assert_eq!(end_of(2, 12), ("line 000001\n".to_owned(), 0));
        assert_eq!(end_of(0, 0), (String::new(), 0));
        // 12 bytes a line: 16 KiB hold 1365 of them and a part of one more.
        let (text, left_out) = end_of(10_000, 0);
        assert_eq!(left_out, 12 * (10_000 - 1365));
        assert!(text.starts_with("line 008635\n") && text.ends_with("line 009999\n"));
    }
}
