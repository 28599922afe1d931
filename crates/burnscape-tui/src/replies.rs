//! What a terminal tells about itself when it is asked, among the keys.
#![cfg_attr(not(unix), allow(dead_code, reason = "elsewhere nobody is asked"))]

use crate::link;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It has drawn all that came before the request.
    Status,
    /// Red, green and blue of its ground.
    Ground([u8; 3]),
    /// It draws what stands between two marks at once.
    Synchronizes,
    /// It shows 24 bits of colour.
    TrueColour,
}

/// The ground (xterm, "Operating System Commands", 11), whether it synchronizes (DECRQM of mode 2026), and the
/// terminfo capabilities `RGB` and `Tc` (XTGETTCAP): who does not know these says nothing.
const ABOUT_ITSELF: &[u8] = b"\x1b]11;?\x1b\\\x1b[?2026$p\x1bP+q524742;5463\x1b\\";

/// What is asked at the beginning; the status comes last, so that its answer ends the waiting for all others.
pub(crate) fn questions(variable: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    match may_be_asked(variable) {
        true => [ABOUT_ITSELF, link::REQUEST].concat(),
        false => link::REQUEST.to_vec(),
    }
}

/// Consoles print parts of questions that they do not know; GNU screen hands some on to whatever it is shown in,
/// which is no answer about screen.
fn may_be_asked(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_default();
    let is_console = ["linux", "dumb", "cons", "vt", "sun"].iter().any(|it| term.starts_with(it));
    let is_apple = set("TERM_PROGRAM").is_some_and(|it| it == "Apple_Terminal");
    !(is_console || is_apple || set("STY").is_some())
}

/// What a control sequence tells: its parameters, and the byte that ends it.
pub(crate) fn of_control_sequence(parameters: &str, last: u8) -> Option<Reply> {
    match (parameters, last) {
        ("0", b'n') => Some(Reply::Status),
        ("?2026;1$" | "?2026;2$", b'y') => Some(Reply::Synchronizes),
        _ => None,
    }
}

/// What an operating system command tells: what stands between its introducer and its end.
pub(crate) fn of_command(text: &str) -> Option<Reply> {
    ground(text.strip_prefix("11;")?).map(Reply::Ground)
}

/// What a device control string tells.
pub(crate) fn of_device_string(text: &str) -> Option<Reply> {
    let name = text.strip_prefix("1+r")?.split(['=', ';']).next()?;
    // `RGB` and `Tc` in hexadecimal.
    ["524742", "5463"].contains(&name).then_some(Reply::TrueColour)
}

/// `rgb:RRRR/GGGG/BBBB` with one to four hexadecimal digits each, or `rgba:`.
fn ground(text: &str) -> Option<[u8; 3]> {
    let channels = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    let mut channels = channels.split('/').map(|digits| {
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() <= 4)?;
        let most = 16_u32.pow(digits.len() as u32) - 1;
        Some((value * 255 / most.max(1)) as u8)
    });
    Some([channels.next()??, channels.next()??, channels.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grounds_are_read_as_terminals_write_them() {
        // xterm, kitty and VTE write four digits, Linux consoles of old two.
        assert_eq!(of_command("11;rgb:ffff/ffff/ffff"), Some(Reply::Ground([255; 3])));
        assert_eq!(of_command("11;rgb:1e1e/2020/3030"), Some(Reply::Ground([0x1e, 0x20, 0x30])));
        assert_eq!(of_command("11;rgba:00/2b/36/ff"), Some(Reply::Ground([0, 0x2b, 0x36])));
        for wrong in
            ["11;", "11;rgb:", "11;rgb:ff/ff", "10;rgb:0/0/0", "11;rgb:fffff/0/0", "11;red"]
        {
            assert_eq!(of_command(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn other_answers_are_known_by_their_form() {
        assert_eq!(of_control_sequence("0", b'n'), Some(Reply::Status));
        assert_eq!(of_control_sequence("?2026;2$", b'y'), Some(Reply::Synchronizes));
        assert_eq!(of_control_sequence("?2026;0$", b'y'), None, "it does not know it");
        assert_eq!(of_control_sequence("?62;22", b'c'), None);
        assert_eq!(of_device_string("1+r524742=38"), Some(Reply::TrueColour));
        assert_eq!(of_device_string("1+r5463"), Some(Reply::TrueColour));
        assert_eq!(of_device_string("0+r524742"), None, "it does not know it");
    }

    #[test]
    fn consoles_and_gnu_screen_are_asked_for_their_status_alone() {
        let asked = |variables: &[(&str, &str)]| {
            let find = |name: &str| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            questions(find) != link::REQUEST
        };
        assert!(
            asked(&[("TERM", "xterm-256color")])
                && asked(&[("TERM", "tmux-256color"), ("TMUX", "x")])
        );
        assert!(!asked(&[("TERM", "linux")]) && !asked(&[("TERM", "screen"), ("STY", "1.x")]));
        assert!(!asked(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal")]));
    }
}
