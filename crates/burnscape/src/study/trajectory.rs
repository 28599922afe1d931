//! The snapshots of a run: their principal components, and where they lie in a slice.

use std::borrow::Cow;
use std::sync::Arc;

use burnscape_landscape::evaluate::Loss;
use burnscape_landscape::pca::{Component, PcaError, PcaOptions, Scores, Snapshots, pca, pca_into};
use burnscape_landscape::plane::{DeltaProducts, PlaneGram, Projection};
use burnscape_landscape::random_walk;
use burnscape_trace::{F64s, Note, Record, Snapshot, Trajectory, U32s, record};

use super::evaluate::{Cores, SliceContext, SliceLoss};
use super::known::has_losses;
use super::open_study::AnyStudy;
use super::planes::Plan;
use super::reading::with_ends;
use super::subject::Stand;
use super::sweep::sweep;
use super::training_path::Geometry;
use super::vector::Vector;
use super::weights::Weights;
use crate::config::snapshots::rounding_distance;
use crate::model::snapshot::SnapshotMatrix;
use crate::model::vector_file::StoredDirections;
use crate::{Error, Result};

/// Elements of a snapshot that are projected at a time.
const PROJECTION_CHUNK: usize = 1 << 20;

/// All principal components that were asked for, and the directions of each.
type Components = (Scores, Vec<Arc<Vector>>);

/// Snapshots whose true losses are measured along a path: as many as its picture can show beside each other.
const MOST_TRUE_LOSSES: usize = 65;

impl AnyStudy<'_> {
    pub(super) fn too_few(&self, found: usize) -> Error {
        Error::TooFewSnapshots { run: self.active.recorder.folder.path().to_path_buf(), found }
    }

    /// Some snapshots were left out because they are not finite.
    pub(super) fn too_few_finite(&self, finite: usize) -> Error {
        match self.path.snapshots.len() {
            snapshots if snapshots == finite => self.too_few(finite),
            snapshots => Error::Diverged {
                run: self.active.recorder.folder.path().to_path_buf(),
                snapshots,
                finite,
            },
        }
    }

    /// PCA of the finite snapshots with at least so many components.
    pub(super) fn analyse(&mut self, components: usize) -> Result<()> {
        if self.path.geometry.as_ref().is_some_and(|it| it.components >= components) {
            return Ok(());
        }
        let mut used = self.snapshots_to_read()?;
        let mut pca = self.principal_components(&used, components);
        if is_not_finite(&pca) {
            used = self.finite_snapshots(&used)?;
            pca = self.principal_components(&used, components);
        }
        let (scores, directions) = match pca {
            Ok((scores, directions)) => (Some(scores), directions),
            Err(PcaError::Request(burnscape_landscape::Error::TooFewSnapshots { .. })) => {
                (None, Vec::new())
            }
            Err(PcaError::Request(error)) => return Err(error.into()),
            Err(PcaError::Read { source, .. }) => return Err(source),
        };
        self.path.geometry = Some(Geometry { used, components, scores, directions });
        Ok(())
    }

    /// Directions are held, or in a file of their own where they are too long for that.
    fn principal_components(
        &self,
        used: &[Snapshot],
        components: usize,
    ) -> Result<Components, PcaError<Error>> {
        let failed = |source| PcaError::Read { snapshot: 0, source };
        let mut matrix = self.matrix(used).map_err(failed)?;
        let seed = self.active.config.study.seed;
        let options = PcaOptions { components, seed, ..PcaOptions::default() };
        if self.holds_vectors() {
            let mut pca = pca(&mut matrix, &options)?;
            let direction = |it: &mut Component| std::mem::take(&mut it.direction);
            let directions = pca.components.iter_mut().map(direction).map(Vector::Held);
            let directions = directions.map(Arc::new).collect();
            return Ok((pca.into(), directions));
        }
        // Of another number of components, while slices still lie along those that were found before.
        let name = format!("components-{components}.tmp");
        let path = self.active.recorder.folder.directions_dir().join(name);
        let mut store = StoredDirections::create(&path, matrix.dims()).map_err(failed)?;
        let scores = pca_into(&mut matrix, &options, &mut store)?;
        let directions = store.into_vectors(scores.components.len()).map_err(failed)?;
        let directions = directions.into_iter().map(Vector::Stored).map(Arc::new);
        Ok((scores, directions.collect()))
    }

    fn matrix(&self, used: &[Snapshot]) -> Result<SnapshotMatrix<'_>> {
        let files = used.iter().map(|it| self.open(it));
        SnapshotMatrix::new(files, Cow::Borrowed(&self.studied.map.layout))
    }

    /// Those without NaN and infinite parameters; each is read once, and those that are left out are told.
    fn finite_snapshots(&self, all: &[Snapshot]) -> Result<Vec<Snapshot>> {
        let mut finite = Vec::new();
        for snapshot in all {
            match self.is_finite(snapshot)? {
                true => finite.push(snapshot.clone()),
                false => self.tell_left_out(snapshot),
            }
        }
        Ok(finite)
    }

    pub(super) fn is_finite(&self, snapshot: &Snapshot) -> Result<bool> {
        let (mut file, dims) = (self.open(snapshot)?, self.studied.map.layout.len());
        let mut chunk = vec![0.0; PROJECTION_CHUNK.min(dims)];
        let mut start = 0;
        while start < dims {
            let len = chunk.len().min(dims - start);
            file.read_flat(&self.studied.map.layout, start, &mut chunk[..len])?;
            if !chunk[..len].iter().all(|value| value.is_finite()) {
                return Ok(false);
            }
            start += len;
        }
        Ok(true)
    }

    fn tell_left_out(&self, snapshot: &Snapshot) {
        if self.path.geometry.is_some() {
            return;
        }
        let sentence = format!(
            "snapshot {} (step {}) holds NaN or infinite values and is left out of the trajectory",
            snapshot.index, snapshot.step
        );
        log::warn!("burnscape: {sentence}");
        self.record(Record::Note(record!(Note { level: "warning".into(), text: sentence })));
    }

    /// How much of the variance the components hold, beside what random walks would give.
    pub(super) fn explain(&self, trajectory: &mut Trajectory) -> Result<()> {
        let Some(pca) = self.path.scores() else {
            return Ok(());
        };
        let told = pca.variances.len();
        let mut walk = random_walk::explained(pca.step_lengths.len() + 1);
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
        centre: &Weights,
        directions: &[&Vector],
        gram: &PlaneGram,
    ) -> Result<Trajectory> {
        let products =
            match (centre.held(), directions[0].held(), directions[directions.len() - 1].held()) {
                (Some(centre), Some(first), Some(second)) => {
                    let of = |snapshot| self.products(snapshot, centre, [first, second]);
                    self.path.used().iter().map(of).collect::<Result<_>>()?
                }
                _ => self.products_of_all(centre, directions)?,
            };
        let points: Vec<_> = products.iter().map(|it| gram.project(it)).collect();
        Ok(trajectory(self.path.used(), &points, directions.len() == 1))
    }

    /// How far rounding may have moved a snapshot, if any was rounded.
    pub(super) fn rounding(&self, norm: f64) -> Option<f64> {
        let parameters = self.studied.map.layout.len();
        let dtypes = self.path.used().iter().filter_map(|it| it.dtype.as_deref());
        dtypes.map(|dtype| rounding_distance(dtype, norm, parameters)).reduce(f64::max)
    }

    /// One snapshot after the other, so that each is opened once.
    fn products(
        &self,
        snapshot: &Snapshot,
        centre: &[f32],
        [first, second]: [&[f32]; 2],
    ) -> Result<DeltaProducts> {
        let mut file = self.open(snapshot)?;
        let mut products = DeltaProducts::default();
        let mut chunk = vec![0.0; PROJECTION_CHUNK.min(centre.len())];
        let mut start = 0;
        while start < centre.len() {
            let len = chunk.len().min(centre.len() - start);
            let range = start..start + len;
            file.read_flat(&self.studied.map.layout, start, &mut chunk[..len])?;
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

    /// All snapshots beside each other, so that directions are drawn once.
    fn products_of_all(
        &self,
        centre: &Weights,
        directions: &[&Vector],
    ) -> Result<Vec<DeltaProducts>> {
        let mut matrix = self.matrix(self.path.used())?;
        let mut products = vec![DeltaProducts::default(); matrix.count()];
        let mut point = Vec::new();
        sweep(&self.studied.map.layout, centre, directions, |piece| {
            point.resize(piece.range.len(), 0.0);
            let (first, last) = (&piece.directions[0], &piece.directions[directions.len() - 1]);
            for (snapshot, products) in products.iter_mut().enumerate() {
                matrix.read(snapshot, piece.range.start, &mut point)?;
                products.add(&point, piece.centre, first, last);
            }
            Ok(())
        })?;
        Ok(products)
    }

    /// The true loss at every finite snapshot, with its own buffers.
    pub(super) fn losses_at_snapshots(&mut self) -> Result<Vec<f64>> {
        self.analyse(2)?;
        let snapshots = self.path.used().to_vec();
        snapshots.iter().map(|snapshot| self.true_loss(snapshot)).collect()
    }

    /// Measured once for every snapshot.
    fn true_loss(&mut self, snapshot: &Snapshot) -> Result<f64> {
        if let Some(&loss) = self.path.true_losses.get(&snapshot.index) {
            return Ok(loss);
        }
        let loss = self.loss_at(snapshot)?;
        self.path.true_losses.insert(snapshot.index, loss);
        Ok(loss)
    }

    fn loss_at(&self, snapshot: &Snapshot) -> Result<f64> {
        let stand = Stand::Tensors(self.snapshot_tensors(snapshot)?);
        let loss = self.loss_on(self.quantities.selected_first());
        Ok(self.subject.measure(stand, &loss, false)?.values[0].mean)
    }

    /// How many losses [`measure_path`](Self::measure_path) will measure.
    pub(super) fn missing_points(&self, plan: &Plan) -> usize {
        let path = plan.trajectory.as_ref().filter(|path| !has_losses(path));
        let path = path.filter(|_| plan.extent.true_losses);
        let is_new = |path: &Trajectory, at: usize| {
            !self.path.true_losses.contains_key(&u64::from(path.snapshots[at]))
        };
        let losses = |path: &Trajectory| {
            let measured = measured_entries(path.snapshots.len());
            measured.len() + measured.iter().filter(|&&at| is_new(path, at)).count()
        };
        path.map_or(0, losses)
    }

    /// The true loss at snapshots of the path, at most 65 of them, and the loss at their projections onto the slice,
    /// told to the trace when all are known. `false` if it is not to go on before.
    pub(super) fn measure_path(
        &mut self,
        plan: &mut Plan,
        goes_on: impl Fn() -> bool,
        advance: impl Fn(),
    ) -> Result<bool> {
        let path = plan.trajectory.clone().filter(|path| !has_losses(path));
        let Some(path) = path.filter(|_| plan.extent.true_losses) else {
            return Ok(true);
        };
        let count = path.snapshots.len();
        let entries = measured_entries(count);
        let Some(loss) = self.losses_on_path(&path, &entries, &goes_on, &advance)? else {
            return Ok(false);
        };
        let Some(on_plane) = self.losses_on_slice(plan, &path, &entries, &goes_on, &advance)?
        else {
            return Ok(false);
        };
        let spread = |values: Vec<f64>| F64s(spread_over(count, &entries, &values));
        let (loss, loss_on_plane) = (spread(loss), spread(on_plane));
        let is_at_all = entries.len() == count;
        let loss_at = entries.iter().filter(|_| !is_at_all).map(|&at| at as u32).collect();
        let path = record!(Trajectory { loss, loss_on_plane, loss_at, ..path });
        self.record(Record::Trajectory(path.clone()));
        plan.trajectory = Some(path);
        Ok(true)
    }

    fn losses_on_path(
        &mut self,
        path: &Trajectory,
        entries: &[usize],
        goes_on: &impl Fn() -> bool,
        advance: &impl Fn(),
    ) -> Result<Option<Vec<f64>>> {
        let mut losses = Vec::new();
        for index in entries.iter().map(|&at| path.snapshots[at]) {
            let is_known = self.path.true_losses.contains_key(&u64::from(index));
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
        plan: &Plan,
        path: &Trajectory,
        entries: &[usize],
        goes_on: &impl Fn() -> bool,
        advance: &impl Fn(),
    ) -> Result<Option<Vec<f64>>> {
        let sets = self.quantities.selected_first().to_vec();
        let context = SliceContext { sets, loss_alone: true, ..self.context(plan) };
        let evaluator = self.subject.evaluator(&plan.centre.model, &context);
        let mut worker = SliceLoss::new(evaluator, context.map, Cores::All);
        let point = |&at: &usize| (path.x[at], path.y.get(at).copied().unwrap_or(0.0));
        let mut losses = Vec::new();
        for point in entries.iter().map(point) {
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
    record!(Trajectory {
        snapshots: U32s(used.iter().map(|it| it.index as u32).collect()),
        starts: U32s(starts(used)),
        epochs: F64s(used.iter().map(epoch_number).collect()),
        x: of(|it| it.x),
        y: if is_line { F64s::default() } else { of(|it| it.y) },
        out_of_plane: of(|it| it.out_of_plane),
        out_of_plane_share: of(Projection::out_of_plane_share),
    })
}

/// Where the path of another run begins, in a comparison.
fn starts(used: &[Snapshot]) -> Vec<u32> {
    let is_start = |at: usize| at == 0 || used[at].run != used[at - 1].run;
    let starts: Vec<u32> = (0..used.len()).filter(|&at| is_start(at)).map(|at| at as u32).collect();
    if starts.len() > 1 { starts } else { Vec::new() }
}

fn is_not_finite<T>(pca: &Result<T, PcaError<Error>>) -> bool {
    use burnscape_landscape::Error::NonFiniteSnapshot;
    matches!(pca, Err(PcaError::Request(NonFiniteSnapshot { .. })))
}

/// Entries of a path at which true losses are measured: evenly, the first and the last among them.
fn measured_entries(count: usize) -> Vec<usize> {
    with_ends(count.min(MOST_TRUE_LOSSES), count)
}

/// Values at some entries of a path; NaN elsewhere.
fn spread_over(count: usize, entries: &[usize], values: &[f64]) -> Vec<f64> {
    let mut all = vec![f64::NAN; count];
    entries.iter().zip(values).for_each(|(&at, &value)| all[at] = value);
    all
}

fn shares(variances: &[f64], total: f64) -> Vec<f64> {
    let share = |variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
    variances.iter().map(share).collect()
}

fn epoch_number(snapshot: &Snapshot) -> f64 {
    snapshot.epoch.map_or(f64::NAN, |epoch| epoch as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_losses_are_measured_evenly_with_both_ends() {
        for count in 0..=MOST_TRUE_LOSSES {
            assert!(measured_entries(count).into_iter().eq(0..count), "{count}");
        }
        for count in [66, 67, 100, 128, 129, 130, 513, 2001, 20_001] {
            let entries = measured_entries(count);
            assert_eq!((entries.len(), entries[0], entries[64]), (65, 0, count - 1), "{count}");
            let gaps: Vec<usize> = entries.windows(2).map(|two| two[1] - two[0]).collect();
            let (shortest, longest) = (gaps.iter().min(), gaps.iter().max());
            assert!(longest.unwrap() - shortest.unwrap() <= 1, "{count}: {gaps:?}");
        }
        assert_eq!(spread_over(3, &[0, 2], &[1.0, 2.0])[2], 2.0);
    }
}
