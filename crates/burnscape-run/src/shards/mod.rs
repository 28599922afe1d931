//! Slices that several processes measure without knowing each other: their plans, the part that each has measured, and
//! what they come to together.

mod follow;
mod gathered;
mod merge;
mod part;
mod plan;

pub use follow::ShardsFollower;
pub use gathered::{Gap, Gathered};
pub use merge::{Merged, MergedSlice, Refused, merge};
pub use part::Part;
pub use plan::{Difference, SharedSlice, UNLIKE_HARDWARE};
