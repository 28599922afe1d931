//! How much may be on its way to the terminal: after each part of a frame it is asked for its status, and the next
//! part is drawn when it has answered.
//!
//! What a program writes vanishes into buffers of the system, of SSH and of the network, tens of kilobytes of them. On a
//! slow link they hold seconds of old frames, and the answer to a key waits behind them. A terminal that answers tells
//! when it has drawn what it was sent; parts are as large as the link carries in a quarter of a second.

use std::time::{Duration, Instant};

/// "Device status report" (ECMA-48, 8.3.35): the terminal answers `ESC [ 0 n` where it has come so far.
pub(crate) const REQUEST: &[u8] = b"\x1b[5n";
/// For so long a part may keep the link busy.
const BUSY: Duration = Duration::from_millis(250);
/// Bytes of the first part, before anything is known.
const FIRST: usize = 1024;
/// Smaller parts cost more for their requests than they gain …
const SMALLEST: usize = 256;
/// … and larger ones are no frame's.
const LARGEST: usize = 1 << 22;
/// From one part to the next at most so many times larger, or smaller.
const CHANGE: f64 = 4.0;
/// A terminal that has not answered by then is sent the next part none the less …
const PATIENCE: Duration = Duration::from_millis(500);
/// … and that often: some do not know the question, and are not asked any more.
const UNANSWERED: u8 = 4;
/// An answer that has not come by then is lost: another terminal was attached meanwhile, a connection was mended.
const LOST: Duration = Duration::from_secs(10);

/// The way to a terminal.
#[derive(Debug)]
pub(crate) struct Link {
    part: usize,
    /// What is on its way, and since when.
    asked: Option<(usize, Instant)>,
    /// The quickest answer yet: the way there and back.
    quickest: Duration,
    answers: Answers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// So many requests had none yet.
    NotKnown(u8),
    Come,
    Never,
}

impl Default for Link {
    fn default() -> Self {
        Self { part: FIRST, asked: None, quickest: Duration::MAX, answers: Answers::NotKnown(0) }
    }
}

impl Link {
    /// Bytes of the next part.
    pub(crate) fn part(&self) -> usize {
        if self.answers == Answers::Never { LARGEST } else { self.part }
    }

    /// Whether the next part may be sent: the terminal has answered, or never will.
    pub(crate) fn is_free(&mut self, now: Instant) -> bool {
        let waited =
            self.asked.map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(since));
        match self.answers {
            Answers::NotKnown(before) if waited > PATIENCE => {
                self.asked = None;
                let unanswered = before + 1;
                self.answers = match unanswered < UNANSWERED {
                    true => Answers::NotKnown(unanswered),
                    false => Answers::Never,
                };
            }
            // Who answered once is only slow.
            _ if waited > LOST => self.asked = None,
            _ => {}
        }
        self.asked.is_none()
    }

    /// A part goes on its way; gives what is to be sent behind it.
    pub(crate) fn send(&mut self, bytes: usize, now: Instant) -> &'static [u8] {
        if self.answers == Answers::Never {
            return b"";
        }
        self.asked = Some((bytes, now));
        REQUEST
    }

    /// The terminal has answered.
    pub(crate) fn take_answer(&mut self, now: Instant) {
        self.answers = Answers::Come;
        let Some((bytes, since)) = self.asked.take() else {
            return;
        };
        let took = now.saturating_duration_since(since);
        self.quickest = self.quickest.min(took);
        let busy = (took - self.quickest).max(BUSY.div_f64(4.0 * CHANGE));
        let change = (BUSY.as_secs_f64() / busy.as_secs_f64()).clamp(1.0 / CHANGE, CHANGE);
        // A part that was smaller than it might have been says nothing against larger ones.
        let part = (bytes as f64 * change) as usize;
        let part = if change > 1.0 { part.max(self.part) } else { part };
        self.part = part.clamp(SMALLEST, LARGEST);
    }

    /// Whether a frame may take several parts.
    pub(crate) fn is_slow(&self) -> bool {
        self.part() < 16 * FIRST
    }

    /// Whether an answer is to come still.
    pub(crate) fn awaits(&self) -> bool {
        self.asked.is_some()
    }

    /// Another one had the terminal: what was asked is not answered to us.
    pub(crate) fn forget(&mut self) {
        self.asked = None;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A link in which bytes take their time, and a terminal at its end that answers each request at once.
    struct Wire {
        bytes_per_sec: f64,
        one_way: Duration,
        start: Instant,
        now: Duration,
        /// When the link has carried all that it was given.
        carried: Duration,
        answers: VecDeque<Duration>,
    }

    impl Wire {
        fn new(bytes_per_sec: f64, one_way_ms: u64) -> Self {
            let one_way = Duration::from_millis(one_way_ms);
            let (now, carried) = (Duration::ZERO, Duration::ZERO);
            Self {
                bytes_per_sec,
                one_way,
                start: Instant::now(),
                now,
                carried,
                answers: VecDeque::new(),
            }
        }

        fn give(&mut self, link: &mut Link, bytes: usize) {
            let request = link.send(bytes, self.start + self.now).len();
            let busy = Duration::from_secs_f64((bytes + request) as f64 / self.bytes_per_sec);
            self.carried = self.carried.max(self.now) + busy;
            self.answers.push_back(self.carried + 2 * self.one_way);
        }

        fn wait(&mut self, link: &mut Link) {
            if let Some(at) = self.answers.pop_front() {
                self.now = at;
                link.take_answer(self.start + at);
            }
        }
    }

    #[test]
    fn a_key_waits_for_no_more_than_a_second_on_any_slow_link() {
        for (bytes_per_sec, one_way_ms) in
            [(2e3, 0), (2e3, 50), (2e3, 150), (9.6e3, 100), (1e6, 20)]
        {
            let mut wire = Wire::new(bytes_per_sec, one_way_ms);
            let mut link = Link::default();
            // What is asked at the beginning tells how long the way is.
            wire.give(&mut link, 40);
            wire.wait(&mut link);
            for _ in 0..40 {
                // A key is typed as a part has just gone; its answer is in the next part.
                let typed = wire.now;
                let part = link.part();
                wire.give(&mut link, part);
                wire.wait(&mut link);
                assert!(link.is_free(wire.start + wire.now));
                let part = link.part();
                wire.give(&mut link, part);
                let seen = wire.carried + wire.one_way;
                wire.wait(&mut link);
                let is_settled = wire.now > Duration::from_secs(4);
                let most = if is_settled { 1.0 } else { 2.0 };
                let waited = (seen - typed).as_secs_f64();
                assert!(waited <= most, "{bytes_per_sec} B/s, {one_way_ms} ms: {waited} s");
            }
        }
    }

    #[test]
    fn a_link_is_used_whether_it_is_slow_or_only_long() {
        for (bytes_per_sec, one_way_ms, least) in
            [(2e3, 0, 0.8), (2e3, 300, 0.15), (1e5, 300, 0.15)]
        {
            let mut wire = Wire::new(bytes_per_sec, one_way_ms);
            let mut link = Link::default();
            wire.give(&mut link, 30);
            wire.wait(&mut link);
            let mut bytes = 0;
            while wire.now < Duration::from_secs(60) {
                bytes += link.part();
                let part = link.part();
                wire.give(&mut link, part);
                wire.wait(&mut link);
            }
            let share = bytes as f64 / wire.now.as_secs_f64() / bytes_per_sec;
            assert!(share >= least, "{bytes_per_sec} B/s, {one_way_ms} ms: {share}");
        }
    }

    #[test]
    fn a_terminal_that_never_answers_is_sent_whole_frames_in_the_end() {
        let start = Instant::now();
        let mut link = Link::default();
        for number in 1..=UNANSWERED {
            let sent = start + 2 * PATIENCE * u32::from(number);
            assert_eq!((link.send(9, sent), link.part()), (REQUEST, FIRST));
            assert!(!link.is_free(sent + PATIENCE));
            assert!(link.is_free(sent + PATIENCE + Duration::from_millis(1)));
        }
        assert_eq!((link.send(9, start), link.part()), (&b""[..], LARGEST));
        assert!(link.is_free(start));
        link.take_answer(start);
        assert_eq!(link.send(9, start), REQUEST, "it was only late");
    }

    #[test]
    fn a_terminal_that_answered_is_waited_for_until_its_answer_must_be_lost() {
        let start = Instant::now();
        let mut link = Link::default();
        link.send(9, start);
        link.take_answer(start + Duration::from_millis(5));
        link.send(9, start);
        assert!(link.awaits() && !link.is_free(start + LOST));
        assert!(link.is_free(start + LOST + Duration::from_millis(1)));
        assert_eq!(link.send(9, start), REQUEST);
    }
}
