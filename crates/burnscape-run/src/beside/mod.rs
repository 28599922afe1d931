//! Several runs side by side, from their traces alone: what was measured the same way is compared, what was not is named.

mod candidate;
mod conclusions;
mod error;
mod folder;
mod numbers;
mod pictures;
mod sides;
mod table;
#[cfg(test)]
mod tests;
mod way;

use std::path::Path;

pub use candidate::RunBeside;
pub use conclusions::{Row, Side, SideValue};
pub use error::CompareError;
pub use numbers::{MEASURES, measures_of};
pub use pictures::{Picture, PictureLayer};
pub use sides::Sides;
pub use table::{Table, table_of};
pub use way::slice_differences;

use candidate::Candidates;

/// Runs beside each other, whatever their models: pictures of slices that were measured the same way, and numbers with
/// intervals over seeds.
///
/// Slices are compared where all of this is equal: the centre, the grid in units of the directions, how random directions
/// were scaled, what biases and frozen parameters do, how BatchNorm is treated, where the loss comes from, and the samples,
/// by their fingerprint as far as that is known. Of several such slices of a run the first is compared with the first, and
/// so on. Directions that are a run's own, such as principal components, are not compared.
///
/// # Examples
///
/// ```no_run
/// use burnscape_run::{SideBySide, Sides};
///
/// let runs = ["runs/plain-1", "runs/plain-2", "runs/skips-1", "runs/skips-2"];
/// let beside = SideBySide::of(runs, &Sides::ByName)?; // plain and skips, two seeds each
/// beside.sentences().iter().for_each(|sentence| println!("{sentence}"));
/// beside.write("runs/plain-and-skips")?; // a run folder like any other
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SideBySide {
    runs: Vec<RunBeside>,
    sides: Vec<Side>,
    pictures: Vec<Picture>,
    left_out: Vec<String>,
    remarks: Vec<String>,
}

impl SideBySide {
    /// Reads runs by their folders. One that cannot be compared is left out and said, as is what of the others cannot.
    ///
    /// # Errors
    ///
    /// [`CompareError::TooFew`] with all reasons, if fewer than two runs can be compared; [`CompareError::EmptySide`].
    pub fn of(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        sides: &Sides,
    ) -> Result<Self, CompareError> {
        let mut candidates = Candidates::default();
        paths.into_iter().for_each(|path| candidates.take_in(path.as_ref()));
        let Candidates { mut runs, left_out } = candidates;
        if runs.len() < 2 {
            let reasons = left_out.join("; ");
            return Err(CompareError::TooFew { fit: runs.len(), reasons });
        }
        sides.assign(&mut runs)?;
        let mut remarks = candidate::structures(&runs);
        remarks.extend(numbers::drop_foreign_curvatures(&mut runs));
        let (pictures, further) = pictures::paired(&runs);
        remarks.extend(further);
        let sides = Side::all(&runs);
        Ok(Self { runs, sides, pictures, left_out, remarks })
    }

    /// The runs, in the order given.
    #[must_use]
    pub fn runs(&self) -> &[RunBeside] {
        &self.runs
    }

    /// The sides, in the order of their first runs.
    #[must_use]
    pub fn sides(&self) -> &[Side] {
        &self.sides
    }

    /// The slices that are compared, those of most runs first.
    #[must_use]
    pub fn pictures(&self) -> &[Picture] {
        &self.pictures
    }

    /// Why runs were left out, a sentence for each.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// What was not measured the same way, and what else there is to know before numbers are compared.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The table: numbers of the runs, then those of the slices of a picture; without rows of which nothing is known.
    #[must_use]
    pub fn rows(&self, picture: Option<&Picture>) -> Vec<Row> {
        conclusions::rows(&self.runs, &self.sides, picture)
    }

    /// What can be concluded: which differences lie beyond what seeds explain, and how far sharpness goes with validation
    /// loss over these runs.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let rows = self.rows(self.pictures.first());
        let mut sentences = conclusions::differences(&rows, &self.sides);
        sentences.extend(conclusions::correlations(&rows));
        sentences
    }
}
