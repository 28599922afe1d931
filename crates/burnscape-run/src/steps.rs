//! Every step of a run: what they have in common is kept, and they themselves are read from the trace again.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use burnscape_trace::{Error, F32s, LossCause, Lost, Reader, Step};

use crate::LeftBehind;

/// Names of columns that a run may have: more is damage.
const MAX_COLUMNS: usize = 1000;
/// Parts of the trace without steps that are passed over without being read: shorter ones are read with the steps.
const GAP_BYTES: u64 = 256 << 10;

/// The steps of a run that no resume leaves behind, in the order of its trace. Memory does not grow with them.
#[derive(Debug, Default)]
pub struct Steps {
    trace: PathBuf,
    left_behind: LeftBehind,
    names: Vec<String>,
    /// Numbers of the names, in the order of the alphabet: that of the columns of a step.
    by_name: Vec<usize>,
    measured: Vec<Option<Measured>>,
    widest: usize,
    values: u64,
    missing: u64,
    count: u64,
    /// Something was no record, perhaps a step for its columns alone.
    has_undecodable: bool,
    /// Parts of the trace that hold them: where the first and the last step of each begin.
    parts: Vec<RangeInclusive<u64>>,
}

/// In which steps a column was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The lowest number of one.
    pub first: u64,
    /// The highest.
    pub last: u64,
    /// How many there are.
    pub steps: u64,
}

impl Measured {
    fn once(step: u64) -> Self {
        Self { first: step, last: step, steps: 1 }
    }

    fn and(self, step: u64) -> Self {
        Self { first: self.first.min(step), last: self.last.max(step), steps: self.steps + 1 }
    }
}

impl Steps {
    /// Steps of a trace, of which some are left behind.
    pub(crate) fn of(trace: PathBuf, left_behind: LeftBehind) -> Self {
        Self { trace, left_behind, ..Self::default() }
    }

    /// Takes a step that begins at a byte of the trace.
    pub(crate) fn apply(&mut self, offset: u64, step: &Step) {
        self.count += 1;
        self.missing += step.missing.len() as u64;
        let mut place = 0;
        for (name, values) in &step.columns {
            self.widest = self.widest.max(values.len());
            self.values += values.len() as u64;
            place += self.by_name[place..].iter().take_while(|it| self.names[**it] < *name).count();
            let known = self.by_name.get(place).copied().filter(|it| self.names[*it] == *name);
            let column = known.or_else(|| self.begin_column(name, place));
            if let Some(column) = column.filter(|_| !values.is_empty()) {
                let measured = &mut self.measured[column];
                *measured =
                    Some(measured.map_or(Measured::once(step.step), |it| it.and(step.step)));
            }
        }
        match self.parts.last_mut() {
            Some(part) if offset - part.end() < GAP_BYTES => *part = *part.start()..=offset,
            _ => self.parts.push(offset..=offset),
        }
    }

    /// Takes what could not be read.
    pub(crate) fn apply_lost(&mut self, lost: &Lost) {
        self.has_undecodable |= lost.cause != LossCause::Damaged;
    }

    /// Takes a name that is new, and comes at this place in the alphabet.
    fn begin_column(&mut self, name: &str, place: usize) -> Option<usize> {
        let column = self.names.len();
        (column < MAX_COLUMNS).then(|| {
            self.by_name.insert(place, column);
            self.names.push(name.to_owned());
            self.measured.push(None);
            column
        })
    }

    /// Names of the columns, in the order in which they were met.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of a column among their names.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        let place = self.by_name.binary_search_by(|it| self.names[*it].as_str().cmp(name)).ok()?;
        Some(self.by_name[place])
    }

    /// The columns of a step, each with its number.
    pub fn columns_of<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = (usize, &'a F32s)> {
        let mut known = self.by_name.iter().copied().peekable();
        step.columns.iter().filter_map(move |(name, values)| {
            while known.next_if(|it| self.names[*it] < *name).is_some() {}
            Some((known.next_if(|it| self.names[*it] == *name)?, values))
        })
    }

    /// In which steps a column was measured; `None`: in none.
    #[must_use]
    pub fn measured(&self, name: &str) -> Option<Measured> {
        self.measured[self.column(name)?]
    }

    /// Values of the longest column of any step.
    #[must_use]
    pub fn widest(&self) -> usize {
        self.widest
    }

    /// Values of all columns of all steps.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.values
    }

    /// Blocks that no gradient reached, counted in each step.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Gives every step, in the order of the trace.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] and [`Error::Read`]; [`Error::Replaced`] where the trace does not hold these steps any more; and
    /// what `take` gives.
    pub fn for_each<E: From<Error>>(
        &self,
        take: impl FnMut(&Step) -> Result<(), E>,
    ) -> Result<(), E> {
        self.read(take, Reader::next_step)
    }

    /// The same without the columns of the steps, which takes less time; they are there all the same where it needs them to
    /// tell what is a step.
    ///
    /// # Errors
    ///
    /// As [`for_each`](Self::for_each).
    pub fn for_each_without_columns<E: From<Error>>(
        &self,
        take: impl FnMut(&Step) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.has_undecodable {
            true => self.for_each(take),
            false => self.read(take, Reader::next_step_without_columns),
        }
    }

    fn read<E: From<Error>>(
        &self,
        mut take: impl FnMut(&Step) -> Result<(), E>,
        next: impl Fn(&mut Reader<File>, &mut Step) -> Result<Option<u64>, Error>,
    ) -> Result<(), E> {
        let (mut step, mut given) = (Step::default(), 0);
        for part in &self.parts {
            let mut reader = Reader::open_at(&self.trace, *part.start())?;
            while let Some(offset) = next(&mut reader, &mut step)?.filter(|at| at <= part.end()) {
                if self.left_behind.holds_step(offset, step.step) {
                    take(&step)?;
                    given += 1;
                }
            }
        }
        match given == self.count {
            true => Ok(()),
            false => Err(Error::Replaced { path: self.trace.clone() }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burnscape_trace::{FORMAT, Head, Metric, Nodes, Record, Resume, RunFolder, Writer};
    use burnscape_trace::{frame, read_run, record};

    use super::*;
    use crate::Recorded;

    fn step(number: u64, lr: f64) -> Record {
        let (norm, lr_of_block) = (vec![number as f32, f32::NAN], vec![number as f32; 3]);
        let mut columns = vec![("grad_norm".to_owned(), norm.into())];
        columns.extend(number.is_multiple_of(3).then(|| ("lr".to_owned(), lr_of_block.into())));
        let columns = columns.into_iter().collect();
        Record::Step(record!(Step { step: number, lr, columns }))
    }

    /// Steps among other records, some of them longer than what is passed over, with resumes that go back and forth.
    fn records() -> Vec<Record> {
        let mut records = vec![Record::from(record!(Head { format: FORMAT }))];
        for (part, (from, to)) in [(0, 40), (25, 60), (50, 70), (65, 90)].into_iter().enumerate() {
            for number in from..to {
                records.push(step(number, part as f64));
                records.push(Record::Metric(record!(Metric { step: number })));
            }
            let loss = vec![0.5; 50_000 * (part % 2)].into();
            records.push(Record::Nodes(record!(Nodes { loss })));
            records.push(Record::Resume(record!(Resume { steps: [25, 50, 65, 88][part] })));
        }
        records
    }

    /// The definition: every later resume is asked.
    fn held(records: &[Record]) -> Vec<String> {
        let keeps = |later: &Record, record: &Record| match later {
            Record::Resume(resume) => resume.keeps(record),
            _ => true,
        };
        let held = records.iter().enumerate().filter(|(at, record)| {
            matches!(record, Record::Step(_))
                && records[at + 1..].iter().all(|later| keeps(later, record))
        });
        held.map(|(_, record)| format!("{record:?}")).collect()
    }

    fn given(steps: &Steps) -> Result<Vec<String>, Error> {
        let mut given = Vec::new();
        steps.for_each(|step| {
            given.push(format!("{:?}", Record::Step(step.clone())));
            Ok::<_, Error>(())
        })?;
        Ok(given)
    }

    fn numbers(steps: &Steps) -> Result<Vec<String>, Error> {
        let mut given = Vec::new();
        steps.for_each_without_columns(|step| {
            let columns = BTreeMap::new();
            given.push(format!("{:?}", Record::Step(record!(Step { columns, ..step.clone() }))));
            Ok::<_, Error>(())
        })?;
        Ok(given)
    }

    /// Bit by bit.
    fn crc32(bytes: &[u8]) -> u32 {
        let shifted = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shifted))
    }

    /// Its checksum holds, and only the tag of a column tells that it is no step.
    #[test]
    fn what_is_no_step_for_its_columns_is_none_without_them() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(scratch.path()).unwrap();
        let mut bytes = Vec::new();
        frame::encode(&Record::from(record!(Head { format: FORMAT })), &mut bytes).unwrap();
        frame::encode(&step(1, 0.5), &mut bytes).unwrap();
        let mut refused = Vec::new();
        frame::encode(&step(2, 0.5), &mut refused).unwrap();
        let tag = refused.windows(2).rposition(|it| it == [0xD8, 85]).unwrap();
        refused[tag + 1] = 99;
        let checksum = crc32(&refused[frame::OVERHEAD_BYTES..]).to_be_bytes();
        refused[5..9].copy_from_slice(&checksum);
        bytes.extend(refused);
        frame::encode(&step(4, 0.5), &mut bytes).unwrap();
        std::fs::write(folder.trace_path(), bytes).unwrap();
        let recorded = Recorded::read(&folder).unwrap();
        assert_eq!((recorded.lost.len(), recorded.history.steps.count()), (1, 2));
        assert_eq!(numbers(&recorded.history.steps).unwrap().len(), 2);
    }

    #[test]
    fn steps_are_given_as_often_as_asked_and_as_they_stand_in_the_trace() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(scratch.path()).unwrap();
        let mut writer = Writer::create(&folder).unwrap();
        records().iter().for_each(|record| writer.append(record).unwrap());
        drop(writer);
        let expected = held(&read_run(folder.path()).unwrap().records);
        let steps = Recorded::read(&folder).unwrap().history.steps;
        assert!(steps.parts.len() > 1, "long records are passed over: {:?}", steps.parts);
        assert_eq!((steps.names(), steps.widest()), (&["grad_norm".into(), "lr".into()][..], 3));
        assert_eq!(steps.count(), expected.len() as u64);
        let every_third = Measured { first: 0, last: 87, steps: 30 };
        assert_eq!((steps.measured("lr"), steps.measured("loss")), (Some(every_third), None));
        for _ in 0..2 {
            assert_eq!(given(&steps).unwrap(), expected);
        }
        let without = |it: &String| it.split("columns").next().unwrap().to_owned();
        let told = numbers(&steps).unwrap();
        assert!(told.iter().map(without).eq(expected.iter().map(without)));
        // A trace that goes on meanwhile tells nothing else; one that is another tells an error.
        let mut bytes = std::fs::read(folder.trace_path()).unwrap();
        std::fs::write(folder.trace_path(), [&bytes[..], &bytes[..]].concat()).unwrap();
        assert_eq!(given(&steps).unwrap(), expected);
        bytes[*steps.parts[0].start() as usize + 20] ^= 1;
        std::fs::write(folder.trace_path(), bytes).unwrap();
        assert!(matches!(given(&steps), Err(Error::Replaced { .. })));
    }
}
