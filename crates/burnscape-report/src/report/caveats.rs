//! The caveats that stand beside a picture of a slice.

use burnscape_landscape::topology::MergeTree;
use burnscape_landscape::words as honest;
use burnscape_run::{
    Caveat, caveat_of_plan, caveat_of_stop, caveats_of_path, caveats_of_slice, caveats_of_values,
};

use crate::run::Run;
use crate::slice::Slice;

/// Basins that have a sentence of their own.
const MOST_BASINS: usize = 9;

/// Sentences on what a slice shows and what it does not.
pub(super) fn of_slice(slice: &Slice, run: &Run) -> Vec<String> {
    let record = &slice.record;
    let mut caveats = caveats_of_values("loss", record.samples, &record.unit, &slice.surface);
    caveats.extend(caveats_of_slice(record, Some(&run.head)));
    let mut plans = run.history.plans.iter().rev();
    caveats.extend(plans.find(|it| it.slices.contains(&record.slice)).and_then(caveat_of_plan));
    let scaled = (!record.normalisation.is_empty()).then(|| record.normalisation.clone());
    caveats.extend(scaled.map(Caveat::Scaled));
    caveats.extend(slice.trajectory.iter().flat_map(|path| caveats_of_path(record, path)));
    caveats.extend(caveat_of_stop(&slice.surface, run.standing.state()));
    let in_words = |caveat: &Caveat| match &slice.trajectory {
        Some(path) => caveat.of_path_in_words(path, &run.history.runs),
        None => caveat.to_string(),
    };
    let mut words: Vec<String> = caveats.iter().map(in_words).collect();
    words.extend(slice.basins().iter().flat_map(basins));
    let study = record.study.and_then(|number| run.studies.get(&number));
    words.extend(study.iter().flat_map(|study| study.sentences.iter().cloned()));
    words
}

/// What was counted; of several basins each by the number that it has in the picture.
fn basins(tree: &MergeTree) -> Vec<String> {
    let each = tree.numbered().filter(|_| tree.minima() > 1).take(MOST_BASINS);
    let each =
        each.map(|(number, basin, into)| format!("Basin {}.", honest::basin(number, basin, into)));
    std::iter::once(honest::topology(tree)).chain(each).collect()
}
