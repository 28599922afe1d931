//! Figures for print: one drawing each, as SVG or as PNG.

mod cells;
mod chart;
mod contour;
mod frame;
mod gradients;
mod legend;
mod lines;
mod loss;
mod paint;
mod png;
mod scale;
mod surface;
mod svg;
mod trajectory;

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use self::svg::Svg;
use crate::Error;
use crate::curves::Curves;
use crate::output_folder::OutputFolder;
use crate::run::Run;
use crate::slice::Slice;

pub(crate) use self::png::Png;

/// Points kept of a curve: more than a printer has dots on a page.
const POINTS: usize = 4000;

const LEAFLET: &str = "\
Figures of a run of burnscape.

contour-slice{n}     loss over a plane: a cell per node, isolines, the path of training
surface-slice{n}     the same from the side
trajectory-slice{n}  the path of training alone
lines                loss along lines
loss                 loss over steps and epochs
gradients            gradient norm of each parameter block over steps

Colours are viridis and cividis, which colour-blind readers can tell apart.
";

/// What can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Figure {
    /// Loss over a plane, from above.
    Contour,
    /// Loss over a plane, from the side.
    Surface,
    /// The path of training in the coordinates of a plane.
    Trajectory,
    /// Loss along lines.
    Lines,
    /// Loss over steps and epochs.
    Loss,
    /// Gradient norm per block over steps.
    Gradients,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Contour, Self::Surface, Self::Trajectory, Self::Lines, Self::Loss, Self::Gradients];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Contour => "contour",
            Self::Surface => "surface",
            Self::Trajectory => "trajectory",
            Self::Lines => "lines",
            Self::Loss => "loss",
            Self::Gradients => "gradients",
        }
    }

    /// What a run without it does not hold, and how to record that.
    fn missing(self) -> &'static str {
        match self {
            Self::Contour | Self::Surface => {
                "no loss surface: `Probe::finish` records surfaces when training ends"
            }
            Self::Trajectory => {
                "no path of training: snapshots and `Probe::finish` record one with each plane"
            }
            Self::Lines => "no line: `SliceSpec` of a study in `Probe::finish` may ask for one",
            Self::Loss => "no loss: a model whose output has one records it at every step",
            Self::Gradients => "no gradient norms: `Measurements` of the probe ask for them",
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no figure: {}", Figure::ALL.map(Figure::name).join(", "))]
pub struct UnknownFigure {
    /// The word.
    pub found: String,
}

impl FromStr for Figure {
    type Err = UnknownFigure;

    fn from_str(word: &str) -> Result<Self, UnknownFigure> {
        let named = Self::ALL.into_iter().find(|figure| figure.name() == word);
        named.ok_or_else(|| UnknownFigure { found: word.to_owned() })
    }
}

/// Which figures, and how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FigureOptions {
    /// Only this one; `None`: all that the run has.
    pub figure: Option<Figure>,
    /// Width in millimetres, 40 to 1000.
    pub width_mm: f64,
    /// Height in millimetres, 40 to 1000.
    pub height_mm: f64,
    /// Dots per inch of a PNG, 30 to 1200.
    pub dpi: f64,
}

impl FigureOptions {
    /// All figures, across a page of A4, as sharp as printers are.
    pub const DEFAULT: Self = Self { figure: None, width_mm: 150.0, height_mm: 110.0, dpi: 300.0 };

    /// Dots that a PNG may have.
    const MAX_DOTS: f64 = 100e6;

    fn check(&self) -> Result<(), Error> {
        let inches = |millimetres: f64| millimetres / 25.4 * self.dpi;
        let refuse = |what: &'static str, found: f64, low: f64, high: f64| match (low..=high)
            .contains(&found)
        {
            true => Ok(()),
            false => Err(Error::FigureSize { what, found, low, high }),
        };
        refuse("width in millimetres", self.width_mm, 40.0, 1000.0)?;
        refuse("height in millimetres", self.height_mm, 40.0, 1000.0)?;
        refuse("number of dots per inch", self.dpi, 30.0, 1200.0)?;
        let dots = inches(self.width_mm) * inches(self.height_mm);
        refuse("number of dots", dots, 1.0, Self::MAX_DOTS)
    }

    fn canvas(&self) -> Svg {
        Svg::new(self.width_mm, self.height_mm)
    }
}

impl Default for FigureOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How a drawing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    Svg,
    Png,
}

/// Writes the figures that are asked for and that the run has.
pub(crate) fn write(
    run: &Run,
    options: &FigureOptions,
    kind: As,
    out: &OutputFolder,
) -> Result<(), Error> {
    options.check()?;
    let figures = draw(run, options)?;
    if figures.is_empty() {
        let what = options.figure.map_or("nothing that can be drawn", Figure::missing);
        return Err(Error::NoFigure { run: run.folder().path().to_owned(), what });
    }
    for (name, drawing) in &figures {
        let (ending, bytes) = match kind {
            As::Svg => ("svg", drawing.to_text().into_bytes()),
            As::Png => ("png", drawing.png(options.dpi)?.bytes),
        };
        let name = format!("{name}.{ending}");
        out.file(&name, |file| file.write_all(&bytes).map_err(|source| out.error(source)))?;
    }
    out.leaflet(LEAFLET)
}

/// The drawings with their names.
fn draw(run: &Run, options: &FigureOptions) -> Result<Vec<(String, Svg)>, Error> {
    let curves = Curves::of(run, POINTS, |_| {})?;
    let wanted = |figure: &Figure| options.figure.is_none_or(|only| only == *figure);
    let mut drawn = Vec::new();
    for figure in Figure::ALL.into_iter().filter(wanted) {
        match figure {
            Figure::Contour => of_slices(figure, run, &mut drawn, |slice| contour(slice, options)),
            Figure::Surface => {
                of_slices(figure, run, &mut drawn, |slice| surface::draw(slice, options));
            }
            Figure::Trajectory => {
                of_slices(figure, run, &mut drawn, |slice| trajectory::draw(slice, options));
            }
            Figure::Lines => of_run(figure, &mut drawn, lines::draw(run, options)),
            Figure::Loss => of_run(figure, &mut drawn, loss::draw(run, &curves, options)),
            Figure::Gradients => of_run(figure, &mut drawn, gradients::draw(run, options)?),
        }
    }
    Ok(drawn)
}

/// Loss over a plane as a picture; `None` for a line.
pub(crate) fn contour(slice: &Slice, options: &FigureOptions) -> Option<Svg> {
    contour::draw(slice, options)
}

fn of_run(figure: Figure, drawn: &mut Vec<(String, Svg)>, drawing: Option<Svg>) {
    drawn.extend(drawing.map(|drawing| (figure.to_string(), drawing)));
}

fn of_slices(
    figure: Figure,
    run: &Run,
    drawn: &mut Vec<(String, Svg)>,
    draw: impl Fn(&Slice) -> Option<Svg>,
) {
    for slice in run.slices.values() {
        let drawing = draw(slice);
        drawn.extend(drawing.map(|it| (format!("{figure}-slice{}", slice.record.slice), it)));
    }
}
