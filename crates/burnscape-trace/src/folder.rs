//! The run folder: where its files lie.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{Error, lock};

/// Name of the trace inside the run folder.
pub const TRACE_FILE: &str = "trace.cbor";
const SNAPSHOTS: &str = "snapshots";
const DIRECTIONS: &str = "directions";

/// A folder that holds one run.
///
/// ```text
/// runs/digits/
///   trace.cbor                     what happened
///   snapshots/000000.safetensors   all parameters and buffers at one moment
///   directions/0000.safetensors    centre and directions of a slice
///   shards/                        slices that several processes measure: see [`Shards`](crate::Shards)
///   generator/trace.cbor           another model that was trained with it: a run of its own
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run, with the folders above it and `snapshots/` in it.
    ///
    /// A folder that exists is fine as long as it holds no trace.
    ///
    /// # Errors
    ///
    /// [`Error::RunExists`] where there is a trace already, [`Error::CreateFolder`] where it cannot
    /// be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = Self::at(path.as_ref());
        if fs::symlink_metadata(folder.trace_path()).is_ok() {
            return Err(Error::RunExists { path: folder.path });
        }
        let snapshots = folder.snapshots_dir();
        match fs::create_dir_all(&snapshots) {
            Ok(()) => Ok(folder),
            Err(source) => Err(Error::CreateFolder { path: snapshots, source }),
        }
    }

    /// Finds an existing run by its folder or by its `trace.cbor`.
    ///
    /// # Errors
    ///
    /// [`Error::NoFolder`] where the path does not exist, [`Error::NotARun`] where no trace is there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let folder = Self::locate(path)?;
        if folder.trace_path().is_file() {
            Ok(folder)
        } else {
            let path = path.to_owned();
            Err(Error::NotARun { path })
        }
    }

    /// Like [`open`](Self::open) for a run that may not have written its trace yet.
    pub(crate) fn locate(path: &Path) -> Result<Self, Error> {
        let named_trace = path.file_name().is_some_and(|name| name == TRACE_FILE);
        let path = path.to_owned();
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Ok(Self { path }),
            _ if named_trace && parent(&path).is_dir() => Ok(Self::at(parent(&path))),
            Ok(_) => Err(Error::NotARun { path }),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                Err(Error::NoFolder { path })
            }
            Err(source) => Err(Error::Open { path, source }),
        }
    }

    pub(crate) fn at(path: &Path) -> Self {
        let path = path.to_owned();
        Self { path }
    }

    /// `base` if nothing is there, else `base-2`, `base-3` …: the first that is free.
    ///
    /// Another process may take the name in between; [`Writer::create`](crate::Writer::create) then
    /// says [`Error::RunExists`].
    #[must_use]
    pub fn next_free(base: &Path) -> PathBuf {
        let is_free = |path: &PathBuf| fs::symlink_metadata(path).is_err();
        Self::candidates(base).find(is_free).unwrap_or_else(|| base.to_owned())
    }

    /// `base`, `base-2`, `base-3` …
    pub(crate) fn candidates(base: &Path) -> impl Iterator<Item = PathBuf> + use<> {
        // Through the components, so that "runs/digits/" is followed by "runs/digits-2".
        let base: PathBuf = base.components().collect();
        let first = std::iter::once(base.clone());
        first.chain((2_u64..).map(move |number| numbered(&base, number)))
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The runs right below this one, by name: those of further models that were trained with it.
    #[must_use]
    pub fn children(&self) -> Vec<Self> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        // A link may lead to a run above it.
        let own = entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()));
        let inside = own.map(|entry| Self { path: entry.path() });
        let mut runs: Vec<Self> = inside.filter(|it| it.trace_path().is_file()).collect();
        runs.sort_by(|a, b| a.path.cmp(&b.path));
        runs
    }

    /// This run, if anything was recorded in it itself or there are no runs below it, then all runs below it.
    #[must_use]
    pub fn family(self) -> Vec<Self> {
        let below: Vec<Self> = self.children().into_iter().flat_map(Self::family).collect();
        let is_empty = fs::metadata(self.trace_path()).is_ok_and(|trace| trace.len() == 0);
        let own = (!is_empty || below.is_empty()).then_some(self);
        own.into_iter().chain(below).collect()
    }

    /// The way to another folder, with `/` between its parts: relative where both have a common root, else absolute.
    #[must_use]
    pub fn way_to(&self, other: &Path) -> String {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let (from, to) = (real(&self.path), real(other));
        let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
        let up = from.components().skip(common).map(|_| Component::ParentDir);
        let way: PathBuf = up.chain(to.components().skip(common)).collect();
        let parts = way.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        match common {
            0 => to.display().to_string(),
            _ => parts.collect::<Vec<_>>().join("/"),
        }
    }

    /// The trace.
    #[must_use]
    pub fn trace_path(&self) -> PathBuf {
        self.path.join(TRACE_FILE)
    }

    /// Whether a writer has the trace at this moment; `None` where that is not known, as on disks without locks.
    #[must_use]
    pub fn has_writer(&self) -> Option<bool> {
        lock::is_held(&self.trace_path())
    }

    /// Where the snapshots lie.
    #[must_use]
    pub fn snapshots_dir(&self) -> PathBuf {
        self.path.join(SNAPSHOTS)
    }

    /// A snapshot's file.
    #[must_use]
    pub fn snapshot_path(&self, index: u64) -> PathBuf {
        self.path.join(Self::snapshot_file(index))
    }

    /// A snapshot's file as records name it, `snapshots/000000.safetensors`.
    #[must_use]
    pub fn snapshot_file(index: u64) -> String {
        format!("{SNAPSHOTS}/{index:06}.safetensors")
    }

    /// Where the directions of slices lie.
    #[must_use]
    pub fn directions_dir(&self) -> PathBuf {
        self.path.join(DIRECTIONS)
    }

    /// The file with centre and directions of a slice.
    #[must_use]
    pub fn directions_path(&self, slice: u32) -> PathBuf {
        self.path.join(Self::directions_file(slice))
    }

    /// The same as records name it, `directions/0000.safetensors`.
    #[must_use]
    pub fn directions_file(slice: u32) -> String {
        format!("{DIRECTIONS}/{slice:04}.safetensors")
    }

    /// The path of a file that a record names relative to the run folder.
    ///
    /// A trace may come from anywhere, and so may the folder around it: names that lead out of the folder are
    /// refused, by themselves or through a link on their way. The file need not exist.
    ///
    /// # Errors
    ///
    /// [`Error::OutsideRun`] for empty and absolute names, `.`, `..`, drive letters, and links that lead out.
    pub fn resolve(&self, file: &str) -> Result<PathBuf, Error> {
        let inside = |part| matches!(part, Component::Normal(_));
        let path = self.path.join(file);
        if !file.is_empty() && Path::new(file).components().all(inside) && self.holds(&path) {
            return Ok(path);
        }
        Err(Error::OutsideRun { file: file.to_owned(), folder: self.path.clone() })
    }

    /// What exists of the path lies in the folder, once all links are followed. A folder that is not there
    /// has no links in it.
    fn holds(&self, path: &Path) -> bool {
        let Ok(folder) = fs::canonicalize(&self.path) else {
            return true;
        };
        let ancestors = path.ancestors().take_while(|it| *it != self.path);
        let existing = ancestors.into_iter().find(|it| fs::symlink_metadata(it).is_ok());
        existing.is_none_or(|it| fs::canonicalize(it).is_ok_and(|real| real.starts_with(&folder)))
    }
}

fn numbered(base: &Path, number: u64) -> PathBuf {
    let mut name = OsString::from(base);
    name.push(format!("-{number}"));
    PathBuf::from(name)
}

fn parent(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
