//! What a training gives: every parameter and every buffer of its models, as bytes.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Int, Tensor};

#[derive(Default)]
struct Bytes(Vec<u8>);

impl ModuleVisitor for Bytes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend(param.val().into_data().as_bytes());
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.0.extend(param.val().into_data().as_bytes());
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.0.extend(param.val().into_data().as_bytes());
    }
}

/// Parameters and buffers, as they stand.
pub fn bytes<M: Module>(model: &M) -> Vec<u8> {
    let mut bytes = Bytes::default();
    model.visit(&mut bytes);
    bytes.0
}
