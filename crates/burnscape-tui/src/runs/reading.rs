//! The thread that reads all runs of a list, so that a slow disk never holds up a key.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::catalogue::Catalogue;
use super::row::Row;

/// Between two looks at all runs.
const REST: Duration = Duration::from_millis(200);
/// Between two searches for new runs.
const SEARCH_EVERY: Duration = Duration::from_secs(2);
/// While much is to be read, rows are told this often.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// The reading end: rows come, and the thread ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Reading {
    rows: Receiver<Vec<Row>>,
    _alive: Sender<()>,
}

impl Reading {
    /// Starts to read.
    pub(crate) fn start(catalogue: Catalogue) -> std::io::Result<Self> {
        let (tell, rows) = channel();
        let (alive, ended) = channel();
        let reader = Reader { catalogue, tell, ended, told: Vec::new() };
        thread::Builder::new().name("burnscape-runs".to_owned()).spawn(move || reader.go_on())?;
        Ok(Self { rows, _alive: alive })
    }

    /// The newest rows, if there are any since this was last asked.
    pub(crate) fn newest(&self) -> Option<Vec<Row>> {
        self.rows.try_iter().last()
    }
}

struct Reader {
    catalogue: Catalogue,
    tell: Sender<Vec<Row>>,
    ended: Receiver<()>,
    told: Vec<Row>,
}

impl Reader {
    fn go_on(mut self) {
        let mut next_search = Instant::now() + SEARCH_EVERY;
        while self.look_at_all() {
            self.tell();
            if !matches!(self.ended.recv_timeout(REST), Err(RecvTimeoutError::Timeout)) {
                return;
            }
            if Instant::now() >= next_search {
                self.catalogue.search();
                next_search = Instant::now() + SEARCH_EVERY;
            }
        }
    }

    /// Reads what is new in each run; `false`: nobody waits for it any more.
    fn look_at_all(&mut self) -> bool {
        let mut next_tell = Instant::now() + TELL_EVERY;
        for run in 0..self.catalogue.len() {
            while self.catalogue.follow(run) {
                if !self.is_wanted() {
                    return false;
                }
            }
            if Instant::now() >= next_tell {
                self.tell();
                next_tell = Instant::now() + TELL_EVERY;
            }
        }
        self.is_wanted()
    }

    fn is_wanted(&self) -> bool {
        self.ended.try_recv() == Err(TryRecvError::Empty)
    }

    fn tell(&mut self) {
        let rows = self.catalogue.rows(SystemTime::now());
        if rows != self.told {
            self.told.clone_from(&rows);
            // Where nobody listens, the next look ends the thread.
            let _ = self.tell.send(rows);
        }
    }
}
