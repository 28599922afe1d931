//! Which columns of steps stand in a table of all steps, and which were measured so rarely that they would leave it
//! nearly empty.

use burnscape_run::Steps;
use burnscape_trace::Step;

use crate::Error;
use crate::run::Run;

/// Cells that a table may have for nothing, and for each value that is told.
const FREE_CELLS: u64 = 1 << 22;
const CELLS_PER_VALUE: u64 = 256;

/// Names of the columns of steps, in the order in which they were met.
#[derive(Debug, Default)]
pub(crate) struct StepColumns<'a> {
    /// With a cell in every step.
    pub(crate) of_all_steps: Vec<&'a str>,
    /// Measured in fewer than one step of 256, where a table of all steps would be nearly empty: they have rows for the
    /// steps alone in which they were measured.
    pub(crate) rare: Vec<&'a str>,
}

impl<'a> StepColumns<'a> {
    /// # Errors
    ///
    /// [`Error::TooSparse`] where steps claim more blocks than they tell values of, so that what is written is bounded by
    /// the size of the trace. Those that were recorded have a value for each block, however rarely.
    pub(crate) fn of(run: &'a Run, table: &'static str) -> Result<Self, Error> {
        let steps = &run.history.steps;
        let names = || steps.names().iter().map(String::as_str);
        let all = Self { of_all_steps: names().collect(), rare: Vec::new() };
        if all.require_dense(steps, table).is_ok() {
            return Ok(all);
        }
        let is_rare =
            |name: &&str| times(steps, name).saturating_mul(CELLS_PER_VALUE) < steps.count();
        let (rare, of_all_steps) = names().partition(is_rare);
        let split = Self { of_all_steps, rare };
        split.require_dense(steps, table)?;
        Ok(split)
    }

    fn require_dense(&self, steps: &Steps, table: &'static str) -> Result<(), Error> {
        let rare_rows: u64 = self.rare.iter().map(|name| times(steps, name)).sum();
        let rows = [(&self.of_all_steps, steps.count()), (&self.rare, rare_rows)];
        let cells = rows.iter().fold(0_u64, |cells, (columns, rows)| {
            let series = (columns.len() as u64).saturating_mul(steps.widest() as u64);
            cells.saturating_add(series.saturating_mul(*rows))
        });
        let values = steps.values();
        match cells <= FREE_CELLS + CELLS_PER_VALUE * values {
            true => Ok(()),
            false => Err(Error::TooSparse { table, cells, values }),
        }
    }

    /// Whether a step has a value of a rare column.
    pub(crate) fn is_in_rare(&self, step: &Step) -> bool {
        self.rare.iter().any(|name| is_in(step, name))
    }
}

/// Whether a column was measured in a step.
pub(crate) fn is_in(step: &Step, column: &str) -> bool {
    step.columns.get(column).is_some_and(|values| !values.is_empty())
}

/// In how many steps a column was measured.
pub(crate) fn times(steps: &Steps, column: &str) -> u64 {
    steps.measured(column).map_or(0, |measured| measured.steps)
}
