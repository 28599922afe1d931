//! How far training is, how fast it goes and when it will be done.

use std::collections::VecDeque;

use burnscape_trace::{Progress, Split};

/// Steps over which the pace is taken: long enough to be calm, short enough to follow a change.
const PACE_STEPS: usize = 64;

/// Steps per second over the last recorded steps of this process.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    recent: VecDeque<(u64, f64)>,
}

impl Pace {
    /// Takes a step and its time; a clock that went back (a resumed run) starts afresh.
    pub fn push(&mut self, step: u64, elapsed_secs: f64) {
        if self.recent.back().is_some_and(|last| elapsed_secs < last.1 || step <= last.0) {
            self.recent.clear();
        }
        if self.recent.len() == PACE_STEPS {
            self.recent.pop_front();
        }
        self.recent.push_back((step, elapsed_secs));
    }

    /// Optimizer steps per second; `None` with fewer than two steps.
    #[must_use]
    pub fn steps_per_sec(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        let secs = last.1 - first.1;
        (secs > 0.0).then(|| (last.0 - first.0) as f64 / secs)
    }
}

/// Where training is, from the last progress record of each kind.
#[derive(Debug, Clone, Default)]
pub struct TrainingProgress {
    latest: Option<Progress>,
    planned_epochs: Option<u64>,
    /// Share and time from which on the pace is taken.
    started: Option<(f64, f64)>,
    elapsed_secs: f64,
}

impl TrainingProgress {
    /// Takes the number of epochs planned.
    pub fn plan(&mut self, epochs: Option<u64>) {
        let planned = epochs.or(self.planned_epochs);
        if std::mem::replace(&mut self.planned_epochs, planned) != planned {
            // Shares of another whole.
            self.started = None;
        }
    }

    /// Takes the time of a record, in seconds since this process began to record.
    pub fn tick(&mut self, elapsed_secs: f64) {
        if elapsed_secs < self.elapsed_secs {
            self.started = None;
        }
        self.elapsed_secs = elapsed_secs;
    }

    /// Takes a progress record.
    pub fn apply(&mut self, progress: &Progress) {
        let is_surface = |it: &Progress| it.split == Split::Surface;
        if self.latest.as_ref().is_some_and(|it| is_surface(it) != is_surface(progress)) {
            self.started = None;
        }
        self.latest = Some(progress.clone());
        if let Some(share) = self.share() {
            self.started.get_or_insert((share, self.elapsed_secs));
        }
    }

    /// Takes a progress record that is about to be written; gives it with the time that is left, once that is known.
    #[must_use]
    pub fn with_time_left(&mut self, mut progress: Progress, elapsed_secs: f64) -> Progress {
        self.tick(elapsed_secs);
        self.apply(&progress);
        progress.eta_secs = self.eta_secs();
        progress
    }

    /// The last progress record.
    #[must_use]
    pub fn latest(&self) -> Option<&Progress> {
        self.latest.as_ref()
    }

    /// Epochs planned, where known.
    #[must_use]
    pub fn planned_epochs(&self) -> Option<u64> {
        self.planned_epochs
    }

    /// Share that is done: of all epochs where their number is known, else of this epoch; while a
    /// surface is evaluated, of its nodes.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let latest = self.latest.as_ref()?;
        let within = (latest.total > 0).then(|| latest.done as f64 / latest.total as f64)?;
        match (&latest.split, self.planned_epochs) {
            (Split::Surface, _) | (_, None | Some(0)) => Some(within),
            (Split::Train, Some(epochs)) => {
                Some((latest.epoch.saturating_sub(1) as f64 + within) / epochs as f64)
            }
            (_, Some(epochs)) => Some(latest.epoch as f64 / epochs as f64),
        }
        .map(|share| share.clamp(0.0, 1.0))
    }

    /// Seconds left: as the writer says, else from the pace since this process began.
    #[must_use]
    pub fn eta_secs(&self) -> Option<f64> {
        let told = self.latest.as_ref()?.eta_secs;
        told.or_else(|| {
            let (first_share, first_secs) = self.started?;
            let (share, secs) = (self.share()?, self.elapsed_secs - first_secs);
            (share > first_share).then(|| secs * (1.0 - share) / (share - first_share))
        })
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn progress(split: &str, epoch: u64, done: u64, total: u64) -> Progress {
        record!(Progress { split: split.into(), epoch, done, total, eta_secs: None })
    }

    #[test]
    fn the_pace_is_steps_over_seconds_and_survives_a_resume() {
        let mut pace = Pace::default();
        (0..200).for_each(|step| pace.push(step, step as f64 * 0.25));
        assert_eq!(pace.steps_per_sec(), Some(4.0));
        pace.push(200, 0.5);
        assert_eq!(pace.steps_per_sec(), None);
        pace.push(201, 1.0);
        assert_eq!(pace.steps_per_sec(), Some(2.0));
    }

    #[test]
    fn the_share_counts_epochs_where_they_are_planned() {
        let mut training = TrainingProgress::default();
        training.apply(&progress("train", 2, 1, 4));
        assert_eq!(training.share(), Some(0.25));
        training.plan(Some(5));
        assert_eq!(training.share(), Some(0.25));
        training.apply(&progress("surface", 0, 1, 2));
        assert_eq!(training.share(), Some(0.5));
        training.apply(&progress("train", 1, 0, 0));
        assert_eq!(training.share(), None);
    }

    #[test]
    fn the_time_left_follows_from_the_pace_of_this_process() {
        let mut training = TrainingProgress::default();
        training.plan(Some(10));
        training.tick(0.0);
        training.apply(&progress("train", 6, 0, 100));
        training.tick(30.0);
        training.apply(&progress("train", 7, 0, 100));
        assert!((training.eta_secs().unwrap() - 120.0).abs() < 1e-9);
    }

    #[test]
    fn a_writer_knows_the_time_left_from_its_second_record_on() {
        let mut training = TrainingProgress::default();
        training.plan(Some(4));
        let mut left = |epoch, done, secs| {
            training.with_time_left(progress("train", epoch, done, 10), secs).eta_secs
        };
        assert_eq!(left(1, 0, 5.0), None);
        // Half an epoch in 3 s: three and a half more take 21 s.
        assert_eq!(left(1, 5, 8.0), Some(21.0));
        assert_eq!(left(4, 10, 29.0), Some(0.0));
    }

    #[test]
    fn a_further_training_and_a_surface_have_a_pace_of_their_own() {
        let mut training = TrainingProgress::default();
        training.plan(Some(2));
        let _ = training.with_time_left(progress("train", 1, 0, 10), 0.0);
        let _ = training.with_time_left(progress("train", 2, 10, 10), 10.0);
        training.plan(Some(4));
        assert_eq!(training.with_time_left(progress("train", 3, 0, 10), 100.0).eta_secs, None);
        assert_eq!(training.with_time_left(progress("train", 4, 0, 10), 105.0).eta_secs, Some(5.0));
        assert_eq!(training.with_time_left(progress("surface", 0, 4, 8), 106.0).eta_secs, None);
        assert_eq!(
            training.with_time_left(progress("surface", 0, 5, 8), 107.0).eta_secs,
            Some(3.0)
        );
    }
}
