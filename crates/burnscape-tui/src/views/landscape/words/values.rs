//! Words on the values of a picture: the extremes, how many were measured, how sure they are.

use burnscape_landscape::surface::{Extreme, Surface};

use super::lines::coordinates;
use crate::model::{Caveat, caveats_of_values};
use crate::numbers::{loss, percent, short};
use crate::views::landscape::cursor::Cursor;
use crate::views::landscape::picture::Picture;
use crate::widgets::facts::{Fact, Tone};
use crate::widgets::text;

/// Lowest and highest measured node, where there are any.
pub(crate) fn extremes(surface: &Surface) -> Vec<Fact> {
    let is_line = surface.grid().is_line();
    let fact = |label, extreme: Extreme| {
        let at = coordinates((extreme.alpha, extreme.beta), is_line);
        Fact::new(label, format!("{} at {at}", loss(extreme.loss)))
    };
    let lowest = surface.lowest().map(|extreme| fact("lowest", extreme));
    let highest = surface.highest().map(|extreme| fact("highest", extreme));
    lowest.into_iter().chain(highest).collect()
}

/// Which of several quantities is shown.
pub(super) fn shown(picture: &Picture<'_>) -> Option<Fact> {
    let quantity = &picture.quantity;
    let value = format!("{} {}/{}", picture.name(), quantity.number + 1, quantity.count);
    (quantity.count > 1).then(|| Fact::new("shows", value))
}

/// The value at the cursor, with its error.
pub(super) fn at_cursor(picture: &Picture<'_>, cursor: Cursor) -> Option<Fact> {
    let surface = picture.surface();
    let grid = surface.grid();
    let node = grid.node(cursor.column.min(grid.columns() - 1), cursor.row.min(grid.rows() - 1));
    let at = coordinates(grid.coordinates(node), grid.is_line());
    let value = surface.loss(node).map_or("not measured".to_owned(), loss);
    let stderr = surface.stderrs()[node];
    let remark = match stderr.is_finite() {
        _ if picture.is_interpolated(node) => " interpolated".to_owned(),
        true => format!(" ± {}", short(stderr)),
        false => String::new(),
    };
    Some(Fact::new(format!("cursor {at}"), format!("{} {value}{remark}", picture.name())))
}

/// Over how many of what every value is averaged.
pub(super) fn samples(picture: &Picture<'_>) -> Fact {
    let unit = text::printable(&picture.quantity.unit);
    Fact::new(unit, picture.quantity.samples.to_string())
}

/// The standard error of the lowest node: where the picture is read most closely.
pub(super) fn stderr(surface: &Surface) -> Fact {
    let at_lowest = surface.lowest().map(|lowest| surface.stderrs()[lowest.node]);
    let known = at_lowest.filter(|stderr| stderr.is_finite());
    Fact::new("stderr", known.map_or("unknown".to_owned(), short))
}

/// What of the values is not there, not finite, not measured, or not in the colours.
pub(super) fn warnings(picture: &Picture<'_>) -> Vec<Fact> {
    let surface = picture.surface();
    let facts = [interpolated(picture), non_finite(surface), clipped(picture)];
    facts.into_iter().flatten().collect()
}

fn interpolated(picture: &Picture<'_>) -> Option<Fact> {
    let surface = picture.surface();
    let count = surface.counts().interpolated;
    let within = tolerance(picture).map(|it| format!(", within {} of the range", percent(it)));
    let value = format!("{count} of {}{}", surface.grid().len(), within.unwrap_or_default());
    (count > 0).then(|| Fact::new("nodes interpolated", value).toned(Tone::Warning))
}

/// To what share of the range of losses nodes were filled in; of layers nobody says it, nor where measuring ended
/// before that was reached.
fn tolerance(picture: &Picture<'_>) -> Option<f64> {
    let tolerance = picture.landscape.slice().tolerance?;
    let mut checks = picture.landscape.checks().iter();
    let is_reached = checks.any(|check| check.name == "adaptive-error" && check.passed);
    let is_told = picture.quantity.number == 0 && tolerance.is_finite() && is_reached;
    is_told.then_some(tolerance)
}

fn non_finite(surface: &Surface) -> Option<Fact> {
    let count = surface.counts().non_finite;
    let fact = Fact::new("× ∞ non-finite", format!("{count} nodes"));
    (count > 0).then(|| fact.toned(Tone::Bad))
}

fn clipped(picture: &Picture<'_>) -> Option<Fact> {
    if picture.surface().grid().is_line() {
        return None;
    }
    let clipping = picture.colours()?.clipping()?;
    Some(Fact::new("colours clip", clipping).toned(Tone::Warning))
}

/// Over what every value is a mean, how sure it is, and how many were measured.
pub(super) fn caveats(picture: &Picture<'_>) -> Vec<Caveat> {
    let (surface, quantity) = (picture.surface(), &picture.quantity);
    let name = match quantity.number {
        0 => "loss".to_owned(),
        _ => format!("value of {}", picture.name()),
    };
    let mut caveats = caveats_of_values(&name, quantity.samples, &quantity.unit, surface);
    if surface.counts().interpolated > 0 {
        caveats.push(Caveat::Interpolated { tolerance: tolerance(picture) });
    }
    caveats
}
