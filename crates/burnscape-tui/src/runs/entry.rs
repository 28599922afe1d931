//! One run of the list: read at a glance, then followed.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use burnscape_trace::{Error as TraceError, Follower, Item};

use super::glance::glance;
use super::row::{Row, RowState};
use super::sources::Found;
use crate::error::told;
use crate::followed::silent_secs;
use crate::model::{Glimpse, Standing};

/// A run, as far as it was read.
#[derive(Debug)]
pub(super) struct Entry {
    found: Found,
    follower: Option<Follower>,
    /// What the whole trace told, as far as it was followed.
    followed: Standing,
    glimpse: Glimpse,
    /// What its ends told, until all of it was followed.
    glanced: Option<Standing>,
    seen: Option<Seen>,
    trouble: Option<Trouble>,
}

/// What tells whether a file was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    bytes: u64,
    modified: Option<SystemTime>,
}

#[derive(Debug, PartialEq)]
enum Trouble {
    Gone,
    Unreadable(String),
    /// It may pass.
    Away(String),
}

impl Entry {
    pub(super) fn new(found: Found) -> Self {
        Self {
            found,
            follower: None,
            followed: Standing::default(),
            glimpse: Glimpse::default(),
            glanced: None,
            seen: None,
            trouble: None,
        }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.found.path
    }

    /// Nothing was written into its trace.
    pub(super) fn is_blank(&self) -> bool {
        self.look().is_some_and(|seen| seen.bytes == 0)
    }

    /// Looks at the ends of the trace.
    pub(super) fn glance(&mut self) {
        if let Ok(follower) = Follower::open(&self.found.path) {
            self.glanced = glance(follower.folder());
            self.follower = Some(follower);
        }
    }

    /// Reads on, if the file was written to; `true`: there is more to read.
    pub(super) fn follow(&mut self) -> bool {
        let seen = self.look();
        let is_gone = seen.is_none() && (self.seen.is_some() || self.glanced.is_some());
        if is_gone {
            self.trouble = Some(Trouble::Gone);
            return false;
        }
        if seen == self.seen && self.glanced.is_none() && self.trouble.is_none() {
            return false;
        }
        let has_more = self.poll();
        if !has_more {
            (self.seen, self.glanced) = (seen, None);
        }
        has_more
    }

    fn look(&self) -> Option<Seen> {
        let found = fs::metadata(self.found.path.join(burnscape_trace::TRACE_FILE)).ok()?;
        Some(Seen { bytes: found.len(), modified: found.modified().ok() })
    }

    fn poll(&mut self) -> bool {
        if self.follower.is_none() {
            self.follower = Follower::open(&self.found.path).ok();
        }
        let Some(follower) = &mut self.follower else {
            self.trouble = Some(Trouble::Gone);
            return false;
        };
        let polled = follower.poll_each(|item| {
            self.followed.apply_item(item);
            if let Item::Record { record, .. } = item {
                self.glimpse.apply(record);
            }
        });
        let has_more = follower.has_more();
        self.trouble = match polled {
            Ok(_) => None,
            Err(TraceError::Replaced { .. }) => return self.start_over(),
            Err(TraceError::NoFolder { .. }) => Some(Trouble::Gone),
            Err(error @ (TraceError::Open { .. } | TraceError::Read { .. })) => {
                Some(Trouble::Away(told(&error)))
            }
            Err(error) => Some(Trouble::Unreadable(told(&error))),
        };
        has_more
    }

    /// Another run took the folder: it is read from its beginning.
    fn start_over(&mut self) -> bool {
        (self.followed, self.seen, self.trouble) = (Standing::default(), None, None);
        self.glimpse = Glimpse::default();
        self.glance();
        true
    }

    /// The run as a row, at a time.
    pub(super) fn row(&self, now: SystemTime) -> Row {
        let standing = self.glanced.as_ref().unwrap_or(&self.followed);
        let (state, sentence) = match &self.trouble {
            None => (RowState::Run(standing.state()), None),
            Some(Trouble::Gone) => {
                let sentence = "the run folder is gone; shown is what was read of it";
                (RowState::Gone, Some(sentence.to_owned()))
            }
            Some(Trouble::Unreadable(why)) => (RowState::Unreadable, Some(why.clone())),
            Some(Trouble::Away(why)) => (RowState::Run(standing.state()), Some(why.clone())),
        };
        Row {
            path: self.found.path.clone(),
            name: self.found.name.clone(),
            state,
            silent_minutes: self.silent_minutes(now),
            is_damaged: standing.damage().is_damaged(),
            epoch: standing.epoch(),
            planned_epochs: standing.planned_epochs(),
            steps: standing.steps(),
            last_loss: standing.last_loss(),
            losses: self.glimpse.losses(),
            best_valid_loss: self.glimpse.best_valid_loss(),
            learning_rate: self.glimpse.learning_rate(),
            alerts: standing.alerts().len(),
            errors: standing.alerts().errors(),
            is_whole: self.glanced.is_none(),
            started_unix_secs: standing.started_unix_secs(),
            sentence,
        }
    }

    fn silent_minutes(&self, now: SystemTime) -> u64 {
        let modified = self.seen.or_else(|| self.look()).and_then(|seen| seen.modified);
        silent_secs(modified, now) / 60
    }
}
