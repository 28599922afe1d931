//! One direction in parameter space: drawn, normalised, orthogonalised, measured.

mod drawn;
mod generator;
mod options;
mod orthogonal;
mod pieces;
pub(crate) mod products;

use crate::error::{Error, check_length};
use crate::layout::{Block, Layout};

pub(crate) use generator::generator;
pub(crate) use products::PARALLEL_SINE;

pub use drawn::{DrawnDirection, DrawnPieces};
pub use generator::fnv1a_64;
pub use options::{Biases, DirectionOptions, Normalisation};
pub use orthogonal::GramSchmidt;
pub use pieces::DotInPieces;
pub use products::{cosine, dot, norm, squared_norm};

/// A random direction around `centre`: N(0, 1) entries, scaled as the options say.
///
/// The entries of a block depend on `seed`, on the block's path and on the block's own values only: neither
/// on the other blocks, nor on their order, nor on threads. They come from ChaCha8 with the key `seed`
/// (little-endian, padded with zeros) and the stream [`fnv1a_64`]`(path)`. A filter of norm zero stays where
/// it is.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if `centre` does not follow the layout.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::direction::{DirectionOptions, norm, random};
/// use burnscape_landscape::layout::{Block, Layout};
///
/// let layout = Layout::new(vec![Block::new("fc.weight", "Linear", &[3, 5], None)])?;
/// let centre = [2.0; 15];
/// let direction = random(&layout, &centre, 42, &DirectionOptions::default())?;
/// assert!((norm(&direction) - norm(&centre)).abs() < 1e-6);
/// # Ok::<(), burnscape_landscape::Error>(())
/// ```
pub fn random(
    layout: &Layout,
    centre: &[f32],
    seed: u64,
    options: &DirectionOptions,
) -> Result<Vec<f32>, Error> {
    check_length("the centre", layout.len(), centre.len())?;
    let drawn = DrawnDirection::new(layout, seed, *options);
    let mut direction = vec![0.0; layout.len()];
    for (number, block) in layout.blocks().iter().enumerate() {
        drawn.write(number, &centre[block.range()], &mut direction[block.range()]);
    }
    Ok(direction)
}

/// Removes from `d2` its part along `d1` and gives it back its norm (Gram–Schmidt).
///
/// The filters of `d2` no longer have the norms that a normalisation gave them, only the whole vector has.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the lengths differ; [`Error::ParallelDirections`], with `d2` unchanged, if
/// one is zero or a multiple of the other.
pub fn orthogonalise(d1: &[f32], d2: &mut [f32]) -> Result<(), Error> {
    check_length("the second direction", d1.len(), d2.len())?;
    let at_once = |visit: &mut dyn FnMut(&[f32], &[f32])| {
        visit(d1, d2);
        Ok::<(), Error>(())
    };
    let steps = GramSchmidt::of(d1.len(), at_once)?;
    steps.apply(d1, d2);
    Ok(())
}

/// The vector from `centre` to `point`: the direction of a line between two models.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the lengths differ.
pub fn between(centre: &[f32], point: &[f32]) -> Result<Vec<f32>, Error> {
    check_length("the point", centre.len(), point.len())?;
    Ok(point.iter().zip(centre).map(|(p, c)| p - c).collect())
}

/// Share of ‖d‖² that lies in each block, in layout order; the shares sum to 1, or are all 0 for the zero
/// direction.
///
/// # Panics
///
/// If `direction` is shorter than the layout.
#[must_use]
pub fn share_per_block(layout: &Layout, direction: &[f32]) -> Vec<f64> {
    let squared = |block: &Block| squared_norm(&direction[block.range()]);
    let parts: Vec<f64> = layout.blocks().iter().map(squared).collect();
    let total: f64 = parts.iter().sum();
    let share = |part| if total == 0.0 { 0.0 } else { part / total };
    parts.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv1a() {
        // Reference values published with the algorithm.
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a_64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn inner_products_do_not_lose_small_terms_beside_large_ones() {
        let mut a = vec![1.0; 1_000_003];
        a[0] = 4096.0;
        // 4096² + 1,000,002; in f32 the sum would stop growing at 2²⁴ = 4096².
        assert_eq!(squared_norm(&a), 16_777_216.0 + 1_000_002.0);
    }

    #[test]
    fn cosines_of_known_angles() {
        assert_eq!(cosine(&[2.0, 0.0], &[0.0, 3.0]), 0.0);
        assert_eq!(cosine(&[2.0, 0.0], &[-5.0, 0.0]), -1.0);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
        let sixty = cosine(&[1.0, 0.0], &[0.5, 0.75_f32.sqrt()]);
        assert!((sixty - 0.5).abs() < 1e-7);
    }

    #[test]
    fn orthogonalising_gives_a_right_angle_and_keeps_the_norm() {
        let d1 = [1.0, 2.0, -1.0, 0.5];
        let mut d2 = [3.0, 1.0, 0.0, -2.0];
        let before = norm(&d2);
        orthogonalise(&d1, &mut d2).unwrap();
        assert!(cosine(&d1, &d2).abs() < 1e-7);
        assert!((norm(&d2) / before - 1.0).abs() < 1e-7);
    }

    #[test]
    fn parallel_and_zero_directions_cannot_be_orthogonalised_and_stay_unchanged() {
        let d1 = [1.0, 2.0, 3.0];
        for parallel in [[-0.3, -0.6, -0.9], [0.0; 3]] {
            let mut d2 = parallel;
            let error = orthogonalise(&d1, &mut d2).unwrap_err();
            assert!(matches!(error, Error::ParallelDirections { .. }));
            assert_eq!(d2, parallel);
        }
        assert!(orthogonalise(&[0.0; 3], &mut [1.0, 2.0, 3.0]).is_err());
    }
}
