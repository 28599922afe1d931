//! In which order the list shows the runs.

use std::cmp::Ordering;

use super::row::Row;

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    /// As they were given; those of a folder by name.
    #[default]
    Given,
    /// The one that was started last.
    Newest,
    /// The lowest last loss; NaN and none last.
    Loss,
    /// The lowest validation loss of all epochs; none last.
    Best,
    /// The most alerts.
    Alerts,
}

impl Order {
    /// The next one.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Given => Self::Newest,
            Self::Newest => Self::Loss,
            Self::Loss => Self::Best,
            Self::Best => Self::Alerts,
            Self::Alerts => Self::Given,
        }
    }

    /// What it is in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Given => "by name",
            Self::Newest => "newest first",
            Self::Loss => "lowest loss first",
            Self::Best => "lowest validation loss first",
            Self::Alerts => "most alerts first",
        }
    }

    /// Sorts rows that are in the order given; equal ones stay in it.
    pub(crate) fn sort(self, rows: &mut [Row]) {
        rows.sort_by(|a, b| match self {
            Self::Given => Ordering::Equal,
            Self::Newest => started(b).total_cmp(&started(a)),
            Self::Loss => lossy(a.last_loss).total_cmp(&lossy(b.last_loss)),
            Self::Best => lossy(a.best_valid_loss).total_cmp(&lossy(b.best_valid_loss)),
            Self::Alerts => (b.errors, b.alerts).cmp(&(a.errors, a.alerts)),
        });
    }
}

fn started(row: &Row) -> f64 {
    row.started_unix_secs.filter(|at| at.is_finite()).unwrap_or(f64::NEG_INFINITY)
}

fn lossy(loss: Option<f64>) -> f64 {
    loss.filter(|loss| !loss.is_nan()).unwrap_or(f64::INFINITY)
}
