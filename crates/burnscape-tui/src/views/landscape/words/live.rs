//! Words on the path of training while it goes on.

use burnscape_trace::Trajectory;
use ratatui::text::Line;

use super::lines::{heading, paragraph};
use super::{Words, last_loss, path};
use crate::model::{OF_LIVE_PATH, Run, caveats_of_live_path};
use crate::widgets::facts::{self, Fact};
use crate::widgets::text;

const SURFACE_COMES: &str = "The surface comes when training ends.";

/// What the words are about.
pub(in super::super) struct LivePath<'a> {
    pub(in super::super) run: &'a Run,
    pub(in super::super) path: &'a Trajectory,
}

impl Words for LivePath<'_> {
    fn compact(&self, width: usize) -> Vec<Line<'static>> {
        let mut lines = facts::flowed(&self.facts(), width);
        lines.extend(text::wrapped(SURFACE_COMES, width).into_iter().map(Line::raw));
        lines
    }

    fn sentences(&self, width: usize) -> Vec<Line<'static>> {
        let mut lines = facts::flowed(&self.facts(), width);
        lines.push(Line::default());
        lines.extend(heading("The path so far", width));
        let caveats = caveats_of_live_path(self.path);
        lines.extend(caveats.iter().flat_map(|it| paragraph(&it.to_string(), width)));
        lines.push(Line::default());
        lines.extend(text::wrapped(SURFACE_COMES, width).into_iter().map(Line::raw));
        lines
    }
}

impl LivePath<'_> {
    fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![last_loss(self.run), self.snapshots()];
        facts.extend(path::explained(self.path, &OF_LIVE_PATH));
        facts.extend(path::out_of_plane(self.path));
        facts
    }

    /// How many snapshots the path has, and which comes last.
    fn snapshots(&self) -> Fact {
        let count = self.path.snapshots.len();
        let last = self.path.snapshots.last();
        let last = last.map_or(String::new(), |number| format!(" (last {number})"));
        Fact::new("snapshots T", format!("{count}{last}"))
    }
}
