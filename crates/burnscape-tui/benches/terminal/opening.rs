//! Opening a run of a million steps, and following it: time, and memory of a process of its own.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use burnscape_trace::{Follower, Record, RunFolder, Step, Writer};
use burnscape_tui::{App, Run, ViewKind, read_run};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use crate::frames::SIZE;
use crate::support::Synthetic;

/// Steps of the long run.
const STEPS: u64 = 1_000_000;
/// Its parameter blocks: those of a small network, and of a large one.
const BLOCKS: [usize; 2] = [4, 300];
/// Records appended while it is followed.
const FURTHER: u64 = 10_000;
/// What is written between two looks of a follower: 100 ms of a run of 1000 steps a second.
const BATCH: u64 = 100;
const ROUNDS: usize = 5;
/// In this variable the process that measures its memory finds the run.
pub const RUN: &str = "BURNSCAPE_BENCH_RUN";

/// Measures and prints; gives what goes into the file.
pub fn measure() -> Value {
    BLOCKS.into_iter().map(|blocks| (format!("{blocks} blocks"), of_run(blocks))).collect()
}

fn of_run(blocks: usize) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let synthetic = synthetic(blocks);
    let mut writer = write(&synthetic, &run);
    let trace_bytes = std::fs::metadata(run.join("trace.cbor")).expect("a trace").len();
    let first_secs = crate::median((0..ROUNDS).map(|_| first_frame(&run)).collect());
    let open_secs = crate::median((0..ROUNDS).map(|_| opening(&run)).collect());
    let peak_bytes = peak_memory(&run);
    let (follow_secs, slowest_secs) = following(&synthetic, &run, &mut writer);
    println!("\nA run of {STEPS} steps and {blocks} blocks ({:.0} MB)", trace_bytes as f64 / 1e6);
    println!("first frame                    {first_secs:>8.3} s    aim 0.5 s");
    println!("opening it, from a warm disk   {open_secs:>8.3} s    aim 5 s");
    println!("peak memory of that            {:>8.1} MB   aim 60 MB", peak_bytes / 1e6);
    println!("following {FURTHER} further steps  {follow_secs:>8.3} s    without waiting for them");
    println!("slowest look at {BATCH} of them     {:>8.2} ms", slowest_secs * 1e3);
    json!({
        "steps": STEPS,
        "blocks": blocks,
        "trace_bytes": trace_bytes,
        "first_frame_secs": first_secs,
        "open_secs": open_secs,
        "peak_bytes": peak_bytes,
        "further_steps": FURTHER,
        "follow_secs": follow_secs,
        "slowest_look_secs": slowest_secs,
    })
}

/// Peak memory of this process, which has opened a run: for the process that does nothing else.
pub fn print_peak_memory(run: &Path) {
    let run = read_run(run).expect("a run");
    assert_eq!(run.steps(), STEPS);
    println!("{}", own_peak_bytes().unwrap_or(f64::NAN));
}

fn synthetic(blocks: usize) -> Synthetic {
    let names =
        (0..blocks).map(|block| format!("layer{}.{}", block / 2, ["weight", "bias"][block % 2]));
    Synthetic { names: names.collect(), ..Synthetic::default() }
}

/// Gradient norms at every step, weight and update norms at every twentieth, as the light level records them.
fn step(synthetic: &Synthetic, number: u64) -> Step {
    let mut step = synthetic.step(number);
    if !number.is_multiple_of(20) {
        step.columns.retain(|name, _| name == "grad_norm");
    }
    step
}

fn write(synthetic: &Synthetic, run: &Path) -> Writer {
    let folder = RunFolder::create(run).expect("a new folder");
    let mut writer = Writer::create(&folder).expect("a writer");
    writer.append(&Record::Head(synthetic.head())).expect("a head");
    for number in 0..STEPS {
        writer.append(&Record::Step(step(synthetic, number))).expect("a step");
    }
    writer.flush().expect("a disk");
    writer
}

/// What is read before the first frame, and that frame.
fn first_frame(run: &Path) -> f64 {
    let start = Instant::now();
    let mut app = App::new(Run::named("long"), ViewKind::Overview);
    let mut follower = Follower::open(run).expect("a run");
    follower.poll().expect("a trace").iter().for_each(|item| app.apply_item(item));
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    app.draw(area, &mut buffer);
    std::hint::black_box(buffer);
    start.elapsed().as_secs_f64()
}

fn opening(run: &Path) -> f64 {
    let start = Instant::now();
    let run = read_run(run).expect("a run");
    assert_eq!(run.steps(), STEPS);
    start.elapsed().as_secs_f64()
}

/// Seconds for all further steps, and for the slowest look; writing them is not counted.
fn following(synthetic: &Synthetic, path: &Path, writer: &mut Writer) -> (f64, f64) {
    let mut follower = Follower::open(path).expect("a run");
    let mut run = Run::named("long");
    catch_up(&mut follower, &mut run);
    let mut looks = Vec::new();
    for number in STEPS..STEPS + FURTHER {
        writer.append(&Record::Step(step(synthetic, number))).expect("a step");
        if (number + 1).is_multiple_of(BATCH) {
            writer.flush().expect("a disk");
            let start = Instant::now();
            catch_up(&mut follower, &mut run);
            looks.push(start.elapsed().as_secs_f64());
        }
    }
    assert_eq!(run.steps(), STEPS + FURTHER);
    (looks.iter().sum(), looks.iter().copied().fold(0.0, f64::max))
}

fn catch_up(follower: &mut Follower, run: &mut Run) {
    loop {
        follower.poll().expect("a trace").iter().for_each(|item| run.apply_item(item));
        if !follower.has_more() {
            return;
        }
    }
}

/// Bytes that a process takes at most which only opens the run; NaN where the system does not tell.
fn peak_memory(run: &Path) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).env(RUN, run).output().expect("this program runs");
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(f64::NAN)
}

fn own_peak_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0)
}
