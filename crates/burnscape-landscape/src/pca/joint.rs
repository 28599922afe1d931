//! One plane for several runs: principal components of all their snapshots about their common mean.

use std::ops::Range;

use nalgebra::DMatrix;

use super::analysis::analyse;
use super::found::{Component, PcaError};
use super::leading::Eigen;
use super::moments::Precision;
use super::options::PcaOptions;
use super::snapshots::Snapshots;
use super::weighing::Weighing;
use crate::error::{Error, check_length};

/// What counts the same in a joint analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Weigh {
    /// Each run, whatever its number of snapshots.
    #[default]
    Runs,
    /// Each snapshot: a run of which more were taken draws the plane towards itself.
    Snapshots,
}

/// Principal components of the snapshots of several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct JointPca {
    /// The components asked for, in descending order of variance; scores are of all snapshots, run after run.
    pub components: Vec<Component>,
    /// Weighted mean squared distance from the common mean, with the divisor (T − 1)/T.
    pub total_variance: f64,
    /// What the components would explain if every run were a random walk with its own step lengths, from where it began:
    /// shares of the total, descending.
    pub null: Vec<f64>,
    /// Each run.
    pub runs: Vec<RunInPlane>,
}

/// One run, as the components show it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunInPlane {
    /// The places of its snapshots among all.
    pub snapshots: Range<usize>,
    /// Share in [0, 1] of the run's own movement, the squared distances from its own mean, that the components hold; 0 if it
    /// did not move.
    pub held: f64,
    /// Distance of each snapshot from the common mean.
    pub distance: Vec<f64>,
    /// Distance of each snapshot from its projection: a difference of squares, which cannot tell what is below 10⁻⁷ of the
    /// distance from 0.
    pub out_of_plane: Vec<f64>,
    /// Distance between neighbouring snapshots.
    pub step_lengths: Vec<f64>,
}

impl JointPca {
    /// Share of the total variance of each component.
    #[must_use]
    pub fn explained(&self) -> Vec<f64> {
        self.components.iter().map(|component| component.explained).collect()
    }
}

/// Principal components of the snapshots of several runs about their common mean.
///
/// With weights w of all snapshots, 1 on average, the mean is Σ w θ / T and the components are eigenvectors of
/// Σ w (θ − mean)(θ − mean)ᵀ, found as [`pca`](super::pca()) finds them, by the Gram matrix with rows and columns times √w.
/// [`Weigh::Runs`] gives each snapshot T / (R · Tᵣ) of the R runs. With one run, or as many snapshots in each, both choices
/// are the analysis of [`pca`](super::pca()) over all snapshots. Signs are such that the runs together end higher than they
/// began.
///
/// The **null** replaces every step by one of the same length at a right angle to everything else, as steps of a random walk
/// in many dimensions are, and leaves the beginnings of the runs where they are (after Antognini and Sohl-Dickstein 2018).
///
/// # Errors
///
/// As [`pca`](super::pca()); snapshots are counted through all runs. [`Error::LengthMismatch`] if the runs do not have as
/// many parameters.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::pca::{InMemory, PcaOptions, Weigh, joint_pca};
///
/// // Two runs from one point, one to the right, one upwards.
/// let right = [[0.0_f32, 0.0], [1.0, 0.0], [2.0, 0.0]];
/// let up = [[0.0_f32, 0.0], [0.0, 1.0], [0.0, 2.0]];
/// let mut runs = [
///     InMemory::new(right.iter().map(|it| &it[..]))?,
///     InMemory::new(up.iter().map(|it| &it[..]))?,
/// ];
/// let joint = joint_pca(&mut runs, Weigh::Runs, &PcaOptions::default())?;
/// assert!(joint.runs.iter().all(|run| run.held > 0.999_999));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn joint_pca<S: Snapshots>(
    runs: &mut [S],
    weigh: Weigh,
    options: &PcaOptions,
) -> Result<JointPca, PcaError<S::Error>> {
    let mut all = Joined::new(runs)?;
    let weighing = Weighing::of_runs(&all.lengths, weigh == Weigh::Runs);
    let route = Precision::suited(all.count(), all.dims());
    let mut analysis = analyse(&mut all, options, route, &weighing)?;
    let gram = std::mem::replace(&mut analysis.gram, DMatrix::zeros(0, 0));
    let pca = analysis.with_directions(&mut all, options)?;
    let seen = |run: &Range<usize>| RunInPlane::of(run, &gram, &pca.components, &pca.step_lengths);
    Ok(JointPca {
        null: null(&gram, &pca.step_lengths, &weighing, options.components),
        runs: weighing.runs.iter().map(seen).collect(),
        total_variance: pca.total_variance,
        components: pca.components,
    })
}

impl RunInPlane {
    fn of(
        run: &Range<usize>,
        gram: &DMatrix<f64>,
        components: &[Component],
        step_lengths: &[f64],
    ) -> Self {
        let squared = |t: usize| gram[(t, t)].max(0.0);
        let in_plane = |t: usize| components.iter().map(|it| it.scores[t].powi(2)).sum::<f64>();
        let own = gram.view((run.start, run.start), (run.len(), run.len()));
        // Squared distances from its own mean: Σ‖x‖² − T‖mean‖².
        let moved = own.trace() - own.sum() / run.len() as f64;
        let along = |it: &Component| about_mean(&it.scores[run.clone()]);
        let held = components.iter().map(along).sum::<f64>();
        Self {
            held: if moved > 0.0 { (held / moved).min(1.0) } else { 0.0 },
            distance: run.clone().map(|t| squared(t).sqrt()).collect(),
            out_of_plane: run.clone().map(|t| (squared(t) - in_plane(t)).max(0.0).sqrt()).collect(),
            step_lengths: step_lengths[run.start..run.end - 1].to_vec(),
            snapshots: run.clone(),
        }
    }
}

fn about_mean(scores: &[f64]) -> f64 {
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    scores.iter().map(|score| (score - mean).powi(2)).sum()
}

/// Shares of the leading components of the random walks.
fn null(
    gram: &DMatrix<f64>,
    step_lengths: &[f64],
    weighing: &Weighing,
    components: usize,
) -> Vec<f64> {
    let starts = weighing.runs.iter().flat_map(|run| vec![run.start; run.len()]);
    let starts: Vec<usize> = starts.collect();
    // Squared distance that the walk has covered since its start.
    let mut covered = vec![0.0; starts.len()];
    for t in (1..starts.len()).filter(|&t| starts[t] != t) {
        covered[t] = covered[t - 1] + step_lengths[t - 1].powi(2);
    }
    let product = |s: usize, t: usize| {
        let shared = if starts[s] == starts[t] { covered[s.min(t)] } else { 0.0 };
        gram[(starts[s], starts[t])] + shared
    };
    let mut walks = DMatrix::from_fn(starts.len(), starts.len(), product);
    // The weights may be even, but the origin is no longer the mean.
    weighing.centre_anew(&mut walks);
    let walks = weighing.weigh(walks);
    let total = walks.trace();
    let values = Eigen::leading(walks, components).values;
    let share = |value: &f64| if total > 0.0 { value / total } else { 0.0 };
    values.iter().take(components).map(share).collect()
}

/// The snapshots of all runs, one run after the other.
struct Joined<'a, S> {
    runs: &'a mut [S],
    lengths: Vec<usize>,
    dims: usize,
}

impl<'a, S: Snapshots> Joined<'a, S> {
    fn new(runs: &'a mut [S]) -> Result<Self, Error> {
        let lengths: Vec<usize> = runs.iter().map(Snapshots::count).collect();
        if let Some(&count) = lengths.iter().find(|&&length| length < 2) {
            return Err(Error::TooFewSnapshots { count });
        }
        let dims = runs.first().ok_or(Error::TooFewSnapshots { count: 0 })?.dims();
        for run in &*runs {
            check_length("a snapshot of another run", dims, run.dims())?;
        }
        Ok(Self { runs, lengths, dims })
    }
}

impl<S: Snapshots> Snapshots for Joined<'_, S> {
    type Error = S::Error;

    fn count(&self) -> usize {
        self.lengths.iter().sum()
    }

    fn dims(&self) -> usize {
        self.dims
    }

    fn read(&mut self, mut snapshot: usize, start: usize, out: &mut [f32]) -> Result<(), S::Error> {
        let mut run = 0;
        while snapshot >= self.lengths[run] {
            snapshot -= self.lengths[run];
            run += 1;
        }
        self.runs[run].read(snapshot, start, out)
    }
}
