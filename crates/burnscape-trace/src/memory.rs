//! A trace in memory, for tests of what records and of what reads.

use crate::record::Record;
use crate::{Error, Reader, Trace, frame};

/// Takes records as a [`Writer`](crate::Writer) does and keeps their bytes in memory.
///
/// It writes what it is given and nothing more: no copies of the head, no `resume`.
///
/// ```
/// use burnscape_trace::{FORMAT, Head, MemoryTrace, Record, Step, record};
///
/// let mut trace = MemoryTrace::new();
/// trace.append(&Record::from(record!(Head { format: FORMAT })))?;
/// trace.append(&Record::from(record!(Step { step: 0, loss: Some(2.3) })))?;
///
/// let read = trace.read()?;
/// assert_eq!(read.records.len(), 2);
/// assert!(read.lost.is_empty() && read.torn.is_none());
/// # Ok::<(), burnscape_trace::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryTrace {
    bytes: Vec<u8>,
}

impl MemoryTrace {
    /// An empty trace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a record; the first one must be a head.
    ///
    /// # Errors
    ///
    /// [`Error::HeadFirst`], [`Error::RecordTooLarge`], [`Error::UnknownKind`]: it is not written.
    pub fn append(&mut self, record: &Record) -> Result<(), Error> {
        if self.bytes.is_empty() && !matches!(record, Record::Head(_)) {
            let kind = record.kind().to_owned();
            return Err(Error::HeadFirst { path: "a trace in memory".into(), kind });
        }
        frame::encode(record, &mut self.bytes)
    }

    /// The bytes that a file would hold.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads them back; an empty trace has no records.
    ///
    /// # Errors
    ///
    /// [`Error::NewerMajor`] and [`Error::NotATrace`] where the head is of another major version.
    pub fn read(&self) -> Result<Trace, Error> {
        Reader::new(&self.bytes[..]).named("a trace in memory").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{FORMAT, Head, Note};

    #[test]
    fn it_begins_with_a_head_and_gives_back_what_it_was_given() {
        let mut trace = MemoryTrace::new();
        let note = Record::from(Note::default());
        assert_eq!(trace.read().unwrap(), Trace::default());
        assert!(matches!(trace.append(&note), Err(Error::HeadFirst { .. })));
        let head = Record::from(Head { format: FORMAT, ..Head::default() });
        for record in [&head, &note] {
            trace.append(record).unwrap();
        }
        assert_eq!(trace.read().unwrap().records, [head, note]);
    }
}
