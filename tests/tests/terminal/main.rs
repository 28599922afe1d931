//! The terminal under the dashboard and under `burnscape watch`: a real one, and everything that happens to it.
#![cfg(unix)]

mod alerts;
mod dashboard;
mod gnu_screen;
mod interrupts;
mod job_control;
mod lost;
mod plain;
mod slow_link;
mod support;
mod tmux;
mod watching;
