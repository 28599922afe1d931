//! Where the names of lines of equal loss stand on the map: on their line, and clear of each other and of the path.

use burnscape_landscape::isoline::Polyline;
use burnscape_trace::Trajectory;
use ratatui::layout::Rect;

use super::viewport::Viewport;
use crate::widgets::text;

/// Columns between a name and what else is on the map that are as good as more; a row counts as two.
const CLEAR: u16 = 12;
/// A name that is nearer than this is left out.
const NEAREST: u16 = 3;
/// Points of the path between two snapshots that names keep clear of.
const PIECES: u32 = 8;

/// Names, and the cells that are taken.
pub(super) struct Labels<'a> {
    view: &'a Viewport,
    path: Vec<(u16, u16)>,
    pub(super) placed: Vec<(String, Rect)>,
}

impl<'a> Labels<'a> {
    /// No name yet, on a map with a path.
    pub(super) fn beside(path: Option<&Trajectory>, view: &'a Viewport) -> Self {
        let points = path.into_iter().flat_map(points_on);
        Self {
            view,
            path: points.filter_map(|point| view.cell(point)).collect(),
            placed: Vec::new(),
        }
    }

    /// Names the longest of some lines that has room: where the name stands clearest, and of such places the highest.
    pub(super) fn name(&mut self, lines: &[Polyline], name: &str) {
        let mut lines: Vec<&Polyline> = lines.iter().collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.points.len()));
        let place = lines.iter().find_map(|line| self.clearest(line, text::width(name) as u16));
        self.placed.extend(place.map(|place| (name.to_owned(), place)));
    }

    fn clearest(&self, line: &Polyline, width: u16) -> Option<Rect> {
        let places = line.points.iter().filter_map(|point| self.centred(*point, width));
        let clearances = places.map(|place| (self.clearance(place), place));
        let best = clearances.max_by_key(|(clear, place)| (*clear, std::cmp::Reverse(place.y)));
        best.filter(|(clear, _)| *clear >= NEAREST).map(|(_, place)| place)
    }

    /// The cells of a name whose middle is at a point, if all are on the map, off its border.
    fn centred(&self, point: (f64, f64), width: u16) -> Option<Rect> {
        let (x, y) = self.view.cell(point)?;
        let place = Rect { x: x.checked_sub(width / 2)?, y, width, height: 1 };
        let inside = place.x > self.view.area.x && place.right() < self.view.area.right();
        inside.then_some(place)
    }

    /// Columns to the nearest name or piece of the path, up to what is enough.
    fn clearance(&self, place: Rect) -> u16 {
        let names = self.placed.iter().map(|(_, other)| distance(place, *other));
        let path =
            self.path.iter().map(|&(x, y)| distance(place, Rect { x, y, width: 1, height: 1 }));
        names.chain(path).min().unwrap_or(CLEAR).min(CLEAR)
    }
}

/// Columns from one place to another; a row is as far as two.
fn distance(a: Rect, b: Rect) -> u16 {
    let across = a.x.saturating_sub(b.right()).max(b.x.saturating_sub(a.right()));
    let is_beside = a.x < b.right() && b.x < a.right();
    let across = if is_beside { 0 } else { across + 1 };
    across.max(2 * a.y.abs_diff(b.y))
}

/// Snapshots and places between neighbouring ones.
fn points_on(path: &Trajectory) -> impl Iterator<Item = (f64, f64)> {
    let points = path.x.iter().copied().zip(path.y.iter().copied());
    let stretches = points.clone().zip(points.skip(1));
    stretches.flat_map(|(from, to)| {
        (0..=PIECES).map(move |piece| {
            let share = f64::from(piece) / f64::from(PIECES);
            (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
        })
    })
}

#[cfg(test)]
mod tests {
    use burnscape_landscape::grid::{Axis, Grid};
    use burnscape_trace::record;

    use super::super::viewport::Zoom;
    use super::*;

    fn view() -> Viewport {
        let axis = Axis::new(-10, 21, 0.1).unwrap();
        Viewport::new(
            &Grid::plane(axis, axis),
            Zoom::default(),
            (0.0, 0.0),
            Rect::new(0, 0, 60, 30),
        )
        .unwrap()
    }

    fn line(points: impl Iterator<Item = (f64, f64)>) -> Polyline {
        Polyline { points: points.collect(), closed: false }
    }

    /// A pseudo-random share, the same in every run.
    fn share(of: u32) -> f64 {
        (f64::from(of) * 12.9898).sin().abs() * 43758.5453 % 1.0
    }

    #[test]
    fn names_of_neighbouring_lines_keep_clear_of_each_other_and_of_the_path() {
        let view = view();
        for case in 0..200 {
            // Three lines a few columns apart, slanted by chance, and a path across them.
            let (slant, first) = (share(case) - 0.5, 0.6 * (share(case + 1000) - 0.5));
            let up = |i: i32| f64::from(i) / 10.0;
            let height = 1.6 * (share(case + 2000) - 0.5);
            let path = record!(Trajectory {
                x: (-10..=10).map(up).collect::<Vec<_>>().into(),
                y: vec![height; 21].into(),
            });
            let mut labels = Labels::beside(Some(&path), &view);
            for (number, name) in [(0, "1.21"), (1, "0.656"), (2, "0.1")] {
                let at = first + 0.1 * f64::from(number);
                labels.name(&[line((-10..=10).map(|i| (at + slant * up(i), up(i))))], name);
            }
            assert_eq!(labels.placed.len(), 3, "case {case}");
            for (number, (_, place)) in labels.placed.iter().enumerate() {
                let others = labels.placed.iter().skip(number + 1);
                others.for_each(|(_, other)| assert!(distance(*place, *other) >= 6, "case {case}"));
                let path = labels.path.iter().map(|&(_, y)| place.y.abs_diff(y));
                assert!(path.min().unwrap() >= 2, "case {case}");
            }
        }
    }

    #[test]
    fn a_name_without_room_is_left_out() {
        let view = view();
        let mut labels = Labels::beside(None, &view);
        let short = || [line([(0.0, 0.0), (0.01, 0.0)].into_iter())];
        labels.name(&short(), "0.5");
        labels.name(&short(), "0.25");
        labels.name(&[line([(-1.04, 0.0)].into_iter())], "at the border");
        assert_eq!(labels.placed.len(), 1);
    }
}
