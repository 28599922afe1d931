//! The beginning of a recording: head, snapshot 0, and where an earlier recording goes on.

use burnscape_trace::{Head, Record, Resume, record};

use super::worker::Worker;
use super::{head, snapshots};
use crate::channel::message::WeightsAt;
use crate::config::schedule::{Schedule, SnapshotSchedule};
use crate::model::frozen::{self, FrozenHistory};
use crate::model::map::ModelMap;

impl Worker {
    /// Writes head and snapshot 0 as soon as it is known at which epoch training starts.
    pub(super) fn introduce_if_known(&mut self) {
        if self.model.head.is_some() || (self.epochs.counts_by_events() && !self.start.is_known) {
            return;
        }
        self.introduce();
    }

    pub(super) fn introduce(&mut self) {
        let Some(introduction) = self.model.introduction.take() else { return };
        let (map, weights) = *introduction;
        self.start.where_it_ended();
        self.tell_head(&map);
        self.begin_looking(&map, &weights);
        self.model.map = Some(map.clone());
        self.go_back();
        self.follow_early_flags();
        self.journal.tell_early_problems();
        self.tell_what_counts();
        self.journal.tell_early_records();
        self.warn_about_aliases(&map);
        self.say_what_snapshots_weigh(weights.bytes());
        self.take_first_snapshots(&weights);
    }

    fn tell_head(&mut self, map: &ModelMap) {
        let head = self.make_head(map);
        self.check_same_model(&head);
        self.model.frozen = self.frozen_before(&head);
        self.journal.begin(Some(self.model.frozen.as_begun(head.clone())));
        self.alarm.introduce(&head);
        // From here on other blocks may be frozen than at the end of an earlier recording.
        self.model.early_flags.insert(0, (0, frozen::flags(&head)));
        self.model.head = Some(head);
    }

    fn begin_looking(&mut self, map: &ModelMap, weights: &WeightsAt) {
        let needs_start = self.config.measurements.distance != Schedule::Never;
        let start = needs_start.then(|| map.flatten(&weights.tensors));
        self.steps.looker.begin(map, start.unwrap_or_default());
    }

    fn follow_early_flags(&mut self) {
        for (step, flags) in std::mem::take(&mut self.model.early_flags) {
            self.follow_flags(step, flags);
        }
    }

    /// That of the beginning, and those of steps that came before it was known where training starts.
    fn take_first_snapshots(&mut self, weights: &WeightsAt) {
        let epoch = self.first_epoch().map(|first| first - 1);
        let reason = if self.start.earlier.is_some() { "resume" } else { "initial" };
        self.snapshot(reason, epoch, weights);
        for early in std::mem::take(&mut self.snapshots.early) {
            self.snapshot("step", self.epochs_complete(), &early);
        }
    }

    /// A run of no step at all says that it is none.
    pub(super) fn begin_without_steps(&mut self, reason: &str) {
        let earlier = self.start.earlier.as_ref();
        self.steps.written = earlier.map_or(self.steps.written, |it| it.recorded);
        let known = earlier.and_then(|it| it.head.clone());
        let new = known.is_none().then(|| {
            let started_unix_secs = self.journal.started_unix_secs;
            record!(Head { started_unix_secs, ..head::without_model(&self.config) })
        });
        self.model.head = known.or_else(|| new.clone());
        self.journal.begin(new);
        // A failed `finish` has told it already.
        if reason != "failed" && self.journal.report.problems.is_empty() {
            let sentence = "no optimizer step was seen, so there is nothing in the run: train the model that \
                            `probe.watch(…)` returned, or through `probe.training(…)` or `probe.observe()`";
            self.journal.report.problem(sentence.to_string());
        }
        self.journal.tell_early_problems();
        self.journal.tell_early_records();
    }

    fn make_head(&self, map: &ModelMap) -> Head {
        let mut head = head::describe(map, &self.config);
        head.started_unix_secs = self.journal.started_unix_secs;
        if let Some(earlier) = self.start.earlier.as_ref().and_then(|it| it.head.as_ref()) {
            head.run_id.clone_from(&earlier.run_id);
            head.started_unix_secs = earlier.started_unix_secs;
        }
        head.epochs_planned =
            (self.epochs.map.total_epochs > 0).then_some(self.epochs.map.total_epochs);
        head.first_epoch = self.first_epoch();
        head
    }

    /// What was frozen on the path of training until now.
    fn frozen_before(&self, head: &Head) -> FrozenHistory {
        self.start.earlier_model().map_or_else(
            || FrozenHistory::of(head, Vec::new()),
            |it| it.frozen.clone().until(self.start.base.steps),
        )
    }

    /// From a step of this process on, other blocks may be frozen.
    pub(super) fn follow_flags(&mut self, step: u64, flags: Vec<bool>) {
        if self.model.head.is_none() {
            return self.model.early_flags.push((step, flags));
        }
        let step = self.start.base.steps + step;
        self.model.follow_flags(step, &flags, &mut self.journal);
    }

    fn first_epoch(&self) -> Option<u64> {
        self.start.is_known.then(|| self.epochs.map.first_epoch())
    }

    fn check_same_model(&mut self, head: &Head) {
        let earlier = self.start.earlier_model().and_then(|it| it.head.as_ref());
        // What is frozen, and what was said about filters, may differ.
        let tensors = |head: &Head| -> Vec<(String, Vec<u64>)> {
            head.blocks.iter().map(|it| (it.path.clone(), it.shape.clone())).collect()
        };
        if earlier.is_some_and(|earlier| tensors(earlier) != tensors(head)) {
            self.journal.report.problem(
                "the resumed run was recorded with another model: its blocks differ, earlier \
                 steps and snapshots do not fit; record this model in a folder of its own"
                    .to_string(),
            );
        }
    }

    /// The writer has told that recording goes on; if it does so from an earlier point, such as
    /// the checkpoint of an epoch, this leaves the rest of the old path behind.
    fn go_back(&mut self) {
        let Some(earlier) = &self.start.earlier else { return };
        if earlier.recorded == self.start.base {
            return;
        }
        self.journal.append(&Record::Resume(record!(Resume {
            resumed_unix_secs: earlier.resumed_unix_secs,
            steps: self.start.base.steps,
            batches: self.start.base.batches,
            truncated_bytes: 0,
        })));
        self.snapshots.store.abandon_after(self.start.base.steps);
    }

    fn warn_about_aliases(&mut self, map: &ModelMap) {
        for (first, second) in &map.aliases {
            self.journal.note(
                "warning",
                format!(
                    "`{second}` is the same parameter as `{first}`: burn's optimizer moves the first \
                     path only, so it is counted once, and a surface moves both only while they agree"
                ),
            );
        }
    }

    fn say_what_snapshots_weigh(&mut self, bytes: u64) {
        let planned = match self.config.snapshots {
            SnapshotSchedule::EveryEpochs(every) => self
                .first_epoch()
                .map(|first| (self.epochs.map.total_epochs + 1).saturating_sub(first) / every + 1),
            SnapshotSchedule::EverySteps(_) => None,
        };
        let room = fs4::available_space(self.journal.folder.path()).ok();
        let (level, sentence) =
            snapshots::room_sentence(bytes, planned, room, self.config.snapshot_limits);
        if level == "warning" {
            log::warn!("burnscape: {sentence}");
        }
        self.journal.note(level, sentence);
    }
}
