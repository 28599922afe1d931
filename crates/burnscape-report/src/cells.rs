//! Texts as cells of a table that a spreadsheet shows, and neither calculates nor obeys.

use burnscape_run::printable;

/// What spreadsheets take for the beginning of a formula, also as wide as an ideograph.
const BEGINNINGS: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// How texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    /// An apostrophe stands before what would be a formula, spaces for tabs and line breaks, U+FFFD for other controls.
    Safe,
    /// As they were recorded.
    Raw,
}

impl Texts {
    /// The cell of a text. Numbers stay numbers.
    pub(crate) fn cell(self, text: &str) -> String {
        if self == Self::Raw || text.parse::<f64>().is_ok() {
            return text.to_owned();
        }
        let shown = printable(&text.replace(['\t', '\r', '\n'], " "));
        match shown.trim_start().starts_with(BEGINNINGS) {
            true => format!("'{shown}"),
            false => shown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_calculate_or_obey_is_shown_instead() {
        let cells = [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("-1+1", "'-1+1"),
            ("\t=1+1", "' =1+1"),
            ("\r\n=1+1", "'  =1+1"),
            ("\u{ff1d}1+1", "'\u{ff1d}1+1"),
            ("a\u{1b}[31m\u{9b}\u{202e}b", "a\u{fffd}[31m\u{fffd}\u{fffd}b"),
            ("two\nlines", "two lines"),
        ];
        for (text, cell) in cells {
            assert_eq!(Texts::Safe.cell(text), cell);
            assert_eq!(Texts::Raw.cell(text), text);
        }
    }

    #[test]
    fn numbers_and_names_in_any_script_stay_as_they_are() {
        for text in
            ["-0.5", "+1", "1e-7", "-inf", "fc1.weight", "Größe β", "精度", "دقة", "a=b", ""]
        {
            assert_eq!(Texts::Safe.cell(text), text);
        }
    }
}
