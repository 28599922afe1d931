//! What can go wrong between a run folder and a terminal.

use std::io;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run cannot be read.
    #[error(transparent)]
    Trace(#[from] burnscape_trace::Error),
    /// The terminal cannot be written to, or not be read from.
    #[error("could not use the terminal: try --once, or another --color and --glyphs")]
    Terminal(#[source] io::Error),
    /// Text could not be written.
    #[error("could not write the output")]
    Output(#[source] io::Error),
}

/// A network disk that is away for a moment: the next poll skips nothing.
pub(crate) fn may_pass(error: &burnscape_trace::Error) -> bool {
    use burnscape_trace::Error::{Open, Read};
    matches!(error, Open { .. } | Read { .. })
}
