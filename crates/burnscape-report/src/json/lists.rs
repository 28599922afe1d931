//! Lists with an entry per step, one behind the other: the first is written as the trace is read, and those behind it are
//! kept as far as they are short, so that the trace is read as seldom as memory allows.

use burnscape_run::Steps;
use burnscape_trace::Step;

use crate::Error;

/// Text that is kept.
const KEPT_BYTES: usize = 12 << 20;

/// A list of a document.
pub(super) struct List<'a> {
    /// What stands before it.
    pub(super) before: String,
    /// Appends the entry of a step.
    pub(super) push: Box<dyn Fn(&mut Vec<u8>, &Step) + 'a>,
}

/// Gives `out` all lists, piece by piece.
pub(super) fn write(
    steps: &Steps,
    mut lists: &[List<'_>],
    mut out: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    while let Some((first, later)) = lists.split_first() {
        let kept = read_once(steps, first, later, &mut out)?;
        for (list, text) in later.iter().zip(&kept.texts) {
            out(list.before.as_bytes())?;
            out(b"[")?;
            out(text)?;
            out(b"]")?;
        }
        lists = &later[kept.texts.len()..];
    }
    Ok(())
}

/// Gives `out` the first list, and keeps of those behind it what is short.
fn read_once(
    steps: &Steps,
    first: &List<'_>,
    later: &[List<'_>],
    out: &mut impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Kept, Error> {
    let mut kept = Kept { texts: vec![Vec::new(); later.len()], bytes: 0 };
    out(first.before.as_bytes())?;
    out(b"[")?;
    let mut entry = Vec::new();
    steps.for_each(|step| {
        (first.push)(&mut entry, step);
        out(&entry)?;
        entry.clear();
        entry.push(b',');
        kept.take(step, later);
        Ok::<_, Error>(())
    })?;
    out(b"]")?;
    Ok(kept)
}

/// The texts of the lists behind the first, without those of the last ones, for which there is no room.
struct Kept {
    texts: Vec<Vec<u8>>,
    bytes: usize,
}

impl Kept {
    fn take(&mut self, step: &Step, lists: &[List<'_>]) {
        for (text, list) in self.texts.iter_mut().zip(lists) {
            let before = text.len();
            if before > 0 {
                text.push(b',');
            }
            (list.push)(text, step);
            self.bytes += text.len() - before;
        }
        while self.bytes > KEPT_BYTES {
            self.bytes -= self.texts.pop().map_or(self.bytes, |text| text.len());
        }
    }
}
