//! Several runs beside each other: one plane for all of them, lines and swapped units between their models.

mod align;
mod barrier;
mod bend;
mod connect;
mod folder;
mod joint;
mod measured;
mod runs;
mod through;
mod words;

pub use align::Aligned;
pub use barrier::{BarrierLine, Barriers};
pub use bend::BentPathSpec;
pub use connect::BentPath;
pub use joint::JointPlane;
pub use measured::Comparison;
pub use runs::{ComparedRun, Runs};
