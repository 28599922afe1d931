//! The path of training while it goes on: there is no surface yet, the snapshots alone span a plane.

use burnscape_landscape::grid::{Axis, Grid};
use burnscape_trace::Trajectory;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::viewport::{Viewport, Zoom};
use super::{axes, overlay};
use crate::numbers::percent;
use crate::palette::MUTED;
use crate::widgets::{areas, text};

/// Nodes of the axes that carry the coordinates; there is nothing to measure at them.
const NODES: usize = 41;
/// Room around the path, as a share of its extent.
const MARGIN: f64 = 0.1;

/// Draws the path between its axes.
pub(super) fn draw(path: &Trajectory, zoom: Zoom, area: Rect, buffer: &mut Buffer) {
    let (title, rest) = areas::split_top(area, 1);
    let (rest, below) = areas::split_bottom(rest, 1);
    let Some(view) = viewport(path, zoom, axes::inner(rest)) else {
        return text::put(buffer, title, "The path has no finite point.", Style::new().fg(MUTED));
    };
    overlay::draw_trajectory(path, &view, buffer);
    axes::draw_numbers(&view, rest, buffer);
    text::put(buffer, title, &name(path, 2, "↑"), Style::new());
    text::put_right(buffer, below, &name(path, 1, "→"), Style::new());
}

/// A component with its share of the variance.
fn name(path: &Trajectory, component: usize, arrow: &str) -> String {
    let share = path.explained.get(component - 1);
    let share = share.map_or(String::new(), |&share| format!("  {} of variance", percent(share)));
    format!("{arrow} PC {component}{share}")
}

/// The whole path, zoomed around where training is; `None` without a finite point.
fn viewport(path: &Trajectory, zoom: Zoom, area: Rect) -> Option<Viewport> {
    let points = path.x.iter().copied().zip(path.y.iter().copied());
    let finite: Vec<_> = points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let x = axis(finite.iter().map(|point| point.0))?;
    let y = axis(finite.iter().map(|point| point.1))?;
    Viewport::new(&Grid::plane(x, y), zoom, *finite.last()?, area)
}

/// An axis that holds all coordinates; around 0 where they are all there.
fn axis(coordinates: impl Iterator<Item = f64> + Clone) -> Option<Axis> {
    let low = coordinates.clone().reduce(f64::min)?;
    let high = coordinates.reduce(f64::max)?;
    Axis::covering(low, high, MARGIN, NODES).or_else(|_| Axis::symmetric(1.0, NODES)).ok()
}
