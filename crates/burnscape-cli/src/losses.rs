//! What a trace has lost, as sentences with the bytes it concerns.

use burnscape_trace::{LossCause, Lost, Torn};

/// A stretch that could not be read.
pub(crate) fn lost(lost: &Lost) -> String {
    let Lost { offset, bytes, cause } = lost;
    match cause {
        LossCause::Damaged => {
            format!("damaged: {bytes} bytes from byte {offset} on belong to no record")
        }
        LossCause::Undecodable { message } => {
            let message = message.escape_debug();
            format!("unreadable: the record of {bytes} bytes at byte {offset} is none ({message})")
        }
    }
}

/// The end of a trace whose writer was stopped.
pub(crate) fn torn(torn: Torn) -> String {
    let Torn { offset, bytes } = torn;
    format!("torn: the last {bytes} bytes, from byte {offset} on, are an unfinished record")
}
