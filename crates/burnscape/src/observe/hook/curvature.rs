//! The curvature, where it is due before a step.

use burn::module::Module;
use burnscape_trace::{Note, Record, record};

use super::Hook;
use crate::config::schedule::StepPlace;
use crate::curvature::gauge::GaugeOf;
use crate::model::map::ModelMap;

impl Hook {
    /// Measures the curvature in a hand-written loop; `mark` tells epochs apart.
    pub fn gauge_by_hand<M: Module>(
        &self,
        model: &M,
        lr: f64,
        gauge: &GaugeOf<M>,
        mark: &mut Option<u64>,
    ) {
        let Some(mut state) = self.state() else { return };
        let Some(map) = self.map_of(model, &mut state) else { return };
        self.follow_flags(model, map, &mut state);
        let map = state.freezing.map.as_deref().unwrap_or(map);
        let epoch = Some(state.validations);
        let starts_epoch = std::mem::replace(mark, epoch) != epoch;
        let cycle = state.turns.cycle;
        let at = StepPlace { step: state.steps, starts_epoch, since_alert: None, cycle };
        self.gauge_curvature(model, map, at, lr, gauge);
    }

    /// Measures the curvature, if it is due before this step. A failure is a problem of ours and ends it.
    pub(super) fn gauge_curvature<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        at: StepPlace,
        lr: f64,
        gauge: &GaugeOf<M>,
    ) {
        let Ok(mut gauge) = gauge.try_lock() else { return };
        match gauge.at(model, map, at, lr) {
            None => {}
            Some(Ok(mut record)) => {
                record.step = at.step;
                record.elapsed_secs = self.elapsed_secs();
                self.handle.record(Record::Curvature(record));
                if let Some(text) = gauge.schedule_in_words(at.step) {
                    self.handle.record(Record::Note(record!(Note { level: "info".into(), text })));
                }
            }
            Some(Err(error)) => {
                self.handle.problem(format!("the curvature is no longer measured: {error}"));
            }
        }
    }
}
