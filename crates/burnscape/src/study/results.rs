//! What a study has found: slices, what they say about each other, curvatures, and remarks on them.

use burnscape_trace::{Curvature, Study};

use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;

/// It becomes the landscape that `finish` gives back.
#[derive(Default)]
pub(super) struct Results {
    pub slices: Vec<SliceSurface>,
    pub studies: Vec<Study>,
    pub curvatures: Vec<Curvature>,
    /// Eigenvectors of the Hessian, by the point that they are at.
    pub eigenvectors: Vec<Eigenvectors>,
    /// Further sentences of the summary.
    pub remarks: Vec<String>,
}

/// Eigenvectors of the largest eigenvalues at a point.
pub(super) struct Eigenvectors {
    pub at: Point,
    pub values: Vec<f64>,
    pub errors: Vec<f64>,
    pub vectors: Vec<Vec<f32>>,
}

impl Results {
    /// Takes a slice, in the place of what was known of it before.
    pub fn keep(&mut self, surface: &SliceSurface) {
        self.slices.retain(|known| known.slice.slice != surface.slice.slice);
        self.slices.push(surface.clone());
    }

    /// Takes a study, in the place of what was known of it before.
    pub fn keep_study(&mut self, study: Study) {
        self.studies.retain(|known| known.study != study.study);
        self.studies.push(study);
    }

    /// Takes eigenvectors, in the place of others at the same point.
    pub fn keep_eigenvectors(&mut self, eigenvectors: Eigenvectors) {
        self.eigenvectors.retain(|known| known.at != eigenvectors.at);
        self.eigenvectors.push(eigenvectors);
    }

    pub fn eigenvectors_at(&self, point: &Point) -> Option<&Eigenvectors> {
        self.eigenvectors.iter().find(|known| known.at == *point)
    }
}
