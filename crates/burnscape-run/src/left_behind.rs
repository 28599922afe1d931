//! Which records of a trace belong to a path that training has left.

use burnscape_trace::{Record, Resume};

/// What the resumes of a trace leave behind. Whoever reads a trace from its beginning knows it only at the end: read
/// once to note the resumes, and once more for what [holds](Self::holds).
#[derive(Debug, Clone, Default)]
pub struct LeftBehind {
    /// Where recording went on, and the earliest step at which it did so there or later: each later than the last.
    resumes: Vec<(u64, Resume)>,
}

impl LeftBehind {
    /// Takes a resume that begins at a byte of the trace, in the order of the trace.
    pub fn note(&mut self, offset: u64, resume: &Resume) {
        while self.resumes.pop_if(|(_, earlier)| earlier.steps >= resume.steps).is_some() {}
        self.resumes.push((offset, resume.clone()));
    }

    /// Nothing was resumed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resumes.is_empty()
    }

    /// Whether no later resume leaves the record behind that begins at a byte of the trace.
    #[must_use]
    pub fn holds(&self, offset: u64, record: &Record) -> bool {
        self.first_behind(offset).is_none_or(|resume| resume.keeps(record))
    }

    /// The same of a step.
    #[must_use]
    pub fn holds_step(&self, offset: u64, step: u64) -> bool {
        self.first_behind(offset).is_none_or(|resume| resume.keeps_step(step))
    }

    fn first_behind(&self, offset: u64) -> Option<&Resume> {
        let later = self.resumes.partition_point(|(at, _)| *at <= offset);
        self.resumes.get(later).map(|(_, resume)| resume)
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;
    use burnscape_trace::{Epoch, Step};

    use super::*;

    fn resume(steps: u64) -> Resume {
        record!(Resume { steps })
    }

    /// Pseudo-random numbers below `bound`.
    fn below(state: &mut u64, bound: u64) -> u64 {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % bound
    }

    /// The definition: every later resume is asked.
    #[test]
    fn a_record_holds_if_all_later_resumes_keep_it() {
        let mut state = 7;
        for _ in 0..200 {
            let records: Vec<Record> = (0..30)
                .map(|_| match below(&mut state, 5) {
                    0 => Record::Resume(resume(below(&mut state, 12))),
                    1 => Record::Epoch(record!(Epoch { steps: below(&mut state, 12) })),
                    _ => Record::Step(record!(Step { step: below(&mut state, 12) })),
                })
                .collect();
            let mut left_behind = LeftBehind::default();
            for (offset, record) in records.iter().enumerate() {
                if let Record::Resume(resume) = record {
                    left_behind.note(offset as u64, resume);
                }
            }
            for (offset, record) in records.iter().enumerate() {
                let kept = records[offset + 1..].iter().all(|later| match later {
                    Record::Resume(resume) => resume.keeps(record),
                    _ => true,
                });
                assert_eq!(
                    left_behind.holds(offset as u64, record),
                    kept,
                    "record {offset} of {records:?}"
                );
            }
        }
    }
}
