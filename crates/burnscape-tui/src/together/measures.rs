//! Numbers of several runs in a table that any column sorts.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::key::colour;
use super::member::Member;
use crate::message::{Message, Towards};
use crate::model::{MEASURES, Run};
use crate::numbers::fitting;
use crate::palette::{BAD, MUTED};
use crate::widgets::table::{Column, Placed, longest_name};
use crate::widgets::{areas, facts, text};

/// Cells of a number, with the gap before it.
const WIDTH: u16 = 12;
const SHORTEST_NAME: u16 = 14;
const LONGEST_NAME: u16 = 40;

/// Which column sorts, and whether its highest number comes first.
#[derive(Debug, Default)]
pub(super) struct Measures {
    /// Counted from the left, the name first.
    column: usize,
    is_falling: bool,
}

/// A column.
#[derive(Debug, Clone, Copy)]
struct Measure {
    label: &'static str,
    of: Of,
}

/// How a run's number of a column is found.
#[derive(Debug, Clone, Copy)]
enum Of {
    Run(fn(&Run) -> Option<f64>),
    /// A measure by its name.
    Measures(&'static str),
}

impl Measure {
    fn of(self, member: &Member) -> Option<f64> {
        match self.of {
            Of::Run(of) => of(member.run()),
            Of::Measures(name) => member.measures().get(name).copied(),
        }
    }
}

/// Those of which some run has a number.
fn known(members: &[Member]) -> Vec<Measure> {
    let of_run = |label, of| Measure { label, of: Of::Run(of) };
    let mut all = vec![
        of_run("epoch", |run| run.standing().epoch().map(|epoch| epoch as f64)),
        of_run("steps", |run| Some(run.steps() as f64)),
        of_run("last loss", Run::last_loss),
    ];
    all.extend(MEASURES.iter().map(|&(name, label)| Measure { label, of: Of::Measures(name) }));
    all.retain(|measure| members.iter().any(|member| measure.of(member).is_some()));
    all
}

impl Measures {
    pub(super) fn update(&mut self, message: Message, members: &[Member]) {
        let columns = known(members).len() + 1;
        match message {
            Message::Move(Towards::Right) | Message::NextSlice => self.column += 1,
            Message::Move(Towards::Left) | Message::PreviousSlice => self.column += columns - 1,
            Message::NextLayer | Message::ToggleWords => self.is_falling = !self.is_falling,
            _ => {}
        }
        self.column %= columns;
    }

    pub(super) fn draw(&self, members: &[Member], area: Rect, buffer: &mut Buffer) {
        let known = known(members);
        let sorting = self.column.min(known.len());
        let order = if self.is_falling { "highest first" } else { "lowest first" };
        let by = sorting.checked_sub(1).map_or("order of the list", |at| known[at].label);
        let sentence = match sorting {
            0 => "In the order of the list: ← → sort by a column.".to_owned(),
            _ => format!("Sorted by {by}, {order}: ← → another column, v the other way round."),
        };
        let (table, below) = areas::split_bottom(area, 2.min(area.height / 3));
        let lines: Vec<_> = text::wrapped(&sentence, usize::from(below.width))
            .into_iter()
            .map(|line| ratatui::text::Line::styled(line, Style::new().fg(MUTED)))
            .collect();
        facts::draw_lines(areas::split_bottom(below, 1).1, buffer, &lines);
        self.draw_table(members, &known, sorting, table, buffer);
    }

    fn draw_table(
        &self,
        members: &[Member],
        known: &[Measure],
        sorting: usize,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let rank = |at: usize| if at + 1 == sorting { 0 } else { 1 + at as u8 };
        let column = |(at, measure): (usize, &Measure)| Column {
            label: measure.label,
            width: WIDTH.max(text::width(measure.label) as u16 + 2),
            rank: rank(at),
            is_number: true,
        };
        let columns: Vec<Column> = known.iter().enumerate().map(column).collect();
        let longest = longest_name(members.iter().map(Member::name)).saturating_add(3);
        let name = SHORTEST_NAME..=longest.clamp(SHORTEST_NAME, LONGEST_NAME);
        let head = Placed::new(areas::row(area, 0), name.clone(), &columns);
        head.draw_head("run", &columns, Style::new().fg(MUTED), buffer);
        if let Some(Some(place)) = sorting.checked_sub(1).map(|at| head.cells[at]) {
            let style = Style::new().add_modifier(Modifier::REVERSED);
            text::put_right(buffer, place, known[sorting - 1].label, style);
        }
        let rows = areas::split_top(area, 1).1;
        for (row, &number) in self.sorted(members, known, sorting).iter().enumerate() {
            let member = &members[number];
            let placed = Placed::new(areas::row(rows, row as u16), name.clone(), &columns);
            // Of a long name the end is kept, and always the number.
            let number_first = format!("{} ", number + 1);
            let left =
                usize::from(placed.name.width).saturating_sub(text::width(&number_first) + 2);
            let name = text::cut_start(&text::printable(&member.told()), left);
            placed.draw_name(&format!("{number_first}{name}"), false, buffer);
            buffer.set_style(placed.name, Style::new().fg(colour(number)));
            let cell = |measure: &Measure| {
                let value = measure.of(member);
                let is_bad = value.is_some_and(|value| !value.is_finite());
                let style = if is_bad { Style::new().fg(BAD) } else { Style::new() };
                let digits = usize::from(WIDTH - 2);
                (value.map_or("–".to_owned(), |value| fitting(value, digits)), style)
            };
            let cells: Vec<_> = known.iter().map(cell).collect();
            placed.draw_cells(&cells, &columns, buffer);
        }
    }

    /// Places of the runs in the order of the table: runs without the number, and with NaN, come last.
    fn sorted(&self, members: &[Member], known: &[Measure], sorting: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..members.len()).collect();
        let Some(measure) = sorting.checked_sub(1).map(|at| &known[at]) else { return places };
        let value = |place: usize| measure.of(&members[place]).filter(|it| !it.is_nan());
        places.sort_by(|&a, &b| match (value(a), value(b)) {
            (Some(a), Some(b)) if self.is_falling => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        });
        places
    }
}
