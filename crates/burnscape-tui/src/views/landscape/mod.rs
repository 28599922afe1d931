//! The landscape: a slice of the loss as a map or a line, and in words what it does not show.

mod axes;
mod line;
mod map;
mod overlay;
mod viewport;
mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use self::viewport::Zoom;
pub(crate) use self::words::{extremes, last_loss, snapshots};
use super::View;
use crate::message::{Message, Towards};
use crate::model::{Landscape, Run};
use crate::palette::MUTED;
use crate::widgets::facts;
use crate::widgets::scale::ScaleChoice;
use crate::widgets::{areas, text, too_small};

const SMALLEST: (u16, u16) = (24, 6);
/// From this width on, the words stand beside the map.
const BESIDE_FROM: u16 = 118;
/// Columns that the map keeps beside the words: as many as it has on a terminal of 80.
const MAP_COLUMNS: u16 = 82;
/// Rows that the map keeps before the words below it get more than two.
const MAP_ROWS: u16 = 17;

/// The landscape; it keeps the slice, the cursor, the zoom and the scale that the reader chose.
#[derive(Debug, Default)]
pub struct LandscapeView {
    slice: usize,
    cursor: Option<Cursor>,
    zoom: Zoom,
    scale: ScaleChoice,
    words_only: bool,
}

/// A node of the grid, by column and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    column: usize,
    row: usize,
}

impl View for LandscapeView {
    fn title(&self) -> &'static str {
        "Landscape"
    }

    fn keys(&self) -> &'static str {
        "[ ] slice  arrows read  +-0 zoom  l scale  Enter words"
    }

    fn update(&mut self, message: Message, run: &Run) {
        let slices = run.landscapes().len();
        match message {
            Message::NextSlice => self.select(self.slice + 1, slices),
            Message::PreviousSlice => self.select(self.slice.saturating_sub(1), slices),
            Message::NextScale => self.scale = self.scale.next(),
            Message::ToggleWords => self.words_only = !self.words_only,
            Message::ZoomIn => self.zoom = self.zoom.closer(),
            Message::ZoomOut => self.zoom = self.zoom.farther(),
            Message::ZoomReset => (self.zoom, self.cursor) = (Zoom::default(), None),
            Message::Move(towards) => self.move_cursor(towards, run),
            _ => {}
        }
    }

    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        if !too_small::fits(area, buffer, "landscape", SMALLEST) {
            return;
        }
        match self.landscape(run) {
            Some(landscape) => self.draw_landscape(run, landscape, area, buffer),
            None => draw_none(run, area, buffer),
        }
    }
}

impl LandscapeView {
    fn landscape<'a>(&self, run: &'a Run) -> Option<&'a Landscape> {
        let last = run.landscapes().len().checked_sub(1)?;
        run.landscapes().nth(self.slice.min(last))
    }

    fn select(&mut self, slice: usize, slices: usize) {
        self.slice = slice.min(slices.saturating_sub(1));
        (self.zoom, self.cursor) = (Zoom::default(), None);
    }

    fn move_cursor(&mut self, towards: Towards, run: &Run) {
        let Some(Ok(surface)) = self.landscape(run).map(Landscape::surface) else {
            return;
        };
        let grid = surface.grid();
        let (column, row) = match self.cursor {
            Some(cursor) => cursor.moved(towards),
            None => grid.column_row(grid.centre()),
        };
        self.cursor =
            Some(Cursor { column: column.min(grid.columns() - 1), row: row.min(grid.rows() - 1) });
    }

    fn draw_landscape(&self, run: &Run, landscape: &Landscape, area: Rect, buffer: &mut Buffer) {
        let scene = words::Scene { run, landscape, number: self.slice, cursor: self.cursor };
        if self.words_only {
            let lines = scene.sentences(usize::from(area.width));
            return facts::draw_lines(area, buffer, &lines);
        }
        if area.width >= BESIDE_FROM {
            let (rest, words) = areas::split_right(area, (area.width - MAP_COLUMNS).min(64));
            let (picture, _gap) = areas::split_right(rest, 2);
            facts::draw_lines(words, buffer, &scene.sentences(usize::from(words.width)));
            return self.draw_picture(landscape, picture, buffer);
        }
        let lines = scene.compact(usize::from(area.width));
        let height = words_height(lines.len(), area.height);
        let (picture, words) = areas::split_bottom(area, height);
        facts::draw_lines(words, buffer, &lines);
        self.draw_picture(landscape, picture, buffer);
    }

    fn draw_picture(&self, landscape: &Landscape, area: Rect, buffer: &mut Buffer) {
        match landscape.surface() {
            Err(problem) => draw_problem(problem, area, buffer),
            Ok(surface) if surface.grid().is_line() => {
                line::draw(landscape, surface, self.scale, self.cursor, area, buffer);
            }
            Ok(surface) => {
                let map = map::Map {
                    landscape,
                    surface,
                    zoom: self.zoom,
                    choice: self.scale,
                    cursor: self.cursor,
                };
                map.draw(area, buffer);
            }
        }
    }
}

impl Cursor {
    fn moved(self, towards: Towards) -> (usize, usize) {
        match towards {
            Towards::Up => (self.column, self.row + 1),
            Towards::Down => (self.column, self.row.saturating_sub(1)),
            Towards::Left => (self.column.saturating_sub(1), self.row),
            Towards::Right => (self.column + 1, self.row),
        }
    }
}

/// Rows for the words: all that the map does not need, at least two.
fn words_height(lines: usize, height: u16) -> u16 {
    let lines = u16::try_from(lines).unwrap_or(u16::MAX);
    lines.min(height.saturating_sub(MAP_ROWS).max(height / 4))
}

fn draw_none(run: &Run, area: Rect, buffer: &mut Buffer) {
    let facts = [last_loss(run), snapshots(run)];
    let sentence = "No slice of the landscape yet: it is computed when training has finished.";
    let mut lines: Vec<Line<'_>> = text::wrapped(sentence, usize::from(area.width))
        .into_iter()
        .map(|line| Line::styled(line, Style::new().fg(MUTED)))
        .collect();
    lines.extend(facts::flowed(&facts, usize::from(area.width)));
    facts::draw_lines(area, buffer, &lines);
}

fn draw_problem(problem: &str, area: Rect, buffer: &mut Buffer) {
    let sentence = text::printable(&format!("This slice cannot be drawn: {problem}."));
    let lines: Vec<Line<'_>> =
        text::wrapped(&sentence, usize::from(area.width)).into_iter().map(Line::raw).collect();
    facts::draw_lines(area, buffer, &lines);
}
