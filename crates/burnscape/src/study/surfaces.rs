//! The surfaces: how slices take turns, and how their nodes are measured, interpolated, recorded and checked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use burnscape_landscape::adaptive::Filled;
use burnscape_landscape::evaluate::{EvaluateError, evaluate_layers};
use burnscape_landscape::surface::{NodeState, Surface};
use burnscape_landscape::words::{self, number as number_in_words, percent};
use burnscape_run::node_record;
use burnscape_trace::{Record, RunFolder};

use super::centre::{Centre, same};
use super::evaluate::{Pace, SliceContext};
use super::known::{KnownSlice, Planned, empty_layers};
use super::open_study::AnyStudy;
use super::perturb::Directions;
use super::planes::Plan;
use super::progress::{SurfaceProgress, Work};
use super::quantities::LOSS;
use super::rounds::Rounds;
use super::share::Share;
use super::slice_spec::SliceSpec;
use super::stop::{StopReason, StopWatch};
use super::sweep::sweep;
use super::vector::Vector;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::map::ModelMap;
use crate::model::snapshot::{self, EachPiece};
use crate::{Error, Result};

/// Share of what is left of a budget that is kept for the path of training at most, where nobody has planned ahead.
const FOR_PATH: f64 = 0.25;

/// A slice that was told to the trace, and what is known of its nodes.
pub(super) struct Started {
    pub plan: Plan,
    /// One surface per layer, the loss first.
    pub layers: Vec<Surface>,
}

/// A slice that is measured in turns with others.
struct Turns {
    started: Started,
    rounds: Rounds,
    took: Duration,
    /// Why it was stopped.
    stopped: Option<StopReason>,
    /// Nothing more of its nodes is to be measured.
    is_over: bool,
    /// What was interpolated of the loss.
    filled: Option<Filled>,
}

impl AnyStudy<'_> {
    /// Measures one slice, and holds it against the eigenvalues that it lies along.
    pub(super) fn slice(&mut self, spec: &SliceSpec) -> Result<SliceSurface> {
        let plan = self.plan(spec)?;
        let surface = self.measure_all(vec![plan])?.remove(0);
        let directions = [Some(&spec.x), spec.y.as_ref()];
        self.compare_with_eigenvalues(directions, &spec.centre, &surface);
        self.results.keep(&surface);
        Ok(surface)
    }

    /// Tells all slices to the trace, then measures them in turns, so that those that are not finished can be resumed.
    pub(super) fn measure_all(&mut self, plans: Vec<Plan>) -> Result<Vec<SliceSurface>> {
        let started = self.start_all(plans)?;
        self.go_on(started)
    }

    pub(super) fn start_all(&mut self, plans: Vec<Plan>) -> Result<Vec<Started>> {
        let mut started = Vec::new();
        for mut plan in plans {
            self.say_on_what(&mut plan)?;
            started.push(self.start_slice(plan)?);
        }
        let numbers = started.iter().map(|it| it.plan.slice.slice).collect();
        self.tell_plan(numbers);
        Ok(started)
    }

    /// Measures what is missing of slices that the trace knows, in turns.
    pub(super) fn go_on(&mut self, started: Vec<Started>) -> Result<Vec<SliceSurface>> {
        let is_done = |it: &Started| match &self.share {
            Some(share) => share.is_done(&it.layers[0], it.plan.trajectory.as_ref()),
            None => it.known().is_complete(),
        };
        let Some(first) = started.iter().find(|it| !is_done(it)) else {
            return Ok(started.iter().map(|it| it.known().surface()).collect());
        };
        let pace = self.pace(&first.plan)?;
        let share = self.share.as_ref();
        let turns = started.into_iter().map(|it| Turns::new(it, share));
        let mut turns = turns.collect::<Result<Vec<_>>>()?;
        let progress = self.progress(&turns, pace);
        let outcome = self.take_turns(&mut turns, pace, &progress);
        turns.iter_mut().for_each(|turns| self.give_centre(&mut turns.started));
        turns.iter().for_each(|turns| self.held.know(turns.started.known()));
        progress.end();
        outcome?;
        for turns in turns.iter().filter(|it| it.stopped.is_none()) {
            self.compare_devices(&turns.started.plan, &turns.started.layers[0])?;
        }
        Ok(turns.into_iter().map(|turns| self.closed(turns)).collect())
    }

    fn progress(&self, turns: &[Turns], pace: Pace) -> SurfaceProgress {
        let found = turns.first().and_then(|it| self.found_at(&it.started.plan.centre).ok());
        let size = found.and_then(|found| found.sizes.first().copied()).unwrap_or_default();
        let recorded = size.unit.recorded();
        let work = Work {
            slices: turns.len(),
            nodes: turns.iter().map(Turns::left).sum(),
            points: turns.iter().map(|it| self.missing_points(&it.started.plan)).sum(),
            size: format!("{} {}", size.count, words::unit(&recorded)),
            node_secs: self.node_secs(pace),
            may_take_less: turns.iter().any(|it| it.rounds.is_adaptive()),
        };
        let recorder = &self.active.recorder;
        let deadline = self.time.deadline.earlier(self.time.reserve);
        SurfaceProgress::new(&self.active.config, &recorder.handle, &work, deadline)
    }

    /// Nodes first, those of all slices in turns, then the paths of training.
    fn take_turns(
        &mut self,
        turns: &mut [Turns],
        pace: Pace,
        progress: &SurfaceProgress,
    ) -> Result<()> {
        let points: usize = turns.iter().map(|it| self.missing_points(&it.started.plan)).sum();
        let for_path = Duration::from_secs_f64(self.point_secs(pace) * points as f64);
        let left = self.time.deadline.left().map_or(Duration::MAX, |left| left.mul_f64(FOR_PATH));
        let watch = self.stop_watch(self.time.reserve + for_path.min(left), progress);
        while turns.iter().any(Turns::is_open) {
            for turns in turns.iter_mut().filter(|it| it.is_open()) {
                progress.turn(&turns.started.plan.slice.name, watch.listens_to_keys());
                self.take_turn(turns, pace, &watch, progress)?;
            }
        }
        drop(watch);
        let watch = self.stop_watch(self.time.reserve, progress);
        for turns in turns {
            self.add_path(turns, &watch, progress)?;
        }
        Ok(())
    }

    /// Numbers a slice within the run and tells it to the trace; what no seed gives back is saved.
    pub(super) fn start_slice(&mut self, mut plan: Plan) -> Result<Started> {
        if let Some(share) = &self.share {
            return self.take_part(share, plan);
        }
        let number = self.held.next_slice;
        self.held.next_slice += 1;
        plan.slice.slice = number;
        if !self.is_given_back(&plan) {
            let path = self.active.recorder.folder.directions_path(number);
            let Plan { centre, directions, .. } = &plan;
            self.keep_directions(&path, centre, directions)?;
            plan.slice.directions = Some(RunFolder::directions_file(number));
        }
        self.held.names.push(plan.slice.name.clone());
        self.record(Record::Slice(plan.slice.clone()));
        self.note_kept_statistics(&plan);
        self.tell_guessed_groups(&plan);
        self.note_frozen(&plan);
        if let Some(trajectory) = &mut plan.trajectory {
            trajectory.slice = Some(number);
            self.record(Record::Trajectory(trajectory.clone()));
        }
        plan.planned = Planned { batches: self.batches_in_use(), ..plan.planned };
        let layers = empty_layers(&plan.slice, plan.grid);
        let started = Started { plan, layers };
        self.held.know(started.known());
        Ok(started)
    }

    /// Whether snapshots and seeds give back centre and directions.
    pub(super) fn is_given_back(&self, plan: &Plan) -> bool {
        let mut axes = std::iter::once(&plan.slice.x).chain(&plan.slice.y);
        let is_drawn = plan.centre.snapshot.is_some() && axes.all(|it| it.seed.is_some());
        // Whoever draws them again knows the flags that recording began with, and the filters that were named then.
        let names_filters = self.active.is_reopened && !self.active.config.filter_axes.is_empty();
        let is_whole = plan.slice.patterns.is_empty();
        is_drawn && is_whole && !self.studied.frozen.has_changed() && !names_filters
    }

    /// What no seed gives back, as a file.
    pub(super) fn keep_directions(
        &self,
        path: &Path,
        centre: &Centre,
        directions: &[Arc<Vector>],
    ) -> Result<()> {
        let layout = &self.studied.map.layout;
        let weights = |visit: &mut dyn FnMut(&[f32]) -> Result<()>| {
            sweep(layout, &centre.weights, &[], |piece| visit(piece.centre))
        };
        let mut vectors: Vec<Box<EachPiece<'_>>> = vec![Box::new(weights)];
        for direction in directions {
            vectors.push(Box::new(|visit| {
                sweep(layout, &centre.weights, &[direction], |it| visit(&it.directions[0]))
            }));
        }
        snapshot::write_directions(path, layout.len(), &mut vectors, &centre.buffers)
    }

    /// Layers whose statistics no batch changes.
    fn note_kept_statistics(&self, plan: &Plan) {
        let kept = plan.recalibration.as_ref().map_or(&[][..], |it| it.kept());
        if kept.is_empty() {
            return;
        }
        let (name, kept) = (&plan.slice.name, kept.join("`, `"));
        self.note(
            "info",
            format!(
                "the slice `{name}` keeps the BatchNorm statistics of the centre in `{kept}`: frozen, or \
                 before all parameters"
            ),
        );
    }

    /// What stays in random directions, where that changed during training.
    fn note_frozen(&self, plan: &Plan) {
        let mut axes = std::iter::once(&plan.slice.x).chain(&plan.slice.y);
        let is_concerned = !plan.slice.moves_frozen && axes.any(|it| it.kind == "random");
        if let Some(frozen) = self.frozen_in_words(&plan.centre).filter(|_| is_concerned) {
            self.note("info", format!("{frozen}: the slice `{}` goes by that", plan.slice.name));
        }
    }

    /// Filters that a direction is scaled by and that nobody has named.
    fn tell_guessed_groups(&self, plan: &Plan) {
        let mut axes = std::iter::once(&plan.slice.x).chain(&plan.slice.y);
        let is_scaled = plan.slice.normalisation == "filter" && axes.any(|it| it.kind == "random");
        let sentence = words::guessed_groups(&self.studied.map.layout).filter(|_| is_scaled);
        sentence.into_iter().for_each(|it| self.active.recorder.handle.problem(it));
    }

    pub(super) fn stop_watch(&self, reserve: Duration, progress: &SurfaceProgress) -> StopWatch {
        StopWatch::start(
            &self.stopper,
            &self.active.recorder.handle,
            self.time.deadline.earlier(reserve),
            self.active.config.study.stop_on_interrupt,
            progress.is_on_terminal(),
        )
    }

    /// Measures some more nodes of a slice, each of which goes to the trace as it is done; when there are no more, the
    /// rest is interpolated, if that was asked for.
    fn take_turn(
        &self,
        turns: &mut Turns,
        pace: Pace,
        watch: &StopWatch,
        progress: &SurfaceProgress,
    ) -> Result<()> {
        let clock = &self.active.config.clock;
        let begun = clock.now();
        let nodes = turns.rounds.next(&turns.started.layers[0]);
        if nodes.is_empty() {
            progress.leave_out(turns.left());
            turns.is_over = true;
            turns.filled = self.interpolate(turns);
        } else {
            turns.stopped = self.measure(&mut turns.started, &nodes, pace, watch, progress)?;
        }
        turns.took += clock.now().saturating_sub(begun);
        Ok(())
    }

    /// Measures nodes until all are done or somebody stops it, and tells why it was stopped.
    fn measure(
        &self,
        started: &mut Started,
        nodes: &[usize],
        pace: Pace,
        watch: &StopWatch,
        progress: &SurfaceProgress,
    ) -> Result<Option<StopReason>> {
        let Started { plan, layers } = started;
        let (context, elsewhere) = (self.context(plan), self.elsewhere(plan));
        let mut workers = self.workers(&context, plan, pace.workers);
        workers.extend(self.workers_elsewhere(plan, &elsewhere));
        let slice = plan.slice.slice;
        let on_tile = |layers: &[Surface], nodes: &[usize]| {
            self.record(Record::Nodes(node_record(slice, layers, nodes, false)));
            progress.advance(nodes.len());
        };
        let should_stop = || watch.reason().is_some();
        loop {
            let outcome = evaluate_layers(layers, nodes, &mut workers, on_tile, should_stop);
            let outcome = outcome.map_err(|error| match error {
                EvaluateError::Loss { source, alpha, beta, .. } => source.at(alpha, beta),
                EvaluateError::NoWorkers => Error::NoBatches,
            })?;
            let is_retried = self.retire(&mut workers) && outcome.remaining > 0;
            if !is_retried || should_stop() {
                let is_stopped = outcome.remaining > 0;
                return Ok(is_stopped.then(|| watch.reason().unwrap_or(StopReason::Asked)));
            }
        }
    }

    /// The true losses of the path of training, unless somebody does not want to wait for them.
    fn add_path(
        &mut self,
        turns: &mut Turns,
        watch: &StopWatch,
        progress: &SurfaceProgress,
    ) -> Result<()> {
        if turns.stopped.is_some_and(|reason| reason != StopReason::TimeBudget) {
            return Ok(());
        }
        let goes_on = || watch.reason().is_none();
        let is_whole =
            self.measure_path(&mut turns.started.plan, goes_on, || progress.advance(1))?;
        if !is_whole {
            turns.stopped = watch.reason().or(Some(StopReason::Asked));
        }
        Ok(())
    }

    /// The loss of the model itself, where there was no time to measure it again as a node.
    fn give_centre(&self, started: &mut Started) {
        let node = started.plan.grid.centre();
        let is_recalibrated = started.plan.recalibration.is_some();
        if started.layers[0].is_measured(node) || is_recalibrated {
            return;
        }
        let Ok(found) = self.found_at(&started.plan.centre) else { return };
        if found.values.len() != started.layers.len() {
            return;
        }
        for (layer, value) in started.layers.iter_mut().zip(&found.values) {
            layer.set(node, *value);
        }
        let slice = started.plan.slice.slice;
        self.record(Record::Nodes(node_record(slice, &started.layers, &[node], false)));
    }

    /// A slice as far as it is measured, checked.
    fn closed(&mut self, turns: Turns) -> SliceSurface {
        let Turns { started, took, stopped, filled, .. } = turns;
        if let Some(reason) = stopped {
            self.note_unfinished(&started, reason);
            if reason != StopReason::TimeBudget {
                // Whoever stopped one surface does not want to wait for the next.
                self.stopper.stop();
            }
        }
        self.check_centre(&started.plan, &started.layers[0]);
        let largest_miss = filled.map(|filled| filled.largest_miss);
        let estimated_error = filled.map(|filled| filled.estimated_error);
        SliceSurface { largest_miss, estimated_error, took, ..started.known().surface() }
    }

    /// Fills in what adaptive evaluation did not measure, and tells it to the trace with its error.
    fn interpolate(&self, turns: &mut Turns) -> Option<Filled> {
        let Started { plan, layers } = &mut turns.started;
        let filled = turns.rounds.fill(layers)?;
        let states = layers[0].states().iter().enumerate();
        let interpolated = states.filter(|(_, state)| **state == NodeState::Interpolated);
        let nodes: Vec<usize> = interpolated.map(|(node, _)| node).collect();
        if !nodes.is_empty() {
            self.record(Record::Nodes(node_record(plan.slice.slice, layers, &nodes, true)));
        }
        for (number, (layer, filled)) in layers.iter().zip(&filled).enumerate() {
            self.check_interpolation(plan, number, layer, filled);
        }
        filled.first().copied()
    }

    /// Whether interpolation is estimated to come as close as it was asked to, for each layer. Where only so many nodes
    /// were to be measured nobody promised that.
    fn check_interpolation(&self, plan: &Plan, number: usize, layer: &Surface, filled: &Filled) {
        let slice = &plan.slice;
        let tolerance = slice.tolerance.unwrap_or(0.0);
        let allowed = tolerance * layer.range().unwrap_or(0.0);
        let is_within = filled.estimated_error <= allowed;
        let further = number.checked_sub(1).and_then(|number| slice.layers.get(number));
        let what = further.map_or(LOSS, |layer| layer.name.as_str());
        let detail = format!(
            "{} nodes of `{what}` are interpolated: the error is estimated at up to {} and was up to {} \
             where it was checked by measuring; {} were asked for, {} of the range",
            filled.interpolated,
            number_in_words(filled.estimated_error),
            number_in_words(filled.largest_miss),
            number_in_words(allowed),
            percent(tolerance),
        );
        let name = match further {
            None => "adaptive-error".to_string(),
            Some(layer) => format!("adaptive-error of {}", layer.name),
        };
        match plan.extent.most_nodes {
            Some(most) if !is_within => {
                let why = format!("`{}`: {detail}; {most} nodes are measured at most", slice.name);
                self.note("info", why);
            }
            _ => self.check(Some(slice.slice), &name, is_within, &detail),
        }
    }

    /// Everything that is measured at the points of a slice.
    pub(super) fn context<'p>(&'p self, plan: &'p Plan) -> SliceContext<'p> {
        self.context_on(plan, &self.studied.map)
    }

    /// The same where the map says that the model is.
    pub(super) fn context_on<'p>(&'p self, plan: &'p Plan, map: &'p ModelMap) -> SliceContext<'p> {
        let Plan { centre, directions, sent, moving, .. } = plan;
        let Centre { weights, tied, .. } = &**centre;
        SliceContext {
            map,
            directions: Directions::prepare(weights, directions, tied, moving, map, sent),
            sets: self.quantities.selected(),
            loss_alone: false,
            recalibration: plan.recalibration.as_ref(),
        }
    }

    fn check_centre(&self, plan: &Plan, surface: &Surface) {
        let Some(found) = surface.centre_loss() else {
            return;
        };
        if plan.recalibration.is_some() {
            return;
        }
        let expected = plan.slice.centre_loss;
        self.check(
            Some(plan.slice.slice),
            "centre-on-grid",
            same(found, expected),
            &format!("the node (0, 0) has the loss {found}, the model itself {expected}"),
        );
    }

    fn note_unfinished(&self, started: &Started, reason: StopReason) {
        let own = match &self.share {
            Some(share) => share.nodes(&started.plan.grid),
            None => (0..started.plan.grid.len()).collect(),
        };
        let missing =
            own.iter().filter(|&&node| started.layers[0].states()[node] == NodeState::Unmeasured);
        let (missing, all) = (missing.count(), own.len());
        let (name, why) = (&started.plan.slice.name, reason.in_words());
        let what = match missing {
            0 => "true losses on the path of training not measured".to_string(),
            _ => format!("{missing} of {all} nodes not measured"),
        };
        let how = match self.share {
            Some(_) => "the same shard, started again, goes on",
            None => "`Run::open(…)` and `resume()` go on",
        };
        self.note(
            "info",
            format!("the surface `{name}` was stopped {why} with {what}; {how} from there"),
        );
    }
}

impl Started {
    pub fn known(&self) -> KnownSlice {
        let Plan { slice, trajectory, gram, planned, .. } = &self.plan;
        KnownSlice {
            slice: slice.clone(),
            trajectory: trajectory.clone(),
            layers: self.layers.clone(),
            gram: *gram,
            planned: planned.clone(),
        }
    }
}

impl Turns {
    fn new(started: Started, share: Option<&Share>) -> Result<Self> {
        let Plan { grid, slice, extent, .. } = &started.plan;
        let mut rounds = match share {
            Some(share) => Rounds::listed(*grid, share.nodes(grid)),
            None => Rounds::new(*grid, slice.tolerance, extent.most_nodes)?,
        };
        let (took, stopped, filled) = (Duration::ZERO, None, None);
        let loss = &started.layers[0];
        let is_over =
            started.known().has_its_nodes() || (loss.is_complete() && rounds.next(loss).is_empty());
        Ok(Self { started, rounds, took, stopped, is_over, filled })
    }

    fn is_open(&self) -> bool {
        !self.is_over && self.stopped.is_none()
    }

    /// Nodes that are going to be measured yet, at most.
    fn left(&self) -> usize {
        if self.is_over { 0 } else { self.rounds.left(&self.started.layers[0]) }
    }
}
