//! The ordered list of named blocks that make up a flat parameter vector, and what a filter is in each.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use crate::error::Error;

/// What a block does in its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A matrix, a kernel, a table: random directions move it.
    Weight,
    /// An additive one-dimensional parameter.
    Bias,
    /// A multiplicative one-dimensional parameter, or either parameter of a normalisation layer.
    Norm,
}

/// Which entries of a tensor form one filter: the unit whose norm a random direction copies.
///
/// Li et al. 2018 (arXiv 1712.09913), §4: a filter is everything that produces one output. Where those
/// entries lie depends on the layer, see [`classify`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filters {
    /// The whole tensor is one filter.
    Whole,
    /// One filter per index of this axis.
    Axis(usize),
    /// One filter per pair (group, index of axis 1), axis 0 being divided into `groups` equal parts:
    /// a transposed convolution `[c_in, c_out / groups, k…]`.
    GroupedAxis1 {
        /// Number of groups; divides the first dimension.
        groups: usize,
    },
}

impl fmt::Display for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => write!(f, "one filter for the whole tensor"),
            Self::Axis(axis) => write!(f, "one filter per index of axis {axis}"),
            Self::GroupedAxis1 { groups } => {
                write!(f, "one filter per index of axis 1 in each of {groups} groups")
            }
        }
    }
}

impl Filters {
    /// Whether a tensor of this shape has the axes (and the groups) that are named.
    #[must_use]
    pub fn fit(&self, shape: &[usize]) -> bool {
        match *self {
            Self::Whole => true,
            Self::Axis(axis) => axis < shape.len(),
            Self::GroupedAxis1 { groups } => {
                shape.len() >= 2 && groups >= 1 && shape[0].is_multiple_of(groups)
            }
        }
    }

    /// Number of filters in a tensor of this shape.
    ///
    /// # Panics
    ///
    /// If the filters do not [`fit`](Self::fit) the shape.
    #[must_use]
    pub fn count(&self, shape: &[usize]) -> usize {
        match *self {
            Self::Whole => 1,
            Self::Axis(axis) => shape[axis],
            Self::GroupedAxis1 { groups } => groups * shape[1],
        }
    }

    /// The runs of neighbouring entries that belong to one filter, in row-major order: pairs
    /// (filter, range of entries). Together they cover the tensor exactly once; a filter has one run or
    /// several.
    ///
    /// # Panics
    ///
    /// If the filters do not [`fit`](Self::fit) the shape.
    pub fn runs(&self, shape: &[usize]) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        let pattern = RunPattern::new(*self, shape);
        (0..pattern.runs).map(move |run| (pattern.filter_of(run), pattern.entries_of(run)))
    }

    /// Squared Euclidean norm of every filter of a row-major tensor, in one pass.
    ///
    /// # Panics
    ///
    /// If the filters do not [`fit`](Self::fit) the shape, or `values` is shorter than the tensor.
    #[must_use]
    pub fn squared_norms(&self, shape: &[usize], values: &[f32]) -> Vec<f64> {
        let mut squared = vec![0.0; self.count(shape)];
        if RunPattern::new(*self, shape).is_entry_by_entry() {
            for row in values.chunks(squared.len()) {
                squared.iter_mut().zip(row).for_each(|(sum, it)| *sum += f64::from(*it).powi(2));
            }
            return squared;
        }
        for (filter, entries) in self.runs(shape) {
            squared[filter] +=
                crate::direction::products::dot(&values[entries.clone()], &values[entries]);
        }
        squared
    }

    /// Multiplies entries, those `within` a row-major tensor, each by the scale of its filter.
    ///
    /// # Panics
    ///
    /// If the filters do not [`fit`](Self::fit) the shape, there are fewer scales than filters, or as many entries are not
    /// within the tensor.
    pub fn scale(
        &self,
        shape: &[usize],
        scales: &[f64],
        within: Range<usize>,
        entries: &mut [f32],
    ) {
        let pattern = RunPattern::new(*self, shape);
        if pattern.is_entry_by_entry() {
            return scale_rows(scales, within.start, entries);
        }
        let mut at = within.start;
        let mut rest = entries;
        while !rest.is_empty() {
            let run = at / pattern.run_len;
            let len = (pattern.entries_of(run).end - at).min(rest.len());
            let (entries, behind) = std::mem::take(&mut rest).split_at_mut(len);
            let scale = scales[pattern.filter_of(run)];
            entries.iter_mut().for_each(|entry| *entry = scaled(*entry, scale));
            (at, rest) = (at + len, behind);
        }
    }
}

/// Neighbouring entries belong to neighbouring filters, row by row.
fn scale_rows(scales: &[f64], start: usize, entries: &mut [f32]) {
    let column = start.checked_rem(scales.len()).unwrap_or(0);
    let (first, rows) = entries.split_at_mut((scales.len() - column).min(entries.len()));
    let scale_row = |row: &mut [f32], scales: &[f64]| {
        row.iter_mut().zip(scales).for_each(|(entry, scale)| *entry = scaled(*entry, *scale));
    };
    scale_row(first, &scales[column..]);
    rows.chunks_mut(scales.len().max(1)).for_each(|row| scale_row(row, scales));
}

fn scaled(entry: f32, scale: f64) -> f32 {
    (f64::from(entry) * scale) as f32
}

/// The periodic way in which equally long runs of a tensor are dealt out to filters.
#[derive(Clone, Copy)]
struct RunPattern {
    runs: usize,
    run_len: usize,
    /// Filters that take turns, run by run.
    turns: usize,
    /// Runs after which the next `turns` filters take over.
    runs_per_group: usize,
}

impl RunPattern {
    fn new(filters: Filters, shape: &[usize]) -> Self {
        let len = shape.iter().product();
        match filters {
            Filters::Whole => Self::of(len, len, 1, 1),
            Filters::Axis(axis) => {
                let run_len = shape[axis + 1..].iter().product();
                Self::of(len, run_len, shape[axis], 1)
            }
            Filters::GroupedAxis1 { groups } => {
                let run_len = shape[2..].iter().product();
                Self::of(len, run_len, shape[1], groups)
            }
        }
    }

    fn of(len: usize, run_len: usize, turns: usize, groups: usize) -> Self {
        let runs = len.checked_div(run_len).unwrap_or(0);
        Self { runs, run_len, turns, runs_per_group: runs / groups }
    }

    /// Whether every entry is a run, and all filters take turns.
    fn is_entry_by_entry(&self) -> bool {
        self.run_len == 1 && self.runs_per_group == self.runs && self.turns > 1
    }

    fn filter_of(&self, run: usize) -> usize {
        run / self.runs_per_group * self.turns + run % self.turns
    }

    fn entries_of(&self, run: usize) -> Range<usize> {
        run * self.run_len..(run + 1) * self.run_len
    }
}

/// One parameter tensor inside the flat vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Dotted path of the parameter, for instance `"encoder.fc1.weight"`.
    pub path: String,
    /// Shape; the entries are stored row-major.
    pub shape: Vec<usize>,
    /// What the block does in its layer.
    pub role: Role,
    /// Bare type name of the module that holds the parameter, for instance `"Linear"`.
    pub container: String,
    /// Which entries form one filter.
    pub filters: Filters,
    /// Whether `filters` is an assumption that the user may have to correct.
    pub filter_guessed: bool,
    /// Whether training leaves the block alone.
    pub frozen: bool,
    /// Index of the first entry in the flat vector; set by [`Layout::new`].
    pub offset: usize,
}

impl Block {
    /// A block whose role and filters follow from its container, see [`classify`]; the field name is the
    /// last part of the path.
    #[must_use]
    pub fn new(path: &str, container: &str, shape: &[usize], bias_len: Option<usize>) -> Self {
        let field_name = path.rsplit('.').next().unwrap_or(path);
        let (role, filters, filter_guessed) = classify(container, field_name, shape, bias_len);
        Self {
            path: path.to_owned(),
            shape: shape.to_vec(),
            role,
            container: container.to_owned(),
            filters,
            filter_guessed,
            frozen: false,
            offset: 0,
        }
    }

    /// The same block, left alone by training or not.
    #[must_use]
    pub fn frozen(self, frozen: bool) -> Self {
        Self { frozen, ..self }
    }

    /// The same block with the filters that the user named: no longer a guess.
    #[must_use]
    pub fn with_filters(self, filters: Filters) -> Self {
        Self { filters, filter_guessed: false, ..self }
    }

    /// Number of entries: the product of the shape, 1 for a scalar.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the block has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the block lies in the flat vector.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// Number of filters.
    #[must_use]
    pub fn filter_count(&self) -> usize {
        self.filters.count(&self.shape)
    }

    /// Euclidean norm of every filter of `values`, the entries of this block.
    ///
    /// # Panics
    ///
    /// If `values` is shorter than the block.
    #[must_use]
    pub fn filter_norms(&self, values: &[f32]) -> Vec<f64> {
        let squared = self.filters.squared_norms(&self.shape, values);
        squared.into_iter().map(f64::sqrt).collect()
    }
}

/// The blocks of a flat parameter vector, in order and without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    blocks: Vec<Block>,
    len: usize,
}

impl Layout {
    /// Puts the blocks one after the other and fills in their offsets.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicatePath`] if a path occurs twice, [`Error::FiltersDoNotFit`] if a block has filters
    /// along an axis that its shape lacks.
    pub fn new(mut blocks: Vec<Block>) -> Result<Self, Error> {
        check_paths(&blocks)?;
        let mut len = 0;
        for block in &mut blocks {
            check_filters(block)?;
            block.offset = len;
            len += block.len();
        }
        Ok(Self { blocks, len })
    }

    /// Number of entries of the flat vector.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The blocks in order.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The block with this path.
    #[must_use]
    pub fn block(&self, path: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.path == path)
    }

    /// The blocks whose filters are an assumption; a report lists them.
    pub fn guessed(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.filter_guessed)
    }

    /// Of these the transposed convolutions, whose groups are the assumption.
    pub fn guessed_groups(&self) -> impl Iterator<Item = &Block> {
        self.guessed().filter(|block| matches!(block.filters, Filters::GroupedAxis1 { .. }))
    }
}

fn check_paths(blocks: &[Block]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    let twice = blocks.iter().find(|block| !seen.insert(block.path.as_str()));
    twice.map_or(Ok(()), |block| Err(Error::DuplicatePath { path: block.path.clone() }))
}

fn check_filters(block: &Block) -> Result<(), Error> {
    if block.filters.fit(&block.shape) {
        return Ok(());
    }
    Err(Error::FiltersDoNotFit {
        path: block.path.clone(),
        filters: block.filters.to_string(),
        shape: block.shape.clone(),
    })
}

/// Role and filters of a parameter, and whether the filters are a guess.
///
/// `container` is the bare type name of the module that holds the parameter, `field_name` the name of the
/// parameter in it, `bias_len` the length of the bias beside it, if there is one.
///
/// | container | weight shape | one filter is |
/// |---|---|---|
/// | `Linear` | `[d_in, d_out]` | a column: an index of axis 1 |
/// | `Conv1d`, `Conv2d`, `Conv3d`, `DeformConv2d` | `[c_out, c_in / groups, k…]` | an index of axis 0 |
/// | `ConvTranspose1d`, `…2d`, `…3d` | `[c_in, c_out / groups, k…]` | a pair (group, index of axis 1); groups = `bias_len` / axis 1, without a bias guessed to be 1 |
/// | `Embedding` | `[n, d]` | a row: an index of axis 0 |
/// | `Reparameterization`, `LoraAdapter` | `[d_in, rank]`, `[rank, d_out]` | guessed: a column, as in `Linear` |
/// | anything else | two axes or more | guessed: an index of axis 0 |
/// | anything | one axis or none | the whole tensor |
///
/// One-dimensional parameters of a normalisation layer are [`Role::Norm`], so are scales (`gamma`, `scale`,
/// `alpha`, `weight`) elsewhere; every other one-dimensional parameter is a [`Role::Bias`].
#[must_use]
pub fn classify(
    container: &str,
    field_name: &str,
    shape: &[usize],
    bias_len: Option<usize>,
) -> (Role, Filters, bool) {
    if shape.len() < 2 {
        return (role_of_small(container, field_name), Filters::Whole, false);
    }
    let (filters, guessed) = filters_of_weight(container, shape, bias_len);
    (Role::Weight, filters, guessed)
}

fn role_of_small(container: &str, field_name: &str) -> Role {
    const NORMS: [&str; 5] = ["BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RmsNorm"];
    const SCALES: [&str; 4] = ["gamma", "scale", "alpha", "weight"];
    let in_norm = NORMS.iter().any(|norm| container.starts_with(norm));
    if in_norm || SCALES.contains(&field_name) { Role::Norm } else { Role::Bias }
}

fn filters_of_weight(container: &str, shape: &[usize], bias_len: Option<usize>) -> (Filters, bool) {
    match (container, shape.len()) {
        ("Linear", 2) => (Filters::Axis(1), false),
        ("Conv1d", 3) | ("Conv2d" | "DeformConv2d", 4) | ("Conv3d", 5) => (Filters::Axis(0), false),
        ("ConvTranspose1d", 3) | ("ConvTranspose2d", 4) | ("ConvTranspose3d", 5) => {
            filters_of_transposed(shape, bias_len)
        }
        ("Embedding", 2) => (Filters::Axis(0), false),
        ("Reparameterization" | "LoraAdapter", 2) => (Filters::Axis(1), true),
        _ => (Filters::Axis(0), true),
    }
}

/// The number of groups is not visible in the module, but the bias has one entry per output channel.
fn filters_of_transposed(shape: &[usize], bias_len: Option<usize>) -> (Filters, bool) {
    let groups = bias_len.and_then(|outputs| exact_quotient(outputs, shape[1]));
    match groups.map(|groups| Filters::GroupedAxis1 { groups }) {
        Some(filters) if filters.fit(shape) => (filters, false),
        // Groups divide the inputs: one of them has one.
        _ => (Filters::GroupedAxis1 { groups: 1 }, shape[0] > 1),
    }
}

fn exact_quotient(dividend: usize, divisor: usize) -> Option<usize> {
    (divisor > 0 && dividend.is_multiple_of(divisor)).then(|| dividend / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(container: &str, shape: &[usize], bias_len: Option<usize>) -> (Filters, bool) {
        let (_, filters, guessed) = classify(container, "weight", shape, bias_len);
        (filters, guessed)
    }

    #[test]
    fn a_linear_filter_is_a_column() {
        assert_eq!(filters("Linear", &[3, 5], Some(5)), (Filters::Axis(1), false));
    }

    #[test]
    fn a_convolution_filter_is_an_output_channel_grouped_or_not() {
        for (name, shape) in [
            ("Conv1d", vec![8, 3, 5]),
            ("Conv2d", vec![8, 1, 5, 5]),
            ("Conv3d", vec![8, 3, 5, 5, 5]),
            ("DeformConv2d", vec![8, 3, 5, 5]),
        ] {
            assert_eq!(filters(name, &shape, Some(8)), (Filters::Axis(0), false), "{name}");
        }
    }

    #[test]
    fn the_groups_of_a_transposed_convolution_come_from_its_bias() {
        let shape = [6, 2, 3, 3];
        let grouped = |groups| Filters::GroupedAxis1 { groups };
        assert_eq!(filters("ConvTranspose2d", &shape, Some(6)), (grouped(3), false));
        assert_eq!(filters("ConvTranspose2d", &shape, Some(2)), (grouped(1), false));
    }

    #[test]
    fn without_a_fitting_bias_the_groups_are_assumed_and_said() {
        let assumed = (Filters::GroupedAxis1 { groups: 1 }, true);
        assert_eq!(filters("ConvTranspose2d", &[6, 2, 3, 3], None), assumed);
        assert_eq!(
            filters("ConvTranspose2d", &[1, 2, 3, 3], None),
            (assumed.0, false),
            "must be 1"
        );
        assert_eq!(filters("ConvTranspose2d", &[6, 2, 3, 3], Some(5)), assumed);
        // 4 groups would not divide 6 inputs.
        assert_eq!(filters("ConvTranspose2d", &[6, 2, 3, 3], Some(8)), assumed);
    }

    #[test]
    fn an_embedding_filter_is_a_row() {
        assert_eq!(filters("Embedding", &[10, 4], None), (Filters::Axis(0), false));
    }

    #[test]
    fn what_the_table_does_not_know_is_guessed_and_said() {
        assert_eq!(filters("MyLayer", &[4, 4], None), (Filters::Axis(0), true));
        assert_eq!(filters("LoraAdapter", &[4, 2], None), (Filters::Axis(1), true));
        // A user's own three-dimensional `Linear` is not burn's.
        assert_eq!(filters("Linear", &[4, 4, 4], None), (Filters::Axis(0), true));
    }

    #[test]
    fn one_dimensional_parameters_are_biases_or_norms_and_never_guessed() {
        let role = |container, field| classify(container, field, &[4], None);
        assert_eq!(role("Linear", "bias"), (Role::Bias, Filters::Whole, false));
        assert_eq!(role("BatchNorm", "gamma"), (Role::Norm, Filters::Whole, false));
        assert_eq!(role("LayerNorm", "beta"), (Role::Norm, Filters::Whole, false));
        assert_eq!(role("PRelu", "alpha"), (Role::Norm, Filters::Whole, false));
        assert_eq!(role("Mine", "shift"), (Role::Bias, Filters::Whole, false));
        let scalar = classify("Mine", "temperature", &[], None);
        assert_eq!(scalar, (Role::Bias, Filters::Whole, false));
    }

    #[test]
    fn offsets_follow_the_order_without_gaps() {
        let layout = Layout::new(vec![
            Block::new("fc.weight", "Linear", &[3, 5], Some(5)),
            Block::new("fc.bias", "Linear", &[5], None),
            Block::new("temperature", "Net", &[], None),
        ])
        .unwrap();
        let ranges: Vec<_> = layout.blocks().iter().map(Block::range).collect();
        assert_eq!(ranges, [0..15, 15..20, 20..21]);
        assert_eq!(layout.len(), 21);
        assert_eq!(layout.block("fc.bias").unwrap().offset, 15);
        assert!(layout.block("fc").is_none());
    }

    #[test]
    fn a_path_that_occurs_twice_is_refused() {
        let block = Block::new("fc.weight", "Linear", &[3, 5], None);
        let error = Layout::new(vec![block.clone(), block]).unwrap_err();
        assert_eq!(error, Error::DuplicatePath { path: "fc.weight".into() });
    }

    #[test]
    fn filters_along_a_missing_axis_are_refused() {
        let block = Block::new("w", "Mine", &[3, 5], None);
        for filters in [Filters::Axis(2), Filters::GroupedAxis1 { groups: 2 }] {
            let error = Layout::new(vec![block.clone().with_filters(filters)]).unwrap_err();
            assert!(matches!(error, Error::FiltersDoNotFit { .. }), "{error}");
        }
    }

    /// The definition, one entry at a time: unravel the index, look at the axes.
    fn filter_by_definition(filters: Filters, shape: &[usize], entry: usize) -> usize {
        let mut rest = entry;
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = rest % shape[axis];
            rest /= shape[axis];
        }
        match filters {
            Filters::Whole => 0,
            Filters::Axis(axis) => index[axis],
            Filters::GroupedAxis1 { groups } => {
                index[0] / (shape[0] / groups) * shape[1] + index[1]
            }
        }
    }

    #[test]
    fn runs_cover_every_entry_once_and_name_its_filter() {
        for (shape, filters) in [
            (vec![], Filters::Whole),
            (vec![7], Filters::Whole),
            (vec![3, 5], Filters::Axis(0)),
            (vec![3, 5], Filters::Axis(1)),
            (vec![2, 3, 4, 5], Filters::Axis(2)),
            (vec![6, 2, 3, 3], Filters::GroupedAxis1 { groups: 3 }),
            (vec![6, 2, 3], Filters::GroupedAxis1 { groups: 1 }),
            (vec![0, 5], Filters::Axis(1)),
            (vec![5, 0], Filters::Axis(0)),
            (vec![0, 5], Filters::GroupedAxis1 { groups: 1 }),
        ] {
            let mut next = 0;
            for (filter, entries) in filters.runs(&shape) {
                assert_eq!(entries.start, next);
                next = entries.end;
                for entry in entries {
                    assert_eq!(filter, filter_by_definition(filters, &shape, entry));
                }
            }
            assert_eq!(next, shape.iter().product::<usize>(), "{shape:?} {filters}");
        }
    }
}
