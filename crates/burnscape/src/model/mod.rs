//! What a burn model is made of, and its tensors in memory and in files.

pub(crate) mod encoded;
pub(crate) mod fingerprint;
pub(crate) mod frozen;
pub(crate) mod loss;
pub(crate) mod map;
pub(crate) mod point;
pub(crate) mod snapshot;
pub(crate) mod tensors;
pub(crate) mod vector_file;
pub(crate) mod with_loss;
