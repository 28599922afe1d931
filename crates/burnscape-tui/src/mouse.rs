//! The mouse, as xterm tells of it when asked for the extended form (mode 1006).
#![cfg_attr(not(unix), allow(dead_code, reason = "elsewhere crossterm reads the mouse"))]

use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::message::{Message, Towards};

/// Buttons, and moves while one is held, in the extended form.
pub(crate) const LISTEN: &[u8] = b"\x1b[?1002h\x1b[?1006h";
/// The terminal's own selection works again.
pub(crate) const STOP_LISTENING: &[u8] = b"\x1b[?1006l\x1b[?1002l";

/// What `button;column;row` tell; a press ends with `M`, a release with `m`.
pub(crate) fn event(parameters: &str, last: u8) -> Option<MouseEvent> {
    let mut numbers = parameters.split(';').map(|it| it.parse::<u16>().ok());
    let [code, column, row] = [numbers.next()??, numbers.next()??, numbers.next()??];
    let place = |from_one: u16| from_one.saturating_sub(1);
    Some(MouseEvent {
        kind: kind(code, last)?,
        column: place(column),
        row: place(row),
        modifiers: modifiers(code),
    })
}

/// What the mouse asks for where it is on nothing that it picks: the wheel zooms or scrolls, a drag moves what is seen by
/// the cells since the last event.
pub(crate) fn message(mouse: MouseEvent, before: (u16, u16), zooms: bool) -> Option<Message> {
    let moved = |now: u16, before: u16| now.cast_signed().wrapping_sub(before.cast_signed());
    let columns = moved(mouse.column, before.0);
    let rows = moved(mouse.row, before.1);
    Some(match mouse.kind {
        MouseEventKind::ScrollUp if zooms => Message::ZoomIn,
        MouseEventKind::ScrollDown if zooms => Message::ZoomOut,
        MouseEventKind::ScrollUp => Message::Move(Towards::Up),
        MouseEventKind::ScrollDown => Message::Move(Towards::Down),
        MouseEventKind::ScrollLeft => Message::Move(Towards::Left),
        MouseEventKind::ScrollRight => Message::Move(Towards::Right),
        MouseEventKind::Down(MouseButton::Left) => Message::PointAt(mouse.column, mouse.row),
        MouseEventKind::Drag(MouseButton::Left) => Message::Drag(columns, rows),
        MouseEventKind::Drag(_) => Message::DragAside(columns, rows),
        _ => return None,
    })
}

fn kind(code: u16, last: u8) -> Option<MouseEventKind> {
    const MOVES: u16 = 32;
    let button = match code & 3 {
        0 => MouseButton::Left,
        1 => MouseButton::Middle,
        _ => MouseButton::Right,
    };
    match (code & !0b1_1100, last) {
        (64, b'M') => Some(MouseEventKind::ScrollUp),
        (65, b'M') => Some(MouseEventKind::ScrollDown),
        (66, b'M') => Some(MouseEventKind::ScrollLeft),
        (67, b'M') => Some(MouseEventKind::ScrollRight),
        (0..=2, b'M') => Some(MouseEventKind::Down(button)),
        (0..=2, b'm') => Some(MouseEventKind::Up(button)),
        (held, b'M') if (MOVES..MOVES + 3).contains(&held) => Some(MouseEventKind::Drag(button)),
        _ => None,
    }
}

fn modifiers(code: u16) -> KeyModifiers {
    let known = [(4, KeyModifiers::SHIFT), (8, KeyModifiers::ALT), (16, KeyModifiers::CONTROL)];
    let held = known.into_iter().filter(|(bit, _)| code & bit != 0);
    held.fold(KeyModifiers::NONE, |all, (_, modifier)| all | modifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As xterm's "Control Sequences" has them.
    #[test]
    fn presses_wheels_and_drags_are_told_apart() {
        let of = |parameters, last| event(parameters, last).map(|it| (it.kind, it.column, it.row));
        assert_eq!(of("0;1;1", b'M'), Some((MouseEventKind::Down(MouseButton::Left), 0, 0)));
        assert_eq!(of("0;80;24", b'm'), Some((MouseEventKind::Up(MouseButton::Left), 79, 23)));
        assert_eq!(of("32;5;6", b'M'), Some((MouseEventKind::Drag(MouseButton::Left), 4, 5)));
        assert_eq!(of("64;5;6", b'M'), Some((MouseEventKind::ScrollUp, 4, 5)));
        assert_eq!(of("65;5;6", b'M'), Some((MouseEventKind::ScrollDown, 4, 5)));
        assert_eq!(of("35;5;6", b'M'), None, "moves without a button are nothing");
        assert_eq!(event("68;5;6", b'M').unwrap().modifiers, KeyModifiers::SHIFT);
        for wrong in ["", "0", "0;1", "x;1;1", "0;99999999;1"] {
            assert_eq!(event(wrong, b'M'), None, "{wrong}");
        }
    }
}
