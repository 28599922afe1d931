//! Several runs beside each other: one plane for all of them, lines, bends and swapped units between their models.

mod align;
mod barrier;
mod folder;
mod joint;
mod runs;
mod words;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::pca::Weigh;

use crate::landscape::Landscape;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;
use crate::study::Study;
use crate::study::batches::Batches;
use crate::study::slice_spec::SliceSpec;
use crate::{Result, Run};

pub use align::Aligned;
pub use barrier::{BarrierLine, Barriers};
pub use joint::JointPlane;
pub use runs::{ComparedRun, Runs};

/// What is measured around the models of several runs of one structure: a study whose snapshots are those of all of them,
/// recorded in a run folder of its own.
///
/// # Examples
///
/// ```no_run
/// use burn::module::Module;
/// use burn::train::InferenceStep;
/// use burnscape::Runs;
///
/// fn compare<M>(model: &M, batches: Vec<<M as InferenceStep>::Input>) -> burnscape::Result<()>
/// where
///     M: InferenceStep + Module,
///     <M as InferenceStep>::Input: Clone,
/// {
///     let runs = Runs::open(["runs/sgd", "runs/momentum", "runs/adam"])?;
///     let ends: Vec<_> = runs.iter().map(|run| run.last()).collect();
///     let mut comparison = runs.study("runs/optimizers", model, &batches)?;
///     comparison.joint_plane()?; // one plane, one surface, all paths
///     comparison.through(&ends[0], &ends[1], &ends[2])?; // three models in one plane
///     let line = comparison.barrier(&ends[0], &ends[1])?; // how high the loss climbs between
///     println!("{}", line.sentences.join(" "));
///     comparison.finish()?;
///     Ok(())
/// }
/// ```
#[must_use = "measure with it, then call `finish`"]
pub struct Comparison<'a, M: InferenceStep> {
    study: Study<'a, M>,
    runs: Runs,
}

impl Runs {
    /// Begins to compare: makes a run folder, or the next free one, that holds the snapshots of all runs (linked, or copied
    /// where the file system links nothing) and goes on recording.
    ///
    /// `model` gives the structure and the device, as in [`Run::study`].
    ///
    /// # Errors
    ///
    /// As [`Run::study`]; also if the folder cannot be written.
    pub fn study<'a, M, B>(
        mut self,
        folder: impl AsRef<std::path::Path>,
        model: &M,
        batches: &B,
    ) -> Result<Comparison<'a, M>>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        let folder = folder::begin(folder.as_ref(), &self)?;
        let set = self.set.take();
        let run = Run::open(folder.path())?;
        let run = if let Some(set) = set { set(run) } else { run };
        let study = run.study(model, batches)?;
        Ok(Comparison { study, runs: self })
    }
}

impl<'a, M> Comparison<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// The runs, in their order.
    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// The study that all is measured by: further slices around points of the runs, further quantities such as an accuracy
    /// ([`Study::measure`]), validation data ([`Study::also_on`]).
    pub fn study(&mut self) -> &mut Study<'a, M> {
        &mut self.study
    }

    /// The plane in which all runs move most, each counting the same, with the loss on it and all paths: see
    /// [`joint_plane_of`](Self::joint_plane_of).
    ///
    /// # Errors
    ///
    /// As [`Study::slice`].
    pub fn joint_plane(&mut self) -> Result<JointPlane> {
        self.joint_plane_of(&SliceSpec::pca(), Weigh::Runs)
    }

    /// The plane through three models: at (0, 0), (1, 0) and (0, 1).
    ///
    /// # Errors
    ///
    /// As [`Study::slice`]; [`geometry::Error::ParallelDirections`](burnscape_landscape::Error::ParallelDirections) if they
    /// lie on one line.
    pub fn through(&mut self, a: &Point, b: &Point, c: &Point) -> Result<SliceSurface> {
        let spec = SliceSpec::through(a.clone(), b.clone(), c.clone());
        let names = [a, b, c].map(|point| self.runs.name_of(point));
        let conclude = |surface: &SliceSurface| {
            let mut findings = words::of_topology(surface);
            findings.sentences.insert(0, words::corners(&names));
            findings
        };
        match self.study.open_mut() {
            Some(open) => Ok(open.measure_as("through-three", &spec, conclude)?.0),
            None => self.study.slice(&spec),
        }
    }

    /// Checks that the model is as it was, and ends the comparison.
    ///
    /// # Errors
    ///
    /// As [`Study::finish`].
    pub fn finish(self) -> Result<Landscape> {
        self.study.finish()
    }
}
