//! What `finish` gives back: surfaces, trajectories, and what they mean in words.

mod in_short;
pub(crate) mod recording;
pub(crate) mod slice_surface;
pub(crate) mod summary;

use std::path::Path;

use burnscape_landscape::layout::Layout;
use burnscape_trace::{Plan, Study};

use self::summary as words;
use recording::Recording;
use slice_surface::SliceSurface;

/// The geometry of a finished run.
#[derive(Debug, Clone, Default)]
pub struct Landscape {
    slices: Vec<SliceSurface>,
    studies: Vec<Study>,
    recording: Recording,
    layout: Option<Layout>,
    curvatures: Vec<burnscape_trace::Curvature>,
    remarks: Vec<String>,
    problems: Vec<String>,
    plan: Option<Plan>,
    outlook: Option<String>,
}

impl Landscape {
    pub(crate) fn new(slices: Vec<SliceSurface>, studies: Vec<Study>, layout: Layout) -> Self {
        Self { slices, studies, layout: Some(layout), ..Self::default() }
    }

    /// The landscape of a run that has none, and why.
    pub(crate) fn of_nothing(recording: Recording, error: &crate::Error) -> Self {
        let mut landscape = Self::default();
        landscape.set_recording(recording);
        landscape.add_problem(error.to_string());
        landscape
    }

    pub(crate) fn set_recording(&mut self, recording: Recording) {
        self.problems.clone_from(&recording.problems);
        self.recording = recording;
    }

    fn add_problem(&mut self, sentence: String) {
        if !self.problems.contains(&sentence) {
            self.problems.push(sentence);
        }
    }

    /// The evaluated slices in the order in which they were asked for; from `finish`, `pca` and
    /// `random`. Empty from a disabled probe.
    pub fn slices(&self) -> &[SliceSurface] {
        &self.slices
    }

    /// What slices say about each other: agreement over seeds, initial against trained, scale sweeps.
    pub fn studies(&self) -> &[Study] {
        &self.studies
    }

    pub(crate) fn set_curvatures(
        &mut self,
        curvatures: Vec<burnscape_trace::Curvature>,
        remarks: Vec<String>,
    ) {
        (self.curvatures, self.remarks) = (curvatures, remarks);
    }

    pub(crate) fn set_plan(&mut self, plan: Option<Plan>, outlook: Option<String>) {
        (self.plan, self.outlook) = (plan, outlook);
    }

    /// What was going to be measured, where that was decided beforehand: by [`finish`](crate::Probe::finish) within its
    /// budget, or by a plan that was given. Given again ([`ProbeBuilder::plan`](crate::ProbeBuilder::plan)), it gives the
    /// same surfaces bit for bit, however long that takes.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// How far `finish` came and how to go on, if there is more to be measured.
    pub(crate) fn outlook(&self) -> Option<&str> {
        self.outlook.as_deref()
    }

    /// How curved the loss is around points that were asked about, in that order.
    pub fn curvatures(&self) -> &[burnscape_trace::Curvature] {
        &self.curvatures
    }

    /// What slices along eigenvectors say beside their eigenvalues.
    pub(crate) fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The parameters that slices lie among.
    pub(crate) fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    /// A slice by name.
    pub fn slice(&self, name: &str) -> Option<&SliceSurface> {
        self.slices.iter().find(|it| it.slice.name == name)
    }

    /// What went wrong, while recording and with the landscape, as sentences that say what to do; empty if nothing did.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// How the recording went.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// The run folder; `None` from a disabled probe.
    pub fn run_folder(&self) -> Option<&Path> {
        self.recording.run_folder()
    }

    /// What was found, and what can and cannot be concluded from it, in plain sentences, some thirty of them. Printed,
    /// a landscape tells the handful that matters.
    pub fn summary(&self) -> Vec<String> {
        words::summary(self)
    }

    /// Prints the landscape to standard output, as wide as the terminal, in the colours and glyphs
    /// that it has.
    ///
    /// # Errors
    ///
    /// If the trace of the run cannot be read, or standard output is gone.
    #[cfg(feature = "tui")]
    pub fn print(&self) -> crate::Result<()> {
        match self.run_folder() {
            Some(run) => Ok(burnscape_tui::print_landscape(run)?),
            None => Ok(()),
        }
    }

    /// Writes a page about the run to `out`: one file that needs no network, with charts, surfaces and tables, as
    /// `burnscape report` does. `None`: the probe is switched off, and there is no run.
    ///
    /// # Errors
    ///
    /// If `out` exists, or cannot be written, or the trace of the run cannot be read.
    #[cfg(feature = "report")]
    pub fn report(
        &self,
        out: impl AsRef<Path>,
    ) -> crate::Result<Option<burnscape_report::Reported>> {
        let Some(run) = self.run_folder() else {
            return Ok(None);
        };
        Ok(Some(burnscape_report::report(&[run], out.as_ref(), false)?))
    }
}
