//! Shards: processes that each measure a share of a surface give together what one gives, or are refused by name.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Tensor;
use burnscape::trace::{Nodes, Record, RunFolder, Slice, Trajectory, Writer, read_run};
use burnscape::{Direction, Error, Point, Shard, SliceSpec, Watched};
use burnscape_trace::record;
use burnscape_tui::model::{Merged, Run as Model, ShardsFollower, SharedSlice, merge};

use super::models::Mlp;
use super::support::{Run, assert_names, batch, epoch, training_batch, wave_rows};

fn rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.2)
}

fn batches() -> [Tensor<2>; 2] {
    [batch(&rows()[..4]), batch(&rows()[4..])]
}

/// A recorded training without surfaces.
fn recorded(lr: f64) -> Run {
    let run = Run::new();
    let probe = run.builder().snapshot_every_steps(1).start().expect("a probe");
    let mut model: Watched<Mlp> = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, lr, 2, &training_batch(&rows()));
    }
    drop(model.valid());
    probe.close().expect("a recording");
    run
}

fn open(run: &Run) -> burnscape::Run {
    burnscape::Run::open(run.path()).expect("a run").quiet().threads(2).resolution(13, 9)
}

/// A plane of a path, a random one, and a line that no seed gives back.
fn specs() -> [SliceSpec; 3] {
    let update = Direction::Difference(Point::Snapshot(1), Point::Snapshot(2));
    [
        SliceSpec::pca(),
        SliceSpec::random().adaptive(0.3),
        SliceSpec::line(update).centre(Point::Initial).resolution(31, 1).name("line"),
    ]
}

fn shard(index: u32, count: u32) -> Shard {
    Shard::new(index, count).expect("a share")
}

/// What one shard does.
fn measure(
    opened: burnscape::Run,
    batches: &[Tensor<2>],
    specs: &[SliceSpec],
) -> Result<(), Error> {
    let mut study = opened.study(&Mlp::new(), batches)?;
    for spec in specs {
        study.slice(spec)?;
    }
    study.finish().map(|_| ())
}

fn measured(run: &Run, index: u32, count: u32) {
    measure(open(run).shard(shard(index, count)), &batches(), &specs()).expect("a share");
}

/// Why a shard that is like this is refused.
fn refused(opened: burnscape::Run, batches: &[Tensor<2>], specs: &[SliceSpec]) -> String {
    let outcome = measure(opened.shard(shard(2, 4)), batches, specs);
    outcome.expect_err("a refusal").to_string()
}

fn merged(run: &Run) -> Merged {
    merge(&RunFolder::open(run.path()).expect("a run")).expect("merged")
}

/// What the trace of a run tells of a slice: provenance, path, and the bits of every node in order.
type Told = (String, Option<String>, Vec<(u32, u64, u64)>);

fn told(run: &Run, name: &str) -> Told {
    let records = run.records();
    let slice = records.iter().find_map(|record| match record {
        Record::Slice(slice) if slice.name == name => Some(slice.clone()),
        _ => None,
    });
    let slice = slice.expect("a slice of this name");
    let number = slice.slice;
    let mut nodes = Vec::new();
    let mut path = None;
    for record in records {
        match record {
            Record::Nodes(tile) if tile.slice == number => nodes.extend(bits(&tile)),
            Record::Trajectory(it) if it.slice == Some(number) => path = Some(it),
            _ => {}
        }
    }
    nodes.sort_unstable();
    let path = path.map(|path| format!("{:?}", record!(Trajectory { slice: None, ..path })));
    let (name, directions) = (String::new(), None);
    let slice = record!(Slice { slice: 0, name, directions, ..slice });
    (format!("{slice:?}"), path, nodes)
}

fn bits(tile: &Nodes) -> Vec<(u32, u64, u64)> {
    let values = tile.index.iter().zip(tile.loss.iter()).zip(tile.stderr.iter());
    values.map(|((node, loss), stderr)| (*node, loss.to_bits(), stderr.to_bits())).collect()
}

/// The same slices by one process, in the same run, under further names.
fn by_one_process(run: &Run) {
    measure(open(run), &batches(), &specs().map(SliceSpec::exact)).expect("slices");
}

#[test]
fn sixteen_shards_merged_are_what_one_process_gives_bit_for_bit() {
    let run = recorded(0.05);
    let before = fs::read(run.path().join("trace.cbor")).expect("a trace");
    // In any order; one of them twice, and the first one last.
    for index in (2..=16).rev().chain([7, 1]) {
        measured(&run, index, 16);
    }
    assert_eq!(fs::read(run.path().join("trace.cbor")).expect("a trace"), before, "untouched");
    let merged = merged(&run);
    assert!(merged.is_complete(), "{merged:?}");
    assert_eq!(merged.slices.iter().map(|it| it.added).collect::<Vec<_>>(), [117, 117, 31]);
    assert_names(&merged.slices[0].agreement, &["16 shard traces", "Flex", "bit for bit"]);
    by_one_process(&run);
    for name in ["pca", "random", "line"] {
        assert_eq!(told(&run, name), told(&run, &format!("{name} 2")), "{name}");
    }
    // The line lies where no seed leads to: its directions are in the run.
    assert!(run.path().join("directions/0002.safetensors").is_file());
}

#[test]
fn merging_again_adds_what_is_new_and_nothing_twice() {
    let run = recorded(0.05);
    let run_size = || fs::metadata(run.path().join("trace.cbor")).expect("a trace").len();
    measured(&run, 2, 3);
    let first = merged(&run);
    assert!(!first.is_complete());
    // 114 nodes beside the sentinels are dealt out to three.
    let gaps: Vec<_> = first.slices[0].gaps.iter().map(|gap| (gap.index, gap.nodes)).collect();
    assert_eq!(gaps, [(1, 38), (3, 38)]);
    assert!(first.slices[0].gaps[0].path && !first.slices[0].gaps[1].path);
    let size = run_size();
    assert_eq!(merged(&run).slices[0].added, 0);
    assert_eq!(run_size(), size, "nothing new, nothing written");
    measured(&run, 3, 3);
    measured(&run, 1, 3);
    assert_eq!(merged(&run).slices[0].added, 76);
    assert!(merged(&run).is_complete());
    by_one_process(&run);
    assert_eq!(told(&run, "pca"), told(&run, "pca 2"));
    let ends = run.records().iter().filter(|it| matches!(it, Record::End(_))).count();
    assert_eq!((ends, run.end().as_str()), (4, "finished"), "recorded, merged twice, measured");
}

#[test]
fn a_surface_of_shards_is_gone_on_with_by_one_process() {
    let run = recorded(0.05);
    measured(&run, 1, 4);
    merged(&run);
    let mut study = open(&run).study(&Mlp::new(), &batches()).expect("a study");
    let slices = study.resume().expect("the rest");
    assert!(slices.iter().all(|slice| slice.surface.is_complete()));
    study.finish().expect("a landscape");
    by_one_process(&run);
    assert_eq!(told(&run, "pca"), told(&run, "pca 2"));
    // Then nothing is missing, whatever the shards have.
    assert!(merged(&run).slices.iter().all(|slice| slice.gaps.is_empty()));
}

#[test]
fn what_shards_measure_is_seen_before_it_is_merged() {
    let run = recorded(0.05);
    let folder = RunFolder::open(run.path()).expect("a run");
    let (mut follower, mut model) = (ShardsFollower::of(&folder), Model::named("run"));
    let mut seen = || {
        follower.poll().iter().for_each(|record| model.apply_of_shard(record));
        model.landscapes().counts().measured
    };
    assert_eq!(seen(), 0);
    measured(&run, 2, 2);
    // 3 sentinels and half of what is left of 117, 117 and 31 nodes.
    assert_eq!(seen(), 60 + 60 + 17);
    // As `watch --once` reads it.
    let read = || burnscape_tui::read_run(&run.path()).expect("a run");
    assert_eq!(read().landscapes().counts().measured, 60 + 60 + 17);
    assert_eq!(read().state().word(), "finished", "shards say nothing of the training");
    measured(&run, 1, 2);
    assert_eq!(seen(), 117 + 117 + 31);
}

#[test]
fn a_plan_is_not_followed_by_whoever_would_measure_something_else() {
    let run = recorded(0.05);
    measured(&run, 1, 4);
    let plans = run.path().join("shards/plans");
    let pca = || [SliceSpec::pca()];
    let other_data = [batch(&wave_rows::<5>(6, 0.3)[..4]), batch(&rows()[4..])];
    assert_names(
        &refused(open(&run), &other_data, &pca()),
        &["the fingerprint of the samples", plans.join("pca").to_str().expect("UTF-8")],
    );
    // Of the same targets, which are the last two of a row.
    let other_inputs = rows().into_iter().map(|[a, b, c, d, e]| [b, c, a, d, e]);
    let other_inputs: Vec<[f32; 5]> = other_inputs.collect();
    let other_data = [batch(&other_inputs[..4]), batch(&other_inputs[4..])];
    assert_names(&refused(open(&run), &other_data, &pca()), &["the losses of the batches"]);
    let fewer = [batch(&rows()[..4])];
    assert_names(&refused(open(&run), &fewer, &pca()), &["the number of batches", "(2, 2)"]);
    let shorter = [batch(&rows()[..3]), batch(&rows()[4..])];
    assert_names(&refused(open(&run), &shorter, &pca()), &["the number of samples", "6 ", "5 "]);
    let seed = [SliceSpec::random().seed(99)];
    assert_names(&refused(open(&run), &batches(), &seed), &["the seed", "198"]);
    let finer = open(&run).resolution(15, 9);
    assert_names(&refused(finer, &batches(), &pca()), &["the grid", "13 nodes", "15 nodes"]);
    let wider = [SliceSpec::pca().range(-9.0..=9.0)];
    assert_names(&refused(open(&run), &batches(), &wider), &["planned"]);
    let scaled = [SliceSpec::random().normalisation(burnscape::Normalisation::Layer)];
    let found = refused(open(&run), &batches(), &scaled);
    assert_names(&found, &["planned"]);
    // Other weights: the shards of another training.
    let other = recorded(0.07);
    copy(&run.path().join("shards"), &other.path().join("shards"));
    assert_names(
        &refused(open(&other), &batches(), &[SliceSpec::random()]),
        &["the fingerprint of the weights"],
    );
}

#[test]
fn a_plan_of_another_version_or_one_that_was_changed_is_not_followed() {
    let run = recorded(0.05);
    measured(&run, 1, 4);
    let plan = RunFolder::open(run.path().join("shards/plans/pca")).expect("a plan");
    let pca = [SliceSpec::pca()];
    let of_version = |burn_version: &str| {
        let mut shared = read_plan(&plan);
        shared.head.burn_version = burn_version.into();
        write_plan(&plan, &mut shared);
    };
    of_version("0.21");
    assert_names(
        &refused(open(&run), &batches(), &pca),
        &["the version of burn is 0.22 here, and was planned to be 0.21"],
    );
    // By its fingerprint the shard that is there measured by another plan, too.
    let merged = merged(&run);
    let [refused_part] = &merged.refused[..] else { panic!("{merged:?}") };
    assert_eq!(refused_part.name, "1-of-4");
    assert_names(&refused_part.why, &["the version of burn is 0.22, planned was 0.21"]);
    of_version("0.22");
    let mut changed = read_plan(&plan);
    changed.slice.x.spacing *= 1.5;
    let records = changed.records();
    write(&plan, &records);
    assert_names(&refused(open(&run), &batches(), &pca), &["it was changed after it was written"]);
}

fn read_plan(plan: &RunFolder) -> SharedSlice {
    SharedSlice::read(plan).expect("a plan")
}

fn write_plan(plan: &RunFolder, shared: &mut SharedSlice) {
    shared.shard.plan = shared.fingerprint(plan).expect("a fingerprint");
    write(plan, &shared.records());
}

fn write(folder: &RunFolder, records: &[Record]) {
    fs::remove_file(folder.trace_path()).expect("removed");
    let mut writer = Writer::create(folder).expect("a writer");
    records.iter().for_each(|record| writer.append(record).expect("appended"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).expect("copied")),
        }
    }
}

fn trace_of(run: &Run, name: &str) -> PathBuf {
    run.path().join("shards").join(name).join("trace.cbor")
}

/// Every byte of a trace that may be damaged: whatever it costs, it is said, and the shard can be measured again.
#[test]
fn a_damaged_trace_is_refused_by_name_and_measured_again_beside_it() {
    let run = recorded(0.05);
    for index in 1..=3 {
        measured(&run, index, 3);
    }
    let path = trace_of(&run, "2-of-3");
    let whole = fs::read(&path).expect("a trace");
    for at in (0..whole.len()).step_by(97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(&path, damaged).expect("written");
        let run_copy = Run::new();
        copy(&run.path(), &run_copy.path());
        let merged = merged(&run_copy);
        let names: Vec<&str> = merged.refused.iter().map(|it| it.name.as_str()).collect();
        let is_last = at + 97 >= whole.len();
        assert!(names == ["2-of-3"] || is_last && !merged.remarks.is_empty(), "{at}: {merged:?}");
    }
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&path, damaged).expect("written");
    measured(&run, 2, 3);
    assert!(trace_of(&run, "2-of-3-2").is_file());
    let merged = merged(&run);
    assert_eq!(merged.refused.len(), 1, "still said");
    assert!(merged.slices.iter().all(|it| it.gaps.is_empty() && it.agrees), "{merged:?}");
}

/// A shard whose process was killed: what was written is taken, the rest is measured by a rerun.
#[test]
fn a_torn_trace_gives_its_whole_records_and_a_rerun_completes_it() {
    let run = recorded(0.05);
    measured(&run, 1, 2);
    measured(&run, 2, 2);
    let path = trace_of(&run, "1-of-2");
    let whole = fs::read(&path).expect("a trace");
    for cut in (700..whole.len()).step_by(811) {
        let copied = Run::new();
        copy(&run.path(), &copied.path());
        fs::write(trace_of(&copied, "1-of-2"), &whole[..cut]).expect("written");
        let torn = merged(&copied);
        assert_eq!(torn.refused, [], "{cut}: as of a shard that is at work");
        measured(&copied, 1, 2);
        let complete = merged(&copied);
        assert!(complete.is_complete(), "{cut}: {complete:?}");
        by_one_process(&copied);
        assert_eq!(told(&copied, "pca"), told(&copied, "pca 2"), "{cut}");
    }
}

#[test]
fn shards_that_disagree_are_told_by_how_much() {
    let run = recorded(0.05);
    measured(&run, 1, 2);
    measured(&run, 2, 2);
    let folder = RunFolder::open(run.path().join("shards/2-of-2")).expect("a trace");
    let mut records = read_run(folder.path()).expect("a trace").records;
    let range = {
        let losses = records.iter().filter_map(|it| match it {
            Record::Nodes(tile) if tile.slice == 0 => Some(tile.loss.0.clone()),
            _ => None,
        });
        let losses: Vec<f64> = losses.flatten().collect();
        losses.iter().copied().fold(f64::MIN, f64::max)
            - losses.iter().copied().fold(f64::MAX, f64::min)
    };
    let mut shift = |by: f64| {
        for record in &mut records {
            if let Record::Nodes(tile) = record
                && tile.slice == 0
                && let Some(at) = tile.index.iter().position(|node| *node == 0)
            {
                tile.loss.0[at] += by * range;
            }
        }
        write(&folder, &records);
        merged(&run).slices.swap_remove(0)
    };
    let slight = shift(1e-5);
    assert!(slight.agrees, "{slight:?}");
    assert_names(&slight.agreement, &["no more than 0.01 %", "unlike hardware"]);
    let much = shift(0.1);
    assert!(!much.agrees);
    assert_names(&much.agreement, &["differs most", "more than the 0.01 %"]);
    let check = run.checks().into_iter().rfind(|check| check.name == "shards-agree");
    assert!(check.is_some_and(|check| check.passed), "as it was when it was merged");
}

#[test]
fn what_no_shard_does_alone_is_refused() {
    let run = recorded(0.05);
    let opened = open(&run).shard(shard(1, 2));
    let mut study = opened.study(&Mlp::new(), &batches()).expect("a study");
    let spec = SliceSpec::random();
    let whole = study.slice(&spec).expect("a share");
    for refused in [
        study.resume().err(),
        study.agreement(&whole, 2).err(),
        study.initial_and_trained(&spec).err(),
        study.scale_sweep(&spec, &[0.5]).err(),
    ] {
        assert_names(&refused.expect("a refusal").to_string(), &["shard 1/2", "merged"]);
    }
}

/// A trace that holds shards of a plan that is not there any more.
#[test]
fn shards_without_their_plan_are_refused_and_not_gone_on_with_by_another() {
    let run = recorded(0.05);
    measured(&run, 2, 4);
    fs::remove_dir_all(run.path().join("shards/plans")).expect("removed");
    let merged = merged(&run);
    assert_names(&merged.refused[0].why, &["there is no plan of slice 0"]);
    let finer = open(&run).resolution(15, 9).shard(shard(2, 4));
    let error = measure(finer, &batches(), &[SliceSpec::pca()]).expect_err("a refusal");
    assert_names(&error.to_string(), &["2-of-4", "the fingerprint of the plan"]);
}

/// A plan keeps the number of its slice for it.
#[test]
fn slices_that_are_measured_meanwhile_get_other_numbers() {
    let run = recorded(0.05);
    measured(&run, 1, 2);
    by_one_process(&run);
    measured(&run, 2, 2);
    let merged = merged(&run);
    assert!(merged.is_complete(), "{merged:?}");
    let numbers = run.records().into_iter().filter_map(|record| match record {
        Record::Slice(slice) => Some(slice.slice),
        _ => None,
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [3, 4, 5, 0, 1, 2]);
}
