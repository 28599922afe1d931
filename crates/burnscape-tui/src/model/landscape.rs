//! One slice of the loss landscape: where it lies, what was measured, and the path through it.

use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::surface::{NodeValue, Surface};
use burnscape_trace::{Check, Nodes, Slice, Trajectory};

/// Nodes that a slice may claim: more than 2000 × 2000 is a damaged record, not a surface.
pub const MAX_NODES: u64 = 4_000_000;

/// A slice with its nodes and trajectory.
#[derive(Debug, Clone)]
pub struct Landscape {
    slice: Slice,
    surface: Result<Surface, String>,
    trajectory: Option<Trajectory>,
    checks: Vec<Check>,
    misplaced: usize,
}

impl Landscape {
    /// A slice of which nothing is measured yet.
    #[must_use]
    pub fn new(slice: Slice) -> Self {
        let surface = grid(&slice).map(Surface::new);
        Self { slice, surface, trajectory: None, checks: Vec::new(), misplaced: 0 }
    }

    /// The provenance.
    #[must_use]
    pub fn slice(&self) -> &Slice {
        &self.slice
    }

    /// The measured losses.
    ///
    /// # Errors
    ///
    /// A sentence that says why the recorded axes are no grid.
    pub fn surface(&self) -> Result<&Surface, &str> {
        self.surface.as_ref().map_err(String::as_str)
    }

    /// The snapshots in the plane's coordinates.
    #[must_use]
    pub fn trajectory(&self) -> Option<&Trajectory> {
        self.trajectory.as_ref()
    }

    /// Self-checks of this slice.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Recorded nodes that lie outside the grid and are not drawn.
    #[must_use]
    pub fn misplaced(&self) -> usize {
        self.misplaced
    }

    /// Takes measured nodes.
    pub fn apply_nodes(&mut self, nodes: &Nodes) {
        let Ok(surface) = &mut self.surface else {
            return;
        };
        let stderrs = nodes.stderr.iter().copied().chain(std::iter::repeat(f64::NAN));
        for ((&node, &mean), stderr) in nodes.index.iter().zip(nodes.loss.iter()).zip(stderrs) {
            let node = node as usize;
            if node < surface.grid().len() {
                surface.set(node, NodeValue { mean, stderr });
            } else {
                self.misplaced += 1;
            }
        }
    }

    /// Takes the trajectory; a later one replaces it.
    pub fn apply_trajectory(&mut self, trajectory: &Trajectory) {
        self.trajectory = Some(trajectory.clone());
    }

    /// Takes a self-check; a later one of the same name replaces it.
    pub fn apply_check(&mut self, check: &Check) {
        self.checks.retain(|known| known.name != check.name);
        self.checks.push(check.clone());
    }
}

fn grid(slice: &Slice) -> Result<Grid, String> {
    let nodes = slice.x.count.saturating_mul(slice.y.as_ref().map_or(1, |y| y.count));
    if nodes > MAX_NODES {
        return Err(format!("the slice claims {nodes} nodes, more than {MAX_NODES}"));
    }
    let x = axis(&slice.x)?;
    match &slice.y {
        Some(y) => Ok(Grid::plane(x, axis(y)?)),
        None => Ok(Grid::line(x)),
    }
}

fn axis(recorded: &burnscape_trace::Axis) -> Result<Axis, String> {
    let count = usize::try_from(recorded.count).map_err(|error| error.to_string())?;
    Axis::new(recorded.first, count, recorded.spacing)
        .map_err(|error| format!("axis {:?}: {error}", recorded.label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(count: u64) -> Slice {
        let axis = burnscape_trace::Axis {
            first: -1,
            count,
            spacing: 0.5,
            ..burnscape_trace::Axis::default()
        };
        Slice { x: axis.clone(), y: Some(axis), ..Slice::default() }
    }

    #[test]
    fn nodes_land_where_their_numbers_say_and_others_are_counted() {
        let mut landscape = Landscape::new(slice(3));
        landscape.apply_nodes(&Nodes {
            slice: 0,
            index: vec![5, 9, 0].into(),
            loss: vec![2.0, 7.0, f64::NAN].into(),
            stderr: vec![].into(),
        });
        let surface = landscape.surface().unwrap();
        assert_eq!(surface.loss(5), Some(2.0));
        assert!(surface.loss(0).is_some_and(f64::is_nan));
        assert_eq!((surface.counts().measured, landscape.misplaced()), (2, 1));
    }

    #[test]
    fn an_absurd_claim_is_a_sentence_not_an_allocation() {
        let landscape = Landscape::new(slice(u64::MAX / 2));
        assert!(landscape.surface().unwrap_err().contains("claims"));
        let landscape = Landscape::new(slice(0));
        assert!(landscape.surface().is_err());
    }
}
