//! Names that tell runs apart, also where their folders are called the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::run::Run;

/// For each run its name; where several have the same, as much of the path before it as it takes, and a number where
/// that is the same too.
pub(super) fn distinct<'a>(runs: impl Iterator<Item = &'a Run>) -> Vec<String> {
    let named = |run: &Run| {
        let folder = run.folder().path();
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        (run.name(), folder)
    };
    told_apart(&runs.map(named).collect::<Vec<_>>())
}

fn told_apart(runs: &[(String, PathBuf)]) -> Vec<String> {
    let own: Vec<String> = runs.iter().map(|(name, _)| name.clone()).collect();
    let deepest = runs.iter().map(|(_, path)| path.components().count()).max().unwrap_or_default();
    let mut names = own.clone();
    for depth in 1..=deepest {
        let shared = shared(&names);
        if shared.is_empty() {
            return names;
        }
        for (name, (own, path)) in names.iter_mut().zip(runs) {
            if shared.contains(name) {
                *name = longer(own, path, depth);
            }
        }
    }
    numbered(names)
}

/// Names that more than one run has.
fn shared(names: &[String]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| !seen.insert(name.as_str())).cloned().collect()
}

/// With `depth` folders before those that the name already has.
fn longer(own: &str, path: &Path, depth: usize) -> String {
    let has = own.split('/').count();
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let end = parts.len().saturating_sub(has);
    let above = parts[end.saturating_sub(depth)..end].join("/");
    if above.is_empty() { own.to_owned() } else { format!("{above}/{own}") }
}

fn numbered(names: Vec<String>) -> Vec<String> {
    let shared = shared(&names);
    let number = |(place, name): (usize, &String)| {
        let before = names[..place].iter().filter(|it| *it == name).count();
        if shared.contains(name) { format!("{name} ({})", before + 1) } else { name.clone() }
    };
    names.iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(runs: &[(&str, &str)]) -> Vec<String> {
        let runs: Vec<_> =
            runs.iter().map(|(name, path)| ((*name).to_owned(), PathBuf::from(path))).collect();
        told_apart(&runs)
    }

    #[test]
    fn runs_of_one_name_are_told_apart_by_the_folders_above() {
        assert_eq!(told(&[("a", "/x/a"), ("b", "/x/b")]), ["a", "b"]);
        assert_eq!(told(&[("run", "/x/1/run"), ("run", "/x/2/run")]), ["1/run", "2/run"]);
        let deep = [("run", "/1/x/run"), ("run", "/2/x/run"), ("other", "/o/other")];
        assert_eq!(told(&deep), ["1/x/run", "2/x/run", "other"]);
        let family = [("gan/critic", "/a/gan/critic"), ("gan/critic", "/b/gan/critic")];
        assert_eq!(told(&family), ["a/gan/critic", "b/gan/critic"]);
    }

    #[test]
    fn the_same_run_twice_is_numbered() {
        assert_eq!(
            told(&[("run", "/x/run"), ("run", "/x/run")])[1].split_once(' ').unwrap().1,
            "(2)"
        );
    }
}
