//! Numbers as text, appended to a line: as many digits as the standard library's `{:?}`, in a fraction of its time.

use std::io::Write;

use burnscape_trace::json_word;
use serde_json::ser::{CompactFormatter, Formatter};

const FITS: &str = "memory takes any text";

/// Appends a whole number.
pub(crate) fn push_whole(line: &mut Vec<u8>, number: u64) {
    CompactFormatter.write_u64(line, number).expect(FITS);
}

/// Appends a number as JSON, as [`json_number`](burnscape_run::json_number) tells it.
pub(crate) fn push_json_number(line: &mut Vec<u8>, value: f64) {
    match json_word(value) {
        Some(word) => write!(line, "\"{word}\"").expect(FITS),
        None => CompactFormatter.write_f64(line, value).expect(FITS),
    }
}

macro_rules! shortest {
    ($($push:ident $float:ident $write:ident),*) => {
        $(
            /// Appends as many digits as it takes to read the number back, with an exponent where that is shorter.
            pub(crate) fn $push(line: &mut Vec<u8>, value: $float) {
                match is_alike(f64::from(value.abs())) {
                    true => CompactFormatter.$write(line, value).expect(FITS),
                    false => write!(line, "{value:?}").expect(FITS),
                }
            }
        )*
    };
}

shortest! { push_f32 f32 write_f32, push_f64 f64 write_f64 }

/// Whether JSON and the standard library write such a number alike: they differ in where exponents begin, and in their
/// signs.
fn is_alike(size: f64) -> bool {
    size < 1e-7 || (1e-4..1e12).contains(&size)
}

#[cfg(test)]
mod tests {
    use burnscape_run::json_number;

    use super::*;

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        push(&mut line);
        String::from_utf8(line).unwrap()
    }

    /// Of two texts of the same length that lie as near, either is taken.
    fn assert_alike(ours: &str, standard: &str) {
        let is_digit = |it: char| it.is_ascii_digit();
        assert_eq!(
            ours.replace(is_digit, "0"),
            standard.replace(is_digit, "0"),
            "{ours} {standard}"
        );
    }

    fn check(value: f64) {
        let (single, words) =
            (value as f32, [text(|it| push_f64(it, value)), text(|it| push_f32(it, value as f32))]);
        assert_alike(&words[0], &format!("{value:?}"));
        assert_alike(&words[1], &format!("{single:?}"));
        let [same, same_single] =
            [words[0].parse::<f64>().unwrap(), words[1].parse::<f32>().unwrap().into()];
        assert!(same == value || value.is_nan() && same.is_nan(), "{value:?}");
        assert!(same_single == f64::from(single) || single.is_nan(), "{single:?}");
        assert_eq!(text(|line| push_json_number(line, value)), json_number(value).to_string());
    }

    #[test]
    fn digits_are_as_few_as_the_standard_library_takes_and_read_back() {
        let mut bits = 3_u64;
        for _ in 0..100_000 {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            check(f64::from_bits(bits ^ bits >> 29));
            check(f64::from(f32::from_bits((bits >> 32) as u32)));
        }
        for exponent in -330..310 {
            for digits in ["1", "1.5", "9.9999999", "-1.2345678901234567"] {
                check(format!("{digits}e{exponent}").parse().unwrap());
            }
        }
        [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().for_each(check);
        assert_eq!(text(|line| push_whole(line, u64::MAX)), u64::MAX.to_string());
    }
}
