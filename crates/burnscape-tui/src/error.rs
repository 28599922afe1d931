//! What can go wrong between a run folder and a terminal.

use std::io;
use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run cannot be read.
    #[error(transparent)]
    Trace(#[from] burnscape_trace::Error),
    /// No path is a run or a folder with one.
    #[error(
        "there is no run in {}: runs are folders with a file `trace.cbor`, looked for {} levels deep; \
         check the path, or start the training first",
        listed(paths),
        crate::runs::SEARCH_DEPTH
    )]
    NoRuns {
        /// The paths given.
        paths: Vec<PathBuf>,
    },
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

/// An error with its causes, as one sentence.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
