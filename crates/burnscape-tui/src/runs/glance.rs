//! A run at a glance: its first and its last records, whatever lies between them.
//!
//! A folder may hold hundreds of runs of hundreds of megabytes; how they stand is told at once, and what only
//! the whole trace tells (all alerts, damage in its midst) follows.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use burnscape_trace::{Item, Reader, RunFolder};

use crate::model::Standing;

/// The head of a model with a few hundred blocks fits.
const FIRST_BYTES: u64 = 128 << 10;
/// Some dozens of steps of such a model fit.
const LAST_BYTES: u64 = 128 << 10;

/// What the beginning and the end of a trace tell; nothing of it where they cannot be read.
pub(super) fn glance(folder: &RunFolder) -> Option<Standing> {
    let mut file = File::open(folder.trace_path()).ok()?;
    let bytes = file.metadata().ok()?.len();
    let mut standing = Standing::default();
    for item in Reader::new((&file).take(FIRST_BYTES)).map_while(Result::ok) {
        standing.apply_item(&item);
    }
    if bytes > FIRST_BYTES {
        let last = bytes.saturating_sub(LAST_BYTES).max(FIRST_BYTES);
        file.seek(SeekFrom::Start(last)).ok()?;
        let items = Reader::new(&file).map_while(Result::ok);
        // The first record was cut by us, not by damage.
        items.filter(is_record).for_each(|item| standing.apply_item(&item));
    }
    Some(standing)
}

fn is_record(item: &Item) -> bool {
    matches!(item, Item::Record { .. })
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;
    use burnscape_trace::{End, FORMAT, Head, Record, Step, Writer};

    use super::*;
    use crate::model::RunState;

    #[test]
    fn a_long_trace_is_told_from_its_two_ends() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path().join("long")).unwrap();
        let mut writer = Writer::create(&folder).unwrap();
        let head = record!(Head { format: FORMAT, started_unix_secs: 7.0 });
        writer.append(&Record::Head(head)).unwrap();
        let steps = 8 * (FIRST_BYTES + LAST_BYTES) / 128;
        for step in 0..steps {
            let loss = Some(1.0 / (1.0 + step as f64));
            writer.append(&Record::Step(record!(Step { step, loss }))).unwrap();
        }
        writer.finish(record!(End { reason: "finished".into() })).unwrap();
        let bytes = folder.trace_path().metadata().unwrap().len();
        assert!(bytes > 2 * (FIRST_BYTES + LAST_BYTES), "{bytes} bytes would be read as a whole");
        let standing = glance(&folder).unwrap();
        assert_eq!((standing.steps(), standing.state()), (steps, RunState::Finished));
        assert_eq!(standing.started_unix_secs(), Some(7.0));
        assert_eq!(standing.last_loss(), Some(1.0 / steps as f64));
        assert!(!standing.damage().is_damaged());
    }
}
