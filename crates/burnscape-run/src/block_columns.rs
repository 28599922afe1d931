//! The columns of a step that have a value for every block, found in one pass over the record.

use burnscape_trace::Step;
use burnscape_trace::columns::Column;

/// The columns of one step that have one value per block.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepColumns<'a> {
    found: [Option<&'a [f32]>; Column::COUNT],
}

impl<'a> StepColumns<'a> {
    /// Finds the columns of a step for so many blocks.
    pub(super) fn of(step: &'a Step, blocks: usize) -> Self {
        let mut found = [None; Column::COUNT];
        for (name, values) in &step.columns {
            if let Some(column) = Column::named(name).filter(|_| values.len() == blocks) {
                found[column as usize] = Some(&values[..]);
            }
        }
        Self { found }
    }

    /// The values of a column; `None`: not measured in this step.
    pub(super) fn get(&self, column: Column) -> Option<&'a [f32]> {
        self.found[column as usize]
    }
}
