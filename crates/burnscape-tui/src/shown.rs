//! What any application can say, show as pixels and keep as files.

use ratatui::layout::Rect;

use crate::still::Still;
use crate::terminal_profile::Glyphs;

/// What wishes are fulfilled for.
pub(crate) trait Shown {
    /// Tells the reader what just happened.
    fn say(&mut self, sentence: String);

    /// What is shown as pixels, one for each dot of an area; `None`: it has none.
    fn still(&self, area: Rect) -> Option<Still>;

    /// Writes what is shown as files, as large as the terminal, and tells where they are or what went wrong.
    fn save_picture(&self, area: Rect, glyphs: Glyphs) -> String;
}
