//! The snapshots of a run: their principal components, and where they lie in a slice.

use std::borrow::Cow;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::evaluate::Loss;
use burnscape_landscape::pca::{Pca, PcaError, PcaOptions, pca};
use burnscape_landscape::plane::{DeltaProducts, PlaneGram, Projection};
use burnscape_landscape::random_walk;
use burnscape_trace::{F64s, Note, Record, Snapshot, Trajectory, U32s};

use super::Survey;
use super::planes::Plan;
use super::quantities::measure;
use super::resume::has_losses;
use crate::evaluate::{Cores, SliceLoss};
use crate::perturb::at_tensors;
use crate::snapshot::SnapshotMatrix;
use crate::{Error, Result};

/// Elements of a snapshot that are projected at a time.
const PROJECTION_CHUNK: usize = 1 << 20;

/// What is known of the snapshots together.
pub(super) struct Geometry {
    /// The finite ones.
    pub used: Vec<Snapshot>,
    /// Components that were asked for; more may exist.
    pub components: usize,
    /// `None` with fewer than two snapshots.
    pub pca: Option<Pca>,
}

impl<M> Survey<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    pub(super) fn too_few(&self, found: usize) -> Error {
        Error::TooFewSnapshots { run: self.active.recorder.folder.path().to_path_buf(), found }
    }

    /// Some snapshots were left out because they are not finite.
    pub(super) fn too_few_finite(&self, finite: usize) -> Error {
        match self.snapshots.len() {
            snapshots if snapshots == finite => self.too_few(finite),
            snapshots => Error::Diverged {
                run: self.active.recorder.folder.path().to_path_buf(),
                snapshots,
                finite,
            },
        }
    }

    /// The finite snapshots; none before [`analyse`](Self::analyse).
    pub(super) fn used_snapshots(&self) -> &[Snapshot] {
        self.geometry.as_ref().map_or(&[], |geometry| geometry.used.as_slice())
    }

    /// PCA of the finite snapshots with at least so many components.
    pub(super) fn analyse(&mut self, components: usize) -> Result<()> {
        if self.geometry.as_ref().is_some_and(|it| it.components >= components) {
            return Ok(());
        }
        let mut used = self.snapshots_to_read()?;
        let pca = loop {
            if used.len() < 2 {
                break None;
            }
            match self.principal_components(&used, components) {
                Ok(pca) => break Some(pca),
                Err(PcaError::Read { source, .. }) => return Err(source),
                Err(PcaError::Request(burnscape_landscape::Error::NonFiniteSnapshot {
                    snapshot,
                    ..
                })) => self.leave_out(&mut used, snapshot),
                Err(PcaError::Request(error)) => return Err(error.into()),
            }
        };
        self.geometry = Some(Geometry { used, components, pca });
        Ok(())
    }

    fn principal_components(
        &self,
        used: &[Snapshot],
        components: usize,
    ) -> Result<Pca, PcaError<Error>> {
        let files = used.iter().map(|it| self.open(it));
        let matrix = SnapshotMatrix::new(files, Cow::Borrowed(&self.map.layout));
        let mut matrix = matrix.map_err(|source| PcaError::Read { snapshot: 0, source })?;
        let seed = self.active.config.study.seed;
        pca(&mut matrix, &PcaOptions { components, seed, ..PcaOptions::default() })
    }

    fn leave_out(&self, used: &mut Vec<Snapshot>, position: usize) {
        let snapshot = used.remove(position);
        if self.geometry.is_some() {
            return;
        }
        let sentence = format!(
            "snapshot {} (step {}) holds NaN or infinite values and is left out of the trajectory",
            snapshot.index, snapshot.step
        );
        log::warn!("burnscape: {sentence}");
        self.record(Record::Note(Note { level: "warning".to_string(), text: sentence }));
    }

    /// How much of the variance the components hold, beside what random walks would give.
    pub(super) fn explain(&self, trajectory: &mut Trajectory) -> Result<()> {
        let Some(pca) = self.geometry.as_ref().and_then(|it| it.pca.as_ref()) else {
            return Ok(());
        };
        let told = pca.variances.len();
        let mut walk = random_walk::explained(pca.snapshots());
        walk.truncate(told);
        trajectory.explained = F64s(shares(&pca.variances, pca.total_variance));
        trajectory.random_walk = F64s(walk);
        trajectory.random_walk_measured =
            F64s(random_walk::leading_with_steps(&pca.step_lengths, told)?);
        Ok(())
    }

    /// The snapshots in the coordinates of a slice through the centre.
    pub(super) fn project(
        &self,
        centre: &[f32],
        directions: &[&[f32]],
        gram: &PlaneGram,
    ) -> Result<Trajectory> {
        let mut points = Vec::new();
        for snapshot in self.used_snapshots() {
            points.push(gram.project(&self.products(snapshot, centre, directions)?));
        }
        Ok(trajectory(self.used_snapshots(), &points, directions.len() == 1))
    }

    fn products(
        &self,
        snapshot: &Snapshot,
        centre: &[f32],
        directions: &[&[f32]],
    ) -> Result<DeltaProducts> {
        let (first, second) = (directions[0], directions[directions.len() - 1]);
        let mut file = self.open(snapshot)?;
        let mut products = DeltaProducts::default();
        let mut chunk = vec![0.0; PROJECTION_CHUNK.min(centre.len())];
        let mut start = 0;
        while start < centre.len() {
            let len = chunk.len().min(centre.len() - start);
            let range = start..start + len;
            file.read_flat(&self.map.layout, start, &mut chunk[..len])?;
            products.add(
                &chunk[..len],
                &centre[range.clone()],
                &first[range.clone()],
                &second[range],
            );
            start += len;
        }
        Ok(products)
    }

    /// The true loss at every finite snapshot, with its own buffers.
    pub(super) fn losses_at_snapshots(&mut self) -> Result<Vec<f64>> {
        self.analyse(2)?;
        let snapshots = self.used_snapshots().to_vec();
        snapshots.iter().map(|snapshot| self.true_loss(snapshot)).collect()
    }

    /// Measured once for every snapshot.
    fn true_loss(&mut self, snapshot: &Snapshot) -> Result<f64> {
        if let Some(&loss) = self.true_losses.get(&snapshot.index) {
            return Ok(loss);
        }
        let loss = self.loss_at(snapshot)?;
        self.true_losses.insert(snapshot.index, loss);
        Ok(loss)
    }

    fn loss_at(&self, snapshot: &Snapshot) -> Result<f64> {
        let tensors = self.snapshot_tensors(snapshot)?;
        let model = at_tensors(&self.model, &self.map, &tensors)?;
        let sets = [self.quantities.sets[0].batches.clone()];
        let loss = &self.quantities.quantities[..1];
        Ok(measure(&model, &sets, loss, self.map.is_on_host)?.values[0].mean)
    }

    /// How many losses [`measure_path`](Self::measure_path) will measure.
    pub(super) fn missing_points(&self, plan: &Plan<M>) -> usize {
        let path = plan.trajectory.as_ref().filter(|path| !has_losses(path));
        let path = path.filter(|_| plan.extent.true_losses);
        let is_new = |index: &&u32| !self.true_losses.contains_key(&u64::from(**index));
        path.map_or(0, |path| path.snapshots.len() + path.snapshots.iter().filter(is_new).count())
    }

    /// The true loss at every snapshot and the loss at its projection onto the slice, told to the trace when
    /// all are known. `false` if it is not to go on before.
    pub(super) fn measure_path(
        &mut self,
        plan: &mut Plan<M>,
        goes_on: impl Fn() -> bool,
        advance: impl Fn(),
    ) -> Result<bool> {
        let path = plan.trajectory.clone().filter(|path| !has_losses(path));
        let Some(path) = path.filter(|_| plan.extent.true_losses) else {
            return Ok(true);
        };
        let Some(loss) = self.losses_on_path(&path, &goes_on, &advance)? else {
            return Ok(false);
        };
        let Some(on_plane) = self.losses_on_slice(plan, &path, &goes_on, &advance)? else {
            return Ok(false);
        };
        let path = Trajectory { loss: F64s(loss), loss_on_plane: F64s(on_plane), ..path };
        self.record(Record::Trajectory(path.clone()));
        plan.trajectory = Some(path);
        Ok(true)
    }

    fn losses_on_path(
        &mut self,
        path: &Trajectory,
        goes_on: &impl Fn() -> bool,
        advance: &impl Fn(),
    ) -> Result<Option<Vec<f64>>> {
        let mut losses = Vec::new();
        for &index in path.snapshots.iter() {
            let is_known = self.true_losses.contains_key(&u64::from(index));
            if !is_known && !goes_on() {
                return Ok(None);
            }
            let snapshot = self.snapshot(u64::from(index))?;
            losses.push(self.true_loss(&snapshot)?);
            if !is_known {
                advance();
            }
        }
        Ok(Some(losses))
    }

    fn losses_on_slice(
        &self,
        plan: &Plan<M>,
        path: &Trajectory,
        goes_on: &impl Fn() -> bool,
        advance: &impl Fn(),
    ) -> Result<Option<Vec<f64>>> {
        let context = self.loss_context(plan)?;
        let loss_batches = vec![self.quantities.sets[0].batches.clone()];
        let mut worker = SliceLoss::new(&context, &plan.centre.model, loss_batches, Cores::All);
        let y = path.y.iter().copied().chain(std::iter::repeat(0.0));
        let mut losses = Vec::new();
        for point in path.x.iter().copied().zip(y) {
            if !goes_on() {
                return Ok(None);
            }
            losses.push(worker.values(&[point])?[0].mean);
            advance();
        }
        Ok(Some(losses))
    }
}

fn trajectory(used: &[Snapshot], points: &[Projection], is_line: bool) -> Trajectory {
    let of = |read: fn(&Projection) -> f64| F64s(points.iter().map(read).collect());
    Trajectory {
        snapshots: U32s(used.iter().map(|it| it.index as u32).collect()),
        epochs: F64s(used.iter().map(epoch_number).collect()),
        x: of(|it| it.x),
        y: if is_line { F64s::default() } else { of(|it| it.y) },
        out_of_plane: of(|it| it.out_of_plane),
        out_of_plane_share: of(Projection::out_of_plane_share),
        ..Trajectory::default()
    }
}

fn shares(variances: &[f64], total: f64) -> Vec<f64> {
    let share = |variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
    variances.iter().map(share).collect()
}

fn epoch_number(snapshot: &Snapshot) -> f64 {
    snapshot.epoch.map_or(f64::NAN, |epoch| epoch as f64)
}
