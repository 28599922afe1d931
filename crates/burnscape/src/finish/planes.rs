//! The planes that are drawn: directions, range and provenance, before any loss is evaluated.

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::direction::{self, DirectionOptions};
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::pca::Pca;
use burnscape_landscape::plane::PlaneGram;
use burnscape_landscape::random_walk;
use burnscape_trace::{F64s, Slice, Snapshot, Trajectory};

use super::Finisher;
use crate::Result;
use crate::model_map::device_name;

/// Share of ‖θ*‖ that a plane extends to where the trajectory has no extent at all.
const REACH_WITHOUT_TRAJECTORY: f64 = 0.01;

/// A plane before it is evaluated.
pub(super) struct Plan {
    pub slice: Slice,
    pub grid: Grid,
    pub directions: [Vec<f32>; 2],
    pub gram: PlaneGram,
    pub trajectory: Trajectory,
}

impl<M> Finisher<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    pub(super) fn pca_plan(&self, pca: &Pca, used: &[Snapshot]) -> Result<Plan> {
        let [first, second] = &pca.components[..] else {
            return Err(self.too_few(used.len()));
        };
        let directions = [first.direction.clone(), second.direction.clone()];
        let gram = PlaneGram::new(&directions[0], &directions[1])?;
        let mut trajectory = self.project(used, &directions, &gram)?;
        trajectory.explained = F64s(shares(&pca.variances, pca.total_variance));
        trajectory.random_walk = F64s(random_walk::explained(pca.snapshots()));
        trajectory.random_walk_measured =
            F64s(random_walk::explained_with_steps(&pca.step_lengths)?);
        trajectory.degenerate = second.degenerate;
        let grid = self.grid_around(&trajectory)?;
        let explained = [first.explained, second.explained];
        let mut slice = self.slice("pca", &grid, &directions, &gram);
        label(&mut slice, ["PC 1", "PC 2"], [None, None]);
        slice.x.explained = Some(explained[0]);
        if let Some(y) = &mut slice.y {
            y.explained = Some(explained[1]);
        }
        slice.normalisation = "none".to_string();
        slice.biases = true;
        Ok(Plan { slice, grid, directions, gram, trajectory })
    }

    pub(super) fn random_plan(&self, used: &[Snapshot]) -> Result<Plan> {
        let seed = self.active.config.seed;
        let seeds = [seed.wrapping_mul(2), seed.wrapping_mul(2).wrapping_add(1)];
        let options = DirectionOptions::default();
        let draw = |seed| direction::random(&self.map.layout, &self.centre, seed, &options);
        let directions = [draw(seeds[0])?, draw(seeds[1])?];
        let gram = PlaneGram::new(&directions[0], &directions[1])?;
        let trajectory = self.project(used, &directions, &gram)?;
        let [x, y] = self.active.config.resolution;
        let range = self.active.config.random_range;
        let grid = Grid::plane(Axis::symmetric(range, x)?, Axis::symmetric(range, y)?);
        let mut slice = self.slice("random", &grid, &directions, &gram);
        label(&mut slice, ["random 1", "random 2"], seeds.map(Some));
        slice.normalisation = "filter".to_string();
        slice.biases = false;
        Ok(Plan { slice, grid, directions, gram, trajectory })
    }

    fn grid_around(&self, trajectory: &Trajectory) -> Result<Grid> {
        let [nx, ny] = self.active.config.resolution;
        let [x, y] = [extent(&trajectory.x), extent(&trajectory.y)];
        let without = REACH_WITHOUT_TRAJECTORY * direction::norm(&self.centre);
        let reach = [without, x.1 - x.0, y.1 - y.0].into_iter().fold(0.0, f64::max);
        let reach = if reach > 0.0 { reach } else { 1.0 };
        Ok(Grid::plane(self.axis(x, reach, nx)?, self.axis(y, reach, ny)?))
    }

    /// An axis over the trajectory, or, where that has no extent, over half of `reach` both ways.
    fn axis(&self, (min, max): (f64, f64), reach: f64, count: usize) -> Result<Axis> {
        // A component that carries no variance has coordinates that are rounding errors, and so may be
        // the part of an extent that lies beyond the centre.
        let snapped = |end: f64| if end.abs() > 1e-6 * reach { end } else { 0.0 };
        let (min, max) = (snapped(min), snapped(max));
        let axis = match max > min {
            true => Axis::covering(min, max, self.active.config.margin, count),
            false => Axis::symmetric(0.5 * reach, count),
        };
        Ok(axis?)
    }

    fn slice(
        &self,
        name: &str,
        grid: &Grid,
        directions: &[Vec<f32>; 2],
        gram: &PlaneGram,
    ) -> Slice {
        let has_buffers = self.map.buffers.len() > self.map.aliases.len();
        Slice {
            slice: 0,
            name: name.to_string(),
            centre: "final".to_string(),
            x: axis_record(grid.x(), gram.d1_d1.sqrt()),
            y: grid.y().map(|y| axis_record(y, gram.d2_d2.sqrt())),
            cosine: Some(gram.cosine()),
            centre_norm: direction::norm(&self.centre),
            centre_loss: self.centre_value.mean,
            shares: directions
                .iter()
                .map(|it| F64s(direction::share_per_block(&self.map.layout, it)))
                .collect(),
            samples: self.samples as u64,
            batches: self.batches.len() as u64,
            batchnorm: if has_buffers { "centre" } else { "none" }.to_string(),
            dtype: format!("{:?}", self.map.dtype).to_lowercase(),
            device: device_name(&self.map.device),
            loss: self.loss_name.to_string(),
            ..Slice::default()
        }
    }
}

fn shares(variances: &[f64], total: f64) -> Vec<f64> {
    let share = |variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
    variances.iter().map(share).collect()
}

fn extent(values: &[f64]) -> (f64, f64) {
    let min = values.iter().copied().fold(0.0, f64::min);
    let max = values.iter().copied().fold(0.0, f64::max);
    (min, max)
}

fn axis_record(axis: &Axis, direction_norm: f64) -> burnscape_trace::Axis {
    burnscape_trace::Axis {
        first: axis.first(),
        count: axis.count() as u64,
        spacing: axis.spacing(),
        direction_norm,
        ..burnscape_trace::Axis::default()
    }
}

fn label(slice: &mut Slice, labels: [&str; 2], seeds: [Option<u64>; 2]) {
    slice.x.label = labels[0].to_string();
    slice.x.seed = seeds[0];
    if let Some(y) = &mut slice.y {
        y.label = labels[1].to_string();
        y.seed = seeds[1];
    }
}
