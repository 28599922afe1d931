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

use std::str::FromStr;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub use activations::ActivationsView;
pub(crate) use frame::{Frame, body, draw_sentence, silence, tab_at};
pub use gradients::GradientsView;
pub use landscape::LandscapeView;
pub(crate) use landscape::{Beside, SurfacesBeside};
pub use overview::OverviewView;
pub use sharpness::SharpnessView;

use crate::message::Message;
use crate::model::Run;
use crate::sight::Sight;
use crate::still::Still;
use crate::terminal_profile::UnknownWord;

/// One way to look at a run: it keeps what the reader selected, not what the run is.
pub trait View: std::fmt::Debug + Send {
    /// Name on its tab.
    fn title(&self) -> &'static str;

    /// Its own keys, for the last line of the screen.
    fn keys(&self) -> &'static str;

    /// Its own keys with what they do, a line each, for the help.
    fn explained_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// What its numbers and marks mean and when to worry, a line each, for the help.
    fn words(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether what it draws over steps answers to the keys of time.
    fn is_over_steps(&self) -> bool {
        true
    }

    /// Whether something moves by itself: then [`Message::Tick`] is to come now and then.
    fn wants_ticks(&self, _run: &Run) -> bool {
        false
    }

    /// Which steps are in sight and the step that the reader looks at, from now on.
    fn look_at(&mut self, _sight: Sight) {}

    /// Whether arrows to the sides and the zoom are those of time here.
    fn moves_in_time(&self, _run: &Run) -> bool {
        true
    }

    /// Whether the wheel of the mouse scrolls here: it zooms elsewhere.
    fn scrolls(&self) -> bool {
        false
    }

    /// What is drawn as pixels, one for each dot of an area; `None`: it is none here.
    fn still(&self, _run: &Run, _area: Rect) -> Option<Still> {
        None
    }

    /// Leaves what is open in it; `false`: nothing is.
    fn go_back(&mut self) -> bool {
        false
    }

    /// Takes a message; those that mean nothing here change nothing.
    fn update(&mut self, message: Message, run: &Run);

    /// The reader is typing: letters are text and no commands.
    fn is_typing(&self) -> bool {
        false
    }

    /// Draws the run. It reads its arguments only, and fits any area, from one cell on.
    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer);
}

impl dyn View {
    /// What the help says of a view: its own keys first.
    pub(crate) fn help(&self) -> help::Page {
        let own = help::Group { title: self.title(), entries: self.explained_keys() };
        let steps = self.is_over_steps().then_some(help::STEPS);
        let keys = std::iter::once(own).chain(steps).chain([help::EVERYWHERE]).collect();
        let words = help::Group { title: "What it tells", entries: self.words() };
        help::Page { keys, words }
    }
}

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
