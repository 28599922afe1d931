//! Names of layers as keys: readable, different from each other and from every other key.

use burnscape_run::Distinct;

/// Longest key of a layer, in characters.
const MAX_CHARS: usize = 64;

/// What follows `slice{n}_` in the keys that every slice has.
const RESERVED: [&str; 14] = [
    "x",
    "y",
    "loss",
    "stderr",
    "state",
    "info",
    "basin",
    "basins",
    "trajectory_xy",
    "trajectory_loss",
    "centre",
    "buffers",
    "d1",
    "d2",
];

/// One key per name, in order; `{key}_stderr` is free as well.
pub(super) fn of_layers<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut keys = distinct().reserve(RESERVED);
    names.map(|name| keys.name(&slug(name))).collect()
}

/// Keys of arrays that are not of a slice.
const OWN: [&str; 24] = [
    "trajectory_xy",
    "trajectory_loss",
    "centre",
    "buffers",
    "layout",
    "buffer_layout",
    "step",
    "batches",
    "accumulated",
    "epoch_of_step",
    "iteration",
    "elapsed_secs",
    "lr",
    "loss",
    "missing",
    "missing_step",
    "missing_block",
    "blocks",
    "epoch",
    "epoch_steps",
    "epoch_train_loss",
    "epoch_valid_loss",
    "hyperparameters",
    "metrics",
];

/// How keys of slices, metrics and steps of rare columns begin.
const THEIRS: [&str; 3] = ["slice", "metric", "steps_of_"];

/// One key per column of the steps, in order; most are the names themselves.
pub(super) fn of_columns(names: &[String]) -> Vec<String> {
    let mut keys = distinct().reserve(OWN);
    let key = |name: &String| match slug(name) {
        // Keys of slices, metrics and steps of rare columns are theirs alone.
        slug if THEIRS.iter().any(|prefix| slug.starts_with(prefix)) => format!("column_{slug}"),
        slug => slug,
    };
    names.iter().map(|name| keys.name(&key(name))).collect()
}

fn distinct() -> Distinct {
    Distinct::numbered(|slug, number| format!("{slug}_{number}")).with_beside("_stderr")
}

/// Letters and digits of any script in lower case; whatever is between them becomes one `_`.
fn slug(name: &str) -> String {
    let words = name.split(|character: char| !character.is_alphanumeric());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    match words.join("_") {
        joined if joined.is_empty() => "layer".to_owned(),
        joined => joined.chars().take(MAX_CHARS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<String> {
        of_layers(names.iter().copied())
    }

    #[test]
    fn names_become_words_with_underscores() {
        assert_eq!(
            keys(&["accuracy", "Valid loss", "Top-5 (%)"]),
            ["accuracy", "valid_loss", "top_5"]
        );
        assert_eq!(keys(&["Güte β"]), ["güte_β"]);
    }

    #[test]
    fn hostile_names_stay_inside_the_archive_and_apart() {
        let hostile = ["../../etc/passwd", "", "\0\u{1b}[31m", "x", "loss", "A", "a!", "a stderr"];
        let expected = ["etc_passwd", "layer", "31m", "x_2", "loss_2", "a", "a_2", "a_stderr_2"];
        assert_eq!(keys(&hostile), expected);
        let long = "é".repeat(10_000);
        assert_eq!(keys(&[&long])[0].chars().count(), MAX_CHARS);
    }
}
