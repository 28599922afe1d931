//! One of several runs that are shown together: followed by itself, whatever becomes of the others.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use burnscape_trace::{Error as TraceError, Follower, RunFolder};

use crate::error::{may_pass, told};
use crate::model::{Run, ShardsFollower, measures_of};
use crate::runs::Chosen;

/// A run, as far as it was read.
#[derive(Debug)]
pub(super) struct Member {
    path: PathBuf,
    run: Run,
    follower: Option<Follower>,
    /// What several processes measure beside the trace.
    shards: Option<ShardsFollower>,
    trouble: Option<String>,
    /// Numbers of it by name, of what was read until now.
    measures: BTreeMap<String, f64>,
}

impl Member {
    /// It is looked at this often at least.
    pub(super) const LONGEST_DELAY: Duration = Duration::from_millis(250);

    pub(super) fn new(chosen: &Chosen) -> Self {
        Self {
            path: chosen.path.clone(),
            run: Run::named(&chosen.name),
            follower: None,
            shards: None,
            trouble: None,
            measures: BTreeMap::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.run.name()
    }

    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    pub(super) fn measures(&self) -> &BTreeMap<String, f64> {
        &self.measures
    }

    /// Its name, with its state where it is not over, and with what is wrong.
    pub(super) fn told(&self) -> String {
        match &self.trouble {
            Some(trouble) => format!("{} ({trouble})", self.name()),
            None if self.run.state().is_over() => self.name().to_owned(),
            None => format!("{} ({})", self.name(), self.run.state().word()),
        }
    }

    pub(super) fn delay(&self) -> Duration {
        let own = self.follower.as_ref().map(Follower::delay);
        own.map_or(Self::LONGEST_DELAY, |delay| delay.min(Self::LONGEST_DELAY))
    }

    /// Reads on; `true`: there is something new.
    pub(super) fn keep_up(&mut self) -> bool {
        let before = self.trouble.clone();
        let has_news = match self.poll() {
            Ok(has_news) => {
                self.trouble = None;
                has_news
            }
            Err(TraceError::Replaced { .. }) => {
                (self.run, self.follower, self.shards) = (Run::named(self.run.name()), None, None);
                true
            }
            Err(error) if may_pass(&error) => false,
            Err(error) => {
                self.trouble = Some(told(&error));
                false
            }
        };
        if has_news {
            self.measures = measures_of(&self.run);
        }
        has_news || before != self.trouble
    }

    /// Reads to the end of what is written.
    pub(super) fn read_all(&mut self) {
        while self.follower.as_ref().is_some_and(Follower::has_more) && self.trouble.is_none() {
            self.keep_up();
        }
    }

    fn poll(&mut self) -> Result<bool, TraceError> {
        if self.follower.is_none() {
            self.follower = Some(Follower::open(&self.path)?);
            self.shards = Some(ShardsFollower::of(&RunFolder::open(&self.path)?));
        }
        let Some(follower) = &mut self.follower else { return Ok(false) };
        let items = follower.poll_each(|item| self.run.apply_item(item))?;
        let of_shards = self.shards.as_mut().map(ShardsFollower::poll).unwrap_or_default();
        of_shards.iter().for_each(|record| self.run.apply_of_shard(record));
        Ok(items > 0 || !of_shards.is_empty())
    }
}
