//! Keys of the reader's own: an action by its name, and the key that means it.

use std::borrow::Cow;
use std::str::FromStr;

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::unknown_word::UnknownWord;

/// What can be bound, and the key that means it where the reader wants no other.
const ACTIONS: [(&str, char); 35] = [
    ("quit", 'q'),
    ("help", '?'),
    ("command", ':'),
    ("filter", '/'),
    ("left", 'h'),
    ("down", 'j'),
    ("up", 'k'),
    ("right", 'l'),
    ("far-left", 'H'),
    ("first", 'g'),
    ("last", 'G'),
    ("next", 'n'),
    ("previous", 'N'),
    ("zoom-in", '+'),
    ("zoom-out", '-'),
    ("zoom-all", '0'),
    ("log-steps", 'x'),
    ("scale", 'y'),
    ("further", 'v'),
    ("smooth", 's'),
    ("tree", 't'),
    ("mark", ' '),
    ("pause", 'p'),
    ("output", 'o'),
    ("colours", 'c'),
    ("glyphs", 'u'),
    ("save", 'e'),
    ("list", 'L'),
    ("repaint", 'R'),
    ("next-slice", ']'),
    ("previous-slice", '['),
    ("surface", 'm'),
    ("rotate", 'r'),
    ("flatter", '<'),
    ("steeper", '>'),
];

/// Names of actions, as errors and documents list them.
pub const ACTION_NAMES: &str = "quit, help, command, filter, left, down, up, right, far-left, first, last, next, \
     previous, zoom-in, zoom-out, zoom-all, log-steps, scale, further, smooth, tree, mark, pause, output, colours, \
     glyphs, save, list, repaint, next-slice, previous-slice, surface, rotate, flatter, steeper";

/// A key that can mean an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundKey {
    /// A character.
    Character(char),
    /// Control and a letter.
    Control(char),
    /// No key at all.
    None,
}

impl FromStr for BoundKey {
    type Err = UnknownWord;

    /// A character, `space`, `ctrl-` and a letter, or nothing for no key.
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        const EXPECTED: &str = "a character, space, ctrl-a to ctrl-z but c and z, or \"\" for no key; 1 to 9 show views";
        let unknown = || UnknownWord { found: word.to_owned(), expected: EXPECTED };
        let mut characters = word.chars();
        match (word.strip_prefix("ctrl-"), characters.next(), characters.next()) {
            (_, None, _) => Ok(Self::None),
            (Some("c" | "z"), ..) => Err(unknown()),
            (Some(letter), ..)
                if letter.len() == 1 && letter.as_bytes()[0].is_ascii_lowercase() =>
            {
                Ok(Self::Control(char::from(letter.as_bytes()[0])))
            }
            _ if word == "space" => Ok(Self::Character(' ')),
            (_, Some('1'..='9'), None) => Err(unknown()),
            (_, Some(one), None) if !one.is_control() => Ok(Self::Character(one)),
            _ => Err(unknown()),
        }
    }
}

impl BoundKey {
    fn is(self, key: &KeyEvent) -> bool {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match self {
            Self::Character(own) => !is_control && key.code == KeyCode::Char(own),
            Self::Control(own) => is_control && key.code == KeyCode::Char(own),
            Self::None => false,
        }
    }

    /// As the help writes it.
    fn label(self) -> String {
        match self {
            Self::Character(' ') => "Space".to_owned(),
            Self::Character(own) => own.to_string(),
            Self::Control(own) => format!("Ctrl-{}", own.to_ascii_uppercase()),
            Self::None => "–".to_owned(),
        }
    }
}

/// The keys that the reader wants instead of the usual ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bindings([Option<BoundKey>; ACTIONS.len()]);

impl Default for Bindings {
    fn default() -> Self {
        Self([None; ACTIONS.len()])
    }
}

impl Bindings {
    /// Lets a key mean an action.
    ///
    /// # Errors
    ///
    /// [`UnknownWord`] where there is no such action.
    pub fn bind(&mut self, action: &str, key: BoundKey) -> Result<(), UnknownWord> {
        let place = ACTIONS.iter().position(|(name, _)| *name == action);
        let unknown = || UnknownWord { found: action.to_owned(), expected: ACTION_NAMES };
        self.0[place.ok_or_else(unknown)?] = Some(key);
        Ok(())
    }

    /// Two actions that one key would mean, if there are any, with the key.
    #[must_use]
    pub fn clash(&self) -> Option<(&'static str, &'static str, String)> {
        let keys: Vec<BoundKey> = (0..ACTIONS.len()).map(|place| self.key(place)).collect();
        let clash = |(place, key): (usize, &BoundKey)| {
            let other = keys[..place].iter().position(|it| it == key && *it != BoundKey::None)?;
            Some((ACTIONS[other].0, ACTIONS[place].0, key.label()))
        };
        keys.iter().enumerate().find_map(clash)
    }

    fn key(&self, place: usize) -> BoundKey {
        self.0[place].unwrap_or(BoundKey::Character(ACTIONS[place].1))
    }

    /// An event as it would be with the usual keys; `None`: the reader took its meaning away.
    pub(crate) fn usual(&self, event: &Event) -> Option<Event> {
        let Event::Key(key) = event else {
            return Some(event.clone());
        };
        let bound = (0..ACTIONS.len()).find(|&place| self.0[place].is_some_and(|own| own.is(key)));
        if let Some(place) = bound {
            let code = KeyCode::Char(ACTIONS[place].1);
            return Some(Event::Key(KeyEvent { code, modifiers: KeyModifiers::NONE, ..*key }));
        }
        let is_lost =
            |place: usize| self.0[place].is_some() && BoundKey::Character(ACTIONS[place].1).is(key);
        (!(0..ACTIONS.len()).any(is_lost)).then(|| event.clone())
    }

    /// Keys as the help names them, with the reader's own instead of the usual ones.
    pub(crate) fn relabel<'a>(&self, keys: &'a str) -> Cow<'a, str> {
        if *self == Self::default() {
            return Cow::Borrowed(keys);
        }
        let words = keys.split_inclusive([' ', ',']);
        Cow::Owned(words.map(|word| self.relabel_word(word)).collect())
    }

    /// A line of keys and what they do, entries of which stand two blanks apart: only the keys before the words are named
    /// anew.
    pub(crate) fn relabel_line(&self, line: &str) -> String {
        let entry = |entry: &str| {
            let words = entry.split_inclusive(' ');
            let keys: Vec<&str> = words.take_while(|it| is_usual(it.trim_end())).collect();
            let length = keys.iter().map(|it| it.len()).sum::<usize>();
            let named: String = keys.iter().map(|word| self.relabel_word(word)).collect();
            named + &entry[length..]
        };
        line.split("  ").map(entry).collect::<Vec<_>>().join("  ")
    }

    fn relabel_word(&self, word: &str) -> String {
        let key = word.trim_end_matches([' ', ',']);
        let rest = &word[key.len()..];
        match place_of(key) {
            Some(place) => self.key(place).label() + rest,
            None if key == "+-0" => {
                let labels = ["+", "-", "0"].map(|it| self.relabel_word(it));
                labels.concat() + rest
            }
            None => word.to_owned(),
        }
    }
}

fn is_usual(word: &str) -> bool {
    word == "+-0" || place_of(word).is_some()
}

/// The action that a key means usually.
fn place_of(label: &str) -> Option<usize> {
    ACTIONS.iter().position(|(_, usual)| BoundKey::Character(*usual).label() == label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn bound(pairs: &[(&str, &str)]) -> Bindings {
        let mut bindings = Bindings::default();
        pairs.iter().for_each(|(action, key)| bindings.bind(action, key.parse().unwrap()).unwrap());
        bindings
    }

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    fn message(bindings: &Bindings, key: char) -> Option<Message> {
        let usual = bindings.usual(&press(KeyCode::Char(key), KeyModifiers::NONE))?;
        Message::from_event(&usual)
    }

    #[test]
    fn every_action_is_named_once_and_its_key_means_something() {
        let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.join(", "), ACTION_NAMES);
        let usual = Bindings::default();
        assert_eq!(usual.clash(), None);
        for (name, key) in ACTIONS {
            assert!(message(&usual, key).is_some(), "{name}");
        }
    }

    #[test]
    fn keys_change_their_meaning_and_lose_it() {
        let bindings = bound(&[("quit", "x"), ("log-steps", "ctrl-x"), ("smooth", "")]);
        assert_eq!(bindings.clash(), None);
        assert_eq!(message(&bindings, 'x'), Some(Message::Quit));
        assert_eq!(message(&bindings, 'q'), None);
        assert_eq!(message(&bindings, 's'), None);
        assert_eq!(message(&bindings, 'j'), message(&Bindings::default(), 'j'));
        let control = bindings.usual(&press(KeyCode::Char('x'), KeyModifiers::CONTROL));
        assert_eq!(Message::from_event(&control.unwrap()), Some(Message::ToggleLogSteps));
        let leave = press(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(bindings.usual(&leave), Some(leave));
        let swapped = bound(&[("quit", "x"), ("log-steps", "q")]);
        assert_eq!(message(&swapped, 'q'), Some(Message::ToggleLogSteps));
    }

    #[test]
    fn what_cannot_be_bound_is_told_with_what_can() {
        for wrong in ["xy", "ctrl-c", "ctrl-z", "ctrl-A", "ctrl-", "1", "\t", "F1"] {
            let told = wrong.parse::<BoundKey>().unwrap_err().to_string();
            assert!(told.contains("ctrl-a to ctrl-z"), "{told}");
        }
        let told = Bindings::default().bind("leave", BoundKey::None).unwrap_err().to_string();
        assert!(told.contains("leave") && told.contains("quit, help"), "{told}");
        let clash = bound(&[("quit", "x")]).clash();
        assert_eq!(clash, Some(("quit", "log-steps", "x".to_owned())));
    }

    #[test]
    fn help_and_footer_name_the_keys_of_the_reader() {
        let bindings =
            bound(&[("quit", "x"), ("log-steps", ""), ("mark", "ctrl-b"), ("zoom-in", "z")]);
        assert_eq!(bindings.relabel("q, Ctrl-C"), "x, Ctrl-C");
        assert_eq!(bindings.relabel("x"), "–");
        assert_eq!(bindings.relabel("Space"), "Ctrl-B");
        assert_eq!(bindings.relabel("+ - 0, wheel"), "z - 0, wheel");
        assert_eq!(bindings.relabel("↑ ↓, k j, g G"), "↑ ↓, k j, g G");
        let line = "q quit  ? help  ← → step  + - zoom  +-0 zoom  x steps  s q is no key here";
        let expected = "x quit  ? help  ← → step  z - zoom  z-0 zoom  – steps  s x is no key here";
        assert_eq!(bindings.relabel_line(line), expected);
        assert_eq!(bindings.relabel_line("m 3-D  [ ] slice  Enter"), "m 3-D  [ ] slice  Enter");
        assert_eq!(Bindings::default().relabel_line(line), line);
    }
}
