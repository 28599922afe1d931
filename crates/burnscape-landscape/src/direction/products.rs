//! Inner products of long vectors, accumulated in `f64`, and what follows from them.

/// Independent sums of an inner product, so that the additions need not wait for each other.
pub(super) const LANES: usize = 8;

/// Two multiples of one vector, each rounded to `f32`, differ by a sine of about 2⁻²⁴; hence 10⁻⁶.
pub(crate) const PARALLEL_SINE: f64 = 1e-6;

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
