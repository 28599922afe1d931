//! What can be concluded: sides with intervals over seeds, differences, and how far sharpness goes with validation loss.

use burnscape_landscape::statistics::{self, Interval};
use burnscape_landscape::words::number;

use super::candidate::RunBeside;
use super::numbers::{OF_LAYER, OF_RUN, OF_SLICE, SHARPNESS};
use super::pictures::{Picture, PictureLayer};

/// Runs that stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// Its runs, by their places among all.
    pub runs: Vec<usize>,
}

/// One number of every run and of every side.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// As records name it, such as `lambda_max`.
    pub name: String,
    /// What it is, in words.
    pub label: String,
    /// Of each run; NaN where it is undefined or not known.
    pub runs: Vec<f64>,
    /// Of each side.
    pub sides: Vec<SideValue>,
    /// Of each side what it has more than the first, where both have an interval.
    pub differences: Vec<Option<Interval>>,
}

/// The number of a side.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SideValue {
    /// Mean over its runs of which it is known; NaN where it is of none.
    pub mean: f64,
    /// The interval over seeds, with two or more of them.
    pub interval: Option<Interval>,
    /// Over how many runs.
    pub count: usize,
}

impl Side {
    pub(super) fn all(runs: &[RunBeside]) -> Vec<Self> {
        let mut sides: Vec<Self> = Vec::new();
        for (place, run) in runs.iter().enumerate() {
            match sides.iter_mut().find(|side| side.name == run.side) {
                Some(side) => side.runs.push(place),
                None => sides.push(Self { name: run.side.clone(), runs: vec![place] }),
            }
        }
        sides
    }
}

pub(super) fn rows(runs: &[RunBeside], sides: &[Side], picture: Option<&Picture>) -> Vec<Row> {
    let further = runs.iter().flat_map(|run| run.numbers.keys());
    let mut sharpness: Vec<&String> = further.filter(|it| it.starts_with(SHARPNESS)).collect();
    sharpness.sort_unstable();
    sharpness.dedup();
    let of_run = OF_RUN.into_iter().chain(sharpness.iter().map(|it| (it.as_str(), it.as_str())));
    let told = |name: &str| -> Vec<f64> {
        runs.iter().map(|run| run.numbers.get(name).copied().unwrap_or(f64::NAN)).collect()
    };
    let mut rows: Vec<Row> =
        of_run.map(|(name, label)| row(name, label, told(name), sides)).collect();
    if let Some(picture) = picture {
        let of_slice = |name: &str| {
            let mut values = vec![f64::NAN; runs.len()];
            for ((run, _), value) in picture.slices.iter().zip(&picture.numbers[name]) {
                values[*run] = *value;
            }
            values
        };
        rows.extend(OF_SLICE.map(|(name, label)| row(name, label, of_slice(name), sides)));
        rows.extend(picture.layers.iter().flat_map(|layer| of_layer(runs, sides, picture, layer)));
    }
    rows.retain(|row| row.runs.iter().any(|value| !value.is_nan()));
    rows
}

/// Rows of a further layer, called as in `valid loss: share of convex nodes`.
fn of_layer<'a>(
    runs: &'a [RunBeside],
    sides: &'a [Side],
    picture: &'a Picture,
    layer: &'a PictureLayer,
) -> impl Iterator<Item = Row> + 'a {
    OF_LAYER.into_iter().map(move |(name, label)| {
        let mut values = vec![f64::NAN; runs.len()];
        for ((run, _), value) in picture.slices.iter().zip(&layer.numbers[name]) {
            values[*run] = *value;
        }
        let [name, label] = [name, label].map(|it| format!("{}: {it}", layer.name));
        row(&name, &label, values, sides)
    })
}

pub(super) fn row(name: &str, label: &str, runs: Vec<f64>, sides: &[Side]) -> Row {
    let known = |side: &Side| -> Vec<f64> {
        side.runs.iter().map(|&run| runs[run]).filter(|value| !value.is_nan()).collect()
    };
    let values: Vec<Vec<f64>> = sides.iter().map(known).collect();
    let of_side = |values: &Vec<f64>| SideValue {
        mean: values.iter().sum::<f64>() / values.len() as f64,
        interval: statistics::mean(values),
        count: values.len(),
    };
    let first = values.first().cloned().unwrap_or_default();
    let difference = |values: &Vec<f64>| statistics::difference(&first, values);
    let differences = values.iter().map(difference).collect();
    let sides = values.iter().map(of_side).collect();
    Row { name: name.to_owned(), label: label.to_owned(), runs, sides, differences }
}

/// Of every row and every further side whether the difference to the first one lies beyond what seeds explain.
pub(super) fn differences(rows: &[Row], sides: &[Side]) -> Vec<String> {
    let Some((first, others)) = sides.split_first() else { return Vec::new() };
    let mut told: Vec<String> = alone(sides).into_iter().collect();
    for (place, side) in others.iter().enumerate().map(|(place, side)| (place + 1, side)) {
        if first.runs.len() < 2 || side.runs.len() < 2 {
            continue;
        }
        told.extend(rows.iter().filter_map(|row| difference(row, place, [first, side])));
        told.push(format!(
            "Intervals are the middle 95 % of the bootstrap over {} and {} seeds; of so few they are too narrow.",
            first.runs.len(),
            side.runs.len()
        ));
    }
    told
}

/// Which sides are one run each.
fn alone(sides: &[Side]) -> Option<String> {
    let alone = sides.iter().filter(|side| side.runs.len() < 2);
    let names: Vec<&str> = alone.map(|side| side.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "One run on a side ({}) tells nothing of seeds: any difference from it may be chance.",
            names.join(", ")
        )
    })
}

fn difference(row: &Row, place: usize, [first, side]: [&Side; 2]) -> Option<String> {
    let found = row.differences[place]?;
    let means = format!(
        "{}: {} {}, {} {}",
        row.label,
        first.name,
        with_interval(&row.sides[0]),
        side.name,
        with_interval(&row.sides[place])
    );
    Some(match found.holds(0.0) {
        _ if found.value == 0.0 && found.low == found.high => format!("{means}: no difference."),
        true => {
            format!("{means}; the difference of {} lies inside what seeds alone give.", told(found))
        }
        false => {
            format!("{means}; the difference of {} lies beyond what these seeds give.", told(found))
        }
    })
}

fn told(interval: Interval) -> String {
    let Interval { value, low, high } = interval;
    format!("{} ({} to {})", number(value), number(low), number(high))
}

/// A mean with its interval, where it has one.
fn with_interval(value: &SideValue) -> String {
    value.interval.map_or_else(|| number(value.mean), told)
}

impl SideValue {
    /// As in `0.81 (0.7 to 0.9)`; a dash where it is not known.
    #[must_use]
    pub fn in_words(&self) -> String {
        if self.count == 0 { "–".to_owned() } else { with_interval(self) }
    }
}

impl Row {
    /// What a side has more than the first, with its interval; a dash where that is not known.
    #[must_use]
    pub fn difference_in_words(&self, side: usize) -> String {
        let known = self.differences.get(side).copied().flatten();
        known.map_or_else(|| "–".to_owned(), told)
    }
}

/// Rows that say how sharp the loss is.
fn is_of_sharpness(row: &&Row) -> bool {
    ["lambda_max", "trace", "largest_curvature"].contains(&row.name.as_str())
        || row.name.starts_with(SHARPNESS)
}

/// Kendall's τ of each measure of sharpness against the validation loss over the runs, with its interval.
pub(super) fn correlations(rows: &[Row]) -> Vec<String> {
    let Some(losses) = rows.iter().find(|row| row.name == "valid_loss") else { return Vec::new() };
    let correlation = |row: &Row| {
        let both = row.runs.iter().copied().zip(losses.runs.iter().copied());
        let pairs: Vec<(f64, f64)> = both.filter(|(a, b)| a.is_finite() && b.is_finite()).collect();
        let tau = statistics::kendall_tau_with_interval(&pairs)?;
        let means = if tau.holds(0.0) { "no order that these runs could tell" } else { "an order" };
        Some(format!(
            "Kendall's τ of {} and the validation loss over {} runs: {}, {means}.",
            row.label,
            pairs.len(),
            told(tau)
        ))
    };
    let mut sentences: Vec<String> =
        rows.iter().filter(is_of_sharpness).filter_map(correlation).collect();
    if !sentences.is_empty() {
        sentences.push(
            "Sharpness need not go with generalisation: over other settings its correlation can vanish or turn round \
             (Andriushchenko et al. 2023, arXiv 2302.07011)."
                .to_owned(),
        );
    }
    sentences
}
