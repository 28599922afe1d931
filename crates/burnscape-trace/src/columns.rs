//! The columns of `step` records: what each is called and means, its unit, and how blocks are put together.
//!
//! A record holds one value per parameter block. What is true of several blocks, a module with all that is in
//! it or the whole model, follows from these by the rule of the column: norms by the root of the sum of their
//! squares, counts by their sum, largest values by the largest. Quotients are formed last, of sums.

use std::fmt;

use crate::record::{Block, Head, Step};

/// The one table of columns: constant and variant, name in the trace, meaning, unit, rule over several blocks.
macro_rules! columns {
    ($($constant:ident $variant:ident $name:literal, $meaning:literal, $unit:literal, $combine:ident;)*) => {
        $(
            #[doc = concat!($meaning, ".")]
            pub const $constant: &str = $name;
        )*

        /// A column of a step.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Column {
            $(
                #[doc = concat!($meaning, ".")]
                $variant,
            )*
        }

        impl Column {
            /// How many there are.
            pub const COUNT: usize = [$($name),*].len();

            /// All of them.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant),*];

            /// The column of a name; `None`: one that this version does not know.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($constant => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// What it is called in a trace.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $constant,)*
                }
            }

            /// What it says of a block.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }

            /// In what it is measured, where L is the unit of the loss and P that of parameters; 1: a plain number.
            #[must_use]
            pub fn unit(self) -> &'static str {
                match self {
                    $(Self::$variant => $unit,)*
                }
            }

            /// How the values of several blocks become one.
            #[must_use]
            pub fn combine(self) -> Combine {
                match self {
                    $(Self::$variant => Combine::$combine,)*
                }
            }
        }
    };
}

columns! {
    GRAD_NORM GradNorm "grad_norm", "‖g‖ as the optimizer received it: after accumulation and device reduction, before its own clipping", "L/P", RootOfSquares;
    GRAD_MAX GradMax "grad_max", "largest absolute value in g", "L/P", Largest;
    GRAD_NON_FINITE GradNonFinite "grad_non_finite", "entries of g that are NaN or infinite", "entries", Sum;
    GRAD_NORM_CLIPPED GradNormClipped "grad_norm_clipped", "‖g‖ after the optimizer's own clipping", "L/P", RootOfSquares;
    GRAD_SIGNAL GradSignal "grad_signal", "‖E g‖², of an exponential average E over the steps measured", "L²/P²", Sum;
    GRAD_POWER GradPower "grad_power", "E‖g‖², of the same average", "L²/P²", Sum;
    GRAD_CV GradCv "grad_cv", "standard deviation of ‖g‖ over its mean, in a window of steps", "1", Never;
    LR Lr "lr", "learning rate of the block, where it is not that of the step", "the optimizer's", Never;
    WEIGHT_NORM WeightNorm "weight_norm", "‖θ‖ before the update", "P", RootOfSquares;
    WEIGHT_NON_FINITE WeightNonFinite "weight_non_finite", "entries of θ before the update that are NaN or infinite", "entries", Sum;
    UPDATE_NORM UpdateNorm "update_norm", "‖u‖, u = θ after the update − θ before it", "P", RootOfSquares;
    UPDATE_DOT UpdateDot "update_dot", "scalar product of u and u′, the update of the step before", "P²", Sum;
    PREVIOUS_UPDATE_NORM PreviousUpdateNorm "previous_update_norm", "‖u′‖", "P", RootOfSquares;
    DISTANCE Distance "distance", "‖θ after the update − θ at the start of this recording‖", "P", RootOfSquares;
}

impl Column {
    /// It says nothing of a block that no gradient reached.
    #[must_use]
    pub fn is_of_gradient(self) -> bool {
        is_of_gradient(self.name())
    }
}

/// A quotient of columns of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quotient {
    /// ‖u‖ / ‖θ‖.
    UpdateRatio,
    /// Gradient signal-to-noise ratio ‖E g‖² / (E‖g‖² − ‖E g‖²) (Liu et al. 2020, arXiv 2001.07384, summed over
    /// parameters).
    SignalToNoise,
    /// Cosine of the angle between this update and the one before.
    UpdateCosine,
}

impl Quotient {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::UpdateRatio, Self::SignalToNoise, Self::UpdateCosine];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpdateRatio => "update_ratio",
            Self::SignalToNoise => "signal_to_noise",
            Self::UpdateCosine => "update_cosine",
        }
    }

    /// What it is.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::UpdateRatio => "update over weight",
            Self::SignalToNoise => "signal-to-noise ratio of the gradient",
            Self::UpdateCosine => "cosine of the angle between two updates",
        }
    }

    /// How it follows from its columns.
    #[must_use]
    pub fn formula(self) -> &'static str {
        match self {
            Self::UpdateRatio => "update_norm / weight_norm",
            Self::SignalToNoise => "grad_signal / (grad_power − grad_signal)",
            Self::UpdateCosine => "update_dot / (update_norm · previous_update_norm)",
        }
    }

    /// The columns that it is formed of.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::UpdateRatio => &[Column::UpdateNorm, Column::WeightNorm],
            Self::SignalToNoise => &[Column::GradSignal, Column::GradPower],
            Self::UpdateCosine => {
                &[Column::UpdateDot, Column::UpdateNorm, Column::PreviousUpdateNorm]
            }
        }
    }

    /// It says nothing of a block that no gradient reached.
    #[must_use]
    pub fn is_of_gradient(self) -> bool {
        self.columns()[0].is_of_gradient()
    }

    /// Its value from those of its [columns](Self::columns), in their order; `None` where it is not defined, as of a
    /// weight of 0. Without noise, the signal-to-noise ratio is infinite.
    pub fn of(self, mut value: impl FnMut(Column) -> Option<f64>) -> Option<f64> {
        let mut values = [1.0; 3];
        for (slot, &column) in values.iter_mut().zip(self.columns()) {
            *slot = value(column)?;
        }
        self.formed_of(values)
    }

    /// The same of values in the order of the columns, with 1 where there are fewer than three.
    #[must_use]
    pub fn formed_of(self, [a, b, c]: [f64; 3]) -> Option<f64> {
        match self {
            Self::UpdateRatio => (b != 0.0).then(|| a / b),
            Self::SignalToNoise => {
                let noise = b - a;
                // Nothing at all is no signal without noise.
                (a != 0.0 || noise != 0.0).then(|| a / noise.max(0.0))
            }
            Self::UpdateCosine => (b * c != 0.0).then(|| a / (b * c)),
        }
    }
}

/// All columns as a table in Markdown, as it stands in the documentation of the format.
#[must_use]
pub fn table_of_columns() -> String {
    let row = |it: Column| {
        let (name, meaning, unit, rule) = (it.name(), it.meaning(), it.unit(), it.combine());
        format!("| `{name}` | {meaning} | {unit} | {rule} |\n")
    };
    let rows: String = Column::ALL.map(row).concat();
    format!("| column | one value per block | unit | several blocks |\n|---|---|---|---|\n{rows}")
}

/// The same of the quotients.
#[must_use]
pub fn table_of_quotients() -> String {
    let row =
        |it: Quotient| format!("| `{}` | {} | `{}` |\n", it.name(), it.meaning(), it.formula());
    let rows: String = Quotient::ALL.map(row).concat();
    format!("| quotient | what it is | of columns |\n|---|---|---|\n{rows}")
}

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

/// The rule as a formula; nothing for [`Combine::Never`].
impl fmt::Display for Combine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::RootOfSquares => "√Σx²",
            Self::Sum => "Σx",
            Self::Largest => "largest; NaN if any is",
            Self::Never => "",
        })
    }
}

impl Combine {
    /// The rule of a column.
    #[must_use]
    pub fn of(column: &str) -> Self {
        Column::named(column).map_or(Self::Never, Column::combine)
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

    /// A quotient over some blocks; `None` if not measured, or not defined.
    #[must_use]
    pub fn quotient(&self, blocks: &Blocks, quotient: Quotient) -> Option<f64> {
        quotient.of(|column| self.over(blocks, column.name()))
    }

    /// ‖u‖ / ‖θ‖ over some blocks; `None` if not measured, or if ‖θ‖ = 0.
    #[must_use]
    pub fn update_ratio(&self, blocks: &Blocks) -> Option<f64> {
        self.quotient(blocks, Quotient::UpdateRatio)
    }

    /// [`Quotient::SignalToNoise`] over some blocks; `None` if not measured, infinite without noise.
    #[must_use]
    pub fn signal_to_noise(&self, blocks: &Blocks) -> Option<f64> {
        self.quotient(blocks, Quotient::SignalToNoise)
    }

    /// Cosine of the angle between this update and the one before, over some blocks; `None` if not measured, or
    /// if one of them is 0.
    #[must_use]
    pub fn update_cosine(&self, blocks: &Blocks) -> Option<f64> {
        self.quotient(blocks, Quotient::UpdateCosine)
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
