//! What a study asks of its model and batches, whatever their types are: all that asks is compiled once, and not again for
//! every model of a program.

use std::rc::Rc;
use std::time::Duration;

use burn::tensor::Device;
use burnscape_landscape::evaluate::BatchLoss;

use super::evaluate::{Evaluate, SliceContext};
use super::quantities::{Measured, Selected};
use super::recalibrate::Recalibration;
use super::weights::Weights;
use crate::Result;
use crate::config::clock::Clock;
use crate::model::map::{ModelMap, Slot};
use crate::model::tensors::NamedTensor;

/// A model that was put somewhere, by its number: in inference mode, with state of its own. It is let go after the last of
/// these.
#[derive(Debug, Clone)]
pub(crate) struct ModelAt(pub(super) Rc<usize>);

/// Where the model stands of which something is asked.
#[derive(Debug)]
pub(crate) enum Stand<'s> {
    /// Where slices lie unless they say otherwise.
    Final,
    /// Where it was put before.
    At(&'s ModelAt),
    /// At these parameters and buffers, for this once.
    Tensors(Vec<NamedTensor>),
}

/// What is measured of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub map: &'a ModelMap,
    pub sets: &'a [Selected],
    /// The loss and no further quantity.
    pub loss_alone: bool,
}

/// A model with its batches and what is measured on them.
pub(crate) trait Subject {
    /// Checksums of the model as it was given.
    ///
    /// # Errors
    ///
    /// [`Error::Device`](crate::Error::Device), as wherever tensors are read.
    fn checksums_as_given(&self, map: &ModelMap) -> Result<Vec<u32>>;

    /// Checksums of a model that was put somewhere.
    fn checksums(&self, at: &ModelAt, map: &ModelMap) -> Result<Vec<u32>>;

    /// Tensors of the final model, those of the slots that are wanted.
    fn tensors_if(
        &self,
        map: &ModelMap,
        is_wanted: &dyn Fn(Slot) -> bool,
    ) -> Result<Vec<NamedTensor>>;

    /// Parameters of a model that was put somewhere, of which nothing is copied.
    fn weights(&self, at: &ModelAt, map: &ModelMap) -> Weights;

    /// Puts a model at these parameters and buffers.
    ///
    /// # Errors
    ///
    /// [`Error::OtherModel`](crate::Error::OtherModel) naming a tensor that is missing.
    fn put(&self, map: &ModelMap, tensors: Vec<NamedTensor>) -> Result<ModelAt>;

    /// Puts a model with the parameters of the final one, which they share, at these buffers.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    fn put_with_buffers(&self, map: &ModelMap, buffers: Vec<NamedTensor>) -> Result<ModelAt>;

    /// How statistics are recomputed, found on one batch of the first set, counted among all.
    ///
    /// # Errors
    ///
    /// As [`Recalibration::of`].
    fn recalibration(
        &self,
        stand: Stand<'_>,
        map: &ModelMap,
        batch: usize,
    ) -> Result<Recalibration>;

    /// Every layer; with which samples the first set holds, where that is asked for and known.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownOutput`](crate::Error::UnknownOutput), [`Error::EmptyBatch`](crate::Error::EmptyBatch),
    /// [`Error::Panicked`](crate::Error::Panicked), [`Error::Device`](crate::Error::Device).
    fn measure(&self, stand: Stand<'_>, ask: &Ask<'_>, tells_samples: bool) -> Result<Measured>;

    /// Every layer batch by batch, with statistics recomputed on the first set if they are.
    ///
    /// # Errors
    ///
    /// As [`measure`](Self::measure).
    fn measure_batches(
        &self,
        stand: Stand<'_>,
        ask: &Ask<'_>,
        recalibration: Option<&Recalibration>,
    ) -> Result<Vec<Vec<BatchLoss>>>;

    /// What measures the points of a slice around a model, with a model and batches of its own.
    fn evaluator<'c>(
        &'c self,
        at: &ModelAt,
        context: &'c SliceContext<'c>,
    ) -> Box<dyn Evaluate + 'c>;

    /// The same on a further device, where the model was [sent](Self::send).
    fn evaluator_elsewhere<'c>(
        &'c self,
        number: usize,
        at: &ModelAt,
        context: &'c SliceContext<'c>,
    ) -> Result<Box<dyn Evaluate + 'c>>;

    /// Sends a model to a device, where it stays.
    ///
    /// # Errors
    ///
    /// What goes wrong there.
    fn send(&self, at: &ModelAt, device: &Device) -> Result<()>;

    /// The losses of the final model on batches of a further device, and how long they take there.
    ///
    /// # Errors
    ///
    /// What goes wrong there; as [`measure`](Self::measure).
    fn try_device(
        &self,
        number: usize,
        ask: &Ask<'_>,
        clock: &Clock,
    ) -> Result<(Vec<BatchLoss>, Duration)>;
}
