//! The floor below the surface with the names and ends of both directions, and the upright of values.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::camera::{Camera, Place};
use crate::numbers::short;
use crate::palette::MUTED;
use crate::widgets::depth_dots::{DepthDots, DepthPoint};
use crate::widgets::dots;
use crate::widgets::scale::Scale;
use crate::widgets::text;

/// What stands at the floor and the upright.
pub(super) struct Sides<'a> {
    pub(super) camera: &'a Camera,
    /// Lowest and highest coordinate of both directions.
    pub(super) ends: [(f64, f64); 2],
    /// Names of both directions.
    pub(super) names: [String; 2],
    pub(super) heights: &'a Scale,
    /// What the heights are.
    pub(super) quantity: String,
}

impl Sides<'_> {
    /// Draws floor and upright where the surface does not hide them.
    pub(super) fn draw_lines(&self, canvas: &mut DepthDots) {
        let corners = self.corners();
        for (i, corner) in corners.iter().enumerate() {
            self.draw_line(corner, &corners[(i + 1) % corners.len()], canvas);
        }
        let foot = self.leftmost();
        self.draw_line(&foot, &Place { height: 1.0, ..foot }, canvas);
    }

    /// Draws names and numbers around the canvas at `canvas_at`, the weightiest first: what finds no room is left
    /// out.
    pub(super) fn draw_words(&self, canvas_at: Rect, area: Rect, buffer: &mut Buffer) {
        let indent = f64::from(canvas_at.x - area.x);
        let mut labels = Labels { area, indent, taken: Vec::new() };
        self.draw_values(&mut labels, buffer);
        let edges = self.near_edges();
        for (edge, name) in edges.iter().zip(&self.names) {
            let middle = self.camera.project(&middle_of(edge));
            labels.put(&middle, self.side_of(edge), name, Style::new(), buffer);
        }
        for (symbol, edge) in ["α", "β"].into_iter().zip(&edges) {
            self.draw_ends(symbol, edge, &mut labels, buffer);
        }
    }

    /// Both ends of an edge; the one that it shares with the other edge comes last.
    fn draw_ends(&self, symbol: &str, edge: &[Place; 2], labels: &mut Labels, buffer: &mut Buffer) {
        let value = |place: &Place| if symbol == "α" { place.alpha } else { place.beta };
        let mut ends = edge.map(|place| (self.camera.project(&place), value(&place)));
        ends.sort_by(|(a, _), (b, _)| b.depth.total_cmp(&a.depth));
        for (point, value) in ends {
            let label = format!("{symbol} {}", short(value));
            labels.put(&point, self.side_of(edge), &label, Style::new().fg(MUTED), buffer);
        }
    }

    fn draw_line(&self, from: &Place, to: &Place, canvas: &mut DepthDots) {
        canvas.line_among_faces(self.camera.project(from), self.camera.project(to), 1, MUTED);
    }

    fn corners(&self) -> [Place; 4] {
        let [(left, right), (near, far)] = self.ends;
        [(left, near), (right, near), (right, far), (left, far)].map(|(alpha, beta)| Place {
            alpha,
            beta,
            height: 0.0,
        })
    }

    /// The corner at which the upright hides nothing.
    fn leftmost(&self) -> Place {
        let by_x =
            |a: &Place, b: &Place| self.camera.project(a).x.total_cmp(&self.camera.project(b).x);
        let [first, rest @ ..] = self.corners();
        rest.into_iter().fold(first, |a, b| if by_x(&b, &a).is_lt() { b } else { a })
    }

    /// The edge along each direction that is nearer to the reader.
    fn near_edges(&self) -> [[Place; 2]; 2] {
        let [a, b, c, d] = self.corners();
        let (alpha_away, beta_away) = self.camera.grows_away();
        [if beta_away { [a, b] } else { [d, c] }, if alpha_away { [a, d] } else { [b, c] }]
    }

    /// Whether the words of an edge stand to the right of it: beside the floor, never on the surface.
    fn side_of(&self, edge: &[Place; 2]) -> Side {
        let [a, b, c, d] = self.corners().map(|corner| self.camera.project(&corner).x);
        let middle = (a + b + c + d) / 4.0;
        let at = self.camera.project(&middle_of(edge)).x;
        if (at - middle).abs() < 1.0 {
            Side::Below
        } else if at > middle {
            Side::Right
        } else {
            Side::Left
        }
    }

    fn draw_values(&self, labels: &mut Labels, buffer: &mut Buffer) {
        let foot = self.leftmost();
        let rows = (self.camera.dots_up() / dots::DOWN as f64) as usize;
        let ticks =
            if rows == 0 { Vec::new() } else { self.heights.ticks(rows.div_ceil(2).clamp(2, 6)) };
        for &tick in &ticks {
            if let Some(height) = self.heights.share(tick).filter(|it| (0.0..=1.0).contains(it)) {
                let point = self.camera.project(&Place { height, ..foot });
                let label = self.heights.tick_text(tick, &ticks);
                labels.put(&point, Side::Beside, &label, Style::new().fg(MUTED), buffer);
            }
        }
        let mut top = self.camera.project(&Place { height: 1.0, ..foot });
        top.y -= dots::DOWN as f64;
        labels.put(&top, Side::Beside, &self.quantity, Style::new().fg(Color::Reset), buffer);
    }
}

fn middle_of([from, to]: &[Place; 2]) -> Place {
    Place { alpha: from.alpha.midpoint(to.alpha), beta: from.beta.midpoint(to.beta), ..*from }
}

/// Where a label stands, seen from its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Left of it, in its row.
    Beside,
    /// In the row below, ending at it.
    Left,
    /// In the row below, centred.
    Below,
    /// In the row below, beginning at it.
    Right,
}

/// Labels on the screen that keep clear of each other.
struct Labels {
    area: Rect,
    /// Cells from the left of the area to the canvas.
    indent: f64,
    taken: Vec<Rect>,
}

impl Labels {
    fn put(
        &mut self,
        point: &DepthPoint,
        side: Side,
        label: &str,
        style: Style,
        buffer: &mut Buffer,
    ) {
        let Some(place) = self.place(point, side, text::width(label)) else {
            return;
        };
        let around = Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..place };
        if !self.taken.iter().any(|other| other.intersects(around)) {
            text::put(buffer, place, label, style);
            self.taken.push(place);
        }
    }

    /// The cells of a label, moved inwards at the border; `None` where it finds no room.
    fn place(&self, point: &DepthPoint, side: Side, width: usize) -> Option<Rect> {
        let column = (point.x / dots::ACROSS as f64).floor() + self.indent;
        let row =
            (point.y / dots::DOWN as f64).floor() + if side == Side::Beside { 0.0 } else { 1.0 };
        let left = match side {
            Side::Beside => column - width as f64,
            Side::Left => column - width as f64,
            Side::Below => column - (width / 2) as f64,
            Side::Right => column + 1.0,
        };
        let room = f64::from(self.area.width) - width as f64;
        let left = left.clamp(0.0, room.max(0.0));
        let fits = room >= 0.0 && row >= 0.0 && row < f64::from(self.area.height);
        fits.then(|| Rect {
            x: self.area.x + left as u16,
            y: self.area.y + row as u16,
            width: width as u16,
            height: 1,
        })
    }
}
