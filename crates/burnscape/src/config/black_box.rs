//! The black box: what is kept of the steps before an alert.

/// What is kept when an alert is raised.
///
/// # Examples
///
/// ```no_run
/// use burnscape::{BlackBox, Probe};
///
/// let probe = Probe::builder("runs/digits").black_box(BlackBox::new().weights()).start()?;
/// # Ok::<(), burnscape::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "give it to `ProbeBuilder::black_box`"]
pub struct BlackBox {
    /// Steps that are kept with everything that was measured in them.
    pub(crate) steps: usize,
    pub(crate) weights: bool,
    /// Black boxes that a run may write.
    pub(crate) most: usize,
}

impl BlackBox {
    /// The last 32 steps, no weights, at most 10 times in a run.
    pub const fn new() -> Self {
        Self { steps: 32, weights: false, most: 10 }
    }

    /// Keeps so many steps; 0: no black box.
    pub const fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Also keeps, for an alert of a gradient rule or a loss spike, the weights before the update that led
    /// there, before and after the update of its own step, and the gradient: four files in the folder
    /// `blackbox`. A study then draws the loss along these updates
    /// ([`Study::offending_updates`](crate::Study::offending_updates)).
    ///
    /// The weights of the step before are kept at every step, without copying them. Under burn's `Learner`,
    /// which keeps the old model as well, that costs nothing more; in a hand-written loop burn then writes
    /// updated weights to new memory instead of over the old ones. Where gradients stay on their device until
    /// the writer thread reads them ([`deferred_reads`](crate::ProbeBuilder::deferred_reads)), an alert comes too
    /// late for this, and no weights are kept.
    pub const fn weights(mut self) -> Self {
        self.weights = true;
        self
    }

    /// Writes at most so many in a run.
    pub const fn at_most(mut self, boxes: usize) -> Self {
        self.most = boxes;
        self
    }
}

impl Default for BlackBox {
    fn default() -> Self {
        Self::new()
    }
}
