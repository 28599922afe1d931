//! A word that is none of those expected.

/// A word that names nothing of what it could, with what it could have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is none of {expected}")]
pub struct UnknownWord {
    /// What was given.
    pub found: String,
    /// What would have been understood.
    pub expected: &'static str,
}
