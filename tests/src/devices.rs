//! The devices of a machine without an accelerator.

use burn::tensor::Device;

/// flex and, where this was built with the feature, ndarray: the two backends that run on any CPU.
pub fn cpu_devices() -> Vec<Device> {
    let mut devices = vec![Device::flex()];
    devices.extend(ndarray());
    devices
}

#[cfg(feature = "ndarray")]
#[expect(deprecated, reason = "burn-ndarray is on its way out, and still asked for")]
fn ndarray() -> Option<Device> {
    Some(Device::ndarray())
}

#[cfg(not(feature = "ndarray"))]
fn ndarray() -> Option<Device> {
    None
}
