//! Servers on this machine: they give the bits that it gives itself, a stranger is refused, and one that is killed costs the
//! nodes that it was at.
//!
//! `cargo test --release`; `BURNSCAPE_KILLS=100` kills as many servers.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const TOKEN: &str = "the token of this test";

/// A server on a free port, stopped when it is dropped.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_server"))
            .args(["127.0.0.1:0", "--count"])
            .env("BURNSCAPE_REMOTE_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut said = BufReader::new(process.stdout.as_mut().expect("its output"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening at ").expect("where it listens").to_string();
        Self { process, url }
    }

    fn kill(&mut self) {
        self.process.kill().expect("a process to kill");
        self.process.wait().expect("its end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Nodes along each axis: some seconds on any machine.
const SIDE: usize = 65;

fn surface(run: &Path, servers: &[&str], token: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_surface"));
    command.arg("--run").arg(run).args(["--token", token, "--side", &SIDE.to_string()]);
    servers.iter().for_each(|url| {
        command.args(["--server", url]);
    });
    command
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    format!("{out}{err}")
}

#[test]
fn two_servers_give_the_bits_of_this_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = [Server::start(), Server::start()];
    let urls = servers.each_ref().map(|it| it.url.as_str());
    let output = surface(&folder.path().join("run"), &urls, TOKEN).output().expect("a surface");
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for name in ["here and on servers", "on servers alone"] {
        assert!(none_differs(&said, name), "{said}");
    }
}

/// Whether a surface was measured on these devices, bit for bit as here.
fn none_differs(said: &str, name: &str) -> bool {
    let none = format!("  0 of {} nodes differ", SIDE * SIDE);
    let mut lines = said.lines().skip_while(|line| !line.starts_with(name));
    lines.find(|line| line.contains("nodes differ")).is_some_and(|line| line.starts_with(&none))
}

#[test]
fn whoever_has_another_token_or_finds_nobody_is_told_so_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start();
    let run = folder.path().join("run");
    let output = surface(&run, &[&server.url], "another token").output().expect("an end");
    let said = text(&output);
    assert!(!output.status.success() && !said.contains("here alone"), "{said}");
    assert!(said.contains(&server.url) && said.contains("rejected the credential"), "{said}");

    let gone = { Server::start().url.clone() };
    let output = surface(&run, &[&gone], TOKEN).output().expect("an end");
    let said = text(&output);
    assert!(!output.status.success() && !said.contains("here alone"), "{said}");
    assert!(said.contains(&gone), "{said}");
}

/// So much of the time between 0 and 1, spread evenly however many there are.
fn spread(number: usize) -> f64 {
    (0.5 + number as f64 * 0.618_033_988_749_895).fract()
}

#[test]
fn a_server_that_is_killed_costs_the_nodes_that_it_was_at_and_the_others_measure_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let lasting = Server::start();
    let kills = std::env::var("BURNSCAPE_KILLS").map_or(5, |it| it.parse().expect("a number"));
    let mut took = Duration::ZERO;
    let (mut noticed, mut refusals) = (0, 0);
    for number in 0..=kills {
        let mut dying = Server::start();
        let mut command = surface(&run, &[&lasting.url, &dying.url], TOKEN);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("a surface");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut said = String::new();
        while !said.contains("here alone") && output.read_line(&mut said).expect("a line") > 0 {}
        let begun = Instant::now();
        // The first one lives, and tells how long it takes.
        if number > 0 {
            std::thread::sleep(took.mul_f64(spread(number)));
            dying.kill();
        }
        while !said.contains("differ") && output.read_line(&mut said).expect("a line") > 0 {}
        took = if number == 0 { begun.elapsed() } else { took };
        let with_servers = said.clone();
        output.read_to_string(&mut said).expect("the rest");
        assert!(process.wait().expect("its end").success(), "{number}: {said}");
        // One that is gone before the study has begun is refused by its name.
        let refused = format!("here and on servers: Remote {} cannot be used", dying.url);
        refusals += usize::from(said.contains(&refused));
        let is_whole = none_differs(&with_servers, "here and on servers");
        assert!(is_whole || said.contains(&refused), "{number}: {said}");
        noticed += usize::from(with_servers.contains("measures no more"));
    }
    println!(
        "{kills} servers killed: {refusals} before a study had begun, {noticed} while they measured, the others after their \
         last node; no node was lost, none was wrong"
    );
    assert!(noticed > 0, "none was killed while it measured");
}
