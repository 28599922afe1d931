//! The course of a run's loss in a cell of the list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::palette::TRAIN;
use crate::widgets::dots::Dots;
use crate::widgets::scale::{Scale, ScaleChoice};

/// Draws a line through values from the left to the right, from the lowest to the highest; on a logarithmic scale where they
/// reach far.
pub(super) fn draw(values: &[f64], area: Rect, buffer: &mut Buffer) {
    let Some(low) = values.iter().copied().reduce(f64::min) else {
        return;
    };
    let high = values.iter().copied().fold(low, f64::max);
    let scale = Scale::new(low, high, ScaleChoice::Auto);
    let mut dots = Dots::new(area);
    let (across, down) = (dots.width() as f64 - 1.0, dots.height() as f64 - 1.0);
    let gap = across / (values.len() as f64 - 1.0).max(1.0);
    let point = |(place, value): (usize, &f64)| {
        let height = scale.share(*value).unwrap_or(0.0).clamp(0.0, 1.0);
        ((place as f64 * gap).round(), ((1.0 - height) * down).round())
    };
    let points: Vec<_> = values.iter().enumerate().map(point).collect();
    let ends = points.iter().zip(points.iter().skip(1));
    ends.for_each(|(from, to)| dots.line(*from, *to, TRAIN));
    if let [only] = points[..] {
        dots.line(only, only, TRAIN);
    }
    dots.draw(area, buffer);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[f64]) -> String {
        let area = Rect::new(0, 0, 6, 1);
        let mut buffer = Buffer::empty(area);
        draw(values, area, &mut buffer);
        (0..6).map(|x| buffer[(x, 0)].symbol()).collect()
    }

    #[test]
    fn it_falls_and_rises_as_the_values_do() {
        // Dots 1 and 8 of a cell are its upper left and its lower right.
        let falling = drawn(&[3.0, 2.0, 1.0, 0.0]);
        assert!(falling.starts_with('⠉') && falling.ends_with('⣀'), "{falling}");
        let rising = drawn(&[0.0, 1.0, 2.0, 3.0]);
        assert!(rising.starts_with('⣀') && rising.ends_with('⠉'), "{rising}");
    }

    #[test]
    fn few_equal_and_no_values_are_drawn_too() {
        assert_eq!(drawn(&[]), "      ");
        assert_eq!(drawn(&[2.0]).trim_end().chars().count(), 1);
        assert_eq!(drawn(&[2.0; 5]).chars().filter(|it| *it != ' ').count(), 6);
    }
}
