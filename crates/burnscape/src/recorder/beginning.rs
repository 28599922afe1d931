//! The beginning of a recording: head, snapshot 0, and where an earlier recording goes on.

use std::iter::once;

use burnscape_trace::{Head, Record, Resume, record};

use super::snapshots;
use super::worker::Worker;
use crate::frozen::{self, FrozenHistory};
use crate::model_map::ModelMap;
use crate::{Schedule, SnapshotSchedule, head};

impl Worker {
    /// Writes head and snapshot 0 as soon as it is known at which epoch training starts.
    pub(super) fn introduce_if_known(&mut self) {
        if self.head.is_some() || (self.counts_by_events() && !self.base_known) {
            return;
        }
        self.introduce();
    }

    pub(super) fn introduce(&mut self) {
        let Some(introduction) = self.introduction.take() else {
            return;
        };
        if !self.base_known {
            self.base = self.earlier.as_ref().map_or(self.base, |it| it.recorded);
        }
        let (map, weights) = *introduction;
        let head = self.make_head(&map);
        self.check_same_model(&head);
        self.frozen = self.frozen_before(&head);
        let flags = frozen::flags(&head);
        self.append(&Record::Head(self.frozen.as_begun(head.clone())));
        self.alarm.introduce(&head);
        self.head = Some(head);
        let needs_start = self.config.measurements.distance != Schedule::Never;
        let start = needs_start.then(|| map.flatten(&weights.tensors));
        self.looker.begin(&map, start.unwrap_or_default());
        self.map = Some(map.clone());
        self.go_back();
        for (step, flags) in once((0, flags)).chain(std::mem::take(&mut self.early_frozen)) {
            self.follow_flags(step, flags);
        }
        self.tell_early_problems();
        self.tell_what_counts();
        for record in std::mem::take(&mut self.early_records) {
            self.append(&record);
        }
        self.warn_about_aliases(&map);
        self.say_what_snapshots_weigh(weights.bytes());
        let epoch = self.first_epoch().map(|first| first - 1);
        let reason = if self.earlier.is_some() { "resume" } else { "initial" };
        self.snapshot(reason, epoch, weights);
        for early in std::mem::take(&mut self.early) {
            let epoch = self.epochs_complete();
            self.snapshot("step", epoch, early);
        }
    }

    /// A run of no step at all says that it is none.
    pub(super) fn begin_without_steps(&mut self, reason: &str) {
        let earlier = self.earlier.as_ref();
        self.written = earlier.map_or(self.written, |it| it.recorded);
        match earlier.and_then(|it| it.head.clone()) {
            Some(head) => self.head = Some(head),
            None => {
                let head = head::without_model(&self.config);
                self.append(&Record::Head(head.clone()));
                self.head = Some(head);
            }
        }
        // A failed `finish` has told it already.
        if reason != "failed" && self.report.problems.is_empty() {
            let sentence = "no optimizer step was seen, so there is nothing in the run: train the model that \
                            `probe.watch(…)` returned, or through `probe.training(…)` or `probe.observe()`";
            self.report.problem(sentence.to_string());
        }
        self.tell_early_problems();
        for record in std::mem::take(&mut self.early_records) {
            self.append(&record);
        }
    }

    fn make_head(&self, map: &ModelMap) -> Head {
        let mut head = head::describe(map, &self.config);
        if let Some(earlier) = self.earlier.as_ref().and_then(|it| it.head.as_ref()) {
            head.run_id.clone_from(&earlier.run_id);
            head.started_unix_secs = earlier.started_unix_secs;
        }
        head.epochs_planned = (self.epochs.total_epochs > 0).then_some(self.epochs.total_epochs);
        head.first_epoch = self.first_epoch();
        head
    }

    /// What was frozen on the path of training until now.
    fn frozen_before(&self, head: &Head) -> FrozenHistory {
        let earlier = self.earlier.as_ref().filter(|it| !it.is_of_no_model());
        earlier.map_or_else(
            || FrozenHistory::of(head, Vec::new()),
            |it| it.frozen.clone().until(self.base.steps),
        )
    }

    /// From a step of this process on, other blocks may be frozen.
    pub(super) fn follow_flags(&mut self, step: u64, flags: Vec<bool>) {
        let Some(head) = self.head.take() else {
            return self.early_frozen.push((step, flags));
        };
        let (step, before) = (self.base.steps + step, self.frozen.at(None));
        if let Some(change) = self.frozen.change(step, &flags) {
            self.append(&Record::Frozen(change));
            let paths: Vec<&str> = head.blocks.iter().map(|block| block.path.as_str()).collect();
            self.note("info", frozen::change_in_words(&paths, &before, &flags, step));
        }
        self.head = Some(self.frozen.as_now(head));
    }

    fn first_epoch(&self) -> Option<u64> {
        self.base_known.then(|| self.epochs.first_epoch())
    }

    fn check_same_model(&mut self, head: &Head) {
        let earlier = self.earlier.as_ref().filter(|it| !it.is_of_no_model());
        let earlier = earlier.and_then(|it| it.head.as_ref());
        // What is frozen, and what was said about filters, may differ.
        let tensors = |head: &Head| -> Vec<(String, Vec<u64>)> {
            head.blocks.iter().map(|it| (it.path.clone(), it.shape.clone())).collect()
        };
        if earlier.is_some_and(|earlier| tensors(earlier) != tensors(head)) {
            self.report.problem(
                "the resumed run was recorded with another model: its blocks differ, earlier \
                 steps and snapshots do not fit; record this model in a folder of its own"
                    .to_string(),
            );
        }
    }

    /// The writer has told that recording goes on; if it does so from an earlier point, such as
    /// the checkpoint of an epoch, this leaves the rest of the old path behind.
    fn go_back(&mut self) {
        let recorded = self.earlier.as_ref().map(|it| it.recorded);
        if recorded.is_none_or(|recorded| recorded == self.base) {
            return;
        }
        self.append(&Record::Resume(record!(Resume {
            resumed_unix_secs: head::unix_secs(),
            steps: self.base.steps,
            batches: self.base.batches,
            truncated_bytes: 0,
        })));
        self.snapshots.abandon_after(self.base.steps);
    }

    /// What went wrong before there was a head to be followed by notes.
    fn tell_early_problems(&mut self) {
        for sentence in self.report.problems.clone() {
            self.note_problem(sentence);
        }
    }

    fn warn_about_aliases(&mut self, map: &ModelMap) {
        for (first, second) in &map.aliases {
            self.note(
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
                .map(|first| (self.epochs.total_epochs + 1).saturating_sub(first) / every + 1),
            SnapshotSchedule::EverySteps(_) => None,
        };
        let room = fs4::available_space(self.folder.path()).ok();
        let (level, sentence) =
            snapshots::room_sentence(bytes, planned, room, self.config.snapshot_limits);
        if level == "warning" {
            log::warn!("burnscape: {sentence}");
        }
        self.note(level, sentence);
    }
}
