//! The checksum of any stretch of a buffer, in a time that does not grow with the stretch.
//!
//! CRC-32 is linear: that of `ab` is that of `a` times x to the power of the bits of `b`, modulo the polynomial, plus
//! that of `b` (`crc32_combine` of zlib). So that of `b` follows from those of `a` and `ab`, and both from those
//! of the first 64, 128, 192 … bytes.

use std::ops::Range;

use crc32fast::Hasher;

/// Bytes between two checksums that are kept.
const EVERY: usize = 64;

/// The polynomial of CRC-32, the coefficient of x³¹ in the lowest bit.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// x to the power of 8, 16, 32 … modulo the polynomial.
const POWERS: [u32; usize::BITS as usize] = powers();

/// Checksums of the beginnings of a buffer.
#[derive(Debug, Default)]
pub(crate) struct Checksums {
    /// Of its first 64, 128 … bytes, as far as they were asked for.
    beginnings: Vec<u32>,
    #[cfg(test)]
    pub(crate) hashed_bytes: usize,
}

impl Checksums {
    /// The buffer begins elsewhere.
    pub(crate) fn forget(&mut self) {
        self.beginnings.clear();
    }

    /// CRC-32 of a stretch of the buffer, which may only have grown since the last call.
    pub(crate) fn of(&mut self, buffer: &[u8], stretch: Range<usize>) -> u32 {
        let before = self.of_beginning(buffer, stretch.start);
        let with = self.of_beginning(buffer, stretch.end);
        with ^ multiply(before, power_of_x(stretch.len()))
    }

    fn of_beginning(&mut self, buffer: &[u8], end: usize) -> u32 {
        let whole = end / EVERY;
        for at in self.beginnings.len()..whole {
            let crc32 = self.extended(at, &buffer[at * EVERY..][..EVERY]);
            self.beginnings.push(crc32);
        }
        self.extended(whole, &buffer[whole * EVERY..end])
    }

    /// Checksum of so many whole stretches and what follows them.
    fn extended(&mut self, whole: usize, bytes: &[u8]) -> u32 {
        #[cfg(test)]
        {
            self.hashed_bytes += bytes.len();
        }
        let known = whole.checked_sub(1).map_or(0, |last| self.beginnings[last]);
        let mut hasher = Hasher::new_with_initial(known);
        hasher.update(bytes);
        hasher.finalize()
    }
}

/// x to the power of the bits of so many bytes, modulo the polynomial.
fn power_of_x(bytes: usize) -> u32 {
    let one = 1 << 31;
    let factors = POWERS.iter().enumerate().filter(|(bit, _)| bytes >> bit & 1 == 1);
    factors.fold(one, |product, (_, power)| multiply(product, *power))
}

/// The product of two polynomials over GF(2), modulo the polynomial.
const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = 32;
    while bit > 0 {
        bit -= 1;
        product ^= b & (a >> bit & 1).wrapping_neg();
        b = b >> 1 ^ POLYNOMIAL & (b & 1).wrapping_neg();
    }
    product
}

const fn powers() -> [u32; usize::BITS as usize] {
    let mut powers = [1 << 23; usize::BITS as usize];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = multiply(powers[at - 1], powers[at - 1]);
        at += 1;
    }
    powers
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_checksum_of_a_stretch_is_that_of_its_bytes_alone(
            buffer in vec(any::<u8>(), 0..2000),
            ends in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..8),
        ) {
            let mut checksums = Checksums::default();
            for (a, b) in ends {
                let [a, b] = [a, b].map(|end| end.index(buffer.len() + 1));
                let stretch = a.min(b)..a.max(b);
                let alone = crc32fast::hash(&buffer[stretch.clone()]);
                prop_assert_eq!(checksums.of(&buffer, stretch), alone);
            }
        }
    }
}
