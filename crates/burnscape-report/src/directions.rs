//! Centre and directions of a slice: from its file, or made again from seeds and a snapshot.

use burnscape_landscape::direction::{self, Biases, DirectionOptions, Normalisation};
use burnscape_landscape::layout::Layout;
use burnscape_trace::{self as trace, Axis, BiasMode, Slice};

use crate::layout::Layouts;
use crate::run::Run;
use crate::{Error, FileProblem, tensors};

/// A vector that was rounded to f32 has its length to about 10⁻⁷.
const LENGTH_TOLERANCE: f64 = 1e-6;

/// The flat directions of a slice: node (α, β) is the model with `centre + α·d1 + β·d2`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Directions {
    pub(crate) d1: Vec<f32>,
    /// `None` on a line.
    pub(crate) d2: Option<Vec<f32>>,
}

/// The model at (0, 0).
#[derive(Debug)]
pub(crate) struct Centre {
    pub(crate) parameters: Vec<f32>,
    /// Those of every node: no direction moves them.
    pub(crate) buffers: Vec<f32>,
}

impl Centre {
    pub(crate) fn has_bits_of(&self, other: &Self) -> bool {
        same_bits(&self.parameters, &other.parameters) && same_bits(&self.buffers, &other.buffers)
    }
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The model at (0, 0): parameters from the file of the slice where it has some, the rest from a snapshot.
pub(crate) fn centre(run: &Run, layouts: &Layouts, slice: &Slice) -> Result<Centre, Error> {
    let Some(file) = &slice.directions else {
        return snapshot_centre(run, layouts, slice);
    };
    match from_file(run, &layouts.parameters, slice, file, ["centre"])? {
        [Some(parameters)] => {
            let buffers = buffers_beside(run, layouts, slice, file)?;
            Ok(Centre { parameters, buffers })
        }
        [None] => snapshot_centre(run, layouts, slice),
    }
}

/// The file of a slice holds the buffers of its centre only where no snapshot does.
fn buffers_beside(
    run: &Run,
    layouts: &Layouts,
    slice: &Slice,
    file: &str,
) -> Result<Vec<f32>, Error> {
    if layouts.buffers.blocks().is_empty() {
        return Ok(Vec::new());
    }
    if slice.centre_snapshot.is_some() {
        return Ok(snapshot_centre(run, layouts, slice)?.buffers);
    }
    let found = tensors::buffers(run.folder(), file, &layouts.buffers);
    found.map_err(|problem| file_error(slice, file, problem))
}

/// The directions from there.
pub(crate) fn directions(
    run: &Run,
    layout: &Layout,
    slice: &Slice,
    centre: &[f32],
) -> Result<Directions, Error> {
    let directions = match &slice.directions {
        Some(file) => given(run, layout, slice, file)?,
        None => drawn(layout, slice, centre)?,
    };
    check_length(slice, 1, &slice.x, &directions.d1)?;
    if let (Some(y), Some(d2)) = (&slice.y, &directions.d2) {
        check_length(slice, 2, y, d2)?;
    }
    Ok(directions)
}

fn given(run: &Run, layout: &Layout, slice: &Slice, file: &str) -> Result<Directions, Error> {
    let [d1, d2] = from_file(run, layout, slice, file, ["d1", "d2"])?;
    let required = |vector: Option<Vec<f32>>, name: &str| {
        let problem = || FileProblem::NoTensor { name: name.to_owned() };
        vector.ok_or_else(|| file_error(slice, file, problem()))
    };
    let d1 = required(d1, "d1")?;
    let d2 = slice.y.as_ref().map(|_| required(d2, "d2")).transpose()?;
    Ok(Directions { d1, d2 })
}

fn from_file<const N: usize>(
    run: &Run,
    layout: &Layout,
    slice: &Slice,
    file: &str,
    names: [&str; N],
) -> Result<[Option<Vec<f32>>; N], Error> {
    let vectors = tensors::vectors(run.folder(), file, names, layout.len());
    vectors.map_err(|problem| file_error(slice, file, problem))
}

fn snapshot_centre(run: &Run, layouts: &Layouts, slice: &Slice) -> Result<Centre, Error> {
    let number = slice.centre_snapshot;
    let record = number.and_then(|number| run.snapshots.get(&number));
    let record = record.ok_or(Error::NoCentre { slice: slice.slice, snapshot: number })?;
    let flat = tensors::snapshot(run.folder(), record, layouts);
    let [parameters, buffers] = flat.map_err(|problem| file_error(slice, &record.file, problem))?;
    Ok(Centre { parameters, buffers })
}

fn file_error(slice: &Slice, file: &str, source: FileProblem) -> Error {
    Error::ParameterFile { slice: slice.slice, file: file.to_owned(), source }
}

fn drawn(layout: &Layout, slice: &Slice, centre: &[f32]) -> Result<Directions, Error> {
    let mathematics = |source| Error::Mathematics { slice: slice.slice, source };
    let options = options(slice)?;
    let draw = |axis| {
        let seed = seed(slice, axis)?;
        direction::random(layout, centre, seed, &options).map_err(mathematics)
    };
    let d1 = draw(&slice.x)?;
    let mut d2 = slice.y.as_ref().map(draw).transpose()?;
    if let (true, Some(d2)) = (slice.orthogonalised, &mut d2) {
        direction::orthogonalise(&d1, d2).map_err(mathematics)?;
    }
    Ok(Directions { d1, d2 })
}

fn seed(slice: &Slice, axis: &Axis) -> Result<u64, Error> {
    let no_direction = || Error::NoDirection { slice: slice.slice, label: axis.label.clone() };
    axis.seed.ok_or_else(no_direction)
}

fn options(slice: &Slice) -> Result<DirectionOptions, Error> {
    let unknown =
        |field, word: &str| Error::UnknownWord { slice: slice.slice, field, word: word.to_owned() };
    let normalisation = match &slice.normalisation {
        trace::Normalisation::Filter => Normalisation::Filter,
        trace::Normalisation::Layer => Normalisation::Layer,
        trace::Normalisation::Weight => Normalisation::Weight,
        trace::Normalisation::None => Normalisation::None,
        word => return Err(unknown("normalisation", word)),
    };
    let biases = match &slice.biases {
        BiasMode::Ignored => Biases::Ignored,
        BiasMode::Kept => Biases::Kept,
        BiasMode::Filter => Biases::Filter,
        word => return Err(unknown("biases", word)),
    };
    Ok(DirectionOptions { normalisation, biases, move_frozen: slice.moves_frozen })
}

/// The trace holds the length of each direction: what is exported is what was measured along.
fn check_length(slice: &Slice, direction: u8, axis: &Axis, vector: &[f32]) -> Result<(), Error> {
    let expected = axis.direction_norm;
    let found = direction::norm(vector);
    // Left out, it is 0.
    let known = expected.is_finite() && expected > 0.0;
    if known && (found - expected).abs() > LENGTH_TOLERANCE * expected {
        return Err(Error::Length { slice: slice.slice, direction, expected, found });
    }
    Ok(())
}
