//! What a program tells of itself: what the training was set to, and values of its own at any step.

use burnscape_trace::{Hyperparameters, Record};
use serde::Serialize;

use super::Probe;

impl Probe {
    /// Records what the training is set to: anything that serde can write, such as a config of burn's or a struct of
    /// one's own. It is told with the run (`burnscape info`, the overview, the page), and exported.
    ///
    /// Fields of structs and maps become names, those of inner ones joined by dots (`optimizer.beta_1`). It may be told
    /// in parts; of a name that is told again, the last value holds.
    ///
    /// ```no_run
    /// # let probe = burnscape::Probe::start("runs/digits")?;
    /// # let seed = 7;
    /// # let config = burn::optim::AdamConfig::new();
    /// probe.hyperparameters(&config);
    /// probe.hyperparameters(&[("seed", seed)].into_iter().collect::<std::collections::BTreeMap<_, _>>());
    /// # Ok::<(), burnscape::Error>(())
    /// ```
    ///
    /// What cannot be written is a problem of the recording ([`Recording::problems`](crate::Recording::problems)) and
    /// none of the training.
    pub fn hyperparameters(&self, settings: &(impl Serialize + ?Sized)) {
        let Some(session) = self.session() else { return };
        let handle = &session.handle;
        match Hyperparameters::of(settings) {
            Ok(told) => handle.record(Record::Hyperparameters(told)),
            Err(error) => handle.problem(error.to_string()),
        }
    }

    /// Records a value of one's own at the present step, such as the reward of an episode. It is a curve like that of
    /// a metric, in the split `own`.
    ///
    /// It may be called from any thread, as often as there is something to tell; it never waits. What finds no room in
    /// the queue is counted and told.
    ///
    /// ```no_run
    /// # let probe = burnscape::Probe::start("runs/pole")?;
    /// # let reward = 1.0;
    /// probe.log("reward", reward);
    /// # Ok::<(), burnscape::Error>(())
    /// ```
    pub fn log(&self, name: &str, value: impl Into<f64>) {
        if let Some(session) = self.session() {
            session.hook.log(name, value.into());
        }
    }
}
