//! The output is whole or untouched, and only what the user named is replaced.

use std::fs;
use std::path::Path;

use burnscape_report::{Error, ExportOptions, Format, export};
use burnscape_trace::{Step, record};

use super::support::{TestRun, WITH_DIRECTIONS, plane, sentences};

const POLITE: ExportOptions = ExportOptions::DEFAULT;
const FORCED: ExportOptions = ExportOptions { force: true, ..POLITE };

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
    assert!(sentence.contains("folder.npz: its folder does not exist"), "{sentence}");
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

fn to_folder(run: &mut TestRun, options: ExportOptions) -> Result<(), Error> {
    run.export(FORCED).unwrap();
    let out = run.out().with_file_name("tables");
    export(run.folder.path(), Format::Csv, &options, &out).map(|_| ())
}

#[test]
fn a_folder_is_replaced_only_by_force_and_only_if_an_export_made_it() {
    let mut run = run();
    to_folder(&mut run, POLITE).unwrap();
    let folder = run.out().with_file_name("tables");
    let before = files(&folder);
    assert_eq!(before, ["blocks.csv", "burnscape-export.txt", "nodes.csv", "slices.csv"]);
    fs::write(folder.join("old.csv"), "old").unwrap();
    let sentence = to_folder(&mut run, POLITE).unwrap_err().to_string();
    assert!(sentence.contains("add --force"), "{sentence}");
    to_folder(&mut run, FORCED).unwrap();
    assert_eq!(files(&folder), before);
    assert_eq!(files(run.out().parent().unwrap()), ["digits.npz", "runs", "tables"]);
    fs::create_dir(folder.join("thesis")).unwrap();
    let sentence = to_folder(&mut run, FORCED).unwrap_err().to_string();
    assert!(sentence.contains("not a burnscape export; --force will not replace it"), "{sentence}");
    assert!(folder.join("thesis").is_dir());
}

#[test]
fn a_folder_of_the_users_is_never_replaced() {
    let mut run = run();
    let folder = run.out().with_file_name("tables");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("thesis.tex"), "years of work").unwrap();
    to_folder(&mut run, FORCED).unwrap_err();
    assert_eq!(files(&folder), ["thesis.tex"]);
    let own = export(run.folder.path(), Format::Csv, &FORCED, run.folder.path()).unwrap_err();
    assert!(matches!(own, Error::OutputNotOurs { .. }), "{own}");
}

#[test]
fn a_long_run_that_is_measured_once_in_two_hundred_steps_is_exported_whole() {
    const STEPS: u64 = 30_000;
    let mut run = TestRun::new();
    for step in 0..STEPS {
        let mut columns = std::collections::BTreeMap::new();
        if step % 200 == 0 {
            let values = || vec![step as f32; 100].into();
            columns.extend(
                ["grad_norm", "weight_norm", "update_norm"].map(|it| (it.to_owned(), values())),
            );
        }
        run.add(record!(Step { step, loss: Some(1.0), columns, ..Step::default() }));
    }
    let folder = run.export_as(Format::Csv).unwrap().file;
    let table = fs::read_to_string(folder.join("steps.csv")).unwrap();
    assert_eq!(table.lines().count() as u64, 1 + STEPS);
    assert!(table.lines().nth(401).unwrap().contains(",400"), "step 400 is measured");
}
