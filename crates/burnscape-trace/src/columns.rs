//! The columns of `step` records: what each is called, what it means, and how blocks are put together.
//!
//! A record holds one value per parameter block. What is true of several blocks, a module with all that is in
//! it or the whole model, follows from these by the rule of the column: norms by the root of the sum of their
//! squares, counts by their sum, largest values by the largest. Quotients are formed last, of sums.

use crate::record::{Block, Head, Step};

/// ‖g‖ as the optimizer received it: after accumulation and device reduction, before its own clipping.
pub const GRAD_NORM: &str = "grad_norm";
/// max |g|.
pub const GRAD_MAX: &str = "grad_max";
/// Entries of g that are NaN or infinite.
pub const GRAD_NON_FINITE: &str = "grad_non_finite";
/// ‖g‖ after the optimizer's own clipping.
pub const GRAD_NORM_CLIPPED: &str = "grad_norm_clipped";
/// ‖E g‖², of an exponential average over the steps measured.
pub const GRAD_SIGNAL: &str = "grad_signal";
/// E‖g‖², of the same average.
pub const GRAD_POWER: &str = "grad_power";
/// Standard deviation of ‖g‖ over its mean, over a window of steps.
pub const GRAD_CV: &str = "grad_cv";
/// Learning rate of the block, where it is not that of the step.
pub const LR: &str = "lr";
/// ‖θ‖ before the update.
pub const WEIGHT_NORM: &str = "weight_norm";
/// Entries of θ before the update that are NaN or infinite.
pub const WEIGHT_NON_FINITE: &str = "weight_non_finite";
/// ‖u‖, u = θ after the update − θ before it.
pub const UPDATE_NORM: &str = "update_norm";
/// ⟨u, u'⟩ with the update u' of the step before.
pub const UPDATE_DOT: &str = "update_dot";
/// ‖u'‖.
pub const PREVIOUS_UPDATE_NORM: &str = "previous_update_norm";
/// ‖θ after the update − θ₀‖, from the start of this recording.
pub const DISTANCE: &str = "distance";

/// Whether a column says nothing of a block that no gradient reached.
#[must_use]
pub fn is_of_gradient(column: &str) -> bool {
    column.starts_with("grad_")
}

/// How the values of several blocks become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// √Σx².
    RootOfSquares,
    /// Σx.
    Sum,
    /// The largest; NaN if any is.
    Largest,
    /// Not at all: it is no quantity of several blocks.
    Never,
}

impl Combine {
    /// The rule of a column.
    #[must_use]
    pub fn of(column: &str) -> Self {
        match column {
            GRAD_NORM | GRAD_NORM_CLIPPED | WEIGHT_NORM | UPDATE_NORM | PREVIOUS_UPDATE_NORM
            | DISTANCE => Self::RootOfSquares,
            GRAD_NON_FINITE | WEIGHT_NON_FINITE | GRAD_SIGNAL | GRAD_POWER | UPDATE_DOT => {
                Self::Sum
            }
            GRAD_MAX => Self::Largest,
            _ => Self::Never,
        }
    }

    /// One value for several; `None` without any, or where that is no quantity of several blocks.
    pub fn fold(self, values: impl Iterator<Item = f64>) -> Option<f64> {
        let mut values = values.peekable();
        values.peek()?;
        match self {
            Self::RootOfSquares => Some(values.map(|it| it * it).sum::<f64>().sqrt()),
            Self::Sum => Some(values.sum()),
            Self::Largest => values.reduce(|a, b| if b > a || b.is_nan() { b } else { a }),
            Self::Never => None,
        }
    }
}

/// Some of the blocks of a model: one, a module with all that is in it, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks(Vec<usize>);

impl Blocks {
    /// All blocks of a model.
    #[must_use]
    pub fn all(head: &Head) -> Self {
        Self((0..head.blocks.len()).collect())
    }

    /// One block.
    #[must_use]
    pub fn one(block: usize) -> Self {
        Self(vec![block])
    }

    /// The blocks of the module at `path` and of all modules in it: `encoder` holds `encoder.0.weight`, and
    /// not `encoder2.weight`. Empty if there is no such module.
    #[must_use]
    pub fn of_module(head: &Head, path: &str) -> Self {
        let is_in = |block: &Block| {
            let rest = block.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let numbered = head.blocks.iter().enumerate();
        Self(numbered.filter(|(_, block)| is_in(block)).map(|(number, _)| number).collect())
    }

    /// Their numbers, in order.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }
}

impl Step {
    /// A column over some blocks, put together by its rule; `None` if it was not measured, or is no quantity
    /// of several blocks. Blocks that no gradient reached are left out.
    #[must_use]
    pub fn over(&self, blocks: &Blocks, column: &str) -> Option<f64> {
        let values = self.columns.get(column)?;
        let is_missing = |block: usize| self.missing.contains(&(block as u32));
        let of_gradient = is_of_gradient(column);
        let counted = blocks.0.iter().filter(|&&block| !of_gradient || !is_missing(block));
        let value = |&block: &usize| values.get(block).copied().map(f64::from);
        match blocks.0[..] {
            [block] => value(&block),
            _ => Combine::of(column).fold(counted.filter_map(value)),
        }
    }

    /// ‖u‖ / ‖θ‖ over some blocks; `None` if not measured, or if ‖θ‖ = 0.
    #[must_use]
    pub fn update_ratio(&self, blocks: &Blocks) -> Option<f64> {
        let weight = self.over(blocks, WEIGHT_NORM)?;
        (weight != 0.0).then_some(self.over(blocks, UPDATE_NORM)? / weight)
    }

    /// Gradient signal-to-noise ratio ‖E g‖² / (E‖g‖² − ‖E g‖²) over some blocks (Liu et al. 2020,
    /// arXiv 2001.07384, summed over parameters); `None` if not measured, infinite without noise.
    #[must_use]
    pub fn signal_to_noise(&self, blocks: &Blocks) -> Option<f64> {
        let signal = self.over(blocks, GRAD_SIGNAL)?;
        let noise = self.over(blocks, GRAD_POWER)? - signal;
        match (signal, noise) {
            (0.0, 0.0) => None,
            _ => Some(signal / noise.max(0.0)),
        }
    }

    /// Cosine of the angle between this update and the one before, over some blocks; `None` if not measured, or
    /// if one of them is 0.
    #[must_use]
    pub fn update_cosine(&self, blocks: &Blocks) -> Option<f64> {
        let lengths = self.over(blocks, UPDATE_NORM)? * self.over(blocks, PREVIOUS_UPDATE_NORM)?;
        (lengths != 0.0).then_some(self.over(blocks, UPDATE_DOT)? / lengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{F32s, U32s};

    fn head() -> Head {
        let block = |path: &str| Block { path: path.to_string(), ..Block::default() };
        let blocks = ["encoder.0.weight", "encoder.0.bias", "encoder2.weight", "head.weight"];
        Head { blocks: blocks.map(block).to_vec(), ..Head::default() }
    }

    fn step(columns: &[(&str, [f32; 4])]) -> Step {
        let columns = columns.iter().map(|(name, it)| (name.to_string(), F32s(it.to_vec())));
        Step { columns: columns.collect(), ..Step::default() }
    }

    #[test]
    fn a_module_holds_what_is_in_it_and_not_what_is_called_alike() {
        assert_eq!(Blocks::of_module(&head(), "encoder").numbers(), [0, 1]);
        assert_eq!(Blocks::of_module(&head(), "encoder2").numbers(), [2]);
        assert_eq!(Blocks::of_module(&head(), "head.weight").numbers(), [3]);
        assert!(Blocks::of_module(&head(), "enc").numbers().is_empty());
    }

    #[test]
    fn norms_of_blocks_are_legs_and_counts_add_up_and_the_largest_stays() {
        let step = step(&[
            (GRAD_NORM, [3.0, 4.0, 12.0, 0.0]),
            (GRAD_NON_FINITE, [0.0, 2.0, 0.0, 5.0]),
            (GRAD_MAX, [1.0, 7.0, 2.0, 3.0]),
        ]);
        let (all, encoder) = (Blocks::all(&head()), Blocks::of_module(&head(), "encoder"));
        assert_eq!(step.over(&encoder, GRAD_NORM), Some(5.0));
        assert_eq!(step.over(&all, GRAD_NORM), Some(13.0));
        assert_eq!(step.over(&all, GRAD_NON_FINITE), Some(7.0));
        assert_eq!(step.over(&all, GRAD_MAX), Some(7.0));
        assert_eq!(step.over(&Blocks::one(2), GRAD_NORM), Some(12.0));
        assert_eq!(step.over(&all, UPDATE_NORM), None);
    }

    #[test]
    fn a_block_without_a_gradient_takes_no_part_and_a_nan_is_not_hidden() {
        let mut step =
            step(&[(GRAD_NORM, [3.0, f32::NAN, 4.0, 0.0]), (GRAD_MAX, [1.0, f32::NAN, 2.0, 3.0])]);
        let all = Blocks::all(&head());
        assert!(step.over(&all, GRAD_NORM).unwrap().is_nan());
        assert!(step.over(&all, GRAD_MAX).unwrap().is_nan());
        step.missing = U32s(vec![1]);
        assert_eq!(step.over(&all, GRAD_NORM), Some(5.0));
        assert_eq!(step.over(&all, GRAD_MAX), Some(3.0));
    }

    #[test]
    fn quotients_are_of_sums_over_blocks() {
        let step = step(&[
            (WEIGHT_NORM, [3.0, 4.0, 0.0, 0.0]),
            (UPDATE_NORM, [0.0, 0.5, 0.0, 0.0]),
            (PREVIOUS_UPDATE_NORM, [1.5, 2.0, 0.0, 0.0]),
            (UPDATE_DOT, [0.0, -1.0, 0.0, 0.0]),
            (GRAD_SIGNAL, [1.0, 2.0, 0.0, 0.0]),
            (GRAD_POWER, [2.0, 4.0, 0.0, 0.0]),
        ]);
        let encoder = Blocks::of_module(&head(), "encoder");
        assert_eq!(step.update_ratio(&encoder), Some(0.1));
        assert_eq!(step.update_cosine(&encoder), Some(-0.8));
        assert_eq!(step.update_cosine(&Blocks::one(1)), Some(-1.0));
        assert_eq!(step.signal_to_noise(&encoder), Some(1.0));
        assert_eq!(step.update_ratio(&Blocks::one(2)), None);
        assert_eq!(step.signal_to_noise(&Blocks::one(2)), None);
        assert_eq!(step.update_cosine(&Blocks::one(2)), None);
    }
}
