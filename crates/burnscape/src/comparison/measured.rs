//! A comparison that is being measured: a study of all runs, in a run folder of its own.

use burn::module::Module;
use burn::train::InferenceStep;

use super::bend::KeptBend;
use super::folder;
use super::runs::Runs;
use crate::config::shard::refuse_under_variable;
use crate::landscape::Landscape;
use crate::study::Study;
use crate::study::batches::Batches;
use crate::{Result, Run};

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
    pub(super) study: Study<'a, M>,
    pub(super) runs: Runs,
    /// Those that were trained, so that they can be gone on with.
    pub(super) bends: Vec<KeptBend>,
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
        refuse_under_variable("a comparison of runs")?;
        let folder = folder::begin(folder.as_ref(), &self)?;
        let set = self.set.take();
        let run = Run::open(folder.path())?;
        let run = if let Some(set) = set { set(run) } else { run };
        let mut study = run.study(model, batches)?;
        if let Some(open) = study.open_mut() {
            open.name_snapshots(self.snapshot_names());
        }
        Ok(Comparison { study, runs: self, bends: Vec::new() })
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

    /// Checks that the model is as it was, and ends the comparison.
    ///
    /// # Errors
    ///
    /// As [`Study::finish`].
    pub fn finish(self) -> Result<Landscape> {
        self.study.finish()
    }
}
