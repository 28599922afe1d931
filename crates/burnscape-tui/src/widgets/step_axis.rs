//! Steps along a plot: where each of them lies, and which have their numbers below it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{scale, text};
use crate::palette::MUTED;

/// Numbers below a plot at most, without those at the ends.
const INNER: usize = 5;
/// Columns that a number takes, with what keeps it from its neighbour.
const COLUMNS_A_NUMBER: u16 = 10;

/// Where steps lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepAxis {
    /// The steps at both ends of the plot.
    pub ends: (u64, u64),
    /// First and last step of which there is anything.
    pub data: (u64, u64),
    /// Equal ratios of steps are equally far apart.
    pub log: bool,
}

impl StepAxis {
    /// The share of the way from the first to the last step; outside of 0 to 1 for steps out of sight.
    #[must_use]
    pub fn share(&self, step: u64) -> f64 {
        let (first, last) = self.ends;
        if self.log {
            let of = |step: u64| (step.saturating_sub(first) as f64).ln_1p();
            return if step < first { -1.0 } else { of(step) / of(last.max(first + 1)) };
        }
        (step as f64 - first as f64) / last.saturating_sub(first).max(1) as f64
    }

    /// The step at a share of the way.
    #[must_use]
    pub fn step_at(&self, share: f64) -> u64 {
        let (first, last) = self.ends;
        let span = last.saturating_sub(first) as f64;
        let along = if self.log { (share * span.ln_1p()).exp_m1() } else { share * span };
        first + along.max(0.0).round() as u64
    }

    /// The column of a step in a plot of some columns; `None`: out of sight.
    #[must_use]
    pub fn column(&self, step: u64, columns: u16) -> Option<u16> {
        let share = self.share(step);
        (0.0..=1.0)
            .contains(&share)
            .then(|| (share * f64::from(columns.saturating_sub(1))).round() as u16)
    }

    /// Draws the numbers: those of the first and the last step that there are, round ones between them, and that of the
    /// cursor instead of what is in its way.
    pub fn draw(&self, row: Rect, cursor: Option<u64>, buffer: &mut Buffer) {
        let mut taken = Vec::new();
        let first = self.data.0.max(self.ends.0);
        let last = self.data.1.min(self.ends.1);
        if let Some(cursor) = cursor {
            let style = Style::new().add_modifier(Modifier::REVERSED);
            self.put(row, cursor, &format!(" {cursor} "), style, &mut taken, buffer);
        }
        let muted = Style::new().fg(MUTED);
        if first < last {
            self.put(row, last, &number(last), muted, &mut taken, buffer);
        }
        let named = format!("step {}", number(first));
        let begins = if row.width > 24 { named } else { number(first) };
        self.put(row, first, &begins, muted, &mut taken, buffer);
        for step in
            self.round_steps(first, last, usize::from(row.width / COLUMNS_A_NUMBER).min(INNER))
        {
            self.put(row, step, &number(step), muted, &mut taken, buffer);
        }
    }

    fn round_steps(&self, first: u64, last: u64, most: usize) -> Vec<u64> {
        if self.log {
            let powers = (0..20).map(|power| first.saturating_add(10_u64.saturating_pow(power)));
            return powers.take_while(|step| *step < last).collect();
        }
        let Some(gap) = scale::round_step((last - first.min(last)) as f64, most.max(1)) else {
            return Vec::new();
        };
        let gap = (gap as u64).max(1);
        let begins = first / gap * gap + gap;
        (begins..last).step_by(gap as usize).take(2 * INNER).collect()
    }

    /// Puts a label below its step, where nothing is in its way.
    fn put(
        &self,
        row: Rect,
        step: u64,
        label: &str,
        style: Style,
        taken: &mut Vec<(u16, u16)>,
        buffer: &mut Buffer,
    ) {
        let width = text::width(label) as u16;
        let Some(column) = self.column(step, row.width).filter(|_| width <= row.width) else {
            return;
        };
        let begin = column.saturating_sub(width / 2).min(row.width - width);
        let end = begin + width;
        if taken.iter().all(|(from, to)| end + 1 < *from || begin > *to + 1) {
            text::put(buffer, Rect { x: row.x + begin, width, ..row }, label, style);
            taken.push((begin, end));
        }
    }
}

/// A step as short as it can be said: `12k`, `1.5M`.
fn number(step: u64) -> String {
    match step {
        0..10_000 => step.to_string(),
        10_000..1_000_000 if step.is_multiple_of(1000) => format!("{}k", step / 1000),
        1_000_000.. if step.is_multiple_of(100_000) => {
            let (whole, tenths) = (step / 1_000_000, step / 100_000 % 10);
            if tenths == 0 { format!("{whole}M") } else { format!("{whole}.{tenths}M") }
        }
        _ => step.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(ends: (u64, u64), data: (u64, u64), width: u16, cursor: Option<u64>) -> String {
        let row = Rect::new(0, 0, width, 1);
        let mut buffer = Buffer::empty(row);
        StepAxis { ends, data, log: false }.draw(row, cursor, &mut buffer);
        (0..width).map(|x| buffer[(x, 0)].symbol()).collect()
    }

    #[test]
    fn it_begins_and_ends_with_the_data_and_has_round_steps_between() {
        let row = drawn((0, 399), (0, 399), 60, None);
        assert_eq!(row, "step 0        100            200           300           399");
        let growing = drawn((0, 416), (0, 399), 60, None);
        assert!(growing.contains("399") && !growing.contains("416"), "{growing}");
    }

    #[test]
    fn four_to_six_numbers_find_room_on_any_plot_that_is_not_narrow() {
        for last in [7_u64, 59, 123, 999, 54_321, 1_000_000, 7_654_321] {
            for width in [40, 60, 100, 170] {
                let row = drawn((0, last), (0, last), width, None);
                let numbers = row.split_whitespace().count() - 1;
                assert!((3..=7).contains(&numbers), "{last} {width}: {row:?}");
            }
        }
    }

    #[test]
    fn the_step_at_the_cursor_stands_before_all_others() {
        let row = drawn((0, 399), (0, 399), 60, Some(395));
        assert!(row.ends_with(" 395 ") && !row.contains("399"), "{row}");
    }

    #[test]
    fn a_step_is_found_again_where_it_lies() {
        for log in [false, true] {
            let axis = StepAxis { ends: (10, 2010), data: (10, 2010), log };
            for step in [10, 11, 50, 600, 2010] {
                assert_eq!(axis.step_at(axis.share(step)), step);
            }
        }
    }
}
