//! Which snapshots of the path of training are read, where a budget leaves no time for all of them.

use std::time::Duration;

use burnscape_landscape::words::percent;
use burnscape_trace::Snapshot;

use super::open_study::AnyStudy;
use super::progress::duration;
use crate::Result;

/// Share of what is left of a budget that reading them may take.
const SHARE: f64 = 0.25;

/// How often each is read: up to three times for the principal components, and once for each of the two planes.
const PASSES: f64 = 5.0;

/// Snapshots that are read however long that takes: a plane through the path needs as many.
const LEAST: usize = 3;

impl AnyStudy<'_> {
    /// The snapshots that the path of training is made of: those of a plan that was given, or else as many as there is
    /// time for, evenly, the first and the last among them. Decided once.
    pub(super) fn snapshots_to_read(&mut self) -> Result<Vec<Snapshot>> {
        let all = self.path.snapshots.clone();
        if self.path.read.is_none() {
            self.path.read = Some(self.decide_what_is_read(&all)?);
        }
        let read = self.path.read.as_deref().unwrap_or_default();
        let is_read = |it: &Snapshot| read.is_empty() || read.contains(&(it.index as u32));
        Ok(all.into_iter().filter(is_read).collect())
    }

    /// Numbers of snapshots; none: all.
    fn decide_what_is_read(&self, all: &[Snapshot]) -> Result<Vec<u32>> {
        if let Some(plan) = &self.active.config.plan {
            return Ok(plan.snapshots.0.clone());
        }
        let (Some(left), Some(first)) = (self.time.deadline.left(), all.first()) else {
            return Ok(Vec::new());
        };
        let secs = PASSES * self.reading_secs(first)?;
        let count = affordable(secs, left).max(LEAST);
        if count >= all.len() {
            return Ok(Vec::new());
        }
        let (most, takes) = (percent(SHARE), secs * all.len() as f64);
        let sentence = format!(
            "{count} of {} snapshots are read: all of them would take about {}, more than {most} of the time that is \
             left",
            all.len(),
            duration(takes)
        );
        self.note("info", sentence);
        Ok(with_ends(count, all.len()).into_iter().map(|place| all[place].index as u32).collect())
    }

    /// How long it takes to read a snapshot.
    fn reading_secs(&self, snapshot: &Snapshot) -> Result<f64> {
        let clock = &self.active.config.clock;
        let begun = clock.now();
        self.snapshot_tensors(snapshot)?;
        Ok(clock.now().saturating_sub(begun).as_secs_f64())
    }
}

/// How many snapshots there is time for.
fn affordable(secs: f64, left: Duration) -> usize {
    (SHARE * left.as_secs_f64() / secs) as usize
}

/// So many places among others, evenly, the first and the last among them.
pub(super) fn with_ends(count: usize, of: usize) -> Vec<usize> {
    let gaps = count.saturating_sub(1).max(1);
    (0..count).map(|number| (number * (of - 1) + gaps / 2) / gaps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_time_is_read_in() {
        assert_eq!(affordable(0.5, Duration::from_secs(20)), 10);
        assert_eq!(affordable(0.0, Duration::from_secs(20)), usize::MAX);
        assert_eq!(affordable(1.0, Duration::ZERO), 0);
        assert_eq!(affordable(0.0, Duration::ZERO), 0);
    }

    #[test]
    fn places_are_evenly_spread_between_the_ends() {
        assert_eq!(with_ends(3, 10), [0, 5, 9]);
        assert_eq!(
            [with_ends(0, 5), with_ends(1, 5), with_ends(2, 2)],
            [vec![], vec![0], vec![0, 1]]
        );
        for (count, of) in [(3, 4), (4, 10), (7, 100), (64, 65), (100, 513)] {
            let places = with_ends(count, of);
            assert_eq!((places.len(), places[0], places[count - 1]), (count, 0, of - 1));
            let gaps: Vec<usize> = places.windows(2).map(|two| two[1] - two[0]).collect();
            let (most, least) = (gaps.iter().max().unwrap(), gaps.iter().min().unwrap());
            assert!(most - least <= 1 && *least > 0, "{count} of {of}: {gaps:?}");
        }
    }
}
