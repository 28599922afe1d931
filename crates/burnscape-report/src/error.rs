//! What can go wrong between a run and a foreign file, and what to do about it.

use std::io;
use std::path::PathBuf;

use safetensors::SafeTensorError;

/// An error of this crate: what happened, where, and what to do. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run cannot be read.
    #[error(transparent)]
    Trace(#[from] burnscape_trace::Error),

    /// There is nothing to export.
    #[error(
        "{} holds no loss surface that could be exported: `Probe::finish` records them when training \
         ends{}",
        run.display(),
        lost.iter().map(|sentence| format!("; {sentence}")).collect::<String>()
    )]
    NoSlices {
        /// The run folder.
        run: PathBuf,
        /// What the trace no longer holds, as sentences.
        lost: Vec<String>,
    },

    /// The run holds none of the figures that are asked for.
    #[error("{} holds {what}", run.display())]
    NoFigure {
        /// The run folder.
        run: PathBuf,
        /// What is missing, and how to record it.
        what: &'static str,
    },

    /// A figure of a size that no page has.
    #[error("{found} is no {what} of a figure: choose from {low} to {high}")]
    FigureSize {
        /// Which size.
        what: &'static str,
        /// What was asked for.
        found: f64,
        /// The least that is possible.
        low: f64,
        /// The most.
        high: f64,
    },

    /// A drawing could not be rendered.
    #[error("a drawing could not be turned into dots: {reason}; as svg it is written")]
    Render {
        /// What the renderer says.
        reason: String,
    },

    /// A page on nothing.
    #[error("name at least one run that the page is to tell about")]
    NoRuns,

    /// Steps did not fit into memory, and could not be put aside: they are read from the trace again instead.
    #[deprecated(note = "no function gives it any more")]
    #[error("could not put steps aside in {}: check that it has room", std::env::temp_dir().display())]
    Scratch(#[source] io::Error),

    /// The output folder is one that no export made.
    #[error(
        "{} is a folder that no export has made, and nothing in it was replaced: choose another name",
        path.display()
    )]
    OutputNotOurs {
        /// The output.
        path: PathBuf,
    },

    /// The output is there already.
    #[error("{} exists and nothing was overwritten; add --force to replace it", path.display())]
    OutputExists {
        /// The output.
        path: PathBuf,
    },

    /// The output is a folder, a device, or another thing that no file replaces.
    #[error("{} is not a file: name a file to write, such as `digits.npz`", path.display())]
    OutputNotAFile {
        /// The output.
        path: PathBuf,
    },

    /// The output is a file of the run itself.
    #[error("{} belongs to the run and was not overwritten: choose another name", path.display())]
    OutputInRun {
        /// The output.
        path: PathBuf,
    },

    /// The output cannot be written.
    #[error(
        "could not write {}: check that its folder exists, that you may write there, and that the disk \
         has room",
        path.display()
    )]
    Write {
        /// The output.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A file with parameters is missing, damaged or of another model.
    #[error(
        "slice {slice} needs the file {file:?} for its directions and cannot use it; without \
         --with-directions everything else is exported"
    )]
    ParameterFile {
        /// The slice.
        slice: u32,
        /// The file as the trace names it.
        file: String,
        /// What is wrong with it.
        source: FileProblem,
    },

    /// Nothing tells the parameters at the centre of a slice.
    #[error(
        "the trace names no snapshot{} with the centre of slice {slice}, so its directions cannot be \
         given back; without --with-directions everything else is exported",
        snapshot.map(|index| format!(" {index}")).unwrap_or_default()
    )]
    NoCentre {
        /// The slice.
        slice: u32,
        /// The snapshot that the slice names and the trace lacks.
        snapshot: Option<u64>,
    },

    /// A direction is neither in a file nor random.
    #[error(
        "slice {slice} names neither a file nor a seed for its direction {label:?}, so it cannot be \
         given back; without --with-directions everything else is exported"
    )]
    NoDirection {
        /// The slice.
        slice: u32,
        /// Label of the axis.
        label: String,
    },

    /// A word of the provenance that this version does not know.
    #[error(
        "slice {slice} was made with {field} {word:?}, which this version does not know: a newer one \
         may; without --with-directions everything else is exported"
    )]
    UnknownWord {
        /// The slice.
        slice: u32,
        /// Field of the record.
        field: &'static str,
        /// What it says.
        word: String,
    },

    /// The layout in the head is none.
    #[error(
        "the head of the trace describes no parameters that directions could follow: {reason}; without \
         --with-directions everything else is exported"
    )]
    Layout {
        /// What is wrong, as a sentence.
        reason: String,
    },

    /// A direction that was made again is not the one of the trace.
    #[error(
        "direction {direction} of slice {slice} has length {found} and the trace says {expected}: the \
         snapshots or directions were changed, or another version drew it; without --with-directions \
         everything else is exported"
    )]
    Length {
        /// The slice.
        slice: u32,
        /// 1 or 2.
        direction: u8,
        /// Length in the trace.
        expected: f64,
        /// Length of what the files or the seed give.
        found: f64,
    },

    /// A direction that has no mathematical answer.
    #[error(
        "the directions of slice {slice} cannot be made again; without --with-directions everything \
         else is exported"
    )]
    Mathematics {
        /// The slice.
        slice: u32,
        /// Why.
        source: burnscape_landscape::Error,
    },
}

/// What is wrong with a file of parameters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// Its name leads out of the run folder.
    #[error(transparent)]
    Outside(burnscape_trace::Error),

    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),

    /// It is a folder, a pipe, or another thing.
    #[error("it is not a file")]
    NotAFile,

    /// It has another size than the trace says.
    #[error("it has {found} bytes and should have {expected}")]
    Size {
        /// Bytes as recorded.
        expected: u64,
        /// Bytes found.
        found: u64,
    },

    /// It has another checksum than the trace says.
    #[error("its checksum is {found:08x} and should be {expected:08x}: it was changed")]
    Checksum {
        /// CRC-32 as recorded.
        expected: u32,
        /// CRC-32 found.
        found: u32,
    },

    /// It is no whole safetensors file.
    #[error("it is no whole safetensors file")]
    Format(#[source] SafeTensorError),

    /// A tensor is missing.
    #[error("it has no tensor {name:?}")]
    NoTensor {
        /// Name of the tensor.
        name: String,
    },

    /// A tensor has another shape than the layout.
    #[error("its tensor {name:?} has shape {found:?} and should have {expected:?}")]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Shape in the layout.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },

    /// A tensor is not made of floats.
    #[error("its tensor {name:?} has elements of type {found}, which are no f16, bf16, f32 or f64")]
    ElementType {
        /// Name of the tensor.
        name: String,
        /// The type as the file calls it.
        found: String,
    },
}
