//! `~/.config/burnscape/config.toml`: what a reader wants of the terminal always.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use burnscape_tui::{Bindings, ColourDepth, Glyphs, Theme};

/// What stands in the file; what does not is found out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Config {
    pub(crate) theme: Option<Theme>,
    pub(crate) color: Option<ColourDepth>,
    pub(crate) glyphs: Option<Glyphs>,
    pub(crate) fps: Option<f64>,
    pub(crate) mouse: Option<bool>,
    /// Keys that mean something else than usual.
    pub(crate) keys: Bindings,
}

/// What may stand in it, before or without a table.
const KEYS: &str = "theme, color, glyphs, fps, mouse";
/// The only table.
const TABLE: &str = "keys";

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
        let mut in_keys = false;
        for (number, line) in text.lines().enumerate() {
            let line = without_comment(line).trim();
            let taken = match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                Some(table) => table_is_keys(table).map(|()| in_keys = true),
                None if line.is_empty() => Ok(()),
                None if in_keys => config.bind(line),
                None => config.take(line),
            };
            taken.with_context(|| format!("line {}", number + 1))?;
        }
        config.check_keys().map(|()| config)
    }

    /// Takes `action = "key"`.
    fn bind(&mut self, line: &str) -> anyhow::Result<()> {
        let (action, key) = key_and_value(line)?;
        let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        let key = key.ok_or_else(|| anyhow!("`{line}` is no `action = \"key\"`"))?;
        Ok(self.keys.bind(action, key.parse()?)?)
    }

    /// One key cannot mean two things.
    fn check_keys(&self) -> anyhow::Result<()> {
        match self.keys.clash() {
            None => Ok(()),
            Some((one, other, key)) => bail!(
                "[{TABLE}]: `{key}` means both {one} and {other}: give one of them another key, or none with {other} = \"\""
            ),
        }
    }

    /// Takes `key = value`, where strings stand between quotes.
    fn take(&mut self, line: &str) -> anyhow::Result<()> {
        let (key, value) = key_and_value(line)?;
        let value = value.trim_matches('"');
        match key {
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
            other => bail!("no key `{other}`: there are {KEYS}, and the table [{TABLE}]"),
        }
        Ok(())
    }
}

fn key_and_value(line: &str) -> anyhow::Result<(&str, &str)> {
    let pair = line.split_once('=').ok_or_else(|| anyhow!("`{line}` is no `key = value`"))?;
    Ok((pair.0.trim().trim_matches('"'), pair.1.trim()))
}

fn table_is_keys(table: &str) -> anyhow::Result<()> {
    match table.trim() {
        TABLE => Ok(()),
        other => bail!("no table [{other}]: there is [{TABLE}]"),
    }
}

/// What stands before a `#` that is not between quotes.
fn without_comment(line: &str) -> &str {
    let mut quotes = 0;
    let begin = line.char_indices().find(|(_, it)| {
        quotes += usize::from(*it == '"');
        *it == '#' && quotes % 2 == 0
    });
    begin.map_or(line, |(begin, _)| &line[..begin])
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
            keys: Bindings::default(),
        };
        assert_eq!(Config::of(text).unwrap(), expected);
        assert_eq!(Config::of("").unwrap(), Config::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_there_is() {
        let told = |text: &str| format!("{:#}", Config::of(text).unwrap_err());
        let expected = format!("line 2: no key `keys`: there are {KEYS}, and the table [keys]");
        assert_eq!(told("\nkeys = 3"), expected);
        assert_eq!(told("[colors]"), "line 1: no table [colors]: there is [keys]");
        assert_eq!(told("fps = 99"), "line 1: `99` is no number from 0.1 to 30");
        assert!(told("theme = \"blue\"").contains("dark, light"));
        assert!(told("theme").contains("key = value"));
    }

    #[test]
    fn keys_are_bound_by_the_names_of_their_actions() {
        let text = "fps = 4\n[keys]  # mine\nquit = \"#\"  # as in my editor\nlog-steps = \"ctrl-x\"\nsmooth = \"\"\n";
        let mut keys = Bindings::default();
        for (action, key) in [("quit", "#"), ("log-steps", "ctrl-x"), ("smooth", "")] {
            keys.bind(action, key.parse().unwrap()).unwrap();
        }
        assert_eq!(Config::of(text).unwrap(), Config { fps: Some(4.0), keys, ..Config::default() });
    }

    #[test]
    fn a_wrong_binding_is_told_with_what_can_be_bound() {
        let told = |text: &str| format!("{:#}", Config::of(text).unwrap_err());
        let action = told("[keys]\nleave = \"x\"");
        assert!(action.starts_with("line 2: `leave`") && action.contains("quit, help"), "{action}");
        let key = told("[keys]\nquit = \"F1\"");
        assert!(key.starts_with("line 2: `F1`") && key.contains("ctrl-a"), "{key}");
        assert!(told("[keys]\nquit = x").contains("action = \"key\""));
        let clash = told("[keys]\nquit = \"x\"");
        assert!(clash.contains("`x` means both quit and log-steps"), "{clash}");
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
