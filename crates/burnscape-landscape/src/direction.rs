//! One direction in parameter space: drawn, normalised, orthogonalised, measured.

mod drawn;
mod orthogonal;
mod pieces;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::error::{Error, check_length};
use crate::layout::{Block, Filters, Layout, Role};

pub use drawn::{DrawnDirection, DrawnPieces};
pub use orthogonal::GramSchmidt;
pub use pieces::DotInPieces;

/// Independent sums of an inner product, so that the additions need not wait for each other.
const LANES: usize = 8;

/// To which norms of the centre a random direction d is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Normalisation {
    /// Every filter f: `d_f ← d_f · ‖θ_f‖ / ‖d_f‖` (Li et al. 2018, arXiv 1712.09913, §4). The only choice
    /// that sees no difference between rescaled copies of one ReLU network.
    #[default]
    Filter,
    /// Every block as a whole, by the same rule.
    Layer,
    /// Every single entry: `d_i ← sign(d_i) · |θ_i|`.
    Weight,
    /// The draw as it is, N(0, 1) in every entry.
    None,
}

/// What biases and normalisation parameters do in a random direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Biases {
    /// They stay where they are, as in the figures of Li et al. 2018 (`--xignore biasbn`).
    #[default]
    Ignored,
    /// They move along themselves: d = θ, so that at α they are (1 + α)·θ. This is what the program of Li
    /// et al. does with parameters that have one entry per node, unless told to ignore them.
    Kept,
    /// They are drawn and normalised like weights, each tensor as one filter.
    Filter,
}

/// How a random direction is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DirectionOptions {
    /// Scaling of the draw.
    pub normalisation: Normalisation,
    /// What biases and normalisation parameters do.
    pub biases: Biases,
    /// Whether frozen blocks move. By default they do not.
    pub move_frozen: bool,
}

impl DirectionOptions {
    fn moves(&self, block: &Block) -> bool {
        let role_moves = block.role == Role::Weight || self.biases != Biases::Ignored;
        let training_moves = !block.frozen || self.move_frozen;
        role_moves && training_moves
    }

    fn keeps(&self, block: &Block) -> bool {
        block.role != Role::Weight && self.biases == Biases::Kept
    }
}

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

/// The key is spelled out instead of `seed_from_u64`, whose expansion belongs to another crate.
pub(crate) fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(stream);
    rng
}

/// The 64-bit FNV-1a hash: begin with 0xcbf29ce484222325; for every byte, xor it in, then multiply by
/// 0x100000001b3 modulo 2⁶⁴ (Fowler, Noll, Vo). Stable for ever, unlike the standard library's hashers.
#[must_use]
pub fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What every filter of a draw is multiplied by to have the norm that it has in the centre.
fn filter_scales(filters: Filters, shape: &[usize], centre: &[f32], entries: &[f32]) -> Vec<f64> {
    let wanted = filters.squared_norms(shape, centre);
    let drawn = filters.squared_norms(shape, entries);
    wanted.iter().zip(&drawn).map(norm_ratio).collect()
}

fn norm_ratio((wanted_squared, drawn_squared): (&f64, &f64)) -> f64 {
    if *drawn_squared == 0.0 {
        return 0.0;
    }
    (wanted_squared / drawn_squared).sqrt()
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

/// Two multiples of one vector, each rounded to `f32`, differ by a sine of about 2⁻²⁴; hence 10⁻⁶.
pub(crate) const PARALLEL_SINE: f64 = 1e-6;

/// The vector from `centre` to `point`: the direction of a line between two models.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the lengths differ.
pub fn between(centre: &[f32], point: &[f32]) -> Result<Vec<f32>, Error> {
    check_length("the point", centre.len(), point.len())?;
    Ok(point.iter().zip(centre).map(|(p, c)| p - c).collect())
}

/// Inner product, accumulated in `f64`.
///
/// # Panics
///
/// If the lengths differ.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "an inner product needs two equally long vectors");
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(*a) * f64::from(*b));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// Squared Euclidean norm, accumulated in `f64`.
#[must_use]
pub fn squared_norm(vector: &[f32]) -> f64 {
    dot(vector, vector)
}

/// Euclidean norm, accumulated in `f64`.
#[must_use]
pub fn norm(vector: &[f32]) -> f64 {
    squared_norm(vector).sqrt()
}

/// Cosine of the angle between two vectors, in [-1, 1]; 0 if one of them is zero.
///
/// # Panics
///
/// If the lengths differ.
#[must_use]
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let norms = norm(a) * norm(b);
    if norms == 0.0 {
        return 0.0;
    }
    (dot(a, b) / norms).clamp(-1.0, 1.0)
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
