//! The snapshots of a run: their principal components, and where they lie in a plane.

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::evaluate::Loss;
use burnscape_landscape::pca::{Pca, PcaError, PcaOptions, pca};
use burnscape_landscape::plane::{DeltaProducts, PlaneGram, Projection};
use burnscape_trace::{F64s, Note, Record, Snapshot, Trajectory, U32s};

use super::Finisher;
use super::planes::Plan;
use crate::evaluate::{Cores, SliceLoss, mean_loss};
use crate::perturb::at_snapshot;
use crate::probe::Active;
use crate::snapshot::{SnapshotFile, SnapshotMatrix};
use crate::{Error, Result};

/// Elements of a snapshot that are projected at a time.
const PROJECTION_CHUNK: usize = 1 << 20;

impl<M> Finisher<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    fn open(&self, snapshot: &Snapshot) -> Result<SnapshotFile> {
        let path = self.active.recorder.folder.resolve(&snapshot.file)?;
        SnapshotFile::open(&path, self.map)
    }

    pub(super) fn too_few(&self, found: usize) -> Error {
        Error::TooFewSnapshots { run: self.active.recorder.folder.path().to_path_buf(), found }
    }

    /// Some snapshots were left out because they are not finite.
    fn too_few_finite(&self, finite: usize) -> Error {
        match self.snapshots.len() {
            snapshots if snapshots == finite => self.too_few(finite),
            snapshots => Error::Diverged {
                run: self.active.recorder.folder.path().to_path_buf(),
                snapshots,
                finite,
            },
        }
    }

    /// PCA of the finite snapshots, with those that it used.
    pub(super) fn principal_components(&self) -> Result<(Pca, Vec<Snapshot>)> {
        let mut used = self.snapshots.clone();
        loop {
            if used.len() < 2 {
                return Err(self.too_few_finite(used.len()));
            }
            let files = used.iter().map(|it| self.open(it)).collect::<Result<Vec<_>>>()?;
            let mut matrix = SnapshotMatrix { files, layout: &self.map.layout };
            let options = PcaOptions { seed: self.active.config.seed, ..PcaOptions::default() };
            match pca(&mut matrix, &options) {
                Ok(pca) => return Ok((pca, used)),
                Err(PcaError::Read { source, .. }) => return Err(source),
                Err(PcaError::Request(burnscape_landscape::Error::NonFiniteSnapshot {
                    snapshot,
                    ..
                })) => self.leave_out(&mut used, snapshot),
                Err(PcaError::Request(error)) => return Err(error.into()),
            }
        }
    }

    fn leave_out(&self, used: &mut Vec<Snapshot>, position: usize) {
        let snapshot = used.remove(position);
        let sentence = format!(
            "snapshot {} (step {}) holds NaN or infinite values and is left out of the trajectory",
            snapshot.index, snapshot.step
        );
        log::warn!("burnscape: {sentence}");
        self.record(Record::Note(Note { level: "warning".to_string(), text: sentence }));
    }

    /// The snapshots in the coordinates of a plane through the centre.
    pub(super) fn project(
        &self,
        used: &[Snapshot],
        directions: &[Vec<f32>; 2],
        gram: &PlaneGram,
    ) -> Result<Trajectory> {
        let mut points = Vec::with_capacity(used.len());
        for snapshot in used {
            points.push(gram.project(&self.products(snapshot, directions)?));
        }
        Ok(trajectory(used, &points))
    }

    fn products(&self, snapshot: &Snapshot, directions: &[Vec<f32>; 2]) -> Result<DeltaProducts> {
        let mut file = self.open(snapshot)?;
        let mut products = DeltaProducts::default();
        let mut chunk = vec![0.0; PROJECTION_CHUNK.min(self.centre.len())];
        let mut start = 0;
        while start < self.centre.len() {
            let len = chunk.len().min(self.centre.len() - start);
            let range = start..start + len;
            file.read_flat(&self.map.layout, start, &mut chunk[..len])?;
            products.add(
                &chunk[..len],
                &self.centre[range.clone()],
                &directions[0][range.clone()],
                &directions[1][range],
            );
            start += len;
        }
        Ok(products)
    }

    /// The true loss at every snapshot, and the loss at its projection onto every plane.
    pub(super) fn add_true_losses(&self, plans: &mut [Plan], used: &[Snapshot]) -> Result<()> {
        let mut losses = Vec::with_capacity(used.len());
        for snapshot in used {
            let model = at_snapshot(&self.model, self.map, &mut self.open(snapshot)?)?;
            losses.push(mean_loss(&model, &self.batches, self.loss_of)?.mean);
        }
        for plan in plans {
            let on_plane = self.losses_on_plane(plan)?;
            plan.trajectory.loss = F64s(losses.clone());
            plan.trajectory.loss_on_plane = F64s(on_plane);
        }
        Ok(())
    }

    fn losses_on_plane(&self, plan: &Plan) -> Result<Vec<f64>> {
        let context = self.context(plan);
        let mut worker = SliceLoss::new(&context, &self.model, &self.batches, Cores::All);
        let points = plan.trajectory.x.iter().zip(plan.trajectory.y.iter());
        points.map(|(&x, &y)| Ok(worker.loss(x, y)?.mean)).collect()
    }
}

/// The snapshots of the run in order; one that repeats the one before it counts once.
pub(super) fn distinct_snapshots(active: &Active) -> Result<Vec<Snapshot>> {
    let mut snapshots = active.recorder.sync()?.snapshots;
    snapshots.dedup_by(|next, kept| next.file == kept.file);
    if snapshots.len() < 2 {
        return Err(Error::TooFewSnapshots {
            run: active.recorder.folder.path().to_path_buf(),
            found: snapshots.len(),
        });
    }
    Ok(snapshots)
}

fn trajectory(used: &[Snapshot], points: &[Projection]) -> Trajectory {
    let of = |read: fn(&Projection) -> f64| F64s(points.iter().map(read).collect());
    Trajectory {
        snapshots: U32s(used.iter().map(|it| it.index as u32).collect()),
        epochs: F64s(used.iter().map(epoch_number).collect()),
        x: of(|it| it.x),
        y: of(|it| it.y),
        out_of_plane: of(|it| it.out_of_plane),
        out_of_plane_share: of(Projection::out_of_plane_share),
        ..Trajectory::default()
    }
}

fn epoch_number(snapshot: &Snapshot) -> f64 {
    snapshot.epoch.map_or(f64::NAN, |epoch| epoch as f64)
}
