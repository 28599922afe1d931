//! Where the files of a run lie, and where they must not.

use std::fs;
use std::path::Path;

use burnscape_trace::{Error, RunFolder};
use proptest::prelude::*;

#[test]
fn a_new_run_makes_the_folders_above_it() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("a/b/digits");
    let folder = RunFolder::create(&path).unwrap();
    assert_eq!(folder.path(), path);
    assert!(folder.snapshots_dir().is_dir());
}

#[test]
fn files_lie_where_the_crate_page_says() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path()).unwrap();
    let inside = |path: &str| scratch.path().join(path);
    assert_eq!(folder.trace_path(), inside("trace.cbor"));
    assert_eq!(folder.snapshot_path(7), inside("snapshots/000007.safetensors"));
    assert_eq!(RunFolder::snapshot_file(1_234_567), "snapshots/1234567.safetensors");
    assert_eq!(folder.directions_path(0), inside("directions/0000.safetensors"));
    assert_eq!(folder.resolve(&RunFolder::snapshot_file(7)).unwrap(), folder.snapshot_path(7));
    assert_eq!(folder.resolve(&RunFolder::directions_file(3)).unwrap(), folder.directions_path(3));
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("file"), "").unwrap();
    let error = RunFolder::create(scratch.path().join("file/run")).unwrap_err();
    assert!(matches!(&error, Error::CreateFolder { .. }), "{error:?}");
    assert!(error.to_string().contains("file/run"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_run_is_opened_by_its_folder_or_by_its_trace() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("run")).unwrap();
    fs::write(folder.trace_path(), "").unwrap();
    assert_eq!(RunFolder::open(folder.path()).unwrap(), folder);
    assert_eq!(RunFolder::open(folder.trace_path()).unwrap(), folder);
}

#[test]
fn what_is_no_run_is_told_what_a_run_looks_like() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("model.bin");
    fs::write(&file, "").unwrap();
    for path in [scratch.path(), &file, &scratch.path().join("trace.cbor")] {
        let error = RunFolder::open(path).unwrap_err();
        assert!(matches!(&error, Error::NotARun { path: named } if named == path));
        assert!(error.to_string().contains("`trace.cbor`"), "{error}");
    }
    let nowhere = scratch.path().join("nowhere");
    assert!(matches!(RunFolder::open(&nowhere), Err(Error::NoFolder { .. })));
}

#[test]
fn the_next_free_name_counts_from_two() {
    let scratch = tempfile::tempdir().unwrap();
    let base = scratch.path().join("runs/digits");
    let mut names = Vec::new();
    for _ in 0..3 {
        let free = RunFolder::next_free(&base);
        RunFolder::create(&free).unwrap();
        names.push(free);
    }
    let expected = ["runs/digits", "runs/digits-2", "runs/digits-3"];
    assert_eq!(names, expected.map(|name| scratch.path().join(name)));
    let with_slash = format!("{}/", base.display());
    assert_eq!(RunFolder::next_free(Path::new(&with_slash)), scratch.path().join("runs/digits-4"));
}

/// Makes runs below a folder, and writes something into the traces of some.
fn runs(above: &Path, all: &[&str], recorded: &[&str]) {
    for run in all {
        let folder = RunFolder::create(above.join(run)).unwrap();
        fs::write(folder.trace_path(), if recorded.contains(run) { "x" } else { "" }).unwrap();
    }
}

fn family(above: &Path, run: &str) -> Vec<String> {
    let family = RunFolder::open(above.join(run)).unwrap().family();
    let below = |it: &RunFolder| it.path().strip_prefix(above).unwrap().display().to_string();
    family.iter().map(below).collect()
}

#[test]
fn models_that_were_trained_together_are_one_family_in_order_of_their_names() {
    let scratch = tempfile::tempdir().unwrap();
    let above = scratch.path();
    let all =
        ["gan", "gan/generator", "gan/critic", "gan/critic/old", "alone", "waits", "gan/empty"];
    runs(above, &all, &["gan/generator", "gan/critic", "gan/critic/old", "alone"]);
    // The probe above them recorded nothing itself.
    let below = ["gan/critic", "gan/critic/old", "gan/empty", "gan/generator"];
    assert_eq!(family(above, "gan"), below);
    fs::write(above.join("gan/trace.cbor"), "x").unwrap();
    assert_eq!(family(above, "gan"), [&["gan"][..], &below].concat());
    assert_eq!(family(above, "alone"), ["alone"]);
    assert_eq!(family(above, "waits"), ["waits"], "nothing is there yet");
}

#[test]
fn a_name_that_leads_out_of_the_run_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path()).unwrap();
    for file in ["", ".", "..", "../x", "a/../../x", "a/..", "/etc/passwd", "./a", "/"] {
        let error = folder.resolve(file).unwrap_err();
        assert!(matches!(&error, Error::OutsideRun { file: named, .. } if named == file));
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_run_is_refused_and_one_that_stays_is_followed() {
    use std::os::unix::fs::symlink;
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("run")).unwrap();
    fs::write(scratch.path().join("secret"), "secret").unwrap();
    let inside = |name: &str| folder.path().join(name);
    symlink("../secret", inside("file")).unwrap();
    symlink("..", inside("up")).unwrap();
    symlink("nowhere", inside("dangling")).unwrap();
    symlink("snapshots", inside("stays")).unwrap();
    for file in ["file", "up/secret", "up/new/file", "dangling"] {
        assert!(matches!(folder.resolve(file), Err(Error::OutsideRun { .. })), "{file}");
    }
    for file in ["stays/000000.safetensors", "new/folder/file"] {
        assert_eq!(folder.resolve(file).unwrap(), inside(file));
    }
}

#[cfg(unix)]
#[test]
fn a_run_folder_may_itself_be_behind_a_link() {
    let scratch = tempfile::tempdir().unwrap();
    RunFolder::create(scratch.path().join("run")).unwrap();
    std::os::unix::fs::symlink("run", scratch.path().join("latest")).unwrap();
    let folder = RunFolder::create(scratch.path().join("latest")).unwrap();
    assert!(folder.resolve("snapshots/000000.safetensors").is_ok());
}

proptest! {
    #[test]
    fn no_name_at_all_leads_out_of_the_run(file in "[a./\\\\:]{0,12}") {
        let scratch = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(scratch.path()).unwrap();
        if let Ok(path) = folder.resolve(&file) {
            let inside = path.strip_prefix(folder.path()).unwrap();
            let up = std::path::Component::ParentDir;
            prop_assert!(inside.components().all(|part| part != up));
            prop_assert!(inside.components().next().is_some());
        }
    }
}
