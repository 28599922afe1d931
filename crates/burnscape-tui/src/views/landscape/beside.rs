//! Surfaces of several runs side by side: on one scale and height, seen by one camera.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::map::Map;
use super::picture::Picture;
use super::relief::{Pose, Relief};
use super::viewport::Zoom;
use crate::message::Message;
use crate::model::{Landscape, Run, slice_differences};
use crate::palette::{MUTED, TRAIN, WARNING};
use crate::widgets::scale::ScaleChoice;
use crate::widgets::{areas, text};

/// Surfaces at once: more would be too small to be told apart.
const MOST: usize = 4;
/// Cells of a surface, at least; where two columns have less, they stand below each other.
const NARROWEST: u16 = 36;
/// Rows of a surface, at least.
const LOWEST: u16 = 9;

/// A run as it is to be shown among others.
pub(crate) struct Beside<'a> {
    pub(crate) run: &'a Run,
    pub(crate) name: String,
    pub(crate) colour: Color,
}

/// What the reader chose for all of them.
#[derive(Debug, Default)]
pub(crate) struct SurfacesBeside {
    slice: usize,
    first: usize,
    pose: Pose,
    is_map: bool,
    scale: ScaleChoice,
}

impl SurfacesBeside {
    /// Takes what the reader asks for.
    pub(crate) fn update(&mut self, message: Message, runs: &[Beside<'_>]) {
        let slices = names(runs).len().max(1);
        match message {
            Message::NextSlice => self.slice = (self.slice + 1) % slices,
            Message::PreviousSlice => self.slice = (self.slice + slices - 1) % slices,
            Message::NextLayer => {
                let next = self.first + MOST;
                self.first = if next < runs.len() { next } else { 0 };
            }
            Message::NextPicture => self.is_map = !self.is_map,
            // Ranks are those of one picture alone.
            Message::NextScale => {
                self.scale = match self.scale.next_of_colours() {
                    ScaleChoice::Rank => ScaleChoice::Auto,
                    other => other,
                }
            }
            message => self.pose = self.pose.after(message),
        }
    }

    /// Whether they turn by themselves.
    pub(crate) fn is_rotating(&self) -> bool {
        self.pose.is_rotating() && !self.is_map
    }

    /// Draws the same slice of as many runs as find room, and below what was not measured the same way.
    pub(crate) fn draw(&self, runs: &[Beside<'_>], area: Rect, buffer: &mut Buffer) {
        let names = names(runs);
        let Some(name) = names.get(self.slice.min(names.len().saturating_sub(1))) else {
            let sentence = "No run has a slice of its landscape yet.";
            return text::put(buffer, area, sentence, Style::new().fg(MUTED));
        };
        let (title, rest) = areas::split_top(area, 1);
        text::put(
            buffer,
            title,
            &self.title(name, names.len(), runs.len()),
            Style::new().fg(MUTED),
        );
        let last = runs.len().min(self.first + MOST);
        let shown = &runs[self.first.min(last)..last];
        let found: Vec<Option<&Landscape>> =
            shown.iter().map(|it| slice_named(it.run, name)).collect();
        let words = otherwise(shown, &found, usize::from(rest.width));
        let (rest, below) = areas::split_bottom(rest, (words.len() as u16).min(rest.height / 4));
        for (row, line) in words.iter().enumerate() {
            text::put(buffer, areas::row(below, row as u16), line, Style::new().fg(WARNING));
        }
        let common = common(&found);
        let look = Look { common, choice: self.scale, pose: self.pose, is_map: self.is_map };
        for ((it, landscape), place) in shown.iter().zip(found).zip(places(rest, shown.len())) {
            let absent = format!("It has no slice `{name}`.");
            look.draw(&it.name, it.colour, landscape.ok_or(&absent), place, buffer);
        }
    }

    fn title(&self, name: &str, slices: usize, runs: usize) -> String {
        let place =
            if slices > 1 { format!(" ({} of {slices})", self.slice + 1) } else { String::new() };
        let shown = match runs > MOST {
            true => {
                format!(", runs {} to {} of {runs}", self.first + 1, runs.min(self.first + MOST))
            }
            false => String::new(),
        };
        text::printable(&format!("{name}{place}, on one scale{shown}"))
    }
}

/// How all of several surfaces are drawn.
pub(super) struct Look {
    /// Ends of their common scale.
    pub(super) common: Option<(f64, f64)>,
    pub(super) choice: ScaleChoice,
    pub(super) pose: Pose,
    pub(super) is_map: bool,
}

impl Look {
    /// Draws one of them below its name, or why there is none.
    fn draw(
        &self,
        name: &str,
        colour: Color,
        landscape: Result<&Landscape, &String>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let (head, rest) = areas::split_top(area, 1);
        let bold = Style::new().fg(colour).add_modifier(Modifier::BOLD);
        let label = text::cut_end(&text::printable(name), usize::from(head.width));
        text::put(buffer, head, &label, bold);
        let muted = Style::new().fg(MUTED);
        let landscape = match landscape {
            Ok(landscape) => landscape,
            Err(why) => return text::put(buffer, rest, &text::printable(why), muted),
        };
        let quantity = match landscape.quantity(0) {
            Ok(quantity) => quantity,
            Err(why) => return text::put(buffer, rest, &text::printable(why), muted),
        };
        let picture = Picture { landscape, quantity, common: self.common, choice: self.choice };
        match self.is_map || picture.surface().grid().is_line() {
            true => {
                let map = Map { picture: &picture, zoom: Zoom::default(), cursor: None };
                map.draw(rest, buffer);
            }
            false => {
                Relief { picture: &picture, pose: self.pose, cursor: None }.draw(rest, buffer);
            }
        }
    }

    /// Draws the slices of a study that stand side by side with the one shown, as many as find room.
    pub(super) fn draw_study(
        &self,
        landscapes: &[&Landscape],
        shown: u32,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let at = landscapes.iter().position(|it| it.slice().slice == shown).unwrap_or(0);
        let first = at / MOST * MOST;
        let some = &landscapes[first..landscapes.len().min(first + MOST)];
        for (landscape, place) in some.iter().zip(places(area, some.len())) {
            let is_shown = landscape.slice().slice == shown;
            let colour = if is_shown { TRAIN } else { Color::Reset };
            self.draw(&landscape.slice().name, colour, Ok(landscape), place, buffer);
        }
    }
}

/// Names of the planes that are offered, in the order in which they are met.
fn names(runs: &[Beside<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for it in runs {
        for landscape in it.run.landscapes().offered() {
            let slice = landscape.slice();
            if slice.y.is_some() && !names.contains(&slice.name) {
                names.push(slice.name.clone());
            }
        }
    }
    // Random planes are those that can be compared.
    let is_random = |name: &String| {
        let found = runs.iter().filter_map(|it| slice_named(it.run, name));
        found.into_iter().all(|it| it.slice().x.kind == burnscape_trace::AxisKind::Random)
    };
    names.sort_by_key(|name| !is_random(name));
    names
}

fn slice_named<'a>(run: &'a Run, name: &str) -> Option<&'a Landscape> {
    let offered = run.landscapes().offered();
    offered.into_iter().find(|it| it.slice().y.is_some() && it.slice().name == name)
}

/// Lowest and highest finite loss of all.
fn common(found: &[Option<&Landscape>]) -> Option<(f64, f64)> {
    let surfaces = || found.iter().flatten().filter_map(|it| it.surface().ok());
    let lowest = surfaces().filter_map(|it| Some(it.lowest()?.loss)).min_by(f64::total_cmp)?;
    let highest = surfaces().filter_map(|it| Some(it.highest()?.loss)).max_by(f64::total_cmp)?;
    Some((lowest, highest))
}

/// In what slices were measured otherwise than the first one.
fn otherwise(runs: &[Beside<'_>], found: &[Option<&Landscape>], width: usize) -> Vec<String> {
    let mut known = runs.iter().zip(found).filter_map(|(it, found)| Some((it, (*found)?)));
    let Some((first, reference)) = known.next() else { return Vec::new() };
    let told = known.filter_map(|(it, landscape)| {
        let differences = slice_differences(landscape.slice(), reference.slice());
        let differences = differences.join(", ");
        (!differences.is_empty()).then(|| {
            format!("{} was measured otherwise than {}: {differences}.", it.name, first.name)
        })
    });
    told.flat_map(|sentence| text::wrapped(&text::printable(&sentence), width)).collect()
}

/// Places for so many surfaces: one row where they are wide enough, else two, else below each other.
fn places(area: Rect, count: usize) -> Vec<Rect> {
    let count = count as u16;
    let fits = |columns: u16| area.width / columns.max(1) >= NARROWEST;
    let columns = match count {
        0 | 1 => 1,
        4 if fits(2) && area.height >= 2 * LOWEST => 2,
        count if fits(count) => count,
        _ if fits(2) => 2,
        _ => 1,
    };
    let rows = count.div_ceil(columns).max(1);
    let mut rest = area;
    let mut places = Vec::new();
    for left in (1..=rows).rev() {
        let (row, below) = areas::split_top(rest, rest.height.div_ceil(left));
        places.extend(areas::columns(row, columns));
        rest = below;
    }
    places
}
