//! Axes around a picture, and the bar that tells what its colours mean.

use colorous::Gradient;

use super::scale::{Scale, label};
use super::svg::{Anchor, FONT, Look, Svg, cut, width_of};

const INK: Look<'_> = Look::line("#1a1a1a", 0.6);
const GRID: Look<'_> = Look::line("#d9d9d9", 0.4);
const TICK: f64 = 3.0;
const BAR_WIDTH: f64 = 9.0;
/// Colours of a bar.
const BAR_STEPS: usize = 64;

/// A rectangle with a scale to the right and one upwards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

/// What stands around a picture.
pub(super) struct Words<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
}

impl Frame {
    /// As large as the drawing has room, with a colour bar to the right or without.
    pub(super) fn new(svg: &Svg, x: Scale, y: Scale, left: f64, has_bar: bool) -> Self {
        let right = if has_bar { 62.0 } else { 14.0 };
        let (top, bottom) = (34.0, 34.0);
        let (width, height) = (svg.width() - left - right, svg.height() - top - bottom);
        Self { left, top, width: width.max(10.0), height: height.max(10.0), x, y }
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

    /// Border, ticks with numbers, and names.
    pub(super) fn axes(&self, words: &Words<'_>, svg: &mut Svg) {
        svg.rect(self.left, self.top, self.width, self.height, &INK);
        self.x_axis(words.x, svg);
        for tick in self.y.ticks(5) {
            let (_, y) = self.at(self.x.low, tick);
            svg.line((self.left - TICK, y), (self.left, y), &INK);
            svg.text(self.left - TICK - 2.0, y + FONT * 0.36, Anchor::End, &label(tick));
        }
        let name = cut(words.y, self.height + 20.0);
        svg.text_upwards(FONT + 3.0, self.top + self.height / 2.0, Anchor::Middle, &name);
        self.headline(words.title, svg);
    }

    fn ticks_of_x(&self) -> Vec<f64> {
        self.x.ticks(((self.width / 55.0) as usize).clamp(2, 8))
    }

    /// The axis below, with its name.
    pub(super) fn x_axis(&self, name: &str, svg: &mut Svg) {
        for tick in self.ticks_of_x() {
            let (x, _) = self.at(tick, self.y.low);
            svg.line((x, self.bottom()), (x, self.bottom() + TICK), &INK);
            svg.text(x, self.bottom() + TICK + FONT + 1.0, Anchor::Middle, &label(tick));
        }
        let name = cut(name, self.width + 20.0);
        let middle = self.left + self.width / 2.0;
        svg.text(middle, self.bottom() + TICK + 2.0 * FONT + 6.0, Anchor::Middle, &name);
    }

    pub(super) fn headline(&self, title: &str, svg: &mut Svg) {
        let title = cut(title, svg.width() - 16.0);
        svg.text(svg.width() / 2.0, FONT + 5.0, Anchor::Middle, &title);
    }

    /// The meaning of colours, to the right of the frame.
    pub(super) fn colour_bar(&self, scale: &Scale, gradient: Gradient, name: &str, svg: &mut Svg) {
        bar(self.right() + 10.0, self.top, self.height, scale, gradient, svg);
        let kind = if scale.is_log { "logarithmic" } else { "linear" };
        let x = svg.width() - 4.0;
        let name = cut(&format!("{name} ({kind} scale)"), self.height + 20.0);
        svg.text_upwards(x, self.top + self.height / 2.0, Anchor::Middle, &name);
    }
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

/// Names with the marks of what they name, in a row below the headline.
pub(super) struct Legend {
    x: f64,
    y: f64,
    right: f64,
}

impl Legend {
    /// Within the frame, from its upper left corner to the right.
    pub(super) fn within(frame: &Frame) -> Self {
        Self { x: frame.left + 6.0, y: frame.top - 5.0, right: frame.right() }
    }

    /// Makes room for a name; where the mark is drawn. `None` where there is none left.
    pub(super) fn entry(&mut self, name: &str, svg: &mut Svg) -> Option<(f64, f64)> {
        let wide = 13.0 + width_of(name) + 6.0;
        if self.x + wide > self.right + 40.0 {
            return None;
        }
        let mark = (self.x + 5.0, self.y - FONT * 0.36);
        svg.text(self.x + 13.0, self.y, Anchor::Start, name);
        self.x += wide;
        Some(mark)
    }
}
