//! A run folder written by hand, and an NPZ file read by other means than those that wrote it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

use burnscape_landscape::layout::{Block, Filters, Layout, Role};
use burnscape_report::{Error, ExportOptions, Exported, Format, export};
use burnscape_trace::{
    self as trace, Axis, FORMAT, Head, Nodes, Record, RunFolder, Slice, Snapshot, Writer, record,
};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;
use tempfile::TempDir;
use zip::ZipArchive;

pub const WITH_DIRECTIONS: ExportOptions = ExportOptions { with_directions: true, ..WITHOUT };
pub const WITHOUT: ExportOptions = ExportOptions { force: true, ..ExportOptions::DEFAULT };

/// Path, shape, role and filter axis of the blocks of the model.
const BLOCKS: [(&str, &[u64], &str, Option<u8>); 3] = [
    ("fc.weight", &[2, 3], "weight", Some(1)),
    ("fc.bias", &[3], "bias", None),
    ("out.weight", &[3, 2], "weight", Some(1)),
];

/// A buffer of two entries beside them.
pub const BUFFER: &str = "norm.running_mean";

/// The parameters of the model, in the order of the layout.
pub fn parameters(factor: f32) -> Vec<f32> {
    (0_u8..15).map(|index| factor * (f32::from(index) - 4.25)).collect()
}

/// The layout, not by way of a head.
pub fn layout() -> Layout {
    let block = |(path, shape, role, axis): &(&str, &[u64], &str, Option<u8>)| {
        let shape: Vec<usize> = shape.iter().map(|&len| len as usize).collect();
        let role = if *role == "bias" { Role::Bias } else { Role::Weight };
        let filters = axis.map_or(Filters::Whole, |axis| Filters::Axis(usize::from(axis)));
        Block { role, filters, ..Block::new(path, "Linear", &shape, None) }
    };
    Layout::new(BLOCKS.iter().map(block).collect()).unwrap()
}

pub fn head() -> Head {
    let mut offset = 0;
    let mut blocks = Vec::new();
    for (path, shape, role, filter_axis) in BLOCKS {
        blocks.push(record!(trace::Block {
            path: path.into(),
            shape: shape.to_vec(),
            role: role.into(),
            container: "Linear".into(),
            filter_axis,
            groups: 1,
            offset,
        }));
        offset += shape.iter().product::<u64>();
    }
    let buffers = vec![record!(trace::Buffer { path: BUFFER.into(), shape: vec![2] })];
    record!(Head { format: FORMAT, run_id: "ab".into(), blocks, buffers })
}

/// Nodes at -0.5, 0 and 0.5, and so on for other counts.
pub fn axis(count: u64) -> Axis {
    record!(Axis { first: -1, count, spacing: 0.5 })
}

pub fn seeded(count: u64, seed: u64) -> Axis {
    let label = format!("random {seed}");
    record!(Axis { label, kind: "random".into(), seed: Some(seed), ..axis(count) })
}

/// A plane of 3 × 2 nodes with random directions around snapshot 1.
pub fn plane(slice: u32) -> Slice {
    record!(Slice {
        slice,
        name: "random".into(),
        centre: "final".into(),
        centre_snapshot: Some(1),
        x: seeded(3, 2),
        y: Some(seeded(2, 3)),
        normalisation: "filter".into(),
        biases: "ignored".into(),
    })
}

pub fn nodes(slice: u32, index: Vec<u32>, loss: Vec<f64>) -> Nodes {
    let stderr = vec![0.125; loss.len()];
    record!(Nodes { slice, index: index.into(), loss: loss.into(), stderr: stderr.into() })
}

/// A run that goes away with the test.
pub struct TestRun {
    dir: TempDir,
    pub folder: RunFolder,
    writer: Writer,
}

impl TestRun {
    /// With a head and nothing else.
    pub fn new() -> Self {
        Self::with_head(head())
    }

    pub fn with_head(head: Head) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(dir.path().join("runs/digits")).unwrap();
        let writer = Writer::create(&folder).unwrap();
        let mut run = Self { dir, folder, writer };
        run.add(head);
        run
    }

    /// With an initial and a final snapshot.
    pub fn with_snapshots() -> Self {
        let mut run = Self::new();
        run.snapshot(0, "initial", &parameters(0.5));
        run.snapshot(1, "final", &parameters(1.0));
        run
    }

    pub fn add(&mut self, record: impl Into<Record>) -> &mut Self {
        self.writer.append(&record.into()).unwrap();
        self
    }

    pub fn snapshot(&mut self, index: u64, reason: &str, values: &[f32]) -> &mut Self {
        self.snapshot_as(index, reason, Dtype::F32, &f32_bytes(values))
    }

    /// A snapshot whose elements have the bytes given; the buffer has the values of the first two.
    pub fn snapshot_as(
        &mut self,
        index: u64,
        reason: &str,
        dtype: Dtype,
        bytes: &[u8],
    ) -> &mut Self {
        let width = bytes.len() / 15;
        let mut rest = bytes;
        let mut tensors = vec![(BUFFER.to_owned(), vec![2], bytes[..2 * width].to_vec())];
        for (path, shape, ..) in BLOCKS {
            let shape: Vec<usize> = shape.iter().map(|&len| len as usize).collect();
            let (own, others) = rest.split_at(shape.iter().product::<usize>() * width);
            tensors.push((path.to_owned(), shape, own.to_vec()));
            rest = others;
        }
        let bytes = safetensors_bytes(dtype, &tensors);
        let file = RunFolder::snapshot_file(index);
        fs::write(self.folder.snapshot_path(index), &bytes).unwrap();
        self.add(record!(Snapshot {
            index,
            reason: reason.into(),
            file,
            bytes: bytes.len() as u64,
            crc32: crc32fast::hash(&bytes),
        }))
    }

    /// A file with flat vectors by name.
    pub fn directions(&self, slice: u32, vectors: &[(&str, &[f32])]) -> String {
        let tensor = |(name, values): &(&str, &[f32])| {
            ((*name).to_owned(), vec![values.len()], f32_bytes(values))
        };
        let bytes = safetensors_bytes(Dtype::F32, &vectors.iter().map(tensor).collect::<Vec<_>>());
        fs::create_dir_all(self.folder.directions_dir()).unwrap();
        fs::write(self.folder.directions_path(slice), bytes).unwrap();
        RunFolder::directions_file(slice)
    }

    pub fn out(&self) -> PathBuf {
        self.dir.path().join("digits.npz")
    }

    /// What was added is in the trace.
    pub fn flush(&mut self) {
        self.writer.flush().unwrap();
    }

    /// Exports to a file or folder of the format's name.
    pub fn export_as(&mut self, format: Format) -> Result<Exported, Error> {
        self.writer.flush().unwrap();
        let out = self.out().with_extension(format.name());
        export(self.folder.path(), format, &WITHOUT, &out)
    }

    pub fn export(&mut self, options: ExportOptions) -> Result<Exported, Error> {
        self.writer.flush().unwrap();
        export(self.folder.path(), Format::Npz, &options, &self.out())
    }

    /// Exports, and reads back.
    pub fn npz(&mut self, options: ExportOptions) -> Npz {
        self.export(options).unwrap();
        Npz::open(File::open(self.out()).unwrap())
    }

    /// The error of an export with directions, as the command prints it.
    pub fn refusal(&mut self) -> String {
        let error = self.export(WITH_DIRECTIONS).unwrap_err();
        assert!(!self.out().exists(), "nothing is written");
        sentences(&error)
    }
}

/// An error with its causes.
pub fn sentences(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|source| format!(": {}", sentences(source)));
    format!("{error}{}", cause.unwrap_or_default())
}

pub fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn safetensors_bytes(dtype: Dtype, tensors: &[(String, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

/// An array as it lies in the file.
#[derive(Debug, PartialEq)]
pub struct Array {
    pub descr: String,
    pub shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    /// By the description of the format: NumPy Enhancement Proposal 1.
    fn parse(npy: &[u8]) -> Self {
        assert_eq!(&npy[..8], b"\x93NUMPY\x01\x00");
        let length = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
        let header = str::from_utf8(&npy[10..10 + length]).unwrap();
        assert!(header.contains("'fortran_order': False"), "{header}");
        let between = |start: &str, end: char| {
            let rest = header.split_once(start).unwrap().1;
            rest.split_once(end).unwrap().0.to_owned()
        };
        let shape = between("'shape': (", ')');
        let shape = shape.split(',').map(str::trim).filter(|len| !len.is_empty());
        Self {
            descr: between("'descr': '", '\''),
            shape: shape.map(|len| len.parse().unwrap()).collect(),
            bytes: npy[10 + length..].to_vec(),
        }
    }

    fn elements<const N: usize, T>(&self, descr: &str, value: fn([u8; N]) -> T) -> Vec<T> {
        assert_eq!(self.descr, descr);
        let (values, rest) = self.bytes.as_chunks::<N>();
        assert!(rest.is_empty());
        assert_eq!(values.len(), self.shape.iter().product::<usize>());
        values.iter().copied().map(value).collect()
    }
}

/// An archive in memory.
pub struct Npz(pub BTreeMap<String, Array>);

impl Npz {
    pub fn open(file: File) -> Self {
        let mut archive = ZipArchive::new(file).unwrap();
        let mut arrays = BTreeMap::new();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let name = entry.name().unwrap().strip_suffix(".npy").unwrap().to_owned();
            let mut npy = Vec::new();
            entry.read_to_end(&mut npy).unwrap();
            arrays.insert(name, Array::parse(&npy));
        }
        Self(arrays)
    }

    pub fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub fn shape(&self, key: &str) -> &[usize] {
        &self.0[key].shape
    }

    pub fn f64s(&self, key: &str) -> Vec<f64> {
        self.0[key].elements("<f8", f64::from_le_bytes)
    }

    /// The losses as text, in which NaN equals NaN.
    pub fn words(&self, key: &str) -> Vec<String> {
        self.f64s(key).iter().map(f64::to_string).collect()
    }

    pub fn f32s(&self, key: &str) -> Vec<f32> {
        self.0[key].elements("<f4", f32::from_le_bytes)
    }

    pub fn u64s(&self, key: &str) -> Vec<u64> {
        self.0[key].elements("<u8", u64::from_le_bytes)
    }

    pub fn u8s(&self, key: &str) -> Vec<u8> {
        self.0[key].elements("|u1", u8::from_le_bytes)
    }

    pub fn json(&self, key: &str) -> Value {
        let Array { descr, shape, bytes } = &self.0[key];
        let (characters, _) = bytes.as_chunks::<4>();
        assert_eq!((descr, &shape[..]), (&format!("<U{}", characters.len()), &[][..]));
        let text: String = characters
            .iter()
            .map(|character| char::from_u32(u32::from_le_bytes(*character)).unwrap())
            .collect();
        serde_json::from_str(&text).unwrap()
    }
}
