//! Filters of parameters that burnscape cannot know.

use burnscape_landscape::layout::Filters;

/// The filters that the user fixed for one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterOverride {
    pub path: String,
    pub filters: Filters,
}

impl FilterOverride {
    pub fn groups(path: impl Into<String>, groups: usize) -> Self {
        Self { path: path.into(), filters: Filters::GroupedAxis1 { groups } }
    }
}
