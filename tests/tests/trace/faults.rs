//! Disks that fill, folders that vanish or may not be written: training does not notice, and is told once.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use burnscape::trace::{Record, read_run};
use burnscape_tests::trainee::{self, Outcome};
use burnscape_workbench::{linux_path, mounts_of_its_own};
use tempfile::tempdir;

use super::support::{TRAINEE, on_path};

const EPOCHS: &str = "30";
/// 30 epochs of 10.
const STEPS: u64 = 300;

/// The arguments of a trainee that records into `run`.
fn arguments<'a>(dir: &'a str, run: &'a str, watch: &'a str) -> Vec<&'a str> {
    let training = ["--model", "mlp", "--unshuffled", "--epochs", EPOCHS];
    let where_to = ["--dir", dir, "--run", run, "--watch", watch];
    [&training[..], &where_to].concat()
}

/// A shell with a script around the trainee, which is `"$@"` in it; errors without backtraces.
fn shell(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", TRAINEE]).args(arguments);
    command.env_remove(burnscape::SWITCH_VARIABLE).env("RUST_BACKTRACE", "0");
    command
}

/// The trainee and nothing around it.
const ALONE: &str = r#"exec "$@""#;

/// The same with mounts of its own, as far as the system allows it.
fn shell_with_mounts(script: &str, arguments: &[&str]) -> Option<Command> {
    let [unshare, how] = mounts_of_its_own()?;
    let mut command = Command::new(unshare);
    command.args([how, "sh", "-c", script, "sh", TRAINEE]).args(arguments);
    command.env_remove(burnscape::SWITCH_VARIABLE).env("RUST_BACKTRACE", "0");
    Some(command)
}

/// The argument for a trainee that goes through scripts after some of its batches, and trains on then.
fn after_batches(scripts: &[(u32, &str)]) -> String {
    let cases = scripts.iter().map(|(batch, script)| format!("{batch}) {script};; "));
    format!("--after-batch=case $1 in {} esac", cases.collect::<String>())
}

fn finished(mut command: Command) -> Outcome {
    trainee::outcome(&command.output().expect("a shell")).expect("the training ends")
}

fn path(folder: &Path) -> &str {
    folder.to_str().expect("a UTF-8 path")
}

/// The weights of the same training without burnscape.
fn bare() -> Outcome {
    let dir = tempdir().expect("a folder");
    finished(shell(ALONE, &arguments(path(dir.path()), "run", "bare")))
}

/// Everything in the run is whole and in order, up to some step.
fn assert_whole(run: &Path) -> u64 {
    let trace = read_run(run).expect("a run");
    assert_eq!((trace.lost, trace.torn), (vec![], None), "no remains of failed writes");
    let steps = on_path(trace.records).into_iter().filter_map(|record| match record {
        Record::Step(step) => Some(step.step),
        _ => None,
    });
    let steps: Vec<u64> = steps.collect();
    assert!(steps.is_sorted_by(|a, b| a < b));
    steps.len() as u64
}

/// The sentence that tells what was lost of the trace, and how many records that were.
fn lost_records(problems: &[String]) -> u64 {
    let about_trace = |it: &&String| it.starts_with("could not write to ");
    let told: Vec<&String> = problems.iter().filter(about_trace).collect();
    let [sentence] = told[..] else { panic!("told once: {problems:?}") };
    let (_, rest) = sentence.split_once("trace.cbor; records lost: ").expect("the file");
    rest.split('.').next().and_then(|it| it.parse().ok()).expect("a number")
}

#[test]
fn a_disk_that_fills_costs_records_and_snapshots_that_are_counted_and_nothing_else() {
    let script = r#"mount -t tmpfs -o size=200k none "$DIR/disk" && "$@" && cp -r "$DIR/disk/run" "$DIR/copy""#;
    let dir = tempdir().expect("a folder");
    fs::create_dir(dir.path().join("disk")).expect("a place to mount at");
    let arguments = arguments(path(dir.path()), "disk/run", "default");
    let Some(mut command) = shell_with_mounts(script, &arguments) else { return };
    command.env("DIR", dir.path());
    let outcome = finished(command);
    assert_eq!(outcome.checksums, bare().checksums, "the weights, bit for bit");
    assert!(lost_records(&outcome.problems) > 0);
    let [_, _] = &outcome.problems[..] else { panic!("{:?}", outcome.problems) };
    let about_snapshots = outcome.problems.iter().find(|it| it.starts_with("cannot write "));
    assert!(about_snapshots.is_some_and(|it| it.contains("could not be written")));
    assert!(outcome.problems.iter().all(|it| it.contains("No space left on device")));
    let steps = assert_whole(&dir.path().join("copy"));
    assert!(0 < steps && steps < STEPS, "{steps} steps");
}

#[test]
fn a_limit_on_the_size_of_files_is_told_once_and_the_trace_is_whole_up_to_it() {
    // The signal that comes with the limit would end any program that has not asked to ignore it.
    let script = r#"trap '' XFSZ && ulimit -f 128 && exec "$@""#;
    let dir = tempdir().expect("a folder");
    let outcome = finished(shell(script, &arguments(path(dir.path()), "run", "default")));
    assert_eq!(outcome.checksums, bare().checksums, "the weights, bit for bit");
    let [_] = &outcome.problems[..] else { panic!("told once: {:?}", outcome.problems) };
    assert!(lost_records(&outcome.problems) > 0);
    let steps = assert_whole(&dir.path().join("run"));
    assert!(0 < steps && steps < STEPS, "{steps} steps");
}

#[test]
fn a_disk_that_has_room_again_is_recorded_to_again_and_the_run_says_what_is_missing() {
    let script = r#"mount -t tmpfs -o size=4m none "$DIR/disk" && "$@" && cp -r "$DIR/disk/run" "$DIR/copy""#;
    let fill = r#"cat /dev/zero > "$DIR/disk/filler" 2>/dev/null || :"#;
    // The writer thread is behind training: it has met the full disk when it has tried to write a snapshot of an
    // epoch since.
    let make_room = r#"tries=0
                       until [ "$DIR/disk/run/snapshots" -nt "$DIR/marker" ]; do
                         tries=$((tries + 1)) && [ $tries -lt 10000000 ] || exit 1
                       done
                       rm "$DIR/disk/filler""#;
    let scripts = after_batches(&[(50, fill), (100, r#": > "$DIR/marker""#), (150, make_room)]);
    let dir = tempdir().expect("a folder");
    fs::create_dir(dir.path().join("disk")).expect("a place to mount at");
    let mut arguments = arguments(path(dir.path()), "disk/run", "default");
    let at = arguments.iter().position(|it| *it == EPOCHS).expect("epochs");
    arguments[at] = "20";
    arguments.push(&scripts);
    let Some(mut command) = shell_with_mounts(script, &arguments) else { return };
    command.env("DIR", dir.path());
    let outcome = finished(command);
    let lost = lost_records(&outcome.problems);
    let copy = dir.path().join("copy");
    let steps = assert_whole(&copy);
    assert!(steps < 200, "{steps} steps");
    let records = read_run(&copy).expect("a run").records;
    let ended = matches!(records.last(), Some(Record::End(end)) if end.reason == "finished");
    assert!(ended, "{:?}", records.last());
    let said = format!("records lost: {lost}.");
    let is_said = |record: &Record| matches!(record, Record::Note(it) if it.text.contains(&said));
    assert!(records.iter().any(is_said), "the run says {said:?}");
}

#[test]
fn a_run_folder_that_is_removed_is_told_once_and_does_not_come_back_in_parts() {
    for watch in ["default", "busiest"] {
        let dir = tempdir().expect("a folder");
        let script = after_batches(&[(12, r#"mv "$DIR/run" "$DIR/old" && rm -r "$DIR/old""#)]);
        let mut arguments = arguments(path(dir.path()), "run", watch);
        let at = arguments.iter().position(|it| *it == EPOCHS).expect("epochs");
        arguments[at] = "3";
        let mut command = shell(ALONE, &[&arguments[..], &[&script]].concat());
        command.env("DIR", dir.path());
        let outcome = finished(command);
        let [problem] = &outcome.problems[..] else { panic!("once: {:?}", outcome.problems) };
        assert!(problem.contains("trace.cbor is gone"), "{problem}");
        assert!(!dir.path().join("run").exists());
        arguments.truncate(arguments.len() - 1);
        arguments.push("bare");
        assert_eq!(outcome.checksums, finished(shell(ALONE, &arguments)).checksums);
    }
}

#[test]
fn finish_gives_back_what_went_wrong_before_it() {
    let dir = tempdir().expect("a folder");
    let script = r#"trap '' XFSZ && ulimit -f 128 && exec "$@" --finish 3"#;
    let mut command = shell(script, &arguments(path(dir.path()), "run", "default"));
    let output = command.output().expect("a shell");
    assert!(!output.status.success(), "directions do not fit either");
    let error = String::from_utf8_lossy(&output.stderr);
    let told = error.lines().find(|it| it.starts_with("Error: ")).expect("an error");
    assert!(told.contains("directions/0000.safetensors: File too large"), "{told}");
    assert_eq!(told.matches("trace.cbor").count(), 1, "{told}");
    assert!(told.contains("records lost: "), "{told}");
}

#[test]
fn a_folder_that_may_not_be_written_is_refused_before_training_and_told_during_it() {
    let dir = tempdir().expect("a folder");
    let refused = r#"mount -t tmpfs none "$DIR/disk" && mount -o remount,ro "$DIR/disk" && "$@""#;
    fs::create_dir(dir.path().join("disk")).expect("a place to mount at");
    let arguments = arguments(path(dir.path()), "disk/run", "default");
    let Some(mut command) = shell_with_mounts(refused, &arguments) else { return };
    let output = command.env("DIR", dir.path()).output().expect("a shell");
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("disk/run") && error.contains("Read-only file system"), "{error}");

    let locked = r#"mount --bind "$DIR/run/snapshots" "$DIR/run/snapshots"
                    mount -o remount,bind,ro "$DIR/run/snapshots""#;
    let script = after_batches(&[(15, locked)]);
    let arguments =
        [&self::arguments(path(dir.path()), "run", "default"), &[&*script][..]].concat();
    let Some(mut command) = shell_with_mounts(ALONE, &arguments) else { return };
    command.env("DIR", dir.path());
    let outcome = finished(command);
    assert_eq!(outcome.checksums, bare().checksums);
    let [problem] = &outcome.problems[..] else { panic!("told once: {:?}", outcome.problems) };
    assert!(problem.contains("Read-only file system"), "{problem}");
    assert_eq!(assert_whole(&dir.path().join("run")), STEPS, "the trace was open already");
}

/// Where a trace should be created, there is a device on which every write fails.
#[cfg(unix)]
#[test]
fn a_trace_that_leads_to_a_full_device_is_left_as_it_is() {
    let Some(full) = linux_path("/dev/full") else { return };
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    fs::create_dir(&run).expect("a folder");
    std::os::unix::fs::symlink(full, run.join("trace.cbor")).expect("a link");
    for more in [&[][..], &["--resume"]] {
        let arguments = [&arguments(path(dir.path()), "run", "default"), more].concat();
        let output = shell(ALONE, &arguments).output().expect("a shell");
        let error = String::from_utf8_lossy(&output.stderr);
        // It may be that of a run: the next free folder is taken, and nothing goes on in it.
        match more.is_empty() {
            true => assert_eq!(assert_whole(&dir.path().join("run-2")), STEPS, "{error}"),
            false => assert!(!output.status.success() && error.contains(path(&run)), "{error}"),
        }
        let link = fs::read_link(run.join("trace.cbor")).expect("still a link");
        assert_eq!(link, full);
    }
}

/// Progress of surfaces goes to standard error, lines of training to standard output.
#[cfg(unix)]
#[test]
fn programs_whose_output_goes_to_a_full_device_train_and_measure_all_the_same() {
    let Some(full) = linux_path("/dev/full") else { return };
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let output = example_into(full, &run);
    assert!(output.status.success(), "{:?}", output.status);
    assert!(String::from_utf8_lossy(&output.stdout).contains("burnscape info "));
    let trace = read_run(&run).expect("a run");
    assert!(matches!(trace.records.last(), Some(Record::End(end)) if end.reason == "finished"));
}

fn example_into(full: &Path, run: &Path) -> Output {
    let full = fs::OpenOptions::new().write(true).open(full).expect("a full device");
    let mut command = Command::new(burnscape_tests::example("digits"));
    command.args(["--no-dashboard", "--resolution", "5", "--epochs", "2", "--run"]).arg(run);
    command
        .env_remove(burnscape::SWITCH_VARIABLE)
        .stderr(full)
        .output()
        .expect("the example starts")
}
