//! The `burnscape` command from outside, one module per command or subject, each test a sentence.

#[cfg(feature = "export")]
mod agreement;
mod compare;
#[cfg(feature = "export")]
mod export;
mod hostile;
mod merge;
mod program;
#[cfg(feature = "export")]
mod report;
mod shell;
mod trace_commands;
mod verify;
mod watch;
