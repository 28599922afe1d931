//! The promises of the exports, checked from outside.

mod axe;
mod basins;
mod chromium;
mod contents;
mod damage;
mod directions;
mod downloads;
mod figures;
mod keyboard;
mod numpy;
mod output;
mod page;
mod python;
mod random_runs;
mod readers;
mod sparse;
mod support;
