//! Figures for print: one drawing each, as SVG or as PNG.

mod cells;
mod chart;
mod contour;
mod frame;
mod gradients;
mod legend;
mod lines;
mod loss;
mod marks;
mod options;
mod paint;
mod path;
mod png;
mod scale;
mod surface;
mod svg;
mod titles;
mod trajectory;

use std::io::Write;

use self::svg::Svg;
use crate::Error;
use crate::curves::Curves;
use crate::output_folder::OutputFolder;
use crate::run::Run;
use crate::slice::Slice;

pub use self::options::{Figure, FigureOptions, UnknownFigure};
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
