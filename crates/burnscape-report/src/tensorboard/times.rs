//! When something happened, by the clock on the wall.

use burnscape_trace::Step;

use crate::run::Run;

/// When steps of a run were taken.
#[derive(Debug)]
pub(super) struct Times {
    /// From which step on a process recorded, and when it began; the first one from step 0.
    processes: Vec<(u64, f64)>,
    /// Steps and seconds in their process, in order.
    steps: Vec<(u64, f64)>,
}

/// When a value was told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// In this step.
    During(u64),
    /// After so many steps, at so many seconds of the process, where known.
    After(u64, Option<f64>),
}

impl Moment {
    /// As TensorBoard counts.
    pub(super) fn step(self) -> u64 {
        match self {
            Self::During(step) | Self::After(step, _) => step,
        }
    }
}

impl Times {
    /// Before any step.
    pub(super) fn of(run: &Run) -> Self {
        let mut processes = vec![(0, sound(run.head.started_unix_secs))];
        for resume in &run.history.resumes {
            // What it went back behind was left.
            processes.retain(|(from, _)| *from == 0 || *from < resume.steps);
            processes.push((resume.steps, sound(resume.resumed_unix_secs)));
        }
        Self { processes, steps: Vec::with_capacity(run.history.steps.count() as usize) }
    }

    /// Takes when a step was taken.
    pub(super) fn take(&mut self, step: &Step) {
        self.steps.push((step.step, step.elapsed_secs));
    }

    /// When the run began.
    pub(super) fn started(&self) -> f64 {
        self.processes[0].1
    }

    /// Seconds since 1970-01-01 UTC: the start of its process, and what had elapsed since.
    pub(super) fn wall_secs(&self, moment: Moment) -> f64 {
        let (step, told) = match moment {
            Moment::During(step) => (step, None),
            Moment::After(steps, elapsed_secs) => (steps.saturating_sub(1), elapsed_secs),
        };
        let elapsed_secs = told.or_else(|| self.elapsed_secs(step)).map_or(0.0, sound);
        self.start_of_process(step) + elapsed_secs
    }

    fn start_of_process(&self, step: u64) -> f64 {
        let process = self.processes.iter().rfind(|(from, _)| *from <= step);
        process.map_or(self.started(), |(_, started)| *started)
    }

    /// Of the step or, where it was not recorded, of the last one before it.
    fn elapsed_secs(&self, step: u64) -> Option<f64> {
        let is_last = |place: usize| {
            self.steps.get(place).is_some_and(|(at, _)| *at == step)
                && self.steps.get(place + 1).is_none_or(|(at, _)| *at > step)
        };
        // Where none is missing before it, it lies at its number.
        let first = self.steps.first()?.0;
        let place = usize::try_from(step.saturating_sub(first)).ok().filter(|it| is_last(*it));
        let last = || self.steps.partition_point(|(at, _)| *at <= step).checked_sub(1);
        place.or_else(last).map(|place| self.steps[place].1)
    }
}

fn sound(secs: f64) -> f64 {
    if secs.is_finite() { secs.max(0.0) } else { 0.0 }
}
