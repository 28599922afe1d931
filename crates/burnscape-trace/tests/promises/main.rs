//! The promises of the trace, one module per subject, each test a sentence.

mod cddl;
mod damage;
mod drawn;
mod folder;
mod following;
mod golden;
mod hostile;
mod indexing;
mod pruning;
mod recovering;
mod round_trip;
mod sample;
mod schema;
mod steps;
mod thinning;
mod versions;
mod writing;
