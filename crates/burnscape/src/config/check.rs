//! Refuses a setting, in one form of words.

use crate::{Error, Result};

/// Refuses a setting unless `holds`.
pub(crate) fn check(
    setting: &'static str,
    holds: bool,
    found: &dyn std::fmt::Display,
    expected: &'static str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Setting { setting, found: found.to_string(), expected })
}
