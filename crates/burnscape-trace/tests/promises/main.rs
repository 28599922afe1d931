//! The promises of the trace, one module per subject, each test a sentence.

mod damage;
mod drawn;
mod folder;
mod following;
mod golden;
mod hostile;
mod round_trip;
mod sample;
mod schema;
mod steps;
mod versions;
mod writing;
