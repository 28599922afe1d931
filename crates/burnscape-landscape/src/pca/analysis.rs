//! The first read of all snapshots, and the second one, which finds directions.

use nalgebra::DMatrix;

use super::directions::directions;
use super::found::{Component, Pca, PcaError, Scores};
use super::moments::{Moments, Precision};
use super::options::PcaOptions;
use super::snapshots::Snapshots;
use super::spectrum::Spectrum;
use super::stored::{DirectionStore, Held};
use super::weighing::Weighing;

/// What the first read gives.
pub(super) struct Analysis {
    pub spectrum: Spectrum,
    /// Inner products of the snapshots about their weighted mean.
    pub gram: DMatrix<f64>,
    pub step_lengths: Vec<f64>,
    pub precision: Precision,
}

/// The first read, and another one in `f64` if the precision asked for does not do.
pub(super) fn analyse<S: Snapshots>(
    snapshots: &mut S,
    options: &PcaOptions,
    precision: Precision,
    weighing: &Weighing,
) -> Result<Analysis, PcaError<S::Error>> {
    let mut moments = Moments::read(snapshots, options, precision)?;
    if precision == Precision::Single && !moments.are_in_range(snapshots.dims()) {
        return analyse(snapshots, options, Precision::Double, weighing);
    }
    weighing.centre(&mut moments.gram);
    let spectrum = Spectrum::weighted(&moments, options.components, weighing.clone());
    if precision == Precision::Single && !spectrum.resolves(options.components, &moments) {
        return analyse(snapshots, options, Precision::Double, weighing);
    }
    let Moments { gram, step_lengths, .. } = moments;
    Ok(Analysis { spectrum, gram, step_lengths, precision })
}

impl Analysis {
    pub fn scores(self, components: usize) -> Scores {
        Scores {
            components: self.spectrum.components(components),
            variances: self.spectrum.variances(components),
            total_variance: self.spectrum.total_variance(),
            step_lengths: self.step_lengths,
        }
    }

    /// The second read.
    pub fn with_directions<S: Snapshots>(
        self,
        snapshots: &mut S,
        options: &PcaOptions,
    ) -> Result<Pca, PcaError<S::Error>> {
        let mut held = Held::new(options.components, snapshots.dims());
        let scores = self.with_directions_in(snapshots, options, &mut held)?;
        let components = scores.components.into_iter().zip(held.0).map(Component::of).collect();
        let Scores { variances, total_variance, step_lengths, .. } = scores;
        Ok(Pca { components, variances, total_variance, step_lengths })
    }

    /// The second read, directions put into a store.
    pub fn with_directions_in<S: Snapshots, D: DirectionStore>(
        self,
        snapshots: &mut S,
        options: &PcaOptions,
        store: &mut D,
    ) -> Result<Scores, PcaError<S::Error>> {
        let components = directions(snapshots, options, &self, store)?;
        let mut variances = self.spectrum.variances(options.components);
        for (variance, component) in variances.iter_mut().zip(&components) {
            if !component.degenerate {
                *variance = component.variance;
            }
        }
        Ok(Scores {
            components,
            variances,
            total_variance: self.spectrum.total_variance(),
            step_lengths: self.step_lengths,
        })
    }
}
