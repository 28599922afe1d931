//! What stands around the picture of a slice: its title, and the names of its axes.

use burnscape_run::axis_label;

use super::scale;
use crate::slice::Slice;

/// Name and centre of a slice.
pub(super) fn title(slice: &Slice) -> String {
    let record = &slice.record;
    let centre = if record.centre.is_empty() { "its centre" } else { &record.centre };
    format!("Loss, slice {} “{}” around {centre}", record.slice, record.name)
}

/// What the axes are, with their units.
pub(super) fn axis_names(slice: &Slice) -> [String; 2] {
    let name = |symbol: &str, axis: &burnscape_trace::Axis| {
        let label = Some(axis_label(axis)).filter(|label| !label.is_empty());
        let label = label.unwrap_or_else(|| "direction".to_owned());
        format!("{symbol}: {label} (‖d‖ = {})", scale::label(axis.direction_norm))
    };
    let y = slice.record.y.as_ref().map_or(String::new(), |y| name("β", y));
    [name("α", &slice.record.x), y]
}
