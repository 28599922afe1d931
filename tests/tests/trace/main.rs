//! Runs as files: killed, continued, on disks that fail, and read in Python.

mod faults;
mod killed;
mod known;
mod pictures;
mod python;
mod support;
