//! The letters of a picture: each word with its place and its length.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::colours::Ink;
use super::place::{CELL_HEIGHT, CELL_WIDTH, Place};
use crate::model::xml_escaped;

/// From the top of a cell to the line on which letters stand.
const BASELINE: u32 = 12;
/// At this size the letters of usual fonts are as wide as a cell.
const FONT: &str = "font-family=\"'DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,monospace\" font-size=\"13.3\"";

/// Words by colour and weight.
#[derive(Debug, Default)]
pub(super) struct Words {
    words: BTreeMap<(Ink, bool), Vec<Word>>,
}

#[derive(Debug)]
struct Word {
    column: u32,
    row: u32,
    cells: u32,
    text: String,
}

impl Words {
    /// Takes a cell; one beside the last one of its colour goes on with its word.
    pub(super) fn add(&mut self, place: &Place<'_>) {
        let words = self.words.entry((place.ink, place.is_bold())).or_default();
        let symbol = place.cell.symbol();
        match words.last_mut() {
            Some(last) if last.row == place.row && last.column + last.cells == place.column => {
                last.cells += place.cells;
                last.text.push_str(symbol);
            }
            _ => words.push(Word {
                column: place.column,
                row: place.row,
                cells: place.cells,
                text: symbol.to_owned(),
            }),
        }
    }

    /// The words as elements.
    pub(super) fn finish(self) -> String {
        let mut elements = format!("<g {FONT}>\n");
        for ((ink, is_bold), words) in self.words {
            let weight = if is_bold { " font-weight=\"bold\"" } else { "" };
            let _ = writeln!(elements, "<g fill=\"{ink}\"{weight}>");
            for word in words {
                elements.push_str(&element(&word));
            }
            elements.push_str("</g>\n");
        }
        elements + "</g>\n"
    }
}

fn element(word: &Word) -> String {
    let (x, y) = (word.column * CELL_WIDTH, word.row * CELL_HEIGHT + BASELINE);
    let length = word.cells * CELL_WIDTH;
    let text = xml_escaped(&word.text);
    format!("<text x=\"{x}\" y=\"{y}\" textLength=\"{length}\">{text}</text>\n")
}
