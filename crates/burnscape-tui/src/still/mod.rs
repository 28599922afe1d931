//! A still in pixels, for terminals that speak Kitty's graphics protocol: written directly, on a key alone.

mod kitty;
mod zlib;

use ratatui::layout::Rect;
use ratatui::style::Color;

pub(crate) use self::kitty::{REMOVE, is_spoken};

/// Bytes of a still at most: a quarter of a minute of the slowest link.
const MOST_BYTES: usize = 30_000;

/// Pixels, row by row, in the colours of views; `Reset` is the ground.
#[derive(Debug, Clone, PartialEq)]
pub struct Still {
    /// Pixels in a row.
    pub width: usize,
    /// The pixels; whole rows.
    pub pixels: Vec<Color>,
}

/// Pixels across and down for each dot of braille; the finest that fits is taken.
const FINENESS: [u16; 3] = [3, 2, 1];
/// Rows above and below the place of a still: those of the frame.
const FRAME: u16 = 1;

/// The bytes that show a still on a terminal of this size, as fine as it finds room in them; a sentence where there is
/// none.
pub(crate) fn finest(
    terminal: Rect,
    of: impl Fn(Rect) -> Option<Still>,
    rgb: impl Fn(Color) -> [u8; 3],
) -> Result<Vec<u8>, &'static str> {
    let (columns, rows) = (terminal.width, terminal.height.saturating_sub(2 * FRAME));
    for fineness in FINENESS {
        let area = Rect::new(0, 0, columns.saturating_mul(fineness), rows.saturating_mul(fineness));
        let still = of(area).ok_or("no still here: it is of the surface in space (4, then m)")?;
        if let Some(image) = bytes(&still, (columns, rows), &rgb) {
            // The cursor goes where the image begins, and back.
            let place = format!("\x1b7\x1b[{};1H", FRAME + 1);
            return Ok([place.as_bytes(), &image, b"\x1b8"].concat());
        }
    }
    Err("no still: it would take more than 30 kB")
}

/// The bytes of an image over so many columns and rows; `None`: they are too many.
fn bytes(still: &Still, cells: (u16, u16), rgb: impl Fn(Color) -> [u8; 3]) -> Option<Vec<u8>> {
    let plain: Vec<u8> = still.pixels.iter().flat_map(|&pixel| rgb(pixel)).collect();
    let row = 3 * still.width;
    // Of equal repetitions the last distance, the nearest one, takes the fewest bits.
    let packed = zlib::compressed(&plain, &[row + 3, row.saturating_sub(3), row, 3]);
    let height = still.pixels.len() / still.width.max(1);
    let bytes = kitty::shown(&packed, (still.width, height), cells);
    (bytes.len() <= MOST_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use burnscape_trace::{Axis, Nodes, Record, Slice, record};

    use super::*;
    use crate::app::App;
    use crate::message::Message;
    use crate::model::Run;
    use crate::palette::lit_level;
    use crate::shown::Shown;
    use crate::views::ViewKind;

    /// A bowl of 25 × 25 nodes.
    fn bowl() -> App {
        let axis = |label: &str| {
            let (label, first, count) = (label.into(), -12, 25);
            record!(Axis { label, first, count, spacing: 0.1, direction_norm: 1.0 })
        };
        let square = |i: i32| f64::from((i - 12) * (i - 12)) / 100.0;
        let loss = (0..25).flat_map(|y| (0..25).map(move |x| square(x) + 2.0 * square(y)));
        let (x, y) = (axis("PC 1"), Some(axis("PC 2")));
        let (index, loss) =
            ((0..625).collect::<Vec<u32>>().into(), loss.collect::<Vec<_>>().into());
        let mut run = Run::named("bowl");
        run.apply(&Record::Slice(record!(Slice { name: "pca".into(), x, y })));
        run.apply(&Record::Nodes(record!(Nodes { index, loss, stderr: vec![0.0; 625].into() })));
        App::new(run, ViewKind::Landscape)
    }

    #[test]
    fn the_surface_in_space_is_sent_in_time_on_any_window_and_the_map_is_not() {
        let mut app = bowl();
        let rgb = |colour| match colour {
            Color::Rgb(r, g, b) => [r, g, b],
            _ => [0; 3],
        };
        let of_map = finest(Rect::new(0, 0, 120, 40), |area| app.still(area), rgb);
        assert!(of_map.unwrap_err().contains("4, then m"));
        app.update(Message::NextPicture);
        for (width, height) in [(80, 24), (120, 40), (200, 60)] {
            let window = Rect::new(0, 0, width, height);
            let sent = finest(window, |area| app.still(area), rgb).unwrap();
            assert!(sent.len() <= MOST_BYTES + 20, "{}", sent.len());
            assert!(sent.starts_with(b"\x1b7\x1b[2;1H\x1b_Ga=T,") && sent.ends_with(b"\x1b8"));
        }
        let still = app.still(Rect::new(0, 0, 60, 20)).unwrap();
        assert_eq!((still.width, still.pixels.len()), (120, 120 * 80));
        let middle = still.pixels[40 * 120 + 60];
        assert!(lit_level(middle).is_some_and(|(level, _)| level < 4), "the bottom: {middle:?}");
        assert_eq!(still.pixels[0], Color::Reset, "the ground");
    }

    #[test]
    fn what_is_flat_takes_few_bytes_and_noise_is_refused() {
        let flat = Still { width: 800, pixels: vec![Color::Reset; 800 * 480] };
        let sent = bytes(&flat, (200, 60), |_| [1, 2, 3]).unwrap();
        // 258 bytes at a time, in 12 to 13 bits each, in the 64 letters of Base64.
        assert!(sent.len() < 800 * 480 * 3 / 258 * 2 * 4 / 3 + 200, "{}", sent.len());
        let pixels = (0..90_000_u32)
            .map(|i| Color::Indexed((i.wrapping_mul(2_654_435_761) >> 24) as u8))
            .collect();
        let noise = Still { width: 300, pixels };
        let rgb = |colour| match colour {
            Color::Indexed(index) => [index, index ^ 0x5a, index ^ 0xa5],
            _ => [0; 3],
        };
        assert_eq!(bytes(&noise, (10, 10), rgb), None);
    }
}
