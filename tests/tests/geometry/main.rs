//! The geometry of a run, checked from outside: surfaces, trajectories, and what becomes of
//! mistakes.
//!
//! Every model is small and trained by hand in this process; every expected number is a closed form
//! or comes from plain arithmetic on the files of the run.

mod axes;
mod batches;
mod broken_files;
mod budget;
mod chosen;
mod compared;
mod connected;
mod devices;
mod diverged;
mod endings;
mod fingerprints;
mod gradient_direction;
mod groups;
mod large;
mod layers;
mod loaders;
mod many_snapshots;
mod models;
mod networks;
mod off_switch;
mod opened;
mod plain;
mod quadratic;
mod recalibrated;
mod refused;
mod refused_slices;
mod returned_model;
mod rounded;
mod schedule;
mod second_model;
mod several_runs;
mod shards;
mod slices;
mod still;
mod stopped;
mod stored_losses;
mod summary;
mod support;
mod tiny;
mod told_losses;
mod trajectory;
mod two_probes;
mod unwatched_ends;
