//! From numbers to plain sentences that say what a picture shows and what it does not.
//!
//! Every function gives one or two sentences in plain text, without a line break; the same sentence stands
//! under a picture, in a terminal and on a page.

mod basins;

use crate::agreement::{Agreement, Spread};
use crate::evaluate::Outcome;
use crate::layout::{Block, Filters, Layout};
use crate::plane::{PlaneGram, Projection};
use crate::random_walk;
use crate::surface::{Counts, Curvature, Extreme};

pub use basins::{basin, topology};

/// How much the leading components explain, beside what they would explain of a random walk with as many
/// snapshots.
///
/// `random_walk` holds the shares of the null hypothesis in descending order, from
/// [`random_walk::explained`] or [`random_walk::explained_with_steps`].
///
/// # Examples
///
/// ```
/// use burnscape_landscape::{random_walk, words};
///
/// let sentence = words::explained_variance(&[0.801, 0.130], 11, &random_walk::explained(11));
/// assert_eq!(
///     sentence,
///     "PC 1+2 explain 93.1 % of 11 snapshots' variance; a random walk of 11 would give 77.5 %."
/// );
/// ```
#[must_use]
pub fn explained_variance(explained: &[f64], snapshots: usize, random_walk: &[f64]) -> String {
    let components: Vec<usize> = (1..=explained.len()).collect();
    explained_by(&components, explained, snapshots, random_walk)
}

/// As [`explained_variance`], for any components, counted from 1.
///
/// `shares` and `random_walk` hold the shares of all components, in descending order.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::words;
///
/// let (shares, walk) = ([0.7, 0.2, 0.1], [0.64, 0.22, 0.14]);
/// assert_eq!(
///     words::explained_by(&[2, 3], &shares, 9, &walk),
///     "PC 2+3 explain 30.0 % of 9 snapshots' variance; a random walk of 9 would give 36.0 %."
/// );
/// ```
#[must_use]
pub fn explained_by(
    components: &[usize],
    shares: &[f64],
    snapshots: usize,
    random_walk: &[f64],
) -> String {
    let sum = |shares: &[f64]| -> f64 {
        let share = |k: &usize| k.checked_sub(1).and_then(|k| shares.get(k));
        components.iter().filter_map(share).sum()
    };
    explained_share(components, sum(shares), snapshots, Some(sum(random_walk)))
}

/// As [`explained_by`], from what the components explain together, and what they would of a random walk, where that is
/// known.
#[must_use]
pub fn explained_share(
    components: &[usize],
    share: f64,
    snapshots: usize,
    random_walk: Option<f64>,
) -> String {
    let named = named_components(components);
    let verb = if components.len() == 1 { "explains" } else { "explain" };
    let null = random_walk.map_or(String::new(), |share| {
        format!("; a random walk of {snapshots} would give {}", percent(share))
    });
    let measured = percent(share);
    let sentence = format!("{named} {verb} {measured} of {snapshots} snapshots' variance{null}.");
    if snapshots > components.len() + 1 {
        return sentence;
    }
    format!("{sentence} {snapshots} snapshots always give 100 %: the figure says nothing.")
}

fn named_components(components: &[usize]) -> String {
    let numbers: Vec<String> = components.iter().map(usize::to_string).collect();
    format!("PC {}", numbers.join("+"))
}

/// That a component is not one, but stands in for one.
#[must_use]
pub fn degenerate_component(k: usize) -> String {
    format!(
        "The snapshots do not vary along PC {k} beyond rounding: a random direction at a right angle stands in for it."
    )
}

/// How far snapshots lie from the plane in which they are drawn.
///
/// One [`Projection`] per snapshot, and the number of each snapshot in the run; where that is missing, its
/// position.
#[must_use]
#[deprecated(
    note = "nothing of burnscape says it: `Projection::out_of_plane_share` has the number"
)]
pub fn out_of_plane(projections: &[Projection], snapshots: &[u32]) -> String {
    let share = |projection: &Projection| projection.out_of_plane_share();
    let shares = projections.iter().enumerate().map(|(place, p)| (place, share(p), p));
    let Some((place, share, projection)) = shares.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "No snapshot was projected.".into();
    };
    let snapshot = snapshots.get(place).map_or(place, |&number| number as usize);
    format!(
        "Snapshots are drawn where they project to; the worst, snapshot {snapshot}, lies {} out of the plane, {} of its squared distance from the centre.",
        number(projection.out_of_plane),
        percent(share),
    )
}

/// The true loss of a snapshot beside the loss of the point of the plane at which it is drawn.
#[must_use]
pub fn loss_and_loss_on_plane(snapshot: usize, loss: f64, loss_on_plane: f64) -> String {
    loss_beside_loss_on_plane(&format!("snapshot {snapshot}"), loss, loss_on_plane)
}

/// The same of a snapshot that has a name, such as `snapshot 3 of adam`.
#[must_use]
pub fn loss_beside_loss_on_plane(snapshot: &str, loss: f64, loss_on_plane: f64) -> String {
    let (first, rest) = snapshot.split_at(snapshot.chars().next().map_or(0, char::len_utf8));
    format!(
        "{}{rest} has the loss {}; at the point where it is drawn the loss is {}.",
        first.to_uppercase(),
        number(loss),
        number(loss_on_plane),
    )
}

/// Over how many samples each loss is a mean, and what share of the data they are if that is known.
#[must_use]
pub fn samples(samples: usize, available: Option<usize>) -> String {
    match available {
        Some(available) if available > samples => format!(
            "Every loss is the mean over the same {samples} of {available} samples; other samples would give another surface."
        ),
        Some(_) => format!("Every loss is the mean over all {samples} samples."),
        None => format!("Every loss is the mean over the same {samples} samples."),
    }
}

/// That losses are means over some of the batches only; none if they are over all.
#[must_use]
pub fn some_batches(batches: usize, available: usize) -> Option<String> {
    (batches < available).then(|| {
        format!(
            "Only {batches} of {available} batches are used, spread evenly among them: others would give another surface."
        )
    })
}

/// What a recorded count counts: a trace leaves the word out for samples.
#[must_use]
pub fn unit(recorded: &str) -> &str {
    if recorded.is_empty() { "samples" } else { recorded }
}

/// Over what `name` (`loss`, `accuracy`) is a mean: so many of a [`unit`](unit()); where it is not exactly the mean, it says so.
#[must_use]
pub fn mean_over(name: &str, count: usize, unit: &str) -> String {
    match unit {
        "samples" if name == "loss" => samples(count, None),
        "positions" => format!(
            "Every {name} weighs its batches by their {count} positions, padding included: it is not exactly the mean over tokens."
        ),
        "batches" => format!(
            "Every {name} is the mean over the same {count} batches, each counted once: unless all are of one size, it is not exactly the mean over samples."
        ),
        _ => format!("Every {name} is the mean over the same {count} {unit}."),
    }
}

/// How uncertain the losses are, from the standard errors of the measured nodes.
#[must_use]
pub fn standard_error(stderrs: &[f64]) -> String {
    let known = stderrs.iter().copied().filter(|stderr| !stderr.is_nan());
    match known.max_by(f64::total_cmp) {
        Some(worst) => format!(
            "Standard errors are at most {}; as all nodes share their samples, differences between nodes are surer than that.",
            number(worst),
        ),
        None => "The standard error of the losses is unknown: one batch has none.".into(),
    }
}

/// Which seeds the directions were drawn from.
#[must_use]
pub fn seeds(seeds: &[u64]) -> String {
    let list: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let (noun, verb) =
        if list.len() == 1 { ("Direction", "seed") } else { ("Directions", "seeds") };
    format!(
        "{noun} drawn at random, {verb} {}; another seed shows another slice.",
        list.join(" and "),
    )
}

/// How far a slice reaches, in units of the norm of the centre.
///
/// `reach` is the distance of the farthest node in parameter space, for instance
/// [`PlaneGram::length`](crate::plane::PlaneGram::length) of a corner; `centre_norm` is ‖θ*‖.
#[must_use]
pub fn range(reach: f64, centre_norm: f64) -> String {
    if centre_norm == 0.0 {
        return format!("The slice reaches {} from a centre at zero.", number(reach));
    }
    format!(
        "The slice reaches {} from the centre, {} times ‖θ‖ = {}.",
        number(reach),
        number(reach / centre_norm),
        number(centre_norm),
    )
}

/// How the two directions lie to each other; a picture with axes at a right angle hides it.
#[must_use]
pub fn angle(gram: &PlaneGram) -> String {
    if gram.is_degenerate() {
        return "The two directions do not span a plane: the picture repeats one line.".into();
    }
    format!(
        "The directions have lengths {} and {} and the cosine {:.3}.",
        number(gram.d1_d1.sqrt()),
        number(gram.d2_d2.sqrt()),
        gram.cosine(),
    )
}

/// How much of the grid was measured, and how much of that is not finite.
#[must_use]
pub fn nodes(counts: Counts) -> String {
    let Counts { measured, interpolated, unmeasured, non_finite } = counts;
    let all = measured + interpolated + unmeasured;
    let mut parts = vec![format!("{measured} of {all} nodes measured")];
    let mut add = |count, what| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    add(non_finite, "of them NaN or infinite");
    add(interpolated, "interpolated");
    add(unmeasured, "not measured");
    format!("{}.", parts.join(", "))
}

/// How much of a surface was interpolated, and how far that was off where it was checked.
///
/// `largest_miss` is [`Filled::largest_miss`](crate::adaptive::Filled::largest_miss), `tolerance` the share of
/// the range of losses that was asked for, `range` that range if there is one.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::{surface::Counts, words};
///
/// let counts = Counts { measured: 111, interpolated: 330, ..Counts::default() };
/// assert_eq!(
///     words::interpolation(counts, 0.0021, 0.01, Some(0.7)),
///     "330 of 441 nodes are interpolated; where interpolation was checked by measuring it was off by at most 0.002100, 0.3 % of the range (asked for: 1.0 %)."
/// );
/// ```
#[must_use]
pub fn interpolation(
    counts: Counts,
    largest_miss: f64,
    tolerance: f64,
    range: Option<f64>,
) -> String {
    let Counts { measured, interpolated, unmeasured, .. } = counts;
    let all = measured + interpolated + unmeasured;
    if interpolated == 0 {
        return format!(
            "No node is interpolated: measuring {measured} of {all} was needed to stay within {} of the range.",
            percent(tolerance),
        );
    }
    let share = range.filter(|range| *range > 0.0).map(|range| percent(largest_miss / range));
    let share = share.map_or(String::new(), |share| format!(", {share} of the range"));
    format!(
        "{interpolated} of {all} nodes are interpolated; where interpolation was checked by measuring it was off by at most {}{share} (asked for: {}).",
        number(largest_miss),
        percent(tolerance),
    )
}

/// How much of a surface was interpolated where there was no time to measure until it is within a tolerance.
///
/// `estimated_error` is [`Filled::estimated_error`](crate::adaptive::Filled::estimated_error), `range` the range of
/// losses if there is one.
#[must_use]
pub fn interpolation_cut_short(counts: Counts, estimated_error: f64, range: Option<f64>) -> String {
    let Counts { measured, interpolated, unmeasured, .. } = counts;
    let all = measured + interpolated + unmeasured;
    let share = range.filter(|range| *range > 0.0).map(|range| percent(estimated_error / range));
    let share = share.map_or(String::new(), |share| format!(", {share} of the range"));
    format!(
        "{interpolated} of {all} nodes are interpolated, with an error that is estimated at up to {}{share}; to measure more makes it smaller.",
        number(estimated_error),
    )
}

/// Whether the slice shown is typical among random slices through the same centre.
///
/// A sentence for each measure that some slice has, then how little a few slices say; none if there is
/// nothing to compare.
#[must_use]
pub fn agreement(agreement: &Agreement) -> Vec<String> {
    let &Agreement { planes, convexity, doubling_radius, largest_curvature, smallest_curvature } =
        agreement;
    if planes < 2 {
        return Vec::new();
    }
    let told = |spread: Option<Spread>, what: &str, unit: fn(f64) -> String| {
        spread.map(|spread| compared(planes, &spread, what, unit))
    };
    let sentences = [
        told(doubling_radius, "the loss doubles at a distance of", number),
        told(convexity, "the share of nodes where the slice is convex is", percent),
        told(largest_curvature, "the largest curvature at the centre is", number),
        told(smallest_curvature, "the smallest curvature at the centre is", number),
    ];
    let mut sentences: Vec<String> = sentences.into_iter().flatten().collect();
    sentences.push(format!(
        "{planes} planes are few among all that the parameters span: where they agree, most random planes look alike; directions that matter may be in none of them."
    ));
    sentences
}

fn compared(planes: usize, spread: &Spread, what: &str, unit: fn(f64) -> String) -> String {
    let &Spread { shown, count, mean, standard_deviation, min, max, error } = spread;
    let among = if count == planes {
        format!("Among {planes} random planes")
    } else {
        format!("Among the {count} of {planes} random planes that can tell,")
    };
    let shown = shown.map_or("this one: not known".into(), |shown| typical(shown, spread, unit));
    if count == 1 {
        let off = if error > 0.0 { format!(" ± {}", unit(error)) } else { String::new() };
        return format!("{among} {what} {}{off} ({shown}).", unit(mean));
    }
    let cause = if error > standard_deviation {
        ": each may be off by that, by rounding of the losses or since the slice is no quadratic"
    } else {
        ""
    };
    format!(
        "{among} {what} {} ± {}, from {} to {} ({shown}){cause}.",
        unit(mean),
        unit(standard_deviation.max(error)),
        unit(min),
        unit(max),
    )
}

/// The slice shown, and whether it stands out: no other slice is as low, or as high.
fn typical(shown: f64, spread: &Spread, unit: fn(f64) -> String) -> String {
    let is_alone = spread.count > 2 && spread.max > spread.min;
    let place = match shown {
        _ if !is_alone => "",
        shown if shown <= spread.min => ", the lowest",
        shown if shown >= spread.max => ", the highest",
        _ => "",
    };
    format!("this one: {}{place}", unit(shown))
}

/// What changes with the range of a slice: the same landscape is drawn flat or steep by choice of range.
///
/// One entry per range: its factor, the lowest and the highest finite loss (NaN if none), and the share of
/// convex nodes, [`Measures::convexity`](crate::agreement::Measures::convexity). None of nothing.
#[must_use]
pub fn scale_sweep(
    factors: &[f64],
    lowest: &[f64],
    highest: &[f64],
    convexity: &[Option<f64>],
) -> Vec<String> {
    let ranges = factors.iter().zip(lowest).zip(highest).zip(convexity);
    let one = |(((factor, low), high), convexity): (((&f64, &f64), &f64), &Option<f64>)| {
        at_range(*factor, *low, *high, *convexity)
    };
    let mut sentences: Vec<String> = ranges.map(one).collect();
    if let Some(growth) = growth(factors, lowest, highest) {
        sentences.push(growth);
    }
    if !sentences.is_empty() {
        sentences.push(
            "It is the same landscape each time: whether it looks flat or steep, smooth or rough is also a choice of range."
                .into(),
        );
    }
    sentences
}

fn at_range(factor: f64, low: f64, high: f64, convexity: Option<f64>) -> String {
    let factor = number(factor);
    if low.is_nan() || high.is_nan() {
        return format!("At {factor} times the range no loss is finite.");
    }
    let convexity = convexity.map_or(String::new(), |share| {
        format!("; {} of the inner nodes are convex", percent(share))
    });
    format!(
        "At {factor} times the range the losses go from {} to {}{convexity}.",
        number(low),
        number(high)
    )
}

/// How much higher the widest range climbs than the narrowest.
fn growth(factors: &[f64], lowest: &[f64], highest: &[f64]) -> Option<String> {
    let climbs = lowest.iter().zip(highest).map(|(low, high)| high - low);
    let ranges = factors.iter().copied().zip(climbs).filter(|(_, climb)| climb.is_finite());
    let narrow = ranges.clone().min_by(|a, b| a.0.total_cmp(&b.0))?;
    let wide = ranges.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (wide.0 > narrow.0 && narrow.1 > 0.0).then(|| {
        format!(
            "Between the narrowest and the widest range the width grows {} times, the difference of losses {} times; of a quadratic centred at its minimum it would grow {} times.",
            number(wide.0 / narrow.0),
            number(wide.1 / narrow.1),
            number((wide.0 / narrow.0).powi(2)),
        )
    })
}

/// Whether an evaluation reached its end.
#[must_use]
pub fn outcome(outcome: Outcome) -> String {
    match outcome.remaining {
        0 => format!("Complete: {} nodes were measured.", outcome.measured),
        remaining => format!(
            "Stopped after {} nodes; {remaining} remain and will be measured on resuming.",
            outcome.measured,
        ),
    }
}

/// What a slice cannot show, given the number of parameters and of directions.
#[must_use]
pub fn slice(parameters: usize, directions: usize) -> String {
    let noun = if directions == 1 { "direction" } else { "directions" };
    format!(
        "A slice along {directions} {noun} out of {parameters}: minima, barriers and sharp directions outside it do not show."
    )
}

/// The curvature of the plane at its centre, or that it cannot be told.
#[must_use]
pub fn curvature(curvature: &Curvature) -> String {
    let Curvature { largest, smallest, rounding, .. } = curvature;
    if *rounding >= largest.curvature.abs().max(smallest.curvature.abs()) {
        return format!(
            "How the slice bends at the centre cannot be told: its nodes lie so near to each other that rounding of the losses alone makes curvatures of ± {}.",
            number(*rounding),
        );
    }
    if [largest, smallest].iter().all(|it| it.error >= it.curvature.abs()) {
        return format!(
            "How the slice bends at the centre cannot be told: the losses around it follow no quadratic, and leave its curvatures open by ± {}.",
            number(largest.error.max(smallest.error)),
        );
    }
    format!(
        "At the centre the slice bends by {} along {:.0}° and by {} across; directions outside it may be far sharper.",
        with_error(largest.curvature, largest.error),
        largest.angle_degrees,
        with_error(smallest.curvature, smallest.error),
    )
}

/// The error only where it shows among the four digits.
/// A value with its error, where that is more than a thousandth of it.
#[must_use]
pub fn with_error(value: f64, error: f64) -> String {
    match error > 1e-3 * value.abs() {
        true => format!("{} ± {}", number(value), number(error)),
        false => number(value),
    }
}

/// Where the finite losses of a slice are, if some are not; none if all are.
///
/// `farthest` is [`Surface::farthest_finite`](crate::surface::Surface::farthest_finite), `last` the last snapshot whose
/// loss is known and finite, and that loss.
#[must_use]
pub fn finite_losses(
    counts: Counts,
    farthest: Option<(Extreme, f64)>,
    last: Option<(usize, f64)>,
) -> Option<String> {
    let Counts { measured, non_finite, .. } = counts;
    if non_finite == 0 {
        return None;
    }
    let snapshot = last.map_or_else(
        || "no snapshot is known to have a finite one".to_string(),
        |(snapshot, loss)| {
            format!("the last snapshot with a finite one is {snapshot}: {}", number(loss))
        },
    );
    Some(match farthest {
        None => format!(
            "No loss is finite, though the weights are: all {measured} measured nodes are NaN or infinite; {snapshot}."
        ),
        Some((node, 0.0)) => format!(
            "Around the centre no loss is finite: only its own is, {}, of {measured} measured nodes; {snapshot}.",
            number(node.loss),
        ),
        Some((node, distance)) => format!(
            "The farthest node with a finite loss lies {} from the centre, at ({}, {}): {}.",
            number(distance),
            number(node.alpha),
            number(node.beta),
            number(node.loss),
        ),
    })
}

/// Which filters were assumed; none if all are certain.
#[must_use]
pub fn guessed_filters(layout: &Layout) -> Option<String> {
    let named = |path: &str, filters: Filters| format!("{path} ({filters})");
    let list: Vec<String> =
        layout.guessed().map(|block| named(&block.path, block.filters)).collect();
    if list.is_empty() {
        return None;
    }
    Some(format!("Filters were assumed, name them if this is wrong: {}.", list.join(", ")))
}

/// Which groups of transposed convolutions a random direction that is scaled filter by filter depends on, and what to
/// say about them; none if all are certain.
#[must_use]
pub fn guessed_groups(layout: &Layout) -> Option<String> {
    let line = |block: &Block| format!("`.filter_groups(\"{}\", n)`", block.path);
    let lines: Vec<String> = layout.guessed_groups().map(line).collect();
    if lines.is_empty() {
        return None;
    }
    Some(format!(
        "the groups of a transposed convolution show in its bias only, and it has none: 1 was assumed, and lengths of \
         random directions depend on it; say how many there are: {}",
        lines.join(", ")
    ))
}

/// That a direction moves nothing; none if it does.
#[must_use]
#[deprecated(note = "nothing of burnscape says it: ask whether the norm is 0")]
pub fn zero_direction(norm: f64) -> Option<String> {
    (norm == 0.0).then(|| {
        "The direction is zero, so the surface is flat along it: every parameter is frozen, zero, a bias or a norm."
            .into()
    })
}

/// One line of [`CONCLUSIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conclusion {
    /// What a picture shows.
    pub seen: &'static str,
    /// What may be concluded from it.
    pub allowed: &'static str,
    /// What may not.
    pub not_allowed: &'static str,
}

/// What can be concluded from pictures of a loss landscape, and what cannot.
pub const CONCLUSIONS: [Conclusion; 8] = [
    Conclusion {
        seen: "a smooth, round bowl in a random plane",
        allowed: "the loss is smooth along these two directions, at this range",
        not_allowed: "the landscape is convex; sharp directions are rare, and random ones miss them",
    },
    Conclusion {
        seen: "a barrier or a second minimum in the plane",
        allowed: "both exist: every node is a true loss",
        not_allowed: "training had to cross the barrier; a way around may lie outside the plane",
    },
    Conclusion {
        seen: "one model's bowl is wider than another's",
        allowed: "with filter-normalised directions: it is less sensitive to relative changes of its filters",
        not_allowed: "it generalises better; or anything at all without normalisation, which rescaling can fake",
    },
    Conclusion {
        seen: "two principal components explain nearly all variance",
        allowed: "the trajectory is flat to the extent that the share exceeds that of a random walk",
        not_allowed: "training is two-dimensional; a random walk of many steps already gives 76 %",
    },
    Conclusion {
        seen: "the trajectory circles or oscillates in its principal plane",
        allowed: "its leading scores do",
        not_allowed: "training oscillates; a random walk's scores are cosines too",
    },
    Conclusion {
        seen: "the trajectory climbs a hill of the surface",
        allowed: "its projection does; compare the loss with the loss on the plane",
        not_allowed: "the loss rose: snapshots lie outside the plane",
    },
    Conclusion {
        seen: "a small curvature at the centre",
        allowed: "the loss is flat within the plane",
        not_allowed: "the minimum is flat: the largest eigenvalue of the Hessian is at least this curvature, often far above",
    },
    Conclusion {
        seen: "holes, NaN or infinite nodes",
        allowed: "the model overflows there",
        not_allowed: "anything about the loss between them",
    },
];

/// A line of [`CONCLUSIONS`] as a sentence.
#[must_use]
pub fn conclusion(line: &Conclusion) -> String {
    let Conclusion { seen, allowed, not_allowed } = line;
    format!("If you see {seen}, you may conclude: {allowed}; you may not conclude: {not_allowed}.")
}

/// The limit that [`CONCLUSIONS`] names: PC 1+2 of an endless random walk.
#[must_use]
pub fn random_walk_limit() -> f64 {
    random_walk::explained_in_the_limit(1) + random_walk::explained_in_the_limit(2)
}

/// A share in percent with one decimal, as `"93.1 %"`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A number with four significant digits: plain where that is short, else with an exponent.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-3..1e5).contains(&size) {
        return format!("{value:.3e}");
    }
    let digits_before_point = size.log10().floor() as i32 + 1;
    let decimals = (4 - digits_before_point).max(0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
#[expect(deprecated, reason = "what worked goes on working")]
mod tests {
    use super::*;
    use crate::layout::Block;
    use crate::surface::Principal;

    #[test]
    fn explained_variance_stands_beside_the_random_walk() {
        let sentence = explained_variance(&[0.75, 0.2], 10, &random_walk::explained(10));
        // .6191 + .1587
        let expected = "PC 1+2 explain 95.0 % of 10 snapshots' variance; a random walk of 10 would give 77.8 %.";
        assert_eq!(sentence, expected);
        let sentence = explained_variance(&[0.75], 10, &random_walk::explained(10));
        assert!(sentence.starts_with("PC 1 explains 75.0 %"), "{sentence}");
    }

    #[test]
    fn three_snapshots_are_said_to_say_nothing() {
        let sentence = explained_variance(&[0.8, 0.2], 3, &random_walk::explained(3));
        assert!(sentence.contains("a random walk of 3 would give 100.0 %"), "{sentence}");
        assert!(sentence.ends_with("3 snapshots always give 100 %: the figure says nothing."));
    }

    #[test]
    fn the_worst_projection_is_named() {
        let at = |out_of_plane, distance| Projection { x: 0.0, y: 0.0, out_of_plane, distance };
        let projections = [at(0.0, 0.0), at(6.0, 10.0), at(8.0, 80.0)];
        let sentence = out_of_plane(&projections, &[]);
        assert!(
            sentence.contains("snapshot 1, lies 6.000 out of the plane, 36.0 % of"),
            "{sentence}"
        );
        assert!(out_of_plane(&projections, &[0, 7, 8]).contains("the worst, snapshot 7, lies"));
        assert_eq!(out_of_plane(&[], &[]), "No snapshot was projected.");
    }

    #[test]
    fn unknown_is_said_and_not_called_zero() {
        assert!(standard_error(&[f64::NAN]).contains("unknown"));
        assert!(standard_error(&[f64::NAN, 0.01, 0.02]).contains("at most 0.02000"));
        assert!(loss_and_loss_on_plane(3, 0.5, f64::NAN).ends_with("the loss is NaN."));
    }

    #[test]
    fn nodes_are_counted_by_what_is_known_of_them() {
        let counts = Counts { measured: 9, interpolated: 3, unmeasured: 13, non_finite: 2 };
        let expected =
            "9 of 25 nodes measured, 2 of them NaN or infinite, 3 interpolated, 13 not measured.";
        assert_eq!(nodes(counts), expected);
        let complete = Counts { measured: 25, ..Counts::default() };
        assert_eq!(nodes(complete), "25 of 25 nodes measured.");
        assert!(outcome(Outcome { measured: 4, remaining: 5 }).contains("5 remain"));
        assert_eq!(
            outcome(Outcome { measured: 9, remaining: 0 }),
            "Complete: 9 nodes were measured."
        );
    }

    #[test]
    fn an_interpolation_without_its_tolerance_says_its_error() {
        let counts = Counts { measured: 60, interpolated: 381, ..Counts::default() };
        let sentence = interpolation_cut_short(counts, 0.02, Some(0.5));
        assert!(sentence.starts_with("381 of 441 nodes are interpolated"), "{sentence}");
        assert!(sentence.contains("up to 0.02000, 4.0 % of the range"), "{sentence}");
    }

    #[test]
    fn samples_seeds_range_and_slice_are_told() {
        assert!(samples(512, Some(60_000)).contains("the same 512 of 60000 samples"));
        assert!(samples(512, Some(512)).contains("all 512"));
        assert!(samples(512, None).contains("the same 512 samples"));
        assert_eq!(mean_over("loss", 512, unit("")), samples(512, None));
        assert!(mean_over("loss", 3828, "tokens").ends_with("the mean over the same 3828 tokens."));
        assert!(mean_over("accuracy", 7, "samples").starts_with("Every accuracy is the mean"));
        for inexact in ["positions", "batches"] {
            let sentence = mean_over("loss", 3828, inexact);
            assert!(sentence.contains(&format!("3828 {inexact}")), "{sentence}");
            assert!(sentence.contains("not exactly the mean"), "{sentence}");
        }
        assert!(seeds(&[1, 2]).starts_with("Directions drawn at random, seeds 1 and 2;"));
        assert!(seeds(&[7]).starts_with("Direction drawn at random, seed 7;"));
        assert!(some_batches(4, 32).unwrap().starts_with("Only 4 of 32 batches are used"));
        assert_eq!(some_batches(32, 32), None);
        assert_eq!(
            range(30.0, 20.0),
            "The slice reaches 30.00 from the centre, 1.500 times ‖θ‖ = 20.00."
        );
        assert_eq!(range(30.0, 0.0), "The slice reaches 30.00 from a centre at zero.");
        assert!(slice(101_770, 2).starts_with("A slice along 2 directions out of 101770:"));
        assert!(degenerate_component(2).contains("PC 2"));
    }

    #[test]
    fn guesses_and_zero_directions_are_told_only_if_there_are_any() {
        let sure = Block::new("fc.weight", "Linear", &[3, 5], None);
        let unsure = Block::new("mix", "Mine", &[3, 5], None);
        assert_eq!(guessed_filters(&Layout::new(vec![sure.clone()]).unwrap()), None);
        let sentence = guessed_filters(&Layout::new(vec![sure, unsure]).unwrap()).unwrap();
        assert!(sentence.ends_with("mix (one filter per index of axis 0)."), "{sentence}");
        assert_eq!(zero_direction(0.1), None);
        assert!(zero_direction(0.0).unwrap().contains("zero"));
    }

    #[test]
    fn geometry_and_curvature_are_told() {
        let skew = PlaneGram { d1_d1: 4.0, d1_d2: 3.0, d2_d2: 9.0 };
        let expected = "The directions have lengths 2.000 and 3.000 and the cosine 0.500.";
        assert_eq!(angle(&skew), expected);
        let line = PlaneGram { d1_d1: 4.0, d1_d2: 0.0, d2_d2: 0.0 };
        assert!(angle(&line).contains("do not span a plane"));
        let principal = |curvature, angle_degrees| Principal {
            curvature,
            error: 0.0,
            alpha: 1.0,
            beta: 0.0,
            angle_degrees,
        };
        let fit = Curvature {
            largest: principal(12.5, 30.0),
            smallest: principal(-0.25, -60.0),
            hessian: [[0.0; 2]; 2],
            gradient: [0.0; 2],
            residual_rms: 0.0,
            rounding: 0.0,
            nodes: 9,
        };
        assert!(curvature(&fit).contains("by 12.50 along 30° and by -0.2500 across"));
        let smallest = Principal { error: 0.5, ..fit.smallest };
        let unsure = Curvature { smallest, rounding: 0.5, ..fit };
        let sentence = curvature(&unsure);
        assert!(
            sentence.contains("by 12.50 along 30° and by -0.2500 ± 0.5000 across"),
            "{sentence}"
        );
        // As found around a network of rectifiers, whose losses have corners.
        let [largest, smallest] = [(5.174, -35.0), (-1.697, 55.0)]
            .map(|(it, degrees)| Principal { error: 898.4, ..principal(it, degrees) });
        let sentence = curvature(&Curvature { largest, smallest, ..fit });
        assert!(sentence.contains("cannot be told") && sentence.contains("± 898.4"), "{sentence}");
        let sentence = curvature(&Curvature { rounding: 7200.0, ..fit });
        assert!(sentence.contains("cannot be told") && sentence.contains("± 7200"), "{sentence}");
    }

    #[test]
    fn losses_that_are_not_finite_are_told_with_where_the_last_finite_ones_are() {
        let counts = Counts { measured: 25, non_finite: 25, ..Counts::default() };
        let all = finite_losses(counts, None, Some((7, 0.5312))).unwrap();
        assert_eq!(
            all,
            "No loss is finite, though the weights are: all 25 measured nodes are NaN or infinite; the last snapshot with a finite one is 7: 0.5312."
        );
        assert!(finite_losses(counts, None, None).unwrap().contains("no snapshot is known"));
        let counts = Counts { non_finite: 24, ..counts };
        let at = |alpha, beta| Extreme { node: 3, alpha, beta, loss: 2.5 };
        let alone = finite_losses(counts, Some((at(0.0, 0.0), 0.0)), None).unwrap();
        assert!(alone.starts_with("Around the centre no loss is finite: only its own is, 2.500,"));
        let some = finite_losses(counts, Some((at(-1.0, 0.5), 3.0)), None).unwrap();
        assert_eq!(
            some,
            "The farthest node with a finite loss lies 3.000 from the centre, at (-1.000, 0.5000): 2.500."
        );
        assert_eq!(finite_losses(Counts { non_finite: 0, ..counts }, None, None), None);
    }

    #[test]
    fn the_table_of_conclusions_names_the_limit_of_the_random_walk() {
        assert_eq!(format!("{:.0}", 100.0 * random_walk_limit()), "76");
        assert!(CONCLUSIONS.iter().any(|line| line.not_allowed.contains("76 %")));
    }

    #[test]
    fn numbers_have_four_digits_and_keep_their_oddities() {
        for (value, expected) in [
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
            (-1.0, "-1.000"),
            (0.0123456, "0.01235"),
            (31.4159, "31.42"),
            (12345.6, "12346"),
            (1.5e-7, "1.500e-7"),
            (3e12, "3.000e12"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn sentences_have_no_line_breaks_and_end_with_a_stop() {
        let skew = PlaneGram { d1_d1: 4.0, d1_d2: 3.0, d2_d2: 9.0 };
        for sentence in [
            explained_variance(&[0.8, 0.2], 3, &[0.75, 0.25]),
            out_of_plane(&[], &[]),
            conclusion(&CONCLUSIONS[7]),
            samples(5, None),
            standard_error(&[]),
            seeds(&[1]),
            range(1.0, 2.0),
            angle(&skew),
            slice(10, 1),
        ] {
            assert!(sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
        }
    }
}
