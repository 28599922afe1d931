//! The surface as a mesh of nodes: which ones, how high they stand, and its lines without the hidden ones.

use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::surface::{NodeState, Surface};

use super::camera::{Camera, Place};
use crate::palette::{LIGHTS, level_of_share, scale};
use crate::views::landscape::picture::Picture;
use crate::widgets::colours::Colours;
use crate::widgets::depth_dots::{DepthDots, DepthPoint, Fill};
use crate::widgets::scale::Scale;

/// Nodes of the mesh along an axis at most: more are finer than dots.
const MOST_NODES: usize = 160;
/// Dots from one line of the mesh to the next at least: closer ones are no lines but a grey.
const LINE_DOTS: f64 = 8.0;
/// Grids of more nodes are not searched for what is complete.
const SEARCHED_NODES: usize = 250_000;

/// The mesh.
pub(super) struct Mesh<'a> {
    surface: &'a Surface,
    heights: Scale,
    /// Columns and rows of the grid that the mesh has.
    columns: Vec<usize>,
    rows: Vec<usize>,
    /// Nodes of the grid from one of the mesh to the next.
    pub(super) stride: (usize, usize),
}

/// A node of the mesh on the screen.
#[derive(Debug, Clone, Copy)]
struct Vertex {
    point: DepthPoint,
    /// Across, away from the reader, up: before the reader, in units of half the longer side of the plane.
    place: [f64; 3],
    colour_share: f64,
    is_interpolated: bool,
}

impl<'a> Mesh<'a> {
    /// The finest mesh of which all nodes are known: it becomes finer while the surface is measured.
    pub(super) fn new(picture: &Picture<'a>, heights: Scale) -> Self {
        let surface = picture.surface();
        let grid = surface.grid();
        let (x, y) = finest_known(surface);
        let stride = (x.max(thinning(grid.columns())), y.max(thinning(grid.rows())));
        let columns = sub_grid(grid.columns(), grid.x().centre(), stride.0);
        let rows = sub_grid(grid.rows(), grid.y().map_or(0, Axis::centre), stride.1);
        Self { surface, heights, columns, rows, stride }
    }

    /// How high a value stands, as a share of the range; what the scale clips stands at its ends.
    pub(super) fn height_of(&self, value: f64) -> Option<f64> {
        if value.is_finite() && self.heights.log && value <= 0.0 {
            return Some(0.0);
        }
        self.heights.share(value).map(|share| share.clamp(0.0, 1.0))
    }

    /// The height at a node of the grid, where it is known and finite.
    pub(super) fn height_at(&self, node: usize) -> Option<f64> {
        self.surface.loss(node).and_then(|value| self.height_of(value))
    }

    /// The height of the mesh at coordinates between nodes; `None` beyond its border and over holes.
    pub(super) fn height_between(&self, alpha: f64, beta: f64) -> Option<f64> {
        let grid = self.surface.grid();
        let (column, across) = between(&self.columns, grid.x(), alpha)?;
        let (row, up) = between(&self.rows, grid.y()?, beta)?;
        let at = |i: usize, j: usize| {
            let column = *self.columns.get(i).or(self.columns.last())?;
            let row = *self.rows.get(j).or(self.rows.last())?;
            self.height_at(grid.node(column, row))
        };
        let [a, b] = [at(column, row)?, at(column + 1, row)?];
        let [c, d] = [at(column, row + 1)?, at(column + 1, row + 1)?];
        Some((a + (b - a) * across) * (1.0 - up) + (c + (d - c) * across) * up)
    }

    /// Draws the lines that no nearer part of the surface hides, in the colours of their values.
    ///
    /// What moves has no lines but those of its border: they would be most of what is sent.
    pub(super) fn draw(
        &self,
        camera: &Camera,
        colours: &Colours,
        moves: bool,
        canvas: &mut DepthDots,
    ) {
        let vertices = self.vertices(camera, colours);
        let vertex = |i: usize, j: usize| vertices[j * self.columns.len() + i];
        let (alpha_away, beta_away) = camera.grows_away();
        let (across, up) = camera.dots_along();
        let (across, up) = if moves { (0.0, 0.0) } else { (across, up) };
        let is_line = (
            lines(&self.columns, self.surface.grid().x(), across),
            lines(&self.rows, self.surface.grid().y().unwrap_or(self.surface.grid().x()), up),
        );
        for j in near_to_far(self.rows.len().saturating_sub(1), beta_away) {
            for i in near_to_far(self.columns.len().saturating_sub(1), alpha_away) {
                let corners =
                    [vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1), vertex(i, j + 1)];
                let is_drawn = [is_line.1[j], is_line.0[i + 1], is_line.1[j + 1], is_line.0[i]];
                draw_face(corners, is_drawn, canvas);
            }
        }
    }

    fn vertices(&self, camera: &Camera, colours: &Colours) -> Vec<Option<Vertex>> {
        let grid = self.surface.grid();
        let nodes = self
            .rows
            .iter()
            .flat_map(|&row| self.columns.iter().map(move |&it| grid.node(it, row)));
        nodes.map(|node| self.vertex(node, camera, colours)).collect()
    }

    fn vertex(&self, node: usize, camera: &Camera, colours: &Colours) -> Option<Vertex> {
        let (alpha, beta) = self.surface.grid().coordinates(node);
        let place = Place { alpha, beta, height: self.height_at(node)? };
        Some(Vertex {
            point: camera.project(&place),
            place: camera.before_the_reader(&place),
            colour_share: colours.share(self.surface.loss(node)?)?,
            is_interpolated: self.surface.states()[node] == NodeState::Interpolated,
        })
    }
}

/// Draws the lines around a face, then lets it cover what is behind. A face with a corner of which nothing
/// is known or which is not finite is a hole.
fn draw_face(corners: [Option<Vertex>; 4], is_drawn: [bool; 4], canvas: &mut DepthDots) {
    let [Some(a), Some(b), Some(c), Some(d)] = corners else {
        return;
    };
    let edges = [(a, b), (b, c), (d, c), (a, d)];
    for ((from, to), _) in edges.iter().zip(is_drawn).filter(|(_, is_drawn)| *is_drawn) {
        let colour = |share: f64| {
            let value = from.colour_share + share * (to.colour_share - from.colour_share);
            scale(level_of_share(value))
        };
        let is_dotted = from.is_interpolated || to.is_interpolated;
        canvas.line(from.point, to.point, is_dotted, colour);
    }
    for corners in [[a, b, c], [a, c, d]] {
        let values = corners.map(|corner| corner.colour_share);
        let fill = Fill { values, light: light_on(corners.map(|corner| corner.place)) };
        canvas.fill(corners.map(|corner| corner.point), fill);
    }
}

/// From where light falls: from the left, above, and the side of the reader. Of unit length.
const LIGHT: [f64; 3] = [-0.62, -0.32, 0.716];

/// How much light falls on a triangle (Lambert's cosine law), whichever of its sides is up.
fn light_on([a, b, c]: [[f64; 3]; 3]) -> usize {
    let side = |to: [f64; 3]| [to[0] - a[0], to[1] - a[1], to[2] - a[2]];
    let (u, v) = (side(b), side(c));
    let normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    let length = normal.iter().map(|it| it * it).sum::<f64>().sqrt();
    let up = if normal[2] < 0.0 { -1.0 } else { 1.0 };
    let cosine: f64 =
        normal.iter().zip(LIGHT).map(|(n, l)| n * l).sum::<f64>() * up / length.max(1e-12);
    // A little comes from everywhere.
    let share = 0.15 + 0.85 * cosine.max(0.0);
    ((share * LIGHTS as f64) as usize).min(LIGHTS - 1)
}

/// The finest of the regular sub-grids of which all nodes are known; all nodes if none is.
fn finest_known(surface: &Surface) -> (usize, usize) {
    let grid = surface.grid();
    if surface.is_complete() || grid.len() > SEARCHED_NODES {
        return (1, 1);
    }
    let is_known = |&(x, y): &(usize, usize)| is_known(surface, grid, x, y);
    grid.strides().into_iter().rev().find(is_known).unwrap_or((1, 1))
}

fn is_known(surface: &Surface, grid: &Grid, x: usize, y: usize) -> bool {
    let columns = inner(grid.columns(), grid.x().centre(), x);
    let rows = inner(grid.rows(), grid.y().map_or(0, Axis::centre), y);
    let nodes = rows.iter().flat_map(|&row| columns.iter().map(move |&it| grid.node(it, row)));
    nodes.into_iter().all(|node| surface.states()[node] != NodeState::Unmeasured)
}

/// Places on an axis that lie a multiple of the stride from the centre.
fn inner(count: usize, centre: usize, stride: usize) -> Vec<usize> {
    (centre % stride..count).step_by(stride).collect()
}

/// The same; a sub-grid that leaves nodes out for want of room also has both ends.
fn sub_grid(count: usize, centre: usize, stride: usize) -> Vec<usize> {
    let mut places = inner(count, centre, stride);
    if count > MOST_NODES {
        places.extend([0, count - 1]);
        places.sort_unstable();
        places.dedup();
    }
    places
}

fn thinning(count: usize) -> usize {
    count.div_ceil(MOST_NODES)
}

/// The place of the mesh before a coordinate and the share of the way to the next; `None` outside.
fn between(places: &[usize], axis: &Axis, coordinate: f64) -> Option<(usize, f64)> {
    let first = *places.first()?;
    let at = coordinate / axis.spacing() - axis.first() as f64;
    // Rounding must not push the nodes at the border out.
    let last = *places.last()? as f64;
    if !(at >= first as f64 - 1e-9 && at <= last + 1e-9) {
        return None;
    }
    let next =
        places.partition_point(|&place| place as f64 <= at).clamp(1, places.len().max(2) - 1);
    let low = places[next - 1] as f64;
    let high = places.get(next).map_or(low + 1.0, |&place| place as f64);
    Some((next - 1, ((at - low) / (high - low)).clamp(0.0, 1.0)))
}

/// Which columns or rows of the mesh are drawn as lines: both ends, the centre, and evenly from it.
fn lines(places: &[usize], axis: &Axis, dots: f64) -> Vec<bool> {
    let spacing = dots / places.len().saturating_sub(1).max(1) as f64;
    let step = (LINE_DOTS / spacing).ceil().clamp(1.0, 1e6) as usize;
    let centre = places.iter().position(|&place| place == axis.centre()).unwrap_or(0);
    let last = places.len().saturating_sub(1);
    let is_line = |i: usize| i == 0 || i == last || i.abs_diff(centre).is_multiple_of(step);
    (0..places.len()).map(is_line).collect()
}

/// 0 to `count`, in the order in which faces are met from the reader on.
fn near_to_far(count: usize, grows_away: bool) -> Box<dyn Iterator<Item = usize>> {
    if grows_away { Box::new(0..count) } else { Box::new((0..count).rev()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_nodes_is_told_by_the_one_before_and_a_share() {
        let axis = Axis::new(-2, 5, 0.5).unwrap();
        let all = [0, 1, 2, 3, 4];
        assert_eq!(between(&all, &axis, -1.0), Some((0, 0.0)));
        assert_eq!(between(&all, &axis, 0.125), Some((2, 0.25)));
        assert_eq!(between(&all, &axis, 1.0), Some((3, 1.0)));
        assert_eq!(between(&all, &axis, 1.1), None);
        assert_eq!(between(&all, &axis, f64::NAN), None);
        assert_eq!(between(&[0, 2, 4], &axis, 0.25), Some((1, 0.25)));
        assert_eq!(between(&[2], &axis, 0.0), Some((0, 0.0)));
        assert_eq!(between(&[], &axis, 0.0), None);
    }

    #[test]
    fn what_faces_the_light_is_bright_and_what_turns_away_is_in_the_shade() {
        let slope = |across: f64, away: f64| {
            light_on([[0.0, 0.0, 0.0], [1.0, 0.0, across], [0.0, 1.0, away]])
        };
        // A face that rises to the right looks to the left, from where the light comes.
        assert_eq!(slope(1.0, 0.4), LIGHTS - 1);
        assert_eq!(slope(-2.0, -1.0), 0);
        let flat = slope(0.0, 0.0);
        assert!(flat > 0 && flat < LIGHTS - 1, "{flat}");
        let length: f64 = LIGHT.iter().map(|it| it * it).sum();
        assert!((length - 1.0).abs() < 0.01, "{length}");
    }

    #[test]
    fn lines_are_at_both_ends_and_at_the_centre() {
        let axis = Axis::new(-5, 11, 0.1).unwrap();
        let all: Vec<usize> = (0..11).collect();
        let drawn = |dots| -> Vec<usize> {
            let lines = lines(&all, &axis, dots);
            (0..11).filter(|&i| lines[i]).collect()
        };
        assert_eq!(drawn(80.0), all);
        assert_eq!(drawn(40.0), [0, 1, 3, 5, 7, 9, 10]);
        assert_eq!(drawn(1.0), [0, 5, 10]);
    }

    #[test]
    fn a_sub_grid_goes_through_the_centre() {
        assert_eq!(sub_grid(9, 4, 2), [0, 2, 4, 6, 8]);
        assert_eq!(sub_grid(9, 4, 3), [1, 4, 7]);
        assert_eq!(sub_grid(1, 0, 1), [0]);
        let large = sub_grid(401, 200, thinning(401));
        assert!(large.len() <= MOST_NODES && large[0] == 0 && large.last() == Some(&400));
    }
}
