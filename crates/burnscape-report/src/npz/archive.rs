//! The bytes of an NPZ file: a zip archive of NPY arrays, stored as they are.
//!
//! NPY 1.0 (NumPy Enhancement Proposal 1): the magic string, the version, the length of the header in two
//! bytes, the header as a Python dictionary padded with spaces to a multiple of 64 bytes, the elements in
//! row-major order.

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

use crc32fast::Hasher;

use super::stored::{Entry, directory};

/// Bytes of an array that are written at a time.
const CHUNK_BYTES: usize = 32 << 10;
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

/// An NPZ file that is being written; several of its arrays may be at once.
pub(super) struct Archive<W: Write + Seek> {
    file: W,
    /// Where the next entry begins.
    end: u64,
    entries: Vec<Entry>,
}

/// Where an array goes whose values are told piece by piece.
pub(super) struct Place {
    entry: usize,
    /// Where the next bytes go, and where the last ones end.
    bytes: Range<u64>,
    hasher: Hasher,
    /// Bytes that are not written yet.
    pub(super) buffer: Vec<u8>,
}

impl<W: Write + Seek> Archive<W> {
    pub(super) fn new(file: W) -> Self {
        Self { file, end: 0, entries: Vec::new() }
    }

    /// Adds an array; its values in row-major order.
    pub(super) fn array<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[T],
    ) -> io::Result<()> {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        let place = self.reserve::<T>(name, shape);
        self.fill(place, values)
    }

    /// Adds a text: an array without dimensions, as many characters wide as the text is long.
    pub(super) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let characters: Vec<char> = text.chars().collect();
        let descr = format!("{}{}", char::DESCR, characters.len());
        let place = self.place(name, header(&descr, &[]), size_of_val(&characters[..]));
        self.fill(place, &characters)
    }

    /// Makes room for an array, whose values are put into its [buffer](Place::buffer) and [drained](Self::drain) from
    /// there until it is [closed](Self::close).
    pub(super) fn reserve<T: Element>(&mut self, name: &str, shape: &[usize]) -> Place {
        let values: usize = shape.iter().product();
        self.place(name, header(T::DESCR, shape), values * size_of::<T>())
    }

    fn place(&mut self, name: &str, header: Vec<u8>, bytes_of_values: usize) -> Place {
        let bytes = (header.len() + bytes_of_values) as u64;
        let entry = Entry { name: format!("{name}.npy"), at: self.end, bytes, crc32: 0 };
        let begin = self.end + entry.local_header().len() as u64;
        self.end = begin + bytes;
        self.entries.push(entry);
        let entry = self.entries.len() - 1;
        Place { entry, bytes: begin..self.end, hasher: Hasher::new(), buffer: header }
    }

    fn fill<T: Element>(&mut self, mut place: Place, values: &[T]) -> io::Result<()> {
        for chunk in values.chunks(CHUNK_BYTES / size_of::<T>()) {
            chunk.iter().for_each(|value| value.append(&mut place.buffer));
            self.drain(&mut place)?;
        }
        self.close(place)
    }

    /// Writes what stands in the buffer, when that is much.
    pub(super) fn drain(&mut self, place: &mut Place) -> io::Result<()> {
        if place.buffer.len() < CHUNK_BYTES { Ok(()) } else { self.write(place) }
    }

    fn write(&mut self, place: &mut Place) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(place.bytes.start))?;
        self.file.write_all(&place.buffer)?;
        place.hasher.update(&place.buffer);
        place.bytes.start += place.buffer.len() as u64;
        place.buffer.clear();
        Ok(())
    }

    /// Writes the rest of an array.
    ///
    /// # Errors
    ///
    /// Also where there are more or fewer values than its shape has.
    pub(super) fn close(&mut self, mut place: Place) -> io::Result<()> {
        self.write(&mut place)?;
        self.entries[place.entry].crc32 = place.hasher.finalize();
        match place.bytes.start == place.bytes.end {
            true => Ok(()),
            false => Err(io::Error::other("an array has other values than its shape says")),
        }
    }

    /// Writes what stands before the arrays and at the end of the archive, and gives the file back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        for entry in &self.entries {
            self.file.seek(SeekFrom::Start(entry.at))?;
            self.file.write_all(&entry.local_header())?;
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&directory(&self.entries, self.end))?;
        Ok(self.file)
    }
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
    use std::io::{Cursor, Read};

    use zip::ZipArchive;

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

    fn bytes_of(zip: &mut ZipArchive<impl Read + Seek>, name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn arrays_that_are_written_at_once_are_those_that_are_read() {
        let mut archive = Archive::new(Cursor::new(Vec::new()));
        let count = 3 * CHUNK_BYTES;
        let mut whole = archive.reserve::<u64>("whole", &[count]);
        let mut single = archive.reserve::<f32>("größe β", &[count, 1]);
        for number in 0..count {
            (number as u64).append(&mut whole.buffer);
            (number as f32).append(&mut single.buffer);
            archive.drain(&mut whole).unwrap();
            archive.drain(&mut single).unwrap();
        }
        archive.close(single).unwrap();
        archive.array("bytes", &[2], &[1_u8, 2]).unwrap();
        archive.close(whole).unwrap();
        let mut zip = ZipArchive::new(archive.finish().unwrap()).unwrap();
        let told: Vec<u8> = (0..count as u64).flat_map(u64::to_le_bytes).collect();
        assert!(bytes_of(&mut zip, "whole.npy").ends_with(&told));
        let told: Vec<u8> = (0..count).flat_map(|it| (it as f32).to_le_bytes()).collect();
        assert!(bytes_of(&mut zip, "größe β.npy").ends_with(&told));
        assert!(bytes_of(&mut zip, "bytes.npy").ends_with(&[1, 2]));
    }

    #[test]
    fn an_array_has_as_many_values_as_its_shape_says() {
        let mut archive = Archive::new(Cursor::new(Vec::new()));
        let place = archive.reserve::<u8>("few", &[1]);
        assert!(archive.close(place).is_err());
        let mut place = archive.reserve::<u8>("many", &[1]);
        place.buffer.extend([1, 2]);
        assert!(archive.close(place).is_err());
    }

    #[test]
    #[ignore = "writes 5 GiB"]
    fn arrays_of_more_than_4_gib_are_read_and_what_lies_behind_them() {
        let mut archive = Archive::new(tempfile::tempfile().unwrap());
        let bytes = 5_usize << 30;
        let mut wide = archive.reserve::<u8>("wide", &[bytes]);
        for _ in 0..bytes >> 20 {
            wide.buffer.resize(wide.buffer.len() + (1 << 20), 7);
            archive.drain(&mut wide).unwrap();
        }
        archive.close(wide).unwrap();
        archive.array("behind", &[2], &[1_u8, 2]).unwrap();
        let mut zip = ZipArchive::new(archive.finish().unwrap()).unwrap();
        assert!(bytes_of(&mut zip, "behind.npy").ends_with(&[1, 2]));
        let mut read = zip.by_name("wide.npy").unwrap();
        // Reading to the end holds the checksum against the bytes.
        let copied = io::copy(&mut read, &mut io::sink()).unwrap();
        assert_eq!(copied as usize, bytes + header("|u1", &[bytes]).len());
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
