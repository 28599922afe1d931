//! The steps of a run, row by row: in memory while they are few, else in a file that goes away.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};

use burnscape_trace::Step;
use tempfile::NamedTempFile;

use crate::Error;

/// Bytes of rows that are kept in memory.
const MEMORY_BYTES: usize = 64 << 20;
/// Names of columns that a run may have: more is damage.
const MAX_COLUMNS: usize = 1000;
/// Series of values that columns may claim for nothing, and for each value that is told.
const FREE_SERIES: usize = 1 << 18;
const SERIES_PER_VALUE: usize = 4;
/// Cells of a table of all steps and columns for nothing, and for each value that is told.
const FREE_CELLS: u64 = 1 << 22;
const CELLS_PER_VALUE: u64 = 64;
/// Stands for a number that is unknown.
const UNKNOWN: u64 = u64::MAX;

/// All steps that are recorded.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    written: u64,
    buffer: Vec<u8>,
    spilled: Option<NamedTempFile>,
    /// Values per column: the longest row.
    widest: usize,
    /// Values that are kept.
    values: usize,
    /// Columns of a step that were left out since there are too many, or they claim too much.
    left_out: u64,
}

/// One step. Columns that were not measured in it are empty.
#[derive(Debug, Default, Clone)]
pub(crate) struct Row {
    pub(crate) step: u64,
    pub(crate) batches: u64,
    pub(crate) epoch: Option<u64>,
    pub(crate) iteration: Option<u64>,
    pub(crate) accumulated: u64,
    pub(crate) elapsed_secs: f64,
    pub(crate) lr: f64,
    pub(crate) loss: Option<f64>,
    pub(crate) missing: Vec<u32>,
    /// In the order of [`Steps::names`].
    pub(crate) columns: Vec<Vec<f32>>,
}

/// A quantity of steps: its name, and where it lies.
pub(crate) type Named<T> = (&'static str, fn(&Row) -> T);

impl Row {
    /// A value of a column; `None` where it was not measured.
    pub(crate) fn value(&self, column: usize, block: usize) -> Option<f32> {
        self.columns.get(column)?.get(block).copied()
    }
}

impl Steps {
    /// Names of the columns, in the order in which they were met.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The longest column of any step.
    pub(crate) fn widest(&self) -> usize {
        self.widest
    }

    /// What was left out, as a sentence.
    pub(crate) fn lost(&self) -> Option<String> {
        (self.left_out > 0).then(|| {
            format!("{} columns of steps, which claim more than the trace holds", self.left_out)
        })
    }

    /// That a table with a row per step and a column per quantity and block is not nearly empty.
    pub(crate) fn require_dense(&self, table: &'static str) -> Result<(), Error> {
        let cells = (self.names.len() as u64).saturating_mul(self.widest as u64);
        let cells = cells.saturating_mul(self.written);
        let values = self.values as u64;
        match cells <= FREE_CELLS + CELLS_PER_VALUE * values {
            true => Ok(()),
            false => Err(Error::TooSparse { table, cells, values }),
        }
    }

    pub(crate) fn push(&mut self, step: &Step) -> Result<(), Error> {
        let start = self.buffer.len();
        self.buffer.extend([0; 4]);
        self.append_numbers(step);
        self.append_columns(step);
        let bytes = (self.buffer.len() - start - 4) as u32;
        self.buffer[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
        self.written += 1;
        match self.buffer.len() > MEMORY_BYTES {
            true => self.spill().map_err(Error::Scratch),
            false => Ok(()),
        }
    }

    fn append_numbers(&mut self, step: &Step) {
        let whole = [
            step.step,
            step.batches,
            step.epoch.unwrap_or(UNKNOWN),
            step.iteration.unwrap_or(UNKNOWN),
            u64::from(step.accumulated),
            step.elapsed_secs.to_bits(),
            step.lr.to_bits(),
            u64::from(step.loss.is_some()),
            step.loss.unwrap_or_default().to_bits(),
            step.missing.len() as u64,
        ];
        self.buffer.extend(whole.iter().flat_map(|number| number.to_le_bytes()));
        self.buffer.extend(step.missing.iter().flat_map(|block| block.to_le_bytes()));
    }

    fn append_columns(&mut self, step: &Step) {
        for (name, values) in &step.columns {
            let Some(column) = self.column_of(name, values.len()) else {
                self.left_out += 1;
                continue;
            };
            self.widest = self.widest.max(values.len());
            self.values += values.len();
            self.buffer.extend((column as u32).to_le_bytes());
            self.buffer.extend((values.len() as u32).to_le_bytes());
            self.buffer.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
    }

    /// Its number; `None` where all columns together, each as long as the longest, would claim more than the values
    /// that are told prove.
    fn column_of(&mut self, name: &str, values: usize) -> Option<usize> {
        let known = self.by_name.get(name).copied();
        let (number, wide) = (self.names.len(), self.widest.max(values));
        let columns = number + usize::from(known.is_none());
        let proven = FREE_SERIES + SERIES_PER_VALUE * (self.values + values);
        if columns > MAX_COLUMNS || columns.saturating_mul(wide) > proven {
            return None;
        }
        known.or_else(|| {
            self.names.push(name.to_owned());
            self.by_name.insert(name.to_owned(), number);
            Some(number)
        })
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.spilled {
            Some(file) => file,
            None => self.spilled.insert(NamedTempFile::new()?),
        };
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Gives every step, in order.
    pub(crate) fn for_each(
        &self,
        mut take: impl FnMut(&Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut rows = Rows::new(self).map_err(Error::Scratch)?;
        while rows.advance().map_err(Error::Scratch)? {
            take(&rows.row)?;
        }
        Ok(())
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.written
    }
}

/// Goes over the rows; the row is reused.
struct Rows<'a> {
    input: Box<dyn Read + 'a>,
    left: u64,
    bytes: Vec<u8>,
    row: Row,
}

impl<'a> Rows<'a> {
    fn new(steps: &'a Steps) -> io::Result<Self> {
        let spilled: Option<File> =
            steps.spilled.as_ref().map(NamedTempFile::reopen).transpose()?;
        let input: Box<dyn Read + 'a> = match spilled {
            Some(file) => {
                Box::new(BufReader::with_capacity(1 << 20, file).chain(&steps.buffer[..]))
            }
            None => Box::new(&steps.buffer[..]),
        };
        let columns = vec![Vec::new(); steps.names.len()];
        let row = Row { columns, ..Row::default() };
        Ok(Self { input, left: steps.written, bytes: vec![], row })
    }

    /// Goes to the next row; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        let mut length = [0; 4];
        self.input.read_exact(&mut length)?;
        self.bytes.resize(u32::from_le_bytes(length) as usize, 0);
        self.input.read_exact(&mut self.bytes)?;
        parse(&self.bytes, &mut self.row);
        self.left -= 1;
        Ok(true)
    }
}

/// Reads what [`Steps::push`] wrote.
fn parse(bytes: &[u8], row: &mut Row) {
    let mut rest = bytes;
    let mut word = || u64::from_le_bytes(take(&mut rest));
    let known = |number| (number != UNKNOWN).then_some(number);
    row.step = word();
    row.batches = word();
    row.epoch = known(word());
    row.iteration = known(word());
    row.accumulated = word();
    row.elapsed_secs = f64::from_bits(word());
    row.lr = f64::from_bits(word());
    let has_loss = word() == 1;
    let loss = f64::from_bits(word());
    row.loss = has_loss.then_some(loss);
    let missing = word();
    row.missing.clear();
    row.missing.extend((0..missing).map(|_| u32::from_le_bytes(take(&mut rest))));
    parse_columns(rest, &mut row.columns);
}

fn parse_columns(mut rest: &[u8], columns: &mut [Vec<f32>]) {
    columns.iter_mut().for_each(Vec::clear);
    while !rest.is_empty() {
        let column = u32::from_le_bytes(take(&mut rest)) as usize;
        let bytes = 4 * u32::from_le_bytes(take(&mut rest)) as usize;
        let (values, later) = rest.split_at(bytes);
        let (values, _) = values.as_chunks::<4>();
        columns[column].extend(values.iter().map(|value| f32::from_le_bytes(*value)));
        rest = later;
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (first, later) = rest.split_first_chunk().expect("a row is as long as it was written");
    *rest = later;
    *first
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn step(step: u64, loss: f64) -> Step {
        let columns = [("grad_norm".to_owned(), vec![f32::NAN, step as f32].into())].into();
        record!(Step { step, loss: Some(loss), columns, missing: vec![1].into() })
    }

    fn told(steps: &Steps) -> Vec<(u64, f64)> {
        let mut told = Vec::new();
        let each = steps.for_each(|row| {
            assert_eq!(row.value(0, 1), Some(row.step as f32));
            assert!(row.value(0, 0).unwrap().is_nan() && row.missing == [1]);
            told.push((row.step, row.loss.unwrap()));
            Ok(())
        });
        each.unwrap();
        assert_eq!(steps.count(), told.len() as u64);
        told
    }

    #[test]
    fn rows_in_a_file_are_the_rows_in_memory() {
        let mut steps = Steps::default();
        for at in 0..100 {
            steps.push(&step(at, at as f64)).unwrap();
            if at % 7 == 0 {
                steps.spill().unwrap();
            }
        }
        assert_eq!(told(&steps), (0..100).map(|at| (at, at as f64)).collect::<Vec<_>>());
    }

    #[test]
    fn unknown_numbers_stay_unknown() {
        let mut steps = Steps::default();
        steps.push(&record!(Step { epoch: Some(2) })).unwrap();
        steps
            .for_each(|row| {
                assert_eq!((row.epoch, row.iteration, row.loss), (Some(2), None, None));
                Ok(())
            })
            .unwrap();
    }
}
