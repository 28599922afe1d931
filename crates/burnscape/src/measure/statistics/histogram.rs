//! How values are spread: counts per octave, from the exponents of the numbers themselves.

use burnscape_trace::{Histogram, U32s, record};

/// Octaves from 2⁻⁶⁴ to 2⁶⁴: what lies beyond is counted at the ends.
const BINS: usize = 128;

const FIRST_EXPONENT: i32 = -64;

/// Counts per octave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OctaveBins {
    positive: [u32; BINS],
    negative: [u32; BINS],
    zeros: u64,
    non_finite: u64,
}

impl OctaveBins {
    pub fn of(values: &[f32]) -> Self {
        let mut bins = Self { positive: [0; BINS], negative: [0; BINS], zeros: 0, non_finite: 0 };
        values.iter().for_each(|&value| bins.add(value));
        bins
    }

    fn add(&mut self, value: f32) {
        if value == 0.0 {
            self.zeros += 1;
        } else if !value.is_finite() {
            self.non_finite += 1;
        } else {
            let bins = if value > 0.0 { &mut self.positive } else { &mut self.negative };
            bins[bin(value)] += 1;
        }
    }

    /// The bins from the first to the last that hold anything.
    pub fn into_record(self) -> Histogram {
        let holds = |bin: &usize| self.positive[*bin] > 0 || self.negative[*bin] > 0;
        let first = (0..BINS).find(holds).unwrap_or(0);
        let last = (0..BINS).rev().find(holds).map_or(first, |last| last + 1);
        record!(Histogram {
            first_exponent: (FIRST_EXPONENT + first as i32) as i16,
            positive: U32s(self.positive[first..last].to_vec()),
            negative: U32s(self.negative[first..last].to_vec()),
            zeros: self.zeros,
            non_finite: self.non_finite,
        })
    }
}

/// The octave of a finite value that is not 0; a subnormal f32 lies far below the first one.
fn bin(value: f32) -> usize {
    let exponent = (value.to_bits() >> 23 & 0xff) as i32 - 127;
    (exponent - FIRST_EXPONENT).clamp(0, BINS as i32 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_in_the_octave_that_begins_at_a_power_of_two() {
        let record = OctaveBins::of(&[1.0, 1.999, 2.0, -0.5, 0.0, f32::NAN, f32::NEG_INFINITY])
            .into_record();
        assert_eq!(record.first_exponent, -1);
        assert_eq!(record.positive.0, [0, 2, 1]);
        assert_eq!(record.negative.0, [1, 0, 0]);
        assert_eq!((record.zeros, record.non_finite), (1, 2));
    }

    #[test]
    fn what_lies_beyond_the_octaves_is_counted_at_the_ends() {
        let record = OctaveBins::of(&[f32::MAX, 1e-30, f32::from_bits(1)]).into_record();
        assert_eq!((record.first_exponent, record.positive.len()), (-64, 128));
        assert_eq!((record.positive[0], record.positive[127]), (2, 1));
    }

    #[test]
    fn nothing_has_no_bins() {
        let record = OctaveBins::of(&[0.0; 3]).into_record();
        assert!(record.positive.is_empty() && record.negative.is_empty());
        assert_eq!(record.zeros, 3);
    }
}
