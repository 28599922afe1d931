//! The end of a run: its landscape, a study of one's own, or neither.

use std::sync::Arc;
use std::time::Duration;

use burn::data::dataloader::DataLoader;
use burn::module::Module;
use burn::train::InferenceStep;

use super::Probe;
use super::session::Session;
use super::trained::Trained;
use crate::config::Config;
use crate::landscape::Landscape;
use crate::landscape::recording::Recording;
use crate::model::loss::{BatchLoss, Loss};
use crate::model::with_loss::WithLoss;
use crate::study::active_recording::{Failed, error_of};
use crate::study::batches::{Batches, OnChange};
use crate::study::means::{Reader, ValueOf};
use crate::study::{self, Study};
use crate::{Error, Result};

/// What a model evaluates.
type InputOf<M> = <M as InferenceStep>::Input;

impl Probe {
    /// Ends the run without a surface; a run that has ended stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::RecorderGone`] if the writer thread has died. Whatever went wrong during recording is in
    /// [`Recording::problems`].
    pub fn close(&self) -> Result<Recording> {
        match self.session() {
            Some(session) => Ok(Recording::new(session.folder.path(), session.close()?)),
            None => Ok(Recording::default()),
        }
    }

    /// Ends the run: the PCA trajectory of the snapshots, and the loss surface around `model` in
    /// the PCA plane and in a filter-normalised random plane, evaluated on `data`.
    ///
    /// `model` is what training returned, itself or still [watched](crate::Watched). `data` are batches or a loader,
    /// also one that training used: see [`Batches`]. The loss is the one in the output of the model's own
    /// `InferenceStep`: in one of burn's standard outputs, or where [`loss_of`](Self::loss_of) says. The model is
    /// left bit for bit as it was; statistics that burn merges lazily are brought up to date, as `valid()` does.
    ///
    /// It never fails: what went wrong is in [`Landscape::problems`], on standard error and in the run, and training is
    /// not lost for it. Called again, with other data for instance, it goes on with the same run.
    /// [`finish_strict`](Self::finish_strict) gives the first error instead.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` so that `?` may follow it.
    pub fn finish<F, T, B>(&self, model: &T, data: &B) -> Result<Landscape>
    where
        T: Trained<F>,
        T::Model: InferenceStep,
        InputOf<T::Model>: Clone,
        B: Batches<InputOf<T::Model>> + ?Sized,
    {
        Ok(told(self.finish_by(model.bare(), data, None, OnChange::Tell)))
    }

    /// As [`finish`](Self::finish), but gives what went wrong with the landscape as an error.
    ///
    /// # Errors
    ///
    /// See [`enum@Error`]; what was recorded before stays whole, and so does the probe. What went wrong during training
    /// is in [`Landscape::recording`].
    pub fn finish_strict<F, T, B>(&self, model: &T, data: &B) -> Result<Landscape>
    where
        T: Trained<F>,
        T::Model: InferenceStep,
        InputOf<T::Model>: Clone,
        B: Batches<InputOf<T::Model>> + ?Sized,
    {
        strict(self.finish_by(model.bare(), data, None, OnChange::Refuse))
    }

    /// As [`finish`](Self::finish), with the loss of the surface read out of the output by `loss_of`, whatever
    /// [`Probe::loss_of`] says.
    ///
    /// # Errors
    ///
    /// None, as [`finish`](Self::finish).
    pub fn finish_with<F, T, B, R>(&self, model: &T, data: &B, loss_of: R) -> Result<Landscape>
    where
        T: Trained<F>,
        T::Model: InferenceStep,
        InputOf<T::Model>: Clone,
        B: Batches<InputOf<T::Model>> + ?Sized,
        R: Fn(&<T::Model as InferenceStep>::Output) -> BatchLoss + Sync,
    {
        let loss_of: ValueOf<'_, _> = Box::new(move |output| Some(loss_of(output).into()));
        Ok(told(self.finish_by(model.bare(), data, Some(loss_of), OnChange::Tell)))
    }

    /// As [`finish`](Self::finish), for a model without `InferenceStep`: `loss_of` is given the model and a batch, and gives
    /// a [`BatchLoss`], a [`Loss`], or a mean with the number of its samples.
    ///
    /// ```no_run
    /// # use burn::nn::Linear;
    /// # use burn::tensor::Tensor;
    /// # use burnscape::{Probe, Result};
    /// # fn after_training(probe: &Probe, model: &Linear, batches: &[(Tensor<2>, Tensor<2>)]) -> Result<()> {
    /// probe.finish_with_loss(model, batches, |model, (inputs, targets)| {
    ///     let samples = inputs.dims()[0];
    ///     ((model.forward(inputs) - targets).square().mean(), samples)
    /// })?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// None, as [`finish`](Self::finish).
    pub fn finish_with_loss<F, T, I, B, R, L>(
        &self,
        model: &T,
        data: &B,
        loss_of: R,
    ) -> Result<Landscape>
    where
        T: Trained<F>,
        I: Clone + Send + 'static,
        B: Batches<I> + ?Sized,
        R: Fn(&T::Model, I) -> L + Send + Sync,
        L: Into<Loss>,
    {
        let model = WithLoss::new(model.bare().clone(), loss_of);
        Ok(told(self.finish_by(&model, data, None, OnChange::Tell)))
    }

    /// Keeps a loader for [`surface`](Self::surface). Nothing of it is read before training has ended: only whether it
    /// has items is looked at, so that this is not found out after it.
    ///
    /// # Errors
    ///
    /// [`Error::NoBatches`].
    pub fn surface_on<I: 'static>(&self, loader: &Arc<dyn DataLoader<I>>) -> Result<&Self> {
        if loader.num_items() == 0 {
            return Err(Error::NoBatches);
        }
        if let Some(session) = self.session() {
            session.keep(loader.clone());
        }
        Ok(self)
    }

    /// As [`finish`](Self::finish), on the loader that [`surface_on`](Self::surface_on) kept, or else on that which
    /// [`training`](Self::training) validated on.
    ///
    /// # Errors
    ///
    /// None, as [`finish`](Self::finish).
    pub fn surface<F, T>(&self, model: &T) -> Result<Landscape>
    where
        T: Trained<F>,
        T::Model: InferenceStep,
        InputOf<T::Model>: Clone,
    {
        match self.session().and_then(Session::kept::<InputOf<T::Model>>) {
            Some(loader) => self.finish(model, &loader),
            None => self.finish(model, &[]),
        }
    }

    fn finish_by<M, B>(
        &self,
        model: &M,
        data: &B,
        loss_of: Option<ValueOf<'_, M::Output>>,
        on_change: OnChange,
    ) -> (Landscape, Option<Error>)
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        match self.begin_within(model, data, loss_of, on_change, begin_finish) {
            Ok(mut study) => {
                let failed = study.default_slices().err();
                study.end(failed)
            }
            Err(failed) => {
                let (recording, error) = *failed;
                (Landscape::of_nothing(recording, &error), Some(error))
            }
        }
    }

    /// Ends training and begins a study of its landscape: slices of one's own choice, instead of those of
    /// [`finish`](Self::finish).
    ///
    /// ```no_run
    /// # use burn::{module::Module, train::{ClassificationOutput, InferenceStep}};
    /// # use burnscape::{Direction, Point, Probe, Result, SliceSpec, Watched, accuracy};
    /// # fn after_training<M>(probe: Probe, model: &Watched<M>, batches: &Vec<M::Input>, valid: &Vec<M::Input>)
    /// #     -> Result<()>
    /// # where M: InferenceStep<Output = ClassificationOutput> + Module, M::Input: Clone {
    /// let mut study = probe.study(model, batches)?;
    /// study.measure("accuracy", accuracy).also_on("valid", valid)?;
    /// study.slice(&SliceSpec::pca())?;
    /// study.slice(&SliceSpec::between(Point::Initial, Point::Final).resolution(101, 1))?;
    /// let both = study.initial_and_trained(&SliceSpec::random().seed(7))?;
    /// study.agreement(&both.trained, 8)?;
    /// let landscape = study.finish()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`finish_strict`](Self::finish_strict); also while another study of this probe lasts.
    pub fn study<'a, F, T, B>(&self, model: &T, data: &B) -> Result<Study<'a, T::Model>>
    where
        T: Trained<F>,
        T::Model: InferenceStep,
        InputOf<T::Model>: Clone,
        B: Batches<InputOf<T::Model>> + ?Sized,
    {
        let begun = self.begin(model.bare(), data, None, OnChange::Refuse);
        begun.map_err(error_of)
    }

    /// As [`study`](Self::study), with the loss read out of the output by `loss_of`.
    ///
    /// # Errors
    ///
    /// As [`study`](Self::study).
    pub fn study_with<'a, F, T, B, R>(
        &self,
        model: &T,
        data: &B,
        loss_of: R,
    ) -> Result<Study<'a, T::Model>>
    where
        T: Trained<F>,
        T::Model: InferenceStep,
        InputOf<T::Model>: Clone,
        B: Batches<InputOf<T::Model>> + ?Sized,
        R: Fn(&<T::Model as InferenceStep>::Output) -> BatchLoss + Sync + 'a,
    {
        let loss_of: ValueOf<'a, _> = Box::new(move |output| Some(loss_of(output).into()));
        let begun = self.begin(model.bare(), data, Some(loss_of), OnChange::Refuse);
        begun.map_err(error_of)
    }

    /// A study of one's own, or how the recording went and why there is none.
    fn begin<'a, M, B>(
        &self,
        model: &M,
        data: &B,
        loss_of: Option<ValueOf<'a, M::Output>>,
        on_change: OnChange,
    ) -> Result<Study<'a, M>, Failed>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        self.begin_within(model, data, loss_of, on_change, |_, _| {})
    }

    /// The same, with settings that may follow from how long training took.
    fn begin_within<'a, M, B>(
        &self,
        model: &M,
        data: &B,
        loss_of: Option<ValueOf<'a, M::Output>>,
        on_change: OnChange,
        set: impl FnOnce(&mut Config, Duration),
    ) -> Result<Study<'a, M>, Failed>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        let Some(session) = self.session() else {
            return Ok(Study::disabled());
        };
        let reader = Reader::new(loss_of, &session.hook.losses);
        let mut active = session.lend().map_err(|error| -> Failed {
            (Recording::new(session.folder.path(), session.close().unwrap_or_default()), error)
                .into()
        })?;
        set(&mut active.config, active.hook.started.elapsed());
        study::after_training(active, model, data, reader, on_change)
    }
}

/// What `finish` may take after a training of this length, unless it was told what to measure.
fn begin_finish(config: &mut Config, training: Duration) {
    if config.plan.is_none() {
        config.study.begin_finish(training);
    }
}

/// The landscape; what went wrong is said on standard error.
fn told((landscape, _): (Landscape, Option<Error>)) -> Landscape {
    landscape.problems().iter().for_each(|problem| eprintln!("burnscape: {problem}"));
    landscape
}

/// The landscape, or what went wrong with it.
fn strict((landscape, failed): (Landscape, Option<Error>)) -> Result<Landscape> {
    match failed {
        None => Ok(landscape),
        Some(error) => Err(error.after(landscape.recording().problems())),
    }
}
