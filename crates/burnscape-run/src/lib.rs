#![doc = include_str!("../README.md")]

mod alert_line;
mod alerts;
mod beside;
mod black_boxes;
mod block_columns;
mod block_histograms;
mod block_quantity;
mod block_series;
mod block_status;
mod blocks;
mod caveats;
mod checks;
mod contiguity;
mod curvature;
mod distinct;
mod facts;
mod freezing;
mod glimpse;
mod history;
mod landscape;
mod landscapes;
mod last_step;
mod latest;
mod left_behind;
mod metric_values;
mod metrics;
mod node_record;
mod numbers;
mod octave_columns;
mod progress;
mod quotient;
mod recent;
mod recorded;
mod room;
mod run;
mod series;
mod shards;
mod standing;
mod steps;
mod taps;
mod text;

pub use alert_line::alert_line;
pub use alerts::{Alerts, MAX_ALERTS, is_error};
pub use beside::{
    CompareError, MEASURES, Picture, PictureLayer, Row, RunBeside, Side, SideBySide, SideValue,
    Sides, Table, measures_of, slice_differences, table_of,
};
pub use black_boxes::{BlackBox, BlackBoxes};
pub use block_histograms::BlockValues;
pub use block_quantity::BlockQuantity;
pub use block_series::{BlockCell, BlockSeries, COLUMNS};
pub use block_status::BlockStatus;
pub use blocks::{BlockRow, Blocks};
pub use burnscape_trace::columns::{Column as BlockColumn, Quotient};
pub use caveats::{
    Caveat, OF_LIVE_PATH, RESUME_CALL, axes, axis_label, caveat_of_plan, caveat_of_stop,
    caveats_of_checks, caveats_of_live_path, caveats_of_path, caveats_of_slice, caveats_of_values,
    components, ends, explained_variance, loss_gap, out_of_slice, parameters, reach, snapshot_of,
};
pub use checks::take_check;
pub use contiguity::Contiguity;
pub use curvature::{CurvatureHistory, Curvatures, MAX_MOMENTS, Moment, stability_bound};
pub use distinct::{Distinct, layer_names};
pub use facts::{Facts, Losses};
pub use freezing::Freezing;
pub use glimpse::Glimpse;
pub use history::History;
pub use landscape::{Landscape, MAX_NODES, Quantity, basins};
pub use landscapes::Landscapes;
pub use last_step::LastStep;
pub use left_behind::LeftBehind;
pub use metric_values::{MetricSeries, MetricValue, MetricValues};
pub use metrics::{MAX_METRICS, MetricCurve, Metrics, NamedMetric, OWN};
pub use node_record::node_record;
pub use numbers::{non_finite, significant, trim_zeros};
pub use octave_columns::{OCTAVES, OctaveColumns};
pub use progress::{Pace, TrainingProgress};
pub use recorded::Recorded;
pub use run::{Damage, Run, RunState};
pub use series::{BUCKETS, Bucket, Series};
pub use shards::{
    Difference, Gap, Gathered, Merged, MergedSlice, Part, Refused, ShardsFollower, SharedSlice,
    UNLIKE_HARDWARE, merge,
};
pub use standing::Standing;
pub use steps::{Measured, Steps};
pub use taps::{MAX_TAPS, Tap, TapQuantity, Taps, dead_share};
pub use text::{counted, json_number, json_printable, printable, shell_word, xml_escaped};
