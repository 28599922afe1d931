//! What a list tells of a run beside where it stands: the course of its loss in a few values, and the best it came to.

use burnscape_trace::{Epoch, Record, Resume, Step};

use super::Series;

/// Stretches of steps of which a value is kept at most.
const VALUES: usize = 48;

/// The course of a run, in bounded memory but for a number an epoch.
///
/// What a [`Resume`] leaves behind does not count.
#[derive(Debug, Clone)]
pub struct Glimpse {
    losses: Series,
    learning_rate: Option<(u64, f64)>,
    /// Steps before the end of each epoch, and its validation loss.
    valid: Vec<(u64, f64)>,
}

impl Default for Glimpse {
    fn default() -> Self {
        Self { losses: Series::with_buckets(VALUES), learning_rate: None, valid: Vec::new() }
    }
}

impl Glimpse {
    /// Takes a record.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Step(step) => self.apply_step(step),
            Record::Epoch(epoch) => self.apply_epoch(epoch),
            Record::Resume(resume) => self.apply_resume(resume),
            _ => {}
        }
    }

    /// Mean losses of stretches of equally many steps, in their order, a few dozen at most; what is not finite is left
    /// out.
    #[must_use]
    pub fn losses(&self) -> Vec<f64> {
        let has_values = self.losses.buckets().filter(|bucket| bucket.count > 0);
        has_values.map(super::Bucket::mean).collect()
    }

    /// The learning rate of the last step.
    #[must_use]
    pub fn learning_rate(&self) -> Option<f64> {
        self.learning_rate.map(|(_, rate)| rate)
    }

    /// The lowest finite validation loss of an epoch.
    #[must_use]
    pub fn best_valid_loss(&self) -> Option<f64> {
        let losses = self.valid.iter().map(|(_, loss)| *loss);
        losses.filter(|loss| loss.is_finite()).reduce(f64::min)
    }

    fn apply_step(&mut self, step: &Step) {
        step.loss.iter().for_each(|loss| self.losses.push(step.step, *loss));
        self.learning_rate = Some((step.step, step.lr));
    }

    fn apply_epoch(&mut self, epoch: &Epoch) {
        self.valid.extend(epoch.valid_loss.map(|loss| (epoch.steps, loss)));
    }

    fn apply_resume(&mut self, resume: &Resume) {
        self.losses.rewind(resume.steps);
        self.learning_rate.take_if(|(step, _)| !resume.keeps_step(*step));
        self.valid.retain(|(steps, _)| resume.keeps_moment(*steps));
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn step(step: u64, loss: f64, lr: f64) -> Record {
        Record::Step(record!(Step { step, loss: Some(loss), lr }))
    }

    fn epoch(steps: u64, valid_loss: f64) -> Record {
        Record::Epoch(record!(Epoch { epoch: steps, steps, valid_loss: Some(valid_loss) }))
    }

    fn after(records: impl IntoIterator<Item = Record>) -> Glimpse {
        let mut glimpse = Glimpse::default();
        records.into_iter().for_each(|record| glimpse.apply(&record));
        glimpse
    }

    #[test]
    fn a_long_course_is_means_of_stretches_in_their_order() {
        // Falling by one a step: the mean of a stretch is its middle.
        let steps = 100_000;
        let losses = after((0..steps).map(|at| step(at, (steps - at) as f64, 0.1))).losses();
        assert!((VALUES / 2..=VALUES).contains(&losses.len()), "{}", losses.len());
        assert!(losses.windows(2).all(|pair| pair[0] > pair[1]), "{losses:?}");
        let width = losses[0] - losses[1];
        assert!((losses[0] - (steps as f64 - (width - 1.0) / 2.0)).abs() < 1e-6, "{losses:?}");
    }

    #[test]
    fn the_best_is_the_lowest_that_is_finite_and_was_kept() {
        let of = |records: &[Record]| after(records.to_vec()).best_valid_loss();
        assert_eq!(of(&[step(0, 1.0, 0.1)]), None);
        assert_eq!(
            of(&[epoch(1, 0.5), epoch(2, 0.25), epoch(3, f64::NAN), epoch(4, 0.75)]),
            Some(0.25)
        );
        let resume = Record::Resume(record!(Resume { steps: 1 }));
        assert_eq!(of(&[epoch(1, 0.5), epoch(2, 0.25), resume.clone()]), Some(0.5));
        let left_behind = after([step(0, 1.0, 0.1), step(1, 2.0, 0.01), resume]);
        assert_eq!((left_behind.losses(), left_behind.learning_rate()), (vec![1.0], None));
    }
}
