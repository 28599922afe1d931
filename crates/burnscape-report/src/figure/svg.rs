//! A drawing in points (1/72 inch), written as SVG. The same calls give the same bytes.

use std::fmt::Write;

use burnscape_run::xml_escaped;
use resvg::tiny_skia::Pixmap;

/// Points per millimetre.
const POINTS_PER_MM: f64 = 72.0 / 25.4;
/// Size of letters, in points.
pub(crate) const FONT: f64 = 8.0;
/// Width of a letter in units of its size, as DejaVu Sans has it on average.
const LETTER: f64 = 0.6;

/// Where a text stands at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a shape looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) fill: &'a str,
    pub(crate) stroke: &'a str,
    pub(crate) width: f64,
    pub(crate) dashes: &'a str,
}

impl<'a> Look<'a> {
    pub(crate) const fn filled(fill: &'a str) -> Self {
        Self { fill, stroke: "none", width: 0.0, dashes: "" }
    }

    pub(crate) const fn line(stroke: &'a str, width: f64) -> Self {
        Self { fill: "none", stroke, width, dashes: "" }
    }

    pub(crate) const fn outlined(fill: &'a str, stroke: &'a str, width: f64) -> Self {
        Self { fill, stroke, width, dashes: "" }
    }
}

/// A drawing.
#[derive(Debug, Clone)]
pub(crate) struct Svg {
    width_mm: f64,
    height_mm: f64,
    body: String,
    pictures: Vec<Picture>,
}

/// Dots that are stretched over a rectangle, without smoothing.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) dots: Pixmap,
    /// Bytes of the shapes below it.
    above: usize,
}

impl Svg {
    pub(crate) fn new(width_mm: f64, height_mm: f64) -> Self {
        let mut svg = Self { width_mm, height_mm, body: String::new(), pictures: Vec::new() };
        svg.rect(0.0, 0.0, svg.width(), svg.height(), &Look::filled("#ffffff"));
        svg
    }

    /// Width in points.
    pub(crate) fn width(&self) -> f64 {
        self.width_mm * POINTS_PER_MM
    }

    /// Height in points.
    pub(crate) fn height(&self) -> f64 {
        self.height_mm * POINTS_PER_MM
    }

    /// The title, for those who do not see the drawing.
    pub(crate) fn title(&mut self, text: &str) {
        let _ = writeln!(self.body, "<title>{}</title>", xml_escaped(text));
    }

    pub(crate) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, look: &Look<'_>) {
        let _ = write!(
            self.body,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            short(x),
            short(y),
            short(width),
            short(height)
        );
        self.end(look);
    }

    pub(crate) fn circle(&mut self, x: f64, y: f64, radius: f64, look: &Look<'_>) {
        let (x, y, radius) = (short(x), short(y), short(radius));
        let _ = write!(self.body, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"");
        self.end(look);
    }

    /// A line through points; it is left out where they are fewer than two.
    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], look: &Look<'_>) {
        if points.len() > 1 {
            self.points("polyline", points, look);
        }
    }

    pub(crate) fn polygon(&mut self, points: &[(f64, f64)], look: &Look<'_>) {
        self.points("polygon", points, look);
    }

    fn points(&mut self, element: &str, points: &[(f64, f64)], look: &Look<'_>) {
        let _ = write!(self.body, "<{element} points=\"");
        for (place, (x, y)) in points.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            let _ = write!(self.body, "{space}{},{}", short(*x), short(*y));
        }
        self.body.push('"');
        self.end(look);
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), look: &Look<'_>) {
        self.polyline(&[from, to], look);
    }

    pub(crate) fn text(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        self.words(x, y, anchor, text, "");
    }

    /// With a rim, so that it is read on any colour.
    pub(crate) fn text_on_colours(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        let rim = " stroke=\"#ffffff\" stroke-width=\"2.4\" paint-order=\"stroke\"";
        self.words(x, y, anchor, text, rim);
    }

    /// Reads upwards.
    pub(crate) fn text_upwards(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        let turn = format!(" transform=\"rotate(-90 {} {})\"", short(x), short(y));
        self.words(x, y, anchor, text, &turn);
    }

    fn words(&mut self, x: f64, y: f64, anchor: Anchor, text: &str, more: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y, text) = (short(x), short(y), xml_escaped(text));
        let _ = writeln!(
            self.body,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\"{more}>{text}</text>"
        );
    }

    /// Dots over a rectangle; they stand in no group.
    pub(super) fn picture(&mut self, x: f64, y: f64, width: f64, height: f64, dots: Pixmap) {
        self.pictures.push(Picture { x, y, width, height, dots, above: self.body.len() });
    }

    /// Shapes as drawings of their own, each with the picture above it.
    pub(super) fn layers(&self) -> Vec<(String, Option<&Picture>)> {
        let mut below = 0;
        let mut layers = Vec::new();
        for picture in &self.pictures {
            layers.push((self.around(&self.body[below..picture.above]), Some(picture)));
            below = picture.above;
        }
        layers.push((self.around(&self.body[below..]), None));
        layers
    }

    fn end(&mut self, look: &Look<'_>) {
        let Look { fill, stroke, width, dashes } = look;
        let _ = write!(self.body, " fill=\"{fill}\"");
        if *stroke != "none" {
            let _ = write!(self.body, " stroke=\"{stroke}\" stroke-width=\"{}\"", short(*width));
        }
        if !dashes.is_empty() {
            let _ = write!(self.body, " stroke-dasharray=\"{dashes}\"");
        }
        self.body.push_str("/>\n");
    }

    /// What follows is drawn without smoothed edges, so that no seams show between cells.
    pub(crate) fn begin_cells(&mut self) {
        self.body.push_str("<g shape-rendering=\"crispEdges\">\n");
    }

    /// What follows is drawn within a rectangle only.
    pub(crate) fn begin_clip(&mut self, x: f64, y: f64, width: f64, height: f64) {
        let _ = writeln!(
            self.body,
            "<clipPath id=\"frame\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></clipPath>\n<g clip-path=\"url(#frame)\">",
            short(x),
            short(y),
            short(width),
            short(height)
        );
    }

    pub(crate) fn end_group(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// The file.
    pub(crate) fn to_text(&self) -> String {
        let mut body = String::with_capacity(self.body.len());
        let mut below = 0;
        for picture in &self.pictures {
            body.push_str(&self.body[below..picture.above]);
            body.push_str(&picture.element());
            below = picture.above;
        }
        body.push_str(&self.body[below..]);
        self.around(&body)
    }

    fn around(&self, body: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {} {}\" role=\"img\" font-family=\"'DejaVu Sans', Verdana, sans-serif\" font-size=\"{FONT}\" fill=\"#1a1a1a\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n{body}</svg>\n",
            short(self.width_mm),
            short(self.height_mm),
            short(self.width()),
            short(self.height()),
        )
    }
}

impl Picture {
    fn element(&self) -> String {
        let png = self.dots.encode_png().unwrap_or_default();
        format!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>\n",
            short(self.x),
            short(self.y),
            short(self.width),
            short(self.height),
            base64(&png)
        )
    }
}

/// Bytes as text (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |place: usize| match place <= three.len() {
            true => char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize]),
            false => '=',
        };
        text.extend((0..4).map(digit));
    }
    text
}

/// About how wide a text is, in points.
pub(crate) fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER * FONT
}

/// A text cut to a width, in points.
pub(crate) fn cut(text: &str, width: f64) -> String {
    let letters = (width / (LETTER * FONT)).max(1.0) as usize;
    match text.chars().count() > letters {
        true => text.chars().take(letters.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// Longer paths are cut as other texts are.
const LONGEST_PATH: usize = 300;

/// A path of modules cut to a width, in points: the names before its end to their first letters, as many as it takes,
/// since numbers and the end tell blocks apart.
pub(crate) fn cut_path(path: &str, width: f64) -> String {
    let mut parts: Vec<&str> = path.split('.').collect();
    for at in 0..parts.len() - 1 {
        if path.len() > LONGEST_PATH || width_of(&parts.join(".")) <= width {
            break;
        }
        if !parts[at].chars().all(|letter| letter.is_ascii_digit()) {
            let first = parts[at].chars().next().map_or(0, char::len_utf8);
            parts[at] = &parts[at][..first];
        }
    }
    cut(&parts.join("."), width)
}

/// A text in at most `lines` lines of a width, in points, broken at spaces; what is longer is cut.
pub(crate) fn wrapped(text: &str, width: f64, lines: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let is_last = found.len() >= lines;
        match found.last_mut() {
            Some(line) if is_last || width_of(line) + width_of(word) + width_of(" ") <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => found.push(word.to_owned()),
        }
    }
    found.iter().map(|line| cut(line, width)).collect()
}

/// Two decimals are finer than any printer.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_modules_keeps_its_numbers_and_its_end() {
        let path = "encoder.layers.17.attention.query.weight";
        for (letters, told) in [
            (40, path),
            (36, "e.layers.17.attention.query.weight"),
            (30, "e.l.17.attention.query.weight"),
            (20, "e.l.17.a.q.weight"),
            (8, "e.l.17.…"),
        ] {
            assert_eq!(cut_path(path, f64::from(letters) * LETTER * FONT), told);
        }
        assert_eq!(cut_path("fc", 0.0), "…");
    }

    #[test]
    fn numbers_and_names_are_short() {
        assert_eq!(
            (short(1.005), short(-0.001), short(100.0)),
            ("1".into(), "0".into(), "100".into())
        );
        assert_eq!(cut("encoder.weight", 5.0 * LETTER * FONT), "enco…");
    }

    #[test]
    fn long_texts_are_broken_between_words_and_cut_only_where_lines_are_used_up() {
        let width = 12.5 * LETTER * FONT;
        assert_eq!(wrapped("optimizer steps", width, 2), ["optimizer", "steps"]);
        assert_eq!(wrapped("one two three four five", width, 2), ["one two", "three four …"]);
        assert_eq!(wrapped("short", width, 3), ["short"]);
    }

    /// The examples of RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_its_standard() {
        let told =
            ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|it| base64(it.as_bytes()));
        assert_eq!(told, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}
