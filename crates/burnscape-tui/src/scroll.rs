//! Moving in something longer than the screen: by a line, by a page, to its ends.

use crate::message::{Message, Towards};

/// Lines that a page key moves: as many as the smallest usual terminal shows, so that none is jumped over.
const PAGE: usize = 10;

/// Moves a line number between 0 and the last one; `false`: the message does not move.
pub(crate) fn moved(line: &mut usize, last: usize, message: Message) -> bool {
    *line = match message {
        Message::Move(Towards::Up) => line.saturating_sub(1),
        Message::Move(Towards::Down) => *line + 1,
        Message::Page(Towards::Up) | Message::MoveFar(Towards::Up) => line.saturating_sub(PAGE),
        Message::Page(Towards::Down) | Message::MoveFar(Towards::Down) => *line + PAGE,
        Message::Jump(Towards::Up) | Message::JumpSteps(Towards::Left) => 0,
        Message::Jump(Towards::Down) | Message::JumpSteps(Towards::Right) => last,
        _ => return false,
    }
    .min(last);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_within_its_ends() {
        let mut line = 0;
        let mut after = |message| {
            assert!(moved(&mut line, 12, message));
            line
        };
        assert_eq!(after(Message::Move(Towards::Up)), 0);
        assert_eq!(after(Message::Page(Towards::Down)), 10);
        assert_eq!(after(Message::Page(Towards::Down)), 12);
        assert_eq!(after(Message::Move(Towards::Up)), 11);
        assert_eq!(after(Message::Jump(Towards::Up)), 0);
        assert!(!moved(&mut 3, 12, Message::Repaint));
    }
}
