//! Shards as processes: started by a variable, killed at any moment, on a disk that is full, by the scripts for clusters.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use burnscape::trace::{Record, RunFolder, read_run};
use burnscape_tests::{example, trainee};
use burnscape_tui::model::{Merged, merge};
use tempfile::{TempDir, tempdir};

use super::support::{Dice, TRAINEE};

/// Nodes per axis: two planes of them take some tenths of a second.
const SIDE: &str = "15";
const NODES: usize = 15 * 15;
const SHARD: &str = burnscape::SHARD_VARIABLE;

/// A recorded training in a folder of its own.
struct Recorded {
    dir: TempDir,
}

impl Recorded {
    fn new() -> Self {
        let dir = tempdir().expect("a folder");
        let path = dir.path().to_str().expect("UTF-8");
        let arguments = ["--dir", path, "--model", "mlp", "--watch", "default", "--epochs", "3"];
        trainee::run(TRAINEE, &arguments).expect("a training");
        Self { dir }
    }

    /// The same run once more.
    fn copied(&self) -> Self {
        let dir = tempdir().expect("a folder");
        copy(&self.run(), &dir.path().join("run"));
        Self { dir }
    }

    fn run(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// The program that measures, of this shard, or of none.
    fn command(&self, shard: Option<&str>) -> Command {
        let mut command = Command::new(example("surfaces"));
        command.arg(self.run()).args(["--resolution", SIDE, "--digits", "512", "--threads", "1"]);
        command.env_remove(SHARD).env_remove(burnscape::SWITCH_VARIABLE);
        if let Some(shard) = shard {
            command.env(SHARD, shard);
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn measure(&self, shard: Option<&str>) {
        let output = self.command(shard).output().expect("it starts");
        assert!(output.status.success(), "{shard:?}: {}", said(&output));
    }

    fn merged(&self) -> Merged {
        merge(&RunFolder::open(self.run()).expect("a run")).expect("merged")
    }

    /// The bits of value and standard error of every node of the slices of some name, each told once.
    fn nodes(&self, name: &str) -> Vec<(u64, u64)> {
        let records = read_run(self.run()).expect("a run").records;
        let slice = records.iter().find_map(|record| match record {
            Record::Slice(slice) if slice.name == name => Some(slice.slice),
            _ => None,
        });
        let mut nodes = vec![None; NODES];
        for record in records {
            let Record::Nodes(tile) = record else { continue };
            if Some(tile.slice) == slice {
                for (place, &node) in tile.index.iter().enumerate() {
                    let bits = (tile.loss[place].to_bits(), tile.stderr[place].to_bits());
                    let before = nodes[node as usize].replace(bits);
                    assert_eq!(before, None, "node {node} of {name} is told once");
                }
            }
        }
        nodes.into_iter().map(|node| node.expect("every node")).collect()
    }

    /// Bytes in the traces of all shards.
    fn shard_bytes(&self) -> u64 {
        let traces = fs::read_dir(self.run().join("shards")).into_iter().flatten().flatten();
        let bytes = |entry: fs::DirEntry| fs::metadata(entry.path().join("trace.cbor")).ok();
        traces.filter_map(bytes).map(|found| found.len()).sum()
    }
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

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What one process gives.
fn by_one_process(recorded: &Recorded) -> [Vec<(u64, u64)>; 2] {
    let alone = recorded.copied();
    alone.measure(None);
    ["pca", "random"].map(|name| alone.nodes(name))
}

#[test]
fn processes_that_share_a_surface_out_give_what_one_gives_and_a_later_one_concludes() {
    let recorded = Recorded::new();
    let expected = by_one_process(&recorded);
    let start = |shard| recorded.command(Some(shard)).spawn().expect("it starts");
    let children = ["1/3", "2/3", "3/3"].map(start);
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", said(&output));
    }
    let merged = recorded.merged();
    assert!(merged.is_complete(), "{merged:?}");
    assert_eq!(["pca", "random"].map(|name| recorded.nodes(name)), expected);
    // Whether the random plane is typical is told by the program once it is started alone; no node is measured again.
    recorded.measure(None);
    assert_eq!(["pca", "random"].map(|name| recorded.nodes(name)), expected);
    let records = read_run(recorded.run()).expect("a run").records;
    let slices = records.iter().filter(|record| matches!(record, Record::Slice(_))).count();
    assert_eq!(slices, 2 + 4, "the planes that the random one is compared with");
}

#[test]
fn in_a_job_array_the_share_is_that_of_the_task() {
    let recorded = Recorded::new();
    for id in ["4", "6"] {
        let mut command = recorded.command(Some("array"));
        let [min, max, step] = ["MIN", "MAX", "STEP"].map(|it| format!("SLURM_ARRAY_TASK_{it}"));
        command.env("SLURM_ARRAY_TASK_ID", id).env(min, "4").env(max, "6").env(step, "2");
        assert!(command.status().expect("it starts").success());
    }
    assert!(recorded.merged().is_complete());
    let refused = recorded.command(Some("array")).env_remove("SLURM_ARRAY_TASK_ID").output();
    let refused = refused.expect("it starts");
    assert!(!refused.status.success() && said(&refused).contains("BURNSCAPE_SHARD = array"));
}

#[test]
fn a_training_under_the_variable_is_refused() {
    let dir = tempdir().expect("a folder");
    let path = dir.path().to_str().expect("UTF-8");
    let mut command =
        trainee::start(TRAINEE, &["--dir", path, "--model", "mlp", "--watch", "default"]);
    let output = command.env(SHARD, "2/3").output().expect("it starts");
    assert!(!output.status.success());
    assert!(
        said(&output).contains("training is not shared out among processes"),
        "{}",
        said(&output)
    );
    assert!(!dir.path().join("run").exists());
}

/// A shard that is killed at a random moment is started again until it ends; in the end the surface is that of one process.
fn killed(kills: usize, seed: u64) {
    let recorded = Recorded::new();
    let expected = by_one_process(&recorded);
    let mut dice = Dice::new(seed);
    let (mut run, mut killed, mut surfaces, mut seen) = (recorded.copied(), 0, 0, 0);
    while killed < kills {
        let shards = 2 + dice.below(3);
        for shard in 1..=shards {
            let shard = format!("{shard}/{shards}");
            while !ends(&run, &shard, dice.below(9_000) as u64, killed < kills) {
                killed += 1;
                // What was seen of nodes is never lost.
                let measured = run.merged().slices.iter().map(|it| it.measured).sum::<usize>();
                assert!(measured >= seen, "{measured} nodes after {seen}");
                seen = measured;
            }
        }
        let merged = run.merged();
        assert!(merged.is_complete(), "{merged:?}");
        assert_eq!(["pca", "random"].map(|name| run.nodes(name)), expected);
        (run, seen, surfaces) = (recorded.copied(), 0, surfaces + 1);
    }
    println!("{killed} kills in {surfaces} surfaces");
}

/// Lets a shard measure until the traces have grown by so many bytes, then kills it; whether it ended before.
fn ends(run: &Recorded, shard: &str, growth: u64, may_be_killed: bool) -> bool {
    let mut child: Child =
        run.command(Some(shard)).stderr(Stdio::null()).spawn().expect("it starts");
    let before = run.shard_bytes();
    while !may_be_killed || run.shard_bytes() - before < growth {
        if let Some(status) = child.try_wait().expect("a state") {
            assert!(status.success(), "{shard}");
            return true;
        }
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("gone");
    false
}

#[test]
fn shards_killed_at_ten_moments_lose_no_node_and_measure_none_wrongly() {
    killed(10, 5);
}

#[test]
#[ignore = "takes minutes; the short form above runs always"]
fn shards_killed_at_a_hundred_moments_lose_no_node_and_measure_none_wrongly() {
    killed(100, 7);
}

/// The signal that comes with a limit on the size of files would end any program that has not asked to ignore it.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_costs_the_shard_on_it_and_no_other() {
    let recorded = Recorded::new();
    let expected = by_one_process(&recorded);
    recorded.measure(Some("1/2"));
    let limited = recorded.command(Some("2/2"));
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap '' XFSZ && ulimit -f 8 && exec "$@""#, "sh"]);
    command.arg(limited.get_program()).args(limited.get_args()).env(SHARD, "2/2");
    let output = command.output().expect("a shell");
    assert!(said(&output).contains("could not"), "it is told: {}", said(&output));
    let merged = recorded.merged();
    assert_eq!(merged.refused, [], "what was written is whole");
    let gaps: Vec<u32> = merged.slices.iter().flat_map(|it| &it.gaps).map(|it| it.index).collect();
    assert!(!gaps.is_empty() && gaps.iter().all(|&shard| shard == 2), "{merged:?}");
    recorded.measure(Some("2/2"));
    assert!(recorded.merged().is_complete());
    assert_eq!(["pca", "random"].map(|name| recorded.nodes(name)), expected);
}

/// The script for GNU parallel, which goes on without that where it is not installed.
#[cfg(unix)]
#[test]
fn the_script_for_several_processes_measures_and_merges() {
    let recorded = Recorded::new();
    let expected = by_one_process(&recorded);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/cluster/shards.sh");
    for without_parallel in ["", "1"] {
        let run = recorded.copied();
        let program = run.command(None);
        let mut command = Command::new(&script);
        command.arg(run.run()).arg("3").arg(program.get_program()).args(program.get_args());
        // The viewer is a program of another package: here `true` stands for it, and the test merges.
        command.env("BURNSCAPE", "true").env("JOBS", "2").env("WITHOUT_PARALLEL", without_parallel);
        let output = command.env_remove(SHARD).output().expect("a shell");
        assert!(output.status.success(), "{}", said(&output));
        let merged = run.merged();
        assert!(merged.is_complete(), "{merged:?}");
        assert!(merged.slices[0].agreement.starts_with("3 shard traces"), "{merged:?}");
        assert_eq!(["pca", "random"].map(|name| run.nodes(name)), expected);
    }
}
