//! How curved the loss is: against Hessians by hand, in both precisions, refused where it has no answer, and live.

mod analytic;
mod edge;
mod freezing;
mod live;
mod models;
mod networks;
mod planes;
mod precision;
mod refused;
mod support;
