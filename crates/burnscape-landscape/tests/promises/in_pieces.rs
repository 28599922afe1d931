//! Vectors too long to be held: drawn, multiplied, orthogonalised and found piece by piece, to the bit as in one piece.

use burnscape_landscape::Error;
use burnscape_landscape::direction::{
    Biases, DirectionOptions, DotInPieces, DrawnDirection, GramSchmidt, Normalisation, dot,
    orthogonalise, random,
};
use burnscape_landscape::layout::{Block, Filters, Layout};
use burnscape_landscape::pca::{DirectionStore, InMemory, PcaOptions, pca, pca_into};
use proptest::collection::vec;
use proptest::prelude::*;

/// Where a vector is cut: ascending, with both ends.
fn cuts(len: usize, at: &[usize]) -> Vec<usize> {
    let mut cuts: Vec<usize> = at.iter().map(|at| at % (len + 1)).chain([0, len]).collect();
    cuts.sort_unstable();
    cuts
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Weights of every kind of layer, whose filters lie in every way, with biases and a frozen block.
fn layout() -> Layout {
    let block = |path, container, shape: &[usize], bias| Block::new(path, container, shape, bias);
    Layout::new(vec![
        block("fc.weight", "Linear", &[7, 5], Some(5)),
        block("fc.bias", "Linear", &[5], None),
        block("conv.weight", "Conv2d", &[4, 3, 3, 3], Some(4)),
        block("up.weight", "ConvTranspose2d", &[6, 2, 3, 3], Some(6)),
        block("still.weight", "Linear", &[4, 4], None).frozen(true),
        block("norm.gamma", "BatchNorm", &[9], None),
        block("mine", "Mine", &[3, 4, 5], None).with_filters(Filters::Axis(1)),
        block("one", "Mine", &[6, 1], None).with_filters(Filters::Axis(1)),
    ])
    .unwrap()
}

const NORMALISATIONS: [Normalisation; 4] =
    [Normalisation::Filter, Normalisation::Layer, Normalisation::Weight, Normalisation::None];
const BIASES: [Biases; 3] = [Biases::Ignored, Biases::Kept, Biases::Filter];

proptest! {
    #[test]
    fn an_inner_product_in_pieces_is_that_of_the_whole(
        pairs in vec((-1e3_f32..1e3, -1e3_f32..1e3), 0..200),
        at in vec(0_usize..1000, 0..6),
    ) {
        let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        let mut product = DotInPieces::new(a.len());
        for cut in cuts(a.len(), &at).windows(2) {
            product.add(&a[cut[0]..cut[1]], &b[cut[0]..cut[1]]);
        }
        prop_assert_eq!(product.value().to_bits(), dot(&a, &b).to_bits());
    }

    #[test]
    fn a_direction_drawn_block_by_block_and_piece_by_piece_is_the_one_drawn_whole(
        seed in any::<u64>(),
        which in (0_usize..4, 0_usize..3, any::<bool>()),
        at in vec(0_usize..1000, 0..6),
        scale in 0.0_f32..10.0,
    ) {
        let layout = layout();
        let centre: Vec<f32> = (0..layout.len()).map(|it| scale * (it as f32 * 0.7).sin()).collect();
        let options = DirectionOptions {
            normalisation: NORMALISATIONS[which.0],
            biases: BIASES[which.1],
            move_frozen: which.2,
        };
        let whole = random(&layout, &centre, seed, &options).unwrap();
        let mut drawn = DrawnDirection::new(&layout, seed, options);
        // Any order of blocks does.
        for (number, block) in layout.blocks().iter().enumerate().rev() {
            let values = &centre[block.range()];
            drawn.scale_to(number, values);
            let mut pieces = drawn.pieces(number);
            let mut entries = vec![f32::NAN; block.len()];
            for cut in cuts(block.len(), &at).windows(2) {
                pieces.next(&values[cut[0]..cut[1]], &mut entries[cut[0]..cut[1]]);
            }
            prop_assert_eq!(bits(&entries), bits(&whole[block.range()]), "{}", block.path);
            let is_still = whole[block.range()].iter().all(|&entry| entry == 0.0);
            prop_assert!(drawn.moves(number) || is_still);
        }
    }

    #[test]
    fn gram_schmidt_in_pieces_is_that_of_the_whole(
        pairs in vec((-10.0_f32..10.0, -10.0_f32..10.0), 2..120),
        at in vec(0_usize..1000, 0..6),
    ) {
        let (d1, mut whole): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        let before = whole.clone();
        let expected = orthogonalise(&d1, &mut whole);
        let cuts = cuts(d1.len(), &at);
        let each_piece = |visit: &mut dyn FnMut(&[f32], &[f32])| {
            cuts.windows(2).for_each(|it| visit(&d1[it[0]..it[1]], &before[it[0]..it[1]]));
            Ok::<(), Error>(())
        };
        match (GramSchmidt::of(d1.len(), each_piece), expected) {
            (Ok(steps), Ok(())) => {
                let mut entries = before.clone();
                for cut in cuts.windows(2) {
                    steps.apply(&d1[cut[0]..cut[1]], &mut entries[cut[0]..cut[1]]);
                }
                prop_assert_eq!(bits(&entries), bits(&whole));
            }
            (found, expected) => prop_assert_eq!(found.map(|_| ()), expected),
        }
    }
}

/// Classical Gram–Schmidt on vectors that are held in `f64`, the second time for what rounding left.
fn orthogonalised(d1: &[f32], d2: &[f32]) -> Vec<f32> {
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (unit, mut rest) = (wide(d1), wide(d2));
    for _ in 0..2 {
        let along = product(&unit, &rest) / dot(d1, d1);
        rest.iter_mut().zip(&unit).for_each(|(rest, unit)| *rest -= along * unit);
    }
    let (before, after) = (dot(d2, d2).sqrt(), product(&rest, &rest).sqrt());
    rest.iter().map(|rest| (rest * before / after) as f32).collect()
}

#[test]
fn gram_schmidt_is_that_of_vectors_held_in_double_precision() {
    for len in [2, 8, 50, 1003] {
        let d1: Vec<f32> = (0..len).map(|it| (it as f32).sin()).collect();
        let mut d2: Vec<f32> = (0..len).map(|it| (it as f32 * 0.3).cos()).collect();
        let expected = orthogonalised(&d1, &d2);
        orthogonalise(&d1, &mut d2).unwrap();
        assert_eq!(bits(&d2), bits(&expected), "{len}");
    }
}

/// A store that remembers every entry, and how much was asked for at a time.
#[derive(Default)]
struct Kept {
    directions: Vec<Vec<f32>>,
    longest: usize,
}

impl DirectionStore for Kept {
    fn write(&mut self, component: usize, start: usize, entries: &[f32]) {
        self.directions.resize_with(self.directions.len().max(component + 1), Vec::new);
        let direction = &mut self.directions[component];
        direction.resize(direction.len().max(start + entries.len()), 0.0);
        direction[start..start + entries.len()].copy_from_slice(entries);
        self.longest = self.longest.max(entries.len());
    }

    fn read(&mut self, component: usize, start: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.directions[component][start..start + out.len()]);
        self.longest = self.longest.max(out.len());
    }
}

#[test]
fn components_put_into_a_store_are_those_that_are_held() {
    // Few snapshots, many of few parameters, a straight line, products in single precision.
    for (count, dims, is_line) in
        [(3, 200_000, false), (100, 7, false), (5, 70_000, true), (90, 140_000, false)]
    {
        let at = |t: usize, p: usize| match is_line {
            true => t as f32 * (p as f32 * 0.1).sin(),
            false => ((t * t) as f32 * 0.37 + p as f32 * 0.011).sin() + t as f32 * 0.1,
        };
        let rows: Vec<Vec<f32>> =
            (0..count).map(|t| (0..dims).map(|p| at(t, p)).collect()).collect();
        let source = || InMemory::new(rows.iter().map(Vec::as_slice)).unwrap();
        let options = PcaOptions { components: 3, ..PcaOptions::default() };
        let held = pca(&mut source(), &options).unwrap();
        let mut store = Kept::default();
        let scores = pca_into(&mut source(), &options, &mut store).unwrap();
        assert_eq!(scores.variances, held.variances);
        assert_eq!(scores.components.len(), held.components.len());
        for (k, component) in held.components.iter().enumerate() {
            assert_eq!(bits(&store.directions[k]), bits(&component.direction), "{count}×{dims}");
            assert_eq!(scores.components[k].scores, component.scores);
            assert_eq!(scores.components[k].degenerate, component.degenerate);
        }
        assert!(store.longest <= dims.min(1 << 16), "{}", store.longest);
    }
}
