//! The sentences of alerts.

use super::advice;
use super::block::{Beyond, Seen};
use super::loss::{Course, Spike};

/// A number with at most `digits` significant digits, trailing zeros dropped: `0.6931`, `5e-7`.
pub(super) fn number(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let rounded: f64 = scientific.parse().unwrap_or(value);
    let is_plain = rounded == 0.0 || !rounded.is_finite() || (1e-3..1e6).contains(&rounded.abs());
    if is_plain { rounded.to_string() } else { format!("{rounded:e}") }
}

fn short(value: f64) -> String {
    number(value, 4)
}

pub(super) fn spike(loss: f64, step: u64, spike: Spike) -> String {
    format!(
        "the training loss leaps to {} at step {step}: it was {} before, and more than {} is out of the ordinary",
        short(loss),
        short(spike.usual),
        short(spike.limit)
    )
}

pub(super) fn plateau(course: Course, steps: u64) -> String {
    format!(
        "the training loss has not fallen over the last {steps} steps by more than chance explains: {} over the first \
         half, {} over the second",
        number(course.before, 6),
        number(course.after, 6)
    )
}

/// What a rule says of a block, which is named as `of`.
pub(super) fn of_block(rule: &str, of: &str, beyond: Beyond, seen: &Seen) -> String {
    let (value, threshold) = (short(beyond.value), short(beyond.threshold));
    let [gradient, weight, update] =
        [seen.gradient, seen.weight, seen.update].map(|norm| norm.map_or("?".to_string(), short));
    let rate = short(seen.rate);
    match rule {
        advice::NON_FINITE_GRADIENT => format!("the gradient of {of} is NaN or infinite"),
        advice::NON_FINITE_WEIGHT => format!("the weight of {of} is NaN or infinite"),
        advice::EXPLODING => format!(
            "the update of {of} explodes: it is {value} long (more than {threshold}), with weights of norm {weight}, a \
             gradient of norm {gradient} and a learning rate of {rate},"
        ),
        advice::VANISHING => format!(
            "the gradient of {of} vanishes: its norm is {value} (less than {threshold}), and at a learning rate of {rate} \
             the update's is {update} where the weight's is {weight},"
        ),
        _ => format!("the update of {of} is {value} of the weight, beyond {threshold},"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_in_full_at_any_size() {
        let texts =
            [5e-7, 4.999_999_987e-7, 0.0, 0.543_249, 1234.56, 2.5e-310, -3.0e12, 12.0].map(short);
        assert_eq!(texts, ["5e-7", "5e-7", "0", "0.5432", "1235", "2.5e-310", "-3e12", "12"]);
        assert_eq!([f64::NAN, f64::INFINITY].map(short), ["NaN", "inf"]);
        assert_eq!(number(2.301_234_567, 6), "2.30123");
    }
}
