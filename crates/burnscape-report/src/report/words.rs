//! The words of honesty that stand beside a picture of a slice.

use burnscape_landscape::words as honest;
use burnscape_trace::{Axis, Slice as Record, Trajectory};

use crate::run::Run;
use crate::slice::Slice;

/// Sentences on what a slice shows and what it does not.
pub(super) fn of_slice(slice: &Slice, run: &Run) -> Vec<String> {
    let record = &slice.record;
    let mut words = vec![honest::nodes(slice.surface.counts())];
    words.push(honest::slice(parameters(run), 1 + usize::from(record.y.is_some())));
    let seeds: Vec<u64> = axes(record).filter_map(|axis| axis.seed).collect();
    if !seeds.is_empty() {
        words.push(honest::seeds(&seeds));
    }
    words.push(honest::range(reach(record), record.centre_norm));
    if record.samples > 0 {
        let unit = honest::unit(&record.unit);
        words.push(honest::mean_over("loss", record.samples as usize, unit));
    }
    words.push(honest::standard_error(slice.surface.stderrs()));
    if !record.normalisation.is_empty() {
        let (scaled, biases) = (&record.normalisation, &record.biases);
        words.push(format!("Directions scaled by {scaled}; biases and norm parameters: {biases}."));
    }
    words.extend(slice.trajectory.iter().flat_map(|path| of_path(path, record)));
    let study = record.study.and_then(|number| run.studies.get(&number));
    words.extend(study.iter().flat_map(|study| study.sentences.iter().cloned()));
    words
}

fn of_path(path: &Trajectory, record: &Record) -> Vec<String> {
    let mut words = Vec::new();
    let is_pca = axes(record).any(|axis| axis.explained.is_some());
    if is_pca && path.explained.len() >= 2 {
        let shown = path.explained.len().min(2);
        let walk = &path.random_walk[..path.random_walk.len().min(2)];
        words.push(honest::explained_variance(&path.explained[..shown], path.x.len(), walk));
    }
    let worst = path.out_of_plane_share.iter().copied().filter(|share| share.is_finite());
    if let Some(worst) = worst.max_by(f64::total_cmp) {
        words.push(format!(
            "Snapshots are drawn where they project to; of the worst one {} of the squared distance from the centre lies outside the slice.",
            honest::percent(worst)
        ));
    }
    words
}

fn axes(record: &Record) -> impl Iterator<Item = &Axis> {
    std::iter::once(&record.x).chain(&record.y)
}

fn parameters(run: &Run) -> usize {
    let of_block = |shape: &[u64]| shape.iter().copied().fold(1, u64::saturating_mul);
    let all = run.head.blocks.iter().map(|block| of_block(&block.shape));
    all.fold(0, u64::saturating_add) as usize
}

/// Distance of the farthest corner from the centre, in the units of the parameters.
fn reach(record: &Record) -> f64 {
    let ends = |axis: &Axis| {
        let last = axis.first as f64 + axis.count.saturating_sub(1) as f64;
        [axis.first as f64, last].map(|index| index * axis.spacing * axis.direction_norm)
    };
    let (across, up) = (ends(&record.x), record.y.as_ref().map_or([0.0; 2], ends));
    let cosine = record.cosine.unwrap_or(0.0);
    let corners = across.iter().flat_map(|&a| up.iter().map(move |&b| (a, b)));
    let squares = corners.map(|(a, b)| a * a + b * b + 2.0 * a * b * cosine);
    squares.fold(0.0, f64::max).sqrt()
}
