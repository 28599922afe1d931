//! Runs as files: killed, continued, on disks that fail, and read in Python.

mod alone;
mod faults;
mod killed;
mod known;
mod pictures;
mod python;
mod schema;
mod shards;
mod support;
