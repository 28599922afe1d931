//! What every view is able to do.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::help;
use crate::message::Message;
use crate::model::Run;
use crate::sight::Sight;
use crate::still::Still;
use crate::widgets::plot::Plot;

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

    /// The picture over steps at a place of the screen, as it was drawn last; `None`: there is none.
    fn plot_at(&self, _place: (u16, u16)) -> Option<Plot> {
        None
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
