//! Labels of ticks: they differ from one another, and all are written in one way.

use crate::numbers::non_finite;

/// From this magnitude on, and below that one, labels have an exponent.
const LARGE: f64 = 1e5;
const SMALL: f64 = 1e-3;
/// Decimals of a number without an exponent at most.
const MOST_DECIMALS: i32 = 6;

/// One of some ticks as text. Powers of ten of a logarithmic scale have one digit before their exponent.
pub(super) fn text(tick: f64, ticks: &[f64], is_log: bool) -> String {
    if !tick.is_finite() {
        return non_finite(tick).to_owned();
    }
    let largest = ticks.iter().map(|tick| tick.abs()).fold(0.0, f64::max);
    let smallest =
        ticks.iter().map(|tick| tick.abs()).filter(|it| *it > 0.0).fold(largest, f64::min);
    match is_log && !are_even(ticks) {
        true if largest < LARGE && smallest >= SMALL => shortest(tick),
        true => with_own_exponent(tick),
        false => evenly_spaced(tick, ticks, largest),
    }
}

/// Whether the distances are equal, and not the ratios.
fn are_even(ticks: &[f64]) -> bool {
    match ticks {
        [low, high] => (high / low).abs() < 2.0,
        [first, second, .., last] => {
            let even = first + (second - first) * (ticks.len() - 1) as f64;
            (last - even).abs() < (second - first).abs() * 1e-3
        }
        _ => true,
    }
}

/// Ticks of equal distances: as many decimals as the distance has, or a common exponent.
fn evenly_spaced(tick: f64, ticks: &[f64], largest: f64) -> String {
    let gaps = ticks.windows(2).map(|pair| (pair[1] - pair[0]).abs()).filter(|gap| *gap > 0.0);
    let gap = gaps.fold(f64::INFINITY, f64::min);
    if !gap.is_finite() {
        return crate::numbers::significant(tick, 6);
    }
    // Rounding leaves a trace of what is 0.
    let tick = if tick.abs() < gap * 1e-6 { 0.0 } else { tick };
    let decimals = -decade(gap);
    match largest {
        _ if largest < LARGE && decimals <= MOST_DECIMALS && largest >= SMALL => {
            format!("{tick:.*}", decimals.max(0) as usize)
        }
        _ => with_common_exponent(tick, decade(largest), decimals),
    }
}

fn with_common_exponent(tick: f64, exponent: i32, decimals: i32) -> String {
    let digits = (exponent + decimals).clamp(0, 12) as usize;
    let mantissa = tick / 10_f64.powi(exponent);
    if tick == 0.0 { "0".to_owned() } else { format!("{mantissa:.digits$}e{exponent}") }
}

fn with_own_exponent(tick: f64) -> String {
    if tick == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{tick:.1e}");
    text.replace(".0e", "e")
}

/// The number as it is: 1, 2 or 5 times a power of ten, for all that rounding did.
fn shortest(tick: f64) -> String {
    crate::numbers::significant(tick, 6)
}

/// The power of ten at or below a magnitude, for all that rounding did.
fn decade(magnitude: f64) -> i32 {
    (magnitude.log10() + 1e-9).floor() as i32
}

#[cfg(test)]
mod tests {
    use crate::widgets::scale::{Scale, ScaleChoice};

    fn labels(low: f64, high: f64, choice: ScaleChoice, rows: u16) -> Vec<String> {
        let (scale, ticks) = Scale::new(low, high, choice).on_rows(rows);
        ticks.iter().map(|&tick| scale.tick_text(tick, &ticks)).collect()
    }

    #[test]
    fn labels_differ_whatever_the_range() {
        for exponent in -12..12 {
            for (low, high) in
                [(0.0, 1.0), (11.111, 11.1112), (-3.0, 7.0), (0.999, 1.001), (5e-3, 900.0)]
            {
                let factor = 10_f64.powi(exponent);
                for choice in [
                    ScaleChoice::Auto,
                    ScaleChoice::Log,
                    ScaleChoice::Linear,
                    ScaleChoice::Symmetric,
                ] {
                    let labels = labels(low * factor, high * factor, choice, 12);
                    let mut seen = std::collections::HashSet::new();
                    assert!(
                        labels.iter().all(|label| seen.insert(label)),
                        "{low} {high} e{exponent}: {labels:?}"
                    );
                    let exponents = labels.iter().filter(|it| it.contains('e')).count();
                    let plain = labels.iter().filter(|it| !it.contains('e') && *it != "0").count();
                    assert!(exponents == 0 || plain == 0, "one style: {labels:?}");
                }
            }
        }
    }

    #[test]
    fn a_constant_has_its_own_value_as_its_label() {
        assert_eq!(labels(0.001, 0.001, ScaleChoice::Auto, 10), ["0.001"]);
        assert_eq!(labels(100.0, 100.0, ScaleChoice::Linear, 6), ["100"]);
    }

    #[test]
    fn decades_are_written_in_one_way() {
        assert_eq!(labels(1e-2, 100.0, ScaleChoice::Log, 9), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(
            labels(1e-5, 1e-1, ScaleChoice::Log, 9),
            ["1e-5", "1e-4", "1e-3", "1e-2", "1e-1"]
        );
    }
}
