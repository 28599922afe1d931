//! The loss along both directions through the cursor, below the map.

use burnscape_landscape::surface::Surface;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::cursor::Cursor;
use super::viewport::{Span as AxisSpan, Viewport};
use crate::numbers::{loss, short};
use crate::palette::{MUTED, TRAIN};
use crate::widgets::colours::{Colours, ValueAt};
use crate::widgets::dots::Dots;
use crate::widgets::panel::{self, Panel};
use crate::widgets::{areas, text};

/// Rows of the profiles, and of the map that keeps as many beside them.
const ROWS: u16 = 9;
const MAP_ROWS: u16 = 18;

/// Rows that the profiles get; none without a cursor.
pub(super) fn rows(area: Rect, cursor: Option<Cursor>) -> u16 {
    if cursor.is_some() && area.height >= MAP_ROWS + ROWS && area.width >= 72 { ROWS } else { 0 }
}

/// Draws both, with the heights that the colours have.
pub(super) fn draw(
    surface: &Surface,
    cursor: Cursor,
    view: &Viewport,
    colours: &Colours,
    area: Rect,
    buffer: &mut Buffer,
) {
    let grid = surface.grid();
    let value = |column, row| surface.loss(grid.node(column, row));
    let (left, right) = areas::split_left(area, area.width / 2);
    let along_alpha = |column| value(column, cursor.row);
    let along_beta = |row| value(cursor.column, row);
    let profiles = [
        ("α", &view.x, cursor.column, &along_alpha as &dyn Fn(usize) -> Option<f64>, left),
        ("β", &view.y, cursor.row, &along_beta, right),
    ];
    for (name, span, at, values, place) in profiles {
        Profile { name, span, at, values, colours }.draw(place, buffer);
    }
}

/// The loss along one direction.
struct Profile<'a> {
    name: &'static str,
    span: &'a AxisSpan,
    /// The node of the cursor.
    at: usize,
    values: &'a dyn Fn(usize) -> Option<f64>,
    colours: &'a Colours,
}

impl Profile<'_> {
    fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let panel = Panel::new(area);
        let here = (self.values)(self.at).map_or("not measured".to_owned(), loss);
        let title =
            vec![panel::name(&format!("loss along {}", self.name)), Span::raw(format!("  {here}"))];
        panel.draw(Line::from(title), "", buffer);
        let (labels, plot) = areas::split_left(panel.inner, 9);
        for (row, share) in [(0, 1.0), (plot.height.saturating_sub(1), 0.0)] {
            let label = short(self.colours.value_at(share));
            let row = areas::split_right(areas::row(labels, row), 1).0;
            text::put_right(buffer, row, &label, Style::new().fg(MUTED));
        }
        self.draw_line(plot, buffer);
        let ends =
            [self.span.low, self.span.high].map(|end| format!("{} {}", self.name, short(end)));
        let below = Rect { x: plot.x, width: plot.width, ..panel.below };
        text::put(buffer, below, &ends[0], Style::new().fg(MUTED));
        text::put_right(buffer, below, &ends[1], Style::new().fg(MUTED));
    }

    fn draw_line(&self, plot: Rect, buffer: &mut Buffer) {
        let mut dots = Dots::new(plot);
        let (across, bottom) = (dots.width() as f64 - 1.0, dots.height() as f64 - 1.0);
        let x_of = |node: usize| self.span.share_of_node(node) * across;
        let rule = (x_of(self.at) / 2.0).max(0.0) as u16;
        for y in plot.top()..plot.bottom() {
            if rule < plot.width {
                buffer.set_string(plot.x + rule, y, "│", Style::new().fg(MUTED));
            }
        }
        let mut previous = None;
        for node in self.span.nodes_in_sight() {
            let share = (self.values)(node).and_then(|value| self.colours.share(value));
            let point = share.map(|share| (x_of(node), (1.0 - share) * bottom));
            if let Some(point) = point {
                dots.line(previous.unwrap_or(point), point, TRAIN);
            }
            // A node that is not finite is a gap.
            previous = point;
        }
        dots.draw(plot, buffer);
    }
}
