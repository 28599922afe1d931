//! `burnscape compare`: several runs side by side, from their traces alone.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use burnscape_run::{Picture, SideBySide, SideValue, Sides};
use clap::Args;

const HELP: &str = "\
Compared are random slices that were measured the same way: around the same model (such as the final one), on the
same grid in units of the directions, scaled alike, with the same treatment of biases and BatchNorm, on the same
samples as far as the traces tell (a hash of their targets, or the name that `batches_named` gave them). Of several
such slices of a run the first is compared with the first, and so on. The models may differ. What was measured
otherwise is named and left out, as are runs that cannot be read and runs that are given twice.

Runs that differ in their seeds stand on one side: without --side those of one name but for a number at its end,
as plain-1 and plain-2; where all would stand on one side, each is one by itself. Of each number stands the mean of a
side and, with two seeds or more, the interval that holds the middle 95 % of the bootstrap over them.

OUTPUT is a run folder like any other: `burnscape watch`, report, export and verify read it. It holds the slices that
are compared on one scale, the numbers and the conclusions, and names the runs by their ways from there.

Exit codes:
  0  written; what could not be compared is told
  2  nothing was written: fewer than two runs are left, a side is empty, OUTPUT is there and not empty or
     cannot be written, or the arguments make no sense";

/// Compare runs: surfaces and numbers side by side, with how sure the differences are.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Compare {
    /// Folders of the runs, or their trace.cbor
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Folder of the comparison; it must be empty or not there
    #[arg(short, long, value_name = "OUTPUT")]
    output: PathBuf,

    /// Put runs whose name or path is like PATTERN on the side NAME; * stands for any letters
    #[arg(long = "side", value_name = "NAME=PATTERN", value_parser = side)]
    sides: Vec<(String, String)>,

    /// Each run is a side by itself
    #[arg(long, conflicts_with = "sides")]
    each: bool,
}

fn side(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, pattern)) if !name.is_empty() && !pattern.is_empty() => {
            Ok((name.to_owned(), pattern.to_owned()))
        }
        _ => Err("a side is NAME=PATTERN, such as plain=runs/plain-*".to_owned()),
    }
}

/// Writes the comparison and prints its table; what was left out goes to standard error.
pub(crate) fn run(arguments: &Compare) -> anyhow::Result<()> {
    let sides = match (arguments.each, arguments.sides.is_empty()) {
        (true, _) => Sides::Each,
        (_, true) => Sides::ByName,
        _ => Sides::Named(arguments.sides.clone()),
    };
    let beside = SideBySide::of(&arguments.runs, &sides)?;
    let folder = beside.write(&arguments.output)?;
    for why in beside.left_out() {
        eprintln!("burnscape: left out: {why}");
    }
    let text = format!("{}wrote {}\n", told(&beside), folder.path().display());
    io::stdout().write_all(text.as_bytes()).context("could not print the comparison")
}

/// The table of every picture, then what is to be known and what can be concluded.
fn told(beside: &SideBySide) -> String {
    let mut text = String::new();
    match beside.pictures() {
        [] => text += &table(beside, None),
        pictures => {
            for picture in pictures {
                text += &format!("{}\n{}", title(beside, picture), table(beside, Some(picture)));
            }
        }
    }
    let of_runs = beside.runs().iter().flat_map(|run| {
        run.remarks.iter().map(|remark| format!("{}: {remark}", run.name)).collect::<Vec<_>>()
    });
    let sentences = of_runs.chain(beside.remarks().iter().cloned()).chain(beside.sentences());
    sentences.for_each(|sentence| text += &format!("{sentence}\n"));
    text
}

fn title(beside: &SideBySide, picture: &Picture) -> String {
    let names: Vec<&str> =
        picture.slices.iter().map(|(run, _)| beside.runs()[*run].name.as_str()).collect();
    format!("`{}` of {}", picture.name, names.join(", "))
}

/// A row for each number, a column for each side; of two sides the difference as well.
fn table(beside: &SideBySide, picture: Option<&Picture>) -> String {
    let mut head = vec![String::new()];
    head.extend(beside.sides().iter().map(|side| side.name.clone()));
    let is_pair = beside.sides().len() == 2;
    head.extend(is_pair.then(|| "difference".to_owned()));
    let mut lines = vec![head];
    for row in beside.rows(picture) {
        let mut line = vec![row.label.clone()];
        line.extend(row.sides.iter().map(SideValue::in_words));
        line.extend(is_pair.then(|| row.difference_in_words(1)));
        lines.push(line);
    }
    aligned(&lines)
}

/// Columns as wide as their widest cell, with two spaces between.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
