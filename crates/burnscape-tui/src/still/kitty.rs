//! Kitty's graphics protocol: who speaks it, and an image in it.
//! (<https://sw.kovidgoyal.net/kitty/graphics-protocol/>)

/// Letters of Base64 in one escape code at most.
const CHUNK: usize = 4096;
/// Takes all images off the screen.
pub(crate) const REMOVE: &[u8] = b"\x1b_Ga=d,d=A,q=2\x1b\\";

/// Whether the terminal is known to speak it. What stands between it and this program hands nothing on.
pub(crate) fn is_spoken(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let is_one_of = |name, known: &[&str]| set(name).is_some_and(|it| known.contains(&it.as_str()));
    let speaks = set("KITTY_WINDOW_ID").is_some()
        || is_one_of("TERM", &["xterm-kitty", "xterm-ghostty"])
        || is_one_of("TERM_PROGRAM", &["ghostty", "WezTerm"]);
    speaks && set("TMUX").is_none() && set("STY").is_none()
}

/// An image of so many pixels in a zlib stream of RGB, over so many columns and rows from the cursor on, which stays where
/// it is.
pub(super) fn shown(
    packed: &[u8],
    (width, height): (usize, usize),
    (columns, rows): (u16, u16),
) -> Vec<u8> {
    let letters = base64(packed);
    let chunks: Vec<&[u8]> = letters.chunks(CHUNK).collect();
    let mut bytes = Vec::new();
    for (number, chunk) in chunks.iter().enumerate() {
        let more = u8::from(number + 1 < chunks.len());
        let keys = match number {
            0 => format!("a=T,f=24,o=z,q=2,C=1,s={width},v={height},c={columns},r={rows},m={more}"),
            _ => format!("m={more}"),
        };
        bytes.extend_from_slice(format!("\x1b_G{keys};").as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\x1b\\");
    }
    bytes
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let quartet = |three: &[u8]| {
        let at = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let letter = |i: usize| match i > three.len() {
            true => b'=',
            false => LETTERS[(bits >> (18 - 6 * i) & 63) as usize],
        };
        [letter(0), letter(1), letter(2), letter(3)]
    };
    bytes.chunks(3).flat_map(quartet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn letters_are_those_of_the_standards_examples() {
        let of = |text: &str| String::from_utf8(base64(text.as_bytes())).unwrap();
        let words = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(of);
        assert_eq!(words, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn an_image_goes_in_parts_of_which_the_last_one_says_so() {
        let bytes = shown(&vec![0xff; 4000], (640, 480), (80, 20));
        let text = String::from_utf8(bytes).unwrap();
        let first = "\u{1b}_Ga=T,f=24,o=z,q=2,C=1,s=640,v=480,c=80,r=20,m=1;////";
        assert!(text.starts_with(first), "{}", &text[..80]);
        let parts: Vec<&str> = text.split_terminator("\u{1b}\\").collect();
        assert_eq!(parts.len(), 2);
        assert!(parts[1].starts_with("\u{1b}_Gm=0;") && parts[1].len() < CHUNK);
    }

    #[test]
    fn only_those_that_are_known_to_speak_it_are_spoken_to() {
        let of = |set: &[(&str, &str)]| {
            is_spoken(|name| set.iter().find(|it| it.0 == name).map(|it| it.1.to_owned()))
        };
        assert!(of(&[("TERM", "xterm-kitty")]) && of(&[("TERM_PROGRAM", "WezTerm")]));
        assert!(of(&[("KITTY_WINDOW_ID", "1"), ("TERM", "xterm-256color")]));
        assert!(!of(&[("TERM", "xterm-256color")]) && !of(&[]));
        assert!(!of(&[("TERM_PROGRAM", "ghostty"), ("TMUX", "/tmp/tmux-0/default,1,0")]));
        assert!(!of(&[("TERM", "xterm-kitty"), ("STY", "1.pts")]));
    }
}
