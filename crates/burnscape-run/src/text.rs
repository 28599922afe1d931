//! Texts and numbers of a trace, which may be anything, made fit for where they are shown.

use serde_json::{Value, json};

/// Text without control characters, those that turn the direction of reading, and those that XML forbids: each becomes
/// U+FFFD.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_odd = |character: char| {
        character.is_control()
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || matches!(character, '\u{fffe}' | '\u{ffff}')
    };
    text.chars().map(|character| if is_odd(character) { '\u{fffd}' } else { character }).collect()
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
    match value {
        _ if value.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        _ => json!(value),
    }
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
    fn what_json_cannot_say_is_a_word() {
        let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5];
        let words = numbers.map(|it| json_number(it).to_string());
        assert_eq!(words, [r#""NaN""#, r#""Infinity""#, r#""-Infinity""#, "-0.5"]);
    }
}
