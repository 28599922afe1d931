//! Location and scale that a few wild values do not move.

use std::f64::consts::SQRT_2;

/// Makes a median absolute deviation a standard deviation where noise is normal (Rousseeuw and Croux 1993, section
/// 1): 1/Φ⁻¹(¾).
const OF_NORMAL: f64 = 1.4826;

/// The median, of an even number the mean of the middle two; NaN without values. Sorts them partly.
pub(super) fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    lower.filter(|_| is_even).map_or(upper, |lower| lower / 2.0 + upper / 2.0)
}

/// Standard deviation of what scatters from value to value, told by the median of the absolute differences between
/// neighbours, in each of which two values scatter. A slow trend does not count. 0 with fewer than two values.
pub(super) fn noise(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let pairs = values.clone().zip(values.skip(1));
    let mut steps: Vec<f64> = pairs.map(|(before, after)| (after - before).abs()).collect();
    match steps.is_empty() {
        true => 0.0,
        false => OF_NORMAL * median(&mut steps) / SQRT_2,
    }
}

/// The relative error of a number of this element type, named as burn prints it: half a unit in its last place.
pub(crate) fn rounding(dtype: &str) -> f64 {
    let digits = match dtype {
        "f64" => 53,
        "f16" => 11,
        "bf16" => 8,
        _ => 24,
    };
    0.5_f64.powi(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, f64::INFINITY, 2.0]), 3.0);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn noise_has_the_deviation_of_normal_values_and_knows_no_trend_and_no_outlier() {
        // Sums of twelve uniform numbers less six: deviation 1, as good as normal.
        let mut state = 1_u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let mut values: Vec<f64> = (0..4000).map(|i| 0.01 * f64::from(i) + normal()).collect();
        values[77] = 1e9;
        // Standard error of the estimate: 1.17/√4000 times two, as neighbouring differences share a value.
        let found = noise(values.iter().copied());
        assert!((found - 1.0).abs() < 0.05, "{found}");
        assert_eq!(noise([7.0; 9].into_iter()), 0.0);
        assert_eq!(noise([7.0].into_iter()), 0.0);
    }
}
