//! Blocks folded into the modules that hold them: a tree with the sums of each module, as deep as it finds room.

use std::collections::{HashMap, HashSet};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::model::{BlockColumn, BlockStatus, Blocks, Run};
use crate::numbers::short;
use crate::palette::{BAD, MUTED, WARNING};
use crate::widgets::areas;
use crate::widgets::rows::Rows;
use crate::widgets::table::{Cell, Column, Placed, first_visible, longest_name};

/// Rows of the tree at most: as many as are still looked over.
const MOST: usize = 60;
/// Cells that a module stands right of the one around it.
const INDENT: usize = 2;
/// Cells of a number, with the gap before it.
const NUMBER: u16 = 10;

/// A module, and what of the model is in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Module {
    /// Its path, such as `encoder.0`.
    pub(super) path: String,
    /// What it is called in its row.
    label: String,
    /// Numbers of its blocks, those of inner modules included.
    blocks: Vec<usize>,
}

/// The modules of some blocks in the order of the model, each before those inside it: as many levels as find room, one at
/// least. What a level does not divide has no row of its own.
pub(super) fn of(blocks: &Blocks, shown: &[usize]) -> Vec<Module> {
    let levels = shown.iter().map(|&block| parts(blocks.path(block)).len()).max().unwrap_or(1);
    let trees = (1..levels.max(2)).map(|depth| tree(blocks, shown, depth));
    let mut deepest = Vec::new();
    for tree in trees {
        if !deepest.is_empty() && tree.len() > MOST {
            break;
        }
        deepest = tree;
    }
    deepest
}

/// The modules whose paths have so many parts at most.
fn tree(blocks: &Blocks, shown: &[usize], most: usize) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for &block in shown {
        let parts = parts(blocks.path(block));
        // The last part is the parameter, unless there is nothing else.
        let inside = parts.len().saturating_sub(1).clamp(1, most);
        for path in (1..=inside).map(|depth| parts[..depth].join(".")) {
            let place = *known.entry(path.clone()).or_insert(modules.len());
            if place == modules.len() {
                modules.push(Module { path, label: String::new(), blocks: Vec::new() });
            }
            modules[place].blocks.push(block);
        }
    }
    // A module that is all of the one around it says nothing more.
    let mut seen = HashSet::new();
    modules.retain(|module| seen.insert(module.blocks.clone()));
    name(&mut modules);
    modules
}

/// Names each module by what its path has more than that of the one around it, which stands before it.
fn name(modules: &mut [Module]) {
    let mut around: Vec<String> = Vec::new();
    for module in modules {
        while around.last().is_some_and(|outer| !is_inside(&module.path, outer)) {
            around.pop();
        }
        let begin = around.last().map_or(0, |outer| outer.len() + 1);
        module.label = " ".repeat(INDENT * around.len()) + &module.path[begin..];
        around.push(module.path.clone());
    }
}

fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

fn parts(path: &str) -> Vec<&str> {
    path.split('.').collect()
}

impl Module {
    /// What its blocks match, and others do not.
    pub(super) fn pattern(&self, blocks: &Blocks) -> String {
        let is_block = self.blocks.iter().any(|&block| blocks.path(block) == self.path);
        if is_block { self.path.clone() } else { format!("{}.*", self.path) }
    }

    /// The norm of all of it: the root of the sum of squares, over the blocks that were measured.
    fn norm(&self, blocks: &Blocks, column: BlockColumn) -> f64 {
        let norms = self.blocks.iter().map(|&block| blocks.last(column, block));
        let squares = norms.filter(|it| !it.is_nan()).map(|it| it * it);
        squares.reduce(|a, b| a + b).map_or(f64::NAN, f64::sqrt)
    }

    /// How many of its blocks are not as they should be.
    fn troubled(&self, run: &Run) -> usize {
        let rows = self.blocks.iter().filter_map(|&block| run.block_row(block));
        let is_fine = |status| matches!(status, BlockStatus::Ok | BlockStatus::Frozen);
        rows.filter(|row| !row.status.is_past() && !is_fine(row.status)).count()
    }

    fn cells(&self, run: &Run) -> Vec<Cell> {
        let columns = [BlockColumn::GradNorm, BlockColumn::WeightNorm, BlockColumn::UpdateNorm];
        let [gradient, weight, update] = columns.map(|column| self.norm(&run.blocks, column));
        let numbers = [gradient, weight, update, update / weight].map(number);
        let count = (self.blocks.len().to_string(), Style::new().fg(MUTED));
        let status = match self.troubled(run) {
            0 => (" ok".to_owned(), Style::new().fg(MUTED)),
            some => (format!(" {some} not ok"), Style::new().fg(WARNING)),
        };
        std::iter::once(count).chain(numbers).chain([status]).collect()
    }
}

fn number(value: f64) -> Cell {
    match value {
        _ if value.is_nan() => ("–".to_owned(), Style::new().fg(MUTED)),
        _ if value.is_infinite() => (short(value), Style::new().fg(BAD)),
        _ => (short(value), Style::new()),
    }
}

const COLUMNS: [Column; 6] = {
    const fn number(label: &'static str, rank: u8) -> Column {
        Column { label, width: NUMBER, rank, is_number: true }
    }
    [
        number("blocks", 2),
        number("‖g‖", 0),
        number("‖θ‖", 3),
        number("‖Δθ‖", 4),
        number("‖Δθ‖/‖θ‖", 1),
        Column { label: " status", width: 12, rank: 1, is_number: false },
    ]
};

/// Draws the modules around the selected one.
pub(super) fn draw(
    run: &Run,
    modules: &[Module],
    selected: usize,
    area: Rect,
    buffer: &mut Buffer,
    seen: &Rows,
) {
    let longest = longest_name(modules.iter().map(|it| it.label.as_str()));
    let name = longest.min(area.width / 3)..=longest.max(24);
    let (head, rows) = areas::split_top(area, 1);
    let place = format!("module {} of {}", selected + 1, modules.len());
    Placed::new(head, name.clone(), &COLUMNS).draw_head(
        &place,
        &COLUMNS,
        Style::new().fg(MUTED),
        buffer,
    );
    let first = first_visible(selected, modules.len(), usize::from(rows.height));
    seen.set(rows, first);
    for (index, place) in (0..rows.height).zip(first..modules.len()) {
        let placed = Placed::new(areas::row(rows, index), name.clone(), &COLUMNS);
        placed.draw_name(&modules[place].label, place == selected, buffer);
        placed.draw_cells(&modules[place].cells(run), &COLUMNS, buffer);
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::{Block, Head, Record, Step, record};

    use super::*;

    fn run(paths: &[&str], norms: &[f32]) -> Run {
        let mut run = Run::named("run");
        let block = |path: &&str| record!(Block { path: (*path).to_owned() });
        run.apply(&Record::Head(record!(Head { blocks: paths.iter().map(block).collect() })));
        let columns = [("grad_norm".to_owned(), norms.to_vec().into())].into();
        run.apply(&Record::Step(record!(Step { columns })));
        run
    }

    fn told(run: &Run) -> Vec<(String, usize, f64)> {
        let all: Vec<usize> = (0..run.blocks.len()).collect();
        let modules = of(&run.blocks, &all);
        let norm = |it: &Module| it.norm(&run.blocks, BlockColumn::GradNorm);
        modules.iter().map(|it| (it.label.clone(), it.blocks.len(), norm(it))).collect()
    }

    #[test]
    fn a_module_has_the_norm_of_all_its_blocks() {
        let paths = ["encoder.0.weight", "encoder.0.bias", "encoder.1.weight", "head.weight"];
        let run = run(&paths, &[3.0, 4.0, 12.0, 2.0]);
        let expected = [("encoder", 3, 13.0), ("  0", 2, 5.0), ("  1", 1, 12.0), ("head", 1, 2.0)];
        let expected = expected.map(|(name, blocks, norm)| (name.to_owned(), blocks, norm));
        assert_eq!(told(&run), expected);
    }

    #[test]
    fn many_blocks_become_few_rows_and_every_block_is_in_one() {
        let path = |i: usize| format!("net.layers.{}.attention.{}.weight", i / 4, i % 4);
        let paths: Vec<String> = (0..4000).map(path).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let modules = told(&run(&paths, &[1.0; 4000]));
        assert_eq!(modules, [("net".to_owned(), 4000, 4000_f64.sqrt())]);
        let few = told(&run(&paths[..64], &[1.0; 64]));
        assert_eq!(few.len(), 17, "sixteen layers, and what holds them: {few:?}");
        assert_eq!(few[1], ("  layers.0".to_owned(), 4, 2.0));
    }

    #[test]
    fn parameters_without_a_module_are_their_own() {
        assert_eq!(told(&run(&["bias"], &[f32::NAN]))[0].0, "bias");
    }
}
