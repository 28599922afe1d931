//! The end of a run: PCA of the snapshots, trajectory, surfaces, self-checks.

use std::time::Instant;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::direction::{self, DirectionOptions};
use burnscape_landscape::evaluate::{EvaluateError, Loss, evaluate};
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::pca::{Pca, PcaError, PcaOptions, pca};
use burnscape_landscape::plane::{DeltaProducts, PlaneGram, Projection};
use burnscape_landscape::random_walk;
use burnscape_landscape::surface::{NodeValue, Surface};
use burnscape_trace::{Check, F64s, Nodes, Note, Record, Slice, Snapshot, Trajectory, U32s};

use crate::batches::Batches;
use crate::evaluate::{LossOf, SliceLoss, count_samples, mean_loss};
use crate::landscape::{Landscape, SliceSurface};
use crate::model_map::{self, ModelMap, device_name};
use crate::perturb::{DeviceDirection, at_snapshot, moved};
use crate::probe::Active;
use crate::progress::SurfaceProgress;
use crate::recorder::{Control, WeightsAt};
use crate::snapshot::{self, SnapshotFile, SnapshotMatrix};
use crate::{Error, Result};

/// Elements of a snapshot that are projected at a time.
const PROJECTION_CHUNK: usize = 1 << 20;
/// Share of ‖θ*‖ that a plane extends to where the trajectory has no extent at all.
const REACH_WITHOUT_TRAJECTORY: f64 = 0.01;

/// Computes and records the landscape of a run.
pub(crate) fn landscape<M, B>(
    active: &Active,
    model: &M,
    batches: &B,
    loss_of: LossOf<'_, M::Output>,
    loss_name: &'static str,
) -> Result<Landscape>
where
    M: InferenceStep + Module,
    M::Input: Clone,
    B: Batches<M::Input> + ?Sized,
{
    let run = || active.recorder.folder.path().to_path_buf();
    active.recorder.sync()?;
    let map = active.hook.map();
    let map = map.ok_or_else(|| {
        let refused = active.hook.refusal();
        refused.unwrap_or_else(|| Error::NothingRecorded { run: run() })
    })?;
    // In inference mode, which also brings shared buffers up to date: read before, they may be one
    // update old.
    let given = model;
    let model = &given.valid();
    map.check_model(model)?;
    let before = model_map::read_tensors(model, map)?;
    let fingerprint = snapshot::encode(&before);
    let centre = flatten(&before, map);
    record_final(active, before);
    let finisher = Finisher::new(active, model, map, centre, batches, loss_of, loss_name)?;
    let landscape = finisher.landscape()?;
    let after = snapshot::encode(&model_map::read_tensors(&given.valid(), map)?);
    finisher.check(
        None,
        "model-unchanged",
        fingerprint == after,
        "parameters and buffers are bit for bit what they were before the surfaces",
    );
    Ok(landscape)
}

fn record_final(active: &Active, tensors: Vec<model_map::NamedTensor>) {
    let at = active.hook.moment();
    let weights = Box::new(WeightsAt { at, tensors });
    active.recorder.lanes.send(Control::FinalSnapshot(weights));
}

/// A plane before it is evaluated.
struct Plan {
    slice: Slice,
    grid: Grid,
    directions: [Vec<f32>; 2],
    gram: PlaneGram,
    trajectory: Trajectory,
}

struct Finisher<'a, M: InferenceStep> {
    active: &'a Active,
    map: &'a ModelMap,
    /// In inference mode, with state of its own.
    model: M,
    batches: Vec<M::Input>,
    samples: usize,
    loss_of: LossOf<'a, M::Output>,
    loss_name: &'static str,
    centre: Vec<f32>,
    centre_value: NodeValue,
    snapshots: Vec<Snapshot>,
    started: Instant,
}

impl<'a, M> Finisher<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    fn new<B: Batches<M::Input> + ?Sized>(
        active: &'a Active,
        model: &M,
        map: &'a ModelMap,
        centre: Vec<f32>,
        batches: &B,
        loss_of: LossOf<'a, M::Output>,
        loss_name: &'static str,
    ) -> Result<Self> {
        let model = model.valid();
        let (batches, centre_value) = fixed_batches(&model, batches, loss_of)?;
        let samples = count_samples(&model, &batches, loss_of)?;
        let snapshots = distinct_snapshots(active)?;
        Ok(Self {
            active,
            map,
            model,
            batches,
            samples,
            loss_of,
            loss_name,
            centre,
            centre_value,
            snapshots,
            started: Instant::now(),
        })
    }

    fn landscape(&self) -> Result<Landscape> {
        self.check(
            None,
            "centre-twice",
            true,
            &format!(
                "two passes over the batches gave the loss {} bit for bit",
                self.centre_value.mean
            ),
        );
        let (pca, used) = self.principal_components()?;
        let mut plans = vec![self.pca_plan(&pca, &used)?, self.random_plan(&used)?];
        self.add_true_losses(&mut plans, &used)?;
        let progress = SurfaceProgress::new(
            self.active,
            self.samples,
            &plans.iter().map(|plan| plan.grid.len()).collect::<Vec<_>>(),
            self.seconds_per_node(&plans[0])?,
            self.worker_count(),
        );
        let mut slices = Vec::new();
        for (number, plan) in plans.into_iter().enumerate() {
            slices.push(self.evaluate(plan, number, &progress)?);
        }
        Ok(Landscape::new(slices))
    }

    // ---- snapshots -----------------------------------------------------------------------

    fn open(&self, snapshot: &Snapshot) -> Result<SnapshotFile> {
        let path = self.active.recorder.folder.resolve(&snapshot.file)?;
        SnapshotFile::open(&path, self.map)
    }

    fn too_few(&self, found: usize) -> Error {
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
    fn principal_components(&self) -> Result<(Pca, Vec<Snapshot>)> {
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

    // ---- planes --------------------------------------------------------------------------

    fn pca_plan(&self, pca: &Pca, used: &[Snapshot]) -> Result<Plan> {
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

    fn random_plan(&self, used: &[Snapshot]) -> Result<Plan> {
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

    /// The snapshots in the coordinates of a plane through the centre.
    fn project(
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
        let has_buffers = !self.map.buffers.is_empty();
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

    // ---- losses --------------------------------------------------------------------------

    /// The true loss at every snapshot, and the loss at its projection onto every plane.
    fn add_true_losses(&self, plans: &mut [Plan], used: &[Snapshot]) -> Result<()> {
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
        let [d1, d2] = self.upload(&plan.directions);
        let points = plan.trajectory.x.iter().zip(plan.trajectory.y.iter());
        points
            .map(|(&x, &y)| {
                let model = moved(&self.model, self.map, &[(x, &d1), (y, &d2)]);
                Ok(mean_loss(&model, &self.batches, self.loss_of)?.mean)
            })
            .collect()
    }

    fn upload(&self, directions: &[Vec<f32>; 2]) -> [DeviceDirection; 2] {
        directions.each_ref().map(|it| DeviceDirection::upload(it, self.map))
    }

    // ---- surfaces ------------------------------------------------------------------------

    fn evaluate(
        &self,
        plan: Plan,
        number: usize,
        progress: &SurfaceProgress,
    ) -> Result<SliceSurface> {
        let mut plan = plan;
        self.name_slice(&mut plan, number)?;
        let slice = plan.slice.slice;
        self.record(Record::Slice(plan.slice.clone()));
        self.record(Record::Trajectory(plan.trajectory.clone()));
        let mut surface = Surface::new(plan.grid);
        let directions = self.upload(&plan.directions);
        let mut workers = self.workers(&directions);
        progress.start_slice(number, &plan.slice.name);
        let order = plan.grid.coarse_to_fine();
        let on_tile = |surface: &Surface, nodes: &[usize]| {
            self.record(Record::Nodes(tile(slice, surface, nodes)));
            progress.advance(nodes.len());
        };
        let deadline = self.deadline(number, progress.slices());
        let should_stop = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let outcome = evaluate(&mut surface, &order, &mut workers, on_tile, should_stop);
        progress.end_slice();
        let outcome = outcome.map_err(|error| match error {
            EvaluateError::Loss { source, .. } => source,
            EvaluateError::NoWorkers => Error::NoBatches,
        })?;
        self.check_centre(slice, &surface);
        if outcome.remaining > 0 {
            self.note_unfinished(&plan.slice.name, outcome.remaining, plan.grid.len());
        }
        Ok(SliceSurface {
            slice: plan.slice,
            surface,
            trajectory: plan.trajectory,
            gram: plan.gram,
        })
    }

    /// What one node takes one worker, measured as surfaces are: on a thread of its own.
    fn seconds_per_node(&self, plan: &Plan) -> Result<f64> {
        let directions = self.upload(&plan.directions);
        let mut worker = self.workers(&directions).swap_remove(0);
        let (alpha, beta) = plan.grid.coordinates(0);
        let time = move || -> Result<f64> {
            worker.loss(alpha, beta)?;
            let start = Instant::now();
            worker.loss(alpha, beta)?;
            Ok(start.elapsed().as_secs_f64())
        };
        std::thread::scope(|scope| scope.spawn(time).join().unwrap_or(Ok(0.0)))
    }

    fn workers<'d>(&'d self, directions: &'d [DeviceDirection]) -> Vec<SliceLoss<'d, M>> {
        SliceLoss::workers(
            self.worker_count(),
            &self.model,
            self.map,
            directions,
            &self.batches,
            self.loss_of,
        )
    }

    /// Numbers the slice within the run; directions that no seed gives back are saved.
    fn name_slice(&self, plan: &mut Plan, number: usize) -> Result<()> {
        let slice = self.active.recorder.first_slice + number as u32;
        plan.slice.slice = slice;
        plan.trajectory.slice = slice;
        if plan.slice.x.seed.is_none() {
            let path = self.active.recorder.folder.directions_path(slice);
            let [d1, d2] = &plan.directions;
            snapshot::write_directions(&path, [&self.centre, d1, d2])?;
            plan.slice.directions = Some(burnscape_trace::RunFolder::directions_file(slice));
        }
        Ok(())
    }

    fn worker_count(&self) -> usize {
        match self.map.is_on_host {
            true => self.active.config.worker_threads(),
            false => 1,
        }
    }

    /// The time budget, shared evenly by the slices.
    fn deadline(&self, number: usize, slices: usize) -> Option<Instant> {
        let budget = self.active.config.time_budget?;
        Some(self.started + budget.mul_f64((number + 1) as f64 / slices as f64))
    }

    fn check_centre(&self, slice: u32, surface: &Surface) {
        let Some(found) = surface.centre_loss() else {
            return;
        };
        let expected = self.centre_value.mean;
        self.check(
            Some(slice),
            "centre-on-grid",
            found.to_bits() == expected.to_bits(),
            &format!("the node (0, 0) has the loss {found}, the model itself {expected}"),
        );
    }

    fn note_unfinished(&self, name: &str, remaining: usize, nodes: usize) {
        self.record(Record::Note(Note {
            level: "info".to_string(),
            text: format!(
                "the time budget ended the surface `{name}` with {remaining} of {nodes} nodes not measured"
            ),
        }));
    }

    // ---- records -------------------------------------------------------------------------

    fn check(&self, slice: Option<u32>, name: &str, passed: bool, detail: &str) {
        if !passed {
            log::error!("burnscape: check `{name}` failed: {detail}");
        }
        self.record(Record::Check(Check {
            slice,
            name: name.to_string(),
            passed,
            detail: detail.to_string(),
        }));
    }

    fn record(&self, record: Record) {
        self.active.recorder.lanes.record(record);
    }
}

/// Reads the batches twice and holds the two against each other at the model's own weights.
fn fixed_batches<M, B>(
    model: &M,
    source: &B,
    loss_of: LossOf<'_, M::Output>,
) -> Result<(Vec<M::Input>, NodeValue)>
where
    M: InferenceStep,
    M::Input: Clone,
    B: Batches<M::Input> + ?Sized,
{
    let collect = || source.collect().map_err(|reason| Error::BatchSource { reason });
    let batches = collect()?;
    if batches.is_empty() {
        return Err(Error::NoBatches);
    }
    let first = mean_loss(model, &batches, loss_of)?;
    let again = mean_loss(model, &batches, loss_of)?;
    if !same(first.mean, again.mean) {
        return Err(Error::RandomModel { first: first.mean, second: again.mean });
    }
    let second = mean_loss(model, &collect()?, loss_of)?;
    if !same(first.mean, second.mean) {
        return Err(Error::ChangingBatches { first: first.mean, second: second.mean });
    }
    Ok((batches, first))
}

/// Bit for bit, or both NaN.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// The snapshots of the run in order; one that repeats the one before it counts once.
fn distinct_snapshots(active: &Active) -> Result<Vec<Snapshot>> {
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

/// The parameters of a model as one vector in layout order.
fn flatten(tensors: &[model_map::NamedTensor], map: &ModelMap) -> Vec<f32> {
    let mut flat = vec![0.0; map.layout.len()];
    for tensor in tensors {
        let Some(block) = map.layout.block(&tensor.path) else {
            continue;
        };
        snapshot::widen_data(&tensor.data, &mut flat[block.range()]);
    }
    flat
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

fn tile(slice: u32, surface: &Surface, nodes: &[usize]) -> Nodes {
    Nodes {
        slice,
        index: U32s(nodes.iter().map(|&node| node as u32).collect()),
        loss: F64s(nodes.iter().map(|&node| surface.losses()[node]).collect()),
        stderr: F64s(nodes.iter().map(|&node| surface.stderrs()[node]).collect()),
    }
}
