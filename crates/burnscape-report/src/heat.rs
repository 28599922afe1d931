//! A quantity of many blocks as a table: a row per block, the largest value in each stretch of steps.
//!
//! It is made of the steps themselves, not of curves: a cell is empty only where nothing was measured.

use burnscape_trace::Step;
use burnscape_trace::columns::is_of_gradient;

use crate::Error;
use crate::run::Run;

/// The table.
#[derive(Debug, PartialEq)]
pub(crate) struct Heat {
    /// The first and the last step in which the quantity was measured.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) columns: usize,
    /// `None` where nothing was measured.
    pub(crate) rows: Vec<Vec<Option<Cell>>>,
}

/// The largest value in a stretch, and the step that had it; what is not finite counts as larger than anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) step: u64,
    pub(crate) value: f64,
}

impl Heat {
    /// The first `most_rows` blocks in at most `columns` stretches, no more than there are steps; `None` where the
    /// quantity was not measured.
    pub(crate) fn of(
        run: &Run,
        quantity: &str,
        most_rows: usize,
        columns: usize,
    ) -> Result<Option<Self>, Error> {
        let steps = &run.history.steps;
        let rows = steps.widest().min(most_rows);
        let mut measured = Measured::default();
        steps.for_each(|step| {
            measured.take(step.step, !values(step, quantity).is_empty());
            Ok::<_, Error>(())
        })?;
        let Some(mut heat) = measured.table(rows, columns) else { return Ok(None) };
        let may_miss = is_of_gradient(quantity);
        steps.for_each(|step| {
            for (block, &value) in values(step, quantity).iter().take(rows).enumerate() {
                if !(may_miss && step.missing.contains(&(block as u32))) {
                    heat.take(block, step.step, f64::from(value));
                }
            }
            Ok::<_, Error>(())
        })?;
        Ok(Some(heat))
    }

    fn take(&mut self, block: usize, step: u64, value: f64) {
        let column = self.column_of(step);
        let cell = &mut self.rows[block][column];
        let is_larger = cell.is_none_or(|known| {
            known.value.is_finite() && (!value.is_finite() || value > known.value)
        });
        if is_larger {
            *cell = Some(Cell { step, value });
        }
    }

    fn column_of(&self, step: u64) -> usize {
        (u128::from(step - self.first) * self.columns as u128 / self.span()) as usize
    }

    /// The first step that a column may hold; of the one behind the last column, one behind the last step.
    pub(crate) fn first_of(&self, column: usize) -> u64 {
        let before = (column as u128 * self.span()).div_ceil(self.columns as u128);
        self.first.saturating_add(u64::try_from(before).unwrap_or(u64::MAX))
    }

    fn span(&self) -> u128 {
        u128::from(self.last - self.first) + 1
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().flatten().filter_map(|cell| cell.map(|cell| cell.value))
    }
}

/// A column of a step; empty where it was not measured.
fn values<'a>(step: &'a Step, quantity: &str) -> &'a [f32] {
    step.columns.get(quantity).map_or(&[], |column| column)
}

/// In which steps a quantity was measured.
#[derive(Default)]
struct Measured {
    range: Option<(u64, u64)>,
    steps: usize,
}

impl Measured {
    fn take(&mut self, step: u64, is_measured: bool) {
        if is_measured {
            let (first, last) = self.range.unwrap_or((step, step));
            self.range = Some((first.min(step), last.max(step)));
            self.steps += 1;
        }
    }

    fn table(self, rows: usize, columns: usize) -> Option<Heat> {
        let (first, last) = self.range?;
        let columns = columns.min(self.steps);
        Some(Heat { first, last, columns, rows: vec![vec![None; columns]; rows] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: usize, steps: &[(u64, f64)]) -> Heat {
        let mut measured = Measured::default();
        steps.iter().for_each(|(step, _)| measured.take(*step, true));
        let mut heat = measured.table(1, columns).unwrap();
        steps.iter().for_each(|&(step, value)| heat.take(0, step, value));
        heat
    }

    #[test]
    fn each_stretch_shows_its_largest_value_and_what_is_not_finite() {
        let cell = |step, value| Some(Cell { step, value });
        let steps: Vec<_> = (0..8).map(|step| (step, (step % 4) as f64)).collect();
        assert_eq!(table(2, &steps).rows[0], [cell(3, 3.0), cell(7, 3.0)]);
        let odd = [(0, 1.0), (6, f64::INFINITY), (7, 2.0)];
        assert_eq!(table(2, &odd).rows[0], [cell(0, 1.0), cell(6, f64::INFINITY)]);
        assert_eq!(Measured::default().table(1, 2), None);
    }

    #[test]
    fn columns_hold_the_steps_from_their_first_to_the_next_columns() {
        for (first, steps, columns) in
            [(0, 10, 3), (7, 500, 200), (1, 201, 200), (u64::MAX - 9, 9, 4)]
        {
            let all: Vec<_> = (first..first + steps).map(|step| (step, 1.0)).collect();
            let heat = table(columns, &all);
            for (step, _) in all {
                let column = heat.column_of(step);
                assert!(heat.first_of(column) <= step && step < heat.first_of(column + 1));
            }
        }
    }
}
