//! Which samples batches hold, told by a hash of their targets.

use std::any::Any;

use burn::tensor::TensorData;
use burn::train::{
    ClassificationOutput, MultiLabelClassificationOutput, RegressionOutput, SequenceOutput,
};
use burnscape_landscape::direction::fnv1a_64;

/// A hash of shape and targets of a batch; `None` where its output is none of burn's, which holds none, or cannot be read.
///
/// Whole numbers are hashed as 64 bits and others as f32, so that it is the same on every device.
pub(crate) fn targets(output: &dyn Any) -> Option<u64> {
    if let Some(it) = output.downcast_ref::<ClassificationOutput>() {
        return whole(it.targets.clone().try_into_data().ok()?);
    }
    if let Some(it) = output.downcast_ref::<SequenceOutput>() {
        return whole(it.targets.clone().try_into_data().ok()?);
    }
    if let Some(it) = output.downcast_ref::<MultiLabelClassificationOutput>() {
        return whole(it.targets.clone().try_into_data().ok()?);
    }
    if let Some(it) = output.downcast_ref::<RegressionOutput>() {
        let data = it.targets.clone().try_into_data().ok()?;
        return Some(hash(&data, data.iter::<f32>().flat_map(f32::to_le_bytes)));
    }
    None
}

/// The hash of several batches in their order, as a trace has it; `None` where one is not known.
pub(crate) fn of_batches(batches: &[Option<u64>]) -> Option<String> {
    let known: Option<Vec<u64>> = batches.iter().copied().collect();
    let bytes: Vec<u8> = known?.into_iter().flat_map(u64::to_le_bytes).collect();
    (!bytes.is_empty()).then(|| format!("targets {:016x}", fnv1a_64(&bytes)))
}

#[expect(clippy::unnecessary_wraps, reason = "so that its callers read alike")]
fn whole(data: TensorData) -> Option<u64> {
    Some(hash(&data, data.iter::<i64>().flat_map(i64::to_le_bytes)))
}

fn hash(data: &TensorData, values: impl Iterator<Item = u8>) -> u64 {
    let shape = data.shape().iter().flat_map(|&length| (length as u64).to_le_bytes());
    fnv1a_64(&shape.chain(values).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;

    fn of_classes(classes: [i32; 3]) -> Option<u64> {
        let device = Device::default();
        let targets = Tensor::<1, Int>::from_ints(classes, &device);
        let (loss, output) = (Tensor::zeros([1], &device), Tensor::zeros([3, 4], &device));
        targets_of(ClassificationOutput { loss, output, targets })
    }

    fn targets_of(output: impl Any) -> Option<u64> {
        targets(&output)
    }

    #[test]
    fn the_hash_is_fnv_1a_of_the_shape_and_the_targets() {
        // By the definition, byte by byte: the length 3, then 2, 0 and 3, each as 64 bits.
        let bytes: Vec<u8> = [3_u64, 2, 0, 3].into_iter().flat_map(u64::to_le_bytes).collect();
        let by_definition = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(of_classes([2, 0, 3]), Some(by_definition));
    }

    #[test]
    fn other_targets_another_order_and_other_batches_have_other_hashes() {
        let all = [[2, 0, 3], [0, 2, 3], [2, 0, 2], [3, 0, 2]].map(of_classes);
        let told: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(told.len(), 4);
        let [a, b, ..] = all;
        assert_ne!(of_batches(&[a, b]), of_batches(&[b, a]));
        assert_ne!(of_batches(&[a]), of_batches(&[a, a]));
        assert_eq!((of_batches(&[a, None]), of_batches(&[])), (None, None));
    }

    #[test]
    fn outputs_of_ones_own_hold_no_targets_that_are_known() {
        assert_eq!(targets_of(3.0_f64), None);
    }
}
