//! Whether a model is the recorded one: by the identifiers of its parameters, and, where these do not tell, by a few of
//! its weights. It costs nothing while the same model is stepped again and again.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use crate::Error;
use crate::measure::flat;
use crate::model::map::{self, ModelMap, Slot};
use crate::model::tensors::{NamedTensor, to_host};

/// Entries that are compared, spread evenly over all parameters.
const ENTRIES: usize = 8;

/// Snapshots whose weights are remembered.
const REMEMBERED: usize = 1024;

/// A few entries of the weights, always at the same places; bits, so that NaN is equal to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sample(Vec<u64>);

/// What was found of a model that is stepped or validated.
pub(crate) enum Identity {
    /// It is the recorded one.
    Recorded,
    /// It has its structure and is another.
    Second,
    /// It has another structure.
    Other(Error),
}

/// What is known of the recorded model.
#[derive(Default)]
pub(crate) struct Recorded {
    /// Identifiers of its floats, in visiting order.
    ids: Vec<ParamId>,
    /// Its weights when they were seen last, and the steps until then.
    seen: Option<(u64, Sample)>,
    initial: Option<Sample>,
    /// Its weights at later snapshots: a checkpoint may be loaded into parameters with new identifiers.
    snapshots: Vec<Sample>,
    /// Updates give its parameters new identifiers, so that it is looked at after each.
    is_restless: bool,
    /// The first identifier of each model that was refused.
    others: Vec<ParamId>,
    /// Its parameters train again from their initial weights.
    began_anew: bool,
}

impl Recorded {
    /// What this model is, after so many steps of the recorded one.
    pub fn identify<M: Module>(&mut self, model: &M, map: &ModelMap, steps: u64) -> Identity {
        if map::has_ids(model, &self.ids) {
            return self.identify_same_ids(model, map, steps);
        }
        if let Err(error) = map.check_model(model) {
            return Identity::Other(error);
        }
        let ids = map::ids(model);
        if ids.first().is_some_and(|id| self.others.contains(id)) {
            return Identity::Second;
        }
        if self.ids.is_empty() || steps == 0 || self.goes_on(model, map, steps) {
            self.ids = ids;
            return Identity::Recorded;
        }
        self.others.extend(ids.first());
        Identity::Second
    }

    /// What a model is that is validated: whether it is trained, and goes on, only its next step tells.
    pub fn identify_validated<M: Module>(
        &mut self,
        model: &M,
        map: &ModelMap,
        steps: u64,
    ) -> Identity {
        match self.began_anew {
            true => Identity::Second,
            false => self.identify(model, map, steps),
        }
    }

    /// Parameters with other identifiers hold weights that the recorded ones had.
    fn goes_on<M: Module>(&self, model: &M, map: &ModelMap, steps: u64) -> bool {
        let now = Sample::of_model(model, map);
        let is_as_seen = self.seen.as_ref().is_some_and(|(at, seen)| *at == steps && *seen == now);
        is_as_seen || self.snapshots.contains(&now)
    }

    /// A model that is cloned before training, for a second fold, has the identifiers of the first. It can be told apart
    /// where weights were just seen: at the beginning of an epoch and behind a snapshot.
    fn identify_same_ids<M: Module>(&mut self, model: &M, map: &ModelMap, steps: u64) -> Identity {
        let Some((at, seen)) = &self.seen else { return Identity::Recorded };
        if !self.began_anew && (*at != steps || steps == 0) {
            return Identity::Recorded;
        }
        let now = Sample::of_model(model, map);
        let is_initial = self.initial.as_ref() == Some(&now);
        // From the same beginning on the same data, it comes by the snapshots of the first again.
        self.began_anew = now != *seen && (self.began_anew || is_initial);
        if self.began_anew { Identity::Second } else { Identity::Recorded }
    }

    /// Whether its weights are to be looked at after an update, of the first step or where identifiers change.
    pub fn is_looked_at(&self, steps: u64) -> bool {
        steps == 1 || self.is_restless
    }

    /// Looks at the model that an update gave.
    pub fn look<M: Module>(&mut self, model: &M, map: &ModelMap, steps: u64) {
        self.is_restless = !map::has_ids(model, &self.ids);
        if self.is_restless {
            self.ids = map::ids(model);
        }
        self.seen = Some((steps, Sample::of_model(model, map)));
    }

    /// Its weights were read as those of a snapshot, or may be.
    pub fn saw(&mut self, tensors: &[NamedTensor], map: &ModelMap, steps: u64) {
        let sample = Sample::of_tensors(tensors, map);
        if steps == 0 {
            self.initial.get_or_insert(sample);
            return;
        }
        if self.snapshots.len() < REMEMBERED {
            self.snapshots.push(sample.clone());
        }
        self.seen = Some((steps, sample));
    }

    /// Whether this is a model that was refused.
    pub fn is_second<M: Module>(&self, model: &M, map: &ModelMap) -> bool {
        let first = map::ids(model).first().copied();
        let is_other = first.is_some_and(|id| self.others.contains(&id));
        is_other || (self.began_anew && !self.has_weights_of(model, map))
    }

    fn has_weights_of<M: Module>(&self, model: &M, map: &ModelMap) -> bool {
        let now = Sample::of_model(model, map);
        self.snapshots.contains(&now) || self.seen.as_ref().is_some_and(|(_, seen)| *seen == now)
    }
}

/// The places that are compared: block and offset in it.
fn places(map: &ModelMap) -> impl Iterator<Item = (usize, usize)> + '_ {
    let last = map.layout.len().saturating_sub(1);
    let count = ENTRIES.min(map.layout.len());
    let places = (0..count).map(move |number| number * last / (count - 1).max(1));
    places.filter_map(|place| {
        let blocks = map.layout.blocks();
        let block = blocks.iter().position(|block| block.range().contains(&place))?;
        Some((block, place - blocks[block].offset))
    })
}

impl Sample {
    fn of_model<M: Module>(model: &M, map: &ModelMap) -> Self {
        let (slots, wanted) = (map.slots.iter(), places(map).collect());
        let mut sampler = Sampler { slots, wanted, entries: Vec::new() };
        model.visit(&mut sampler);
        Self(sampler.entries)
    }

    fn of_tensors(tensors: &[NamedTensor], map: &ModelMap) -> Self {
        let entry = |(block, offset): (usize, usize)| {
            let path = &map.layout.blocks()[block].path;
            let tensor = tensors.iter().find(|tensor| tensor.path == *path)?;
            Some(entry_of(&tensor.data, offset))
        };
        Self(places(map).filter_map(entry).collect())
    }
}

/// One entry, without the others.
fn entry_of(data: &TensorData, offset: usize) -> u64 {
    let width = data.dtype().size();
    let bytes = data.as_bytes().get(offset * width..(offset + 1) * width).unwrap_or_default();
    let entry = TensorData::from_bytes_vec(bytes.to_vec(), [bytes.len() / width], data.dtype());
    entry.iter::<f64>().next().map_or(0, f64::to_bits)
}

struct Sampler<'a> {
    slots: std::slice::Iter<'a, Slot>,
    wanted: Vec<(usize, usize)>,
    entries: Vec<u64>,
}

impl ModuleVisitor for Sampler<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(Slot::Block(block)) = self.slots.next() else { return };
        let offsets = self.wanted.iter().filter(|(wanted, _)| wanted == block);
        for (_, offset) in offsets {
            let entry = flat(param.base()).narrow(0, *offset, 1);
            let entry = to_host(entry).map_or(0, |data| entry_of(&data, 0));
            self.entries.push(entry);
        }
    }
}
