//! The landscape: a slice of the loss as a map or a line, and in words what it does not show.

mod axes;
mod beside;
mod cursor;
mod labels;
mod line;
mod live;
mod map;
mod overlay;
mod picture;
mod profile;
mod relief;
mod slices;
mod viewport;
mod words;

use std::cell::Cell;

use burnscape_trace::StudyKind;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use self::beside::Look;
pub(crate) use self::beside::{Beside, SurfacesBeside};
use self::cursor::Cursor;
use self::picture::Picture;
use self::relief::{Pose, Relief};
use self::viewport::{Viewport, Zoom};
use self::words::{LivePath, Scene, Words};
pub(crate) use self::words::{extremes, last_loss, snapshots};
use super::view::View;
use crate::message::{Message, Towards};
use crate::model::{Landscape, Run};
use crate::palette::MUTED;
use crate::sight::Sight;
use crate::still::Still;
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

const KEYS: [(&str, &str); 11] = [
    ("[ ]", "previous, next slice"),
    ("v", "next value, next layer"),
    ("arrows", "node; Shift: tenfold"),
    ("+ - 0, wheel", "zoom in, out, all"),
    ("y", "linear, log, by rank"),
    ("Enter", "all words, no picture"),
    ("m", "map or 3-D"),
    ("3-D: arrows", "turn; Shift: move"),
    ("3-D: < > r", "height; turns by itself"),
    ("3-D: i", "a still in pixels"),
    ("Space", "comparison: one, or all"),
];

const WORDS: [(&str, &str); 6] = [
    ("× ∞ ░", "NaN, infinite, not measured (shade of the nearest node)"),
    ("∙", "interpolated, not measured (without colour: letters)"),
    ("○ ●", "first and last snapshot of a path; several runs end in numbers"),
    ("▾1 ▾2", "minima of the basins that count, the deepest first: see the words"),
    ("◇", "3-D: true loss of a snapshot; its stem: what the plane misses"),
    ("height ×1", "3-D: half the plane's width; dotted lines: interpolated"),
];

/// The landscape; it keeps the slice, the layer, the cursor, the zoom and the scale that the reader chose.
#[derive(Debug, Default)]
pub struct LandscapeView {
    slice: usize,
    layer: usize,
    cursor: Option<Cursor>,
    zoom: Zoom,
    scale: ScaleChoice,
    words_only: bool,
    in_space: bool,
    /// One slice of those that are to be compared stands alone.
    is_alone: bool,
    pose: Pose,
    /// The step that the reader looks at: its snapshot is marked on the path.
    sight: Sight,
    /// Which part of the plane was drawn where, for the mouse.
    drawn: Cell<Option<Viewport>>,
}

impl View for LandscapeView {
    fn title(&self) -> &'static str {
        "Landscape"
    }

    fn keys(&self) -> &'static str {
        match self.in_space {
            true => "m map  arrows turn, Shift: move  < > height  r rotate  +-0 zoom  y scale",
            false => "m 3-D  [ ] slice  v value  +-0 zoom  y scale  Enter",
        }
    }

    fn explained_keys(&self) -> &'static [(&'static str, &'static str)] {
        &KEYS
    }

    fn words(&self) -> &'static [(&'static str, &'static str)] {
        &WORDS
    }

    fn update(&mut self, message: Message, run: &Run) {
        let slices = run.landscapes().offered().len();
        match message {
            Message::NextSlice => self.select(self.slice + 1, slices),
            Message::PreviousSlice => self.select(self.slice.saturating_sub(1), slices),
            Message::NextLayer => self.layer = self.next_layer(run),
            Message::NextScale => self.scale = self.scale.next_of_colours(),
            Message::ToggleWords => self.words_only = !self.words_only,
            Message::NextPicture => self.in_space = !self.in_space,
            Message::ToggleMark => self.is_alone = !self.is_alone,
            message if self.shows_space(run) => self.pose = self.pose.after(message),
            Message::ZoomIn => self.zoom = self.zoom.closer(),
            Message::ZoomOut => self.zoom = self.zoom.farther(),
            Message::ZoomReset => (self.zoom, self.cursor) = (Zoom::default(), None),
            Message::PointAt(column, row) => {
                let node = self.drawn.get().and_then(|view| view.node_at((column, row)));
                self.cursor = node.map(|(column, row)| Cursor { column, row }).or(self.cursor);
            }
            Message::Move(towards) => self.move_cursor(towards, 1, run),
            Message::MoveFar(towards) => self.move_cursor(towards, 10, run),
            _ => {}
        }
    }

    fn moves_in_time(&self, run: &Run) -> bool {
        run.landscapes().offered().is_empty()
    }

    fn is_over_steps(&self) -> bool {
        false
    }

    fn look_at(&mut self, sight: Sight) {
        self.sight = sight;
    }

    fn go_back(&mut self) -> bool {
        let was_open = self.words_only || self.cursor.is_some();
        (self.words_only, self.cursor) = (false, if self.words_only { self.cursor } else { None });
        was_open
    }

    fn still(&self, run: &Run, area: Rect) -> Option<Still> {
        let landscape = self.landscape(run).filter(|_| self.shows_space(run))?;
        let picture = Picture::new(run, landscape, self.layer, self.scale).ok()?;
        let (pose, cursor) = (self.pose, self.cursor);
        Relief { picture: &picture, pose, cursor, has_bar: true }.still(area)
    }

    fn wants_ticks(&self, run: &Run) -> bool {
        self.pose.is_rotating() && self.shows_space(run) && !self.words_only
    }

    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        self.drawn.set(None);
        if !too_small::fits(area, buffer, "landscape", SMALLEST) {
            return;
        }
        let offered = run.landscapes().offered();
        match (self.place(offered.len()), run.landscapes().live_path()) {
            (Some(place), _) => self.draw_landscape(run, &offered, place, area, buffer),
            (None, Some(path)) => {
                self.draw_with_words(&LivePath { run, path }, area, buffer, |area, buffer| {
                    live::draw(path, self.zoom, area, buffer);
                });
            }
            (None, None) => draw_none(run, area, buffer),
        }
    }
}

impl LandscapeView {
    /// Which of the slices offered is shown; `None`: there is none.
    fn place(&self, offered: usize) -> Option<usize> {
        offered.checked_sub(1).map(|last| self.slice.min(last))
    }

    /// Whether what is shown is a surface in space: there is none of a line.
    fn shows_space(&self, run: &Run) -> bool {
        let surface = self.landscape(run).and_then(|it| it.surface().ok());
        self.in_space && surface.is_some_and(|surface| !surface.grid().is_line())
    }

    fn landscape<'a>(&self, run: &'a Run) -> Option<&'a Landscape> {
        let offered = run.landscapes().offered();
        self.place(offered.len()).map(|place| offered[place])
    }

    /// The layer after the one shown; the loss after the last one.
    fn next_layer(&self, run: &Run) -> usize {
        let quantity = self.landscape(run).and_then(|it| it.quantity(self.layer).ok());
        quantity.map_or(0, |quantity| (quantity.number + 1) % quantity.count)
    }

    fn select(&mut self, slice: usize, slices: usize) {
        self.slice = slice.min(slices.saturating_sub(1));
        (self.zoom, self.cursor) = (Zoom::default(), None);
    }

    fn move_cursor(&mut self, towards: Towards, nodes: usize, run: &Run) {
        let Some(Ok(surface)) = self.landscape(run).map(Landscape::surface) else {
            return;
        };
        let grid = surface.grid();
        let (column, row) = match self.cursor {
            Some(cursor) => cursor.moved(towards, nodes),
            None => grid.column_row(grid.centre()),
        };
        self.cursor =
            Some(Cursor { column: column.min(grid.columns() - 1), row: row.min(grid.rows() - 1) });
    }

    fn draw_landscape(
        &self,
        run: &Run,
        offered: &[&Landscape],
        place: usize,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let landscape = offered[place];
        let (row, area) = areas::split_top(area, u16::from(offered.len() > 1));
        slices::draw(offered, place, row, buffer);
        let picture = Picture::new(run, landscape, self.layer, self.scale);
        let scene = Scene {
            run,
            landscape,
            picture: picture.as_ref().ok(),
            place: (place + 1, offered.len()),
            cursor: self.cursor,
        };
        self.draw_with_words(&scene, area, buffer, |area, buffer| match &picture {
            Err(problem) => draw_problem(problem, area, buffer),
            Ok(picture) if !self.is_alone && !beside_of(run, landscape).is_empty() => {
                let look = Look {
                    common: picture.common,
                    choice: self.scale,
                    pose: self.pose,
                    is_map: !self.in_space,
                    quantity: &picture.quantity.name,
                };
                let shown = landscape.slice().slice;
                look.draw_study(&beside_of(run, landscape), shown, area, buffer);
            }
            Ok(picture) if picture.surface().grid().is_line() => {
                let pictures = self.pictures(run, picture, line::plots(area));
                line::draw(&pictures, self.cursor, area, buffer);
            }
            Ok(picture) if self.in_space => {
                let (pose, cursor) = (self.pose, self.cursor);
                Relief { picture, pose, cursor, has_bar: true }.draw(area, buffer);
            }
            Ok(picture) => {
                let (zoom, cursor) = (self.zoom, self.cursor);
                let compared = run.compared();
                let map = map::Map { picture, zoom, cursor, compared, has_bar: true };
                self.drawn.set(map.draw(area, buffer));
            }
        });
    }

    /// What is shown of a line and the layers after it, as many as find room.
    fn pictures<'a>(&self, run: &Run, first: &Picture<'a>, most: usize) -> Vec<Picture<'a>> {
        let (number, count) = (first.quantity.number, first.quantity.count);
        let numbers = (0..count.min(most)).map(|further| (number + further) % count);
        numbers
            .filter_map(|number| Picture::new(run, first.landscape, number, self.scale).ok())
            .collect()
    }

    /// A picture with words beside it or below it, or the words alone.
    fn draw_with_words(
        &self,
        words: &dyn Words,
        area: Rect,
        buffer: &mut Buffer,
        draw_picture: impl FnOnce(Rect, &mut Buffer),
    ) {
        if self.words_only {
            let width = usize::from(area.width);
            let mut lines = words.inspected(width);
            lines.extend(words.sentences(width));
            return facts::draw_lines(area, buffer, &lines);
        }
        if area.width >= BESIDE_FROM {
            let (rest, beside) = areas::split_right(area, (area.width - MAP_COLUMNS).min(64));
            let (picture, _gap) = areas::split_right(rest, 2);
            let sentences = words.sentences(usize::from(beside.width));
            facts::draw_lines_or("Enter", beside, buffer, &sentences);
            return draw_picture(picture, buffer);
        }
        let lines = words.compact(usize::from(area.width));
        let height = words_height(lines.len(), area.height);
        let (picture, below) = areas::split_bottom(area, height);
        facts::draw_lines_or("Enter", below, buffer, &lines);
        draw_picture(picture, buffer);
    }
}

/// The slices of several runs that a slice is to be compared with, it among them; none where it stands for itself.
fn beside_of<'a>(run: &'a Run, landscape: &Landscape) -> Vec<&'a Landscape> {
    let landscapes = run.landscapes();
    let study = landscapes.study_of(landscape.slice());
    let study = study.filter(|study| study.kind == StudyKind::SideBySide);
    study.map_or_else(Vec::new, |study| landscapes.slices_of(study).collect())
}

/// Rows for the words: all that the map does not need, at least two.
fn words_height(lines: usize, height: u16) -> u16 {
    let lines = u16::try_from(lines).unwrap_or(u16::MAX);
    lines.min(height.saturating_sub(MAP_ROWS).max(height / 5).max(2))
}

fn draw_none(run: &Run, area: Rect, buffer: &mut Buffer) {
    let facts = [last_loss(run), snapshots(run)];
    let sentence = match run.state().is_over() {
        false => "No slice of the landscape yet: it is computed when training has finished.",
        true => {
            "No slice of the landscape was measured. `probe.finish(&model, &data)` measures them after training, \
             `Run::open(…)` and `study` at any later time."
        }
    };
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
