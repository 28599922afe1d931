//! What watching costs: the time of a training step, bare and watched, as ratios within one run.
//!
//! `cargo bench --bench hook -- overhead`. Bare and watched steps alternate in short
//! rounds, so that a machine that slows down slows both; the median of the rounds' ratios is what
//! counts. The idle hook is timed on a model that does nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use burnscape::Probe;
use serde_json::{Value, json};

use super::training::{BIG_MLP, CONVNET, DIGITS, EMPTY_STEP, Network, Training, WAYS, Watching};

const ROUNDS: usize = 301;
const WARM_UP_ROUNDS: usize = 20;
/// Long enough for the clock, short enough to alternate often.
const ROUND: Duration = Duration::from_millis(10);

pub fn measure() {
    let device = Device::flex().autodiff();
    device.seed(1);
    let mut rows = Vec::new();
    for way in &WAYS {
        for network in [&BIG_MLP, &CONVNET, &DIGITS] {
            rows.push(compare(network, way, &device));
        }
    }
    let idle = idle_hook(&device);
    let undrained = terminal::undrained();
    print_table(&rows, &idle);
    println!("dashboard on a terminal that takes nothing / none: {}", undrained["ratio"]);
    write_json(&json!({ "steps": rows, "idle_hook": idle, "undrained_terminal": undrained }));
}

/// Median ratio of watched to bare steps.
fn compare(network: &Network, watching: &Watching, device: &Device) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Probe::builder(folder.path().join("run")).quiet();
    let probe = (watching.settings)(builder).start().expect("a probe");
    let mut bare = network.begin(device, None);
    let mut watched = network.begin(device, Some(&probe));
    let (mut ratios, mut bare_micros) = alternate(&mut bare, &mut watched);
    let recording = probe.close().expect("closed");
    assert_eq!(recording.problems(), [] as [String; 0]);
    json!({
        "model": network.name,
        "watching": watching.name,
        "ratio": median(&mut ratios),
        "ratio_quartiles": [quantile(&mut ratios, 0.25), quantile(&mut ratios, 0.75)],
        "bare_step_us": median(&mut bare_micros),
        "steps": recording.steps(),
        "dropped": recording.dropped_steps(),
    })
}

/// Ratios of the second to the first, round by round, and microseconds of a step of the first.
fn alternate(first: &mut Training, second: &mut Training) -> (Vec<f64>, Vec<f64>) {
    let steps = steps_per_round(first);
    let mut ratios = Vec::new();
    let mut micros = Vec::new();
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        // Who goes first alternates too.
        let (one, other) = if round % 2 == 0 {
            let one = run(first, steps);
            (one, run(second, steps))
        } else {
            let other = run(second, steps);
            (run(first, steps), other)
        };
        if round >= WARM_UP_ROUNDS {
            ratios.push(other / one);
            micros.push(one / steps as f64 * 1e6);
        }
    }
    (ratios, micros)
}

fn steps_per_round(training: &mut Training) -> usize {
    let trial = 50;
    run(training, trial);
    let each = run(training, trial) / trial as f64;
    (ROUND.as_secs_f64() / each).ceil() as usize
}

/// Seconds for so many steps.
fn run(training: &mut Training, steps: usize) -> f64 {
    let start = Instant::now();
    training(steps);
    start.elapsed().as_secs_f64()
}

/// Nanoseconds that the hook adds to a step in which nothing is due, next to what a step of the
/// bare model that does nothing takes.
fn idle_hook(device: &Device) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Probe::builder(folder.path().join("run")).grad_norms_every(0);
    let probe = builder.weight_norms_every(0).queue_steps(1 << 16).start().expect("a probe");
    let mut bare = EMPTY_STEP.begin(device, None);
    let mut idle = EMPTY_STEP.begin(device, Some(&probe));
    let mut disabled = EMPTY_STEP.begin(device, Some(&Probe::disabled()));
    let steps = 2000;
    let mut nanos = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let each = [run(&mut bare, steps), run(&mut idle, steps), run(&mut disabled, steps)];
        for (nanos, secs) in nanos.iter_mut().zip(each) {
            nanos.push(secs / steps as f64 * 1e9);
        }
        // The writer thread catches up outside the measured time.
        std::thread::sleep(Duration::from_millis(30));
    }
    let [bare, idle, disabled] = nanos.map(|mut it| median(&mut it));
    json!({
        "idle_ns": idle - bare,
        "disabled_ns": disabled - bare,
        "empty_step_ns": bare,
    })
}

fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

fn print_table(rows: &[Value], idle: &Value) {
    println!("\nstep time, watched / bare: median of {ROUNDS} alternating rounds");
    println!(
        "{:<12} {:<28} {:>7}  {:>17}  {:>12}",
        "model", "watching", "ratio", "quartiles", "bare step"
    );
    for row in rows {
        println!(
            "{:<12} {:<28} {:>7.3}  {:>8.3} {:>8.3}  {:>9.0} µs",
            row["model"].as_str().unwrap_or_default(),
            row["watching"].as_str().unwrap_or_default(),
            row["ratio"].as_f64().unwrap_or(f64::NAN),
            row["ratio_quartiles"][0].as_f64().unwrap_or(f64::NAN),
            row["ratio_quartiles"][1].as_f64().unwrap_or(f64::NAN),
            row["bare_step_us"].as_f64().unwrap_or(f64::NAN),
        );
    }
    println!(
        "\nhook in a step with nothing due: {:.0} ns; disabled probe: {:.0} ns",
        idle["idle_ns"].as_f64().unwrap_or(f64::NAN),
        idle["disabled_ns"].as_f64().unwrap_or(f64::NAN),
    );
}

fn write_json(results: &Value) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("overhead.json");
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

// ---- terminal ----------------------------------------------------------------------------

#[cfg(unix)]
pub mod terminal {
    use std::process::{Command, Stdio};

    use rustix::fs::{Mode, OFlags, open};
    use rustix::process::{ioctl_tiocsctty, setsid};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    const ROLE: &str = "BURNSCAPE_BENCH_TERMINAL";

    /// This is the process that has a terminal of its own.
    pub fn is_inside() -> bool {
        std::env::var_os(ROLE).is_some()
    }

    /// What a dashboard costs whose terminal nobody reads: watched steps with it, as a ratio to watched steps
    /// without it.
    pub fn undrained() -> Value {
        let unread = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&unread).expect("granted");
        unlockpt(&unread).expect("unlocked");
        let name = ptsname(&unread, Vec::new()).expect("its name");
        let end = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its device");
        let output = Command::new(std::env::current_exe().expect("this program"))
            .env(ROLE, "inside")
            .env("TERM", "xterm-256color")
            .stdin(end)
            .stderr(Stdio::inherit())
            .output()
            .expect("it measures");
        serde_json::from_slice(&output.stdout).expect("a ratio")
    }

    pub fn measure_inside() {
        setsid().expect("a session of its own");
        ioctl_tiocsctty(std::io::stdin()).expect("a controlling terminal");
        let device = Device::flex().autodiff();
        device.seed(1);
        let folder = tempfile::tempdir().expect("a folder");
        let probe = |run: &str| Probe::builder(folder.path().join(run)).quiet().start();
        let (plain, shown) = (probe("plain").expect("a probe"), probe("shown").expect("a probe"));
        assert!(shown.open_dashboard());
        let mut without = DIGITS.begin(&device, Some(&plain));
        let mut with = DIGITS.begin(&device, Some(&shown));
        let (mut ratios, mut micros) = alternate(&mut without, &mut with);
        println!(
            "{}",
            json!({
                "model": DIGITS.name,
                "ratio": median(&mut ratios),
                "ratio_quartiles": [quantile(&mut ratios, 0.25), quantile(&mut ratios, 0.75)],
                "step_without_us": median(&mut micros),
            })
        );
    }
}

#[cfg(not(unix))]
pub mod terminal {
    use super::Value;

    pub fn is_inside() -> bool {
        false
    }

    pub fn measure_inside() {}

    pub fn undrained() -> Value {
        Value::Null
    }
}
