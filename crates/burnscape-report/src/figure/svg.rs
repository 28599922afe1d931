//! A drawing in points (1/72 inch), written as SVG. The same calls give the same bytes.

use std::fmt::Write;

use burnscape_run::xml_escaped;

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
}

impl Svg {
    pub(crate) fn new(width_mm: f64, height_mm: f64) -> Self {
        let mut svg = Self { width_mm, height_mm, body: String::new() };
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

    /// Reads upwards.
    pub(crate) fn text_upwards(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        let turn = format!(" transform=\"rotate(-90 {} {})\"", short(x), short(y));
        self.words(x, y, anchor, text, &turn);
    }

    fn words(&mut self, x: f64, y: f64, anchor: Anchor, text: &str, turn: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y, text) = (short(x), short(y), xml_escaped(text));
        let _ = writeln!(
            self.body,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\"{turn}>{text}</text>"
        );
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
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {} {}\" role=\"img\" font-family=\"'DejaVu Sans', Verdana, sans-serif\" font-size=\"{FONT}\" fill=\"#1a1a1a\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n{}</svg>\n",
            short(self.width_mm),
            short(self.height_mm),
            short(self.width()),
            short(self.height()),
            self.body
        )
    }
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
    fn numbers_and_names_are_short() {
        assert_eq!(
            (short(1.005), short(-0.001), short(100.0)),
            ("1".into(), "0".into(), "100".into())
        );
        assert_eq!(cut("encoder.weight", 5.0 * LETTER * FONT), "enco…");
    }
}
