//! Facts on the path of training: how much of it the picture holds, and what it does not.

use burnscape_trace::{ComparedRun, Trajectory};

use crate::model::{Caveat, explained_variance, loss_gap, out_of_slice, snapshot_of};
use crate::numbers::{percent, short};
use crate::widgets::facts::Fact;
use crate::widgets::text;

/// The share of the movement along some components, beside that of a random walk.
pub(super) fn explained(trajectory: &Trajectory, components: &[usize]) -> Option<Fact> {
    let Caveat::ExplainedVariance { share, random_walk, .. } =
        explained_variance(trajectory, components)?
    else {
        return None;
    };
    let walk = random_walk.map_or("unknown".to_owned(), percent);
    Some(Fact::new("explained", format!("{} (random walk {walk})", percent(share))))
}

pub(super) fn out_of_plane(trajectory: &Trajectory) -> Option<Fact> {
    let is_line = is_on_line(trajectory);
    let Caveat::OutOfSlice { share, .. } = out_of_slice(trajectory, is_line, false)? else {
        return None;
    };
    let label = if is_line { "out of line" } else { "out of plane" };
    Some(Fact::new(label, format!("up to {}", percent(share))))
}

/// On a line there is no second coordinate.
fn is_on_line(trajectory: &Trajectory) -> bool {
    trajectory.y.is_empty() && !trajectory.x.is_empty()
}

/// Which path is whose, by the number at its end, where there are several.
pub(super) fn key(trajectory: &Trajectory, compared: &[ComparedRun]) -> Option<Fact> {
    let runs = trajectory.runs().len();
    let named = (1..=runs).zip(compared).map(|(number, run)| format!("{number} {}", run.name));
    let names = text::printable(&named.collect::<Vec<_>>().join("  "));
    (runs > 1 && !names.is_empty()).then(|| Fact::new("paths", names))
}

pub(super) fn plane_gap(trajectory: &Trajectory, compared: &[ComparedRun]) -> Option<Fact> {
    let is_line = is_on_line(trajectory);
    let Caveat::LossGap { snapshot, loss, on_slice, .. } = loss_gap(trajectory, is_line)? else {
        return None;
    };
    let place = if is_line { "line" } else { "plane" };
    let whose = snapshot_of(snapshot, trajectory, compared);
    let value = format!("{}, on {place} {} ({whose})", short(loss), short(on_slice));
    let value = text::printable(&value);
    Some(Fact::new("true loss", value))
}
