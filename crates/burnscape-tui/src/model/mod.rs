//! What is known about a run, built from its records one by one; drawing only reads it.
//!
//! Memory does not grow with the number of steps: series and heat maps merge into buckets that
//! keep the extremes, lists of words are bounded. It grows with blocks, taps, snapshots and slices.

mod alerts;
mod black_boxes;
mod block_columns;
mod block_histograms;
mod block_quantity;
mod block_series;
mod block_status;
mod blocks;
mod curvature;
mod landscape;
mod landscapes;
mod last_step;
mod latest;
mod metrics;
mod octave_columns;
mod progress;
mod quotient;
mod recent;
mod run;
mod series;
mod taps;

pub use alerts::{Alerts, MAX_ALERTS, is_error};
pub use black_boxes::{BlackBox, BlackBoxes};
pub use block_columns::BlockColumn;
pub use block_histograms::BlockValues;
pub use block_quantity::BlockQuantity;
pub use block_series::{BlockCell, BlockSeries, COLUMNS};
pub use block_status::BlockStatus;
pub use blocks::{BlockRow, Blocks};
pub use curvature::{CurvatureHistory, Curvatures, MAX_MOMENTS, Moment, stability_bound};
pub use landscape::{Landscape, MAX_NODES, Quantity};
pub use landscapes::Landscapes;
pub use metrics::{MAX_METRICS, MetricCurve, Metrics, NamedMetric, OWN};
pub use octave_columns::{OCTAVES, OctaveColumns};
pub use progress::{Pace, TrainingProgress};
pub use quotient::Quotient;
pub use run::{Damage, Run, RunState};
pub use series::{BUCKETS, Bucket, Series};
pub use taps::{MAX_TAPS, Tap, TapQuantity, Taps, dead_share};
