//! What a comparison concludes, in words.

use burnscape_landscape::barrier::Barrier;
use burnscape_landscape::pca::{JointPca, Weigh};
use burnscape_landscape::words::{number, percent};

use super::runs::Runs;
use crate::study::bending::MeasuredBend;
use crate::study::ways::Statistics;

pub(super) fn corners([a, b, c]: &[String; 3]) -> String {
    format!("The plane goes through {a} at (0, 0), {b} at (1, 0) and {c} at (0, 1).")
}

/// What the joint plane holds of all runs and of each.
pub(super) fn joint(joint: &JointPca, weigh: Weigh, runs: &Runs) -> Vec<String> {
    let of = |shares: &[f64]| percent(shares.iter().take(2).sum());
    let (explained, null) = (of(&joint.explained()), of(&joint.null));
    let counts = match weigh {
        Weigh::Runs => "each run counts the same",
        Weigh::Snapshots => "each snapshot counts the same",
    };
    let held = runs
        .iter()
        .zip(&joint.runs)
        .map(|(run, seen)| format!("{} of the movement of {}", percent(seen.held), run.name()));
    let mut sentences = vec![
        format!(
            "The plane holds {explained} of the variance of all snapshots, where {counts}; random walks with the same step \
             lengths from the same beginnings would give {null}."
        ),
        format!("It holds {}.", held.collect::<Vec<_>>().join(", ")),
    ];
    sentences.extend(runs.same_start_in_words());
    sentences
}

pub(super) fn same_weights([a, b]: &[String; 2]) -> String {
    format!("{a} and {b} are the same weights: there is no line between them.")
}

fn with(statistics: Statistics) -> &'static str {
    match statistics {
        Statistics::None => "",
        Statistics::Interpolated => ", with interpolated BatchNorm statistics",
        Statistics::Recalibrated => ", with BatchNorm statistics recomputed at every node",
    }
}

/// How high a loss climbs on a line.
pub(super) fn barrier(
    names: &[String; 2],
    layer: &str,
    statistics: Statistics,
    found: &Barrier,
) -> String {
    extreme(names, layer, statistics, found, ["climbs", "above"])
}

/// How far a quantity falls on a line of which more is better, such as an accuracy.
pub(super) fn fall(
    names: &[String; 2],
    layer: &str,
    statistics: Statistics,
    found: &Barrier,
) -> String {
    extreme(names, layer, statistics, found, ["falls", "below"])
}

fn extreme(
    [a, b]: &[String; 2],
    layer: &str,
    statistics: Statistics,
    found: &Barrier,
    [moves, side]: [&str; 2],
) -> String {
    let with = with(statistics);
    let nodes = found.excess.len();
    let holes = match found.non_finite {
        0 => String::new(),
        count => format!(" {count} of {nodes} values between them are NaN or infinite."),
    };
    if found.height.is_nan() {
        return format!(
            "Between {a} and {b}{with}, the {layer} of an end is not finite: there is no barrier to tell."
        );
    }
    if found.height == 0.0 {
        return format!(
            "Between {a} and {b}{with}, the {layer} nowhere lies {side} the straight connection of the ends ({nodes} nodes): \
             no barrier.{holes}"
        );
    }
    let error = match found.stderr.is_nan() {
        true => ", with one batch of unknown error".to_string(),
        false => format!(" ± {} (standard error over batches)", number(found.stderr)),
    };
    let within = match found.height <= 2.0 * found.stderr {
        true => " That is within twice its standard error.",
        false => "",
    };
    format!(
        "Between {a} and {b}{with}, the {layer} {moves} {}{error} {side} the straight connection of the ends, at λ = {:.2} of \
         {nodes} nodes.{within}{holes}",
        number(found.height),
        found.lambda
    )
}

/// How high a bent path climbs, beside the straight line: one sentence for every loss.
pub(super) fn bent_path(
    [a, b]: &[String; 2],
    steps: usize,
    statistics: Statistics,
    found: &MeasuredBend,
) -> Vec<String> {
    let with = with(statistics);
    let both = found.curve.iter().zip(&found.line);
    let losses = both.filter(|((name, _), _)| name.ends_with("loss"));
    let told = losses.map(|((name, curve), (_, line))| {
        format!(
            "On a path between {a} and {b} whose bend was trained for {steps} steps{with}, the {name} is at most {}; on the \
             straight line it is at most {} ({} nodes each). Above the straight connection of the ends it climbs {} instead of \
             {}.",
            number(curve.highest()),
            number(line.highest()),
            curve.losses.len(),
            number(curve.height),
            number(line.height),
        )
    });
    told.collect()
}

pub(super) fn unfinished_bend([a, b]: &[String; 2], taken: usize, steps: usize) -> String {
    format!(
        "The path between {a} and {b} is not measured: it was stopped with {taken} of {steps} steps of training taken. The same \
         call goes on from there."
    )
}

/// How much of a line was measured.
pub(super) fn unfinished_line([a, b]: &[String; 2], missing: usize, nodes: usize) -> String {
    format!(
        "The line between {a} and {b} was stopped with {missing} of {nodes} nodes not measured: the barrier may be higher \
         between those that are."
    )
}
