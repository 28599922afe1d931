//! Pictures that are compared: slices of several runs that were measured the same way, and why others were not.

use std::collections::BTreeMap;

use burnscape_landscape::words;
use burnscape_trace::{AxisKind, Layer};

use super::candidate::RunBeside;
use super::numbers;
use super::way::Way;
use crate::{Landscape, Quantity};

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
    /// What else was measured at the nodes of two slices or more, such as a validation loss.
    pub layers: Vec<PictureLayer>,
}

/// A further quantity of the slices of a picture.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PictureLayer {
    /// What it is, such as `valid loss`.
    pub name: String,
    /// Lowest and highest finite value of all slices: their common scale.
    pub scale: Option<(f64, f64)>,
    /// Numbers of the slices by name, in the order of the slices; NaN where a slice has no such layer, or has it of other
    /// samples, and where one is undefined.
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
    let mut pictures = Vec::new();
    for group in &shared {
        let (layers, left_out) = layers(group, runs);
        pictures.push(picture(group, layers));
        remarks.extend(left_out);
    }
    (pictures, remarks)
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

/// The layers of two slices or more, and why those of some are not compared: a layer is over the samples that the first
/// slice with it was measured on.
fn layers(group: &[&Entry], runs: &[RunBeside]) -> (Vec<PictureLayer>, Vec<String>) {
    let records = || group.iter().flat_map(|entry| &entry.landscape.slice().layers);
    let mut firsts: Vec<&Layer> = Vec::new();
    for layer in records() {
        if firsts.iter().all(|known| known.name != layer.name) {
            firsts.push(layer);
        }
    }
    let (mut layers, mut remarks) = (Vec::new(), Vec::new());
    for first in firsts {
        let own = |entry: &Entry| -> Option<Layer> {
            entry.landscape.slice().layers.iter().find(|it| it.name == first.name).cloned()
        };
        let others =
            group.iter().filter(|entry| own(entry).is_some_and(|it| !is_alike(&it, first)));
        let others: Vec<&str> = others.map(|entry| runs[entry.run].name.as_str()).collect();
        if !others.is_empty() {
            let told = (&first.name, others.join(", "), size_of(first));
            remarks.push(format!(
                "`{}` of {} is not compared: others have {} of it.",
                told.0, told.1, told.2
            ));
        }
        let fits = |entry: &&Entry| own(entry).is_some_and(|it| is_alike(&it, first));
        if group.iter().filter(|entry| fits(entry)).count() > 1 {
            layers.push(layer(&first.name, group, &|entry| fits(&entry)));
        }
    }
    (layers, remarks)
}

fn is_alike(layer: &Layer, other: &Layer) -> bool {
    let way = |it: &Layer| (it.samples, it.unit.clone(), it.batches);
    way(layer) == way(other)
}

fn size_of(layer: &Layer) -> String {
    format!("{} {} in {} batches", layer.samples, words::unit(&layer.unit), layer.batches)
}

fn layer(name: &str, group: &[&Entry], fits: &dyn Fn(&Entry) -> bool) -> PictureLayer {
    let found: Vec<Option<Quantity<'_>>> = group
        .iter()
        .map(|entry| entry.landscape.quantity_named(name).filter(|_| fits(entry)))
        .collect();
    let ranges = found.iter().flatten().filter_map(Quantity::range);
    let scale = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let mut columns: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for (entry, found) in group.iter().zip(&found) {
        for (name, value) in numbers::of_layer(entry.landscape, found.as_ref()) {
            columns.entry(name).or_default().push(value);
        }
    }
    PictureLayer { name: name.to_owned(), scale, numbers: columns }
}

fn picture(group: &[&Entry], layers: Vec<PictureLayer>) -> Picture {
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
    Picture { name, slices, scale: lowest.zip(highest), numbers: columns, layers }
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
