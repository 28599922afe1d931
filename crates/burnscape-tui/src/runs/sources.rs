//! What was asked to be watched: runs, and folders in which runs are looked for.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use burnscape_trace::{RunFolder, TRACE_FILE};

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

    /// The only run, where nothing but one run was asked for.
    pub(crate) fn single(&self) -> Option<&Path> {
        match &self.paths[..] {
            [path] if is_run(path) => Some(path),
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

fn is_run(path: &Path) -> bool {
    RunFolder::open(path).is_ok()
}

/// The run at a path, or those below it.
fn runs_at(path: &Path) -> Vec<Found> {
    if let Ok(run) = RunFolder::open(path) {
        let name = run.path().display().to_string();
        return vec![Found { path: run.path().to_owned(), name }];
    }
    let mut paths = below(path);
    paths.sort();
    let name = |run: &Path| run.strip_prefix(path).unwrap_or(run).display().to_string();
    paths.into_iter().map(|run| Found { name: name(&run), path: run }).collect()
}

/// The runs below a folder, level by level. A run holds no other runs; hidden folders hold none.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut runs = Vec::new();
    let mut open = VecDeque::from([(folder.to_owned(), 0)]);
    let mut looked_into = 0;
    while let Some((folder, depth)) = open.pop_front() {
        if looked_into == MAX_FOLDERS {
            break;
        }
        looked_into += 1;
        for child in folders_in(&folder) {
            if child.join(TRACE_FILE).is_file() {
                runs.push(child);
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
    use super::*;

    fn make(root: &Path, runs: &[&str]) {
        for run in runs {
            fs::create_dir_all(root.join(run)).unwrap();
            fs::write(root.join(run).join(TRACE_FILE), "").unwrap();
        }
    }

    #[test]
    fn runs_are_found_three_levels_deep_and_not_inside_of_runs() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), &["b", "a/x/1", "a/x/2", "b/inner", "a/x/y/too-deep", ".hidden/z"]);
        let sources = Sources::new(&[root.path().to_owned()]).unwrap();
        let names: Vec<String> = sources.find().into_iter().map(|found| found.name).collect();
        assert_eq!(names, ["a/x/1", "a/x/2", "b"]);
        assert_eq!(sources.single(), None);
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
