//! The promises of the exports, checked from outside.

mod contents;
mod damage;
mod directions;
mod numpy;
mod output;
mod support;
