pub use burnscape_trace as trace;
pub const SWITCH_VARIABLE: &str = "BURNSCAPE";
