//! Words on a surface that is being measured, and on one that was stopped.

use burnscape_landscape::surface::Surface;

use crate::model::{RESUME_CALL, Run, RunState};
use crate::numbers::{duration, percent};
use crate::widgets::facts::{Fact, Tone};

/// How far the surface is, and when all of them will be there.
pub(super) fn facts(run: &Run, surface: &Surface) -> Vec<Fact> {
    let counts = surface.counts();
    let all = surface.grid().len();
    let known = all - counts.unmeasured;
    let mut facts = Vec::new();
    match (counts.unmeasured, run.state()) {
        (0, _) => {}
        (_, state) if state.is_over() => {
            let value = format!("{known} of {all} nodes");
            facts.push(Fact::new("stopped at", value).toned(Tone::Warning));
            facts.push(Fact::new("resume with", RESUME_CALL));
        }
        _ => {
            let share = percent(known as f64 / all as f64);
            let value = format!("{known} of {all}, {share}");
            facts.push(Fact::new("nodes measured", value).toned(Tone::Warning));
        }
    }
    if run.state() == RunState::Surface {
        facts.extend(of_all_slices(run));
    }
    facts
}

/// Nodes of all slices together, as the program that measures tells them.
fn of_all_slices(run: &Run) -> Vec<Fact> {
    let Some(told) = run.progress.latest().filter(|it| it.done < it.total) else {
        return Vec::new();
    };
    let share = percent(told.done as f64 / told.total as f64);
    let done = Fact::new("all slices", format!("{} of {}, {share}", told.done, told.total));
    let left = run.progress.eta_secs().map(|secs| Fact::new("left", duration(secs)));
    std::iter::once(done).chain(left).collect()
}
