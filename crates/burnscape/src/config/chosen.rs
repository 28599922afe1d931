//! Which blocks were chosen, by patterns of their paths.

use wildmatch::WildMatch;

/// Blocks by patterns of their whole paths, in which `*` stands for any characters and `?` for one; all of them without a
/// pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen(pub Vec<String>);

impl Chosen {
    pub fn of<P: Into<String>>(patterns: impl IntoIterator<Item = P>) -> Self {
        Self(patterns.into_iter().map(Into::into).collect())
    }

    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    pub fn holds(&self, path: &str) -> bool {
        self.is_everything() || self.0.iter().any(|pattern| WildMatch::new(pattern).matches(path))
    }

    /// Patterns that none of these paths matches.
    pub fn idle(&self, paths: &[&str]) -> Vec<&str> {
        let is_idle = |pattern: &&String| {
            let pattern = WildMatch::new(pattern);
            !paths.iter().any(|path| pattern.matches(path))
        };
        self.0.iter().filter(is_idle).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        let chosen = Chosen::of(["*.lora_?", "head.*"]);
        for (path, expected) in [
            ("layers.0.lora_a", true),
            ("layers.0.lora_b.weight", false),
            ("head.weight", true),
            ("my.head.weight", false),
            ("layers.0.weight", false),
        ] {
            assert_eq!(chosen.holds(path), expected, "{path}");
        }
        assert!(Chosen::default().holds("anything"));
        assert_eq!(chosen.idle(&["head.bias"]), ["*.lora_?"]);
    }
}
