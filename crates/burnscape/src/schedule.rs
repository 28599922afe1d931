//! When something is due.

/// Which snapshots are taken besides the initial and the final model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotSchedule {
    /// After every n-th epoch.
    EveryEpochs(u64),
    /// After every n-th optimizer step.
    EverySteps(u64),
}

impl SnapshotSchedule {
    /// Whether one is due after `steps` optimizer steps.
    pub(crate) fn is_due_after_step(self, steps: u64) -> bool {
        matches!(self, Self::EverySteps(every) if steps.is_multiple_of(every))
    }

    /// Whether one is due after epoch `epoch`.
    pub(crate) fn is_due_after_epoch(self, epoch: u64) -> bool {
        matches!(self, Self::EveryEpochs(every) if epoch.is_multiple_of(every))
    }
}

/// At which optimizer steps a measurement is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Schedule {
    /// At none.
    Never,
    /// At every n-th step, starting with the first; 0: never, 1: at every step.
    Every(u64),
    /// Ten times a decade at most: at the steps ⌈10^(k/10)⌉, counted from 1.
    Logarithmic,
    /// At the first step of every epoch.
    EveryEpoch,
    /// At so many steps after an alert of a gradient rule, and at no others.
    AfterAlert(u64),
}

/// What a schedule looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StepPlace {
    /// Steps before this one.
    pub step: u64,
    /// No step of this epoch came before it.
    pub starts_epoch: bool,
    /// Steps since the last alert; `None` without one.
    pub since_alert: Option<u64>,
}

impl Schedule {
    /// Whether a measurement is due at a step.
    pub(crate) fn is_due(self, at: StepPlace) -> bool {
        match self {
            Self::Never => false,
            Self::Every(every) => every != 0 && at.step.is_multiple_of(every),
            Self::Logarithmic => is_logarithmic(at.step + 1),
            Self::EveryEpoch => at.starts_epoch,
            Self::AfterAlert(steps) => at.since_alert.is_some_and(|since| since < steps),
        }
    }

    /// Whether it is due at the step after this one, as far as that can be known.
    pub(crate) fn is_due_next(self, at: StepPlace) -> bool {
        let since_alert = at.since_alert.map(|since| since + 1);
        self.is_due(StepPlace { step: at.step + 1, starts_epoch: false, since_alert })
    }
}

/// Whether a count from 1 is ⌈10^(k/10)⌉ for some k: the first number of its tenth of a decade.
fn is_logarithmic(count: u64) -> bool {
    let tenth = |count: u64| ((count as f64).log10() * 10.0 + 1e-9).floor();
    count == 1 || tenth(count) > tenth(count - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(schedule: Schedule, steps: u64) -> Vec<u64> {
        let at = |step| StepPlace { step, ..StepPlace::default() };
        (0..steps).filter(|&step| schedule.is_due(at(step))).collect()
    }

    #[test]
    fn every_third_step_starts_with_the_first_and_every_zeroth_is_none() {
        assert_eq!(due(Schedule::Every(3), 10), [0, 3, 6, 9]);
        assert!(due(Schedule::Every(0), 10).is_empty());
        assert!(due(Schedule::Never, 10).is_empty());
    }

    #[test]
    fn a_logarithmic_schedule_is_even_in_the_logarithm() {
        // ⌈10^(k/10)⌉ by a power, not by a logarithm; 10 and 100 are not rounded up.
        let count = |k: i32| (10.0_f64.powf(f64::from(k) / 10.0) - 1e-6).ceil() as u64;
        let mut expected: Vec<u64> = (0..40).map(|k| count(k) - 1).collect();
        expected.dedup();
        assert_eq!(due(Schedule::Logarithmic, 9_999), expected);
    }

    #[test]
    fn an_epoch_and_an_alert_are_looked_up() {
        let at = StepPlace { step: 7, starts_epoch: true, since_alert: Some(2) };
        assert!(Schedule::EveryEpoch.is_due(at) && Schedule::AfterAlert(3).is_due(at));
        assert!(!Schedule::AfterAlert(2).is_due(at) && !Schedule::AfterAlert(3).is_due_next(at));
        assert!(!Schedule::EveryEpoch.is_due(StepPlace::default()));
    }
}
