//! Bytes of a terminal become keys, moves of the mouse, and answers: what `xterm`, `linux`, `tmux` and their kin send.
#![cfg_attr(not(unix), allow(dead_code, reason = "elsewhere crossterm reads the keys"))]

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::mouse;
use crate::replies::{self, Reply};

/// A sequence that goes on longer than this is none.
const LONGEST_SEQUENCE: usize = 64;
const ESCAPE: u8 = 0x1b;

/// Takes bytes as they come; a sequence may come in parts.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    begun: Vec<u8>,
    replies: Vec<Reply>,
}

/// What a terminal sends.
#[derive(Debug, PartialEq)]
enum Input {
    Event(Event),
    Reply(Reply),
}

impl From<KeyEvent> for Input {
    fn from(key: KeyEvent) -> Self {
        Self::Event(Event::Key(key))
    }
}

/// What the first bytes are.
#[derive(Debug, PartialEq)]
enum First {
    /// So many bytes are this, or nothing that means anything.
    Whole(usize, Option<Input>),
    /// The beginning of something.
    Begun,
}

impl Keys {
    /// The keys in some further bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.begun.extend_from_slice(bytes);
        let mut events = Vec::new();
        while !self.begun.is_empty() {
            match first(&self.begun) {
                First::Begun if self.begun.len() < LONGEST_SEQUENCE => break,
                First::Begun => self.begun.clear(),
                First::Whole(length, input) => {
                    self.begun.drain(..length);
                    match input {
                        Some(Input::Event(event)) => events.push(event),
                        Some(Input::Reply(reply)) => self.replies.push(reply),
                        None => {}
                    }
                }
            }
        }
        events
    }

    /// The answers that came, since this was last asked.
    pub(crate) fn take_replies(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }

    /// Nothing more came: an Escape was typed by itself. Anything else that has begun goes on: a slow link may tear
    /// an answer apart, and its end would be taken for keys.
    pub(crate) fn rest(&mut self) -> Vec<Event> {
        match self.begun.as_slice() {
            [ESCAPE] => {
                self.begun.clear();
                vec![Event::Key(plain(KeyCode::Esc))]
            }
            _ => Vec::new(),
        }
    }
}

fn first(bytes: &[u8]) -> First {
    match bytes {
        [ESCAPE] => First::Begun,
        [ESCAPE, b'[', sequence @ ..] => control_sequence(sequence),
        [ESCAPE, b'O'] => First::Begun,
        [ESCAPE, b'O', last, ..] => whole_key(3, letter_key(*last).map(plain)),
        [ESCAPE, b']'] => First::Begun,
        // Alt and `]` or `P` are keys; commands begin with a number, and so do device strings.
        [ESCAPE, b']', b'0'..=b'9', ..] => string(bytes, replies::of_command),
        [ESCAPE, b'P'] => First::Begun,
        [ESCAPE, b'P', b'0'..=b'9', ..] => string(bytes, replies::of_device_string),
        [ESCAPE, ESCAPE, ..] => whole_key(1, Some(plain(KeyCode::Esc))),
        [ESCAPE, rest @ ..] => with_alt(first(rest)),
        [byte, ..] if *byte < 0x20 || *byte == 0x7f => whole_key(1, control_key(*byte)),
        _ => letter(bytes),
    }
}

fn whole_key(length: usize, key: Option<KeyEvent>) -> First {
    First::Whole(length, key.map(Input::from))
}

/// A string up to its end, `ESC \` or a bell.
fn string(bytes: &[u8], reply: fn(&str) -> Option<Reply>) -> First {
    const INTRODUCER: usize = 2;
    let end = bytes.iter().position(|byte| *byte == 0x07).map(|at| (at, 1));
    let end =
        end.or_else(|| bytes.windows(2).position(|it| it == [ESCAPE, b'\\']).map(|at| (at, 2)));
    match end {
        None => First::Begun,
        Some((at, terminator)) => {
            let text = String::from_utf8_lossy(bytes.get(INTRODUCER..at).unwrap_or_default());
            First::Whole(at + terminator, reply(&text).map(Input::Reply))
        }
    }
}

fn with_alt(rest: First) -> First {
    match rest {
        First::Begun => First::Begun,
        First::Whole(length, Some(Input::Event(Event::Key(key)))) => {
            let alt = KeyEvent::new(key.code, key.modifiers | KeyModifiers::ALT);
            whole_key(length + 1, Some(alt))
        }
        First::Whole(length, input) => First::Whole(length + 1, input),
    }
}

/// What follows `ESC [`: parameters, then a byte that says which key.
fn control_sequence(sequence: &[u8]) -> First {
    const INTRODUCER: usize = 2;
    // The console of Linux sends F1 as `ESC [ [ A`.
    if sequence.first() == Some(&b'[') {
        return if sequence.len() > 1 { First::Whole(INTRODUCER + 2, None) } else { First::Begun };
    }
    let Some(at) = sequence.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return First::Begun;
    };
    let length = INTRODUCER + at + 1;
    let parameters = String::from_utf8_lossy(&sequence[..at]);
    if let Some(reply) = replies::of_control_sequence(&parameters, sequence[at]) {
        return First::Whole(length, Some(Input::Reply(reply)));
    }
    if let Some(parameters) = parameters.strip_prefix('<') {
        let event = mouse::event(parameters, sequence[at]).map(|it| Input::Event(Event::Mouse(it)));
        return First::Whole(length, event);
    }
    let mut numbers = parameters.split(';').map(|number| number.parse::<u8>().ok());
    let number = numbers.next().flatten();
    let modifiers = modifiers(numbers.next().flatten());
    let code = match sequence[at] {
        b'~' => number.and_then(numbered_key),
        letter => letter_key(letter),
    };
    whole_key(length, code.map(|code| KeyEvent::new(code, modifiers)))
}

/// xterm sends 1 + shift + 2 alt + 4 control.
fn modifiers(parameter: Option<u8>) -> KeyModifiers {
    let bits = parameter.unwrap_or(1).saturating_sub(1);
    let known =
        [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)].into_iter();
    let held = known.filter(|(bit, _)| bits & bit != 0);
    held.fold(KeyModifiers::NONE, |all, (_, modifier)| all | modifier)
}

fn letter_key(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'Z' => KeyCode::BackTab,
        _ => return None,
    })
}

fn numbered_key(number: u8) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        _ => return None,
    })
}

fn control_key(byte: u8) -> Option<KeyEvent> {
    Some(match byte {
        b'\r' | b'\n' => plain(KeyCode::Enter),
        b'\t' => plain(KeyCode::Tab),
        0x08 | 0x7f => plain(KeyCode::Backspace),
        0x01..=0x1a => {
            KeyEvent::new(KeyCode::Char(char::from(byte - 1 + b'a')), KeyModifiers::CONTROL)
        }
        _ => return None,
    })
}

/// A character of UTF-8; bytes that are none mean nothing.
fn letter(bytes: &[u8]) -> First {
    let length = match bytes[0] {
        0x00..0x80 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf8 => 4,
        _ => return First::Whole(1, None),
    };
    if bytes.len() < length {
        return First::Begun;
    }
    match std::str::from_utf8(&bytes[..length]) {
        Ok(text) => whole_key(length, text.chars().next().map(|it| plain(KeyCode::Char(it)))),
        Err(_) => First::Whole(1, None),
    }
}

fn plain(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(events: &[Event]) -> Vec<KeyCode> {
        let keys = events.iter().filter_map(Event::as_key_event);
        keys.map(|key| key.code).collect()
    }

    #[test]
    fn keys_are_what_terminals_send_for_them() {
        let sent = b"q\x1b[A\x1bOB\x1b[5~\x1b[Z\t\r\x7f\xc3\xa9\x1b[1;5C";
        let keys = Keys::default().take(sent);
        use KeyCode::*;
        assert_eq!(
            codes(&keys),
            [Char('q'), Up, Down, PageUp, BackTab, Tab, Enter, Backspace, Char('é'), Right]
        );
        let last = keys.last().and_then(Event::as_key_event).unwrap();
        assert_eq!(last.modifiers, KeyModifiers::CONTROL);
    }

    #[test]
    fn control_and_a_letter_are_told_from_the_letter() {
        let events = Keys::default().take(b"\x03\x1a");
        let control =
            |letter| Event::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
        assert_eq!(events, [control('c'), control('z')]);
    }

    #[test]
    fn a_sequence_in_parts_is_one_key_and_an_escape_alone_is_escape() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"\x1b"), []);
        assert_eq!(codes(&keys.take(b"[A")), [KeyCode::Up]);
        assert_eq!(keys.take(b"\x1b"), []);
        assert_eq!(codes(&keys.rest()), [KeyCode::Esc]);
        assert_eq!(keys.rest(), []);
    }

    #[test]
    fn answers_are_no_keys_even_when_they_come_in_parts() {
        let mut keys = Keys::default();
        let sent = b"a\x1b[0n\x1b]11;rgb:ffff/ffff/ffff\x1b\\b\x1b]11;rgb:00/00/00\x07\x1b[?2026;2$y\x1bP1+r5463=\x1b\\c";
        for part in sent.chunks(3) {
            let events = keys.take(part);
            assert!(
                codes(&events).iter().all(|it| matches!(it, KeyCode::Char('a' | 'b' | 'c'))),
                "{events:?}"
            );
            // An Escape alone is one, whatever follows later.
            assert!(part.ends_with(&[ESCAPE]) || keys.rest().is_empty());
        }
        let expected = [
            Reply::Status,
            Reply::Ground([255; 3]),
            Reply::Ground([0; 3]),
            Reply::Synchronizes,
            Reply::TrueColour,
        ];
        assert_eq!(keys.take_replies(), expected);
        assert_eq!(
            codes(&keys.take(b"\x1b]x\x1bPx"))[0],
            KeyCode::Char(']'),
            "with Alt, it is a key"
        );
    }

    #[test]
    fn any_bytes_are_taken_and_none_is_kept_for_ever() {
        let mut keys = Keys::default();
        for seed in 0..4096_u32 {
            let byte = (seed.wrapping_mul(2_654_435_761) >> 13) as u8;
            keys.take(&[byte, ESCAPE, b'[', byte]);
            assert!(keys.begun.len() <= LONGEST_SEQUENCE + 4);
        }
        keys.take(&[b'0'; 200]);
        assert_eq!(codes(&keys.take(b"x")), [KeyCode::Char('x')]);
    }
}
