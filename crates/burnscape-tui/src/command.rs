//! What has no key is typed: `:step 120`, `:glyphs`, `:view sharpness`.

use crate::message::Message;
use crate::views::ViewKind;

/// What was typed behind a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// What a key could mean.
    Is(Message),
    /// Look at this step.
    Step(u64),
}

impl Command {
    /// What can be typed.
    pub(crate) const ALL: &str =
        "step N, view NAME, glyphs, colours, scale, log-steps, picture, list, repaint, quit";

    /// The meaning of some words; `None`: they have none.
    pub(crate) fn of(typed: &str) -> Option<Self> {
        let mut words = typed.split_whitespace();
        let (name, value) = (words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        match (name, value) {
            (step, None) if step.parse::<u64>().is_ok() => step.parse().ok().map(Self::Step),
            ("step", Some(step)) => step.parse().ok().map(Self::Step),
            ("view", Some(view)) => {
                let view: ViewKind = view.parse().ok()?;
                Some(Self::Is(Message::ShowView(view.number())))
            }
            (name, None) => message(name).map(Self::Is),
            _ => None,
        }
    }
}

fn message(name: &str) -> Option<Message> {
    Some(match name {
        "glyphs" => Message::NextGlyphs,
        "colours" | "colors" => Message::NextColours,
        "scale" => Message::NextScale,
        "log-steps" => Message::ToggleLogSteps,
        "picture" => Message::SavePicture,
        "list" => Message::ShowList,
        "repaint" => Message::Repaint,
        "q" | "quit" => Message::Quit,
        "help" => Message::ToggleHelp,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_commands_or_nothing() {
        assert_eq!(Command::of("step 120"), Some(Command::Step(120)));
        assert_eq!(Command::of(" 7 "), Some(Command::Step(7)));
        assert_eq!(Command::of("view 4"), Some(Command::Is(Message::ShowView(4))));
        assert_eq!(Command::of("q"), Some(Command::Is(Message::Quit)));
        for wrong in ["", "step", "step x", "view 9", "glyphs now", "step 1 2", "rm"] {
            assert_eq!(Command::of(wrong), None, "{wrong}");
        }
        for name in Command::ALL.split(", ").filter(|it| !it.contains(' ')) {
            assert!(Command::of(name).is_some(), "{name}");
        }
    }
}
