//! Files of parameters: safetensors, checked before they are believed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use burnscape_landscape::layout::Layout;
use burnscape_trace::{RunFolder, Snapshot};
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::FileProblem;
use crate::layout::Layouts;

/// Stands before the paths of buffers in a directions file.
const BUFFER: &str = "buffer:";

/// Parameters and buffers of a snapshot, flat and as f32.
pub(crate) fn snapshot(
    folder: &RunFolder,
    record: &Snapshot,
    layouts: &Layouts,
) -> Result<[Vec<f32>; 2], FileProblem> {
    let bytes = read(folder, &record.file, Some(record.bytes))?;
    let found = crc32fast::hash(&bytes);
    if found != record.crc32 {
        return Err(FileProblem::Checksum { expected: record.crc32, found });
    }
    let tensors = parse(&bytes)?;
    Ok([flat(&tensors, &layouts.parameters, "")?, flat(&tensors, &layouts.buffers, "")?])
}

/// The buffers of a directions file, flat and as f32.
pub(crate) fn buffers(
    folder: &RunFolder,
    file: &str,
    layout: &Layout,
) -> Result<Vec<f32>, FileProblem> {
    let bytes = read(folder, file, None)?;
    flat(&parse(&bytes)?, layout, BUFFER)
}

/// The tensors of a layout, one after the other; their names begin with a prefix.
fn flat(tensors: &SafeTensors<'_>, layout: &Layout, prefix: &str) -> Result<Vec<f32>, FileProblem> {
    let mut flat = Vec::with_capacity(stored(tensors).min(layout.len()));
    for block in layout.blocks() {
        append(tensors, &format!("{prefix}{}", block.path), &block.shape, &mut flat)?;
    }
    Ok(flat)
}

/// The vectors of a directions file: those of `names` that it has, each of `len` entries.
pub(crate) fn vectors<const N: usize>(
    folder: &RunFolder,
    file: &str,
    names: [&str; N],
    len: usize,
) -> Result<[Option<Vec<f32>>; N], FileProblem> {
    let bytes = read(folder, file, None)?;
    let tensors = parse(&bytes)?;
    let mut found = [const { None }; N];
    for (slot, name) in found.iter_mut().zip(names) {
        if tensors.tensor(name).is_ok() {
            let mut vector = Vec::new();
            append(&tensors, name, &[len], &mut vector)?;
            *slot = Some(vector);
        }
    }
    Ok(found)
}

/// The bytes of a file of the run; one of another size than recorded is not read.
fn read(folder: &RunFolder, file: &str, expected: Option<u64>) -> Result<Vec<u8>, FileProblem> {
    let path = folder.resolve(file).map_err(FileProblem::Outside)?;
    check_is_file(&path)?;
    let mut file = File::open(path).map_err(FileProblem::Read)?;
    let found = file.metadata().map_err(FileProblem::Read)?.len();
    match expected {
        Some(expected) if expected != found => return Err(FileProblem::Size { expected, found }),
        _ => {}
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(FileProblem::Read)?;
    Ok(bytes)
}

/// To open a pipe would wait for somebody to write into it.
fn check_is_file(path: &Path) -> Result<(), FileProblem> {
    match path.metadata().map_err(FileProblem::Read)?.is_file() {
        true => Ok(()),
        false => Err(FileProblem::NotAFile),
    }
}

fn parse(bytes: &[u8]) -> Result<SafeTensors<'_>, FileProblem> {
    SafeTensors::deserialize(bytes).map_err(FileProblem::Format)
}

/// Elements in the file: a layout that claims more must not make us allocate.
fn stored(tensors: &SafeTensors<'_>) -> usize {
    tensors.tensors().iter().map(|(_, view)| view.data().len()).sum()
}

fn append(
    tensors: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
    out: &mut Vec<f32>,
) -> Result<(), FileProblem> {
    let no_tensor = |_| FileProblem::NoTensor { name: name.to_owned() };
    let tensor = tensors.tensor(name).map_err(no_tensor)?;
    if tensor.shape() != shape {
        return Err(FileProblem::Shape {
            name: name.to_owned(),
            expected: shape.to_vec(),
            found: tensor.shape().to_vec(),
        });
    }
    widen(&tensor, out).ok_or_else(|| FileProblem::ElementType {
        name: name.to_owned(),
        found: format!("{:?}", tensor.dtype()),
    })
}

fn widen(tensor: &TensorView<'_>, out: &mut Vec<f32>) -> Option<()> {
    let bytes = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => convert(bytes, out, f32::from_le_bytes),
        Dtype::F64 => convert(bytes, out, |value| f64::from_le_bytes(value) as f32),
        Dtype::F16 => convert(bytes, out, |value| f16::from_le_bytes(value).to_f32()),
        Dtype::BF16 => convert(bytes, out, |value| bf16::from_le_bytes(value).to_f32()),
        _ => return None,
    }
    Some(())
}

fn convert<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, value: impl Fn([u8; N]) -> f32) {
    let (values, _) = bytes.as_chunks::<N>();
    out.extend(values.iter().map(|&bytes| value(bytes)));
}
