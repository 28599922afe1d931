//! What is looked at before anything is measured: whether batches and model give the same twice, and how long a batch
//! takes.

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::budget::evenly;

use super::batches::{Batches, OfLoader, OnChange, Place, Reading};
use super::centre::same;
use super::model_subject::ModelSubject;
use super::open_study::{AnyStudy, OpenStudy};
use super::quantities::{BatchSet, Looked, Measured, Selected};
use super::study_time::ASIDE;
use super::subject::Stand;
use crate::{Error, Result};

/// Passes over the batches looked at, until it is decided what is measured: three here, one over a second reading, and
/// some nodes to see how long they take.
const PASSES: f64 = 9.0;

impl<M> OpenStudy<ModelSubject<'_, M>>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Reads a set of batches. The model's loss must be the same twice on what was read; where the source gave
    /// something else in a second pass, `on_change` decides. With a budget only some batches are looked at.
    pub(super) fn add_batches<B>(
        &mut self,
        name: Option<String>,
        source: &B,
        on_change: OnChange,
    ) -> Result<()>
    where
        B: Batches<M::Input> + ?Sized,
    {
        let device = self.studied.map.device.clone().inner();
        let place = Place { device, seed: self.active.config.study.seed };
        let Reading { batches, again, loader } =
            source.read(&place).map_err(|reason| Error::BatchSource { reason })?;
        let set = BatchSet::new(name, self.subject.sets.len(), batches.len());
        let again = again.map(|again| {
            let places = (0..again.len()).collect();
            (again, Selected { set: set.selected.set + 1, places })
        });
        self.subject.sets.push(batches);
        let (again, selected) = again.unzip();
        self.subject.sets.extend(again);
        let this: &mut AnyStudy<'_> = self;
        let taken = this.take_set(set, selected.as_ref(), loader, on_change);
        self.subject.sets.truncate(self.quantities.sets.len());
        taken
    }
}

impl AnyStudy<'_> {
    /// Looks at a set of batches, read a second time as `again`, and takes it.
    fn take_set(
        &mut self,
        mut set: BatchSet,
        again: Option<&Selected>,
        loader: Option<OfLoader>,
        on_change: OnChange,
    ) -> Result<()> {
        if set.available == 0 {
            return Err(Error::NoBatches);
        }
        let looked = self.look(&set, again, on_change)?;
        set.counts_rows = self.quantities.loss_name == "output"
            && loader.is_some_and(|it| counts_rows(it, &set, &looked));
        if let Some(of_loader) = loader {
            self.note("info", of_loader.in_words());
        }
        if let Some(samples) = self.active.config.study.samples {
            let count = set.available;
            let wanted = wanted(samples, &looked.found, &looked.places, count);
            set.selected.places = evenly(wanted, count);
        }
        self.quantities.sets.push(set);
        self.pacing.looked_at.get_or_insert(looked);
        self.forget_measurements();
        Ok(())
    }

    /// Whether the batches looked at are those that are used, and nothing else is measured on them.
    pub(super) fn is_all(&self, looked: &Looked) -> bool {
        let is_alone = self.quantities.sets.len() == 1 && self.quantities.names.len() == 1;
        is_alone && self.quantities.sets[0].selected.places == looked.places
    }

    fn look(
        &self,
        set: &BatchSet,
        again: Option<&Selected>,
        on_change: OnChange,
    ) -> Result<Looked> {
        let count = set.available;
        let (left, samples) = (self.time.deadline.left(), self.active.config.study.samples);
        if left.is_none() && samples.is_none() {
            return self.look_twice(set, (0..count).collect(), again, on_change, None);
        }
        let middle = evenly(1, count);
        let (found, first_secs) = self.timed_loss(set, &middle)?;
        let wanted = samples.map_or(count, |samples| wanted(samples, &found, &middle, count));
        let Some(left) = left else {
            return self.look_twice(set, evenly(wanted, count), again, on_change, None);
        };
        if !self.time.affords(first_secs) {
            return Ok(Looked { places: middle, found, batch_secs: Some(first_secs) });
        }
        // The first time a model runs it may take longer.
        let (_, secs) = self.timed_loss(set, &middle)?;
        let affordable = (ASIDE * left.as_secs_f64() / (PASSES * secs)) as usize;
        let places = evenly(affordable.clamp(1, wanted), count);
        self.look_twice(set, places, again, on_change, Some(secs))
    }

    /// Two passes over some batches, and one over what a second reading gave in their places.
    fn look_twice(
        &self,
        set: &BatchSet,
        places: Vec<usize>,
        again: Option<&Selected>,
        on_change: OnChange,
        batch_secs: Option<f64>,
    ) -> Result<Looked> {
        let (found, secs) = self.timed_loss(set, &places)?;
        if !self.time.affords(secs) {
            return Ok(Looked { places, found, batch_secs });
        }
        let first = found.values[0].mean;
        let second = self.timed_loss(set, &places)?.0.values[0].mean;
        if !same(first, second) {
            return Err(Error::RandomModel { first, second });
        }
        if let Some(again) = again {
            self.compare_readings(first, &some_of(again, &places), on_change)?;
        }
        self.check_twice(first, places.len(), set.available);
        Ok(Looked { places, found, batch_secs })
    }

    fn check_twice(&self, loss: f64, looked_at: usize, available: usize) {
        let which = match looked_at {
            all if all == available => "the batches".to_string(),
            some => format!("{some} of {available} batches"),
        };
        let detail = format!("two passes over {which} gave the loss {loss} bit for bit");
        self.check(None, "centre-twice", true, &detail);
    }

    fn timed_loss(&self, set: &BatchSet, places: &[usize]) -> Result<(Measured, f64)> {
        let clock = &self.active.config.clock;
        let begun = clock.now();
        let found = self.loss_of(&some_of(&set.selected, places));
        let found = found.map_err(|error| match error {
            Error::EmptyBatch { index } => Error::EmptyBatch { index: places[index] },
            error => error,
        })?;
        Ok((found, clock.now().saturating_sub(begun).as_secs_f64()))
    }

    fn loss_of(&self, batches: &Selected) -> Result<Measured> {
        let loss = self.loss_on(std::slice::from_ref(batches));
        self.subject.measure(Stand::Final, &loss, true)
    }

    /// Holds what a source gave in a second pass against the first.
    fn compare_readings(&self, first: f64, again: &Selected, on_change: OnChange) -> Result<()> {
        let second = match again.places.is_empty() {
            true => f64::NAN,
            false => self.loss_of(again)?.values[0].mean,
        };
        let changed = Error::ChangingBatches { first, second };
        match on_change {
            _ if same(first, second) => Ok(()),
            OnChange::Refuse => Err(changed),
            OnChange::Tell => {
                let told = format!("{changed}. The surface is that of the first pass");
                self.active.recorder.handle.problem(told);
                Ok(())
            }
        }
    }
}

/// How many batches have so many samples, going by those that were looked at.
fn wanted(samples: usize, found: &Measured, looked_at: &[usize], available: usize) -> usize {
    let each = found.sizes[0].count as f64 / looked_at.len() as f64;
    ((samples as f64 / each).ceil() as usize).clamp(1, available)
}

/// Those at `places`; a second reading may be shorter.
fn some_of(batches: &Selected, places: &[usize]) -> Selected {
    let Selected { set, places: all } = batches;
    let places = places.iter().filter_map(|&place| all.get(place).copied()).collect();
    Selected { set: *set, places }
}

/// Whether what burn's standard outputs count as samples are rows of something else than the items of a loader: by more
/// than a short last batch may differ.
fn counts_rows(of_loader: OfLoader, set: &BatchSet, looked: &Looked) -> bool {
    let (counted, items) = (looked.found.sizes[0].count as f64, of_loader.items as f64);
    let share = looked.places.len() as f64 / set.available as f64;
    let slack = if share < 1.0 { counted / looked.places.len() as f64 } else { 0.0 };
    (counted / share - items).abs() > slack
}
