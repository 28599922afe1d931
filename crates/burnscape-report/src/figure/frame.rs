//! Axes around a picture, and the bar that tells what its colours mean.

use colorous::Gradient;

use super::legend::{Entry, Legend, ROW};
use super::scale::{Scale, label};
use super::svg::{Anchor, FONT, Look, Svg, wrapped};

const INK: Look<'_> = Look::line("#1a1a1a", 0.6);
const GRID: Look<'_> = Look::line("#d9d9d9", 0.4);
const TICK: f64 = 3.0;
const BAR_WIDTH: f64 = 9.0;
/// Colours of a bar.
const BAR_STEPS: usize = 64;
/// Lines that a headline or the name of an axis may take, and from one to the next.
const MOST_LINES: usize = 3;
const LINE: f64 = FONT + 2.0;
/// Baseline of the headline.
const HEADLINE: f64 = FONT + 5.0;

/// A rectangle with a scale to the right and one upwards, and room around it for what is written there.
pub(super) struct Frame<'a> {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) x: Scale,
    pub(super) y: Scale,
    words: Lines,
    legend: Legend<'a>,
}

/// What stands around a picture.
pub(super) struct Words<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// What the colours of a bar to the right are; `None`: there is no bar.
    pub(super) bar: Option<(&'a str, Scale)>,
    pub(super) legend: Vec<Entry<'a>>,
}

/// The same, broken into lines.
struct Lines {
    title: Vec<String>,
    x: Vec<String>,
    y: Vec<String>,
    bar: Vec<String>,
}

impl<'a> Frame<'a> {
    /// As large as the drawing has room beside its words; `left` holds the numbers of the scale upwards.
    pub(super) fn new(svg: &Svg, x: Scale, y: Scale, left: f64, words: Words<'a>) -> Self {
        let upwards = svg.height() - 48.0;
        let title = wrapped(words.title, svg.width() - 16.0, MOST_LINES);
        let y_name = wrapped(words.y, upwards, MOST_LINES);
        let bar = words.bar.map_or(Vec::new(), |(name, scale)| {
            let kind = if scale.is_log { "logarithmic" } else { "linear" };
            wrapped(&format!("{name} ({kind} scale)"), upwards, MOST_LINES)
        });
        let left = left + beyond_one(&y_name) * LINE;
        let right = if bar.is_empty() { 14.0 } else { 62.0 + beyond_one(&bar) * LINE };
        let width = (svg.width() - left - right).max(10.0);
        // Centred below the frame, and yet on the page.
        let below = width + 2.0 * (right.min(left) - 6.0).max(0.0);
        let x_name = wrapped(words.x, below, MOST_LINES);
        let legend = Legend::new(words.legend, left, svg.width() - 6.0);
        let top = 34.0 + beyond_one(&title) * LINE + legend.rows().saturating_sub(1) as f64 * ROW;
        let height = (svg.height() - top - 34.0 - beyond_one(&x_name) * LINE).max(10.0);
        let words = Lines { title, x: x_name, y: y_name, bar };
        Self { left, top, width, height, x, y, words, legend }
    }

    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Where a point is drawn.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + self.x.place(x) * self.width, self.bottom() - self.y.place(y) * self.height)
    }

    /// Lines at the ticks, to be drawn below a chart.
    pub(super) fn grid(&self, svg: &mut Svg) {
        for tick in self.ticks_of_x() {
            let (x, _) = self.at(tick, self.y.low);
            svg.line((x, self.top), (x, self.bottom()), &GRID);
        }
        for tick in self.y.ticks(5) {
            let (_, y) = self.at(self.x.low, tick);
            svg.line((self.left, y), (self.right(), y), &GRID);
        }
    }

    /// Border, ticks with numbers, names, headline and legend.
    pub(super) fn axes(&self, svg: &mut Svg) {
        svg.rect(self.left, self.top, self.width, self.height, &INK);
        self.x_axis(svg);
        for tick in self.y.ticks(5) {
            let (_, y) = self.at(self.x.low, tick);
            svg.line((self.left - TICK, y), (self.left, y), &INK);
            svg.text(self.left - TICK - 2.0, y + FONT * 0.36, Anchor::End, &label(tick));
        }
        self.upwards(&self.words.y, FONT + 3.0, svg);
        self.headline(svg);
    }

    fn upwards(&self, lines: &[String], first: f64, svg: &mut Svg) {
        for (number, line) in lines.iter().enumerate() {
            let x = first + number as f64 * LINE;
            svg.text_upwards(x, self.top + self.height / 2.0, Anchor::Middle, line);
        }
    }

    fn ticks_of_x(&self) -> Vec<f64> {
        self.x.ticks(((self.width / 55.0) as usize).clamp(2, 8))
    }

    /// The axis below, with its name.
    pub(super) fn x_axis(&self, svg: &mut Svg) {
        for tick in self.ticks_of_x() {
            let (x, _) = self.at(tick, self.y.low);
            svg.line((x, self.bottom()), (x, self.bottom() + TICK), &INK);
            svg.text(x, self.bottom() + TICK + FONT + 1.0, Anchor::Middle, &label(tick));
        }
        let middle = self.left + self.width / 2.0;
        for (number, line) in self.words.x.iter().enumerate() {
            let y = self.bottom() + TICK + 2.0 * FONT + 6.0 + number as f64 * LINE;
            svg.text(middle, y, Anchor::Middle, line);
        }
    }

    /// The headline, and the legend below it.
    pub(super) fn headline(&self, svg: &mut Svg) {
        for (number, line) in self.words.title.iter().enumerate() {
            let y = HEADLINE + number as f64 * LINE;
            svg.text(svg.width() / 2.0, y, Anchor::Middle, line);
        }
        self.legend.draw(HEADLINE + 16.0 + beyond_one(&self.words.title) * LINE, svg);
    }

    /// The meaning of colours, to the right of the frame.
    pub(super) fn colour_bar(&self, scale: &Scale, gradient: Gradient, svg: &mut Svg) {
        bar(self.right() + 10.0, self.top, self.height, scale, gradient, svg);
        let first = svg.width() - 4.0 - beyond_one(&self.words.bar) * LINE;
        self.upwards(&self.words.bar, first, svg);
    }
}

/// Lines behind the first.
fn beyond_one(lines: &[String]) -> f64 {
    lines.len().saturating_sub(1) as f64
}

fn bar(left: f64, top: f64, height: f64, scale: &Scale, gradient: Gradient, svg: &mut Svg) {
    svg.begin_cells();
    let step = height / BAR_STEPS as f64;
    for index in 0..BAR_STEPS {
        let place = (index as f64 + 0.5) / BAR_STEPS as f64;
        let colour = format!("#{:x}", gradient.eval_continuous(place));
        let y = top + height - (index + 1) as f64 * step;
        svg.rect(left, y, BAR_WIDTH, step + 0.2, &Look::filled(&colour));
    }
    svg.end_group();
    svg.rect(left, top, BAR_WIDTH, height, &INK);
    for tick in scale.ticks(6) {
        let y = top + height - scale.place(tick) * height;
        svg.line((left + BAR_WIDTH, y), (left + BAR_WIDTH + TICK, y), &INK);
        svg.text(left + BAR_WIDTH + TICK + 2.0, y + FONT * 0.36, Anchor::Start, &label(tick));
    }
}
