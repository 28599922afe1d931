//! The mouse on a picture over steps: a press picks a step, the wheel zooms around it, a drag pans.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use crate::sight::Sight;
use crate::widgets::plot::Plot;

/// What a button was pressed on and is held.
#[derive(Debug, Default)]
pub(crate) struct Pointing(Option<Grip>);

/// Where a drag began, and what was in sight then.
#[derive(Debug, Clone, Copy)]
struct Grip {
    plot: Plot,
    column: u16,
    sight: Sight,
}

impl Pointing {
    /// What the mouse makes of what is in sight, over a picture or none; `None`: it means something else.
    pub(crate) fn sight_after(
        &mut self,
        mouse: MouseEvent,
        plot: Option<Plot>,
        sight: Sight,
        data: (u64, u64),
    ) -> Option<Sight> {
        if matches!(mouse.kind, MouseEventKind::Down(_) | MouseEventKind::Up(_)) {
            self.0 = None;
        }
        if let (MouseEventKind::Drag(MouseButton::Left), Some(grip)) = (mouse.kind, self.0) {
            return Some(grip.dragged_to(mouse.column, data));
        }
        let plot = plot?;
        let step = plot.step_at(mouse.column);
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let picked = sight.at(step, data);
                self.0 = Some(Grip { plot, column: mouse.column, sight: picked });
                Some(picked)
            }
            MouseEventKind::ScrollUp => Some(sight.closer_to(step, data)),
            MouseEventKind::ScrollDown => Some(sight.farther_from(step, data)),
            _ => None,
        }
    }
}

impl Grip {
    /// What was gripped stays below the pointer; where all steps are in sight, the cursor follows it.
    fn dragged_to(&self, column: u16, data: (u64, u64)) -> Sight {
        match self.sight.window {
            Some(_) => self.sight.panned(self.plot.steps_between(column, self.column), data),
            None => self.sight.at(self.plot.step_at(column), data),
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyModifiers;
    use ratatui::layout::Rect;

    use super::*;
    use crate::widgets::step_axis::StepAxis;

    const DATA: (u64, u64) = (0, 1000);

    /// A picture of 101 columns from the left edge on, and a mouse on it.
    struct Hand {
        pointing: Pointing,
        sight: Sight,
    }

    impl Hand {
        fn on(sight: Sight) -> Self {
            Self { pointing: Pointing::default(), sight }
        }

        fn does(&mut self, kind: MouseEventKind, column: u16) -> &mut Self {
            let steps = StepAxis { ends: self.sight.steps(DATA), data: DATA, log: false };
            let plot = Plot { area: Rect::new(0, 0, 101, 9), steps };
            let mouse = MouseEvent { kind, column, row: 4, modifiers: KeyModifiers::NONE };
            let after = self.pointing.sight_after(mouse, Some(plot), self.sight, DATA);
            self.sight = after.unwrap_or(self.sight);
            self
        }
    }

    const LEFT: MouseButton = MouseButton::Left;

    #[test]
    fn a_press_picks_the_step_below_the_pointer_and_a_drag_takes_it_along() {
        let mut hand = Hand::on(Sight::default());
        assert_eq!(hand.does(MouseEventKind::Down(LEFT), 30).sight.cursor, Some(300));
        assert_eq!(hand.does(MouseEventKind::Drag(LEFT), 42).sight.cursor, Some(420));
        hand.does(MouseEventKind::Up(LEFT), 42);
        assert_eq!(hand.does(MouseEventKind::Drag(LEFT), 90).sight.cursor, Some(420), "let go");
    }

    #[test]
    fn the_wheel_keeps_the_step_below_the_pointer_where_it_is() {
        for column in [0, 7, 30, 50, 99, 100] {
            let mut hand = Hand::on(Sight::default());
            for _ in 0..4 {
                hand.does(MouseEventKind::ScrollUp, column);
                let (from, to) = hand.sight.steps(DATA);
                let below = from as f64 + (to - from) as f64 * f64::from(column) / 100.0;
                let expected = 10.0 * f64::from(column);
                // Steps are whole: a zoom rounds twice, each time by less than one.
                assert!((below - expected).abs() < 8.0, "{column}: {below}, not {expected}");
            }
            assert_eq!(hand.sight.steps(DATA).1 - hand.sight.steps(DATA).0, 62);
            for _ in 0..5 {
                hand.does(MouseEventKind::ScrollDown, column);
            }
            assert_eq!(hand.sight.window, None, "all the way back");
            assert_eq!(hand.sight.cursor, None, "zooming picks nothing");
        }
    }

    #[test]
    fn a_drag_pans_what_is_zoomed_and_ends_at_the_ends_of_the_data() {
        let zoomed = Sight { window: Some((400, 600)), ..Sight::default() };
        let mut hand = Hand::on(zoomed);
        hand.does(MouseEventKind::Down(LEFT), 50);
        assert_eq!(hand.sight.cursor, Some(500));
        assert_eq!(hand.does(MouseEventKind::Drag(LEFT), 60).sight.window, Some((380, 580)));
        assert_eq!(hand.does(MouseEventKind::Drag(LEFT), 40).sight.window, Some((420, 620)));
        hand.does(MouseEventKind::Up(LEFT), 40);
        for _ in 0..9 {
            hand.does(MouseEventKind::Down(LEFT), 0).does(MouseEventKind::Drag(LEFT), 100);
        }
        assert_eq!(hand.sight.window, Some((0, 200)));
        for _ in 0..9 {
            hand.does(MouseEventKind::Down(LEFT), 100).does(MouseEventKind::Drag(LEFT), 0);
        }
        assert_eq!(hand.sight.window, Some((800, 1000)));
    }
}
