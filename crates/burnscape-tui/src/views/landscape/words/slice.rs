//! Words on where a slice lies: its directions, its centre, and what moves along them.

use burnscape_trace::{Axis, Slice};

use crate::model::ends;
use crate::numbers::{loss, percent, short};
use crate::widgets::facts::{Fact, Tone};
use crate::widgets::text;

/// Both directions, with length, share of the variance, seed and range.
pub(super) fn axes(slice: &Slice) -> Vec<Fact> {
    let mut facts = vec![axis("α", &slice.x, slice.centre_norm)];
    facts.extend(slice.y.as_ref().map(|y| axis("β", y, slice.centre_norm)));
    facts
}

fn axis(symbol: &str, axis: &Axis, centre_norm: f64) -> Fact {
    let length = format!(" ‖d‖ {}", short(axis.direction_norm));
    let explained = axis.explained.map(|share| format!(" {}", percent(share)));
    let seed = axis.seed.map(|seed| format!(" seed {seed}"));
    let range = range_of_weights(axis, centre_norm);
    let parts: String = [Some(length), explained, seed, range].into_iter().flatten().collect();
    let name = text::cut_end(&text::printable(&axis.label), 40);
    Fact::new(symbol, format!("{name}{parts}"))
}

/// How far the axis reaches, in percent of the length of the centre.
fn range_of_weights(axis: &Axis, centre_norm: f64) -> Option<String> {
    let [low, high] = ends(axis).map(|distance| distance / centre_norm);
    (low.is_finite() && high.is_finite())
        .then(|| format!(" {}…{} of ‖θ‖", short(low * 100.0), percent(high)))
}

/// What of the slice is not in its axes and matters most.
pub(super) fn provenance(slice: &Slice) -> Vec<Fact> {
    let mut facts = vec![centre(slice)];
    if let Some(cosine) = slice.cosine.filter(|cosine| cosine.abs() > 0.005) {
        facts.push(Fact::new("cos α β", short(cosine)).toned(Tone::Warning));
    }
    facts.push(Fact::new("scaled by", text::printable(&slice.normalisation)));
    facts
}

fn centre(slice: &Slice) -> Fact {
    let snapshot = match slice.centre_snapshot {
        Some(number) => format!("snapshot {number}"),
        None if slice.centre == "given" => "no snapshot".to_owned(),
        None => String::new(),
    };
    let is_told = snapshot.is_empty() || snapshot == slice.centre;
    let snapshot = if is_told { String::new() } else { format!(" ({snapshot})") };
    Fact::new("centre", format!("{}{snapshot}", text::printable(&slice.centre)))
}

/// What of the slice is left: its loss at the centre, and what moves along its directions.
pub(super) fn details(slice: &Slice) -> Vec<Fact> {
    let mut facts = vec![Fact::new("loss at the centre", loss(slice.centre_loss))];
    if !slice.biases.is_empty() {
        facts.push(Fact::new("biases", text::printable(&slice.biases)));
    }
    if slice.orthogonalised {
        facts.push(Fact::new("β", "made orthogonal"));
    }
    if slice.moves_frozen {
        facts.push(Fact::new("frozen", "moves too").toned(Tone::Warning));
    }
    facts.extend(batchnorm(slice));
    facts
}

fn batchnorm(slice: &Slice) -> Option<Fact> {
    let mode = match slice.batchnorm.as_str() {
        "" | "none" => return None,
        "recalibrate" => "recalibrated".to_owned(),
        "centre" => "of the centre".to_owned(),
        other => text::printable(other),
    };
    Some(Fact::new("BatchNorm", mode))
}
