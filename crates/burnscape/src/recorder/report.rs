//! What the writer thread tells about itself: how much it wrote, and what went wrong.

use burnscape_trace::Snapshot;

/// Sentences kept; further ones are only counted.
const MAX_PROBLEMS: usize = 20;

/// The state of a recording.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// Snapshots in the run.
    pub snapshots: Vec<Snapshot>,
    /// Optimizer steps in the run.
    pub steps: u64,
    /// Step records lost to a full queue.
    pub dropped_steps: u64,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
    /// What went wrong, each sentence once.
    pub problems: Vec<String>,
    /// How often something went wrong.
    pub problem_count: u64,
}

impl Report {
    /// Counts a problem; a new one is told once through `log`. Gives whether it is new.
    pub fn problem(&mut self, sentence: String) -> bool {
        self.problem_count += 1;
        if self.problems.contains(&sentence) || self.problems.len() == MAX_PROBLEMS {
            return false;
        }
        log::warn!("burnscape: {sentence}");
        self.problems.push(sentence);
        true
    }
}
