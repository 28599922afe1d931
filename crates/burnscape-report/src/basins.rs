//! The basins of a slice as JSON, as rows of a table, and node by node.

use burnscape_landscape::surface::Extreme;
use burnscape_landscape::topology::{Basin, MergeTree, Standing};
use burnscape_landscape::words;
use burnscape_run::json_number as number;
use serde_json::{Value, json};

/// What a row holds, the slice before it.
pub(crate) const COLUMNS: [&str; 14] = [
    "slice",
    "number",
    "node",
    "x",
    "y",
    "loss",
    "saddle_node",
    "saddle_x",
    "saddle_y",
    "saddle_loss",
    "into",
    "persistence",
    "at_border",
    "standing",
];

/// All basins, counted or not, with what was counted, and the basin of every node.
pub(crate) fn of_tree(tree: &MergeTree) -> Value {
    let mut told = list(tree);
    told["of_nodes"] = json!(of_nodes(tree));
    told
}

/// All basins, counted or not, with what was counted.
pub(crate) fn list(tree: &MergeTree) -> Value {
    let names = &COLUMNS[1..];
    let named = |row: Vec<Value>| -> Value {
        Value::Object(names.iter().map(|name| (*name).to_owned()).zip(row).collect())
    };
    json!({
        "minima": tree.minima(),
        "saddles": tree.saddles(),
        "noise": tree.noise(),
        "filled_in": tree.filled_in(),
        "walls": tree.walls(),
        "sentence": words::topology(tree),
        "basins": rows(tree).map(named).collect::<Vec<_>>(),
    })
}

/// What the page draws: the basins that count, by number.
pub(crate) fn of_page(tree: &MergeTree) -> Value {
    let basin = |(number, basin, into): (usize, &Basin, Option<usize>)| {
        json!({
            "number": number,
            "node": basin.minimum.node,
            "saddle": basin.saddle.map(|saddle| saddle.node),
            "words": words::basin(number, basin, into),
        })
    };
    tree.numbered().map(basin).collect()
}

/// A row per basin, without its slice.
pub(crate) fn rows(tree: &MergeTree) -> impl Iterator<Item = Vec<Value>> {
    let numbers = numbers(tree);
    let row = move |(place, basin)| {
        let into = |into: usize| number_at(tree, &numbers, tree.basins()[into].minimum.node);
        row(basin, numbers[place], basin.into.and_then(into))
    };
    tree.basins().iter().enumerate().map(row)
}

fn row(basin: &Basin, own: Option<usize>, into: Option<usize>) -> Vec<Value> {
    let of_saddle = |read: fn(&Extreme) -> Value| basin.saddle.as_ref().map_or(Value::Null, read);
    vec![
        json!(own),
        json!(basin.minimum.node),
        number(basin.minimum.alpha),
        number(basin.minimum.beta),
        number(basin.minimum.loss),
        of_saddle(|it| json!(it.node)),
        of_saddle(|it| number(it.alpha)),
        of_saddle(|it| number(it.beta)),
        of_saddle(|it| number(it.loss)),
        json!(into),
        basin.persistence.map_or(Value::Null, number),
        json!(basin.at_border),
        json!(standing(basin.standing)),
    ]
}

/// Of every basin its number, if it counts.
fn numbers(tree: &MergeTree) -> Vec<Option<usize>> {
    let mut numbers = vec![None; tree.basins().len()];
    (1..).zip(tree.counted()).for_each(|(number, (place, _))| numbers[place] = Some(number));
    numbers
}

/// The number of the basin that counts in which a node lies; `None` in a wall.
fn number_at(tree: &MergeTree, numbers: &[Option<usize>], node: usize) -> Option<usize> {
    numbers[tree.labels()[node]?]
}

/// Of each node the number of the basin that it lies in; `None` in a wall.
pub(crate) fn of_nodes(tree: &MergeTree) -> Vec<Option<usize>> {
    let numbers = numbers(tree);
    (0..tree.labels().len()).map(|node| number_at(tree, &numbers, node)).collect()
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Counts => "counts",
        Standing::Noise { .. } => "noise",
        Standing::FilledIn { .. } => "filled-in",
    }
}
