//! What a budget buys: never more than there is time for, and never less with more time.

use burnscape_landscape::budget::{Choice, Comparison, Costs, evenly};
use proptest::prelude::*;

/// Two planes of 49 × 49 nodes, 21 snapshots, four further planes; 32 batches of a millisecond.
fn usual(secs: f64) -> Costs {
    Costs {
        secs,
        fixed_secs: 0.0,
        batch_secs: 0.001,
        batches: 32,
        fair_batches: 8,
        least_batches: 4,
        nodes: vec![2401, 2401],
        first_nodes: 33,
        path: 63,
        agreement: Comparison { planes: 4, nodes: 81, few_nodes: 25, secs: 0.0 },
        tolerance: 0.01,
        is_adaptive: false,
    }
}

#[test]
fn less_and_less_time_gives_fewer_samples_then_fewer_nodes_then_a_coarse_grid_then_the_centre() {
    // 4802 + 63 + 324 = 5189 evaluations of 32 ms.
    let all = 5189.0 * 0.032;
    assert_eq!(usual(1.001 * all).choose(), usual(all).everything());
    let half = usual(all / 2.0).choose();
    assert_eq!(half, Choice { batches: 16, ..usual(all).everything() });
    // A quarter of the batches is the least for all nodes.
    let less = usual(all / 5.0).choose();
    assert_eq!((less.batches, less.tolerance), (8, Some(0.01)));
    assert!(less.path && less.agreement == 4 && less.agreement_nodes == 25);
    // 150 nodes of each plane, 63 and 100 evaluations of 4 to 8 batches.
    let samples = usual(463.0 * 0.006).choose();
    assert_eq!((samples.batches, samples.most_nodes), (6, Some(150)));
    let short = usual(200.0 * 0.004).choose();
    assert_eq!((short.batches, short.path, short.agreement), (4, true, 0));
    // What is left of 200 buys no planes: they take as much again as the nodes that come first.
    assert_eq!((short.most_nodes, short.tolerance), (Some(50), Some(0.01)));
    let coarse = usual(50.0 * 0.004).choose();
    assert_eq!((coarse.most_nodes, coarse.tolerance, coarse.path), (Some(25), None, false));
    for secs in [0.0, -3.0, 1e-9] {
        let nothing = usual(secs).choose();
        assert_eq!((nothing.batches, nothing.most_nodes, nothing.agreement), (4, Some(1), 0));
    }
}

#[test]
fn what_takes_no_time_is_all_measured() {
    let free = Costs { fixed_secs: 0.0, batch_secs: 0.0, ..usual(1.0) };
    assert_eq!(free.choose(), free.everything());
    assert_eq!(Costs { is_adaptive: true, ..free }.choose().tolerance, Some(0.01));
}

#[test]
fn places_are_spread_evenly_and_none_comes_twice() {
    for of in 1..40_usize {
        for count in 1..=of {
            let places = evenly(count, of);
            assert_eq!(places.len(), count);
            let gaps: Vec<usize> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(gaps.iter().all(|&gap| gap == of / count || gap == of / count + 1));
            // As far from one end as from the other, up to rounding.
            let (before, after) = (places[0], of - 1 - places[count - 1]);
            assert!(before.abs_diff(after) <= 1, "{places:?} of {of}");
        }
    }
    assert_eq!(evenly(0, 5), []);
}

fn costs() -> impl Strategy<Value = Costs> {
    let secs = (0.0..0.1_f64, prop_oneof![Just(0.0), 1e-6..0.5_f64], 0.0..2.0_f64);
    let batches = (1..40_usize, any::<prop::sample::Index>(), any::<prop::sample::Index>());
    let planes = prop::collection::vec(1..3000_usize, 1..3);
    let extras = (0..3000_usize, 0..9_usize, 1..100_usize, any::<prop::sample::Index>());
    (secs, batches, planes, 1..50_usize, extras, any::<bool>()).prop_map(
        |(secs, (batches, fair, least), nodes, first_nodes, extras, is_adaptive)| {
            let fair_batches = 1 + fair.index(batches);
            let (path, planes, usual, few) = extras;
            Costs {
                secs: 0.0,
                fixed_secs: secs.0,
                batch_secs: secs.1,
                batches,
                fair_batches,
                least_batches: 1 + least.index(fair_batches),
                nodes,
                first_nodes,
                path,
                agreement: Comparison {
                    planes,
                    nodes: usual,
                    few_nodes: 1 + few.index(usual),
                    secs: secs.2,
                },
                tolerance: 0.02,
                is_adaptive,
            }
        },
    )
}

/// Of a choice whatever more time must not make less.
fn amounts(costs: &Costs, choice: &Choice) -> Vec<usize> {
    let most = choice.most_nodes.unwrap_or(usize::MAX);
    let exactness = match (choice.tolerance, choice.most_nodes) {
        (None, Some(_)) => 0,
        (Some(_), Some(_)) => 1,
        (Some(_), None) => 2,
        (None, None) => 3,
    };
    let nodes = costs.nodes.iter().map(|&nodes| nodes.min(most));
    let rest = [exactness, choice.batches, usize::from(choice.path), choice.agreement];
    nodes.chain(rest).chain([choice.agreement * choice.agreement_nodes]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_time_never_gives_less_of_anything(
        costs in costs(), shares in prop::collection::vec(0.0..1.2_f64, 2..20),
    ) {
        let all = costs.secs_of(&costs.everything());
        // Budgets of all sizes: most of what happens, happens far below the whole.
        let mut budgets: Vec<f64> = shares.iter().map(|share| share.powi(4) * all).collect();
        budgets.sort_unstable_by(f64::total_cmp);
        let mut before: Option<Vec<usize>> = None;
        for secs in budgets {
            let costs = Costs { secs, ..costs.clone() };
            let amounts = amounts(&costs, &costs.choose());
            if let Some(before) = before {
                let grows = before.iter().zip(&amounts).all(|(less, more)| less <= more);
                prop_assert!(grows, "{:?} then {:?} with {} s", before, amounts, secs);
            }
            before = Some(amounts);
        }
    }

    #[test]
    fn a_choice_takes_no_longer_than_there_is_time_but_for_the_centre(
        costs in costs(), share in 0.0..1.2_f64,
    ) {
        let secs = share.powi(4) * costs.secs_of(&costs.everything());
        let costs = Costs { secs, ..costs };
        let choice = costs.choose();
        let took = costs.secs_of(&choice);
        let centres = costs.nodes.len() as f64 * costs.evaluation_secs(choice.batches);
        prop_assert!(took <= secs * (1.0 + 1e-6) || choice.most_nodes == Some(1), "{took} of {secs}");
        prop_assert!(took <= secs * (1.0 + 1e-6) + centres);
        prop_assert!((costs.least_batches..=costs.batches).contains(&choice.batches));
    }

    #[test]
    fn with_time_for_everything_everything_is_measured(costs in costs()) {
        let secs = 1.0001 * costs.secs_of(&costs.everything()) + 1e-9;
        let costs = Costs { secs, ..costs };
        prop_assert_eq!(costs.choose(), costs.everything());
    }
}
