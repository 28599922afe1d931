//! All runs that were asked for, each as far as it was read.

use std::time::SystemTime;

use super::entry::Entry;
use super::row::Row;
use super::sources::{Found, Sources};

/// The runs, in the order given. It reads when it is told to, so that whoever holds it decides where and when.
#[derive(Debug)]
pub(crate) struct Catalogue {
    sources: Sources,
    entries: Vec<Entry>,
}

impl Catalogue {
    /// The runs that are there, none of them read.
    pub(crate) fn new(sources: Sources) -> Self {
        let mut catalogue = Self { sources, entries: Vec::new() };
        catalogue.search();
        catalogue
    }

    /// Looks for new runs and glances at them. Runs that vanished keep their place; one that holds nothing but the
    /// runs below it gives way to them.
    pub(crate) fn search(&mut self) {
        let found = self.sources.find();
        let is_found = |entry: &Entry| found.iter().any(|run| run.path == *entry.path());
        self.entries.retain(|entry| is_found(entry) || !entry.is_blank());
        let mut place = 0;
        for run in &found {
            match self.entries.iter().position(|entry| *entry.path() == run.path) {
                Some(known) => place = known + 1,
                None => {
                    place = self.place_after(place, run, &found);
                    let mut entry = Entry::new(run.clone());
                    entry.glance();
                    self.entries.insert(place, entry);
                    place += 1;
                }
            }
        }
    }

    /// The place of a new run: behind the one found before it, and behind vanished ones that come before it by name.
    fn place_after(&self, place: usize, run: &Found, found: &[Found]) -> usize {
        let is_gone = |entry: &Entry| found.iter().all(|run| run.path != *entry.path());
        let before = |entry: &&Entry| is_gone(entry) && entry.path().as_path() < run.path.as_path();
        place + self.entries[place..].iter().take_while(before).count()
    }

    /// How many runs there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Reads on in one of the runs, as far as one look goes; `true`: there is more to read at once.
    pub(crate) fn follow(&mut self, run: usize) -> bool {
        self.entries.get_mut(run).is_some_and(Entry::follow)
    }

    /// Reads everything that is there.
    pub(crate) fn follow_all(&mut self) {
        (0..self.len()).for_each(|run| while self.follow(run) {});
    }

    /// The rows at a time.
    pub(crate) fn rows(&self, now: SystemTime) -> Vec<Row> {
        self.entries.iter().map(|entry| entry.row(now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use burnscape_trace::{End, FORMAT, Head, Record, RunFolder, Step, Writer, record};

    use super::*;

    fn write(path: &Path, losses: &[f64], end: Option<&str>) {
        let mut writer = Writer::create(&RunFolder::create(path).unwrap()).unwrap();
        let run_id = path.display().to_string() + &losses.len().to_string();
        writer.append(&Record::Head(record!(Head { format: FORMAT, run_id }))).unwrap();
        for (step, &loss) in losses.iter().enumerate() {
            let step = record!(Step { step: step as u64, loss: Some(loss) });
            writer.append(&Record::Step(step)).unwrap();
        }
        match end {
            Some(reason) => {
                let end = record!(End { reason: reason.into() });
                writer.finish(end).unwrap();
            }
            None => writer.flush().unwrap(),
        }
    }

    fn words(catalogue: &Catalogue, now: SystemTime) -> Vec<(String, String)> {
        catalogue.rows(now).iter().map(|row| (row.name.clone(), row.state_words())).collect()
    }

    fn pair(name: &str, state: &str) -> (String, String) {
        (name.to_owned(), state.to_owned())
    }

    #[test]
    fn new_runs_take_their_place_and_vanished_ones_are_gone_until_they_return() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        write(&path("a"), &[2.0], Some("finished"));
        write(&path("c"), &[2.0, 1.0], None);
        let mut catalogue = Catalogue::new(Sources::new(&[root.path().to_owned()]).unwrap());
        catalogue.follow_all();
        let now = SystemTime::now();
        let of_c = pair("c", "training");
        assert_eq!(words(&catalogue, now), [pair("a", "finished"), of_c.clone()]);

        write(&path("b"), &[], Some("interrupted"));
        fs::rename(path("a"), root.path().join(".away")).unwrap();
        catalogue.search();
        catalogue.follow_all();
        let expected = [pair("a", "gone"), pair("b", "interrupted"), of_c.clone()];
        assert_eq!(words(&catalogue, now), expected);
        assert_eq!(catalogue.rows(now)[0].last_loss, Some(2.0));

        fs::rename(root.path().join(".away"), path("a")).unwrap();
        catalogue.follow_all();
        assert_eq!(words(&catalogue, now)[0], pair("a", "finished"));
        fs::remove_dir_all(path("a")).unwrap();
        write(&path("a"), &[4.0, 3.0, 2.5], None);
        catalogue.follow_all();
        assert_eq!(words(&catalogue, now)[0], pair("a", "training"));
        assert_eq!(catalogue.rows(now)[0].steps, 3);
    }

    #[test]
    fn a_run_without_an_end_is_silent_once_nothing_is_written() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("a"), &[2.0], None);
        write(&root.path().join("b"), &[2.0], Some("finished"));
        let mut catalogue = Catalogue::new(Sources::new(&[root.path().to_owned()]).unwrap());
        catalogue.follow_all();
        let written = root.path().join("a/trace.cbor").metadata().unwrap().modified().unwrap();
        let later = written + Duration::from_secs(185);
        assert_eq!(words(&catalogue, later)[0], pair("a", "silent for 3 min"));
        assert_eq!(words(&catalogue, later)[1], pair("b", "finished"));
        assert_eq!(words(&catalogue, written)[0], pair("a", "training"));
    }

    #[test]
    fn what_cannot_be_read_says_why_and_does_not_hide_the_others() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("b"), &[2.0], Some("finished"));
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/trace.cbor"), "this is no trace, but long enough").unwrap();
        let mut catalogue = Catalogue::new(Sources::new(&[root.path().to_owned()]).unwrap());
        catalogue.follow_all();
        let now = SystemTime::now();
        assert_eq!(words(&catalogue, now), [pair("a", "unreadable"), pair("b", "finished")]);
        let sentence = catalogue.rows(now)[0].sentence.clone().unwrap();
        assert!(sentence.contains("is not a burnscape trace"), "{sentence}");
    }

    #[test]
    fn damage_in_the_midst_of_a_trace_is_a_word() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("a"), &[1.0; 50], Some("finished"));
        let trace = root.path().join("a/trace.cbor");
        let mut bytes = fs::read(&trace).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(&trace, bytes).unwrap();
        let mut catalogue = Catalogue::new(Sources::new(&[root.path().to_owned()]).unwrap());
        catalogue.follow_all();
        let words = words(&catalogue, SystemTime::now());
        assert_eq!(words, [pair("a", "finished, damaged")]);
    }
}
