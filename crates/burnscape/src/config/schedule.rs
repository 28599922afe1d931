//! When something is due.

/// Which snapshots are taken besides the initial and the final model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SnapshotSchedule {
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
    /// At every n-th step, starting with the first; 0: never, 1: at every step. Where several optimizers take turns,
    /// as in a generative adversarial network, at every n-th step or the next larger number that meets all of them:
    /// every 20th of steps that alternate would always meet the same one.
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
    /// Steps until the same blocks have their turn again; 0 where none take turns.
    pub cycle: u64,
}

impl Schedule {
    /// Whether a measurement is due at a step.
    pub(crate) fn is_due(self, at: StepPlace) -> bool {
        match self {
            Self::Never => false,
            Self::Every(every) => {
                every != 0 && at.step.is_multiple_of(meeting_all(every, at.cycle))
            }
            Self::Logarithmic => is_logarithmic(at.step + 1),
            Self::EveryEpoch => at.starts_epoch,
            Self::AfterAlert(steps) => at.since_alert.is_some_and(|since| since < steps),
        }
    }

    /// Whether it is due at the step after this one, as far as that can be known.
    pub(crate) fn is_due_next(self, at: StepPlace) -> bool {
        let since_alert = at.since_alert.map(|since| since + 1);
        self.is_due(StepPlace { step: at.step + 1, starts_epoch: false, since_alert, ..at })
    }
}

/// The smallest number from `every` on whose multiples fall on every step of a cycle in turn: one that has no divisor
/// in common with it.
fn meeting_all(every: u64, cycle: u64) -> u64 {
    if cycle < 2 {
        return every;
    }
    (every..).find(|&every| greatest_divisor(every, cycle) == 1).unwrap_or(every)
}

fn greatest_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

/// A cycle longer than this meets every period in any case.
const LONGEST_CYCLE: u64 = 64;

/// Finds out whether optimizers take turns, each with blocks of its own.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The blocks of the last step, as a mark that tells them from others.
    mark: Option<u64>,
    /// Where the last turns with other marks began, the newest last.
    begun: Vec<(u64, u64)>,
    /// Steps until the same blocks have their turn again; 0 where none take turns.
    pub cycle: u64,
}

impl Turns {
    /// Takes the mark of a step.
    pub fn take(&mut self, step: u64, mark: u64) {
        if self.mark.replace(mark) == Some(mark) {
            return;
        }
        self.begun.retain(|&(_, begin)| step - begin <= LONGEST_CYCLE);
        if let Some(known) = self.begun.iter().position(|&(it, _)| it == mark) {
            self.cycle = step - self.begun.remove(known).1;
        }
        self.begun.push((mark, step));
    }
}

/// A number that tells one set of blocks from another (FNV-1a, 64 bits).
pub(crate) fn mark_of(blocks: &[u32]) -> u64 {
    let mix = |mark: u64, block: &u32| (mark ^ u64::from(*block)).wrapping_mul(0x0100_0000_01b3);
    blocks.iter().fold(0xcbf2_9ce4_8422_2325, mix)
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

    /// Whose turn it is in each step of a cycle, over and over.
    fn cycle_of(turns: &[u32], steps: u64) -> u64 {
        let mut found = Turns::default();
        let whose = turns.iter().cycle().zip(0..steps);
        whose.for_each(|(&turn, step)| found.take(step, mark_of(&[turn])));
        found.cycle
    }

    #[test]
    fn a_cycle_of_optimizers_is_found_however_long_each_turn_is() {
        assert_eq!(cycle_of(&[7], 200), 0);
        assert_eq!(cycle_of(&[1, 2], 200), 2);
        assert_eq!(cycle_of(&[1, 2, 3], 200), 3);
        assert_eq!(cycle_of(&[1, 1, 1, 1, 1, 2], 200), 6);
        // A part that is frozen, and freed, and stays so takes no turns.
        let mut found = Turns::default();
        (0..300).for_each(|step| found.take(step, u64::from(step > 100)));
        assert_eq!(found.cycle, 0);
    }

    #[test]
    fn a_period_meets_every_step_of_every_cycle() {
        for (every, cycle) in (1..=60).flat_map(|every| (0..=24).map(move |cycle| (every, cycle))) {
            let at = |step| StepPlace { step, cycle, ..StepPlace::default() };
            let due =
                (0..every * 40 * cycle.max(1)).filter(|&it| Schedule::Every(every).is_due(at(it)));
            let met: std::collections::BTreeSet<u64> =
                due.map(|step| step % cycle.max(1)).collect();
            assert_eq!(met.len() as u64, cycle.max(1), "every {every}th of a cycle of {cycle}");
        }
        let alternating = StepPlace { cycle: 2, ..StepPlace::default() };
        let due = |step| Schedule::Every(20).is_due(StepPlace { step, ..alternating });
        assert_eq!((0..90).filter(|&step| due(step)).collect::<Vec<u64>>(), [0, 21, 42, 63, 84]);
    }

    #[test]
    fn an_epoch_and_an_alert_are_looked_up() {
        let at = StepPlace { step: 7, starts_epoch: true, since_alert: Some(2), cycle: 0 };
        assert!(Schedule::EveryEpoch.is_due(at) && Schedule::AfterAlert(3).is_due(at));
        assert!(!Schedule::AfterAlert(2).is_due(at) && !Schedule::AfterAlert(3).is_due_next(at));
        assert!(!Schedule::EveryEpoch.is_due(StepPlace::default()));
    }
}
