//! The folder of shards: slices that several processes measure, their plans, and a trace for each process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::{Head, Record};
use crate::{Error, Item, Reader, RunFolder, Writer};

const SHARDS: &str = "shards";
const PLANS: &str = "plans";

/// The folder `shards/` of a run. Nothing in it is shared between two writers: a plan is there or not, and every process
/// appends to a trace of its own.
///
/// ```text
/// shards/
///   plans/random/trace.cbor   what is measured, written by the first who comes
///   03-of-16/trace.cbor       what shard 3 of 16 has measured
///   03-of-16-2/trace.cbor     the same by another process, where the first trace was in use or damaged
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shards {
    path: PathBuf,
}

impl Shards {
    /// That of a run; it need not be there.
    #[must_use]
    pub fn of(run: &RunFolder) -> Self {
        Self { path: run.path().join(SHARDS) }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The plans that are there, by name.
    #[must_use]
    pub fn plans(&self) -> Vec<RunFolder> {
        traces_in(&self.path.join(PLANS))
    }

    /// The traces of shards that are there, by name.
    #[must_use]
    pub fn traces(&self) -> Vec<RunFolder> {
        traces_in(&self.path)
    }

    /// The plan of a slice; `None` while nobody has made it.
    #[must_use]
    pub fn plan(&self, slice: &str) -> Option<RunFolder> {
        RunFolder::open(self.plan_path(slice)).ok()
    }

    fn plan_path(&self, slice: &str) -> PathBuf {
        self.path.join(PLANS).join(file_name(slice))
    }

    /// Makes the plan of a slice, unless somebody was first, and gives the one that holds. `write` fills a folder that
    /// nobody sees.
    ///
    /// # Errors
    ///
    /// [`Error::CreateFolder`], and those of `write`.
    pub fn publish<E: From<Error>>(
        &self,
        slice: &str,
        write: impl FnOnce(&RunFolder) -> Result<(), E>,
    ) -> Result<RunFolder, E> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let unique = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let plan = self.plan_path(slice);
        let hidden = format!(".{}-{}-{}", file_name(slice), unique.0, unique.1);
        let hidden = plan.with_file_name(hidden);
        let failed = |source| Error::CreateFolder { path: plan.clone(), source };
        fs::create_dir_all(&hidden).map_err(failed)?;
        let written = write(&RunFolder::at(&hidden));
        // A folder that is there and not empty is not replaced: the first one holds.
        let renamed = written.and_then(|()| Ok(fs::rename(&hidden, &plan).map_err(failed)?));
        if renamed.is_err() {
            let _ = fs::remove_dir_all(&hidden);
        }
        match RunFolder::open(&plan) {
            Ok(plan) => Ok(plan),
            Err(error) => renamed.and(Err(error.into())),
        }
    }

    /// Copies a file that a plan names into the run; one that is there already is replaced as a whole.
    ///
    /// # Errors
    ///
    /// [`Error::OutsideRun`], [`Error::Output`].
    pub fn hand_over(name: &str, plan: &RunFolder, run: &RunFolder) -> Result<(), Error> {
        let (source, target) = (plan.resolve(name)?, run.resolve(name)?);
        let hidden = target.with_extension("tmp");
        let copy = || {
            target.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(&source, &hidden)?;
            fs::rename(&hidden, &target)
        };
        copy().map_err(|source| Error::Output { path: target.clone(), source })
    }

    /// Opens the trace of a shard, counted from 1, to be appended to: goes on with the one that is there; where that is
    /// damaged, or another process has it, with a further one. A new one begins with `head`.
    ///
    /// # Errors
    ///
    /// [`Error::CreateFolder`], and those of [`Writer::create`] and [`Writer::resume`] but [`Error::Locked`].
    pub fn writer(&self, index: u32, count: u32, head: &Head) -> Result<Writer, Error> {
        let base = self.path.join(trace_name(index, count));
        let mut tried = RunFolder::candidates(&base).map(|path| open(&path, head));
        tried.find_map(Result::transpose).unwrap_or(Err(Error::RunExists { path: base }))
    }
}

fn open(path: &Path, head: &Head) -> Result<Option<Writer>, Error> {
    let folder = RunFolder::at(path);
    let opened = match folder.trace_path().is_file() {
        true if is_damaged(&folder) => return Ok(None),
        true => Writer::resume(&folder).map(|(writer, resumed)| (writer, resumed.head.is_none())),
        false => create(&folder).map(|writer| (writer, true)),
    };
    match opened {
        Ok((mut writer, is_new)) => {
            if is_new {
                writer.append(&Record::Head(head.clone()))?;
                writer.flush()?;
            }
            Ok(Some(writer))
        }
        Err(Error::Locked { .. } | Error::RunExists { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn create(folder: &RunFolder) -> Result<Writer, Error> {
    let path = folder.path().to_owned();
    fs::create_dir_all(&path).map_err(|source| Error::CreateFolder { path, source })?;
    Writer::create(folder)
}

/// Bytes are missing in its midst, or it is no trace of ours: nothing is appended to it.
fn is_damaged(folder: &RunFolder) -> bool {
    let Ok(reader) = Reader::open(folder.trace_path()) else { return true };
    reader.into_iter().any(|item| matches!(item, Ok(Item::Lost(_)) | Err(_)))
}

/// As many digits as the last shard has, so that they stand in their order.
fn trace_name(index: u32, count: u32) -> String {
    let digits = count.to_string().len();
    format!("{index:0digits$}-of-{count}")
}

/// The name of a slice as that of a file: whatever no file may be called becomes `_`.
fn file_name(slice: &str) -> String {
    let plain = |it: char| if it.is_alphanumeric() || it == '-' { it } else { '_' };
    let name: String = slice.chars().map(plain).take(100).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

fn traces_in(folder: &Path) -> Vec<RunFolder> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_plain = |entry: &fs::DirEntry| -> io::Result<bool> { Ok(entry.file_type()?.is_dir()) };
    let seen = entries.filter(|it| !it.file_name().as_encoded_bytes().starts_with(b"."));
    let folders = seen.filter(|it| is_plain(it).unwrap_or(false)).map(|it| it.path());
    let mut traces: Vec<RunFolder> =
        folders.filter_map(|path| RunFolder::open(path).ok()).collect();
    traces.sort_by(|a, b| a.path().cmp(b.path()));
    traces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{FORMAT, Note};
    use crate::{read_run, record};

    fn shards() -> (tempfile::TempDir, Shards) {
        let scratch = tempfile::tempdir().unwrap();
        let run = RunFolder::create(scratch.path().join("run")).unwrap();
        (scratch, Shards::of(&run))
    }

    fn head() -> Head {
        record!(Head { format: FORMAT, run_id: "r".into() })
    }

    fn names(found: &[RunFolder]) -> Vec<String> {
        let name = |it: &RunFolder| it.path().file_name().unwrap().to_string_lossy().into_owned();
        found.iter().map(name).collect()
    }

    #[test]
    fn of_many_who_plan_at_once_one_plan_holds_and_it_is_whole() {
        let (_scratch, shards) = shards();
        let plan = |number: u32| {
            shards.publish::<Error>("pca, 2 × 2", |folder| {
                let mut writer = Writer::create(folder)?;
                writer.append(&Record::Head(head()))?;
                let text = number.to_string();
                writer.append(&Record::Note(record!(Note { text })))
            })
        };
        let said = |folder: RunFolder| match &read_run(folder.path()).unwrap().records[..] {
            [Record::Head(_), Record::Note(note)] => note.text.clone(),
            other => panic!("{other:?}"),
        };
        let texts: Vec<String> = std::thread::scope(|scope| {
            let spawn = |number| scope.spawn(move || said(plan(number).unwrap()));
            let threads: Vec<_> = (0..16).map(spawn).collect();
            threads.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
        assert_eq!(names(&shards.plans()), ["pca__2___2"]);
        let hidden = fs::read_dir(shards.path().join(PLANS)).unwrap().count();
        assert_eq!(hidden, 1, "nothing is left of the others");
        assert_eq!(shards.traces(), []);
    }

    #[test]
    fn a_plan_that_cannot_be_written_is_not_there() {
        let (_scratch, shards) = shards();
        let refused = |_: &RunFolder| Err(Error::UnknownKind { kind: "x".into() });
        assert!(shards.publish("a", refused).is_err());
        assert_eq!((shards.plan("a"), shards.plans()), (None, vec![]));
    }

    #[test]
    fn a_shard_goes_on_in_its_trace_unless_that_is_in_use_or_damaged() {
        let (_scratch, shards) = shards();
        let open = || shards.writer(3, 16, &head()).unwrap();
        let first = open();
        let second = open();
        assert_eq!(names(&shards.traces()), ["03-of-16", "03-of-16-2"]);
        drop((first, second));
        drop(open());
        let trace = read_run(shards.traces()[0].path()).unwrap();
        assert!(matches!(trace.records[..], [Record::Head(_), Record::Resume(_)]));
        // A byte of its head, which is repeated by nobody.
        let path = shards.traces()[0].trace_path();
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, &bytes).unwrap();
        drop(open());
        assert_eq!(fs::read(&path).unwrap(), bytes, "what is damaged is left as it is");
        let records = read_run(shards.traces()[1].path()).unwrap().records;
        assert!(matches!(records[..], [Record::Head(_), Record::Resume(_)]));
    }
}
