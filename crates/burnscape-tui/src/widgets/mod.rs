//! Parts that views are made of, one per file. Each draws from values, never from a run.

pub mod areas;
pub mod chart;
pub mod colour_bar;
pub mod colours;
pub mod depth_dots;
pub mod dots;
pub mod facts;
pub mod figures;
pub mod gauge;
pub mod glob;
pub mod half_blocks;
pub mod octaves;
pub mod panel;
pub mod plot;
pub mod rows;
pub mod scale;
pub mod smoothing;
pub mod step_axis;
pub mod table;
pub mod text;
mod ticks;
pub mod too_small;
pub mod value_axis;
