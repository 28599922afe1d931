//! What a study knows and shares between its parts.

use std::rc::Rc;
use std::time::Duration;

use burnscape_landscape::evaluate::BatchLoss;
use burnscape_trace::{Check, Note, Plan, Record, Snapshot, record};

use super::active_recording::ActiveRecording;
use super::centre::Centre;
use super::evaluate::Pace;
use super::further_device::FurtherDevice;
use super::known::RecordedSlices;
use super::quantities::{Looked, Quantities, Selected};
use super::recalibrate::Recalibration;
use super::results::Results;
use super::share::Share;
use super::stop::Stopper;
use super::studied_model::StudiedModel;
use super::study_time::StudyTime;
use super::subject::{Ask, Stand, Subject};
use super::training_path::TrainingPath;
use crate::landscape::Landscape;
use crate::landscape::recording::Recording;
use crate::model::point::Point;
use crate::{Error, Result};

/// A study that is switched on: parts, each of which owns what it alone changes. The last one alone knows the type of the
/// model, and is seldom asked for by it.
pub(crate) struct OpenStudy<S: ?Sized> {
    pub(super) active: ActiveRecording,
    pub(super) studied: StudiedModel,
    pub(super) quantities: Quantities,
    pub(super) path: TrainingPath,
    pub(super) centres: Vec<(Point, Rc<Centre>)>,
    pub(super) pacing: Pacing,
    pub(super) time: StudyTime,
    pub(super) planned: PlannedSlices,
    pub(super) held: RecordedSlices,
    pub(super) results: Results,
    pub(super) stopper: Stopper,
    pub(super) share: Option<Share>,
    /// Beside the one that the model is on.
    pub(super) devices: Vec<FurtherDevice>,
    pub(super) subject: S,
}

/// A study of a model of any type.
pub(crate) type AnyStudy<'a> = OpenStudy<dyn Subject + 'a>;

/// What a study begins with, beside the recording and what it is about.
pub(crate) struct StudyStart {
    /// When it was asked for, by the clock of the study.
    pub begun: Duration,
    pub studied: StudiedModel,
    /// Snapshots of the run, as recorded.
    pub snapshots: Vec<Snapshot>,
    pub loss_name: &'static str,
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

impl<S> OpenStudy<S> {
    /// Not yet of any batches.
    pub(super) fn new(active: ActiveRecording, start: StudyStart, subject: S) -> Self {
        let StudyStart { begun, studied, snapshots, loss_name, mut held, share } = start;
        held.next_slice = active.recorder.first_slice;
        Self {
            studied,
            quantities: Quantities::of_loss(loss_name),
            path: TrainingPath::of(snapshots),
            centres: Vec::new(),
            pacing: Pacing::default(),
            time: StudyTime::begun(&active.config, begun),
            planned: PlannedSlices::default(),
            held,
            results: Results::default(),
            stopper: Stopper::default(),
            share,
            devices: Vec::new(),
            active,
            subject,
        }
    }
}

impl<S: ?Sized> OpenStudy<S> {
    /// Runs something by when the budget is spent.
    pub(crate) fn within_budget<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let begun = self.time.go_on();
        let result = run(self);
        self.time.spent_since(begun);
        result
    }
}

impl AnyStudy<'_> {
    /// Remembers what the model is like.
    pub(super) fn begin(&mut self) {
        let begun = self.active.config.clock.now();
        self.studied.fingerprint = self.fingerprint();
        self.time.closing = self.active.config.clock.now().saturating_sub(begun);
        self.leave_out_twin_of_final();
    }

    /// A checksum of every parameter and buffer of the model that was given.
    fn fingerprint(&self) -> Result<Vec<u32>, String> {
        self.subject.checksums_as_given(&self.studied.map).map_err(|error| error.to_string())
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

    /// The loss alone, on these batches.
    pub(super) fn loss_on<'q>(&'q self, sets: &'q [Selected]) -> Ask<'q> {
        Ask { map: &self.studied.map, sets, loss_alone: true }
    }

    /// Every layer of a model, batch by batch.
    pub(super) fn batch_losses(
        &self,
        stand: Stand<'_>,
        recalibration: Option<&Recalibration>,
    ) -> Result<Vec<Vec<BatchLoss>>> {
        let sets = self.quantities.selected();
        let ask = Ask { map: &self.studied.map, sets: &sets, loss_alone: false };
        self.subject.measure_batches(stand, &ask, recalibration)
    }

    /// Checks that the model is as it was, and ends the run.
    pub(super) fn finish(&mut self, reason: &'static str) -> Result<Landscape> {
        let before = &self.studied.fingerprint;
        let is_unchanged = before.is_ok() && *before == self.fingerprint();
        self.check(
            None,
            "model-unchanged",
            is_unchanged,
            "parameters and buffers are bit for bit what they were before the surfaces",
        );
        let report = self.active.recorder.stop(reason)?;
        let results = std::mem::take(&mut self.results);
        let Results { slices, studies, curvatures, remarks, .. } = results;
        let mut landscape = Landscape::new(slices, studies, self.studied.map.layout.clone());
        landscape.set_curvatures(curvatures, remarks);
        let PlannedSlices { told, outlook, .. } = std::mem::take(&mut self.planned);
        landscape.set_plan(told, outlook);
        landscape.set_recording(Recording::new(self.active.recorder.folder.path(), report));
        Ok(landscape)
    }

    /// Ends the run with what there is, also if something went wrong with the rest of it.
    pub(super) fn end(&mut self, failed: Option<Error>) -> (Landscape, Option<Error>) {
        let reason = match &failed {
            Some(error) => {
                self.active.recorder.handle.problem(error.to_string());
                "failed"
            }
            None => self.active.end_reason(),
        };
        match (self.finish(reason), failed) {
            (Ok(landscape), failed) => (landscape, failed),
            (Err(gone), failed) => {
                let error = failed.unwrap_or(gone);
                (Landscape::of_nothing(Recording::default(), &error), Some(error))
            }
        }
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
