//! A landscape in a handful of lines: what matters after training, and where the rest is.

use std::fmt;

use burnscape_landscape::words::{number, percent, unit};
use burnscape_run::{Caveat, components, counted, explained_variance, shell_word};

use super::Landscape;
use super::slice_surface::SliceSurface;

/// Slices whose losses are told; the others are counted.
const SLICES: usize = 2;

/// Three to five lines for a person: the loss, how flat the path of training is, what the surfaces hold, what went wrong
/// or is left to be measured, and the commands that tell everything else. [`Landscape::summary`] has it all.
impl fmt::Display for Landscape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = [loss(self), path(self), surfaces(self), concern(self), rest(self)];
        let lines: Vec<String> = findings.into_iter().flatten().collect();
        out.write_str(&lines.join("\n"))
    }
}

/// The loss of the final model beside that of the last step.
fn loss(landscape: &Landscape) -> Option<String> {
    let slices = landscape.slices();
    let slice = &slices.iter().find(|it| it.slice.centre == "final").or(slices.first())?.slice;
    let what = match slice.centre.as_str() {
        "final" => "Final loss".to_owned(),
        centre => format!("Loss at the centre `{centre}`:"),
    };
    let last = landscape.recording().last_loss();
    let last = last.map_or(String::new(), |it| format!(" (last training step: {})", number(it)));
    let over = format!("{} {}", slice.samples, unit(&slice.unit));
    Some(format!("{what} {} over {over}{last}.", number(slice.centre_loss)))
}

/// How much of the path the directions of a slice hold, beside what chance would give.
fn path(landscape: &Landscape) -> Option<String> {
    let of_slice = |it: &SliceSurface| explained_variance(&it.trajectory, &components(&it.slice));
    let found = landscape.slices().iter().find_map(of_slice)?;
    let Caveat::ExplainedVariance { components, share, random_walk, .. } = found else {
        return None;
    };
    let hold = if components.len() == 1 { "One direction holds" } else { "Two directions hold" };
    let walk = random_walk
        .map_or(String::new(), |it| format!("; a random walk would give {}", percent(it)));
    Some(format!("{hold} {} of how training moved{walk}.", percent(share)))
}

/// The lowest and the highest loss of the first slices.
fn surfaces(landscape: &Landscape) -> Option<String> {
    let of_slice = |it: &SliceSurface| {
        let (lowest, highest) = it.surface.lowest().zip(it.surface.highest())?;
        let (low, high) = (number(lowest.loss), number(highest.loss));
        Some(format!("{low} to {high} on `{}`", it.slice.name))
    };
    let mut told: Vec<String> = landscape.slices().iter().filter_map(of_slice).collect();
    let further = told.len().saturating_sub(SLICES);
    told.truncate(SLICES);
    told.extend((further > 0).then(|| counted(further as u64, "further slice")));
    (!told.is_empty()).then(|| format!("Losses around it: {}.", told.join(", ")))
}

/// The first thing that went wrong, else what is left to be measured.
fn concern(landscape: &Landscape) -> Option<String> {
    let problems = landscape.problems();
    let Some(first) = problems.first() else {
        return landscape.outlook().map(str::to_owned);
    };
    let more = match problems.len() - 1 {
        0 => String::new(),
        more => format!(" (and {})", counted(more as u64, "further problem")),
    };
    Some(format!("{first}{more}"))
}

fn rest(landscape: &Landscape) -> Option<String> {
    let run = shell_word(landscape.run_folder()?);
    Some(format!("See it with `burnscape watch {run}`; `burnscape info {run}` tells the rest."))
}
