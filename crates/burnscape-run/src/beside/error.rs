//! Why runs cannot be compared.

use std::fmt;

/// Why runs cannot be compared, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompareError {
    /// Fewer than two runs are left.
    TooFew {
        /// How many.
        fit: usize,
        /// Why the others are not, separated by semicolons.
        reasons: String,
    },
    /// No run is on a side that was named.
    EmptySide {
        /// Its name.
        side: String,
        /// What its runs were to be called.
        pattern: String,
    },
}

impl fmt::Display for CompareError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFew { fit, reasons } if reasons.is_empty() => {
                write!(out, "a comparison takes two runs or more, and {fit} was given: name more")
            }
            Self::TooFew { fit, reasons } => write!(
                out,
                "a comparison takes two runs or more, of which {fit} is left; left out: {reasons}"
            ),
            Self::EmptySide { side, pattern } => write!(
                out,
                "no run is called like `{pattern}`, so that the side `{side}` is empty: a side takes from the runs given \
                 those whose folder or path is like the pattern, where * stands for anything"
            ),
        }
    }
}

impl std::error::Error for CompareError {}
