//! All that is known of the node at the cursor.

use burnscape_landscape::surface::{NodeState, Surface};
use ratatui::text::Line;

use super::Scene;
use super::lines::{coordinates, heading, wrapped};
use crate::numbers::{loss, percent, short};
use crate::views::landscape::cursor::Cursor;
use crate::widgets::facts::{Fact, Tone};
use crate::widgets::text;

/// The values of all layers, where the node lies, and how it stands among the others.
pub(super) fn lines(scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let (Some(cursor), Ok(surface)) = (scene.cursor, scene.landscape.surface()) else {
        return Vec::new();
    };
    let node = node_of(surface, cursor);
    let grid = surface.grid();
    let at = coordinates(grid.coordinates(node), grid.is_line());
    let mut lines = heading(&format!("The node at {at}"), width);
    let mut facts = values(scene, node);
    facts.extend(standing(surface, node));
    facts.push(distance(scene, grid.coordinates(node)));
    facts.extend(nearest_snapshot(scene, grid.coordinates(node)));
    lines.extend(facts.iter().flat_map(|fact| wrapped(std::slice::from_ref(fact), width)));
    lines.push(Line::default());
    lines
}

fn node_of(surface: &Surface, cursor: Cursor) -> usize {
    let grid = surface.grid();
    grid.node(cursor.column.min(grid.columns() - 1), cursor.row.min(grid.rows() - 1))
}

/// A value a layer, with its error and where it comes from.
fn values(scene: &Scene<'_>, node: usize) -> Vec<Fact> {
    let count = scene.landscape.quantity(0).map_or(0, |quantity| quantity.count);
    let quantities = (0..count).filter_map(|number| scene.landscape.quantity(number).ok());
    quantities
        .map(|quantity| {
            let surface = quantity.surface;
            let value = surface.loss(node).map(loss).unwrap_or_default();
            let stderr = surface.stderrs()[node];
            let error =
                if stderr.is_finite() { format!(" ± {}", short(stderr)) } else { String::new() };
            let state = match surface.states()[node] {
                NodeState::Measured => "measured".to_owned(),
                NodeState::Interpolated => "interpolated, not measured".to_owned(),
                NodeState::Unmeasured => format!("not measured{}", scene.run.yet()),
            };
            let gap = if value.is_empty() { "" } else { ", " };
            Fact::new(text::printable(&quantity.name), format!("{value}{error}{gap}{state}"))
        })
        .collect()
}

/// How many measured nodes are lower, and the lowest by how much.
fn standing(surface: &Surface, node: usize) -> Option<Fact> {
    let value = surface.loss(node).filter(|value| value.is_finite())?;
    let lowest = surface.lowest()?.loss;
    let known = surface.states().iter().zip(surface.losses());
    let finite = known.filter(|(state, it)| **state == NodeState::Measured && it.is_finite());
    let (lower, all) = finite
        .fold((0, 0), |(lower, all), (_, &other)| (lower + usize::from(other < value), all + 1));
    let below =
        format!("{lower} of {all} nodes are lower, the lowest by {}", short(value - lowest));
    Some(Fact::new("rank", below))
}

/// The length of a step in the plane, in the units of the parameters.
fn length(scene: &Scene<'_>, (alpha, beta): (f64, f64)) -> f64 {
    let slice = scene.landscape.slice();
    let (a, b) =
        (alpha * slice.x.direction_norm, beta * slice.y.as_ref().map_or(0.0, |y| y.direction_norm));
    (a * a + b * b + 2.0 * a * b * slice.cosine.unwrap_or(0.0)).max(0.0).sqrt()
}

fn distance(scene: &Scene<'_>, at: (f64, f64)) -> Fact {
    let distance = length(scene, at);
    let share = percent(distance / scene.landscape.slice().centre_norm);
    Fact::new("from the centre", format!("{}, {share} of ‖θ‖", short(distance)))
}

fn nearest_snapshot(scene: &Scene<'_>, (alpha, beta): (f64, f64)) -> Option<Fact> {
    let path = scene.landscape.trajectory()?;
    let ys = path.y.iter().copied().chain(std::iter::repeat(0.0));
    let places = path.snapshots.iter().zip(path.x.iter().copied().zip(ys));
    let distances = places.map(|(number, (x, y))| (number, length(scene, (x - alpha, y - beta))));
    let (number, distance) = distances
        .filter(|(_, distance)| distance.is_finite())
        .min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let value = format!("{number}, {} away in the slice", short(distance));
    Some(Fact::new("nearest snapshot", value).toned(Tone::Plain))
}
