//! Histograms by octaves: a bar for every power of two, negative values at the left.

use burnscape_trace::Histogram;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::dots::{ACROSS, Dots};
use super::{areas, text};
use crate::numbers::percent;
use crate::palette::{BAD, MUTED, TRAIN, VALID};

/// The least that shows bars: title, two rows, powers of two.
const SMALLEST: (u16, u16) = (12, 4);
/// Bars at least so many dots wide have a gap between them.
const GAP_FROM: usize = 3;
/// Dots of a bar where there is room for more.
const WIDEST: usize = 6;

/// Draws the title with what no bar shows, the bars, and the powers of two below them.
pub fn draw(area: Rect, buffer: &mut Buffer, title: &str, histogram: &Histogram) {
    let area = area.intersection(buffer.area);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return text::put(buffer, area, title, Style::new().fg(MUTED));
    }
    let (head, rest) = areas::split_top(area, 1);
    let (plot, powers) = areas::split_bottom(rest, 1);
    let bars = Bars::of(histogram, usize::from(plot.width) * ACROSS);
    let title = title_line(title, &told(histogram, bars.as_ref()), head.width);
    buffer.set_line(head.x, head.y, &title, head.width);
    match bars {
        Some(bars) => {
            bars.draw(plot, buffer);
            bars.draw_powers(powers, buffer);
        }
        None => text::put(buffer, plot, "no finite value but 0", Style::new().fg(MUTED)),
    }
}

/// Zeros and non-finite values have no octave, and bars no scale: words tell them, as far as they fit.
fn title_line(title: &str, told: &[(String, Color)], room: u16) -> Line<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut line = Line::from(Span::styled(title.to_owned(), bold));
    for (words, colour) in told {
        let words = Span::styled(format!("  {words}"), Style::new().fg(*colour));
        if line.width() + words.width() <= usize::from(room) {
            line.push_span(words);
        }
    }
    line
}

/// What bars do not tell, the most telling first.
fn told(histogram: &Histogram, bars: Option<&Bars>) -> Vec<(String, Color)> {
    let of_all = |count: u64| percent(count as f64 / total(histogram) as f64);
    let bad =
        (histogram.non_finite > 0).then(|| (format!("× {} not finite", histogram.non_finite), BAD));
    let zeros =
        (histogram.zeros > 0).then(|| (format!("zeros {}", of_all(histogram.zeros)), MUTED));
    let highest = bars.map(|bars| (format!("highest {}", of_all(bars.highest())), MUTED));
    [bad, zeros, highest].into_iter().flatten().collect()
}

/// All values that are finite.
fn total(histogram: &Histogram) -> u64 {
    let bins = histogram.positive.iter().chain(histogram.negative.iter());
    bins.fold(histogram.zeros, |sum, &count| sum.saturating_add(u64::from(count)))
}

/// The bars of a histogram, from the most negative values to the most positive ones.
#[derive(Debug, Clone, PartialEq)]
struct Bars {
    /// Values in each bar.
    counts: Vec<u64>,
    /// How many of the bars are negative.
    negative: usize,
    /// Every value is at least 2 to this power, apart from sign …
    low: i64,
    /// … and less than 2 to this one.
    high: i64,
    /// Dots across a bar.
    width: usize,
}

impl Bars {
    /// Bars that fit so many dots; `None` without any value that has an octave.
    fn of(histogram: &Histogram, dots: usize) -> Option<Self> {
        let (positive, negative) = (&histogram.positive[..], &histogram.negative[..]);
        let used = used(positive, negative)?;
        let first = i64::from(histogram.first_exponent);
        let (low, high) = (first + used.start as i64, first + used.end as i64);
        let signs = [positive, negative].iter().filter(|bins| holds_any(bins)).count();
        let octaves_a_bar = (signs * used.len()).div_ceil(dots.max(1));
        let merged = |bins: &[u32]| merged(bins, used.clone(), octaves_a_bar);
        let mut counts = merged(negative);
        counts.reverse();
        let negative = counts.len();
        counts.extend(merged(positive));
        let width = (dots / counts.len()).clamp(1, WIDEST);
        Some(Self { counts, negative, low, high, width })
    }

    fn highest(&self) -> u64 {
        self.counts.iter().copied().max().unwrap_or(0)
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let mut dots = Dots::new(area);
        let full = dots.height();
        for (bar, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let share = count as f64 / self.highest() as f64;
            // A single value is seen.
            let height = ((share * full as f64).round() as usize).max(1);
            let colour = if bar < self.negative { VALID } else { TRAIN };
            let ink = if self.width >= GAP_FROM { self.width - 1 } else { self.width };
            for x in bar * self.width..bar * self.width + ink {
                (full.saturating_sub(height)..full).for_each(|y| dots.set(x, y, colour));
            }
        }
        dots.draw(area, buffer);
    }

    /// The powers of two at the ends of the bars, and where the signs meet.
    fn draw_powers(&self, row: Rect, buffer: &mut Buffer) {
        let cells = (self.counts.len() * self.width).div_ceil(ACROSS);
        let (row, _rest) = areas::split_left(row, cells.max(usize::from(SMALLEST.0)) as u16);
        let muted = Style::new().fg(MUTED);
        let (low, high) = (format!("2^{}", self.low), format!("2^{}", self.high));
        let is_signed = (self.negative > 0, self.negative < self.counts.len());
        let (left, right) = match is_signed {
            (true, true) => (format!("-{high}"), high),
            (true, false) => (format!("-{high}"), format!("-{low}")),
            _ => (low.clone(), high),
        };
        text::put(buffer, row, &left, muted);
        text::put_right(buffer, row, &right, muted);
        if is_signed == (true, true) {
            let middle = self.negative * self.width / ACROSS;
            draw_middle(row, buffer, &format!("±{low}"), middle, [&left, &right]);
        }
    }
}

/// A label around a cell of a row, where it leaves those at the ends alone.
fn draw_middle(row: Rect, buffer: &mut Buffer, label: &str, cell: usize, ends: [&str; 2]) {
    let width = text::width(label);
    let begin = cell.saturating_sub(width / 2);
    let [left, right] = ends.map(text::width);
    if begin > left && begin + width + right < usize::from(row.width) {
        let (_left, place) = areas::split_left(row, begin as u16);
        text::put(buffer, place, label, Style::new().fg(MUTED));
    }
}

fn holds_any(bins: &[u32]) -> bool {
    bins.iter().any(|&count| count > 0)
}

/// The bins from the first to the last in which there is a value of either sign.
fn used(positive: &[u32], negative: &[u32]) -> Option<std::ops::Range<usize>> {
    let bins = 0..positive.len().max(negative.len());
    let at = |bins: &[u32], i: usize| bins.get(i).is_some_and(|&count| count > 0);
    let mut held = bins.filter(|&i| at(positive, i) || at(negative, i));
    let first = held.next()?;
    Some(first..held.next_back().unwrap_or(first) + 1)
}

/// Values in every so many bins of a range; empty where there are none at all.
fn merged(bins: &[u32], used: std::ops::Range<usize>, octaves: usize) -> Vec<u64> {
    if !holds_any(bins) {
        return Vec::new();
    }
    let count = |i: usize| u64::from(bins.get(i).copied().unwrap_or(0));
    let places: Vec<usize> = used.collect();
    places.chunks(octaves.max(1)).map(|places| places.iter().map(|&i| count(i)).sum()).collect()
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn histogram(first_exponent: i16, positive: &[u32], negative: &[u32]) -> Histogram {
        record!(Histogram {
            first_exponent,
            positive: positive.to_vec().into(),
            negative: negative.to_vec().into(),
        })
    }

    fn drawn(histogram: &Histogram, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(area, &mut buffer, "values", histogram);
        crate::frame_text::plain(&buffer).lines().map(str::to_owned).collect()
    }

    #[test]
    fn negative_octaves_are_mirrored_and_empty_ends_left_out() {
        let bars = Bars::of(&histogram(-3, &[0, 1, 2, 0, 0], &[0, 3, 0, 4, 0]), 24).unwrap();
        assert_eq!(bars.counts, [4, 0, 3, 1, 2, 0]);
        assert_eq!((bars.negative, bars.low, bars.high, bars.width), (3, -2, 1, 4));
    }

    #[test]
    fn octaves_share_a_bar_where_there_are_more_than_dots_and_no_value_is_lost() {
        let bars = Bars::of(&histogram(-64, &[1; 128], &[2; 128]), 30).unwrap();
        assert!(bars.counts.len() * bars.width <= 30, "{bars:?}");
        assert_eq!(bars.counts.iter().sum::<u64>(), 3 * 128);
        assert_eq!(bars.counts[0] / 2, bars.counts[bars.counts.len() - 1]);
    }

    #[test]
    fn a_bar_is_as_high_as_its_share_of_the_highest_and_a_single_value_is_seen() {
        let lines = drawn(&histogram(-2, &[500, 1, 1000], &[]), 20, 6);
        // Four rows are 16 dots: 8, 1 and 16 of them; a bar takes 5 of 6 dots across.
        assert_eq!(lines[1], "      ⣿⣿⡇");
        assert_eq!(lines[3], "⣿⣿⡇   ⣿⣿⡇");
        assert_eq!(lines[4], "⣿⣿⡇⣀⣀⡀⣿⣿⡇");
        assert_eq!(lines[5], "2^-2     2^1");
        assert_eq!(lines[0], "values");
    }

    #[test]
    fn what_has_no_octave_is_told() {
        let zeros = record!(Histogram { zeros: 30, non_finite: 2, ..histogram(0, &[10], &[]) });
        let lines = drawn(&zeros, 60, 5);
        assert_eq!(lines[0], "values  × 2 not finite  zeros 75 %  highest 25 %");
        let nothing = record!(Histogram { zeros: 3 });
        assert_eq!(drawn(&nothing, 40, 5)[1], "no finite value but 0");
    }

    #[test]
    fn signs_meet_at_the_smallest_octave() {
        let lines = drawn(&histogram(-4, &[1; 6], &[1; 6]), 40, 5);
        assert_eq!(lines[4], "-2^2            ±2^-4            2^2");
    }
}
