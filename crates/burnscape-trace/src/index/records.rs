//! Reading those records that are asked for.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::{Index, Stretch};
use crate::record::Record;
use crate::{Error, Item, Reader, RunFolder};

/// Yields the records of some kinds, in the order of the trace; see [`Index::read`].
#[derive(Debug)]
pub struct IndexedRecords {
    path: PathBuf,
    kinds: Vec<String>,
    steps: Option<RangeInclusive<u64>>,
    /// Those still to be read, the last one first.
    stretches: Vec<Stretch>,
    reader: Option<Reader<Take<File>>>,
}

impl Index {
    /// The records of these kinds of the run, with what is damaged among them. Of `step` records only those whose
    /// number is in `steps`, if that is given. Other stretches of the trace are not read.
    ///
    /// # Errors
    ///
    /// [`Error::NotARun`] or [`Error::NoFolder`] where there is no trace. The iterator gives [`Error::Open`] and
    /// [`Error::Read`].
    pub fn read(
        &self,
        path: impl AsRef<Path>,
        kinds: &[&str],
        steps: Option<RangeInclusive<u64>>,
    ) -> Result<IndexedRecords, Error> {
        let wanted =
            |it: &&Stretch| kinds.contains(&it.kind.as_str()) && overlap(it.steps, steps.as_ref());
        let stretches = self.stretches.iter().filter(wanted).cloned().rev().collect();
        Ok(IndexedRecords {
            path: RunFolder::open(path)?.trace_path(),
            kinds: kinds.iter().map(|it| (*it).to_owned()).collect(),
            steps,
            stretches,
            reader: None,
        })
    }
}

/// Of other kinds than steps, every stretch is wanted.
fn overlap(has: Option<(u64, u64)>, wanted: Option<&RangeInclusive<u64>>) -> bool {
    match (has, wanted) {
        (Some((low, high)), Some(wanted)) => low <= *wanted.end() && high >= *wanted.start(),
        _ => true,
    }
}

impl IndexedRecords {
    fn next_item(&mut self) -> Result<Option<Item>, Error> {
        loop {
            let item = self.reader.as_mut().and_then(Iterator::next).transpose()?;
            match item {
                Some(item) if self.is_wanted(&item) => return Ok(Some(item)),
                Some(_) => {}
                None => match self.stretches.pop() {
                    Some(stretch) => self.reader = Some(self.open(&stretch)?),
                    None => return Ok(None),
                },
            }
        }
    }

    fn open(&self, stretch: &Stretch) -> Result<Reader<Take<File>>, Error> {
        let part = open_part(&self.path, stretch);
        let part = part.map_err(|source| Error::Open { path: self.path.clone(), source })?;
        Ok(Reader::resuming(part, stretch.offset).named(&self.path))
    }

    /// An index made to mislead can hide records, and does not show others than those asked for.
    fn is_wanted(&self, item: &Item) -> bool {
        match item {
            Item::Record { record: Record::Step(step), .. } if self.has("step") => {
                self.steps.as_ref().is_none_or(|steps| steps.contains(&step.step))
            }
            Item::Record { record, .. } => self.has(record.kind()),
            Item::Lost(_) | Item::Torn(_) => true,
        }
    }

    fn has(&self, kind: &str) -> bool {
        self.kinds.iter().any(|it| it == kind)
    }
}

impl Iterator for IndexedRecords {
    type Item = Result<Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_item();
        if next.is_err() {
            self.stretches.clear();
            self.reader = None;
        }
        next.transpose()
    }
}

fn open_part(path: &Path, stretch: &Stretch) -> io::Result<Take<File>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(stretch.offset))?;
    Ok(file.take(stretch.bytes))
}
