//! Which steps are in sight, and at which of them the reader looks: the same in all views.

use crate::message::{Message, Towards};
use crate::model::Run;

/// A key moves the cursor by this share of what is in sight, and with Shift by ten of them.
const MOVES: u64 = 100;
/// A key of the zoom shows this share of what was in sight.
const ZOOM: f64 = 0.5;
/// Fewer steps than this are not zoomed into.
const FEWEST: u64 = 10;

/// First and last step of what was recorded of a run.
pub(crate) fn steps_of(run: &Run) -> (u64, u64) {
    let series = [&run.step_loss, &run.learning_rate, &run.global_grad_norm];
    let first = series.iter().filter_map(|it| it.buckets().next()).map(|it| it.last_step).min();
    let last = run.last_step.as_ref().map_or(0, |step| step.step);
    (first.unwrap_or(0).min(last), last)
}

/// What the reader chose of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sight {
    /// The step that the reader looks at; `None`: follows the last one.
    pub cursor: Option<u64>,
    /// First and last step in sight; `None`: all of them.
    pub window: Option<(u64, u64)>,
    /// The cursor stays where it is when the run grows and keys of the moment go by.
    pub is_pinned: bool,
    /// Equal ratios of steps are equally far apart.
    pub log_steps: bool,
}

impl Sight {
    /// The steps in sight of a run whose data are these.
    #[must_use]
    pub fn steps(&self, data: (u64, u64)) -> (u64, u64) {
        match self.window {
            Some((from, to)) if from < data.1 => (from.max(data.0), to),
            _ => data,
        }
    }

    /// Left or right by a share of what is in sight, ten of them if `far`; from the last step on where there was no
    /// cursor.
    #[must_use]
    pub fn moved(self, towards: Towards, far: bool, data: (u64, u64)) -> Self {
        let (from, to) = self.steps(data);
        let step = ((to - from) / MOVES).max(1) * if far { 10 } else { 1 };
        let at = self.cursor.unwrap_or(to.min(data.1));
        let cursor = match towards {
            Towards::Left => at.saturating_sub(step).max(data.0),
            Towards::Right => (at + step).min(data.1),
            Towards::Up | Towards::Down => at,
        };
        Self { cursor: Some(cursor), ..self }.following()
    }

    /// To the first or the last step.
    #[must_use]
    pub fn jumped(self, towards: Towards, data: (u64, u64)) -> Self {
        let cursor = if matches!(towards, Towards::Left | Towards::Up) { data.0 } else { data.1 };
        Self { cursor: Some(cursor), ..self }.following()
    }

    /// To a step that was pointed at.
    #[must_use]
    pub fn at(self, step: u64, data: (u64, u64)) -> Self {
        Self { cursor: Some(step.clamp(data.0, data.1)), ..self }
    }

    /// Half as many steps around the cursor, or around the last one.
    #[must_use]
    pub fn closer(self, data: (u64, u64)) -> Self {
        let (from, to) = self.steps(data);
        let steps = ((to - from) as f64 * ZOOM) as u64;
        if steps < FEWEST { self } else { self.around(steps, data) }
    }

    /// Twice as many, or all.
    #[must_use]
    pub fn farther(self, data: (u64, u64)) -> Self {
        let (from, to) = self.steps(data);
        let steps = ((to - from) as f64 / ZOOM) as u64;
        match steps >= data.1 - data.0 {
            true => Self { window: None, ..self },
            false => self.around(steps, data),
        }
    }

    /// Half as many steps, and a step stays where it is on the screen.
    #[must_use]
    pub fn closer_to(self, step: u64, data: (u64, u64)) -> Self {
        let (from, to) = self.steps(data);
        let steps = ((to - from) as f64 * ZOOM) as u64;
        let before = (step.saturating_sub(from) as f64 * ZOOM) as u64;
        if steps < FEWEST { self } else { self.showing(steps, step.saturating_sub(before), data) }
    }

    /// Twice as many, or all, and a step stays where it is on the screen.
    #[must_use]
    pub fn farther_from(self, step: u64, data: (u64, u64)) -> Self {
        let (from, to) = self.steps(data);
        let steps = ((to - from) as f64 / ZOOM) as u64;
        let before = (step.saturating_sub(from) as f64 / ZOOM) as u64;
        match steps >= data.1 - data.0 {
            true => Self { window: None, ..self },
            false => self.showing(steps, step.saturating_sub(before), data),
        }
    }

    /// So many steps later, or earlier, as far as there are any.
    #[must_use]
    pub fn panned(self, steps: i64, data: (u64, u64)) -> Self {
        let Some((from, to)) = self.window else {
            return self;
        };
        self.showing(to - from, from.saturating_add_signed(steps), data)
    }

    /// What a message makes of it; `None`: it is for others.
    #[must_use]
    pub(crate) fn after(self, message: Message, data: (u64, u64)) -> Option<Self> {
        Some(match message {
            Message::Move(towards @ (Towards::Left | Towards::Right)) => {
                self.moved(towards, false, data)
            }
            Message::MoveFar(towards @ (Towards::Left | Towards::Right)) => {
                self.moved(towards, true, data)
            }
            Message::JumpSteps(towards) => self.jumped(towards, data),
            Message::ZoomIn => self.closer(data),
            Message::ZoomOut => self.farther(data),
            Message::ZoomReset => self.live(),
            Message::ToggleLogSteps => Self { log_steps: !self.log_steps, ..self },
            Message::ToggleWords if self.cursor.is_some() && !self.is_pinned => {
                Self { is_pinned: true, ..self }
            }
            _ => return None,
        })
    }

    /// All steps, no cursor: what is new is followed again.
    #[must_use]
    pub fn live(self) -> Self {
        Self { log_steps: self.log_steps, ..Self::default() }
    }

    /// Whether there is anything to come back from.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.cursor.is_none() && self.window.is_none()
    }

    fn around(self, steps: u64, data: (u64, u64)) -> Self {
        let middle = self.cursor.unwrap_or(data.1);
        self.showing(steps, middle.saturating_sub(steps / 2), data)
    }

    /// So many steps from one on, or as near to it as there are so many.
    fn showing(self, steps: u64, from: u64, data: (u64, u64)) -> Self {
        let latest = data.1.saturating_sub(steps).max(data.0);
        let from = from.clamp(data.0, latest);
        Self { window: Some((from, from + steps)), ..self }
    }

    /// What is in sight moves along with the cursor.
    fn following(self) -> Self {
        let (Some((from, to)), Some(cursor)) = (self.window, self.cursor) else {
            return self;
        };
        let steps = to - from;
        let from = from.min(cursor).max(cursor.saturating_sub(steps));
        Self { window: Some((from, from + steps)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: (u64, u64) = (0, 1000);

    #[test]
    fn the_cursor_begins_at_the_last_step_and_stays_within_the_data() {
        let sight = Sight::default().moved(Towards::Left, false, DATA);
        assert_eq!(sight.cursor, Some(990));
        assert_eq!(sight.moved(Towards::Left, true, DATA).cursor, Some(890));
        assert_eq!(sight.moved(Towards::Right, true, DATA).cursor, Some(1000));
        let first = sight.jumped(Towards::Left, DATA);
        assert_eq!(
            (first.cursor, first.moved(Towards::Left, true, DATA).cursor),
            (Some(0), Some(0))
        );
        let one = Sight::default().moved(Towards::Left, true, (5, 5));
        assert_eq!(one.cursor, Some(5));
    }

    #[test]
    fn zooming_halves_what_is_in_sight_around_the_cursor_and_back() {
        let sight = Sight { cursor: Some(600), ..Sight::default() };
        let closer = sight.closer(DATA);
        assert_eq!(closer.window, Some((350, 850)));
        assert_eq!(closer.closer(DATA).window, Some((475, 725)));
        assert_eq!(closer.farther(DATA).window, None);
        let at_end = Sight::default().closer(DATA);
        assert_eq!(at_end.window, Some((500, 1000)), "around the newest");
        let closest = (0..50).fold(sight, |sight, _| sight.closer(DATA));
        let (from, to) = closest.window.unwrap();
        assert!(to - from >= FEWEST);
    }

    #[test]
    fn what_is_in_sight_moves_along_with_the_cursor() {
        let sight = Sight { cursor: Some(600), window: Some((550, 650)), ..Sight::default() };
        let moved = (0..80).fold(sight, |sight, _| sight.moved(Towards::Left, false, DATA));
        assert_eq!((moved.cursor, moved.window), (Some(520), Some((520, 620))));
        assert!(moved.live().is_live());
    }
}
