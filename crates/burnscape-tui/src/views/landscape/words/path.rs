//! Facts on the path of training: how much of it the picture holds, and what it does not.

use burnscape_trace::Trajectory;

use crate::model::{Caveat, explained_variance, loss_gap, out_of_slice};
use crate::numbers::{percent, short};
use crate::widgets::facts::Fact;

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

pub(super) fn plane_gap(trajectory: &Trajectory) -> Option<Fact> {
    let is_line = is_on_line(trajectory);
    let Caveat::LossGap { snapshot, loss, on_slice, .. } = loss_gap(trajectory, is_line)? else {
        return None;
    };
    let place = if is_line { "line" } else { "plane" };
    let value = format!("{}, on {place} {} (snapshot {snapshot})", short(loss), short(on_slice));
    Some(Fact::new("true loss", value))
}
