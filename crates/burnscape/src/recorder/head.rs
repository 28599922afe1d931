//! The head record: what is being recorded, by whom, on what.

use std::time::{SystemTime, UNIX_EPOCH};

use burn::tensor::Device;
use burnscape_landscape::layout::{self, Filters, Role};
use burnscape_trace as trace;
use burnscape_trace::{Head, record};

use crate::config::Config;
use crate::model::map::{ModelMap, device_name};

/// The release line of burn that this crate is built against; burn does not tell its patch.
const BURN_VERSION: &str = "0.22";

/// Describes the model and the recording.
pub(crate) fn describe(map: &ModelMap, config: &Config) -> Head {
    record!(Head {
        device: device_name(&map.device),
        dtype: format!("{:?}", map.dtype).to_lowercase(),
        blocks: map.layout.blocks().iter().map(block).collect(),
        buffers: map.buffers.iter().map(buffer).collect(),
        patterns: map.chosen.0.clone(),
        ..without_model(config)
    })
}

/// Describes a recording of no model at all.
pub(crate) fn without_model(config: &Config) -> Head {
    record!(Head {
        format: trace::FORMAT,
        run_id: Head::new_run_id(),
        started_unix_secs: unix_secs(),
        burnscape_version: env!("CARGO_PKG_VERSION").to_string(),
        burn_version: BURN_VERSION.to_string(),
        seed: config.study.seed,
    })
}

/// The head of a run as another process would write it that measures the same model on a device.
pub(crate) fn by_this_process(head: &Head, device: &Device) -> Head {
    record!(Head {
        format: trace::FORMAT,
        burnscape_version: env!("CARGO_PKG_VERSION").to_string(),
        burn_version: BURN_VERSION.to_string(),
        device: device_name(device),
        ..head.clone()
    })
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn unix_secs() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0.0, |since| since.as_secs_f64())
}

fn block(block: &layout::Block) -> trace::Block {
    let (filter_axis, groups) = match block.filters {
        Filters::Whole => (None, 1),
        Filters::Axis(axis) => (Some(axis as u8), 1),
        Filters::GroupedAxis1 { groups } => (Some(1), groups as u32),
    };
    record!(trace::Block {
        path: block.path.clone(),
        shape: block.shape.iter().map(|&len| len as u64).collect(),
        role: role_name(block.role).into(),
        container: block.container.clone(),
        filter_axis,
        groups,
        filter_guessed: block.filter_guessed,
        frozen: block.frozen,
        offset: block.offset as u64,
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Weight => "weight",
        Role::Bias => "bias",
        Role::Norm => "norm",
    }
}

fn buffer(buffer: &crate::model::map::Buffer) -> trace::Buffer {
    record!(trace::Buffer {
        path: buffer.path.clone(),
        shape: buffer.shape.iter().map(|&len| len as u64).collect(),
    })
}
