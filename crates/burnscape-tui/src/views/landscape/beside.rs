//! Surfaces of several runs side by side: on one scale and height, seen by one camera.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::axes;
use super::map::Map;
use super::picture::Picture;
use super::relief::{Pose, Relief};
use super::viewport::Zoom;
use crate::message::Message;
use crate::model::{Landscape, Quantity, Run, slice_differences};
use crate::palette::{MUTED, TRAIN, WARNING};
use crate::widgets::scale::ScaleChoice;
use crate::widgets::{areas, colour_bar, text};

/// Surfaces at once: more would be too small to be told apart.
const MOST: usize = 4;
/// Cells of a surface, at least; where two columns have less, they stand below each other.
const NARROWEST: u16 = 30;
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
        let all = shown(runs);
        let slices = all.len().max(1);
        match message {
            Message::NextSlice => (self.slice, self.first) = ((self.slice + 1) % slices, 0),
            Message::PreviousSlice => {
                (self.slice, self.first) = ((self.slice + slices - 1) % slices, 0);
            }
            Message::NextLayer => {
                let what = all.get(self.slice.min(slices - 1));
                let count = what.map_or(0, |what| parted(runs, what).0.len());
                let next = self.first + MOST;
                self.first = if next < count { next } else { 0 };
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
        let all = shown(runs);
        let Some(what) = all.get(self.slice.min(all.len().saturating_sub(1))) else {
            let sentence = "No run has a slice of its landscape yet.";
            return text::put(buffer, area, sentence, Style::new().fg(MUTED));
        };
        let (title, rest) = areas::split_top(area, 1);
        let (with, without) = parted(runs, what);
        let words = self.title(what, all.len(), with.len());
        text::put(buffer, title, &words, Style::new().fg(MUTED));
        let last = with.len().min(self.first + MOST);
        let some = &with[self.first.min(last)..last];
        let mut words = otherwise(some, usize::from(rest.width));
        words.extend(missing(&without, what, usize::from(rest.width)));
        let (rest, below) = areas::split_bottom(rest, (words.len() as u16).min(rest.height / 4));
        for (row, line) in words.iter().enumerate() {
            text::put(buffer, areas::row(below, row as u16), line, Style::new().fg(WARNING));
        }
        let look = Look {
            common: common(some, &what.quantity),
            choice: self.scale,
            pose: self.pose,
            is_map: self.is_map,
            quantity: &what.quantity,
        };
        let rest = look.draw_bar(some.iter().map(|(_, landscape)| *landscape), rest, buffer);
        for ((it, landscape), place) in some.iter().zip(places(rest, some.len())) {
            look.draw(&it.name, it.colour, landscape, place, buffer);
        }
    }

    fn title(&self, what: &Shown, slices: usize, runs: usize) -> String {
        let place =
            if slices > 1 { format!(" ({} of {slices})", self.slice + 1) } else { String::new() };
        let shown = match runs > MOST {
            true => {
                format!(", runs {} to {} of {runs}", self.first + 1, runs.min(self.first + MOST))
            }
            false => String::new(),
        };
        let Shown { slice, quantity } = what;
        let of = if quantity == LOSS { String::new() } else { format!("{quantity} of ") };
        text::printable(&format!("{of}{slice}{place}, on one scale{shown}"))
    }
}

/// What is drawn of every run: a slice, and which of its quantities.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    slice: String,
    quantity: String,
}

/// The name of the first quantity.
const LOSS: &str = "loss";

/// How all of several surfaces are drawn.
pub(super) struct Look<'a> {
    /// Ends of their common scale.
    pub(super) common: Option<(f64, f64)>,
    pub(super) choice: ScaleChoice,
    pub(super) pose: Pose,
    pub(super) is_map: bool,
    /// Which quantity, by its name.
    pub(super) quantity: &'a str,
}

impl Look<'_> {
    /// Draws the bar of their common scale at the right of all, and gives the area that it leaves. Each has its own where
    /// there is none.
    fn draw_bar<'l>(
        &self,
        landscapes: impl Iterator<Item = &'l Landscape>,
        area: Rect,
        buffer: &mut Buffer,
    ) -> Rect {
        let known = landscapes.filter_map(|it| Some((it, it.quantity_named(self.quantity)?)));
        let mut pictures = known.map(|(landscape, quantity)| self.picture(landscape, quantity));
        let bar = pictures.find_map(|it| Some((it.colours()?, it)));
        let Some((colours, picture)) = bar.filter(|_| self.common.is_some()) else { return area };
        if area.width < NARROWEST + colour_bar::WIDTH {
            return area;
        }
        let (rest, right) = areas::split_right(area, colour_bar::WIDTH + 1);
        let right = areas::split_left(areas::split_top(right, 1).1, 1).1;
        axes::draw_bar_at(right, &picture, &colours, buffer);
        rest
    }

    fn picture<'l>(&self, landscape: &'l Landscape, quantity: Quantity<'l>) -> Picture<'l> {
        Picture { landscape, quantity, common: self.common, choice: self.choice }
    }

    /// Draws one of them below its name, or why there is none.
    fn draw(
        &self,
        name: &str,
        colour: Color,
        landscape: &Landscape,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let (head, rest) = areas::split_top(area, 1);
        let bold = Style::new().fg(colour).add_modifier(Modifier::BOLD);
        let label = text::cut_end(&text::printable(name), usize::from(head.width));
        text::put(buffer, head, &label, bold);
        let muted = Style::new().fg(MUTED);
        if let Err(why) = landscape.surface() {
            return text::put(buffer, rest, &text::printable(why), muted);
        }
        let Some(quantity) = landscape.quantity_named(self.quantity) else {
            let why = format!("It has no `{}`.", self.quantity);
            return text::put(buffer, rest, &text::printable(&why), muted);
        };
        let picture = self.picture(landscape, quantity);
        match self.is_map || picture.surface().grid().is_line() {
            true => {
                let (zoom, cursor) = (Zoom::default(), None);
                let has_bar = self.common.is_none();
                let map = Map { picture: &picture, zoom, cursor, compared: &[], has_bar };
                map.draw(rest, buffer);
            }
            false => {
                let (pose, has_bar) = (self.pose, self.common.is_none());
                Relief { picture: &picture, pose, cursor: None, has_bar }.draw(rest, buffer);
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
        let area = self.draw_bar(some.iter().copied(), area, buffer);
        for (landscape, place) in some.iter().zip(places(area, some.len())) {
            let is_shown = landscape.slice().slice == shown;
            let colour = if is_shown { TRAIN } else { Color::Reset };
            self.draw(&landscape.slice().name, colour, landscape, place, buffer);
        }
    }
}

/// The planes that are offered, in the order in which they are met, each with all of its quantities; random ones, which
/// can be compared, first.
fn shown(runs: &[Beside<'_>]) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for name in names(runs) {
        let found: Vec<&Landscape> =
            runs.iter().filter_map(|it| slice_named(it.run, &name)).collect();
        let first = all.len();
        for landscape in found {
            let numbers = 0..landscape.slice().layers.len() + 1;
            for number in numbers {
                let quantity = match landscape.quantity(number) {
                    Ok(it) if it.number == number => it.name,
                    _ => LOSS.to_owned(),
                };
                let told = Shown { slice: name.clone(), quantity };
                if !all[first..].contains(&told) {
                    all.push(told);
                }
            }
        }
    }
    all
}

/// Names of the planes.
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

/// A run with what is shown of it.
type Found<'r, 'a> = (&'r Beside<'a>, &'r Landscape);

/// Those that have what is shown, and the names of those that have not.
fn parted<'r, 'a>(runs: &'r [Beside<'a>], what: &Shown) -> (Vec<Found<'r, 'a>>, Vec<&'r str>) {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for it in runs {
        let landscape = slice_named(it.run, &what.slice);
        // A slice that cannot be drawn says why in its place.
        let has_it = |landscape: &&Landscape| {
            landscape.surface().is_err() || landscape.quantity_named(&what.quantity).is_some()
        };
        match landscape.filter(has_it) {
            Some(landscape) => with.push((it, landscape)),
            None => without.push(it.name.as_str()),
        }
    }
    (with, without)
}

/// Which runs have nothing to show.
fn missing(names: &[&str], what: &Shown, width: usize) -> Vec<String> {
    let Shown { slice, quantity } = what;
    let of = if quantity == LOSS { String::new() } else { format!("`{quantity}` of ") };
    let sentence = format!("There is no {of}`{slice}` of {}.", names.join(", "));
    match names.is_empty() {
        true => Vec::new(),
        false => text::wrapped(&text::printable(&sentence), width),
    }
}

/// Lowest and highest finite value of all.
fn common(found: &[Found<'_, '_>], quantity: &str) -> Option<(f64, f64)> {
    let ranges = found.iter().filter_map(|(_, it)| it.quantity_named(quantity)?.range());
    ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// In what slices were measured otherwise than the first one.
fn otherwise(found: &[Found<'_, '_>], width: usize) -> Vec<String> {
    let Some(((first, reference), others)) = found.split_first() else { return Vec::new() };
    let told = others.iter().filter_map(|(it, landscape)| {
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
