//! How a slice was measured: what must be equal for two pictures to be compared, in words.

use burnscape_landscape::words;
use burnscape_trace::{Axis, AxisKind, BatchNormMode, Slice};

/// How a slice was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    /// What, and how it was.
    facts: Vec<(&'static str, String)>,
    /// Of its samples; `None`: unknown.
    pub fingerprint: Option<String>,
}

impl Way {
    /// `None` where a direction is a run's own.
    pub fn of(slice: &Slice) -> Option<Self> {
        let axes = || std::iter::once(&slice.x).chain(&slice.y);
        if axes().any(|axis| axis.kind != AxisKind::Random) {
            return None;
        }
        let grid: Vec<String> = axes().map(extent).collect();
        let moved = |is_moved: bool| if is_moved { "moved" } else { "not moved" };
        let facts = vec![
            ("centre", slice.centre.clone()),
            ("grid", grid.join(" by ")),
            ("directions scaled by", slice.normalisation.to_string()),
            ("biases", slice.biases.to_string()),
            ("frozen parameters", moved(slice.moves_frozen).to_owned()),
            ("BatchNorm statistics", statistics(&slice.batchnorm)),
            ("loss", slice.loss.to_string()),
            ("mean over", size(slice)),
        ];
        let fingerprint = Some(slice.fingerprint.clone()).filter(|it| !it.is_empty());
        Some(Self { facts, fingerprint })
    }

    /// As far as is known.
    pub fn is_same(&self, other: &Self) -> bool {
        self.facts == other.facts && !self.has_other_samples(other)
    }

    fn has_other_samples(&self, other: &Self) -> bool {
        let both = self.fingerprint.as_ref().zip(other.fingerprint.as_ref());
        both.is_some_and(|(a, b)| a != b)
    }

    /// In what it differs from another, as in `grid … against …`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let pairs = self.facts.iter().zip(&other.facts).filter(|(a, b)| a != b);
        let mut told: Vec<String> =
            pairs.map(|((what, own), (_, its))| format!("{what} {own} against {its}")).collect();
        if self.has_other_samples(other) {
            told.push("other samples".to_owned());
        }
        told
    }
}

/// In what a slice was measured otherwise than another one, as in `grid … against …`; nothing where both were measured the
/// same way.
#[must_use]
pub fn slice_differences(slice: &Slice, other: &Slice) -> Vec<String> {
    match (Way::of(slice), Way::of(other)) {
        (Some(own), Some(other)) => own.differences(&other),
        _ => vec!["along directions of its own".to_owned()],
    }
}

/// Nodes and range, in units of the direction.
fn extent(axis: &Axis) -> String {
    let last = axis.first.saturating_add_unsigned(axis.count.saturating_sub(1));
    let [low, high] = [axis.first, last].map(|node| node as f64 * axis.spacing);
    format!("{} nodes from {low} to {high}", axis.count)
}

/// A model without BatchNorm has no statistics to treat: it is compared with those that keep theirs.
fn statistics(mode: &BatchNormMode) -> String {
    match mode.as_str() {
        "none" | "centre" | "" => "kept as they are".to_owned(),
        other => other.to_owned(),
    }
}

fn size(slice: &Slice) -> String {
    format!("{} {} in {} batches", slice.samples, words::unit(&slice.unit), slice.batches)
}
