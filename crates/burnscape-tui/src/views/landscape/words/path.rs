//! Words on the path of training: how much of it the picture holds, and what it does not.

use burnscape_landscape::words as honest;
use burnscape_trace::{Axis, Slice, Trajectory};

use crate::numbers::{percent, short};
use crate::widgets::facts::Fact;

/// The principal components of a path that is told while training goes on.
pub(super) const OF_LIVE_PATH: [usize; 2] = [1, 2];

/// The principal components along which a slice lies, counted from 1; none if it has other directions.
pub(super) fn components(slice: &Slice) -> Vec<usize> {
    let number = |axis: &Axis| {
        let number = axis.label.strip_prefix("PC ").filter(|_| axis.kind == "pca");
        number?.parse().ok()
    };
    let axes = std::iter::once(&slice.x).chain(&slice.y);
    axes.map(number).collect::<Option<_>>().unwrap_or_default()
}

/// The share of the movement along some components, beside that of a random walk.
pub(super) fn explained(trajectory: &Trajectory, components: &[usize]) -> Option<Fact> {
    let sum = |shares: &[f64]| -> f64 {
        let share = |k: &usize| k.checked_sub(1).and_then(|k| shares.get(k));
        components.iter().filter_map(share).sum()
    };
    let is_known = !trajectory.explained.is_empty() && !components.is_empty();
    let measured = is_known.then(|| sum(&trajectory.explained))?;
    let walk = (!trajectory.random_walk.is_empty()).then(|| percent(sum(&trajectory.random_walk)));
    let walk = walk.unwrap_or("unknown".to_owned());
    Some(Fact::new("explained", format!("{} (random walk {walk})", percent(measured))))
}

pub(super) fn out_of_plane(trajectory: &Trajectory) -> Option<Fact> {
    let (_, share) = worst_out_of_plane(trajectory)?;
    let label = if is_on_line(trajectory) { "out of line" } else { "out of plane" };
    Some(Fact::new(label, format!("up to {}", percent(share))))
}

/// On a line there is no second coordinate.
fn is_on_line(trajectory: &Trajectory) -> bool {
    trajectory.y.is_empty() && !trajectory.x.is_empty()
}

pub(super) fn plane_gap(trajectory: &Trajectory) -> Option<Fact> {
    let (snapshot, own, on_plane) = worst_plane_gap(trajectory)?;
    let place = if is_on_line(trajectory) { "line" } else { "plane" };
    let value = format!("{}, on {place} {} (snapshot {snapshot})", short(own), short(on_plane));
    Some(Fact::new("true loss", value))
}

/// Sentences on the snapshots in a slice.
pub(super) fn caveats(trajectory: &Trajectory, slice: &Slice) -> Vec<String> {
    let place = if slice.y.is_some() { "plane" } else { "line" };
    let components = components(slice);
    let mut caveats = variance(trajectory, &components);
    let axes = components.iter().zip(std::iter::once(&slice.x).chain(&slice.y));
    let stand_ins = axes.filter(|(_, axis)| trajectory.degenerate && axis.explained == Some(0.0));
    caveats.extend(stand_ins.map(|(&k, _)| honest::degenerate_component(k)));
    caveats.extend(worst_out_of_plane(trajectory).map(|(snapshot, share)| {
        format!(
            "Snapshots are drawn where they project to: snapshot {snapshot} lies farthest out of the \
             {place}, by {} of its squared distance from the centre.",
            percent(share),
        )
    }));
    caveats.extend(worst_plane_gap(trajectory).map(|(snapshot, own, on_plane)| {
        honest::loss_and_loss_on_plane(snapshot as usize, own, on_plane)
    }));
    caveats
}

/// Sentences on a path that is told while training goes on.
pub(super) fn live_caveats(path: &Trajectory) -> Vec<String> {
    let plane =
        "The plane is that of the snapshots until now, about their mean: every new one turns it.";
    let mut sentences = variance(path, &OF_LIVE_PATH);
    if path.degenerate {
        sentences.push(honest::degenerate_component(2));
    }
    sentences.push(plane.to_owned());
    sentences.extend(worst_out_of_plane(path).map(|(snapshot, share)| {
        format!(
            "Snapshots are drawn where they project to: snapshot {snapshot} lies farthest out of the \
             plane, by {} of its squared distance from the mean.",
            percent(share),
        )
    }));
    sentences
}

fn variance(trajectory: &Trajectory, components: &[usize]) -> Vec<String> {
    let Trajectory { explained, random_walk, snapshots, .. } = trajectory;
    if explained.is_empty() || components.is_empty() {
        return Vec::new();
    }
    vec![honest::explained_by(components, explained, snapshots.len(), random_walk)]
}

/// The snapshot with the largest share of its squared distance from the centre out of the plane.
fn worst_out_of_plane(trajectory: &Trajectory) -> Option<(u32, f64)> {
    let shares = trajectory.out_of_plane_share.iter().copied();
    let numbered = trajectory.snapshots.iter().copied().zip(shares);
    numbered.filter(|(_, share)| share.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The snapshot whose own loss differs most from the loss below it on the plane, and both losses.
fn worst_plane_gap(trajectory: &Trajectory) -> Option<(u32, f64, f64)> {
    let pairs = trajectory.loss.iter().copied().zip(trajectory.loss_on_plane.iter().copied());
    let numbered = trajectory.snapshots.iter().copied().zip(pairs);
    let known = numbered.filter(|(_, (own, on_plane))| own.is_finite() && on_plane.is_finite());
    let gap = |(own, on_plane): (f64, f64)| (own - on_plane).abs();
    let (snapshot, (own, on_plane)) = known.max_by(|a, b| gap(a.1).total_cmp(&gap(b.1)))?;
    Some((snapshot, own, on_plane))
}
