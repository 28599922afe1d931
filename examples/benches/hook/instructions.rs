//! What watching costs in instructions of a training step: a count that does not drift with the machine's clock.
//!
//! `cargo bench --bench hook -- instructions`, in about five minutes, where valgrind is installed.
//! `--baseline FILE` prints the ratio to the figures that an earlier run wrote to FILE, too; `digits` counts
//! that network alone.
//!
//! Each row is two trainings under valgrind's callgrind, a short and a long one; the difference is that of their
//! steps alone, without start and end. One thread of rayon, fixed seeds. Valgrind's processor knows AVX2 and no
//! AVX-512, so that bare steps count more than they would outside. The writer thread is told apart from those
//! that train; it wakes by the clock now and then, so that its part is the less certain one.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use burn::tensor::Device;
use burnscape::Probe;
use burnscape::trace::{Record, read_run};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use super::callgrind;
use super::training::{BIG_MLP, CONVNET, DIGITS, EMPTY_STEP, NOTHING_DUE, Network, WAYS, Watching};

/// Steps of the short training: what happens only once has happened.
const WARM_UP: usize = 2;
/// The probe starts its thread before burn starts any.
const WRITER_THREAD: u32 = 2;
const BARE: &str = "bare";

#[derive(Args, Default)]
pub struct Arguments {
    /// Figures of an earlier run, as it wrote them.
    #[arg(long)]
    baseline: Option<PathBuf>,
    /// The networks that are counted, if not all.
    #[arg(value_parser = PossibleValuesParser::new(COUNTED.iter().map(|it| it.network.name)))]
    networks: Vec<String>,
    /// Do the training that is counted: a network, a way of watching, a number of steps, a folder for the run.
    #[arg(long, hide = true, num_args = 4)]
    train: Option<Vec<String>>,
}

pub fn measure(arguments: &Arguments) {
    if let Some(what) = &arguments.train {
        return train(what);
    }
    let Some(valgrind) = callgrind::version() else {
        println!(
            "instructions: not counted, since valgrind is not installed; on Linux it is the package \
             `valgrind` (apt install valgrind, dnf install valgrind)"
        );
        return;
    };
    let baseline = arguments.baseline.as_deref().map(read_baseline);
    eprintln!("counting instructions under {valgrind}: about five minutes on two cores");
    let rows = count_all(&jobs(&arguments.networks));
    print_table(&rows, &valgrind, baseline.as_ref());
    write_json(&json!({ "valgrind": valgrind, "steps": rows }));
}

// ---- the training that is counted ----------------------------------------------------------

/// Does one training, watched or bare.
fn train(what: &[String]) {
    let network =
        COUNTED.iter().map(|it| it.network).find(|it| it.name == what[0]).expect("a known network");
    let watching = WAYS.iter().find(|it| it.name == what[1]);
    let steps = what[2].parse().expect("a number of steps");
    let probe = watching.map(|it| {
        let builder = Probe::builder(&what[3]).quiet();
        (it.settings)(builder).start().expect("a probe")
    });
    let device = Device::flex().autodiff();
    device.seed(1);
    network.begin(&device, probe.as_ref())(steps);
    if let Some(probe) = probe {
        probe.close().expect("closed");
    }
}

// ---- counting ------------------------------------------------------------------------------

/// How a network is counted.
struct Counted {
    network: &'static Network,
    ways: &'static [Watching],
    fewest_steps: usize,
}

static COUNTED: [Counted; 4] = [
    Counted { network: &BIG_MLP, ways: &WAYS, fewest_steps: 10 },
    Counted { network: &CONVNET, ways: &WAYS, fewest_steps: 10 },
    Counted { network: &DIGITS, ways: &WAYS, fewest_steps: 10 },
    // More in the same time; not so many that the writer thread looks for more meanwhile, by the clock.
    Counted { network: &EMPTY_STEP, ways: &[NOTHING_DUE], fewest_steps: 100 },
];

/// What is counted for one row.
struct Job {
    network: &'static Network,
    /// `None`: bare.
    watching: Option<&'static Watching>,
    steps: usize,
}

/// Every way of watching every network, or those that are asked for.
fn jobs(networks: &[String]) -> Vec<Job> {
    let is_asked =
        |it: &&Counted| networks.is_empty() || networks.iter().any(|name| name == it.network.name);
    COUNTED.iter().filter(is_asked).flat_map(Counted::jobs).collect()
}

impl Counted {
    fn jobs(&'static self) -> impl Iterator<Item = Job> {
        let ways = [None].into_iter().chain(self.ways.iter().map(Some));
        ways.map(|watching| Job {
            network: self.network,
            watching,
            steps: watching.map_or(0, |it| it.period).max(self.fewest_steps),
        })
    }
}

/// As many at a time as there are cores: other processes change no count.
fn count_all(jobs: &[Job]) -> Vec<Value> {
    let open = Mutex::new(jobs.iter().enumerate());
    let rows = Mutex::new(vec![Value::Null; jobs.len()]);
    let work = || {
        while let Some((place, job)) = { open.lock().expect("no panic").next() } {
            let row = job.row();
            rows.lock().expect("no panic")[place] = row;
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    rows.into_inner().expect("no panic")
}

impl Job {
    fn watching(&self) -> &'static str {
        self.watching.map_or(BARE, |it| it.name)
    }

    fn row(&self) -> Value {
        let (short, long) = (self.count(WARM_UP), self.count(WARM_UP + self.steps));
        let per_step =
            |of: fn(Instructions) -> u64| (of(long) as f64 - of(short) as f64) / self.steps as f64;
        json!({
            "model": self.network.name,
            "watching": self.watching(),
            "steps": self.steps,
            "training": per_step(|it| it.training),
            "writer": per_step(|it| it.writer),
        })
    }

    fn count(&self, steps: usize) -> Instructions {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("run");
        let name = run.to_str().expect("a folder whose name is text");
        let arguments = [
            "instructions",
            "--train",
            self.network.name,
            self.watching(),
            &steps.to_string(),
            name,
        ];
        let mut threads = callgrind::count(&arguments);
        let writer = self.watching.and_then(|_| {
            assert_nothing_was_left_out(&run);
            threads.remove(&WRITER_THREAD)
        });
        Instructions { training: threads.values().sum(), writer: writer.unwrap_or(0) }
    }
}

/// Otherwise another run could count more for doing its whole work.
fn assert_nothing_was_left_out(run: &Path) {
    let trace = read_run(run).expect("a run");
    let left_out = trace.records.iter().find(|record| match record {
        Record::Dropped(_) => true,
        Record::Note(note) => note.level == "warning",
        _ => false,
    });
    assert_eq!(left_out, None);
}

#[derive(Clone, Copy)]
struct Instructions {
    /// Of the training thread, and of rayon's for it.
    training: u64,
    writer: u64,
}

// ---- what was found ------------------------------------------------------------------------

fn read_baseline(file: &Path) -> Value {
    let text = std::fs::read_to_string(file);
    let text = text.unwrap_or_else(|error| panic!("the baseline {}: {error}", file.display()));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("the baseline {}: {error}", file.display()))
}

/// The row of a network and a way of watching; its numbers are no numbers where there is none.
fn find<'a>(rows: &'a [Value], model: &Value, watching: &Value) -> &'a Value {
    let row = rows.iter().find(|it| it["model"] == *model && it["watching"] == *watching);
    row.unwrap_or(&Value::Null)
}

fn training(row: &Value) -> f64 {
    row["training"].as_f64().unwrap_or(f64::NAN)
}

fn all(row: &Value) -> f64 {
    training(row) + row["writer"].as_f64().unwrap_or(f64::NAN)
}

fn print_table(rows: &[Value], valgrind: &str, baseline: Option<&Value>) {
    println!(
        "\ninstructions of a training step, counted by {valgrind} (AVX2, no AVX-512), rayon on one thread;"
    );
    println!(
        "thousands in the threads that train, in the writer thread, and in both, and their ratios"
    );
    let title = format!(
        "{:<12} {:<22} {:>10} {:>9} {:>8} {:>10} {:>9}",
        "model", "watching", "training", "/ bare", "writer", "all", "/ bare"
    );
    let before = baseline.map_or("", |_| "  training / before  all / before");
    println!("{title}{before}");
    for row in rows {
        let bare = find(rows, &row["model"], &json!(BARE));
        print!(
            "{:<12} {:<22} {:>10.1} {:>9.4} {:>8.1} {:>10.1} {:>9.4}",
            row["model"].as_str().unwrap_or_default(),
            row["watching"].as_str().unwrap_or_default(),
            training(row) / 1e3,
            training(row) / training(bare),
            (all(row) - training(row)) / 1e3,
            all(row) / 1e3,
            all(row) / all(bare),
        );
        match baseline {
            Some(baseline) => print_ratio(row, baseline),
            None => println!(),
        }
    }
    if let Some(before) = baseline.filter(|it| it["valgrind"] != valgrind) {
        println!(
            "the baseline was counted by {}: bare steps may count otherwise",
            before["valgrind"]
        );
    }
}

fn print_ratio(row: &Value, baseline: &Value) {
    let rows = baseline["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let before = find(rows, &row["model"], &row["watching"]);
    println!("  {:>17.4}  {:>12.4}", training(row) / training(before), all(row) / all(before));
}

fn write_json(results: &Value) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions.json");
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}
