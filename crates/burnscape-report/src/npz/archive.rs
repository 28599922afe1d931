//! The bytes of an NPZ file: a zip archive of NPY arrays, stored as they are.
//!
//! NPY 1.0 (NumPy Enhancement Proposal 1): the magic string, the version, the length of the header in two
//! bytes, the header as a Python dictionary padded with spaces to a multiple of 64 bytes, the elements in
//! row-major order.

use std::io::{self, Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Elements that are turned into bytes at a time.
const CHUNK: usize = 1 << 14;
/// The header, with all before it, is padded to a multiple of this.
const ALIGNMENT: usize = 64;

/// A number that NPY holds.
pub(super) trait Element: Copy {
    /// The type in NumPy's words.
    const DESCR: &'static str;

    /// Appends the bytes, least significant first.
    fn append(self, out: &mut Vec<u8>);
}

macro_rules! elements {
    ($($element:ident $descr:literal),*) => {
        $(impl Element for $element {
            const DESCR: &'static str = $descr;

            fn append(self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }
        })*
    };
}

elements! { u8 "|u1", u64 "<u8", f32 "<f4", f64 "<f8" }

/// A character of a text; the text says how many.
impl Element for char {
    const DESCR: &'static str = "<U";

    fn append(self, out: &mut Vec<u8>) {
        out.extend(u32::from(self).to_le_bytes());
    }
}

/// An NPZ file that is being written.
pub(super) struct Archive<W: Write + Seek> {
    zip: ZipWriter<W>,
}

impl<W: Write + Seek> Archive<W> {
    pub(super) fn new(file: W) -> Self {
        let zip = ZipWriter::new(file);
        Self { zip }
    }

    /// Adds an array; its values in row-major order.
    pub(super) fn array<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[T],
    ) -> io::Result<()> {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        self.entry(name, &header(T::DESCR, shape), values)
    }

    /// Adds a text: an array without dimensions, as many characters wide as the text is long.
    pub(super) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let characters: Vec<char> = text.chars().collect();
        let descr = format!("{}{}", char::DESCR, characters.len());
        self.entry(name, &header(&descr, &[]), &characters)
    }

    /// Writes what stands at the end of an archive and gives the file back.
    pub(super) fn finish(self) -> io::Result<W> {
        Ok(self.zip.finish()?)
    }

    /// Begins an array whose values [`go_on`](Self::go_on) gives.
    pub(super) fn begin<T: Element>(&mut self, name: &str, shape: &[usize]) -> io::Result<()> {
        let header = header(T::DESCR, shape);
        let values: usize = shape.iter().product();
        self.start(name, &header, header.len() + values * size_of::<T>())
    }

    fn entry<T: Element>(&mut self, name: &str, header: &[u8], values: &[T]) -> io::Result<()> {
        self.start(name, header, header.len() + size_of_val(values))?;
        self.go_on(values)
    }

    fn start(&mut self, name: &str, header: &[u8], bytes: usize) -> io::Result<()> {
        self.zip.start_file(format!("{name}.npy"), options(bytes))?;
        self.zip.write_all(header)
    }

    /// Appends values to the array that was begun.
    pub(super) fn go_on<T: Element>(&mut self, values: &[T]) -> io::Result<()> {
        let mut buffer = Vec::new();
        for chunk in values.chunks(CHUNK) {
            buffer.clear();
            chunk.iter().for_each(|value| value.append(&mut buffer));
            self.zip.write_all(&buffer)?;
        }
        Ok(())
    }
}

/// Not compressed, since weights hardly are compressible; without a date, so that the same run gives the
/// same bytes.
fn options(bytes: usize) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .large_file(u32::try_from(bytes).is_err())
}

fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let shape = tuple(shape);
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let before = MAGIC.len() + size_of::<u16>();
    let padded = (before + dictionary.len() + 1).next_multiple_of(ALIGNMENT) - before;
    let length = u16::try_from(padded).expect("a few numbers are shorter than 64 KiB");
    let spaces = padded - 1 - dictionary.len();
    let mut header = Vec::with_capacity(before + padded);
    header.extend(MAGIC);
    header.extend(length.to_le_bytes());
    header.extend(dictionary.as_bytes());
    header.extend(std::iter::repeat_n(b' ', spaces));
    header.push(b'\n');
    header
}

/// As Python writes it: `()`, `(3,)`, `(2, 3)`.
fn tuple(shape: &[usize]) -> String {
    match shape {
        [len] => format!("({len},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// And the version.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_padded_and_ends_with_a_line() {
        for shape in [&[][..], &[3], &[2, 3], &[usize::MAX, usize::MAX, usize::MAX]] {
            let header = header("<f8", shape);
            assert!(header.len().is_multiple_of(ALIGNMENT));
            assert_eq!(usize::from(u16::from_le_bytes([header[8], header[9]])), header.len() - 10);
            assert_eq!(header.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn headers_are_those_of_numpy() {
        // numpy.save of numpy 2.4.
        for (descr, shape, dictionary) in [
            ("<f8", &[2, 3][..], "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"),
            ("|u1", &[3], "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"),
            ("<U5", &[], "{'descr': '<U5', 'fortran_order': False, 'shape': (), }"),
        ] {
            assert!(header(descr, shape)[10..].starts_with(dictionary.as_bytes()), "{dictionary}");
        }
    }
}
