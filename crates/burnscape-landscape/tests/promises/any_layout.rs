//! Random directions of layouts that nobody chose, held against loops over single entries.

use burnscape_landscape::direction::{Biases, DirectionOptions, Normalisation, norm, random};
use burnscape_landscape::layout::{Block, Layout, Role};
use proptest::prelude::*;

/// Which filter an entry belongs to, as the paper says it.
#[derive(Debug, Clone, Copy)]
enum Filter {
    Whole,
    Row,
    Column,
    /// Inputs are cut into so many groups, each with the outputs of axis 1.
    GroupedColumn(usize),
}

/// A block, what its filters should be, and values for its centre.
#[derive(Debug, Clone)]
struct Sample {
    block: Block,
    filter: Filter,
    role: Role,
    values: Vec<f32>,
}

impl Sample {
    /// Row-major index of an entry along an axis.
    fn index(&self, entry: usize, axis: usize) -> usize {
        let shape = &self.block.shape;
        entry / shape[axis + 1..].iter().product::<usize>() % shape[axis]
    }

    fn filter_of(&self, entry: usize) -> usize {
        match self.filter {
            Filter::Whole => 0,
            Filter::Row => self.index(entry, 0),
            Filter::Column => self.index(entry, 1),
            Filter::GroupedColumn(groups) => {
                let inputs = self.block.shape[0] / groups;
                self.index(entry, 0) / inputs * self.block.shape[1] + self.index(entry, 1)
            }
        }
    }

    /// Norm of the filter that each entry belongs to, entry by entry.
    fn filter_norms(&self, values: &[f32]) -> Vec<f64> {
        let of = |entry: usize| {
            let own = self.filter_of(entry);
            let same = (0..values.len()).filter(|&other| self.filter_of(other) == own);
            same.map(|other| f64::from(values[other]).powi(2)).sum::<f64>().sqrt()
        };
        (0..values.len()).map(of).collect()
    }

    fn moves(&self, options: &DirectionOptions) -> bool {
        let is_weight = self.role == Role::Weight;
        (is_weight || options.biases != Biases::Ignored)
            && (!self.block.frozen || options.move_frozen)
    }
}

/// Container, field, shape, length of the bias beside it, filters and role.
type Drawn = (&'static str, &'static str, Vec<usize>, Option<usize>, Filter, Role);

fn weight(container: &'static str, shape: Vec<usize>, filter: Filter) -> Drawn {
    (container, "weight", shape, None, filter, Role::Weight)
}

fn kernel(axes: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..4_usize, axes)
}

fn convolution() -> impl Strategy<Value = Drawn> {
    let names = prop::sample::select(vec![("Conv1d", 1), ("Conv2d", 2), ("Conv3d", 3)]);
    names.prop_flat_map(|(name, axes)| {
        let shape = (1..5_usize, 1..4_usize, kernel(axes));
        shape.prop_map(move |(outputs, inputs, kernel)| {
            weight(name, [vec![outputs, inputs], kernel].concat(), Filter::Row)
        })
    })
}

fn transposed_convolution() -> impl Strategy<Value = Drawn> {
    let names = [("ConvTranspose1d", 1), ("ConvTranspose2d", 2), ("ConvTranspose3d", 3)].to_vec();
    prop::sample::select(names).prop_flat_map(|(name, axes)| {
        let shape = (1..4_usize, 1..4_usize, 1..4_usize, kernel(axes));
        shape.prop_map(move |(groups, inputs, outputs, kernel)| {
            let shape = [vec![groups * inputs, outputs], kernel].concat();
            let bias_len = Some(groups * outputs);
            (name, "weight", shape, bias_len, Filter::GroupedColumn(groups), Role::Weight)
        })
    })
}

fn matrix() -> impl Strategy<Value = Drawn> {
    let kinds = [
        ("Linear", Filter::Column),
        ("Embedding", Filter::Row),
        ("LoraAdapter", Filter::Column),
        ("SomethingOfTheUser", Filter::Row),
    ];
    (prop::sample::select(kinds.to_vec()), 0..6_usize, 0..6_usize)
        .prop_map(|((name, filter), rows, columns)| weight(name, vec![rows, columns], filter))
}

fn small() -> impl Strategy<Value = Drawn> {
    let kinds = [
        ("Linear", "bias", Role::Bias),
        ("Conv2d", "bias", Role::Bias),
        ("BatchNorm", "gamma", Role::Norm),
        ("LayerNorm", "beta", Role::Norm),
        ("SomethingOfTheUser", "scale", Role::Norm),
        ("SomethingOfTheUser", "shift", Role::Bias),
    ];
    // Without an axis: one number.
    let shapes = prop::collection::vec(0..6_usize, 0..2);
    (prop::sample::select(kinds.to_vec()), shapes)
        .prop_map(|((name, field, role), shape)| (name, field, shape, None, Filter::Whole, role))
}

fn sample() -> impl Strategy<Value = Sample> {
    let drawn = prop_oneof![convolution(), transposed_convolution(), matrix(), small()];
    (drawn, any::<bool>(), 1e-3..1e3_f32, 0.0..7.0_f32, 2..6_usize).prop_map(
        |((container, field, shape, bias_len, filter, role), frozen, size, phase, empty)| {
            let block = Block::new(field, container, &shape, bias_len).frozen(frozen);
            let wave = |entry: usize| size * (phase + 1.7 * entry as f32).sin();
            let values = (0..block.len()).map(wave).collect();
            let still = Sample { block, filter, role, values };
            // Some filters are zero as a whole.
            let is_zero = |entry: usize| still.filter_of(entry) % empty == 1;
            let value = |entry: usize| if is_zero(entry) { 0.0 } else { still.values[entry] };
            Sample { values: (0..still.values.len()).map(value).collect(), ..still.clone() }
        },
    )
}

/// Some blocks, each in a module of its own.
fn samples() -> impl Strategy<Value = Vec<Sample>> {
    prop::collection::vec(sample(), 1..7).prop_map(|mut samples| {
        for (number, Sample { block, .. }) in samples.iter_mut().enumerate() {
            block.path = format!("layers.{number}.{}", block.path);
        }
        samples
    })
}

fn options() -> impl Strategy<Value = DirectionOptions> {
    let normalisation = prop::sample::select(vec![
        Normalisation::Filter,
        Normalisation::Layer,
        Normalisation::Weight,
        Normalisation::None,
    ]);
    let biases = prop::sample::select(vec![Biases::Ignored, Biases::Kept, Biases::Filter]);
    (normalisation, biases, any::<bool>()).prop_map(|(normalisation, biases, move_frozen)| {
        DirectionOptions { normalisation, biases, move_frozen }
    })
}

/// Each sample with its part of a random direction.
fn directions<'a>(
    samples: &'a [Sample],
    seed: u64,
    options: &DirectionOptions,
) -> Vec<(&'a Sample, Vec<f32>)> {
    let blocks = samples.iter().map(|sample| sample.block.clone()).collect();
    let layout = Layout::new(blocks).unwrap();
    let centre: Vec<f32> = samples.iter().flat_map(|sample| sample.values.clone()).collect();
    let direction = random(&layout, &centre, seed, options).unwrap();
    let parts = layout.blocks().iter().map(|block| direction[block.range()].to_vec());
    samples.iter().zip(parts).collect()
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-6 * expected.abs()
}

fn all_close(found: &[f64], expected: &[f64]) -> bool {
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| close(*found, *expected))
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn role_and_filters_follow_from_the_container(sample in sample()) {
        prop_assert_eq!(sample.block.role, sample.role);
        let by_filter = sample.block.filter_norms(&sample.values);
        let by_entry = sample.filter_norms(&sample.values);
        let of_entry = (0..by_entry.len()).map(|entry| by_filter[sample.filter_of(entry)]);
        prop_assert!(all_close(&of_entry.collect::<Vec<_>>(), &by_entry));
    }

    #[test]
    fn what_moves_has_the_norms_of_the_centre(
        samples in samples(), seed in any::<u64>(), options in options(),
    ) {
        for (sample, direction) in directions(&samples, seed, &options) {
            if !sample.moves(&options) || (sample.role != Role::Weight && options.biases == Biases::Kept) {
                continue;
            }
            let values = &sample.values;
            let holds = match options.normalisation {
                Normalisation::Filter => {
                    all_close(&sample.filter_norms(&direction), &sample.filter_norms(values))
                }
                Normalisation::Layer => close(norm(&direction), norm(values)),
                Normalisation::Weight => {
                    direction.iter().zip(values).all(|(found, value)| found.abs() == value.abs())
                }
                Normalisation::None => direction.iter().all(|&entry| entry != 0.0),
            };
            prop_assert!(holds, "{sample:?} {direction:?}");
        }
    }

    #[test]
    fn normalising_scales_filters_and_turns_none(samples in samples(), seed in any::<u64>()) {
        let drawn = |normalisation| {
            let options = DirectionOptions { normalisation, ..DirectionOptions::default() };
            directions(&samples, seed, &options)
        };
        let raw = drawn(Normalisation::None);
        for ((sample, raw), (_, scaled)) in raw.iter().zip(drawn(Normalisation::Filter)) {
            let (wanted, had) = (sample.filter_norms(&sample.values), sample.filter_norms(raw));
            for entry in (0..raw.len()).filter(|&entry| raw[entry] != 0.0) {
                let expected = f64::from(raw[entry]) * wanted[entry] / had[entry];
                prop_assert!(close(f64::from(scaled[entry]), expected), "{sample:?}");
            }
        }
    }

    #[test]
    fn frozen_blocks_and_biases_move_as_they_are_told(
        samples in samples(), seed in any::<u64>(), options in options(),
    ) {
        for (sample, direction) in directions(&samples, seed, &options) {
            let is_kept = sample.role != Role::Weight && options.biases == Biases::Kept;
            let expected = match (sample.moves(&options), is_kept) {
                (false, _) => vec![0.0; sample.values.len()],
                (true, true) => sample.values.clone(),
                (true, false) => continue,
            };
            prop_assert_eq!(bits(&direction), bits(&expected), "{:?}", sample.block);
        }
    }

    #[test]
    fn a_block_has_the_same_direction_in_any_order_and_alone(
        (samples, shuffled) in samples().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        seed in any::<u64>(),
        options in options(),
    ) {
        let shuffled = directions(&shuffled, seed, &options);
        for (sample, direction) in directions(&samples, seed, &options) {
            let path = &sample.block.path;
            let other = shuffled.iter().find(|(other, _)| other.block.path == *path).unwrap();
            prop_assert_eq!(bits(&direction), bits(&other.1), "{}", path);
            let alone = directions(std::slice::from_ref(sample), seed, &options);
            prop_assert_eq!(bits(&direction), bits(&alone[0].1), "{}", path);
        }
    }
}
