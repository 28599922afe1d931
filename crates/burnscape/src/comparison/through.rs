//! The plane through three models.

use burn::module::Module;
use burn::train::InferenceStep;

use super::measured::Comparison;
use super::words;
use crate::Result;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;
use crate::study::comparing::Findings;
use crate::study::slice_spec::SliceSpec;

impl<M> Comparison<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// The plane through three models: at (0, 0), (1, 0) and (0, 1).
    ///
    /// # Errors
    ///
    /// As [`Study::slice`](crate::Study::slice); [`geometry::Error::ParallelDirections`](burnscape_landscape::Error::ParallelDirections) if they
    /// lie on one line.
    pub fn through(&mut self, a: &Point, b: &Point, c: &Point) -> Result<SliceSurface> {
        let [first, second, third] = [a, b, c].map(|point| self.runs.short_name_of(point));
        let spec = SliceSpec::through(a.clone(), b.clone(), c.clone())
            .name(format!("through {first}, {second} and {third}"));
        let names = [a, b, c].map(|point| self.runs.name_of(point));
        let conclude = |surface: &SliceSurface| {
            let mut findings = Findings::of_basins(surface);
            findings.sentences.insert(0, words::corners(&names));
            findings
        };
        match self.study.open_mut() {
            Some(open) => Ok(open.measure_as("through-three", &spec, conclude)?.0),
            None => self.study.slice(&spec),
        }
    }
}
