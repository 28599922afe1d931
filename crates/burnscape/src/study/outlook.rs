//! The last line: how far the default slices came, and how to go on.

use burnscape_landscape::surface::Counts;
use burnscape_landscape::words::percent;

use super::open_study::AnyStudy;
use super::progress::{duration, say};
use crate::landscape::slice_surface::SliceSurface;

impl AnyStudy<'_> {
    /// Says how far the slices came, unless they came to their end.
    pub(super) fn look_ahead(&mut self, slices: &[SliceSurface]) {
        let is_own = |number: u32| slices.iter().any(|slice| slice.slice.slice == number);
        let is_stopped =
            self.held.slices.iter().any(|it| !it.is_complete() && is_own(it.slice.slice));
        let is_exact = self.planned.plan.as_ref().is_none_or(burnscape_trace::Plan::is_exact);
        if is_exact && !is_stopped {
            return;
        }
        let came = self.came(slices);
        let run = self.active.recorder.folder.path().display().to_string();
        let study = format!("Run::open({run:?})?.study(&model, &batches)?");
        let rest = match is_stopped {
            true => format!("; to go on: `{study}.resume()`"),
            false => String::new(),
        };
        let all = self.planned.plan.as_ref().and_then(|plan| plan.exact_secs).map_or(
            String::new(),
            |secs| {
                format!(
                    "; all of them on all batches: about {}, `{study}.default_slices()`",
                    duration(secs)
                )
            },
        );
        let sentence = format!("{came}{rest}{all}.");
        self.note("info", sentence.clone());
        say(&self.active.config, &self.active.recorder.handle, &sentence);
        self.planned.outlook = Some(sentence);
    }

    /// How many nodes were measured, and what is known of the others.
    fn came(&self, slices: &[SliceSurface]) -> String {
        let counts = slices.iter().map(|slice| slice.surface.counts());
        let all = counts.fold(Counts::default(), |all, it| Counts {
            measured: all.measured + it.measured,
            interpolated: all.interpolated + it.interpolated,
            unmeasured: all.unmeasured + it.unmeasured,
            non_finite: all.non_finite + it.non_finite,
        });
        let Counts { measured, interpolated, unmeasured, .. } = all;
        let nodes = measured + interpolated + unmeasured;
        let batches = match self.batches_in_use().len() {
            0 => String::new(),
            some => format!(" on {some} of {} batches", self.quantities.sets[0].available),
        };
        let filled = match (interpolated, unmeasured) {
            (0, _) => String::new(),
            (_, 0) => format!(", the rest interpolated{}", within(slices)),
            (some, _) => format!(", {some} interpolated{}", within(slices)),
        };
        let missing = match unmeasured {
            0 => String::new(),
            some => format!(", {some} not measured"),
        };
        format!("Measured {measured} of {nodes} nodes{batches}{filled}{missing}")
    }
}

/// How close interpolation comes in the worst slice: as close as it was asked to, or else by its own estimate.
fn within(slices: &[SliceSurface]) -> String {
    let share = |slice: &SliceSurface| {
        let range = slice.surface.range().filter(|range| *range > 0.0)?;
        let estimate = slice.estimated_error? / range;
        Some(slice.slice.tolerance.map_or(estimate, |tolerance| estimate.max(tolerance)))
    };
    let worst = slices.iter().filter_map(share).max_by(f64::total_cmp);
    worst.map_or(String::new(), |share| format!(" within {} of the range", percent(share)))
}
