//! Whether the records of a trace are those that were written: none missing, none twice, in their order.

use std::collections::{BTreeMap, HashSet};

use burnscape_trace::{Epoch, Head, Item, Nodes, Record, Resume, Slice, Snapshot, Step, Tally};

/// Faults that are kept as sentences; further ones are counted.
const MOST_FAULTS: usize = 20;

/// Holds the records of a trace against the tallies of its ends, and their numbers against each other.
///
/// A tally that agrees proves the order of all records before it: steps between which a full queue has dropped some, or
/// thinning has left out some, are then as they were written. Before format 1.2 there is none, and what `recover` has
/// written counts what it found: there, numbers of steps, epochs, snapshots, slices and nodes have to follow each other.
#[derive(Debug, Default)]
pub struct Contiguity {
    faults: Faults,
    of_numbers: Faults,
    numbers: Numbers,
    /// Bytes could not be read, so that records are known to be missing.
    is_damaged: bool,
    /// What the last end says of the records before it, and nothing follows.
    proof: Proof,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// There is no end, or none with a tally.
    #[default]
    None,
    /// Its tally is of what `recover` could still read.
    Recovered,
    /// Its tally agrees, or the fault is told.
    Written,
}

#[derive(Debug, Default)]
struct Faults {
    told: Vec<String>,
    more: usize,
}

/// Which numbers come next.
#[derive(Debug)]
struct Numbers {
    step: Option<u64>,
    missing_steps: Vec<(u64, u64)>,
    dropped: u64,
    is_thinned: bool,
    epoch: Option<u64>,
    snapshot: u64,
    slices: u32,
    measured: BTreeMap<u32, HashSet<u32>>,
}

impl Contiguity {
    /// Takes the next item; `tally` is that of the records before it ([`Reader::tally`](burnscape_trace::Reader::tally)).
    pub fn apply(&mut self, item: &Item, tally: Tally) {
        match item {
            Item::Record { offset, record } => {
                self.begins_with_head(*offset, record);
                self.apply_tally(*offset, record, tally);
                self.numbers.apply(record, &mut self.of_numbers);
            }
            Item::Lost(_) => self.is_damaged = true,
            Item::Torn(_) => {}
        }
    }

    /// What is wrong, as sentences; nothing of what damage explains.
    #[must_use]
    pub fn faults(mut self) -> Vec<String> {
        if self.proof != Proof::Written && !self.is_damaged {
            self.numbers.tell_missing_steps(&mut self.of_numbers);
            self.faults.told.append(&mut self.of_numbers.told);
            self.faults.more += self.of_numbers.more;
        }
        self.faults.into_sentences()
    }

    /// Whether a tally holds the records; without one, what leaves no hole in the numbers goes unnoticed.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proof != Proof::None
    }

    fn begins_with_head(&mut self, offset: u64, record: &Record) {
        if offset == 0 && !matches!(record, Record::Head(_)) {
            self.faults.tell(format!(
                "no head: the first record is `{}`; `burnscape recover` puts a copy of the head before it",
                record.kind().escape_debug()
            ));
        }
    }

    fn apply_tally(&mut self, offset: u64, record: &Record, found: Tally) {
        self.proof = Proof::None;
        let Record::End(end) = record else { return };
        let Some(told) = end.tally else { return };
        self.proof = if end.reason == "recovered" { Proof::Recovered } else { Proof::Written };
        if told != found && !self.is_damaged {
            self.faults.tell(sentence_of_tallies(offset, told, found));
        }
    }
}

fn sentence_of_tallies(offset: u64, told: Tally, found: Tally) -> String {
    let what = match (told.records, found.records) {
        (told, found) if told > found => format!("{} are missing", told - found),
        (told, found) if told < found => format!("{} were not written there", found - told),
        _ => "they are others, or in another order".to_owned(),
    };
    format!(
        "records: the end at byte {offset} counts {} before it, there are {}: {what}",
        told.records, found.records
    )
}

impl Faults {
    fn tell(&mut self, sentence: String) {
        match self.told.len() < MOST_FAULTS {
            true => self.told.push(sentence),
            false => self.more += 1,
        }
    }

    fn into_sentences(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("and {} more of the kind", self.more));
        }
        self.told
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            step: Some(0),
            missing_steps: Vec::new(),
            dropped: 0,
            is_thinned: false,
            epoch: None,
            snapshot: 0,
            slices: 0,
            measured: BTreeMap::new(),
        }
    }
}

impl Numbers {
    fn apply(&mut self, record: &Record, faults: &mut Faults) {
        match record {
            Record::Head(head) => self.apply_head(head),
            Record::Step(step) => self.apply_step(step, faults),
            Record::Epoch(epoch) => self.apply_epoch(epoch, faults),
            Record::Snapshot(snapshot) => self.apply_snapshot(snapshot, faults),
            Record::Slice(slice) => self.apply_slice(slice, faults),
            Record::Nodes(nodes) => self.apply_nodes(nodes, faults),
            Record::Metric(metric) => self.is_thinned |= metric.split == "thinned",
            Record::Dropped(it) => self.dropped = self.dropped.saturating_add(it.records),
            Record::Resume(Resume { steps, .. }) => {
                (self.step, self.epoch) = (Some(*steps), None);
            }
            Record::End(end) => {
                self.dropped = self.dropped.max(end.dropped);
                self.reach(end.steps);
            }
            _ => {}
        }
    }

    /// A training that goes on from a checkpoint of another folder begins later.
    fn apply_head(&mut self, head: &Head) {
        if head.first_epoch.is_some_and(|first| first > 1) {
            self.step.take_if(|next| *next == 0);
        }
    }

    fn apply_step(&mut self, step: &Step, faults: &mut Faults) {
        let number = step.step;
        if self.step.is_some_and(|next| number < next) {
            faults.tell(format!("step {number} comes twice, or behind a later one"));
            return;
        }
        self.reach(number);
        self.step = Some(number.saturating_add(1));
    }

    /// The next step has this number.
    fn reach(&mut self, number: u64) {
        if let Some(next) = self.step.filter(|next| *next < number) {
            if self.missing_steps.len() < MOST_FAULTS {
                self.missing_steps.push((next, number));
            }
            self.step = Some(number);
        }
    }

    fn tell_missing_steps(&mut self, faults: &mut Faults) {
        let missing: u64 = self.missing_steps.iter().map(|(from, to)| to - from).sum();
        if self.is_thinned || missing <= self.dropped {
            return;
        }
        for (from, to) in self.missing_steps.drain(..) {
            faults.tell(match to - from {
                1 => format!("step {from} is missing"),
                _ => format!("steps {from} to {} are missing", to - 1),
            });
        }
    }

    fn apply_epoch(&mut self, epoch: &Epoch, faults: &mut Faults) {
        let number = epoch.epoch;
        match self.epoch {
            Some(next) if number > next => faults.tell(missing("epoch", next, number)),
            Some(next) if number < next => {
                faults.tell(format!("epoch {number} comes twice, or behind a later one"));
            }
            _ => {}
        }
        self.epoch = Some(number.saturating_add(1));
    }

    fn apply_snapshot(&mut self, snapshot: &Snapshot, faults: &mut Faults) {
        let number = snapshot.index;
        match number {
            _ if number > self.snapshot => faults.tell(missing("snapshot", self.snapshot, number)),
            _ if number < self.snapshot => {
                faults.tell(format!("snapshot {number} comes twice, or behind a later one"));
            }
            _ => {}
        }
        self.snapshot = number.saturating_add(1);
    }

    /// A surface that is measured further repeats its slice.
    fn apply_slice(&mut self, slice: &Slice, faults: &mut Faults) {
        let number = slice.slice;
        if number > self.slices {
            faults.tell(missing("slice", self.slices.into(), number.into()));
        }
        self.slices = self.slices.max(number.saturating_add(1));
    }

    fn apply_nodes(&mut self, nodes: &Nodes, faults: &mut Faults) {
        let slice = nodes.slice;
        if slice >= self.slices {
            faults.tell(format!("nodes of slice {slice} come before the slice"));
        }
        if nodes.interpolated {
            return;
        }
        let measured = self.measured.entry(slice).or_default();
        let again = nodes.index.iter().filter(|node| !measured.insert(**node)).count();
        if again > 0 {
            faults.tell(format!("{again} nodes of slice {slice} come twice"));
        }
    }
}

fn missing(what: &str, next: u64, found: u64) -> String {
    match found - next {
        1 => format!("{what} {next} is missing"),
        _ => format!("{what}s {next} to {} are missing", found - 1),
    }
}
