//! What a picture draws without a font: grounds, blocks, braille, marks, box lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::colours::Ink;
use super::place::{CELL_HEIGHT, CELL_WIDTH, Place};
use crate::widgets::dots;

/// Shapes by colour, in three layers.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// Grounds and halves of cells, merged along their rows: by row of half a cell.
    halves: BTreeMap<u32, Vec<Half>>,
    /// Closed outlines.
    outlines: BTreeMap<(Ink, Opacity), String>,
    /// Lines along the middles of cells.
    lines: BTreeMap<Ink, String>,
}

/// Hundredths.
type Opacity = u8;

const OPAQUE: Opacity = 100;

#[derive(Debug, PartialEq)]
struct Half {
    column: u32,
    cells: u32,
    ink: Ink,
}

/// Radius of a dot of braille; dots lie 4 apart.
const DOT_RADIUS: f64 = 1.3;
/// Columns and rows of the eight dots, in the order of their bits.
const DOTS: [(u32, u32); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];

impl Shapes {
    /// The ground and the symbol of a cell; `false`: the symbol is for a font.
    pub(super) fn add(&mut self, place: &Place<'_>) -> bool {
        let symbol = place.cell.symbol();
        let (upper, lower) = match symbol {
            "▀" => (Some(place.ink), place.ground),
            "▄" => (place.ground, Some(place.ink)),
            "█" => (Some(place.ink), Some(place.ink)),
            _ => (place.ground, place.ground),
        };
        self.add_half(place, 0, upper);
        self.add_half(place, 1, lower);
        if symbol.trim().is_empty() || ["▀", "▄", "█"].contains(&symbol) {
            return true;
        }
        self.add_braille(place, symbol)
            || self.add_block(place, symbol)
            || self.add_mark(place, symbol)
            || self.add_box(place, symbol)
    }

    /// The shapes as elements, grounds first.
    pub(super) fn finish(self) -> String {
        let mut elements = String::from("<g shape-rendering=\"crispEdges\">\n");
        for (ink, path) in paths_of_halves(&self.halves) {
            let _ = writeln!(elements, "<path fill=\"{ink}\" d=\"{path}\"/>");
        }
        elements.push_str("</g>\n");
        for ((ink, opacity), path) in self.outlines {
            let opacity = match opacity {
                OPAQUE => String::new(),
                part => format!(" fill-opacity=\"0.{part}\""),
            };
            let _ = writeln!(elements, "<path fill=\"{ink}\"{opacity} d=\"{path}\"/>");
        }
        for (ink, path) in self.lines {
            let _ = writeln!(elements, "<path fill=\"none\" stroke=\"{ink}\" d=\"{path}\"/>");
        }
        elements
    }

    /// The upper half of a cell (0) or the lower one (1), where it has a colour.
    fn add_half(&mut self, place: &Place<'_>, half: u32, ink: Option<Ink>) {
        let Some(ink) = ink else { return };
        let row = self.halves.entry(2 * place.row + half).or_default();
        match row.last_mut() {
            Some(last) if last.column + last.cells == place.column && last.ink == ink => {
                last.cells += place.cells;
            }
            _ => row.push(Half { column: place.column, cells: place.cells, ink }),
        }
    }

    fn add_braille(&mut self, place: &Place<'_>, symbol: &str) -> bool {
        let Some(bits) = dots::bits_of(symbol) else {
            return false;
        };
        let path = self.outline(place.ink);
        for (_, (column, row)) in DOTS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1) {
            let (x, y) = (place.x() + 2 + 4 * column, place.y() + 2 + 4 * row);
            push_circle(path, f64::from(x), f64::from(y), DOT_RADIUS);
        }
        true
    }

    fn add_block(&mut self, place: &Place<'_>, symbol: &str) -> bool {
        /// From the bottom and from the left, one eighth to seven.
        const LOWER: [&str; 7] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇"];
        const LEFT: [&str; 7] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        const SHADES: [(&str, Opacity); 3] = [("░", 25), ("▒", 50), ("▓", 75)];
        let eighths = |of: [&str; 7]| of.iter().position(|it| *it == symbol).map(|i| i as u32 + 1);
        if let Some(eighths) = eighths(LOWER) {
            let height = eighths * CELL_HEIGHT / 8;
            self.add_rectangle(place, (CELL_HEIGHT - height, CELL_WIDTH, height), OPAQUE);
        } else if let Some(eighths) = eighths(LEFT) {
            self.add_rectangle(place, (0, eighths * CELL_WIDTH / 8, CELL_HEIGHT), OPAQUE);
        } else if let Some((_, opacity)) = SHADES.iter().find(|(shade, _)| *shade == symbol) {
            self.add_rectangle(place, (0, CELL_WIDTH, CELL_HEIGHT), *opacity);
        } else {
            return false;
        }
        true
    }

    /// A rectangle at the left of a cell: how far below its top, how wide, how high.
    fn add_rectangle(&mut self, place: &Place<'_>, at: (u32, u32, u32), opacity: Opacity) {
        let (below, width, height) = at;
        let path = self.outlines.entry((place.ink, opacity)).or_default();
        let _ = write!(path, "M{} {}h{width}v{height}h-{width}z", place.x(), place.y() + below);
    }

    fn add_mark(&mut self, place: &Place<'_>, symbol: &str) -> bool {
        let middle = (f64::from(place.x()) + 4.0, f64::from(place.y()) + 8.0);
        let radius = match symbol {
            "●" | "○" => 3.4,
            "•" | "∙" => 2.2,
            "·" => 1.1,
            _ => return false,
        };
        let path = match symbol {
            "○" => self.lines.entry(place.ink).or_default(),
            _ => self.outline(place.ink),
        };
        push_circle(path, middle.0, middle.1, radius);
        true
    }

    fn add_box(&mut self, place: &Place<'_>, symbol: &str) -> bool {
        let Some((_, ends)) = BOX.iter().find(|(known, _)| *known == symbol) else {
            return false;
        };
        let (x, y) = (place.x() + CELL_WIDTH / 2, place.y() + CELL_HEIGHT / 2);
        let path = self.lines.entry(place.ink).or_default();
        for end in ends.chars() {
            let _ = match end {
                'l' => write!(path, "M{x} {y}h-{}", CELL_WIDTH / 2),
                'r' => write!(path, "M{x} {y}h{}", CELL_WIDTH / 2),
                'u' => write!(path, "M{x} {y}v-{}", CELL_HEIGHT / 2),
                _ => write!(path, "M{x} {y}v{}", CELL_HEIGHT / 2),
            };
        }
        true
    }

    fn outline(&mut self, ink: Ink) -> &mut String {
        self.outlines.entry((ink, OPAQUE)).or_default()
    }
}

/// Box lines and where they go from the middle of the cell: left, right, up, down.
const BOX: [(&str, &str); 15] = [
    ("─", "lr"),
    ("│", "ud"),
    ("┌", "rd"),
    ("┐", "ld"),
    ("└", "ru"),
    ("┘", "lu"),
    ("╭", "rd"),
    ("╮", "ld"),
    ("╰", "ru"),
    ("╯", "lu"),
    ("├", "rud"),
    ("┤", "lud"),
    ("┬", "lrd"),
    ("┴", "lru"),
    ("┼", "lrud"),
];

fn push_circle(path: &mut String, x: f64, y: f64, radius: f64) {
    let (left, across) = (tenths(x - radius), tenths(2.0 * radius));
    let _ = write!(
        path,
        "M{left} {}a{radius} {radius} 0 1 0 {across} 0 {radius} {radius} 0 1 0-{across} 0z",
        tenths(y)
    );
}

/// A length to a tenth; sums of tenths have no exact number in binary.
fn tenths(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

fn paths_of_halves(halves: &BTreeMap<u32, Vec<Half>>) -> BTreeMap<Ink, String> {
    let mut paths: BTreeMap<Ink, String> = BTreeMap::new();
    for (row, halves) in halves {
        for half in halves {
            let (x, y) = (half.column * CELL_WIDTH, row * CELL_HEIGHT / 2);
            let (width, height) = (half.cells * CELL_WIDTH, CELL_HEIGHT / 2);
            let path = paths.entry(half.ink).or_default();
            let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
        }
    }
    paths
}
