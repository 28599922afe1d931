//! Vectors as long as the parameters in a file of `f32`, written and read piece by piece.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use burnscape_landscape::pca::DirectionStore;

use super::tensors::{convert, f32_bytes};
use crate::{Error, Result};

/// A file that holds vectors, open as long as somebody reads them.
#[derive(Debug)]
struct VectorFile {
    path: PathBuf,
    file: Mutex<File>,
    /// Nobody needs it afterwards.
    is_temporary: bool,
}

impl Drop for VectorFile {
    fn drop(&mut self) {
        if self.is_temporary {
            // What is left over takes room and does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl VectorFile {
    /// Does something at a place in the file, which nobody else moves meanwhile.
    fn at<T>(
        &self,
        byte: u64,
        act: impl FnOnce(&mut File) -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(byte))?;
        act(&mut file)
    }
}

/// One vector in a file.
#[derive(Debug, Clone)]
pub(crate) struct StoredVector {
    file: Arc<VectorFile>,
    /// Where it begins, in bytes.
    begins: u64,
}

impl StoredVector {
    /// The vectors that begin at these bytes of a file.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`] if it cannot be opened.
    pub fn in_file(path: &Path, begin: &[u64]) -> Result<Vec<Self>> {
        let file = File::open(path).map_err(|error| read_error(path, &error))?;
        let (path, is_temporary) = (path.to_path_buf(), false);
        let file = Arc::new(VectorFile { path, file: Mutex::new(file), is_temporary });
        Ok(begin.iter().map(|&begins| Self { file: file.clone(), begins }).collect())
    }

    /// Entries `start..start + out.len()`.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`].
    pub fn read(&self, start: usize, out: &mut [f32]) -> Result<()> {
        let mut bytes = vec![0; size_of_val(out)];
        let at = self.begins + (start * size_of::<f32>()) as u64;
        let read = self.file.at(at, |file| file.read_exact(&mut bytes));
        read.map_err(|error| read_error(&self.file.path, &error))?;
        convert(&bytes, out, f32::from_le_bytes);
        Ok(())
    }
}

/// Principal directions on their way into a file of their own, which is there as long as one of them is in use.
#[derive(Debug)]
pub(crate) struct StoredDirections {
    file: Arc<VectorFile>,
    dims: usize,
    failed: Option<Error>,
}

impl StoredDirections {
    /// Vectors with so many entries; what was in the file before is gone.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotWrite`].
    pub fn create(path: &Path, dims: usize) -> Result<Self> {
        let create = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(true).open(path)
        };
        let file = create().map_err(|error| write_error(path, &error))?;
        let (path, is_temporary) = (path.to_path_buf(), true);
        let file = Arc::new(VectorFile { path, file: Mutex::new(file), is_temporary });
        Ok(Self { file, dims, failed: None })
    }

    /// The first vectors.
    ///
    /// # Errors
    ///
    /// The first one of writing or reading any of them.
    pub fn into_vectors(self, count: usize) -> Result<Vec<StoredVector>> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok((0..count).map(|number| self.vector(number)).collect()),
        }
    }

    fn vector(&self, number: usize) -> StoredVector {
        let begins = (number * self.dims * size_of::<f32>()) as u64;
        StoredVector { file: self.file.clone(), begins }
    }
}

impl DirectionStore for StoredDirections {
    fn write(&mut self, component: usize, start: usize, entries: &[f32]) {
        let at = self.vector(component).begins + (start * size_of::<f32>()) as u64;
        let written = self.file.at(at, |file| file.write_all(&f32_bytes(entries)));
        if let Err(error) = written {
            self.failed.get_or_insert_with(|| write_error(&self.file.path, &error));
        }
    }

    fn read(&mut self, component: usize, start: usize, out: &mut [f32]) {
        if let Err(error) = self.vector(component).read(start, out) {
            out.fill(0.0);
            self.failed.get_or_insert(error);
        }
    }
}

fn read_error(path: &Path, error: &std::io::Error) -> Error {
    Error::SnapshotRead { file: path.to_path_buf(), reason: error.to_string() }
}

fn write_error(path: &Path, error: &std::io::Error) -> Error {
    Error::SnapshotWrite { file: path.to_path_buf(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_from_a_file_that_goes_with_the_last_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("directions").join("components.tmp");
        let mut store = StoredDirections::create(&path, 5).unwrap();
        store.write(1, 0, &[5.0, 6.0, 7.0, 8.0, 9.0]);
        store.write(0, 2, &[2.5, f32::NAN, -0.0]);
        store.write(0, 0, &[1.0, 2.0]);
        let mut found = [0.0; 3];
        store.read(0, 1, &mut found);
        assert_eq!((found[0], found[1], found[2].is_nan()), (2.0, 2.5, true));
        let vectors = store.into_vectors(2).unwrap();
        vectors[1].read(2, &mut found).unwrap();
        assert_eq!(found, [7.0, 8.0, 9.0]);
        assert!(vectors[1].read(3, &mut found).is_err(), "it ends before");
        assert!(path.is_file());
        drop(vectors);
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_read_or_written_is_told_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = StoredDirections::create(&folder.path().join("d"), 4).unwrap();
        let mut found = [1.0; 2];
        store.read(3, 0, &mut found);
        assert_eq!(found, [0.0; 2]);
        assert!(matches!(store.into_vectors(1), Err(Error::SnapshotRead { .. })));
    }
}
