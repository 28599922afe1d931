//! The summary of a run in plain sentences: what was found, and what it does not show.

use burnscape_landscape::agreement::Measures;
use burnscape_landscape::surface::Extreme;
use burnscape_landscape::words::{self, CONCLUSIONS};
use burnscape_run::{Caveat, axes, caveats_of_path, caveats_of_slice, components, loss_gap};

use super::Landscape;
use super::slice_surface::SliceSurface;

/// Lines of [`CONCLUSIONS`].
const ROUND_BOWL: usize = 0;

const BARRIER: usize = 1;

const WIDER_BOWL: usize = 2;

const TWO_COMPONENTS: usize = 3;

const CLIMBS: usize = 5;

const SMALL_CURVATURE: usize = 6;

const HOLES: usize = 7;

/// From this share of convex nodes on a surface is taken for a bowl.
const CONVEX: f64 = 0.9;

/// A snapshot is drawn on a hill if its loss is off by more than this share of the surface's range.
const ON_A_HILL: f64 = 0.1;

/// The sentences of [`Landscape::summary`].
pub(crate) fn summary(landscape: &Landscape) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(losses(landscape));
    sentences.extend(measured_on(landscape));
    sentences.extend(parameters(landscape));
    for slice in landscape.slices() {
        sentences.extend(trajectory(slice));
        sentences.extend(surface(slice));
        sentences.extend(provenance(slice));
    }
    for study in landscape.studies() {
        sentences.extend(study.sentences.iter().cloned());
    }
    for curvature in landscape.curvatures() {
        sentences.extend(curvature.sentences.iter().cloned());
    }
    sentences.extend(landscape.remarks().iter().cloned());
    sentences.extend(conclusions(landscape));
    sentences.extend(recording(landscape));
    sentences.extend(landscape.outlook().map(str::to_string));
    sentences
}

/// The loss of the final model, or else of what the first slice lies around.
fn losses(landscape: &Landscape) -> Option<String> {
    let slices = landscape.slices();
    let is_final = |it: &&SliceSurface| it.slice.centre == "final";
    let slice = &slices.iter().find(is_final).or(slices.first())?.slice;
    let what = match slice.centre.as_str() {
        "final" => "Final loss".to_string(),
        centre => format!("Loss at the centre `{centre}`:"),
    };
    let last = landscape.recording().last_loss();
    let last = last.map_or(String::new(), |loss| {
        format!("; the last training step had {}", words::number(loss))
    });
    let loss = words::number(slice.centre_loss);
    Some(format!("{what} {loss} over {} {}{last}.", slice.samples, words::unit(&slice.unit)))
}

/// On what all losses were measured, and how sure they are.
fn measured_on(landscape: &Landscape) -> Vec<String> {
    let Some(first) = landscape.slices().first() else {
        return Vec::new();
    };
    let stderrs = landscape.slices().iter().flat_map(|slice| slice.surface.stderrs());
    let finite: Vec<f64> = stderrs.copied().filter(|it| it.is_finite()).collect();
    let unit = words::unit(&first.slice.unit);
    let mean = words::mean_over("loss", first.slice.samples as usize, unit);
    let plan = landscape.plan().filter(|plan| plan.slices.contains(&first.slice.slice));
    let some = plan.filter(|plan| !plan.batches.is_empty());
    let some = some.and_then(|it| words::some_batches(it.batches.len(), it.of_batches as usize));
    std::iter::once(mean).chain(some).chain([words::standard_error(&finite)]).collect()
}

/// How little slices are among all parameters, and what was assumed of these.
fn parameters(landscape: &Landscape) -> Vec<String> {
    let Some(layout) = landscape.layout() else {
        return Vec::new();
    };
    let slices = landscape.slices();
    let directions = slices.iter().map(|it| axes(&it.slice).count()).max();
    let few = |directions| Caveat::FewDirections { parameters: layout.len(), directions };
    let slice = directions.map(|directions| few(directions).to_string());
    let is_drawn = slices.iter().any(|it| axes(&it.slice).any(|axis| axis.kind == "random"));
    let guessed = words::guessed_filters(layout).filter(|_| is_drawn);
    slice.into_iter().chain(guessed).collect()
}

/// What a slice along principal components holds of the path of training.
fn trajectory(slice: &SliceSurface) -> Vec<String> {
    let path = &slice.trajectory;
    if components(&slice.slice).is_empty() || path.explained.is_empty() {
        return Vec::new();
    }
    caveats_of_path(&slice.slice, path).iter().map(Caveat::to_string).collect()
}

fn surface(slice: &SliceSurface) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(extremes(slice));
    sentences.extend(slice.curvature().map(|it| named(slice, &words::curvature(&it))));
    let counts = slice.surface.counts();
    if counts.unmeasured + counts.interpolated + counts.non_finite > 0 {
        sentences.push(named(slice, &words::nodes(counts)));
    }
    let farthest = slice.surface.farthest_finite(&slice.gram);
    let finite = words::finite_losses(counts, farthest, last_finite(slice));
    sentences.extend(finite.map(|it| named(slice, &it)));
    sentences.extend(interpolation(slice));
    sentences
}

/// The last snapshot whose own loss is finite.
fn last_finite(slice: &SliceSurface) -> Option<(usize, f64)> {
    let losses = slice.trajectory.snapshots.iter().zip(slice.trajectory.loss.iter());
    let mut finite = losses.filter(|(_, loss)| loss.is_finite());
    finite.next_back().map(|(&snapshot, &loss)| (snapshot as usize, loss))
}

/// How close interpolation comes to what would be measured.
fn interpolation(slice: &SliceSurface) -> Option<String> {
    let (miss, tolerance) = (slice.largest_miss?, slice.slice.tolerance?);
    let (counts, range) = (slice.surface.counts(), slice.surface.range());
    let error = slice.estimated_error.unwrap_or(miss);
    Some(match error <= tolerance * range.unwrap_or(0.0) {
        true => words::interpolation(counts, miss, tolerance, range),
        false => named(slice, &words::interpolation_cut_short(counts, error, range)),
    })
}

/// A sentence with the slice that it is about.
fn named(slice: &SliceSurface, sentence: &str) -> String {
    format!("{} `{}`: {sentence}", kind(slice), slice.slice.name)
}

fn kind(slice: &SliceSurface) -> &'static str {
    if slice.slice.y.is_some() { "Surface" } else { "Line" }
}

fn extremes(slice: &SliceSurface) -> Option<String> {
    let (lowest, highest) = (slice.surface.lowest()?, slice.surface.highest()?);
    let place = |it: &Extreme| match slice.slice.y {
        Some(_) => format!("({}, {})", words::number(it.alpha), words::number(it.beta)),
        None => words::number(it.alpha),
    };
    Some(format!(
        "{} `{}`: lowest node {} at {}, highest {} at {}.",
        kind(slice),
        slice.slice.name,
        words::number(lowest.loss),
        place(&lowest),
        words::number(highest.loss),
        place(&highest),
    ))
}

/// How far a slice reaches; of a random one also its seeds, and the angle that a picture hides.
fn provenance(slice: &SliceSurface) -> Vec<String> {
    let caveats = caveats_of_slice(&slice.slice, None).into_iter();
    let chosen = caveats.filter(|it| matches!(it, Caveat::Seeds(_) | Caveat::Reach { .. }));
    let mut sentences: Vec<String> = chosen.map(|it| named(slice, &it.to_string())).collect();
    let is_drawn = axes(&slice.slice).any(|axis| axis.seed.is_some());
    if is_drawn && slice.slice.y.is_some() {
        sentences.push(named(slice, &words::angle(&slice.gram)));
    }
    sentences
}

/// What may and may not be concluded from what there is to see, each once.
fn conclusions(landscape: &Landscape) -> Vec<String> {
    let slices = landscape.slices();
    let compared = landscape.studies().iter().any(|it| it.kind == "initial-and-trained");
    let seen = [
        (ROUND_BOWL, slices.iter().any(|it| is_random(it) && is_bowl(it) == Some(true))),
        (BARRIER, slices.iter().any(|it| is_bowl(it) == Some(false))),
        (WIDER_BOWL, compared),
        (TWO_COMPONENTS, slices.iter().any(|it| !components(&it.slice).is_empty())),
        (CLIMBS, slices.iter().any(is_on_a_hill)),
        (SMALL_CURVATURE, slices.iter().any(|it| it.curvature().is_some())),
        (HOLES, slices.iter().any(|it| it.surface.counts().non_finite > 0)),
    ];
    let seen = seen.into_iter().filter(|(_, is_seen)| *is_seen);
    seen.map(|(line, _)| words::conclusion(&CONCLUSIONS[line])).collect()
}

fn is_random(slice: &SliceSurface) -> bool {
    axes(&slice.slice).all(|axis| axis.kind == "random")
}

/// Whether a surface looks like one; `None` where too little is known of it.
fn is_bowl(slice: &SliceSurface) -> Option<bool> {
    let convexity = Measures::of(&slice.surface, &slice.gram).convexity;
    convexity.map(|share| share >= CONVEX)
}

/// Whether a snapshot is drawn at quite another loss than its own.
fn is_on_a_hill(slice: &SliceSurface) -> bool {
    let range = slice.surface.range().unwrap_or(f64::INFINITY);
    match loss_gap(&slice.trajectory, slice.slice.y.is_none()) {
        Some(Caveat::LossGap { loss, on_slice, .. }) => (loss - on_slice).abs() > ON_A_HILL * range,
        _ => false,
    }
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
