//! Axes over ranges that nobody chose: 0 is a node, the range is covered, nodes are multiples.

use burnscape_landscape::Error;
use burnscape_landscape::grid::{Axis, Grid};
use proptest::prelude::*;

/// Either side of 0, or both, in any order of magnitude.
fn range() -> impl Strategy<Value = (f64, f64)> {
    (-1.0..1.0_f64, -1.0..1.0_f64, -30..30_i32).prop_filter_map("of some width", |(a, b, power)| {
        let size = 10_f64.powi(power);
        (a != b).then(|| (a.min(b) * size, a.max(b) * size))
    })
}

/// Nodes are whole multiples of the spacing, in order, and 0 is one of them.
fn assert_multiples(axis: &Axis) -> Result<(), TestCaseError> {
    prop_assert_eq!(axis.values().len(), axis.count());
    for (index, value) in axis.values().enumerate() {
        let multiple = index as f64 - axis.centre() as f64;
        prop_assert_eq!(value.to_bits(), (multiple * axis.spacing()).to_bits());
    }
    let zeros = axis.values().filter(|value| value.to_bits() == 0.0_f64.to_bits());
    prop_assert_eq!(zeros.count(), 1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_covering_axis_has_0_as_a_node_covers_the_range_and_has_multiples_of_its_spacing(
        (min, max) in range(), margin in 0.0..2.0_f64, count in 3..300_usize,
    ) {
        let axis = Axis::covering(min, max, margin, count).unwrap();
        prop_assert_eq!(axis.count(), count);
        assert_multiples(&axis)?;
        let (low, high) = (min.min(0.0), max.max(0.0));
        let extra = margin * (high - low);
        prop_assert!(axis.min() <= low - extra && high + extra <= axis.max());
    }

    /// Else a smaller spacing would do.
    #[test]
    fn a_covering_axis_reaches_no_farther_than_it_must_at_one_end(
        (min, max) in range(), count in 3..300_usize,
    ) {
        let axis = Axis::covering(min, max, 0.0, count).unwrap();
        let spare = (min.min(0.0) - axis.min()).min(axis.max() - max.max(0.0));
        prop_assert!(spare <= 1e-9 * axis.spacing(), "{spare} in {axis:?}");
    }

    #[test]
    fn a_symmetric_axis_is_its_own_mirror_image(power in -30..30_i32, half in 0.1..1.0_f64, side in 1..150_usize) {
        let reach = half * 10_f64.powi(power);
        let axis = Axis::symmetric(reach, 2 * side + 1).unwrap();
        assert_multiples(&axis)?;
        prop_assert!(axis.is_symmetric() && axis.max() >= reach);
        prop_assert!((axis.max() - reach).abs() <= 1e-12 * reach);
        for index in 0..axis.count() {
            let mirrored = -axis.value(axis.count() - 1 - index);
            prop_assert_eq!(axis.value(index) + 0.0, mirrored + 0.0);
        }
    }

    #[test]
    fn any_numbers_at_all_give_an_axis_that_covers_them_or_a_sentence(
        min in any::<f64>(), max in any::<f64>(), margin in any::<f64>(), count in 0..1000_usize,
    ) {
        match Axis::covering(min, max, margin, count) {
            Ok(axis) => {
                prop_assert!(axis.min() <= min && max <= axis.max(), "{axis:?}");
                assert_multiples(&axis)?;
            }
            Err(error) => {
                let is_of_the_axis = matches!(
                    error,
                    Error::AxisRange { .. } | Error::AxisMargin { .. } | Error::AxisTooShort { .. }
                );
                prop_assert!(is_of_the_axis, "{error}");
            }
        }
    }

    #[test]
    fn the_nodes_of_a_plane_are_pairs_of_nodes_of_its_axes(
        (of_x, of_y) in (range(), range()), columns in 3..20_usize, rows in 3..20_usize,
    ) {
        let x = Axis::covering(of_x.0, of_x.1, 0.1, columns).unwrap();
        let y = Axis::covering(of_y.0, of_y.1, 0.1, rows).unwrap();
        let plane = Grid::plane(x, y);
        for node in 0..plane.len() {
            let (column, row) = plane.column_row(node);
            prop_assert_eq!(plane.node(column, row), node);
            prop_assert_eq!(plane.coordinates(node), (x.value(column), y.value(row)));
        }
        prop_assert_eq!(plane.coordinates(plane.centre()), (0.0, 0.0));
    }
}
