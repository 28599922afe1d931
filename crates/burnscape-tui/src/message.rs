//! What the reader asks for: keys become messages, views never see a key.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Where an arrow points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// ↑ or `k`.
    Up,
    /// ↓ or `j`.
    Down,
    /// ← or `h`.
    Left,
    /// → or `l`.
    Right,
}

/// What the reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// Leave.
    Quit,
    /// Stop this process until the shell continues it.
    Suspend,
    /// Show or hide the keys.
    ToggleHelp,
    /// Show the view with this number, counted from 1.
    ShowView(usize),
    /// Show the next view.
    NextView,
    /// Show the previous view.
    PreviousView,
    /// Move the selection or the cursor.
    Move(Towards),
    /// Move the cursor ten times as far, or what is seen in space.
    MoveFar(Towards),
    /// Move the cursor to the first or the last step.
    JumpSteps(Towards),
    /// The mouse drags so many columns and rows.
    Drag(i16, i16),
    /// The mouse was pressed at a column and a row of the screen.
    PointAt(u16, u16),
    /// The other button of the mouse drags so many columns and rows.
    DragAside(i16, i16),
    /// Steps evenly spaced, or their logarithms.
    ToggleLogSteps,
    /// Begin to type a command.
    StartCommand,
    /// Move the selection by a page, up or down.
    Page(Towards),
    /// Move the selection to the end, up or down.
    Jump(Towards),
    /// Draw with the next set of glyphs.
    NextGlyphs,
    /// Write the view as files.
    SavePicture,
    /// Show the surface in pixels, until the next key.
    ShowStill,
    /// Go back to the list of runs.
    ShowList,
    /// Show less, larger.
    ZoomIn,
    /// Show more, smaller.
    ZoomOut,
    /// Show everything.
    ZoomReset,
    /// Next of: automatic, logarithmic, linear scale, colours by rank.
    NextScale,
    /// The next map of colours.
    NextColours,
    /// A picture of another kind: the map or the surface in space.
    NextPicture,
    /// Let the surface turn by itself, or stop it.
    ToggleRotation,
    /// Heights are drawn lower.
    Flatter,
    /// Heights are drawn higher.
    Steeper,
    /// Time passes: what moves by itself goes on.
    Tick,
    /// The next slice.
    NextSlice,
    /// The previous slice.
    PreviousSlice,
    /// The next layer of the slice: the loss, then what else was measured at its nodes.
    NextLayer,
    /// All words or numbers instead of the picture, or back.
    ToggleWords,
    /// Mark the selected run, to open it together with others, or take the mark away.
    ToggleMark,
    /// Next of: no line smoothed, a little, much.
    NextSmoothing,
    /// Fold blocks into their modules, or unfold them.
    ToggleTree,
    /// Begin to type a filter.
    StartFilter,
    /// A character of what is typed.
    Type(char),
    /// Take the last character typed back.
    Erase,
    /// Take all that was typed back.
    EraseAll,
    /// What was typed is to stay.
    Accept,
    /// Leave what is open: what was typed, or all numbers.
    Abandon,
    /// Show or hide what the program prints.
    TogglePrinted,
    /// Hold the picture, or let it go on.
    TogglePause,
    /// Draw everything again: something else wrote on the terminal.
    Repaint,
    /// The terminal has another size.
    Resize,
}

impl Message {
    /// The reader pressed a key: nothing that comes by itself.
    #[must_use]
    pub(crate) fn is_of_the_reader(self) -> bool {
        !matches!(self, Self::Resize | Self::Tick)
    }

    /// The message of a terminal event; `None` for events that mean nothing here.
    #[must_use]
    pub fn from_event(event: &Event) -> Option<Self> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Self::from_key(*key),
            Event::Resize(..) => Some(Self::Resize),
            _ => None,
        }
    }

    /// The message of a terminal event while the reader types; `None` for events that mean nothing then.
    #[must_use]
    pub fn from_typing(event: &Event) -> Option<Self> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Self::from_typed_key(*key),
            Event::Resize(..) => Some(Self::Resize),
            _ => None,
        }
    }

    fn from_typed_key(key: KeyEvent) -> Option<Self> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('u') => Some(Self::EraseAll),
                code => Self::from_control(code),
            };
        }
        match key.code {
            KeyCode::Char(character) => Some(Self::Type(character)),
            KeyCode::Backspace => Some(Self::Erase),
            KeyCode::Enter => Some(Self::Accept),
            KeyCode::Esc => Some(Self::Abandon),
            KeyCode::Up => Some(Self::Move(Towards::Up)),
            KeyCode::Down => Some(Self::Move(Towards::Down)),
            _ => None,
        }
    }

    /// The message of a key; `None` for keys that mean nothing here.
    #[must_use]
    pub fn from_key(key: KeyEvent) -> Option<Self> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return Self::from_control(key.code);
        }
        let is_far = key.modifiers.contains(KeyModifiers::SHIFT);
        let moved = |towards| if is_far { Self::MoveFar(towards) } else { Self::Move(towards) };
        match key.code {
            KeyCode::Char(character) => Self::from_character(character),
            KeyCode::Tab => Some(Self::NextView),
            KeyCode::BackTab => Some(Self::PreviousView),
            KeyCode::Up => Some(moved(Towards::Up)),
            KeyCode::Down => Some(moved(Towards::Down)),
            KeyCode::Left => Some(moved(Towards::Left)),
            KeyCode::Right => Some(moved(Towards::Right)),
            KeyCode::PageUp => Some(Self::Page(Towards::Up)),
            KeyCode::PageDown => Some(Self::Page(Towards::Down)),
            KeyCode::Home => Some(Self::JumpSteps(Towards::Left)),
            KeyCode::End => Some(Self::JumpSteps(Towards::Right)),
            KeyCode::Enter => Some(Self::ToggleWords),
            KeyCode::Esc => Some(Self::Abandon),
            _ => None,
        }
    }

    fn from_control(code: KeyCode) -> Option<Self> {
        match code {
            KeyCode::Char('c') => Some(Self::Quit),
            KeyCode::Char('z') => Some(Self::Suspend),
            KeyCode::Char('d') => Some(Self::Page(Towards::Down)),
            KeyCode::Char('u') => Some(Self::Page(Towards::Up)),
            // A terminal sends this for control and `l`; elsewhere it repaints, so here too.
            KeyCode::Char('l') => Some(Self::Repaint),
            _ => None,
        }
    }

    fn from_character(character: char) -> Option<Self> {
        Some(match character {
            'q' => Self::Quit,
            '?' => Self::ToggleHelp,
            '1'..='9' => Self::ShowView(character as usize - '0' as usize),
            'k' => Self::Move(Towards::Up),
            'j' => Self::Move(Towards::Down),
            'h' => Self::Move(Towards::Left),
            'l' => Self::Move(Towards::Right),
            'H' => Self::MoveFar(Towards::Left),
            'n' => Self::Move(Towards::Down),
            'N' => Self::Move(Towards::Up),
            'g' => Self::Jump(Towards::Up),
            'G' => Self::Jump(Towards::Down),
            ':' => Self::StartCommand,
            'x' => Self::ToggleLogSteps,
            'u' => Self::NextGlyphs,
            '+' | '=' => Self::ZoomIn,
            '-' => Self::ZoomOut,
            '0' => Self::ZoomReset,
            'y' => Self::NextScale,
            ']' => Self::NextSlice,
            '[' => Self::PreviousSlice,
            'v' => Self::NextLayer,
            'c' => Self::NextColours,
            'm' => Self::NextPicture,
            'r' => Self::ToggleRotation,
            '<' => Self::Flatter,
            '>' => Self::Steeper,
            's' => Self::NextSmoothing,
            't' => Self::ToggleTree,
            '/' => Self::StartFilter,
            'p' => Self::TogglePause,
            'i' => Self::ShowStill,
            'o' => Self::TogglePrinted,
            'R' => Self::Repaint,
            'e' => Self::SavePicture,
            'L' => Self::ShowList,
            ' ' => Self::ToggleMark,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_the_help_says() {
        let plain = |code| Message::from_key(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(plain(KeyCode::Char('q')), Some(Message::Quit));
        assert_eq!(plain(KeyCode::Char('3')), Some(Message::ShowView(3)));
        assert_eq!(plain(KeyCode::Tab), Some(Message::NextView));
        assert_eq!(plain(KeyCode::Char('j')), Some(Message::Move(Towards::Down)));
        assert_eq!(plain(KeyCode::Char('l')), Some(Message::Move(Towards::Right)));
        assert_eq!(plain(KeyCode::Char('y')), Some(Message::NextScale));
        assert_eq!(plain(KeyCode::F(5)), None);
    }

    #[test]
    fn letters_are_text_while_the_reader_types_and_control_keys_still_leave() {
        let typed =
            |code, modifiers| Message::from_typing(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(typed(KeyCode::Char('q'), KeyModifiers::NONE), Some(Message::Type('q')));
        assert_eq!(typed(KeyCode::Backspace, KeyModifiers::NONE), Some(Message::Erase));
        assert_eq!(typed(KeyCode::Esc, KeyModifiers::NONE), Some(Message::Abandon));
        assert_eq!(typed(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Message::Quit));
        assert_eq!(typed(KeyCode::Tab, KeyModifiers::NONE), None);
    }

    #[test]
    fn control_keys_leave_and_suspend_and_never_type() {
        let control =
            |letter| Message::from_key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
        assert_eq!(control('c'), Some(Message::Quit));
        assert_eq!(control('z'), Some(Message::Suspend));
        assert_eq!(control('q'), None);
    }
}
