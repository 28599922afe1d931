//! Which alerts there are, with which thresholds, and what answers them.

use std::fmt;
use std::sync::Arc;

use burnscape_trace::Alert;

use super::check::check;
use crate::Result;

/// Thresholds of the rules; `None` switches a rule off.
///
/// An alert is raised when a rule is broken, and again only after it was kept for
/// [`cool_down`](Self::cool_down) steps: a run that stays broken says so once. Blocks that no gradient reached in a
/// step are not judged in it.
///
/// What the optimizer does decides, not the gradient that it receives: that may be clipped, or divided away. A gradient
/// that looks wrong, or a learning rate that more than doubles in a step, has the update of its step measured, due or
/// not, and the update is judged. Where gradients stay on their device until the writer thread reads them ([`deferred_reads`](crate::ProbeBuilder::deferred_reads)), it is that
/// of one of the next steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertRules {
    /// NaN or infinite loss, gradient or weight.
    pub non_finite: bool,
    /// An update longer than this, and than half of the weights: ‖u‖ of a block. Default 1 (Cockpit, Schneider et al.
    /// 2021, and practice agree that a healthy step of gradient descent is far shorter; the weights are held against
    /// it because under an adaptive optimizer ‖u‖ grows with the root of the number of weights). One that neither its
    /// gradient nor the updates before it explain is told only if the next one is as long: weights that are clipped, reset
    /// or loaded do not explode.
    pub exploding_step: Option<f64>,
    /// A gradient norm so many standard deviations above its mean, both of its logarithm over the last 100
    /// steps, and ten times the largest of these, with an update three times as long as the last ones at the same
    /// learning rate, and a hundredth of the weights. Default 8.
    pub exploding_z: Option<f64>,
    /// A gradient of a weight so small that ‖g‖ · lr and the update are shorter than this, and at most a hundred-thousandth
    /// of another block's (no bias or norm parameter: a bias before a BatchNorm has none, as it should). Default 1e-10:
    /// in f32 it moves no weight of ordinary size. A gradient of exactly 0 counts from the third step in a row. Where all
    /// gradients are as small, it counts if the loss has not fallen since the first steps and is not 0, and the learning
    /// rate is at its height.
    pub vanishing_step: Option<f64>,
    /// A loss so many times as far above the median of the last 64 steps as the largest of them, as the largest of as
    /// many normal values with their noise, or as the rarest of the last steps (at most 1024). Default 3.
    pub loss_spike: Option<f64>,
    /// Steps over whose second half the loss has not fallen below that of the first by more than chance explains:
    /// medians over sixteen parts of each. Default 2000. No plateau while the learning rate rises, or is under a quarter
    /// of its largest so far, and none at a loss of exactly 0.
    pub plateau_steps: Option<u64>,
    /// Lowest and highest ‖update‖/‖weight‖ of a weight (no bias or norm parameter), broken at three
    /// measurements in a row. Default 1e-5 to 1e-1; about 1e-3 is usual (A. Karpathy, CS231n, "Babysitting the
    /// learning process"). Too low is what was never higher, at a learning rate that neither rises nor is under a quarter
    /// of its largest.
    pub update_ratio: Option<(f64, f64)>,
    /// Share of the units behind a tap that are dead: 0 for every sample over a window of ten observations, or
    /// nine tenths of them at a single one. Default 0.5.
    pub dead_units: Option<f64>,
    /// Share of the values behind a tap that are at the bounds of a tanh or sigmoid, three times in a row.
    /// Default 0.9.
    pub saturated: Option<f64>,
    /// Share of the limit of stability that λ_max · lr reaches, where the curvature is measured live
    /// ([`Probe::curvature`](crate::Probe::curvature)). Default 0.95. It informs: full-batch training usually goes on at
    /// the edge (Cohen et al. 2021). Told again after it was a tenth below.
    pub edge_of_stability: Option<f64>,
    /// Steps without a broken rule after which it is told anew. Default 100.
    pub cool_down: u64,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self {
            non_finite: true,
            exploding_step: Some(1.0),
            exploding_z: Some(8.0),
            vanishing_step: Some(1e-10),
            loss_spike: Some(3.0),
            plateau_steps: Some(2000),
            update_ratio: Some((1e-5, 1e-1)),
            dead_units: Some(0.5),
            saturated: Some(0.9),
            edge_of_stability: Some(0.95),
            cool_down: 100,
        }
    }
}

impl AlertRules {
    /// No rule at all.
    pub const fn none() -> Self {
        Self {
            non_finite: false,
            exploding_step: None,
            exploding_z: None,
            vanishing_step: None,
            loss_spike: None,
            plateau_steps: None,
            update_ratio: None,
            dead_units: None,
            saturated: None,
            edge_of_stability: None,
            cool_down: 100,
        }
    }

    /// Refuses thresholds that make no sense.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Setting`] naming the threshold.
    pub(crate) fn validate(&self) -> Result<()> {
        let positive = |setting, value: Option<f64>| {
            let value = value.unwrap_or(1.0);
            check(setting, value.is_finite() && value > 0.0, &value, "a positive number")
        };
        positive("exploding_step", self.exploding_step)?;
        positive("exploding_z", self.exploding_z)?;
        positive("vanishing_step", self.vanishing_step)?;
        positive("loss_spike", self.loss_spike)?;
        positive("dead_units", self.dead_units)?;
        positive("saturated", self.saturated)?;
        positive("edge_of_stability", self.edge_of_stability)?;
        let steps = self.plateau_steps.unwrap_or(2);
        check("plateau_steps", steps >= 2, &steps, "2 steps or more")?;
        let (lowest, highest) = self.update_ratio.unwrap_or((0.0, 1.0));
        let is_range = lowest >= 0.0 && lowest < highest;
        check("update_ratio", is_range, &format!("({lowest}, {highest})"), "the lower ratio first")
    }
}

/// What training does after an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertAction {
    /// It goes on.
    Continue,
    /// It stops after the step in progress, through burn's `Interrupter`. In a hand-written loop,
    /// [`Observer::should_stop`](crate::Observer::should_stop) says so.
    Stop,
}

/// The user's own answer to an alert, called on the writer thread.
#[derive(Clone)]
pub(crate) struct OnAlert(pub Arc<dyn Fn(&Alert) -> AlertAction + Send + Sync>);

impl fmt::Debug for OnAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnAlert(..)")
    }
}
