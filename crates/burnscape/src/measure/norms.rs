//! Euclidean norms of tensors, read once and never copied as a whole.

use burn::tensor::{DType, Tensor, TensorData};

/// The smallest sum of f32 squares that is trusted: below it the squares of the elements may have
/// underflowed, and the norm is computed again from scaled values.
const SMALLEST_TRUSTED_SQUARES: f64 = 1e-30;

/// Up to this many elements a copy to the host and a loop are quicker than an operation of the
/// backend: 0.4 µs against 1.3 µs for 128 values on flex, even at about 10,000.
const SMALL: usize = 8192;

/// `Σ xᵢ²` on the device, shape `[1]`; half-precision tensors are widened to f32 first.
pub(crate) fn squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    widened(tensor).powi_scalar(2).sum()
}

/// `‖x‖₂` of a tensor in host memory: right also where the squares leave the range of f32.
pub(crate) fn norm_on_host<const D: usize>(tensor: Tensor<D>) -> f64 {
    if tensor.shape().num_elements() <= SMALL {
        return norm_of_copy(tensor);
    }
    let sum = sum_of(dots_with_itself(tensor.clone()));
    if sum.is_finite() && sum > SMALLEST_TRUSTED_SQUARES {
        return sum.sqrt();
    }
    scaled_norm(&tensor, sum)
}

/// Half-precision values as f32.
pub(crate) fn widened<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.dtype() {
        DType::F16 | DType::BF16 => tensor.cast(DType::F32),
        _ => tensor,
    }
}

/// Into how many stretches a long vector is cut: right after a backward pass it lies in the caches of
/// several cores, which read it side by side (9 µs against 19 µs there, 100,352 values, two cores).
/// Their sums are added in f64.
const STRETCHES: usize = 8;

/// `Σ xᵢ²` over each of some stretches of the elements, shape `[stretches, 1, 1]`.
///
/// A vector times itself is one pass over the data through the backend's matrix kernels; squaring
/// and summing takes longer (16 µs against 9 µs for 100,352 values on flex), and so does a copy.
fn dots_with_itself<const D: usize>(tensor: Tensor<D>) -> Tensor<3> {
    let len = tensor.shape().num_elements();
    let stretches = if len.is_multiple_of(STRETCHES) { STRETCHES } else { 1 };
    let rows = widened(tensor).reshape([stretches, 1, len / stretches]);
    let columns = rows.clone().reshape([stretches, len / stretches, 1]);
    rows.matmul(columns)
}

fn norm_of_copy<const D: usize>(tensor: Tensor<D>) -> f64 {
    let Ok(data) = tensor.try_into_data() else {
        return f64::NAN;
    };
    let sum = match data.dtype() {
        DType::F32 => data.as_slice::<f32>().map(sum_of_squares_f32).ok(),
        DType::F64 => data.as_slice::<f64>().map(|it| it.iter().map(|x| x * x).sum()).ok(),
        _ => sum_of_widened(data),
    };
    sum.map_or(f64::NAN, f64::sqrt)
}

/// Squares of f32 neither overflow nor vanish in f64. Eight sums run side by side, by index: a program that is built in
/// many units without optimising them across each other is not sure to have a `zip` inlined, and then takes five times
/// the instructions.
pub(crate) fn sum_of_squares_f32(values: &[f32]) -> f64 {
    let square = |value: f32| f64::from(value) * f64::from(value);
    let (groups, rest) = values.as_chunks::<8>();
    let mut sums = [0.0_f64; 8];
    for group in groups {
        sums = std::array::from_fn(|lane| sums[lane] + square(group[lane]));
    }
    sums.into_iter().sum::<f64>() + rest.iter().copied().map(square).sum::<f64>()
}

fn sum_of_widened(data: TensorData) -> Option<f64> {
    let data = data.try_cast(DType::F32).ok()?;
    data.as_slice::<f32>().map(sum_of_squares_f32).ok()
}

/// The norm by way of `x / max|x|`, for values whose squares over- or underflow.
fn scaled_norm<const D: usize>(tensor: &Tensor<D>, sum: f64) -> f64 {
    if sum.is_nan() {
        return sum;
    }
    let largest = sum_of(tensor.clone().abs().max().reshape([1, 1, 1]));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let scaled = tensor.clone().div_scalar(largest);
    largest * sum_of(dots_with_itself(scaled)).sqrt()
}

/// The sum of a few numbers, in f64.
fn sum_of(tensor: Tensor<3>) -> f64 {
    let data = tensor.try_into_data_as::<f64>().ok();
    let sum = data.and_then(|data| data.as_slice::<f64>().map(|it| it.iter().sum()).ok());
    sum.unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::sum_of_squares_f32;

    #[test]
    fn the_first_n_squares_sum_to_the_pyramidal_number() {
        for n in [0_u32, 1, 7, 8, 9, 100, 1001] {
            let values: Vec<f32> = (1..=n).map(|it| it as f32).collect();
            let n = f64::from(n);
            let expected = n * (n + 1.0) * (2.0 * n + 1.0) / 6.0;
            assert_eq!(sum_of_squares_f32(&values), expected);
        }
    }
}
