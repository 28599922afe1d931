//! The coefficient of variation of gradient norms, over the last steps that measured them.

use std::collections::VecDeque;

use burnscape_trace::Step;
use burnscape_trace::columns::GRAD_NORM;

/// The last norms of every block.
#[derive(Debug, Default)]
pub(crate) struct Variation {
    window: usize,
    steps: VecDeque<Vec<f32>>,
}

impl Variation {
    pub fn new(window: usize) -> Self {
        Self { window, steps: VecDeque::new() }
    }

    /// Takes in the norms of a step, in the memory of the oldest one.
    pub fn push(&mut self, step: &Step) {
        let Some(norms) = step.columns.get(GRAD_NORM).filter(|_| self.window > 1) else {
            return;
        };
        let full = self.steps.len() == self.window;
        let mut kept = full.then(|| self.steps.pop_front()).flatten().unwrap_or_default();
        kept.clone_from(&norms.0);
        self.steps.push_back(kept);
    }

    /// Standard deviation over mean, per block; `None` before the window is full. NaN where a norm is, or where
    /// all are 0.
    pub fn coefficients(&self) -> Option<Vec<f32>> {
        let count = self.steps.len();
        if count < self.window || self.window < 2 {
            return None;
        }
        let of_block = |block: usize| {
            let norms = || self.steps.iter().map(|step| f64::from(step[block]));
            let mean = norms().sum::<f64>() / count as f64;
            let square = norms().map(|norm| (norm - mean).powi(2)).sum::<f64>();
            ((square / (count - 1) as f64).sqrt() / mean) as f32
        };
        Some((0..self.steps[0].len()).map(of_block).collect())
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;
    use burnscape_trace::F32s;

    #[test]
    fn of_two_values_it_is_their_difference_over_their_sum_times_the_root_of_two() {
        let mut variation = Variation::new(2);
        for norms in [[9.0, 9.0], [1.0, 4.0], [3.0, 4.0]] {
            let columns = [(GRAD_NORM.to_string(), F32s(norms.to_vec()))].into();
            variation.push(&record!(Step { columns }));
        }
        let expected = [(2.0_f64 / 4.0 * 2.0_f64.sqrt()) as f32, 0.0];
        assert_eq!(variation.coefficients().unwrap(), expected);
        assert_eq!(Variation::new(2).coefficients(), None);
    }
}
