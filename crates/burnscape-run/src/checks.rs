//! Self-checks of a run and of its slices.

use burnscape_trace::Check;

/// Adds a check to those known: one of the same name and slice is replaced, since only its last answer holds.
pub fn take_check(known: &mut Vec<Check>, check: &Check) {
    known.retain(|it| (it.slice, &it.name) != (check.slice, &check.name));
    known.push(check.clone());
}
