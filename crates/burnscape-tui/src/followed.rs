//! The run that is shown: its folder is followed, whatever becomes of it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use burnscape_trace::{Error as TraceError, Follower, RunFolder};

use crate::app::App;
use crate::error::{may_pass, told};
use crate::model::{Run, ShardsFollower};

/// The trace is looked at this often at least, also when nothing comes.
const POLL_LONGEST: Duration = Duration::from_millis(250);

/// A run folder, and how far it was read.
#[derive(Debug)]
pub(crate) struct Followed {
    follower: Follower,
    /// What several processes measure beside the trace, until it is merged into it.
    shards: ShardsFollower,
    folder: RunFolder,
    /// When something new was read that was not there at the first look: told by our own clock, which need not
    /// agree with that of a network disk.
    news: Option<SystemTime>,
    is_begun: bool,
    writer: Writer,
}

/// What is known of the process that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Nobody was seen writing: somebody may do so on a disk without locks.
    NotSeen,
    /// It had the trace when that was last looked at.
    Seen,
    /// It had the trace, and has it no more.
    Gone(SystemTime),
}

impl Writer {
    /// What is known now that a writer has the trace, has it not, or that is not told.
    fn after(self, has_writer: Option<bool>, now: SystemTime) -> Self {
        match (self, has_writer) {
            (_, Some(true)) => Self::Seen,
            (Self::Seen, Some(false)) => Self::Gone(now),
            _ => self,
        }
    }

    fn gone_secs(self, now: SystemTime) -> Option<u64> {
        match self {
            Self::Gone(at) => Some(now.duration_since(at).unwrap_or_default().as_secs()),
            Self::NotSeen | Self::Seen => None,
        }
    }
}

impl Followed {
    /// Finds a run.
    ///
    /// # Errors
    ///
    /// Where the path is no run.
    pub(crate) fn open(path: &Path) -> Result<Self, TraceError> {
        let folder = RunFolder::open(path)?;
        Ok(Self {
            follower: Follower::open(path)?,
            shards: ShardsFollower::of(&folder),
            folder,
            news: None,
            is_begun: false,
            writer: Writer::NotSeen,
        })
    }

    /// How long to wait before the next look.
    pub(crate) fn delay(&self) -> Duration {
        self.follower.delay().min(POLL_LONGEST)
    }

    /// Hands everything new to the application; what is wrong becomes a sentence there, until it passes.
    pub(crate) fn keep_up(&mut self, app: &mut App, now: SystemTime) {
        let polled = self.poll(app, now);
        let trouble = match polled {
            Ok(()) if self.is_trace_gone() => Some("the trace is gone"),
            Err(TraceError::NoFolder { .. }) => Some("the run folder is gone"),
            Err(error) if may_pass(&error) => None,
            Err(error) => {
                app.set_trouble(Some(told(&error)));
                return;
            }
            Ok(()) => None,
        };
        let sentence =
            |what| format!("{what}: shown is what was read, and it goes on when it is back");
        app.set_trouble(trouble.map(sentence));
    }

    /// Hands everything new to the application.
    ///
    /// # Errors
    ///
    /// As [`Follower::poll`], but for a run that was replaced: the application starts over.
    pub(crate) fn poll(&mut self, app: &mut App, now: SystemTime) -> Result<(), TraceError> {
        match self.follower.poll_each(|item| app.apply_item(item)) {
            Ok(items) => {
                if self.is_begun && items > 0 {
                    self.news = Some(now);
                }
                self.is_begun |= !self.follower.has_more();
            }
            Err(TraceError::Replaced { .. }) => self.start_over(app)?,
            Err(error) => return Err(error),
        }
        app.set_read_share(self.read_share());
        self.shards.poll().iter().for_each(|record| app.apply_of_shard(record));
        app.set_silent_secs(self.silent_secs(now));
        self.writer = self.writer.after(self.folder.has_writer(), now);
        app.set_gone_secs(self.writer.gone_secs(now));
        Ok(())
    }

    fn start_over(&mut self, app: &mut App) -> Result<(), TraceError> {
        *self = Self::open(self.folder.path())?;
        app.replace_run(Run::named(app.run().name()));
        app.say("another run took the folder: it is shown from its beginning");
        Ok(())
    }

    /// How much of a run that is opened was read by now; `None`: all of it.
    fn read_share(&self) -> Option<f64> {
        let length = self.folder.trace_path().metadata().ok().filter(|_| !self.is_begun)?.len();
        Some(self.follower.read_bytes() as f64 / length.max(1) as f64)
    }

    fn is_trace_gone(&self) -> bool {
        self.is_begun && !self.folder.trace_path().is_file()
    }

    fn silent_secs(&self, now: SystemTime) -> u64 {
        silent_secs(self.news.or_else(|| written_at(&self.folder)), now)
    }
}

/// Seconds for which nothing was written; 0 where that is not known, or told by a clock that is ahead.
pub(crate) fn silent_secs(written: Option<SystemTime>, now: SystemTime) -> u64 {
    written.map_or(0, |at| now.duration_since(at).unwrap_or_default().as_secs())
}

/// When a trace was written to.
pub(crate) fn written_at(folder: &RunFolder) -> Option<SystemTime> {
    folder.trace_path().metadata().and_then(|found| found.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_was_seen_is_missed_at_once_and_one_that_never_was_is_not() {
        let at = |secs| SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        let seen = Writer::NotSeen.after(Some(true), at(1));
        let gone = seen.after(Some(false), at(2)).after(Some(false), at(5));
        assert_eq!(gone.gone_secs(at(5)), Some(3));
        assert_eq!(gone.after(Some(true), at(6)).gone_secs(at(9)), None, "another one goes on");
        assert_eq!(Writer::NotSeen.after(Some(false), at(2)).gone_secs(at(9)), None);
        assert_eq!(seen.after(None, at(2)).gone_secs(at(9)), None, "not known is not gone");
    }

    #[test]
    fn the_lock_of_a_trace_tells_of_its_writer() {
        let parent = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(parent.path().join("run")).unwrap();
        let writer = burnscape_trace::Writer::create(&folder).unwrap();
        assert_eq!(folder.has_writer(), Some(true));
        drop(writer);
        assert_eq!(folder.has_writer(), Some(false));
    }
}
