//! What is sent is held against a terminal that another hand wrote.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::*;

const AREA: Rect = Rect::new(0, 0, 40, 9);

/// Numbers that are drawn from a seed (Steele et al. 2014, SplitMix64).
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Changes some stretches of a frame.
    fn change(&mut self, frame: &mut Buffer) {
        let colours = [
            Color::Reset,
            Color::Red,
            Color::LightCyan,
            Color::Indexed(77),
            Color::Rgb(1, 2, 3),
            Color::Rgb(250, 128, 7),
        ];
        let modifiers = [
            Modifier::empty(),
            Modifier::BOLD,
            Modifier::REVERSED | Modifier::BOLD,
            Modifier::UNDERLINED,
            Modifier::DIM,
            Modifier::ITALIC,
        ];
        let words = [" ", "a", "▀", "▄", "⣿", "  x  ", "層", "           ", "word and word"];
        for _ in 0..self.below(20) {
            let style = Style::new()
                .fg(self.one(&colours))
                .bg(self.one(&colours))
                .add_modifier(self.one(&modifiers))
                .remove_modifier(!self.one(&modifiers));
            let (x, y) = (self.below(40) as u16, self.below(9) as u16);
            frame.set_stringn(x, y, self.one(&words), usize::from(40 - x), style);
        }
    }
}

/// What a cell looks like: the two half blocks are one picture, and a blank has no ink.
fn look(symbol: &str, ink: vt100::Color, ground: vt100::Color, marks: [bool; 5]) -> String {
    let symbol = if symbol.is_empty() { " " } else { symbol };
    match symbol {
        "▄" => format!("▀ {ground:?} {ink:?} {marks:?}"),
        " " if marks == [false; 5] => format!("  {ground:?}"),
        _ => format!("{symbol} {ink:?} {ground:?} {marks:?}"),
    }
}

fn seen(screen: &vt100::Screen) -> Vec<String> {
    let at = |i: u16| {
        let cell = screen.cell(i / AREA.width, i % AREA.width).unwrap();
        let marks = [cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse()];
        look(cell.contents(), cell.fgcolor(), cell.bgcolor(), marks)
    };
    (0..AREA.width * AREA.height).map(at).collect()
}

fn wanted(frame: &Buffer) -> Vec<String> {
    let colour = |colour: Color| match colour {
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Indexed(i) => vt100::Color::Idx(i),
        Color::Red => vt100::Color::Idx(1),
        Color::LightCyan => vt100::Color::Idx(14),
        _ => vt100::Color::Default,
    };
    let cell = |cell: &Cell| {
        let has = |modifier| cell.modifier.contains(modifier);
        let marks = [
            has(Modifier::BOLD),
            has(Modifier::DIM),
            has(Modifier::ITALIC),
            has(Modifier::UNDERLINED),
            has(Modifier::REVERSED),
        ];
        look(cell.symbol(), colour(cell.fg), colour(cell.bg), marks)
    };
    frame.content.iter().map(cell).collect()
}

/// Cells that a wide letter covers are nobody's.
fn assert_same(frame: &Buffer, terminal: &vt100::Parser, what: &str) {
    let (seen, wanted) = (seen(terminal.screen()), wanted(frame));
    for (i, (seen, wanted)) in seen.iter().zip(&wanted).enumerate() {
        let is_covered = i > 0 && frame.content[i - 1].symbol() == "層";
        assert!(is_covered || seen == wanted, "{what}, cell {i}: {seen:?}, not {wanted:?}");
    }
}

#[test]
fn any_frame_arrives_as_it_was_drawn_in_any_order_and_any_number_of_parts() {
    for seed in 0..200 {
        let mut drawn = Drawn(seed);
        let mut wire = Wire::blank(AREA);
        let mut terminal = vt100::Parser::new(AREA.height, AREA.width, 0);
        let mut frame = Buffer::empty(AREA);
        for number in 0..6 {
            drawn.change(&mut frame);
            let budget = drawn.one(&[1, 20, 100, usize::MAX]);
            let mut order = drawn.one(&[Order::WordsFirst, Order::From(0), Order::From(7)]);
            loop {
                let sent = wire.send(&frame, order, budget);
                terminal.process(&sent.bytes);
                match sent.rest_from {
                    Some(row) => order = Order::From(row),
                    None => break,
                }
            }
            assert_same(&frame, &terminal, &format!("seed {seed}, frame {number}"));
        }
    }
}

fn sent(wire: &mut Wire, frame: &Buffer) -> String {
    String::from_utf8(wire.send(frame, Order::From(0), usize::MAX).bytes).unwrap()
}

#[test]
fn colours_are_sent_where_they_change_and_a_blank_has_no_ink() {
    let mut wire = Wire::blank(AREA);
    let mut frame = Buffer::empty(AREA);
    let red = Style::new().fg(Color::Red);
    frame.set_string(0, 0, "ab", red);
    frame.set_string(2, 0, " ", Style::new());
    frame.set_string(3, 0, "c", red);
    assert_eq!(sent(&mut wire, &frame), "\x1b[1H\x1b[0;31mab c");
    assert_eq!(sent(&mut wire, &frame), "");
    frame.set_string(3, 0, "d", red.bg(Color::Indexed(9)));
    assert_eq!(sent(&mut wire, &frame), "\x1b[1;4H\x1b[48;5;9md");
}

#[test]
fn two_half_blocks_with_their_colours_exchanged_need_one_pen() {
    let mut wire = Wire::blank(AREA);
    let mut frame = Buffer::empty(AREA);
    frame.set_string(0, 0, "▀", Style::new().fg(Color::Red).bg(Color::Blue));
    frame.set_string(1, 0, "▀", Style::new().fg(Color::Blue).bg(Color::Red));
    assert_eq!(sent(&mut wire, &frame), "\x1b[1H\x1b[0;31;44m▀▄");
}

#[test]
fn the_end_of_a_row_is_erased() {
    let mut wire = Wire::blank(AREA);
    let mut frame = Buffer::empty(AREA);
    frame.set_string(0, 3, "a long line that goes away", Style::new());
    sent(&mut wire, &frame);
    frame.set_string(2, 3, " ".repeat(30), Style::new());
    assert_eq!(sent(&mut wire, &frame), "\x1b[4;3H\x1b[K");
}

#[test]
fn a_key_is_answered_by_the_first_row_then_the_last_then_words() {
    let mut wire = Wire::blank(AREA);
    let mut frame = Buffer::empty(AREA);
    frame.set_string(0, 0, "head", Style::new());
    frame.set_string(0, 2, "▀▀▀▀", Style::new().fg(Color::Red));
    frame.set_string(0, 5, "word", Style::new());
    frame.set_string(0, 8, "foot", Style::new());
    let bytes = wire.send(&frame, Order::WordsFirst, usize::MAX).bytes;
    let text = String::from_utf8(bytes).unwrap();
    let places = ["head", "foot", "word", "▀▀▀▀"].map(|it| text.find(it).unwrap());
    assert!(places.is_sorted(), "{text:?}");
}

#[test]
fn a_part_is_no_larger_than_the_budget_and_a_cell() {
    let mut wire = Wire::blank(AREA);
    let mut frame = Buffer::empty(AREA);
    Drawn(7).change(&mut frame);
    while let Sent { bytes, rest_from: Some(_) } = wire.send(&frame, Order::From(0), 50) {
        // A place, two colours of 24 bits and six attributes, and a glyph.
        assert!(bytes.len() < 50 + 64, "{}", bytes.len());
    }
}
