//! Marks of places on a plane: where a path starts and ends, and minima.

use super::svg::{Look, Svg};

/// The colour of paths.
pub(super) const PATH: &str = "#d55e00";

/// A filled square.
pub(super) fn start_mark((x, y): (f64, f64), svg: &mut Svg) {
    let corners = [(x - 3.2, y - 3.2), (x + 3.2, y - 3.2), (x + 3.2, y + 3.2), (x - 3.2, y + 3.2)];
    svg.polygon(&corners, &Look::outlined(PATH, "#ffffff", 0.9));
}

/// A hollow circle.
pub(super) fn end_mark((x, y): (f64, f64), svg: &mut Svg) {
    svg.circle(x, y, 3.8, &Look::outlined("#ffffff", PATH, 1.4));
}

/// A triangle that points down.
pub(super) fn minimum_mark((x, y): (f64, f64), svg: &mut Svg) {
    let corners = [(x - 3.6, y - 3.0), (x + 3.6, y - 3.0), (x, y + 3.4)];
    svg.polygon(&corners, &Look::outlined("#ffffff", "#1a1a1a", 0.9));
}
