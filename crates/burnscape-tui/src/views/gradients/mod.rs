//! Gradients: the norm of every block over steps as a heat map, the last step as a table, and a block over steps.

mod course;
mod inspect;
mod map;
mod modules;
mod selected;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use self::course::Course;
use self::modules::Module;
use super::view::View;
use crate::filter::Filter;
use crate::message::Message;
use crate::model::{Blocks, Run};
use crate::palette::MUTED;
use crate::scroll;
use crate::sight::Sight;
use crate::widgets::plot::{Plot, Plots};
use crate::widgets::rows::Rows;
use crate::widgets::{areas, text, too_small};

const SMALLEST: (u16, u16) = (20, 4);
/// The table needs its head and three blocks.
const TABLE_ROWS: u16 = 4;
/// The map needs its title, two rows of colour and the steps.
const MAP_ROWS: u16 = 4;
/// Beside the table from this width on, which leaves the table all its columns …
const BESIDE_FROM: u16 = 150;
const TABLE_CELLS: u16 = 100;
/// … and else below it, from this height on, the selected block over steps has rows.
const COURSE_FROM: u16 = 18;
const COURSE_ROWS: u16 = 6;
const MOST_COURSE_ROWS: u16 = 12;
/// More blocks than this are folded into their modules until the reader asks for all of them.
const FOLDED_BEYOND: usize = 300;
/// More height than this tells no more about a block.
const MOST_ROWS_A_BLOCK: usize = 3;

const KEYS: [(&str, &str); 7] = [
    ("↑ ↓, k j, g G", "select a block"),
    ("PgUp PgDn", "a page; Ctrl-U Ctrl-D"),
    ("/, n N", "filter; next, last one"),
    ("Enter", "all of block or module"),
    ("t", "tree of modules"),
    ("v", "next value over steps"),
    ("y", "scale of values"),
];

const WORDS: [(&str, &str); 7] = [
    ("×", "NaN or infinite in this stretch of steps: never fine"),
    ("‖g‖ ‖θ‖ ‖Δθ‖", "norms of gradient, weights, update: worry at 0 and at leaps"),
    ("‖Δθ‖/‖θ‖", "1e-3 is usual; worry below 1e-5 and above 1e-1"),
    ("S/N", "signal to noise of the gradient; far below 1, noise leads"),
    ("cosine", "of an update and the one before; near -1, steps swing: lower lr"),
    ("status", "what is wrong, or was; alerts name the worst block only"),
    ("histogram", "a bar per power of 2; worry when a heap wanders off"),
];

/// Gradient norms; it keeps the selected block, which blocks are shown, and what of it is followed.
#[derive(Debug, Default)]
pub struct GradientsView {
    selected: usize,
    filter: Filter,
    course: Course,
    inspects: bool,
    /// Whether blocks are folded into their modules; `None`: where they are very many.
    is_folded: Option<bool>,
    module: usize,
    /// One module was opened from the tree.
    unfolded_one: bool,
    plots: Plots,
    rows: Rows,
}

impl View for GradientsView {
    fn title(&self) -> &'static str {
        "Gradients"
    }

    fn keys(&self) -> &'static str {
        "↑ ↓ block  ← → step  + - zoom  v value  y scale  / filter  t tree  Enter inspect"
    }

    fn explained_keys(&self) -> &'static [(&'static str, &'static str)] {
        &KEYS
    }

    fn words(&self) -> &'static [(&'static str, &'static str)] {
        &WORDS
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn scrolls(&self) -> bool {
        true
    }

    fn plot_at(&self, place: (u16, u16)) -> Option<Plot> {
        self.plots.at(place)
    }

    fn look_at(&mut self, sight: Sight) {
        self.course.reading.sight = sight;
    }

    fn go_back(&mut self) -> bool {
        let was_open = self.inspects || self.filter.update(Message::Abandon);
        self.inspects = false;
        // What was unfolded for one module folds again.
        let refolds = was_open && !self.filter.is_shown() && self.unfolded_one;
        if refolds {
            (self.is_folded, self.unfolded_one) = (Some(true), false);
        }
        was_open
    }

    fn update(&mut self, message: Message, run: &Run) {
        let is_folded = self.folds(&run.blocks) && !self.filter.is_typing();
        match message {
            Message::ToggleTree => self.is_folded = Some(!self.folds(&run.blocks)),
            Message::ToggleWords if is_folded => self.open_module(&run.blocks),
            Message::Move(_) | Message::MoveFar(_) | Message::Page(_) | Message::Jump(_)
                if is_folded =>
            {
                let last = self.modules(&run.blocks).len().saturating_sub(1);
                self.module = self.module.min(last);
                scroll::moved(&mut self.module, last, message);
            }
            Message::PointAt(column, row) => self.pick((column, row), &run.blocks),
            Message::ToggleWords => self.inspects = !self.inspects,
            Message::NextLayer => self.course.quantity = self.course.quantity.next(),
            Message::NextScale => self.course.reading.scale = self.course.reading.scale.next(),
            Message::Move(_) | Message::MoveFar(_) | Message::Page(_) | Message::Jump(_) => {
                self.select(message, &run.blocks);
            }
            _ => self.inspects &= !self.filter.update(message),
        }
    }

    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        self.plots.clear();
        self.rows.clear();
        if !too_small::fits(area, buffer, "gradients", SMALLEST) {
            return;
        }
        if run.blocks.is_empty() {
            let none = format!("no blocks recorded{}", run.yet());
            return text::put(buffer, area, &none, Style::new().fg(MUTED));
        }
        let shown = self.shown(&run.blocks);
        let (area, prompt) = areas::split_bottom(area, u16::from(self.filter.is_shown()));
        if prompt.height > 0 {
            let counts = (shown.len(), run.blocks.len());
            self.filter.draw(counts, "blocks", prompt, buffer);
        }
        let Some(&selected) = shown.get(self.place(&shown)) else {
            return text::put(buffer, area, "no block matches", Style::new().fg(MUTED));
        };
        match self.inspects {
            true => self.plots.add(inspect::draw(run, selected, self.course, area, buffer)),
            false if self.folds(&run.blocks) => self.draw_folded(run, &shown, area, buffer),
            false => self.draw_shown(run, &shown, area, buffer),
        }
    }
}

impl GradientsView {
    fn folds(&self, blocks: &Blocks) -> bool {
        self.is_folded.unwrap_or(blocks.len() > FOLDED_BEYOND)
    }

    /// Numbers of the blocks that match the filter.
    fn shown(&self, blocks: &Blocks) -> Vec<usize> {
        (0..blocks.len()).filter(|&block| self.filter.matches(blocks.path(block))).collect()
    }

    fn modules(&self, blocks: &Blocks) -> Vec<Module> {
        modules::of(blocks, &self.shown(blocks))
    }

    /// Shows the blocks of the selected module alone.
    fn open_module(&mut self, blocks: &Blocks) {
        let modules = self.modules(blocks);
        if let Some(module) = modules.get(self.module.min(modules.len().saturating_sub(1))) {
            self.filter.keep(&module.pattern(blocks));
            (self.is_folded, self.unfolded_one) = (Some(false), true);
        }
    }

    fn draw_folded(&self, run: &Run, shown: &[usize], area: Rect, buffer: &mut Buffer) {
        let modules = modules::of(&run.blocks, shown);
        let selected = self.module.min(modules.len().saturating_sub(1));
        let rows = map_height(area.height, shown.len(), modules.len() + 1);
        let (map, table) = areas::split_top(area, rows);
        if map.height >= MAP_ROWS {
            let growing = !run.state().is_over();
            let look = map::Look { growing, sight: self.course.reading.sight };
            let place = self.place(shown);
            self.plots.add(map::draw(&run.blocks, shown, place, look, map, buffer));
        }
        modules::draw(run, &modules, selected, table, buffer, &self.rows);
    }

    /// Selects what stands in a row of the table.
    fn pick(&mut self, place: (u16, u16), blocks: &Blocks) {
        if self.folds(blocks) {
            let picked = self.rows.at(place, self.modules(blocks).len());
            self.module = picked.unwrap_or(self.module);
        } else {
            let shown = self.shown(blocks);
            let picked = self.rows.at(place, shown.len());
            self.selected = picked.map_or(self.selected, |place| shown[place]);
        }
    }

    fn select(&mut self, message: Message, blocks: &Blocks) {
        let shown = self.shown(blocks);
        let mut place = self.place(&shown);
        scroll::moved(&mut place, shown.len().saturating_sub(1), message);
        if let Some(block) = shown.get(place) {
            self.selected = *block;
        }
    }

    /// Where the selected block stands among those shown, or else the first or last of them.
    fn place(&self, shown: &[usize]) -> usize {
        let next = shown.partition_point(|&block| block < self.selected);
        next.min(shown.len().saturating_sub(1))
    }

    fn draw_shown(&self, run: &Run, shown: &[usize], area: Rect, buffer: &mut Buffer) {
        let place = self.place(shown);
        let selected = shown[place];
        let parts = Parts::of(area, &run.blocks, shown.len(), selected);
        let growing = !run.state().is_over();
        if parts.map.height >= MAP_ROWS {
            let look = map::Look { growing, sight: self.course.reading.sight };
            self.plots.add(map::draw(&run.blocks, shown, place, look, parts.map, buffer));
        }
        table::draw(run, shown, place, parts.table, buffer, &self.rows);
        if parts.course.height > 0 {
            let course = self.course.draw(&run.blocks, selected, growing, parts.course, buffer);
            self.plots.add(course);
        }
        selected::draw(&run.blocks, selected, parts.below, buffer);
    }
}

/// Room for the map, the table, the course of the selected block, and what else was measured of it.
struct Parts {
    map: Rect,
    table: Rect,
    course: Rect,
    below: Rect,
}

impl Parts {
    fn of(area: Rect, blocks: &Blocks, shown: usize, selected: usize) -> Self {
        let is_beside = area.width >= BESIDE_FROM;
        let course_rows = match area.height {
            height if is_beside || height < COURSE_FROM => 0,
            height => (height / 3).clamp(COURSE_ROWS, MOST_COURSE_ROWS),
        };
        let (without_course, _) = areas::split_bottom(area, course_rows);
        let (area, below) =
            areas::split_bottom(area, selected::rows(blocks, selected, without_course));
        let (area, course) = areas::split_bottom(area, course_rows);
        let table_rows = usize::from(table::head_rows(blocks)) + shown;
        let (map, table) = areas::split_top(area, map_height(area.height, shown, table_rows));
        if !is_beside {
            return Self { map, table, course, below };
        }
        let (table, course) = areas::split_left(table, TABLE_CELLS);
        Self { map, table, course, below }
    }
}

/// Rows of the map with its title and steps: whole rows for every block where that leaves room
/// for the table, none where not both fit.
fn map_height(height: u16, blocks: usize, table_rows: usize) -> u16 {
    if height < MAP_ROWS + TABLE_ROWS {
        return 0;
    }
    let table = u16::try_from(table_rows).unwrap_or(u16::MAX);
    let room = height.saturating_sub(table).max(height / 2).min(height - TABLE_ROWS) - 2;
    let rows = match usize::from(room) / blocks.max(1) {
        0 => blocks.div_ceil(2).min(usize::from(room)),
        rows_a_block => rows_a_block.min(MOST_ROWS_A_BLOCK) * blocks,
    };
    (rows as u16 + 2).max(MAP_ROWS)
}
