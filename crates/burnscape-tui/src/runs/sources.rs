//! What was asked to be watched: runs, and folders in which runs are looked for.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use burnscape_trace::RunFolder;

use crate::Error;

/// Levels below a folder on which runs are looked for: `runs/sweep/lr-0.1/seed-3` below `runs`.
pub(crate) const SEARCH_DEPTH: usize = 3;
/// Folders looked into at most: somebody may give their home.
const MAX_FOLDERS: usize = 10_000;

/// A run that was found, and how it is called in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
}

/// What was asked to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sources {
    paths: Vec<PathBuf>,
}

impl Sources {
    /// Takes the paths; they must exist, and there must be a run among them.
    ///
    /// # Errors
    ///
    /// [`Error::Trace`] where a path does not exist or is a file and no run, [`Error::NoRuns`] where there is
    /// no run in any of the folders.
    pub(crate) fn new(paths: &[PathBuf]) -> Result<Self, Error> {
        for path in paths.iter().filter(|path| !path.is_dir()) {
            RunFolder::open(path)?;
        }
        let sources = Self { paths: paths.to_vec() };
        match sources.find().is_empty() {
            true => Err(Error::NoRuns { paths: paths.to_vec() }),
            false => Ok(sources),
        }
    }

    /// The only run, where nothing but one run was asked for, and none was trained with it.
    pub(crate) fn single(&self) -> Option<&Path> {
        match &self.paths[..] {
            [path] if RunFolder::open(path).is_ok_and(|run| run.children().is_empty()) => {
                Some(path)
            }
            _ => None,
        }
    }

    /// All runs that are there now, in the order in which they were given, those of a folder by name.
    pub(crate) fn find(&self) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        for found in self.paths.iter().flat_map(|path| runs_at(path)) {
            if all.iter().all(|known| known.path != found.path) {
                all.push(found);
            }
        }
        all
    }
}

/// The run at a path, or those below it; each with those that were trained with it.
fn runs_at(path: &Path) -> Vec<Found> {
    if let Ok(run) = RunFolder::open(path) {
        let found = |run: RunFolder| Found {
            name: run.path().display().to_string(),
            path: run.path().to_owned(),
        };
        return run.family().into_iter().map(found).collect();
    }
    let mut runs = below(path);
    runs.sort_by(|a, b| a.path().cmp(b.path()));
    let name = |run: &Path| run.strip_prefix(path).unwrap_or(run).display().to_string();
    let found = |run: RunFolder| Found { name: name(run.path()), path: run.path().to_owned() };
    runs.into_iter().flat_map(RunFolder::family).map(found).collect()
}

/// The runs below a folder, level by level, those below other runs left out. Hidden folders hold none.
fn below(folder: &Path) -> Vec<RunFolder> {
    let mut runs = Vec::new();
    let mut open = VecDeque::from([(folder.to_owned(), 0)]);
    let mut looked_into = 0;
    while let Some((folder, depth)) = open.pop_front() {
        if looked_into == MAX_FOLDERS {
            break;
        }
        looked_into += 1;
        for child in folders_in(&folder) {
            if let Ok(run) = RunFolder::open(&child) {
                runs.push(run);
            } else if depth + 1 < SEARCH_DEPTH {
                open.push_back((child, depth + 1));
            }
        }
    }
    runs
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let seen = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    // Links count: runs often lie on another disk.
    seen.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use burnscape_trace::TRACE_FILE;

    use super::*;

    fn make(root: &Path, runs: &[&str]) {
        for run in runs {
            fs::create_dir_all(root.join(run)).unwrap();
            fs::write(root.join(run).join(TRACE_FILE), "x").unwrap();
        }
    }

    fn names(sources: &Sources) -> Vec<String> {
        sources.find().into_iter().map(|found| found.name).collect()
    }

    #[test]
    fn runs_are_found_three_levels_deep() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), &["b", "a/x/1", "a/x/2", "a/x/y/too-deep", ".hidden/z"]);
        let sources = Sources::new(&[root.path().to_owned()]).unwrap();
        assert_eq!(names(&sources), ["a/x/1", "a/x/2", "b"]);
        assert_eq!(sources.single(), None);
    }

    #[test]
    fn runs_that_were_trained_together_stand_below_the_one_that_holds_them() {
        let root = tempfile::tempdir().unwrap();
        make(
            root.path(),
            &["a", "gan", "gan/generator", "gan/critic", "gan-2", "x/y/1", "x/y/1/b"],
        );
        let sources = Sources::new(&[root.path().to_owned()]).unwrap();
        let expected = ["a", "gan", "gan/critic", "gan/generator", "gan-2", "x/y/1", "x/y/1/b"];
        assert_eq!(names(&sources), expected);

        let gan = root.path().join("gan");
        let alone = Sources::new(std::slice::from_ref(&gan)).unwrap();
        assert_eq!(alone.single(), None, "a list");
        let below = |name: &str| format!("{}{name}", gan.display());
        assert_eq!(names(&alone), ["", "/critic", "/generator"].map(below));
        // The probe above recorded nothing itself.
        fs::write(gan.join(TRACE_FILE), "").unwrap();
        assert_eq!(names(&alone), ["/critic", "/generator"].map(below));
    }

    #[test]
    fn runs_keep_the_order_in_which_they_were_given_and_come_once() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), &["b", "a"]);
        let path = |name: &str| root.path().join(name);
        let sources = Sources::new(&[path("b"), path("a"), path("b/trace.cbor")]).unwrap();
        let found: Vec<PathBuf> = sources.find().into_iter().map(|found| found.path).collect();
        assert_eq!(found, [path("b"), path("a")]);
        assert_eq!(Sources::new(&[path("a")]).unwrap().single(), Some(&*path("a")));
    }

    #[test]
    fn what_is_not_there_is_told() {
        let root = tempfile::tempdir().unwrap();
        let empty = Sources::new(&[root.path().to_owned()]).unwrap_err().to_string();
        assert!(empty.starts_with("there is no run in "), "{empty}");
        let missing = Sources::new(&[root.path().join("x")]).unwrap_err().to_string();
        assert!(missing.starts_with("there is no run folder"), "{missing}");
    }
}
