//! Pictures that are compared: slices of several runs that were measured the same way, and why others were not.

use std::collections::BTreeMap;

use burnscape_trace::AxisKind;

use super::candidate::RunBeside;
use super::numbers;
use super::way::Way;
use crate::Landscape;

/// The same slice of several runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Picture {
    /// What it is called in most runs, such as `random`.
    pub name: String,
    /// Of each run that has it, by its place among all, the number of the slice in that run.
    pub slices: Vec<(usize, u32)>,
    /// Lowest and highest finite loss of all: their common scale.
    pub scale: Option<(f64, f64)>,
    /// Numbers of the slices by name, in their order; NaN where one is undefined.
    pub numbers: BTreeMap<&'static str, Vec<f64>>,
}

/// A slice that could be compared.
struct Entry<'a> {
    run: usize,
    landscape: &'a Landscape,
    way: Way,
    /// Place among those of the run that were measured the same way.
    rank: usize,
}

/// The pictures, those of most runs first, and what was not measured the same way.
pub(super) fn paired(runs: &[RunBeside]) -> (Vec<Picture>, Vec<String>) {
    let entries = entries(runs);
    let groups = groups(&entries);
    let (mut shared, alone): (Vec<_>, Vec<_>) = groups.into_iter().partition(|it| it.len() > 1);
    shared.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut remarks: Vec<String> =
        shared.iter().filter_map(|group| unknown_samples(group, runs)).collect();
    remarks.extend(alone.iter().map(|group| why_alone(group[0], &shared, &entries, runs)));
    remarks.extend(own_directions(runs));
    remarks.extend(without_slices(&entries, runs));
    (shared.iter().map(|group| picture(group)).collect(), remarks)
}

fn entries(runs: &[RunBeside]) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry> = Vec::new();
    for (run, beside) in runs.iter().enumerate() {
        for landscape in beside.run.landscapes().offered() {
            let Some(way) = Way::of(landscape.slice()) else { continue };
            if landscape.surface().is_err() {
                continue;
            }
            let is_alike = |it: &&Entry| it.run == run && it.way == way;
            let rank = entries.iter().filter(is_alike).count();
            entries.push(Entry { run, landscape, way, rank });
        }
    }
    entries
}

/// Slices whose samples are unknown join those of known ones, not the other way round.
fn groups<'e, 'a>(entries: &'e [Entry<'a>]) -> Vec<Vec<&'e Entry<'a>>> {
    let mut groups: Vec<Vec<&Entry>> = Vec::new();
    let (known, unknown): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.way.fingerprint.is_some());
    for entry in known.into_iter().chain(unknown) {
        let fits = |group: &&mut Vec<&Entry>| {
            let is_like = |it: &&Entry| it.rank == entry.rank && it.way.is_same(&entry.way);
            group.iter().all(is_like) && group.iter().all(|it| it.run != entry.run)
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    groups.iter_mut().for_each(|group| group.sort_by_key(|entry| entry.run));
    groups
}

fn picture(group: &[&Entry]) -> Picture {
    let surfaces = || group.iter().filter_map(|entry| entry.landscape.surface().ok());
    let lowest = surfaces().filter_map(|it| Some(it.lowest()?.loss)).min_by(f64::total_cmp);
    let highest = surfaces().filter_map(|it| Some(it.highest()?.loss)).max_by(f64::total_cmp);
    let slices = group.iter().map(|entry| (entry.run, entry.landscape.slice().slice)).collect();
    let name = group[0].landscape.slice().name.clone();
    let mut columns: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for entry in group {
        for (name, value) in numbers::of_slice(entry.landscape) {
            columns.entry(name).or_default().push(value);
        }
    }
    Picture { name, slices, scale: lowest.zip(highest), numbers: columns }
}

fn unknown_samples(group: &[&Entry], runs: &[RunBeside]) -> Option<String> {
    let is_unknown = |entry: &&&Entry| entry.way.fingerprint.is_none();
    let names: Vec<&str> =
        group.iter().filter(is_unknown).map(|it| runs[it.run].name.as_str()).collect();
    let name = &group[0].landscape.slice().name;
    (!names.is_empty()).then(|| {
        format!(
            "Which samples `{name}` was measured on is not recorded of {}: as many as in the others, perhaps not the same \
             (`batches_named` tells it where outputs hold no targets).",
            names.join(", ")
        )
    })
}

/// Held against the slice of another run that it differs least from.
fn why_alone(
    entry: &Entry,
    shared: &[Vec<&Entry>],
    entries: &[Entry],
    runs: &[RunBeside],
) -> String {
    let (own, name) = (&runs[entry.run].name, &entry.landscape.slice().name);
    let of_shared = shared.iter().map(|group| group[0]);
    let others = of_shared.chain(entries).filter(|other| other.run != entry.run);
    // Where samples are unknown, those of one may be the same and those of another not: what differs for sure tells more.
    let nearest = others.min_by_key(|other| {
        (
            other.way != entry.way,
            entry.way.is_same(&other.way),
            entry.way.differences(&other.way).len(),
        )
    });
    let Some(nearest) = nearest else {
        return format!(
            "{own}: `{name}` has nothing beside it, since no other run has a random slice."
        );
    };
    let differences = entry.way.differences(&nearest.way);
    let (other, its) = (&runs[nearest.run].name, &nearest.landscape.slice().name);
    match differences.is_empty() {
        true => {
            format!("{own}: `{name}` has nothing beside it: other runs have fewer such slices.")
        }
        false => format!(
            "{own}: `{name}` is not compared with `{its}` of {other}, which was measured otherwise: {}.",
            differences.join(", ")
        ),
    }
}

/// Slices along directions that no other run has.
fn own_directions(runs: &[RunBeside]) -> Option<String> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for run in runs {
        for landscape in run.run.landscapes().offered() {
            let slice = landscape.slice();
            let mut axes = std::iter::once(&slice.x).chain(&slice.y);
            if axes.any(|axis| axis.kind != AxisKind::Random) {
                names.entry(&slice.name).or_default().push(&run.name);
            }
        }
    }
    let told: Vec<String> =
        names.iter().map(|(slice, runs)| format!("`{slice}` of {}", runs.join(", "))).collect();
    (!told.is_empty()).then(|| {
        format!("Not compared, since their directions are those of each run: {}.", told.join("; "))
    })
}

fn without_slices(entries: &[Entry], runs: &[RunBeside]) -> Option<String> {
    let has_none = |run: &usize| entries.iter().all(|entry| entry.run != *run);
    let names: Vec<&str> =
        (0..runs.len()).filter(has_none).map(|run| runs[run].name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "No random slice was measured of {}: there is no picture to compare.",
            names.join(", ")
        )
    })
}
