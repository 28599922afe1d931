//! Curves of many blocks as a table: a row per block, the largest value in each stretch of steps.

use crate::curves::Curve;

/// The table.
#[derive(Debug, PartialEq)]
pub(crate) struct Heat {
    /// Steps at which it begins and ends.
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) columns: usize,
    /// NaN where a value in the stretch is; `None` where nothing was measured.
    pub(crate) rows: Vec<Vec<Option<f64>>>,
}

impl Heat {
    /// With at most `columns` columns; `None` of nothing.
    pub(crate) fn of(curves: &[Curve], columns: usize) -> Option<Self> {
        let steps = || curves.iter().flatten().map(|point| point.0);
        let first = steps().fold(f64::INFINITY, f64::min);
        let last = steps().fold(f64::NEG_INFINITY, f64::max) + 1.0;
        let most = curves.iter().map(Vec::len).max().filter(|most| *most > 0)?;
        let columns = columns.min(most);
        let mut heat = Self { first, last, columns, rows: Vec::new() };
        heat.rows = curves.iter().map(|curve| heat.row(curve)).collect();
        Some(heat)
    }

    fn row(&self, curve: &Curve) -> Vec<Option<f64>> {
        let mut row = vec![None; self.columns];
        for &(step, value) in curve {
            let share = (step - self.first) / (self.last - self.first);
            // A step at the edge of a column is in it, however its share is rounded.
            let place = share * self.columns as f64 + 1e-9;
            let column = (place as usize).min(self.columns - 1);
            row[column] = Some(row[column].map_or(value, |known| larger(known, value)));
        }
        row
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().flatten().filter_map(|value| *value)
    }
}

/// What is not finite counts as larger than anything.
fn larger(a: f64, b: f64) -> f64 {
    match (a.is_finite(), b.is_finite()) {
        (true, true) => a.max(b),
        (false, _) => a,
        (true, false) => b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stretch_shows_its_largest_value_and_what_is_not_finite() {
        let curve = (0..8).map(|step| (f64::from(step), f64::from(step % 4))).collect();
        let mut holes: Curve = vec![(0.0, 1.0), (7.0, f64::INFINITY)];
        holes.push((7.5, 2.0));
        let heat = Heat::of(&[curve, holes], 2).unwrap();
        assert_eq!(heat.rows[0], [Some(3.0), Some(3.0)]);
        assert_eq!(heat.rows[1], [Some(1.0), Some(f64::INFINITY)]);
        assert_eq!(Heat::of(&[vec![]], 2), None);
    }
}
