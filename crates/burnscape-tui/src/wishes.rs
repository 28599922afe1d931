//! What the reader wants of the loop around the application, which owns the terminal and the files.

use crate::message::Message;

/// Wishes that were not fulfilled yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wishes {
    pub(crate) quit: bool,
    pub(crate) suspend: bool,
    pub(crate) repaint: bool,
    pub(crate) next_glyphs: bool,
    pub(crate) save_picture: bool,
    pub(crate) still: bool,
    pub(crate) show_list: bool,
}

impl Wishes {
    /// Takes a message; `false`: it is no wish.
    pub(crate) fn take(&mut self, message: Message) -> bool {
        let wish = match message {
            Message::Quit => &mut self.quit,
            Message::Suspend => &mut self.suspend,
            Message::Repaint => &mut self.repaint,
            Message::NextGlyphs => &mut self.next_glyphs,
            Message::SavePicture => &mut self.save_picture,
            Message::ShowStill => &mut self.still,
            Message::ShowList => &mut self.show_list,
            _ => return false,
        };
        *wish = true;
        true
    }

    /// Takes them to fulfil them; whoever wants to leave goes on wanting it.
    pub(crate) fn drain(&mut self) -> Self {
        std::mem::replace(self, Self { quit: self.quit, ..Self::default() })
    }
}
