//! Whether a run was made of another one: it can be made again.

use std::path::Path;

use crate::record::Record;
use crate::thin::THINNED;
use crate::{EndReason, Item, Reader, RunFolder};

/// Whether [`recover`](crate::recover) or [`thin`](crate::thin) has written the run, and nobody has recorded behind it.
#[must_use]
pub fn is_made_of_another(path: impl AsRef<Path>) -> bool {
    let reader = RunFolder::open(path).and_then(|run| Reader::open(run.trace_path()));
    let Ok(reader) = reader else { return false };
    let (mut is_thinned, mut is_recovered) = (false, false);
    for item in reader {
        match item {
            Ok(Item::Record { record: Record::Note(note), .. }) => {
                is_thinned |= note.text.starts_with(THINNED);
                is_recovered = false;
            }
            Ok(Item::Record { record: Record::Resume(_), .. }) => {
                (is_thinned, is_recovered) = (false, false);
            }
            Ok(Item::Record { record: Record::End(end), .. }) => {
                is_recovered = end.reason == EndReason::Recovered;
            }
            Ok(Item::Record { .. }) => is_recovered = false,
            _ => return false,
        }
    }
    is_thinned || is_recovered
}
