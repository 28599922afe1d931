//! Names that match a pattern: `*` stands for any characters, `?` for one.

use wildmatch::WildMatch;

/// Whether a part of a name matches a pattern: nobody has to say where it begins and ends. Case counts.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    WildMatch::new(&format!("*{pattern}*")).matches(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_plain_words_match_parts_of_names() {
        let by_hand = [
            ("*.weight", "conv1.weight", true),
            ("*.weight", "conv1.weight_norm", true),
            ("conv*", "conv2.bias", true),
            ("conv*", "my.conv2.bias", true),
            ("conv?.*", "conv1.weight", true),
            ("conv?.*", "conv12.weight", false),
            ("*1*b*", "layer1.bias", true),
            ("*1*b*", "layer2.bias", false),
            ("*a*a*a*", "aa", false),
            ("", "anything", true),
            ("*", "", true),
            ("?", "層", true),
            ("?", "", false),
            ("conv?.w", "my.conv2.weight", true),
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
