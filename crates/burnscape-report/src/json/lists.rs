//! Lists with an entry per step, one behind the other: the first is written as the trace is read, and those behind it are
//! kept as far as they are short, so that the trace is read as seldom as memory allows.

use burnscape_run::Steps;
use burnscape_trace::Step;

use crate::Error;
use crate::output::Pieces;

/// Text that is kept.
const KEPT_BYTES: u64 = 16 << 20;
/// So many steps tell how long a list becomes.
const SAMPLE: u64 = 1000;
/// The longest number with its comma.
const ENTRY_BYTES: u64 = 25;

/// Appends what a step has for a list.
type Push<'a> = Box<dyn Fn(&mut Vec<u8>, &Step) + 'a>;

/// A list of a document.
pub(super) struct List<'a> {
    /// What stands before it.
    pub(super) before: String,
    /// Bytes that it has at least.
    pub(super) least_bytes: u64,
    /// It is one of columns.
    pub(super) has_columns: bool,
    /// Appends the entry of a step.
    pub(super) push: Push<'a>,
}

/// Writes all lists.
pub(super) fn write(
    steps: &Steps,
    mut lists: &[List<'_>],
    out: &mut Pieces<'_>,
) -> Result<(), Error> {
    while let Some((first, later)) = lists.split_first() {
        let kept = read_once(steps, first, later, out)?;
        for (list, text) in later.iter().zip(&kept.texts) {
            out.text.extend(list.before.as_bytes());
            out.text.push(b'[');
            out.write(text)?;
            out.text.push(b']');
        }
        lists = &later[kept.texts.len()..];
    }
    Ok(())
}

/// Writes the first list, and keeps of those behind it what is short.
fn read_once(
    steps: &Steps,
    first: &List<'_>,
    later: &[List<'_>],
    out: &mut Pieces<'_>,
) -> Result<Kept, Error> {
    let mut kept = Kept::of(later, steps.count());
    let reads_columns = first.has_columns || kept.has_columns(later);
    out.text.extend(first.before.as_bytes());
    out.text.push(b'[');
    let mut given = 0;
    let take = |step: &Step| {
        if given > 0 {
            out.text.push(b',');
        }
        given += 1;
        (first.push)(&mut out.text, step);
        kept.take(step, later);
        out.drain()
    };
    match reads_columns {
        true => steps.for_each(take)?,
        false => steps.for_each_without_columns(take)?,
    }
    out.text.push(b']');
    Ok(kept)
}

/// The texts of the lists behind the first, without those of the last ones, for which there is no room.
struct Kept {
    texts: Vec<Vec<u8>>,
    bytes: u64,
    /// Steps that were taken, and that there are.
    taken: u64,
    steps: u64,
}

impl Kept {
    /// Before any step.
    fn of(lists: &[List<'_>], steps: u64) -> Self {
        let mut room = KEPT_BYTES;
        let fits = |list: &&List<'_>| {
            let left = room.checked_sub(list.least_bytes);
            room = left.unwrap_or(0);
            left.is_some()
        };
        // Room that is not used takes no memory, and text that grows is in memory twice.
        let text =
            |_| Vec::with_capacity(KEPT_BYTES.min(steps.saturating_mul(ENTRY_BYTES)) as usize);
        let texts = lists.iter().take_while(fits).map(text).collect();
        Self { texts, bytes: 0, taken: 0, steps }
    }

    fn has_columns(&self, lists: &[List<'_>]) -> bool {
        lists[..self.texts.len()].iter().any(|list| list.has_columns)
    }

    fn take(&mut self, step: &Step, lists: &[List<'_>]) {
        for (text, list) in self.texts.iter_mut().zip(lists) {
            let before = text.len();
            if before > 0 {
                text.push(b',');
            }
            (list.push)(text, step);
            self.bytes += (text.len() - before) as u64;
        }
        self.taken += 1;
        while self.is_too_long() {
            self.bytes -= self.texts.pop().map_or(self.bytes, |text| text.len() as u64);
        }
    }

    /// Whether there is no room for it, if it goes on as it has begun.
    fn is_too_long(&self) -> bool {
        let seen = self.taken.max(SAMPLE.min(self.steps));
        u128::from(self.bytes) * u128::from(self.steps) > u128::from(KEPT_BYTES) * u128::from(seen)
    }
}
