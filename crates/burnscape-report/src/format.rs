//! The formats by name.

use std::fmt;
use std::str::FromStr;

/// A format of other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// NumPy's archive of arrays, for `numpy.load`.
    Npz,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Npz];

    /// The name, which is also the usual ending of a file name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Npz => "npz",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no format to export: {}", Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat {
    /// The word.
    pub found: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        let named = Self::ALL.into_iter().find(|format| format.name() == word);
        named.ok_or_else(|| UnknownFormat { found: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_the_format_back_and_another_word_lists_the_names() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "gif".parse::<Format>().unwrap_err();
        assert_eq!(error.to_string(), "`gif` is no format to export: npz");
    }
}
