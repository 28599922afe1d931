//! The run folder of a comparison: a head, the runs that it is about, and their snapshots under numbers of its own.

use std::fs;
use std::path::Path;

use burnscape_trace::{
    ComparedRun as Told, End, Head, Note, Record, RunFolder, Runs as ToldRuns, Snapshot, Writer,
    record,
};

use super::runs::{ComparedRun, Runs};
use crate::config::Config;
use crate::recorder::head::without_model;
use crate::{Error, Result};

/// Makes the folder, or the next free one, and records in it what is compared.
pub(super) fn begin(folder: &Path, runs: &Runs) -> Result<RunFolder> {
    let (folder, mut writer) = Writer::create_next(folder)?;
    writer.append(&Record::Head(head(&folder, runs)))?;
    let told = runs.iter().map(|run| told(&folder, run)).collect();
    writer.append(&Record::Runs(record!(ToldRuns { runs: told })))?;
    for text in notes(runs) {
        writer.append(&Record::Note(record!(Note { level: "info".into(), text })))?;
    }
    for (number, run) in runs.iter().enumerate() {
        for place in 0..run.snapshots.len() {
            let snapshot = taken_over(&folder, run, number as u32, place)?;
            writer.append(&Record::Snapshot(snapshot))?;
        }
    }
    let steps = runs.iter().flat_map(|run| &run.snapshots).map(|it| it.step).max().unwrap_or(0);
    writer.finish(record!(End { reason: "finished".into(), steps }))?;
    Ok(folder)
}

/// That of the first run, under an identity of its own.
fn head(folder: &RunFolder, runs: &Runs) -> Head {
    let Some(first) = runs.iter().next() else { return Head::default() };
    let own = without_model(&Config::new(folder.path().to_path_buf()));
    record!(Head {
        run_id: own.run_id,
        started_unix_secs: own.started_unix_secs,
        format: own.format,
        burnscape_version: own.burnscape_version,
        epochs_planned: None,
        first_epoch: None,
        ..first.head.clone()
    })
}

fn told(folder: &RunFolder, run: &ComparedRun) -> Told {
    record!(Told {
        name: run.name.clone(),
        path: folder.way_to(run.folder.path()),
        run_id: run.head.run_id.clone(),
        remarks: run.remarks.clone(),
    })
}

fn notes(runs: &Runs) -> Vec<String> {
    let numbered =
        runs.iter().zip(1..).map(|(run, number): (_, u32)| format!("{number} {}", run.name));
    let names: Vec<String> = numbered.collect();
    let of_run = |run: &ComparedRun| {
        let name = run.name.clone();
        run.remarks.iter().map(move |remark| format!("{name}: {remark}")).collect::<Vec<_>>()
    };
    let all = std::iter::once(format!("A comparison of the runs {}.", names.join(", ")));
    let left_out = runs.left_out().iter().map(|why| format!("Left out: {why}."));
    all.chain(runs.iter().flat_map(of_run))
        .chain(left_out)
        .chain(runs.same_start_in_words())
        .collect()
}

/// A snapshot under its number in the comparison: linked, so that it takes no room; copied where that cannot be.
fn taken_over(
    folder: &RunFolder,
    run: &ComparedRun,
    number: u32,
    place: usize,
) -> Result<Snapshot> {
    let (from, index) = (run.file(place)?, run.first + place as u64);
    let to = folder.snapshot_path(index);
    let linked = fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(|_| ()));
    linked.map_err(|error| Error::SnapshotWrite { file: to, reason: error.to_string() })?;
    Ok(record!(Snapshot {
        index,
        file: RunFolder::snapshot_file(index),
        same_as: None,
        given_up: Vec::new(),
        stride: None,
        run: Some(number),
        ..run.snapshots[place].clone()
    }))
}
