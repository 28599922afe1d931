//! Programs that hear Ctrl-C wherever tests run: what a script starts in the background is deaf to it, and so is all that
//! is started from there.

use std::process::Command;

const SIGINT: u32 = 2;
const SIGQUIT: u32 = 3;

/// A program that ends by Ctrl-C and Ctrl-\ unless it does something about it. Where this process is deaf, GNU's `env` helps.
pub fn hearing(program: &str) -> Command {
    if !is_deaf() {
        return Command::new(program);
    }
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,QUIT", program]);
    command
}

/// Linux tells which signals are ignored, see `proc_pid_status(5)`.
fn is_deaf() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let is_ignored = |mask: u64| [SIGINT, SIGQUIT].iter().any(|it| mask >> (it - 1) & 1 == 1);
    ignored.is_some_and(is_ignored)
}
