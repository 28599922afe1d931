//! Becomes another program in a session of its own, controlled by the terminal that is its standard input: what a
//! login does.

#[cfg(unix)]
fn main() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    rustix::process::setsid().expect("a session of its own");
    rustix::process::ioctl_tiocsctty(std::io::stdin()).expect("a controlling terminal");
    let mut words = std::env::args_os().skip(1);
    let program = words.next().expect("a program to become");
    let error = Command::new(&program).args(words).exec();
    panic!("{}: {error}", program.display());
}

#[cfg(not(unix))]
fn main() {}
