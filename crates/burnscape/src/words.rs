//! The summary of a run in plain sentences: what was found, and what it does not show.

use burnscape_landscape::plane::Projection;
use burnscape_landscape::surface::Extreme;
use burnscape_landscape::words;

use crate::landscape::{Landscape, SliceSurface};

/// The sentences of [`Landscape::summary`].
pub(crate) fn summary(landscape: &Landscape) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(losses(landscape));
    if let Some(pca) = landscape.slice("pca") {
        sentences.extend(trajectory(pca));
    }
    for slice in landscape.slices() {
        sentences.extend(surface(slice));
    }
    for study in landscape.studies() {
        sentences.extend(study.sentences.iter().cloned());
    }
    sentences.extend(recording(landscape));
    sentences
}

fn losses(landscape: &Landscape) -> Option<String> {
    let slice = &landscape.slices().first()?.slice;
    let last = landscape.recording().last_loss();
    let last = last.map_or(String::new(), |loss| {
        format!("; the last training step had {}", words::number(loss))
    });
    Some(format!(
        "Final loss {} over {} samples{last}.",
        words::number(slice.centre_loss),
        slice.samples
    ))
}

fn trajectory(pca: &SliceSurface) -> Vec<String> {
    let trajectory = &pca.trajectory;
    let shown = 2.min(trajectory.explained.len());
    let snapshots = trajectory.snapshots.len();
    let mut sentences = vec![words::explained_variance(
        &trajectory.explained[..shown],
        snapshots,
        &trajectory.random_walk[..shown],
    )];
    if trajectory.degenerate {
        sentences.push(words::degenerate_component(2));
    }
    sentences.push(words::out_of_plane(&projections(pca)));
    sentences.extend(worst_projection(pca));
    sentences
}

fn projections(slice: &SliceSurface) -> Vec<Projection> {
    let it = &slice.trajectory;
    let projection = |i: usize| Projection {
        x: it.x[i],
        y: it.y[i],
        out_of_plane: it.out_of_plane[i],
        distance: slice.gram.length(it.x[i], it.y[i]).hypot(it.out_of_plane[i]),
    };
    (0..it.x.len()).map(projection).collect()
}

/// The snapshot whose loss differs most from the loss where it is drawn.
fn worst_projection(slice: &SliceSurface) -> Option<String> {
    let it = &slice.trajectory;
    let gaps = it.loss.iter().zip(it.loss_on_plane.iter());
    let gaps = gaps.map(|(loss, on_plane)| (loss - on_plane).abs());
    let (worst, _) = gaps.enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(words::loss_and_loss_on_plane(
        it.snapshots[worst] as usize,
        it.loss[worst],
        it.loss_on_plane[worst],
    ))
}

fn surface(slice: &SliceSurface) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(extremes(slice));
    sentences.extend(slice.curvature().map(|curvature| words::curvature(&curvature)));
    let counts = slice.surface.counts();
    if counts.unmeasured + counts.interpolated + counts.non_finite > 0 {
        sentences.push(format!("Surface `{}`: {}", slice.slice.name, words::nodes(counts)));
    }
    if let (Some(miss), Some(tolerance)) = (slice.largest_miss, slice.slice.tolerance) {
        sentences.push(words::interpolation(counts, miss, tolerance, slice.surface.range()));
    }
    sentences
}

fn extremes(slice: &SliceSurface) -> Option<String> {
    let (lowest, highest) = (slice.surface.lowest()?, slice.surface.highest()?);
    let place = |it: &Extreme| match slice.slice.y {
        Some(_) => format!("({}, {})", words::number(it.alpha), words::number(it.beta)),
        None => words::number(it.alpha),
    };
    Some(format!(
        "{} `{}`: lowest node {} at {}, highest {} at {}.",
        if slice.slice.y.is_some() { "Surface" } else { "Line" },
        slice.slice.name,
        words::number(lowest.loss),
        place(&lowest),
        words::number(highest.loss),
        place(&highest),
    ))
}

fn recording(landscape: &Landscape) -> Vec<String> {
    let recording = landscape.recording();
    let mut sentences = Vec::new();
    if recording.dropped_steps() > 0 {
        sentences.push(format!(
            "{} step records were dropped because the disk could not follow.",
            recording.dropped_steps()
        ));
    }
    let problems = recording.problems().iter();
    sentences.extend(problems.map(|problem| format!("While recording: {problem}")));
    sentences
}
