//! What a study knows and shares between its parts.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::budget::evenly;
use burnscape_landscape::pca::Pca;
use burnscape_trace::{Check, Note, Record, Snapshot, record};

use super::active::Active;
use super::batches::{Batches, OnChange};
use super::centre::Centre;
use super::evaluate::Pace;
use super::known::{KnownSlice, RecordedSlices};
use super::quantities::{LOSS, Looked, Quantities, Quantity, Reader};
use super::stop::Stopper;
use super::{Failed, failed};
use crate::Result;
use crate::config::clock::Deadline;
use crate::landscape::Landscape;
use crate::landscape::recording::Recording;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::frozen::FrozenHistory;
use crate::model::map::{self, ModelMap};
use crate::model::point::Point;
use crate::model::snapshot;

/// A study that is switched on.
pub(crate) struct Survey<'a, M: InferenceStep> {
    pub(super) active: Active,
    pub(super) map: ModelMap,
    /// The model as the user gave it: shares its state with theirs.
    pub(super) given: M,
    /// Its bytes when the study began.
    pub(super) fingerprint: Result<Vec<u8>, String>,
    /// The model that slices lie around unless they say otherwise, in inference mode, with state of its own.
    pub(super) model: M,
    pub(super) final_label: String,
    /// The snapshot that has its tensors.
    pub(super) final_snapshot: Option<u64>,
    pub(super) quantities: Quantities<'a, M::Input, M::Output>,
    pub(super) loss_name: &'static str,
    /// Snapshots in order; one that repeats the one before it counts once.
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) all_snapshots: Vec<Snapshot>,
    /// Numbers of those that are read, once that was decided; none: all.
    pub(super) read: Option<Vec<u32>>,
    pub(super) geometry: Option<Geometry>,
    /// Which blocks were frozen when; the map has the flags of the end.
    pub(super) frozen: FrozenHistory,
    /// By the number of the snapshot.
    pub(super) true_losses: BTreeMap<u64, f64>,
    pub(super) centres: Vec<(Point, Rc<Centre<M>>)>,
    pub(super) last_update: Option<Vec<f32>>,
    pub(super) paces: [Option<Pace>; 2],
    /// The loss of the model as it was given, on the batches that were looked at.
    pub(super) looked_at: Option<Looked>,
    pub(super) stopper: Stopper,
    /// When the budget of what goes on now is spent, and how much was spent before.
    pub(super) deadline: Deadline,
    pub(super) spent: Duration,
    /// What of it is kept for what comes later.
    pub(super) reserve: Duration,
    /// What it takes to end the study.
    pub(super) closing: Duration,
    /// What is measured of the slices that are started now, if that was decided.
    pub(super) plan: Option<burnscape_trace::Plan>,
    /// The plan as it was told last, of all slices that it named.
    pub(super) told_plan: Option<burnscape_trace::Plan>,
    /// How far the default slices came, and how to go on.
    pub(super) outlook: Option<String>,
    pub(super) next_slice: u32,
    pub(super) next_study: u32,
    pub(super) names: Vec<String>,
    pub(super) slices: Vec<SliceSurface>,
    pub(super) studies: Vec<burnscape_trace::Study>,
    pub(super) curvatures: Vec<burnscape_trace::Curvature>,
    /// Eigenvectors of the Hessian, by the point that they are at.
    pub(super) eigenvectors: Vec<Eigenvectors>,
    /// Further sentences of the summary.
    pub(super) remarks: Vec<String>,
    /// All slices of the run, and how far each is measured.
    pub(super) known: Vec<KnownSlice>,
    /// All studies of the run, the last of each number.
    pub(super) known_studies: Vec<burnscape_trace::Study>,
}

/// What a study begins with, beside the run.
pub(crate) struct Beginning<'a, M: InferenceStep> {
    /// When it was asked for, by the clock of the study.
    pub begun: Duration,
    pub map: ModelMap,
    pub given: M,
    /// Snapshots of the run, as recorded.
    pub snapshots: Vec<Snapshot>,
    pub final_snapshot: Option<u64>,
    pub final_label: String,
    pub frozen: FrozenHistory,
    pub reader: Reader<'a, M::Output>,
    pub last_update: Option<Vec<f32>>,
    pub next_study: u32,
    pub recorded: RecordedSlices,
}

impl<'a, M> Survey<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Begins a study; one that cannot begin ends the run.
    pub(crate) fn new<B>(
        active: Active,
        beginning: Beginning<'a, M>,
        model: M,
        batches: &B,
        on_change: OnChange,
    ) -> Result<Self, Failed>
    where
        B: Batches<M::Input> + ?Sized,
    {
        let given = beginning.given;
        let mut snapshots = beginning.snapshots.clone();
        snapshots.dedup_by(|next, kept| next.file == kept.file);
        let (clock, limit) =
            (active.config.study.clock.clone(), active.config.study.budget.limit());
        let (begun, before) = (beginning.begun, clock.now());
        let fingerprint = fingerprint(&given, &beginning.map);
        let closing = clock.now().saturating_sub(before);
        let mut survey = Self {
            fingerprint,
            given,
            model,
            map: beginning.map,
            final_label: beginning.final_label,
            final_snapshot: beginning.final_snapshot,
            quantities: Quantities {
                sets: Vec::new(),
                quantities: vec![Quantity { name: LOSS.to_string(), of: beginning.reader.loss_of }],
            },
            loss_name: beginning.reader.name,
            snapshots,
            all_snapshots: beginning.snapshots,
            read: None,
            geometry: None,
            frozen: beginning.frozen,
            true_losses: BTreeMap::new(),
            centres: Vec::new(),
            last_update: beginning.last_update,
            paces: [None, None],
            looked_at: None,
            stopper: Stopper::default(),
            deadline: Deadline::at(&clock, limit.map(|limit| begun + limit)),
            spent: Duration::ZERO,
            reserve: Duration::ZERO,
            closing,
            plan: None,
            told_plan: None,
            outlook: None,
            next_slice: active.recorder.first_slice,
            next_study: beginning.next_study,
            names: beginning.recorded.names,
            slices: Vec::new(),
            studies: Vec::new(),
            curvatures: Vec::new(),
            eigenvectors: Vec::new(),
            remarks: Vec::new(),
            known: beginning.recorded.slices,
            known_studies: beginning.recorded.studies,
            active,
        };
        survey.leave_out_twin_of_final();
        let looked = survey.add_batches(None, batches, on_change);
        survey.spent = clock.now().saturating_sub(begun);
        match looked {
            Ok(()) => Ok(survey),
            Err(error) => Err(failed(survey.active, error)),
        }
    }

    /// The last epoch may have the weights of the final model and statistics that were merged after it: that is one
    /// point of the path, not two.
    pub(super) fn leave_out_twin_of_final(&mut self) {
        let [.., before, last] = &self.snapshots[..] else { return };
        let flat = |snapshot| self.snapshot_tensors(snapshot).map(|it| self.map.flatten(&it));
        let may_be_twins = before.step == last.step && !self.map.buffers.is_empty();
        let are_twins =
            may_be_twins && matches!((flat(before), flat(last)), (Ok(a), Ok(b)) if a == b);
        if are_twins {
            self.snapshots.remove(self.snapshots.len() - 2);
        }
    }

    /// What is measured has changed: values at centres, and how long a node takes.
    pub(super) fn forget_measurements(&mut self) {
        self.centres.clear();
        self.paces = [None, None];
    }

    /// Places of the batches that losses are means over, among all of the first set; empty: all.
    pub(super) fn batches_in_use(&self) -> Vec<u32> {
        let set = &self.quantities.sets[0];
        match set.batches.len() < set.available() {
            true => set.places().into_iter().map(|place| place as u32).collect(),
            false => Vec::new(),
        }
    }

    /// Uses these batches from now on, and as large a share of every further set.
    pub(super) fn use_batches(&mut self, places: &[u32]) {
        if *places == self.batches_in_use() {
            return;
        }
        let [first, further @ ..] = &mut self.quantities.sets[..] else { return };
        let available = first.available();
        let wanted = places.iter().map(|&place| place as usize).filter(|place| *place < available);
        let wanted: Vec<usize> = wanted.collect();
        let count = if wanted.is_empty() { available } else { wanted.len() };
        first.select(if wanted.is_empty() { (0..available).collect() } else { wanted });
        for set in further {
            let own = set.available();
            set.select(evenly((own * count).div_ceil(available), own));
        }
        self.true_losses.clear();
    }

    /// Does something on these batches, then goes back to those that were used before.
    pub(super) fn on_batches<T>(&mut self, places: &[u32], run: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.batches_in_use();
        self.use_batches(places);
        let result = run(self);
        self.use_batches(&before);
        result
    }

    pub(super) fn finish(mut self, reason: &'static str) -> Result<Landscape> {
        let after = fingerprint(&self.given, &self.map);
        self.check(
            None,
            "model-unchanged",
            self.fingerprint.is_ok() && self.fingerprint == after,
            "parameters and buffers are bit for bit what they were before the surfaces",
        );
        let report = self.active.recorder.stop(reason)?;
        let mut landscape = Landscape::new(self.slices, self.studies, self.map.layout);
        landscape.set_curvatures(self.curvatures, self.remarks);
        landscape.set_plan(self.told_plan, self.outlook);
        landscape.set_recording(Recording::new(self.active.recorder.folder.path(), report));
        Ok(landscape)
    }

    pub(super) fn check(&self, slice: Option<u32>, name: &str, passed: bool, detail: &str) {
        if !passed {
            log::error!("burnscape: check `{name}` failed: {detail}");
        }
        self.record(Record::Check(record!(Check {
            slice,
            name: name.to_string(),
            passed,
            detail: detail.to_string(),
        })));
    }

    pub(super) fn note(&self, level: &str, text: String) {
        self.record(Record::Note(record!(Note { level: level.into(), text })));
    }

    pub(super) fn record(&self, record: Record) {
        self.active.recorder.lanes.record(record);
    }
}

/// The bytes of a model's parameters and buffers, as a snapshot would hold them.
fn fingerprint<M: Module>(model: &M, map: &ModelMap) -> Result<Vec<u8>, String> {
    let tensors = map::read_tensors(&model.valid(), map);
    tensors.map_err(|error| error.to_string()).and_then(|it| snapshot::encode(&it))
}

/// Eigenvectors of the largest eigenvalues at a point.
pub(super) struct Eigenvectors {
    pub at: Point,
    pub values: Vec<f64>,
    pub errors: Vec<f64>,
    pub vectors: Vec<Vec<f32>>,
}

/// What is known of the snapshots together.
pub(super) struct Geometry {
    /// The finite ones.
    pub used: Vec<Snapshot>,
    /// Components that were asked for; more may exist.
    pub components: usize,
    /// `None` with fewer than two snapshots.
    pub pca: Option<Pca>,
}
