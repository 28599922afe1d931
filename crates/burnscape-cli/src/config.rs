//! `~/.config/burnscape/config.toml`: what a reader wants of the terminal always.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use burnscape_tui::{ColourDepth, Glyphs, Theme};

/// What stands in the file; what does not is found out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Config {
    pub(crate) theme: Option<Theme>,
    pub(crate) color: Option<ColourDepth>,
    pub(crate) glyphs: Option<Glyphs>,
    pub(crate) fps: Option<f64>,
    pub(crate) mouse: Option<bool>,
}

/// What may stand in it.
const KEYS: &str = "theme, color, glyphs, fps, mouse";

impl Config {
    /// Reads it; there may be none.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let Some(path) = path(|name| std::env::var_os(name).map(PathBuf::from)) else {
            return Ok(Self::default());
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::of(&text).with_context(|| path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    fn of(text: &str) -> anyhow::Result<Self> {
        let mut config = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                config.take(line).with_context(|| format!("line {}", number + 1))?;
            }
        }
        Ok(config)
    }

    /// Takes `key = value`, where strings stand between quotes.
    fn take(&mut self, line: &str) -> anyhow::Result<()> {
        let (key, value) =
            line.split_once('=').ok_or_else(|| anyhow!("`{line}` is no `key = value`"))?;
        let value = value.trim().trim_matches('"');
        match key.trim() {
            "theme" => self.theme = unless_auto(value)?,
            "color" | "colour" => self.color = unless_auto(value)?,
            "glyphs" => self.glyphs = unless_auto(value)?,
            "fps" => {
                let fps = value.parse().ok().filter(|fps| (0.1..=30.0).contains(fps));
                self.fps =
                    Some(fps.ok_or_else(|| anyhow!("`{value}` is no number from 0.1 to 30"))?);
            }
            "mouse" => {
                self.mouse = Some(
                    value.parse().map_err(|_| anyhow!("`{value}` is neither true nor false"))?,
                );
            }
            other => bail!("no key `{other}`: there are {KEYS}"),
        }
        Ok(())
    }
}

fn unless_auto<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    word: &str,
) -> anyhow::Result<Option<T>> {
    if word == "auto" { Ok(None) } else { Ok(Some(word.parse()?)) }
}

/// Where it is (XDG base directories).
fn path(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|path| path.is_absolute());
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(folder.join(Path::new("burnscape/config.toml")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_what_is_auto_is_found_out() {
        let text = "# mine\ntheme = \"light\"\nglyphs = \"auto\"   # by the terminal\n\nfps = 4\nmouse = false\ncolor = \"256\"";
        let expected = Config {
            theme: Some(Theme::Light),
            color: Some(ColourDepth::TwoFiftySix),
            glyphs: None,
            fps: Some(4.0),
            mouse: Some(false),
        };
        assert_eq!(Config::of(text).unwrap(), expected);
        assert_eq!(Config::of("").unwrap(), Config::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_there_is() {
        let told = |text: &str| format!("{:#}", Config::of(text).unwrap_err());
        assert_eq!(told("\nkeys = 3"), format!("line 2: no key `keys`: there are {KEYS}"));
        assert_eq!(told("fps = 99"), "line 1: `99` is no number from 0.1 to 30");
        assert!(told("theme = \"blue\"").contains("dark, light"));
        assert!(told("theme").contains("key = value"));
    }

    #[test]
    fn it_lies_where_others_have_theirs() {
        let of = |set: &'static str, value: &'static str| {
            path(move |name| (name == set).then(|| PathBuf::from(value)))
        };
        assert_eq!(of("HOME", "/home/me"), Some("/home/me/.config/burnscape/config.toml".into()));
        assert_eq!(of("XDG_CONFIG_HOME", "/x"), Some("/x/burnscape/config.toml".into()));
        assert_eq!(of("XDG_CONFIG_HOME", "relative"), None);
    }
}
