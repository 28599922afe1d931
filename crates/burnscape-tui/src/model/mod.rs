//! What is known about a run, built from its records one by one; drawing only reads it.
//!
//! Memory does not grow with the number of steps: series and heat maps merge into buckets that
//! keep the extremes, lists of words are bounded. It grows with blocks, snapshots and slices.

mod blocks;
mod heat;
mod landscape;
mod landscapes;
mod progress;
mod run;
mod series;

pub use blocks::{BlockRow, BlockStatus, Blocks};
pub use heat::{COLUMNS, HeatCell, HeatColumns};
pub use landscape::{Landscape, MAX_NODES, Quantity};
pub use landscapes::Landscapes;
pub use progress::{Pace, TrainingProgress};
pub use run::{Damage, Run, RunState};
pub use series::{BUCKETS, Bucket, Series};
