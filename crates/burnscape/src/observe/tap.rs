//! Activations: what passes a tap in `forward` is handed over while a watched step listens.
//!
//! A tap is the identity. It listens on the thread on which a watched model runs its training step, in the steps
//! that the schedule names; everywhere else it costs one branch. It hands over a handle, without the graph:
//! the writer thread reads the values.

use std::cell::{Cell, RefCell};

use burn::tensor::Tensor;

use crate::channel::samples::TapSample;

/// What a tap without a name is called.
const UNNAMED: &str = "unnamed";

thread_local! {
    static LISTENS: Cell<bool> = const { Cell::new(false) };
    static HEARD: RefCell<Vec<TapSample>> = const { RefCell::new(Vec::new()) };
}

/// Looks at the values of `x` under the name `name`, and gives `x` back as it is.
///
/// Dimension 0 are samples, dimension 1 units (features, channels). One name used several times in a step, or on
/// several devices, is put together; without one it is `unnamed`. Gradients are those without the tap.
///
/// # Examples
///
/// ```
/// use burn::nn::Linear;
/// use burn::tensor::{Tensor, activation::relu};
///
/// fn forward(fc1: &Linear, fc2: &Linear, x: Tensor<2>) -> Tensor<2> {
///     let hidden = burnscape::tap("fc1.relu", relu(fc1.forward(x)));
///     fc2.forward(hidden)
/// }
/// ```
#[inline]
pub fn tap<const D: usize>(name: &str, x: Tensor<D>) -> Tensor<D> {
    if LISTENS.get() {
        hear(name, &x);
    }
    x
}

#[cold]
fn hear<const D: usize>(name: &str, x: &Tensor<D>) {
    let dims = x.dims();
    let samples = dims.first().copied().unwrap_or(1);
    let units = dims.get(1).copied().unwrap_or(1);
    let len = x.shape().num_elements();
    // An expert that no sample came to: nothing is known of its units.
    if len == 0 {
        return;
    }
    let name = if name.is_empty() { UNNAMED } else { name };
    let values = x.clone().detach().inner().reshape([len]);
    let sample = TapSample { tap: name.to_string(), batch: 0, samples, units, values };
    HEARD.with_borrow_mut(|heard| heard.push(sample));
}

/// Listens on this thread until it is dropped or [ended](Self::end).
#[must_use = "taps are heard while it lives"]
pub(crate) struct Listening(());

impl Listening {
    pub fn begin() -> Self {
        HEARD.with_borrow_mut(Vec::clear);
        LISTENS.set(true);
        Self(())
    }

    /// What was heard.
    pub fn end(self) -> Vec<TapSample> {
        HEARD.take()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENS.set(false);
    }
}
