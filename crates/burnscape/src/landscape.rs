//! What `finish` gives back: surfaces, trajectories, and what they mean in words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use burnscape_landscape::grid::Grid;
use burnscape_landscape::layout::Layout;
use burnscape_landscape::plane::PlaneGram;
use burnscape_landscape::surface::{Curvature, Surface};
use burnscape_trace::{Slice, Study, Trajectory};

use crate::recorder::Report;
use crate::words;

/// How the recording itself went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    run: Option<PathBuf>,
    steps: u64,
    snapshots: usize,
    dropped_steps: u64,
    problems: Vec<String>,
    last_loss: Option<f64>,
}

impl Recording {
    pub(crate) fn new(run: &Path, report: Report) -> Self {
        Self {
            run: Some(run.to_path_buf()),
            steps: report.steps,
            snapshots: report.snapshots.len(),
            dropped_steps: report.dropped_steps,
            problems: report.problems,
            last_loss: report.last_loss,
        }
    }

    /// The run folder; `None` from a disabled probe.
    pub fn run_folder(&self) -> Option<&Path> {
        self.run.as_deref()
    }

    /// Optimizer steps recorded.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Snapshots in the run.
    pub fn snapshots(&self) -> usize {
        self.snapshots
    }

    /// Step records that were lost because the disk could not follow.
    pub fn dropped_steps(&self) -> u64 {
        self.dropped_steps
    }

    /// Training loss of the last recorded step.
    pub fn last_loss(&self) -> Option<f64> {
        self.last_loss
    }

    /// What went wrong while recording, as sentences; empty if nothing did.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

/// One evaluated line or plane, with the path of training in its coordinates.
#[derive(Debug, Clone)]
pub struct SliceSurface {
    /// Provenance, as in the trace.
    pub slice: Slice,
    /// The losses and their state.
    pub surface: Surface,
    /// Further quantities at the same nodes, in the order of `slice.layers`.
    pub layers: Vec<Surface>,
    /// The snapshots in the slice; empty where there is none.
    pub trajectory: Trajectory,
    /// Lengths and angle of the directions; those of a line have a second one of length 0.
    pub gram: PlaneGram,
    /// Adaptive evaluation: how far interpolation was off at most where it was checked by measuring.
    pub largest_miss: Option<f64>,
    /// Time that its nodes took.
    pub took: Duration,
}

impl SliceSurface {
    /// A slice of which nothing is measured.
    pub(crate) fn unmeasured(grid: Grid) -> Self {
        Self {
            slice: Slice::default(),
            surface: Surface::new(grid),
            layers: Vec::new(),
            trajectory: Trajectory::default(),
            gram: PlaneGram { d1_d1: 0.0, d1_d2: 0.0, d2_d2: 0.0 },
            largest_miss: None,
            took: Duration::ZERO,
        }
    }

    /// A further quantity by name, such as `accuracy` or `valid loss`.
    pub fn layer(&self, name: &str) -> Option<&Surface> {
        let place = self.slice.layers.iter().position(|layer| layer.name == name)?;
        self.layers.get(place)
    }

    /// Curvature at the centre, from a quadratic through the nodes around it; `None` if too few of
    /// them are measured and finite.
    pub fn curvature(&self) -> Option<Curvature> {
        self.surface.curvature(&self.gram, 1).ok()
    }
}

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

    /// What was found, and what can and cannot be concluded from it, in plain sentences.
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
