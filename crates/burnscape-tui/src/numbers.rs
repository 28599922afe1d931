//! Numbers as text: as many digits as asked for, never a wrong one.

pub use crate::model::significant;
pub(crate) use crate::model::{non_finite, trim_zeros};

/// Digits of a loss: enough to find the same number in the trace.
pub const LOSS_DIGITS: usize = 6;

/// What is said of a run of which there is not a single record.
pub(crate) const EMPTY: &str = "the trace is empty: nothing is recorded yet";

/// A loss, with [`LOSS_DIGITS`] significant digits.
#[must_use]
pub fn loss(value: f64) -> String {
    significant(value, LOSS_DIGITS)
}

/// A number for a glance: three significant digits.
#[must_use]
pub fn short(value: f64) -> String {
    significant(value, 3)
}

/// A number in at most so many cells: with three significant digits, or fewer where they are too
/// long.
#[must_use]
pub fn fitting(value: f64, cells: usize) -> String {
    let texts = [3, 2, 1].map(|digits| significant(value, digits));
    let fits = texts.iter().find(|text| text.len() <= cells);
    fits.or(texts.last()).cloned().unwrap_or_default()
}

/// A share as a percentage, such as `71.2 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{} %", trim_zeros(&format!("{:.1}", share * 100.0)))
    } else {
        "unknown".to_owned()
    }
}

/// A span of time, such as `1 h 02 min` or `45 s`.
#[must_use]
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() || secs < 0.0 {
        return "unknown".to_owned();
    }
    let whole = secs.round() as u64;
    match whole {
        0..60 if secs < 10.0 => format!("{} s", trim_zeros(&format!("{secs:.1}"))),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A moment in UTC to the minute, such as `2026-03-01 09:05`; `unknown` before 1970 and after 9999.
#[must_use]
pub fn utc_minute(unix_secs: f64) -> String {
    const END_OF_9999: f64 = 253_402_300_800.0;
    if !(0.0..END_OF_9999).contains(&unix_secs) {
        return "unknown".to_owned();
    }
    let minutes = (unix_secs / 60.0) as u64;
    let (year, month, day) = date(minutes / 1440);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Years begin in March, so that
/// the day of a leap year is its last one; 400 of them have 146 097 days.
/// (H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.)
fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_TO_1970: u64 = 719_468;
    let days = days + DAYS_TO_1970;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// A size in bytes, such as `3.2 MB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let size = count as f64;
    UNITS.iter().find(|(unit, _)| size >= *unit).map_or_else(
        || format!("{count} B"),
        |(unit, name)| format!("{} {name}", short(size / unit)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_give_the_number_back_to_a_millionth() {
        for value in
            [std::f64::consts::LN_10, 1.0 / 3.0, -7.25e-9, 6.02214076e23, 123456.7, 0.000123456]
        {
            let back: f64 = loss(value).parse().unwrap();
            assert!((back - value).abs() <= 1e-5 * value.abs(), "{value} as {}", loss(value));
        }
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        assert_eq!(loss(0.5), "0.5");
        assert_eq!(loss(std::f64::consts::LN_10), "2.30259");
        assert_eq!(short(1234.0), "1234");
        assert_eq!(short(12345.0), "1.23e4");
        assert_eq!(short(0.000_001), "1e-6");
        assert_eq!(short(0.000_961), "9.61e-4");
        assert_eq!(fitting(-1.234e-10, 8), "-1.2e-10");
        assert_eq!(loss(-0.0), "0");
        assert_eq!(loss(999_999.9), "1e6");
    }

    #[test]
    fn non_finite_numbers_have_names() {
        assert_eq!(loss(f64::NAN), "NaN");
        assert_eq!(loss(f64::INFINITY), "Inf");
        assert_eq!(loss(f64::NEG_INFINITY), "-Inf");
    }

    #[test]
    fn spans_of_time() {
        assert_eq!(duration(0.25), "0.2 s");
        assert_eq!(duration(75.0), "1 min 15 s");
        assert_eq!(duration(3_720.0), "1 h 02 min");
        assert_eq!(duration(f64::NAN), "unknown");
    }

    /// As `date -u -d @…` prints them.
    #[test]
    fn moments_are_dates_of_the_calendar() {
        assert_eq!(utc_minute(0.0), "1970-01-01 00:00");
        assert_eq!(utc_minute(951_782_399.0), "2000-02-28 23:59");
        assert_eq!(utc_minute(951_782_400.0), "2000-02-29 00:00");
        assert_eq!(utc_minute(1_700_000_000.5), "2023-11-14 22:13");
        assert_eq!(utc_minute(4_107_542_400.0), "2100-03-01 00:00");
        for wrong in [f64::NAN, -1.0, f64::INFINITY, 1e300] {
            assert_eq!(utc_minute(wrong), "unknown");
        }
    }
}
