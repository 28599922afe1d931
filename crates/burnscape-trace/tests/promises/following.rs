//! A follower gives each record once, as soon as it is whole, whatever the writer does.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use burnscape_trace::{Error, Follower, Item, Record, RunFolder, Torn, Trace, Writer};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::round_trip::any_records;
use crate::sample::{end, framed, head, note, records, step, text, uncounted};

fn new_run() -> (TempDir, RunFolder) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("run")).unwrap();
    (scratch, folder)
}

fn append_bytes(trace: &Path, bytes: &[u8]) {
    let mut options = OpenOptions::new();
    let mut file = options.create(true).append(true).open(trace).unwrap();
    file.write_all(bytes).unwrap();
}

fn poll(follower: &mut Follower) -> Trace {
    follower.poll().unwrap().into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_arrive_once_each_as_soon_as_they_are_whole(
        all in any_records(),
        chunks in proptest::collection::vec(1..200_usize, 1..40),
    ) {
        let (_scratch, folder) = new_run();
        let (bytes, ranges) = framed(&all);
        let mut follower = Follower::open(folder.path()).unwrap();
        let mut given = 0;
        let mut written = 0;
        for chunk in chunks.iter().cycle() {
            let until = (written + chunk).min(bytes.len());
            append_bytes(&folder.trace_path(), &bytes[written..until]);
            written = until;
            let whole = ranges.iter().filter(|range| range.end <= written).count();
            let new = poll(&mut follower);
            prop_assert_eq!(text(&new.records), text(&all[given..whole]));
            prop_assert!(new.lost.is_empty() && new.torn.is_none());
            given = whole;
            if written == bytes.len() {
                break;
            }
        }
        prop_assert_eq!(given, all.len());
        prop_assert!(follower.poll().unwrap().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Until a record proves that it is a trace, a file that begins with something else is none.
    #[test]
    fn a_trace_whose_beginning_is_damaged_is_followed_from_its_first_whole_record(
        all in any_records(),
        damage in proptest::collection::vec(any::<u8>(), 1..60),
        chunk in 1..200_usize,
    ) {
        let (_scratch, folder) = new_run();
        let (records, _) = framed(&all);
        let mut follower = Follower::open(folder.path()).unwrap();
        let mut followed = Vec::new();
        for piece in [damage.clone(), records].concat().chunks(chunk) {
            append_bytes(&folder.trace_path(), piece);
            match follower.poll() {
                Ok(items) => followed.extend(items),
                Err(error) => {
                    prop_assert!(matches!(error, Error::NotATrace { .. }), "{error}");
                    prop_assert!(followed.is_empty());
                }
            }
        }
        let followed: Trace = followed.into_iter().collect();
        prop_assert_eq!(text(&followed.records), text(&all));
        prop_assert_eq!((followed.lost[0].offset, followed.lost[0].bytes), (0, damage.len() as u64));
    }
}

#[test]
fn a_finished_run_comes_in_the_first_poll() {
    let (_scratch, folder) = new_run();
    append_bytes(&folder.trace_path(), &framed(&records()).0);
    let mut follower = Follower::open(folder.trace_path()).unwrap();
    assert_eq!(text(&poll(&mut follower).records), text(&records()));
    assert!(!follower.has_more());
}

#[test]
fn a_trace_that_does_not_exist_yet_is_waited_for() {
    let (_scratch, folder) = new_run();
    let mut follower = Follower::open(folder.path()).unwrap();
    assert_eq!(follower.poll().unwrap(), []);
    let mut writer = Writer::create(&folder).unwrap();
    assert_eq!(follower.poll().unwrap(), []);
    writer.append(&Record::from(head())).unwrap();
    assert_eq!(follower.poll().unwrap(), []);
    writer.flush().unwrap();
    assert_eq!(poll(&mut follower).records, [Record::from(head())]);
    writer.finish(end()).unwrap();
    assert_eq!(uncounted(poll(&mut follower).records), [Record::from(end())]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let (scratch, folder) = new_run();
    let nowhere = scratch.path().join("nowhere");
    let error = Follower::open(&nowhere).unwrap_err();
    assert!(matches!(&error, Error::NoFolder { path } if *path == nowhere));
    assert!(error.to_string().contains("nowhere"), "{error}");
    let mut follower = Follower::open(folder.path()).unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(matches!(follower.poll(), Err(Error::NoFolder { path }) if path == folder.path()));
}

#[test]
fn a_torn_tail_is_told_when_asked_and_waited_for_otherwise() {
    let (_scratch, folder) = new_run();
    let (bytes, ranges) = framed(&records());
    let offset = ranges[5].start as u64;
    append_bytes(&folder.trace_path(), &bytes[..ranges[5].start + 20]);
    let mut follower = Follower::open(folder.path()).unwrap();
    assert_eq!(follower.finish_tail().unwrap(), None, "there is something to poll");
    assert_eq!(poll(&mut follower).records.len(), 5);
    let torn = Item::Torn(Torn { offset, bytes: 20 });
    assert_eq!(follower.finish_tail().unwrap(), Some(torn));
    append_bytes(&folder.trace_path(), &bytes[ranges[5].start + 20..]);
    assert_eq!(text(&poll(&mut follower).records), text(&records()[5..]));
    assert_eq!(follower.finish_tail().unwrap(), None);
}

#[test]
fn a_run_that_is_resumed_is_followed_over_the_cut() {
    let (_scratch, folder) = new_run();
    append_bytes(&folder.trace_path(), &framed(&records()).0);
    append_bytes(&folder.trace_path(), &framed(&[step(8)]).0[..40]);
    let mut follower = Follower::open(folder.path()).unwrap();
    assert_eq!(poll(&mut follower).records.len(), records().len());

    let (mut writer, resumed) = Writer::resume(&folder).unwrap();
    assert_eq!(resumed.truncated_bytes, 40);
    writer.append(&note(&"longer than what was cut ".repeat(4))).unwrap();
    writer.flush().unwrap();
    let new = poll(&mut follower);
    let kinds: Vec<&str> = new.records.iter().map(Record::kind).collect();
    assert_eq!(kinds, ["resume", "note"]);
    assert_eq!((new.lost, new.torn), (vec![], None));
}

#[test]
fn damage_is_told_once_a_later_record_proves_it() {
    let (_scratch, folder) = new_run();
    let (mut bytes, ranges) = framed(&records());
    bytes[ranges[3].start + 12] = 0x0F; // claims 240 MiB
    append_bytes(&folder.trace_path(), &bytes[..ranges[3].end]);
    let mut follower = Follower::open(folder.path()).unwrap();
    assert_eq!(poll(&mut follower).records.len(), 3);
    append_bytes(&folder.trace_path(), &bytes[ranges[3].end..]);
    let new = poll(&mut follower);
    assert_eq!(new.lost[0].offset, ranges[3].start as u64);
    assert_eq!(new.lost[0].bytes, ranges[3].len() as u64);
    assert_eq!(text(&new.records), text(&records()[4..]));
}

#[test]
fn bytes_that_a_network_disk_shows_as_zero_for_a_moment_are_not_lost() {
    let (_scratch, folder) = new_run();
    let (bytes, ranges) = framed(&records());
    let mut follower = Follower::open(folder.path()).unwrap();
    fs::write(folder.trace_path(), vec![0; 100]).unwrap();
    assert_eq!(follower.poll().unwrap(), []);
    let mut early = bytes.clone();
    early[ranges[4].start..].fill(0);
    fs::write(folder.trace_path(), early).unwrap();
    assert_eq!(poll(&mut follower).records.len(), 4);
    fs::write(folder.trace_path(), &bytes).unwrap();
    let rest = poll(&mut follower);
    assert_eq!(text(&rest.records), text(&records()[4..]));
    assert_eq!(rest.lost, []);
}

#[test]
fn a_copy_that_is_refreshed_under_the_same_name_is_followed() {
    let (scratch, folder) = new_run();
    let (bytes, ranges) = framed(&records());
    let fresh = scratch.path().join("fresh");
    let mut follower = Follower::open(folder.path()).unwrap();
    let mut given = 0;
    for range in &ranges {
        fs::write(&fresh, &bytes[..range.end]).unwrap();
        fs::rename(&fresh, folder.trace_path()).unwrap();
        given += poll(&mut follower).records.len();
        // Copied in place, it is short for a moment.
        fs::write(folder.trace_path(), &bytes[..10]).unwrap();
        assert_eq!(follower.poll().unwrap(), []);
    }
    assert_eq!(given, ranges.len());
}

#[test]
fn another_run_under_the_same_name_is_noticed() {
    let (_scratch, folder) = new_run();
    append_bytes(&folder.trace_path(), &framed(&records()).0);
    let mut follower = Follower::open(folder.path()).unwrap();
    poll(&mut follower);
    let mut other = head();
    other.run_id = "another".into();
    let mut all = records();
    all[0] = Record::from(other);
    fs::write(folder.trace_path(), framed(&all).0).unwrap();
    assert!(
        matches!(follower.poll(), Err(Error::Replaced { path }) if path == folder.trace_path())
    );
}

#[test]
fn some_other_file_is_said_to_be_no_trace() {
    let (_scratch, folder) = new_run();
    fs::write(folder.trace_path(), "epoch,loss\n").unwrap();
    let mut follower = Follower::open(folder.path()).unwrap();
    assert!(matches!(follower.poll(), Err(Error::NotATrace { .. })));
}

#[test]
fn the_delay_grows_while_nothing_comes_and_falls_back_when_something_does() {
    let (_scratch, folder) = new_run();
    let mut follower = Follower::open(folder.path()).unwrap();
    let mut delays = vec![follower.delay()];
    for _ in 0..50 {
        follower.poll().unwrap();
        delays.push(follower.delay());
    }
    assert_eq!(delays[0], Duration::from_millis(100));
    assert_eq!(delays[6], Duration::from_millis(250));
    assert_eq!(delays[50], Duration::from_secs(1));
    assert!(delays.is_sorted());
    append_bytes(&folder.trace_path(), &framed(&records()).0);
    follower.poll().unwrap();
    assert_eq!(follower.delay(), Duration::from_millis(100));
}

#[test]
fn a_long_run_comes_in_several_polls_of_bounded_size() {
    let (_scratch, folder) = new_run();
    let megabyte = note(&"x".repeat(1 << 20));
    let (bytes, _) = framed(std::slice::from_ref(&megabyte));
    append_bytes(&folder.trace_path(), &framed(&[Record::from(head())]).0);
    append_bytes(&folder.trace_path(), &bytes.repeat(70));
    let mut follower = Follower::open(folder.path()).unwrap();
    let first = poll(&mut follower).records.len();
    assert!(follower.has_more());
    assert_eq!(follower.delay(), Duration::ZERO);
    let mut further = Vec::new();
    while follower.has_more() {
        further.push(poll(&mut follower).records.len());
    }
    // A head and 70 notes, of which four are a little over 4 MiB.
    assert_eq!(first, 5);
    assert_eq!(further, [[4; 16].as_slice(), &[2]].concat());
}
