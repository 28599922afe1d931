//! How frames look on the terminal: what it can show, on which ground, and what of that the reader chose.

use ratatui::buffer::Buffer;
use ratatui::style::Color;

use crate::bindings::Bindings;
use crate::ground::{Ground, Theme};
use crate::inks::Inks;
use crate::terminal_profile::{ColourDepth, TerminalProfile};

/// What the reader chose; what is not chosen is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Choices {
    /// Whether the terminal draws on a dark or a light ground.
    pub theme: Option<Theme>,
    /// The depth of colours is as given: the terminal is not asked for more.
    pub keeps_depth: bool,
    /// The mouse stays the terminal's, for copying.
    pub without_mouse: bool,
    /// Keys of the reader's own.
    pub keys: Bindings,
}

/// What frames are adapted to.
#[derive(Debug)]
pub(crate) struct Looks {
    pub(crate) profile: TerminalProfile,
    choices: Choices,
    ground: Ground,
    inks: Inks,
}

impl Looks {
    /// What is chosen and what the environment tells; the terminal may tell more.
    pub(crate) fn new(
        profile: TerminalProfile,
        choices: Choices,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let theme = choices.theme.or_else(|| Theme::from_environment(variable)).unwrap_or_default();
        let ground = Ground::assumed(theme);
        Self { profile, choices, ground, inks: Inks::new(profile.colours, ground) }
    }

    /// The same from the environment of this process.
    pub(crate) fn of_this_process(profile: TerminalProfile, choices: Choices) -> Self {
        Self::new(profile, choices, |name| std::env::var(name).ok())
    }

    /// Maps a finished frame to what is shown.
    pub(crate) fn adapt(&self, frame: &mut Buffer) {
        self.profile.adapt_with(&self.inks, frame);
    }

    /// From colours of views to pixels, which show 24 bits; where nothing is drawn, that is the ground.
    pub(crate) fn pixels(&self) -> impl Fn(Color) -> [u8; 3] {
        let (inks, ground) = (Inks::new(ColourDepth::True, self.ground), self.ground.rgb());
        move |colour| match inks.of(colour).unwrap_or(colour) {
            Color::Rgb(r, g, b) => [r, g, b],
            Color::Reset => ground,
            _ => [0; 3],
        }
    }

    pub(crate) fn listens_to_the_mouse(&self) -> bool {
        !self.choices.without_mouse
    }

    /// The terminal told its ground; `true`: frames look different now.
    pub(crate) fn take_ground(&mut self, rgb: [u8; 3]) -> bool {
        let ground = Ground::told(rgb);
        let is_chosen_otherwise = self.choices.theme.is_some_and(|theme| theme != ground.theme);
        if is_chosen_otherwise || ground == self.ground {
            return false;
        }
        (self.ground, self.inks) = (ground, Inks::new(self.profile.colours, ground));
        true
    }

    /// The terminal told that it shows 24 bits; `true`: frames look different now.
    pub(crate) fn take_true_colour(&mut self) -> bool {
        let is_more =
            matches!(self.profile.colours, ColourDepth::Sixteen | ColourDepth::TwoFiftySix);
        if self.choices.keeps_depth || !is_more {
            return false;
        }
        self.profile.colours = ColourDepth::True;
        self.inks = Inks::new(ColourDepth::True, self.ground);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(colours: ColourDepth, choices: Choices, ground: Option<&str>) -> Looks {
        let profile = TerminalProfile { colours, ..TerminalProfile::FULL };
        Looks::new(profile, choices, |_| ground.map(str::to_owned))
    }

    #[test]
    fn a_choice_outdoes_the_terminal_and_the_terminal_the_environment() {
        let chosen = Choices { theme: Some(Theme::Dark), ..Choices::default() };
        let mut looks_dark = looks(ColourDepth::True, chosen, Some("0;15"));
        assert_eq!(looks_dark.ground.theme, Theme::Dark);
        assert!(!looks_dark.take_ground([255; 3]));
        assert!(looks_dark.take_ground([10; 3]), "its very colour is of use");
        let mut free = looks(ColourDepth::True, Choices::default(), Some("0;15"));
        assert_eq!(free.ground.theme, Theme::Light);
        assert!(free.take_ground([10; 3]) && !free.take_ground([10; 3]));
        assert_eq!(free.ground.theme, Theme::Dark);
    }

    #[test]
    fn a_terminal_that_tells_of_24_bits_gets_them_unless_the_reader_chose() {
        let mut free = looks(ColourDepth::TwoFiftySix, Choices::default(), None);
        assert!(free.take_true_colour() && !free.take_true_colour());
        let chosen = Choices { keeps_depth: true, ..Choices::default() };
        assert!(!looks(ColourDepth::TwoFiftySix, chosen, None).take_true_colour());
        assert!(!looks(ColourDepth::None, Choices::default(), None).take_true_colour());
    }
}
