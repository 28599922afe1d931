//! One evaluated line or plane.

use std::time::Duration;

use burnscape_landscape::grid::Grid;
use burnscape_landscape::plane::PlaneGram;
use burnscape_landscape::surface::{Curvature, Surface};
use burnscape_trace::{Slice, Trajectory};

/// One evaluated line or plane, with the path of training in its coordinates.
#[derive(Debug, Clone)]
pub struct SliceSurface {
    /// Provenance, as in the trace.
    pub slice: Slice,
    /// The losses and their state.
    pub surface: Surface,
    /// Further quantities at the same nodes, in the order of `slice.layers`.
    pub layers: Vec<Surface>,
    /// The snapshots in the slice; empty where there is none.
    pub trajectory: Trajectory,
    /// Lengths and angle of the directions; those of a line have a second one of length 0.
    pub gram: PlaneGram,
    /// Adaptive evaluation: how far interpolation was off at most where it was checked by measuring.
    pub largest_miss: Option<f64>,
    /// Adaptive evaluation: the largest estimate of the error at an interpolated node, in units of the loss.
    pub estimated_error: Option<f64>,
    /// Time that its nodes took.
    pub took: Duration,
}

impl SliceSurface {
    /// A slice of which nothing is measured.
    pub(crate) fn unmeasured(grid: Grid) -> Self {
        Self {
            slice: Slice::default(),
            surface: Surface::new(grid),
            layers: Vec::new(),
            trajectory: Trajectory::default(),
            gram: PlaneGram { d1_d1: 0.0, d1_d2: 0.0, d2_d2: 0.0 },
            largest_miss: None,
            estimated_error: None,
            took: Duration::ZERO,
        }
    }

    /// A further quantity by name, such as `accuracy` or `valid loss`.
    pub fn layer(&self, name: &str) -> Option<&Surface> {
        let place = self.slice.layers.iter().position(|layer| layer.name == name)?;
        self.layers.get(place)
    }

    /// Curvature at the centre, from a quadratic through the nodes around it; `None` if too few of
    /// them are measured and finite.
    pub fn curvature(&self) -> Option<Curvature> {
        self.surface.curvature(&self.gram, 1).ok()
    }
}
