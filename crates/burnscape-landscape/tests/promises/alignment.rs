//! Permuted copies find back, and no matching makes two models agree less.

use burnscape_landscape::Error;
use burnscape_landscape::alignment::{Permutations, UnitGroup, Wiring, match_weights, swap_units};
use burnscape_landscape::direction::dot;
use burnscape_landscape::layout::{Block, Layout};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::components::gaussian;

fn layout(blocks: &[(&str, &str, &[usize])]) -> Layout {
    let block = |&(path, container, shape): &(&str, &str, &[usize])| {
        Block::new(path, container, shape, None)
    };
    Layout::new(blocks.iter().map(block).collect()).unwrap()
}

fn perceptron() -> Layout {
    layout(&[
        ("fc1.weight", "Linear", &[7, 16]),
        ("fc1.bias", "Linear", &[16]),
        ("fc2.weight", "Linear", &[16, 12]),
        ("fc2.bias", "Linear", &[12]),
        ("fc3.weight", "Linear", &[12, 4]),
        ("fc3.bias", "Linear", &[4]),
    ])
}

/// Images of 4 × 4: after the convolutions 6 channels of 2 × 2 are flattened.
fn convnet() -> Layout {
    layout(&[
        ("conv1.weight", "Conv2d", &[8, 1, 3, 3]),
        ("norm1.gamma", "BatchNorm", &[8]),
        ("norm1.beta", "BatchNorm", &[8]),
        ("conv2.weight", "Conv2d", &[6, 8, 3, 3]),
        ("conv2.bias", "Conv2d", &[6]),
        ("fc.weight", "Linear", &[24, 10]),
        ("fc.bias", "Linear", &[10]),
    ])
}

fn residual() -> (Layout, Vec<UnitGroup>) {
    let mut blocks = vec![Block::new("stem.weight", "Conv2d", &[8, 1, 3, 3], None)];
    for block in 0..3 {
        for conv in ["conv1", "conv2"] {
            blocks.push(Block::new(
                &format!("blocks.{block}.{conv}.weight"),
                "Conv2d",
                &[8, 8, 3, 3],
                None,
            ));
            blocks.push(Block::new(
                &format!("blocks.{block}.{conv}_norm.gamma"),
                "BatchNorm",
                &[8],
                None,
            ));
        }
    }
    blocks.push(Block::new("head.weight", "Linear", &[8, 10], None));
    let layout = Layout::new(blocks).unwrap();
    let mut wiring = Wiring::new(&layout).layer("stem", "", "stream");
    for block in 0..3 {
        let (at, hidden) = (format!("blocks.{block}"), format!("hidden {block}"));
        wiring = wiring
            .layer(&format!("{at}.conv1"), "stream", &hidden)
            .layer(&format!("{at}.conv1_norm"), &hidden, &hidden)
            .layer(&format!("{at}.conv2"), &hidden, "stream")
            .layer(&format!("{at}.conv2_norm"), "stream", "stream");
    }
    let groups = wiring.layer("head", "stream", "").groups().unwrap();
    (layout, groups)
}

fn all() -> Vec<(Layout, Vec<UnitGroup>)> {
    let chain = |layout: Layout| {
        let groups = Wiring::chain(&layout).groups().unwrap();
        (layout, groups)
    };
    vec![chain(perceptron()), chain(convnet()), residual()]
}

fn shuffled(groups: &[UnitGroup], seed: u64) -> Permutations {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut shuffle = |group: &UnitGroup| {
        let mut units: Vec<usize> = (0..group.size).collect();
        for last in (1..units.len()).rev() {
            units.swap(last, rng.next_u64() as usize % (last + 1));
        }
        units
    };
    groups.iter().map(&mut shuffle).collect()
}

#[test]
fn groups_are_read_off_a_chain() {
    let groups = Wiring::chain(&convnet()).groups().unwrap();
    let sizes: Vec<(&str, usize)> = groups.iter().map(|it| (it.name.as_str(), it.size)).collect();
    assert_eq!(sizes, [("conv1", 8), ("conv2", 6)]);
    let uses: Vec<(&str, usize, usize)> =
        groups[1].uses.iter().map(|it| (it.path.as_str(), it.axis, it.inner)).collect();
    // Four places of each channel lie side by side.
    assert_eq!(uses, [("conv2.weight", 0, 1), ("conv2.bias", 0, 1), ("fc.weight", 0, 4)]);
    assert_eq!(groups[0].uses.len(), 4);
}

#[test]
fn a_permuted_copy_aligns_back_exactly() {
    for (layout, groups) in all() {
        for seed in 0..20 {
            let a = gaussian(seed, layout.len());
            let b = swap_units(&layout, &groups, &shuffled(&groups, seed), &a).unwrap();
            assert_ne!(a, b);
            let found = match_weights(&layout, &groups, &a, &b).unwrap();
            let back = swap_units(&layout, &groups, &found.permutations, &b).unwrap();
            assert_eq!(back, a, "{} with seed {seed}", groups[0].name);
            assert_eq!(found.after, dot(&a, &a));
            assert!(found.moved > 0);
        }
    }
}

#[test]
fn a_copy_that_went_on_training_aligns_back_too() {
    for (layout, groups) in all() {
        let a = gaussian(3, layout.len());
        let noise = gaussian(4, layout.len());
        let near: Vec<f32> = a.iter().zip(noise).map(|(a, noise)| a + 0.2 * noise).collect();
        let b = swap_units(&layout, &groups, &shuffled(&groups, 5), &near).unwrap();
        let found = match_weights(&layout, &groups, &a, &b).unwrap();
        assert_eq!(swap_units(&layout, &groups, &found.permutations, &b).unwrap(), near);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn matching_never_makes_models_agree_less(seed in 0..10_000_u64) {
        for (layout, groups) in all() {
            let [a, b] = [seed, seed + 1_000_000].map(|seed| gaussian(seed, layout.len()));
            let found = match_weights(&layout, &groups, &a, &b).unwrap();
            prop_assert_eq!(found.before, dot(&a, &b));
            prop_assert!(found.after >= found.before);
            let swapped = swap_units(&layout, &groups, &found.permutations, &b).unwrap();
            prop_assert_eq!(found.after, dot(&a, &swapped));
            // Nothing left to gain: once more changes nothing.
            let again = match_weights(&layout, &groups, &a, &swapped).unwrap();
            prop_assert!(again.after >= found.after);
        }
    }

    #[test]
    fn one_group_is_matched_as_well_as_any_order_of_its_units(seed in 0..10_000_u64) {
        let layout = layout(&[("a.weight", "Linear", &[3, 5]), ("b.weight", "Linear", &[5, 2])]);
        let groups = Wiring::chain(&layout).groups().unwrap();
        let [a, b] = [seed, seed + 1_000_000].map(|seed| gaussian(seed, layout.len()));
        let found = match_weights(&layout, &groups, &a, &b).unwrap();
        let product = |order: &[usize]| dot(&a, &swap_units(&layout, &groups, &vec![order.to_vec()], &b).unwrap());
        let best = orders(5).iter().map(|order| product(order)).fold(f64::NEG_INFINITY, f64::max);
        prop_assert!((found.after - best).abs() < 1e-9, "{} of {}", found.after, best);
    }
}

/// All 5! of them, for 5.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let longer = |order: Vec<usize>| {
        (0..count).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, count - 1);
            longer
        })
    };
    shorter.into_iter().flat_map(longer).collect()
}

#[test]
fn what_is_wired_wrongly_is_named() {
    let layout = perceptron();
    let unknown = Wiring::new(&layout).layer("fc9", "", "x").groups().unwrap_err();
    assert_eq!(unknown, Error::UnknownLayer { path: "fc9".into() });
    let unfit =
        Wiring::new(&layout).layer("fc1", "", "x").layer("fc2", "", "x").groups().unwrap_err();
    assert!(
        matches!(unfit, Error::UnitsDoNotFit { ref path, units: 16, .. } if path == "fc2.weight")
    );
    let values = vec![0.0; layout.len()];
    let groups = Wiring::chain(&layout).groups().unwrap();
    assert!(matches!(
        swap_units(&layout, &groups, &Vec::new(), &values),
        Err(Error::LengthMismatch { .. })
    ));
}
