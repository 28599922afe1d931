//! The views, one per file or folder, and what they have in common.

mod activations;
pub(crate) mod dialog;
mod frame;
mod gradients;
pub(crate) mod help;
mod landscape;
mod overview;
pub(crate) mod printed_pane;
mod sharpness;
mod view;

use std::str::FromStr;

pub use activations::ActivationsView;
pub(crate) use frame::{Frame, body, draw_sentence, keys_line, silence, tab_at};
pub use gradients::GradientsView;
pub use landscape::LandscapeView;
pub(crate) use landscape::{Beside, SurfacesBeside};
pub use overview::OverviewView;
pub use sharpness::SharpnessView;
pub use view::View;

use crate::unknown_word::UnknownWord;

/// Which view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ViewKind {
    /// Loss, learning rate, gradient norm, progress.
    #[default]
    Overview,
    /// Gradient norms of every block over steps.
    Gradients,
    /// What passes the taps in the model.
    Activations,
    /// The loss surface with the trajectory on it.
    Landscape,
    /// Curvature of the loss over training.
    Sharpness,
}

impl ViewKind {
    /// All views in the order of their number keys.
    pub const ALL: [Self; 5] =
        [Self::Overview, Self::Gradients, Self::Activations, Self::Landscape, Self::Sharpness];

    /// The number key of the view.
    #[must_use]
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// The word for it, as options take it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Gradients => "gradients",
            Self::Activations => "activations",
            Self::Landscape => "landscape",
            Self::Sharpness => "sharpness",
        }
    }

    pub(crate) fn build(self) -> Box<dyn View> {
        match self {
            Self::Overview => Box::new(OverviewView::default()),
            Self::Gradients => Box::new(GradientsView::default()),
            Self::Activations => Box::new(ActivationsView::default()),
            Self::Landscape => Box::new(LandscapeView::default()),
            Self::Sharpness => Box::new(SharpnessView::default()),
        }
    }
}

impl FromStr for ViewKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "overview" | "1" => Ok(Self::Overview),
            "gradients" | "2" => Ok(Self::Gradients),
            "activations" | "3" => Ok(Self::Activations),
            "landscape" | "4" => Ok(Self::Landscape),
            "sharpness" | "5" => Ok(Self::Sharpness),
            _ => Err(UnknownWord {
                found: word.to_owned(),
                expected: "overview, gradients, activations, landscape, sharpness, 1, 2, 3, 4, 5",
            }),
        }
    }
}
