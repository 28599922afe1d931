//! Which figures there are, which are asked for, and how large.

use std::fmt;
use std::str::FromStr;

use super::svg::Svg;
use crate::Error;

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
    pub(super) fn missing(self) -> &'static str {
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

    pub(super) fn check(&self) -> Result<(), Error> {
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

    pub(super) fn canvas(&self) -> Svg {
        Svg::new(self.width_mm, self.height_mm)
    }
}

impl Default for FigureOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
