//! The caveats that stand beside a picture of a slice.

use burnscape_landscape::words as honest;
use burnscape_run::{caveats_of_path, caveats_of_slice};

use crate::run::Run;
use crate::slice::Slice;

/// Sentences on what a slice shows and what it does not.
pub(super) fn of_slice(slice: &Slice, run: &Run) -> Vec<String> {
    let record = &slice.record;
    let mut words = vec![honest::nodes(slice.surface.counts())];
    words.extend(caveats_of_slice(record, Some(&run.head)).iter().map(ToString::to_string));
    if record.samples > 0 {
        let unit = honest::unit(&record.unit);
        words.push(honest::mean_over("loss", record.samples as usize, unit));
    }
    words.push(honest::standard_error(slice.surface.stderrs()));
    let mut plans = run.history.plans.iter().rev();
    let plan = plans.find(|plan| plan.slices.contains(&record.slice)).filter(|it| !it.is_exact());
    words.extend(plan.map(|plan| plan.text.clone()));
    if !record.normalisation.is_empty() {
        words.push(format!("Directions scaled by {}.", record.normalisation));
    }
    let of_path = slice.trajectory.as_ref().map(|path| caveats_of_path(record, path));
    words.extend(of_path.iter().flatten().map(ToString::to_string));
    let study = record.study.and_then(|number| run.studies.get(&number));
    words.extend(study.iter().flat_map(|study| study.sentences.iter().cloned()));
    words
}
