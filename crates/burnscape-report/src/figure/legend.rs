//! Names with the marks of what they name, in rows between the headline and the frame.

use super::marks::{end_mark, start_mark};
use super::svg::{Anchor, FONT, Look, Svg, cut, width_of};

/// From the baseline of a row to the next.
pub(super) const ROW: f64 = 11.0;
/// Rows that a legend may take; what has no room is counted.
const MOST_ROWS: usize = 6;

/// What stands before a name.
#[derive(Clone, Copy)]
pub(super) enum Mark<'a> {
    /// The name has its own.
    None,
    Start,
    End,
    Square(&'a str),
    /// A cell with a dot.
    Dotted,
    Line(Look<'a>),
}

/// A name with its mark.
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) mark: Mark<'a>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(name: impl Into<String>, mark: Mark<'a>) -> Self {
        Self { name: name.into(), mark }
    }
}

/// Entries with their places: from the left in as many rows as it takes.
pub(super) struct Legend<'a> {
    placed: Vec<(Entry<'a>, f64, usize)>,
}

impl<'a> Legend<'a> {
    /// Between two places from left to right, in points.
    pub(super) fn new(entries: Vec<Entry<'a>>, left: f64, right: f64) -> Self {
        let (mut x, mut row) = (left, 0);
        let count = entries.len();
        let mut placed: Vec<(Entry<'a>, f64, usize)> = Vec::with_capacity(count);
        for (number, mut entry) in entries.into_iter().enumerate() {
            entry.name = cut(&entry.name, right - left - MARK);
            let wide = MARK + width_of(&entry.name);
            if x > left && x + wide > right {
                (x, row) = (left, row + 1);
            }
            if row == MOST_ROWS {
                // The last one gives way to the sentence on those that have no room.
                if let Some((last, ..)) = placed.last_mut() {
                    *last = Entry::new(format!("and {} more", count - number + 1), Mark::None);
                }
                break;
            }
            placed.push((entry, x, row));
            x += wide + 6.0;
        }
        Self { placed }
    }

    pub(super) fn rows(&self) -> usize {
        self.placed.last().map_or(0, |(_, _, row)| row + 1)
    }

    /// With the baseline of its first row.
    pub(super) fn draw(&self, baseline: f64, svg: &mut Svg) {
        for (entry, x, row) in &self.placed {
            let y = baseline + *row as f64 * ROW;
            svg.text(x + MARK, y, Anchor::Start, &entry.name);
            entry.mark.draw((x + 5.0, y - FONT * 0.36), svg);
        }
    }
}

/// Room for a mark, in points.
const MARK: f64 = 13.0;

impl Mark<'_> {
    fn draw(&self, (x, y): (f64, f64), svg: &mut Svg) {
        let square = |colour: &str, svg: &mut Svg| {
            svg.rect(x - 3.0, y - 3.0, 6.0, 6.0, &Look::outlined(colour, "#1a1a1a", 0.4));
        };
        match self {
            Self::None => {}
            Self::Start => start_mark((x, y), svg),
            Self::End => end_mark((x, y), svg),
            Self::Square(colour) => square(colour, svg),
            Self::Dotted => {
                square("#31688e", svg);
                svg.circle(x, y, 1.2, &Look::filled("#ffffff"));
            }
            Self::Line(look) => svg.line((x - 6.0, y), (x + 6.0, y), look),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legend(names: &[&str], right: f64) -> Vec<(String, f64, usize)> {
        let entries = names.iter().map(|name| Entry::new(*name, Mark::None)).collect();
        let placed = Legend::new(entries, 10.0, right).placed;
        placed.into_iter().map(|(entry, x, row)| (entry.name, x, row)).collect()
    }

    #[test]
    fn a_legend_takes_as_many_rows_as_its_names_need() {
        let placed = legend(&["a", "not measured", "b"], 90.0);
        let rows: Vec<_> = placed.iter().map(|(name, x, row)| (name.as_str(), *x, *row)).collect();
        assert_eq!(rows, [("a", 10.0, 0), ("not measured", 10.0, 1), ("b", 10.0, 2)]);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let names = ["a long name"; 10];
        let placed = legend(&names, 80.0);
        assert_eq!(placed.len(), MOST_ROWS);
        assert_eq!(placed[MOST_ROWS - 1].0, "and 5 more");
    }
}
