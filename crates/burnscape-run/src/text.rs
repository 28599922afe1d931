//! Texts and numbers of a trace, which may be anything, made fit for where they are shown.

use std::path::Path;

use burnscape_trace::json_word;
use serde_json::{Value, json};

/// Text without control characters, those that turn the direction of reading or show nothing, and those that XML
/// forbids: each becomes U+FFFD.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|character| if is_odd(character) { '\u{fffd}' } else { character }).collect()
}

/// A control character, one of Unicode's format characters (category Cf) but for the joiners that scripts are written
/// with, a separator of lines, or none at all.
fn is_odd(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        )
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(character, '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
        || matches!(character, '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}')
        || matches!(character, '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

/// JSON text whose strings do nothing to a terminal: what is not [printable](printable) is escaped. JSON itself asks that
/// only of the characters below U+0020, and outside strings nothing else is in it.
#[must_use]
pub fn json_printable(json: &str) -> String {
    let is_harmful = |character: char| character >= ' ' && is_odd(character);
    let mut printable = String::with_capacity(json.len());
    for part in json.split_inclusive(is_harmful) {
        match part.char_indices().next_back().filter(|(_, last)| is_harmful(*last)) {
            Some((at, last)) => {
                printable.push_str(&part[..at]);
                let mut units = [0; 2];
                for unit in last.encode_utf16(&mut units) {
                    printable.push_str(&format!("\\u{unit:04x}"));
                }
            }
            None => printable.push_str(part),
        }
    }
    printable
}

/// A number with its noun: `1 file`, `2 files`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A path as a word that can be pasted into a shell, quoted where that is needed.
#[must_use]
pub fn shell_word(path: &Path) -> String {
    let path = printable(&path.display().to_string());
    let is_plain = |it: char| it.is_alphanumeric() || "/._-+=:,@%".contains(it);
    match path.chars().all(is_plain) && !path.is_empty() {
        true => path,
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

/// [Printable](printable) text that neither ends an element or attribute of XML nor begins another.
#[must_use]
pub fn xml_escaped(text: &str) -> String {
    let text = printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// A number as JSON, which has no NaN and no infinities: they are the words that Python's `float` reads.
#[must_use]
pub fn json_number(value: f64) -> Value {
    json_word(value).map_or_else(|| json!(value), |word| json!(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_leave_their_element() {
        assert_eq!(
            xml_escaped("</text><script>&\"'\u{1b}\u{0}\u{202e}\u{ffff}"),
            "&lt;/text&gt;&lt;script&gt;&amp;&quot;&#39;\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        let word = |path: &str| shell_word(Path::new(path));
        assert_eq!(word("runs/digits-2"), "runs/digits-2");
        assert_eq!(word("my run"), "'my run'");
        assert_eq!(word("it's;rm"), r"'it'\''s;rm'");
    }

    #[test]
    fn nothing_that_turns_or_hides_text_is_left_and_scripts_keep_their_joiners() {
        let odd = "\u{202e}\u{200f}\u{61c}\u{feff}\u{2028}\u{ad}\u{e0041}\u{2063}\u{9b}";
        assert_eq!(printable(odd), "\u{fffd}".repeat(odd.chars().count()));
        for name in ["می\u{200c}خواهم", "क्\u{200d}ष", "Größe β", "精度", "👩\u{200d}🔬"]
        {
            assert_eq!(printable(name), name);
        }
    }

    #[test]
    fn json_does_nothing_to_a_terminal_and_means_the_same() {
        let hostile: String = ('\0'..'\u{ff}')
            .chain(['\u{202e}', '\u{2066}', '\u{ffff}', '\u{e0041}', '層'])
            .collect();
        let value = json!({ hostile.as_str(): [hostile, 0.5, null] });
        for text in [value.to_string(), format!("{value:#}")] {
            let printable = json_printable(&text);
            assert!(!printable.chars().any(|it| is_odd(it) && it != '\n'), "{printable}");
            assert_eq!(serde_json::from_str::<Value>(&printable).unwrap(), value);
        }
    }

    #[test]
    fn what_json_cannot_say_is_a_word() {
        let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5];
        let words = numbers.map(|it| json_number(it).to_string());
        assert_eq!(words, [r#""NaN""#, r#""Infinity""#, r#""-Infinity""#, "-0.5"]);
    }
}
