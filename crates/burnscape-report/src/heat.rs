//! A quantity of many blocks as a table: a row per block, the largest value in each stretch of steps.
//!
//! It is made of the steps themselves, not of curves: a cell is empty only where nothing was measured.

use burnscape_run::Measured;
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
        let mut heat = Self::begin(run, quantity, most_rows, columns);
        if let Some(heat) = &mut heat {
            run.history.steps.for_each(|step| {
                heat.take_step(step, quantity);
                Ok::<_, Error>(())
            })?;
        }
        Ok(heat)
    }

    /// The same before any step.
    pub(crate) fn begin(
        run: &Run,
        quantity: &str,
        most_rows: usize,
        columns: usize,
    ) -> Option<Self> {
        let steps = &run.history.steps;
        let rows = steps.widest().min(most_rows);
        Some(Self::empty(steps.measured(quantity)?, rows, columns))
    }

    /// Takes the quantity of a step.
    pub(crate) fn take_step(&mut self, step: &Step, quantity: &str) {
        let (values, may_miss) = (values(step, quantity), is_of_gradient(quantity));
        if values.is_empty() {
            return;
        }
        let column = self.column_of(step.step);
        for (block, &value) in values.iter().take(self.rows.len()).enumerate() {
            if !(may_miss && step.missing.contains(&(block as u32))) {
                self.take(block, column, Cell { step: step.step, value: f64::from(value) });
            }
        }
    }

    fn empty(Measured { first, last, steps }: Measured, rows: usize, columns: usize) -> Self {
        let columns = columns.min(usize::try_from(steps).unwrap_or(usize::MAX));
        Self { first, last, columns, rows: vec![vec![None; columns]; rows] }
    }

    fn take(&mut self, block: usize, column: usize, new: Cell) {
        let cell = &mut self.rows[block][column];
        let is_larger = cell.is_none_or(|known| {
            known.value.is_finite() && (!new.value.is_finite() || new.value > known.value)
        });
        if is_larger {
            *cell = Some(new);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: usize, steps: &[(u64, f64)]) -> Heat {
        let numbers = || steps.iter().map(|(step, _)| *step);
        let (first, last) = (numbers().min().unwrap(), numbers().max().unwrap());
        let mut heat = Heat::empty(Measured { first, last, steps: steps.len() as u64 }, 1, columns);
        for &(step, value) in steps {
            heat.take(0, heat.column_of(step), Cell { step, value });
        }
        heat
    }

    #[test]
    fn each_stretch_shows_its_largest_value_and_what_is_not_finite() {
        let cell = |step, value| Some(Cell { step, value });
        let steps: Vec<_> = (0..8).map(|step| (step, (step % 4) as f64)).collect();
        assert_eq!(table(2, &steps).rows[0], [cell(3, 3.0), cell(7, 3.0)]);
        let odd = [(0, 1.0), (6, f64::INFINITY), (7, 2.0)];
        assert_eq!(table(2, &odd).rows[0], [cell(0, 1.0), cell(6, f64::INFINITY)]);
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
