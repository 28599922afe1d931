//! Where the steps of a chart lie on the screen, as it was drawn last: for the mouse.

use std::cell::RefCell;

use ratatui::layout::{Position, Rect};

use super::step_axis::StepAxis;

/// The cells of a picture over steps, and which steps they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plot {
    /// The cells, without numbers and titles.
    pub area: Rect,
    /// Which steps lie where.
    pub steps: StepAxis,
}

impl Plot {
    /// The step below a column of the screen; at an end for columns beyond it.
    #[must_use]
    pub fn step_at(&self, column: u16) -> u64 {
        let last = self.area.width.saturating_sub(1).max(1);
        let column = column.saturating_sub(self.area.x).min(last);
        self.steps.step_at(f64::from(column) / f64::from(last))
    }

    /// Steps from one column to another; negative to the left.
    #[must_use]
    pub fn steps_between(&self, from: u16, to: u16) -> i64 {
        let columns = f64::from(self.area.width.saturating_sub(1).max(1));
        let steps = self.steps.ends.1.saturating_sub(self.steps.ends.0) as f64;
        ((f64::from(to) - f64::from(from)) / columns * steps).round() as i64
    }
}

/// The pictures over steps of a view. It is filled while they are drawn.
#[derive(Debug, Default)]
pub struct Plots(RefCell<Vec<Plot>>);

impl Plots {
    /// Forgets all: they are drawn anew.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Takes what was drawn; `None`: there was no room, or nothing to draw.
    pub fn add(&self, plot: Option<Plot>) {
        self.0.borrow_mut().extend(plot);
    }

    /// The one at a place of the screen.
    #[must_use]
    pub fn at(&self, (column, row): (u16, u16)) -> Option<Plot> {
        let is_there = |plot: &&Plot| plot.area.contains(Position::new(column, row));
        self.0.borrow().iter().find(is_there).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(log: bool) -> Plot {
        let steps = StepAxis { ends: (100, 500), data: (100, 500), log };
        Plot { area: Rect::new(10, 2, 41, 5), steps }
    }

    #[test]
    fn a_column_is_the_step_that_is_drawn_there() {
        for log in [false, true] {
            let plot = plot(log);
            assert_eq!((plot.step_at(10), plot.step_at(50)), (100, 500));
            assert_eq!((plot.step_at(0), plot.step_at(99)), (100, 500), "beyond its ends");
            let steps: Vec<u64> = (10..=50).map(|column| plot.step_at(column)).collect();
            assert!(steps.is_sorted(), "{steps:?}");
        }
        // On a logarithmic axis the first steps are farther apart than columns.
        for column in 10..=50 {
            let plot = plot(false);
            let drawn = plot.steps.column(plot.step_at(column), plot.area.width);
            assert_eq!(drawn, Some(column - 10));
        }
        assert_eq!(plot(false).step_at(20), 200);
        assert_eq!(plot(false).steps_between(30, 20), -100);
    }

    #[test]
    fn pictures_are_found_where_they_were_drawn_last() {
        let plots = Plots::default();
        plots.add(Some(plot(false)));
        plots.add(None);
        assert_eq!(plots.at((10, 6)), Some(plot(false)));
        assert_eq!((plots.at((9, 6)), plots.at((10, 7))), (None, None));
        plots.clear();
        assert_eq!(plots.at((10, 6)), None);
    }
}
