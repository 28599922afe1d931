#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! ```text
//! key, resize ──► Message ──► App::update ─┐
//!                                          ├──► App::draw ──► TerminalProfile::adapt ──► terminal
//! trace item ───────────────► App::apply ──┘
//! ```
//!
//! * [`model`] is what is known about a run, built record by record; it knows no terminal, and is a crate of its own.
//! * [`views`] holds one view a file; a [`View`](views::View) takes messages in `update` and only
//!   reads in `draw`: no file, no clock, no random number.
//! * [`widgets`] are the parts that views share: charts, heat maps, scales, facts.
//! * Everything is drawn in true colour and braille; [`TerminalProfile`] maps the finished frame
//!   down in one pass, with the inks (`inks`) of the ground that the terminal has (`ground`).
//! * `wire` turns a frame into bytes, of which a slow link carries a part at a time (`link`): the next one is drawn
//!   when the terminal has answered.
//! * [`Sight`] is the step that the reader looks at and the steps in sight, the same in all views.
//! * `play` is the loop around what is shown: [`watch`](fn@watch) plays a viewer, one run or a list of runs
//!   and the one that was opened from it, [`Dashboard`] the records that a training in the same process feeds it.
//! * `session`, `screen` and `tty` are the terminal: nothing that is written to it ever waits, it is drawn on only
//!   while this process is in the foreground, and it is given back in every case.
//! * [`KeyWatch`] stands apart: single keys for a program that computes and draws nothing.

mod app;
mod bindings;
mod command;
mod dashboard;
mod error;
mod feed;
mod filter;
mod follow_lines;
mod followed;
mod frame_svg;
mod frame_text;
mod ground;
mod inks;
mod json_lines;
mod key_watch;
mod keys;
mod link;
mod looks;
mod message;
mod mouse;
mod once;
mod picture;
mod play;
mod pointing;
mod printed;
mod replies;
mod report_lines;
mod runs;
mod save_picture;
mod screen;
mod scroll;
mod session;
mod shown;
mod sight;
mod signals;
mod still;
mod surround;
mod terminal_profile;
mod together;
mod tty;
mod unknown_word;
mod viewer;
mod watch;
mod wire;
mod wishes;

pub mod numbers;
pub mod palette;
pub mod views;
pub mod widgets;

pub use app::{App, TICK};
pub use bindings::{ACTION_NAMES, Bindings, BoundKey};
pub use burnscape_run::{self as model, Run};
pub use dashboard::{Dashboard, Feed, watch_command};
pub use error::Error;
pub use follow_lines::{LineFormat, follow_lines};
pub use ground::Theme;
pub use key_watch::KeyWatch;
pub use looks::Choices;
pub use message::{Message, Towards};
pub use once::{
    default_view, draw_once, landscape_text, print_landscape, read_run, render_once, terminal_size,
};
pub use picture::{Picture, PictureSize};
pub use report_lines::RunLines;
pub use session::Refusal;
pub use sight::Sight;
pub use terminal_profile::{ColourDepth, Glyphs, TerminalProfile};
pub use unknown_word::UnknownWord;
pub use views::ViewKind;
pub use views::dialog::Decision;
pub use watch::{WatchOptions, default_frames_per_sec, watch, watch_as_chosen};
pub use wire::bytes_between;
