//! Alerts: which rules there are, with which thresholds, and what becomes of an alert.
//!
//! Rules are judged on the writer thread, from the records as they are written: they cost training nothing.
//! `watchdog.rs` judges a step, `loss.rs` its loss, `advice.rs` says what usually helps.

mod advice;
mod loss;
mod watchdog;

use std::fmt;
use std::sync::Arc;

use burnscape_trace::Alert;

use crate::Result;
use crate::config::check;

pub(crate) use loss::LossWatch;
pub(crate) use watchdog::Watchdog;

/// Thresholds of the rules; `None` switches a rule off.
///
/// An alert is raised when a rule is broken, and again only after it was kept for
/// [`cool_down`](Self::cool_down) steps: a run that stays broken says so once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertRules {
    /// NaN or infinite loss, gradient or weight.
    pub non_finite: bool,
    /// A step would be longer than this: largest ‖g‖·lr of a block. Default 1 (Cockpit, Schneider et al. 2021,
    /// and practice agree that a healthy step is far shorter). No rule where lr = 0.
    pub exploding_step: Option<f64>,
    /// A gradient norm so many standard deviations above its mean, both of its logarithm over the last 100
    /// steps, and ten times the largest of these. Default 8.
    pub exploding_z: Option<f64>,
    /// A step would be shorter than this: smallest ‖g‖·lr of a weight that has a gradient (no bias or norm
    /// parameter: a bias before a BatchNorm has none, as it should). Default 1e-10: in f32 it moves no weight of
    /// ordinary size. A gradient of exactly 0 counts from the third step in a row.
    pub vanishing_step: Option<f64>,
    /// A loss so many times the largest of the last 64 steps. Default 3.
    pub loss_spike: Option<f64>,
    /// Steps over whose second half the mean loss is within a thousandth of, or above, that over the first
    /// half. Default 2000.
    pub plateau_steps: Option<u64>,
    /// Lowest and highest ‖update‖/‖weight‖ of a weight (no bias or norm parameter), broken at three
    /// measurements in a row. Default 1e-5 to 1e-1; about 1e-3 is usual (A. Karpathy, CS231n, "Babysitting the
    /// learning process").
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
