//! Filters of parameters that burnscape cannot know.

use burnscape_landscape::layout::Filters;

/// The filters that the user fixed for one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterOverride {
    pub path: String,
    pub filters: Filters,
}
