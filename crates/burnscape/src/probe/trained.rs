//! A model as training leaves it: bare, or still in its wrapper.

use burn::module::{Module, ModuleDisplay};

use crate::observe::watched::Watched;

/// A model that was trained: itself, or as the [`Watched`] model that it was while it trained.
///
/// There is nothing to implement: every module is one, and so is every watched one. Code that is generic over a bare model
/// asks for [`ModuleDisplay`](burn::module::ModuleDisplay) beside [`Module`](burn::module::Module): `#[derive(Module)]`
/// implements both, and the second is what tells a model from its wrapper.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a module nor a watched one",
    note = "in generic code, add the bound `{Self}: burn::module::ModuleDisplay`, which `#[derive(Module)]` implements; or give `&probe.watch(model)`"
)]
pub trait Trained<Form> {
    /// The type of the model itself.
    type Model: Module;

    /// The model itself.
    fn bare(&self) -> &Self::Model;
}

/// The form of a model that is itself.
#[derive(Debug, Clone, Copy)]
pub struct Bare;

/// The form of a model in its wrapper.
#[derive(Debug, Clone, Copy)]
pub struct Wrapped;

impl<M: Module + ModuleDisplay> Trained<Bare> for M {
    type Model = M;

    fn bare(&self) -> &M {
        self
    }
}

impl<M: Module> Trained<Wrapped> for Watched<M> {
    type Model = M;

    fn bare(&self) -> &M {
        self.inner()
    }
}
