//! Where snapshots are read from: files, or memory.

use std::convert::Infallible;

use crate::error::{Error, check_length};

/// T snapshots of P parameters, readable piece by piece: from files, or from memory.
pub trait Snapshots {
    /// Why a piece cannot be read.
    type Error;

    /// Number of snapshots, T.
    fn count(&self) -> usize;

    /// Number of parameters in each, P.
    fn dims(&self) -> usize;

    /// Fills `out` with the parameters `start..start + out.len()` of one snapshot.
    ///
    /// Pieces are asked for in ascending order of `start`, and for each of them all snapshots in turn, once
    /// over the whole length in each read that [`pca`](super::pca), [`scores`](super::scores) and
    /// [`LivePca::push`](super::LivePca::push) speak of. All calls come from the thread that called these.
    ///
    /// # Errors
    ///
    /// If the piece cannot be read.
    fn read(&mut self, snapshot: usize, start: usize, out: &mut [f32]) -> Result<(), Self::Error>;
}

/// Snapshots that are in memory already.
#[derive(Debug, Clone)]
pub struct InMemory<'a> {
    pub(super) snapshots: Vec<&'a [f32]>,
}

impl<'a> InMemory<'a> {
    /// Snapshots in the order of training.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if they are not equally long.
    pub fn new(snapshots: impl IntoIterator<Item = &'a [f32]>) -> Result<Self, Error> {
        let snapshots: Vec<&[f32]> = snapshots.into_iter().collect();
        let dims = snapshots.first().map_or(0, |first| first.len());
        for snapshot in &snapshots {
            check_length("a snapshot", dims, snapshot.len())?;
        }
        Ok(Self { snapshots })
    }
}

impl Snapshots for InMemory<'_> {
    type Error = Infallible;

    fn count(&self) -> usize {
        self.snapshots.len()
    }

    fn dims(&self) -> usize {
        self.snapshots.first().map_or(0, |first| first.len())
    }

    fn read(&mut self, snapshot: usize, start: usize, out: &mut [f32]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.snapshots[snapshot][start..start + out.len()]);
        Ok(())
    }
}
