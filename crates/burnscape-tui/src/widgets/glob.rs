//! Names that match a pattern: `*` stands for any characters, `?` for one.

use wildmatch::WildMatch;

/// Whether the whole of a name matches a pattern. A pattern without `*` and `?` matches every name that
/// it is a part of, as somebody who types the middle of a name wants it. Case counts.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.contains(['*', '?']) {
        true => WildMatch::new(pattern).matches(name),
        false => name.contains(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_whole_names_and_plain_words_parts_of_them() {
        let by_hand = [
            ("*.weight", "conv1.weight", true),
            ("*.weight", "conv1.weight_norm", false),
            ("conv*", "conv2.bias", true),
            ("conv*", "my.conv2.bias", false),
            ("conv?.*", "conv1.weight", true),
            ("conv?.*", "conv12.weight", false),
            ("*1*b*", "layer1.bias", true),
            ("*1*b*", "layer2.bias", false),
            ("*a*a*a*", "aa", false),
            ("", "anything", true),
            ("*", "", true),
            ("?", "層", true),
            ("?", "", false),
            ("bias", "fc1.bias", true),
            ("Bias", "fc1.bias", false),
        ];
        for (pattern, name, expected) in by_hand {
            assert_eq!(matches(pattern, name), expected, "{pattern} and {name}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let (pattern, name) = ("*a".repeat(60) + "b", "a".repeat(10_000));
        assert!(!matches(&pattern, &name));
    }
}
