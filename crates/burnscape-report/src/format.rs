//! The formats by name.

use std::fmt;
use std::str::FromStr;

/// A format of other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// NumPy's archive of arrays, for `numpy.load`.
    Npz,
    /// Tables, a file each, in a folder.
    Csv,
    /// One document with everything.
    Json,
    /// VTK's legacy format, for ParaView, a file per slice in a folder.
    Vtk,
    /// Event files for TensorBoard in a folder.
    Tensorboard,
    /// Figures for print, a file each in a folder.
    Svg,
    /// The same drawings as dots.
    Png,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Npz, Self::Csv, Self::Json, Self::Vtk, Self::Tensorboard, Self::Svg, Self::Png];

    /// The name; of a file, also the usual ending of its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Npz => "npz",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Vtk => "vtk",
            Self::Tensorboard => "tensorboard",
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    /// It is a folder of files, else one file.
    #[must_use]
    pub fn is_folder(self) -> bool {
        !matches!(self, Self::Npz | Self::Json)
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
        assert_eq!(
            error.to_string(),
            "`gif` is no format to export: npz, csv, json, vtk, tensorboard, svg, png"
        );
    }
}
