//! The output is whole or untouched, and only what the user named is replaced.

use std::fs;
use std::path::Path;

use burnscape_report::{Error, ExportOptions, Format, export};

use super::support::{TestRun, WITH_DIRECTIONS, plane, sentences};

const POLITE: ExportOptions = ExportOptions { with_directions: false, force: false };
const FORCED: ExportOptions = ExportOptions { with_directions: false, force: true };

fn run() -> TestRun {
    let mut run = TestRun::new();
    run.add(plane(0));
    run
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_existing_file_is_replaced_only_by_force() {
    let mut run = run();
    fs::write(run.out(), "precious").unwrap();
    let sentence = run.export(POLITE).unwrap_err().to_string();
    assert!(sentence.contains("nothing was overwritten; add --force"), "{sentence}");
    assert_eq!(fs::read(run.out()).unwrap(), b"precious");
    let exported = run.export(FORCED).unwrap();
    assert_eq!(exported.bytes, fs::metadata(run.out()).unwrap().len());
    assert_ne!(fs::read(run.out()).unwrap(), b"precious");
}

#[test]
fn a_failed_export_leaves_the_old_file_and_no_temporary_one() {
    let mut run = run();
    fs::write(run.out(), "precious").unwrap();
    run.export(WITH_DIRECTIONS).unwrap_err();
    assert_eq!(fs::read(run.out()).unwrap(), b"precious");
    assert_eq!(files(run.out().parent().unwrap()), ["digits.npz", "runs"]);
    run.export(FORCED).unwrap();
    assert_eq!(files(run.out().parent().unwrap()), ["digits.npz", "runs"]);
}

#[test]
fn neither_a_folder_nor_a_file_of_the_run_is_overwritten() {
    let mut run = TestRun::with_snapshots();
    run.add(plane(0)).export(POLITE).unwrap();
    let to = |out: &Path| export(run.folder.path(), Format::Npz, &FORCED, out).unwrap_err();
    assert!(matches!(to(run.folder.path()), Error::OutputNotAFile { .. }));
    for file in [run.folder.trace_path(), run.folder.snapshot_path(0)] {
        let before = fs::read(&file).unwrap();
        let detour = file.parent().unwrap().join("../digits").join(file.file_name().unwrap());
        for file in [&file, &detour] {
            if file.exists() {
                assert!(matches!(to(file), Error::OutputInRun { .. }), "{}", file.display());
            }
        }
        assert_eq!(fs::read(&file).unwrap(), before);
    }
    let beside = run.folder.path().join("surface.npz");
    export(run.folder.path(), Format::Npz, &POLITE, &beside).unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_a_sentence() {
    let mut run = run();
    run.export(POLITE).unwrap();
    let out = run.out().join("no/folder.npz");
    let error = export(run.folder.path(), Format::Npz, &POLITE, &out).unwrap_err();
    let sentence = sentences(&error);
    assert!(sentence.contains("folder.npz: check that its folder exists"), "{sentence}");
}

#[test]
fn names_may_be_of_any_script() {
    let mut run = run();
    run.export(POLITE).unwrap();
    let out = run.out().with_file_name("损失 Fläche.npz");
    let exported = export(run.folder.path(), Format::Npz, &POLITE, &out).unwrap();
    assert!(exported.file.ends_with("损失 Fläche.npz") && out.exists());
}

#[cfg(unix)]
#[test]
fn others_may_read_the_file_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let mut run = run();
    let link = run.out().with_file_name("link.npz");
    symlink(run.out(), &link).unwrap();
    run.export(POLITE).unwrap();
    let usual = run.out().with_file_name("usual");
    fs::write(&usual, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&run.out()), mode(&usual));
    export(run.folder.path(), Format::Npz, &FORCED, &link).unwrap();
    assert!(link.is_symlink());
}
