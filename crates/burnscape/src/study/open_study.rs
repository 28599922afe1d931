//! What a study knows and shares between its parts.

use std::rc::Rc;
use std::time::Duration;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_trace::{Check, Note, Plan, Record, Snapshot, record};

use super::active_recording::{ActiveRecording, Failed, failed};
use super::batches::{Batches, OnChange};
use super::centre::Centre;
use super::evaluate::Pace;
use super::further_device::FurtherDevice;
use super::known::RecordedSlices;
use super::quantities::{Looked, Quantities, Reader};
use super::results::Results;
use super::share::Share;
use super::stop::Stopper;
use super::studied_model::StudiedModel;
use super::study_time::StudyTime;
use super::training_path::TrainingPath;
use crate::Result;
use crate::landscape::Landscape;
use crate::landscape::recording::Recording;
use crate::model::point::Point;

/// A study that is switched on: parts, each of which owns what it alone changes.
pub(crate) struct OpenStudy<'a, M: InferenceStep> {
    pub(super) active: ActiveRecording,
    pub(super) studied: StudiedModel<M>,
    pub(super) quantities: Quantities<'a, M::Input, M::Output>,
    pub(super) path: TrainingPath,
    pub(super) centres: Vec<(Point, Rc<Centre<M>>)>,
    pub(super) pacing: Pacing,
    pub(super) time: StudyTime,
    pub(super) planned: PlannedSlices,
    pub(super) held: RecordedSlices,
    pub(super) results: Results,
    pub(super) stopper: Stopper,
    pub(super) share: Option<Share>,
    /// Beside the one that the model is on.
    pub(super) devices: Vec<FurtherDevice<M::Input>>,
}

/// What a study begins with, beside the recording.
pub(crate) struct Subject<'a, M: InferenceStep> {
    /// When it was asked for, by the clock of the study.
    pub begun: Duration,
    pub studied: StudiedModel<M>,
    /// Snapshots of the run, as recorded.
    pub snapshots: Vec<Snapshot>,
    pub reader: Reader<'a, M::Output>,
    pub held: RecordedSlices,
    /// The share of every slice that is measured; `None`: all of it.
    pub share: Option<Share>,
}

/// How long a batch and a node take, as far as that is known.
#[derive(Default)]
pub(super) struct Pacing {
    /// The loss of the model as it was given, on the batches that were looked at.
    pub looked_at: Option<Looked>,
    /// By how BatchNorm statistics are treated.
    pub paces: [Option<Pace>; 2],
}

/// What is measured of the slices that are started now, if that was decided.
#[derive(Default)]
pub(super) struct PlannedSlices {
    pub plan: Option<Plan>,
    /// The plan as it was told last, of all slices that it named.
    pub told: Option<Plan>,
    /// How far the default slices came, and how to go on.
    pub outlook: Option<String>,
}

impl<'a, M> OpenStudy<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Begins a study; one that cannot begin ends the run.
    pub(crate) fn new<B>(
        active: ActiveRecording,
        subject: Subject<'a, M>,
        batches: &B,
        on_change: OnChange,
    ) -> Result<Self, Failed>
    where
        B: Batches<M::Input> + ?Sized,
    {
        let Subject { begun, mut studied, snapshots, reader, mut held, share } = subject;
        let mut time = StudyTime::begun(&active.config, begun);
        time.closing = time.taken_by(|| studied.remember());
        held.next_slice = active.recorder.first_slice;
        let mut open = Self {
            studied,
            quantities: Quantities::of(reader),
            path: TrainingPath::of(snapshots),
            centres: Vec::new(),
            pacing: Pacing::default(),
            time,
            planned: PlannedSlices::default(),
            held,
            results: Results::default(),
            stopper: Stopper::default(),
            share,
            devices: Vec::new(),
            active,
        };
        open.leave_out_twin_of_final();
        let looked = open.add_batches(None, batches, on_change);
        open.time.spent_since(begun);
        match looked {
            Ok(()) => Ok(open),
            Err(error) => Err(failed(open.active, error)),
        }
    }

    /// The last epoch may have the weights of the final model and statistics that were merged after it: that is one
    /// point of the path, not two.
    pub(super) fn leave_out_twin_of_final(&mut self) {
        let [.., before, last] = &self.path.snapshots[..] else { return };
        let may_differ = !self.studied.map.buffers.is_empty() || before.dtype.is_some();
        let may_be_twins = before.step == last.step && may_differ;
        let are_twins = may_be_twins && self.have_same_parameters(before, last).unwrap_or(false);
        if are_twins {
            self.path.snapshots.remove(self.path.snapshots.len() - 2);
        }
    }

    /// Of two snapshots, block by block, as far as the first one has not rounded them.
    fn have_same_parameters(&self, one: &Snapshot, other: &Snapshot) -> Result<bool> {
        let (mut one, mut other) = (self.open(one)?, self.open(other)?);
        let layout = &self.studied.map.layout;
        for block in layout.blocks() {
            let [mut a, mut b] = [(); 2].map(|()| vec![0.0; block.len()]);
            one.read_flat(layout, block.offset, &mut a)?;
            other.read_flat(layout, block.offset, &mut b)?;
            one.round_as(&block.path, &mut b)?;
            if a != b {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs something by when the budget is spent.
    pub(crate) fn within_budget<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let begun = self.time.go_on();
        let result = run(self);
        self.time.spent_since(begun);
        result
    }

    /// What is measured has changed: values at centres, and how long a node takes.
    pub(super) fn forget_measurements(&mut self) {
        self.centres.clear();
        self.pacing.paces = [None, None];
    }

    /// Places of the batches that losses are means over, among all of the first set; empty: all.
    pub(super) fn batches_in_use(&self) -> Vec<u32> {
        self.quantities.batches_in_use()
    }

    /// Uses these batches from now on, and as large a share of every further set.
    pub(super) fn use_batches(&mut self, places: &[u32]) {
        if *places != self.batches_in_use() {
            self.quantities.use_batches(places);
            self.path.true_losses.clear();
        }
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
        self.check(
            None,
            "model-unchanged",
            self.studied.is_unchanged(),
            "parameters and buffers are bit for bit what they were before the surfaces",
        );
        let report = self.active.recorder.stop(reason)?;
        let Results { slices, studies, curvatures, remarks, .. } = self.results;
        let mut landscape = Landscape::new(slices, studies, self.studied.map.layout);
        landscape.set_curvatures(curvatures, remarks);
        landscape.set_plan(self.planned.told, self.planned.outlook);
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
        self.active.recorder.handle.record(record);
    }
}
