//! Which measurements are made at which steps, and how much they cost together.

use super::schedule::{Schedule, StepPlace};

/// What of a step is looked at more closely.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StatisticsDue {
    pub gradient_extremes: bool,
    pub signal_to_noise: bool,
    pub update_cosine: bool,
    /// The cosine is due at the next step, which needs this update.
    pub keep_update: bool,
    pub distance: bool,
    pub gradient_histograms: bool,
    pub weight_histograms: bool,
    /// NaN or infinite entries are there to be counted.
    pub broken_gradient: bool,
    pub broken_weights: bool,
}

impl StatisticsDue {
    pub fn needs_gradients(self) -> bool {
        self.gradient_extremes
            || self.signal_to_noise
            || self.gradient_histograms
            || self.broken_gradient
    }

    pub fn needs_update(self) -> bool {
        self.update_cosine || self.keep_update
    }

    pub fn needs_before(self) -> bool {
        self.needs_update() || self.weight_histograms || self.broken_weights
    }

    pub fn needs_after(self) -> bool {
        self.needs_update() || self.distance
    }

    pub fn is_anything(self) -> bool {
        self.needs_gradients() || self.needs_before() || self.needs_after()
    }
}

/// How much is measured; what each costs is printed by `cargo bench --bench hook -- overhead`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Level {
    /// Gradient norms at every step, weight and update norms now and then: a few hundredths of a step of a small
    /// network, less of a large one. Alerts rest on these.
    #[default]
    Light,
    /// Also largest gradients, signal-to-noise ratio, cosine of successive updates and distance from the start,
    /// now and then.
    Standard,
    /// All of these more often, and histograms.
    Full,
}

/// A schedule for every measurement of an optimizer step. Each is per parameter block; what is true of a module
/// or of the whole model follows from the blocks ([`trace::columns`](crate::trace::columns)).
///
/// # Memory
///
/// Signal-to-noise ratio, cosine and distance each keep one vector as long as the parameters, in host memory or,
/// on an accelerator, on the device: none of them more than one, and the gradient or weights that are being
/// looked at.
///
/// # Examples
///
/// ```
/// use burnscape::{Level, Measurements, Schedule};
///
/// let histograms_at_epochs = Measurements {
///     gradient_histograms: Schedule::EveryEpoch,
///     ..Measurements::of(Level::Standard)
/// };
/// # let _ = histograms_at_epochs;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurements {
    /// ‖g‖, and how many entries of g are NaN or infinite where it is not finite.
    pub gradient_norms: Schedule,
    /// max |g|, and NaN and infinite entries counted in any case.
    pub gradient_extremes: Schedule,
    /// ‖E g‖² and E‖g‖², of an exponential average over the steps at which this is due.
    pub signal_to_noise: Schedule,
    /// ‖θ‖ before the update and ‖θ_{t+1} − θ_t‖.
    pub weight_norms: Schedule,
    /// Cosine of an update and the one before.
    pub update_cosine: Schedule,
    /// ‖θ − θ₀‖.
    pub distance: Schedule,
    /// How the entries of gradients are spread.
    pub gradient_histograms: Schedule,
    /// How the entries of weights are spread.
    pub weight_histograms: Schedule,
    /// Learning rates of parameter groups, where they are not that of the first.
    pub learning_rates: Schedule,
    /// What passes a [`tap`](crate::tap()).
    pub activations: Schedule,
    /// How the entries of activations are spread, whenever they are looked at.
    pub activation_histograms: bool,
    /// Steps over which the coefficient of variation of ‖g‖ is taken; 0: not at all.
    pub variation_window: usize,
}

impl Measurements {
    /// What a level measures when.
    pub const fn of(level: Level) -> Self {
        let light = Self {
            gradient_norms: Schedule::Every(1),
            gradient_extremes: Schedule::Never,
            signal_to_noise: Schedule::Never,
            weight_norms: Schedule::Every(20),
            update_cosine: Schedule::Never,
            distance: Schedule::Never,
            gradient_histograms: Schedule::Never,
            weight_histograms: Schedule::Never,
            learning_rates: Schedule::Every(20),
            activations: Schedule::Every(50),
            activation_histograms: false,
            variation_window: 0,
        };
        match level {
            Level::Light => light,
            Level::Standard => Self {
                gradient_extremes: Schedule::Every(100),
                signal_to_noise: Schedule::Every(100),
                update_cosine: Schedule::Every(100),
                distance: Schedule::Every(100),
                variation_window: 100,
                ..light
            },
            Level::Full => Self {
                gradient_extremes: Schedule::Every(25),
                signal_to_noise: Schedule::Every(25),
                weight_norms: Schedule::Every(10),
                update_cosine: Schedule::Every(50),
                distance: Schedule::Every(50),
                gradient_histograms: Schedule::Every(100),
                weight_histograms: Schedule::Every(100),
                learning_rates: Schedule::Every(10),
                activations: Schedule::Every(25),
                activation_histograms: true,
                variation_window: 100,
                ..light
            },
        }
    }

    /// Everything at every step: for tests, and for steps that are looked at one by one.
    pub const fn all(schedule: Schedule) -> Self {
        Self {
            gradient_norms: schedule,
            gradient_extremes: schedule,
            signal_to_noise: schedule,
            weight_norms: schedule,
            update_cosine: schedule,
            distance: schedule,
            gradient_histograms: schedule,
            weight_histograms: schedule,
            learning_rates: schedule,
            activations: schedule,
            activation_histograms: true,
            variation_window: 100,
        }
    }

    /// What is looked at more closely in a step.
    pub(crate) fn look(&self, at: StepPlace) -> StatisticsDue {
        StatisticsDue {
            gradient_extremes: self.gradient_extremes.is_due(at),
            signal_to_noise: self.signal_to_noise.is_due(at),
            update_cosine: self.update_cosine.is_due(at),
            keep_update: self.update_cosine.is_due_next(at),
            distance: self.distance.is_due(at),
            gradient_histograms: self.gradient_histograms.is_due(at),
            weight_histograms: self.weight_histograms.is_due(at),
            broken_gradient: false,
            broken_weights: false,
        }
    }
}

impl Default for Measurements {
    fn default() -> Self {
        Self::of(Level::default())
    }
}
