//! Sides: runs that differ in their seeds stand together.

use wildmatch::WildMatch;

use super::candidate::RunBeside;
use super::error::CompareError;

/// Which runs stand together as one side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Sides {
    /// Those of one name but for a number at its end: `plain-1` and `plain-2`, `skips_seed3`. The number stands behind a
    /// `-`, a `_` or a space, with or without the word `seed`. Where all runs would stand on one side, each is one by itself.
    #[default]
    ByName,
    /// Each run is a side by itself.
    Each,
    /// Names of sides, each with what the names or the paths of its runs are like; `*` stands for any letters. A run belongs
    /// to the first that fits, and where none does it is a side by itself.
    Named(Vec<(String, String)>),
}

impl Sides {
    pub(super) fn assign(&self, runs: &mut [RunBeside]) -> Result<(), CompareError> {
        match self {
            Self::Each => {}
            Self::ByName => {
                for run in runs.iter_mut() {
                    run.side = stem(&run.name).to_owned();
                }
                if runs.iter().all(|run| run.side == runs[0].side) {
                    runs.iter_mut().for_each(|run| run.side.clear());
                }
            }
            Self::Named(sides) => assign_named(sides, runs)?,
        }
        for run in runs.iter_mut().filter(|run| run.side.is_empty()) {
            run.side.clone_from(&run.name);
        }
        Ok(())
    }
}

fn assign_named(sides: &[(String, String)], runs: &mut [RunBeside]) -> Result<(), CompareError> {
    for (side, pattern) in sides {
        let like = WildMatch::new(pattern.trim_end_matches('/'));
        let path = |run: &RunBeside| run.path.to_string_lossy().trim_end_matches('/').to_owned();
        let fits = |run: &RunBeside| like.matches(&run.name) || like.matches(&path(run));
        let mut is_empty = true;
        for run in runs.iter_mut().filter(|run| fits(run)) {
            is_empty = false;
            if run.side.is_empty() {
                run.side.clone_from(side);
            }
        }
        if is_empty {
            let (side, pattern) = (side.clone(), pattern.clone());
            return Err(CompareError::EmptySide { side, pattern });
        }
    }
    Ok(())
}

/// The name without the number of a seed at its end.
fn stem(name: &str) -> &str {
    const BETWEEN: [char; 3] = ['-', '_', ' '];
    let without_digits = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if without_digits == name {
        return name;
    }
    let before_seed = without_digits.trim_end_matches(BETWEEN).strip_suffix("seed");
    let stem = match before_seed {
        Some(stem) => stem,
        None => without_digits,
    };
    let bare = stem.trim_end_matches(BETWEEN);
    // A number that belongs to the name, as in `resnet20` or `lr-0.1`, is no seed.
    if bare.is_empty() || bare.len() == stem.len() { name } else { bare }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn a_number_at_the_end_is_that_of_a_seed_only_where_it_stands_apart() {
        let expected = [
            ("plain-1", "plain"),
            ("plain-12", "plain"),
            ("plain_3", "plain"),
            ("plain 3", "plain"),
            ("skips-seed3", "skips"),
            ("skips_seed_3", "skips"),
            ("resnet20", "resnet20"),
            ("lr-0.1", "lr-0.1"),
            ("digits", "digits"),
            ("2024", "2024"),
            ("seed1", "seed1"),
            ("-1", "-1"),
        ];
        for (name, of) in expected {
            assert_eq!(stem(name), of, "{name}");
        }
    }
}
