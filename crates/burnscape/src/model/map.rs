//! What a model is made of: its float tensors in visiting order, told apart and named by path.

use std::collections::{HashMap, HashSet};

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Device, Tensor, TensorData};
use burnscape_landscape::layout::{self, Block, Layout};
use burnscape_trace::Head;

use super::tensors::{NamedTensor, shape_in_words, to_host, widen_data};
use crate::config::chosen::Chosen;
use crate::config::filters::FilterOverride;
use crate::{Error, Result};

/// What one visited float tensor is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A parameter: number of its block in the layout.
    Block(usize),
    /// A buffer, such as BatchNorm's running mean: its number among the buffers.
    Buffer(usize),
    /// A parameter that was visited before under another path: the block it was then, and its number
    /// among the buffers, where its own values are kept. burn's optimizer moves the first path only,
    /// so the two agree only if the model itself ties them again.
    Alias { block: usize, buffer: usize },
    /// A parameter that was not chosen: nobody reads it, nobody moves it.
    LeftOut,
}

/// A tensor that belongs to the model but is no parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buffer {
    pub path: String,
    pub shape: Vec<usize>,
}

/// The float tensors of a model.
#[derive(Debug, Clone)]
pub(crate) struct ModelMap {
    pub layout: Layout,
    pub buffers: Vec<Buffer>,
    /// One entry per float, in the order in which burn visits them.
    pub slots: Vec<Slot>,
    /// Paths of parameters that are one tensor under two names.
    pub aliases: Vec<(String, String)>,
    pub device: Device,
    /// Tensors live in host memory.
    pub is_on_host: bool,
    /// Measured numbers are read by the writer thread.
    pub defers_reads: bool,
    /// Element type of the first parameter.
    pub dtype: DType,
    /// Element type of every block.
    pub dtypes: Vec<DType>,
    /// The blocks that were chosen.
    pub chosen: Chosen,
}

impl ModelMap {
    /// Visits `model`. Parameters that are still lazy are initialised by this, in visiting order,
    /// as burn's optimizer does right after.
    ///
    /// # Errors
    ///
    /// [`Error::NoParameters`] if it has no float parameter.
    /// [`Error::NothingChosen`] if it has none of those chosen.
    pub fn of<M: Module>(model: &M, overrides: &[FilterOverride], chosen: &Chosen) -> Result<Self> {
        let floats = collect_floats(model);
        let is_buffer = find_buffers(model, &floats);
        let bias_lens = bias_lengths(&floats);
        let mut map = Builder { chosen: chosen.clone(), ..Builder::default() };
        for (float, is_buffer) in floats.iter().zip(is_buffer) {
            map.push(float, is_buffer, &bias_lens, overrides);
        }
        map.finish(&floats)
    }

    /// Makes sure that a model has the tensors of this map, under the same paths.
    ///
    /// # Errors
    ///
    /// [`Error::OtherModel`] naming the first that differs.
    pub fn check_model<M: Module>(&self, model: &M) -> Result<()> {
        let floats = collect_floats(model);
        let floats: Vec<&Float> = floats
            .iter()
            .zip(self.are_known())
            .filter(|(_, known)| *known)
            .map(|it| it.0)
            .collect();
        let found: HashMap<String, &[usize]> =
            floats.iter().map(|float| (float.dotted(), float.shape.as_slice())).collect();
        let recorded: HashMap<&str, &[usize]> = self.expected_tensors().collect();
        let of_model = floats.iter().map(|float| float.dotted());
        let of_run = self.expected_tensors().map(|(path, _)| path.to_string());
        let differs = |path: &String| found.get(path) != recorded.get(path.as_str());
        match of_model.chain(of_run).find(differs) {
            Some(path) => Err(Error::OtherModel {
                found: shape_in_words(found.get(&path).copied()),
                recorded: shape_in_words(recorded.get(path.as_str()).copied()),
                path,
            }),
            None => Ok(()),
        }
    }

    /// Takes over from a recorded run what only training knew: which parameters were frozen.
    ///
    /// # Errors
    ///
    /// [`Error::OtherModel`] naming the first tensor that differs.
    pub fn adopt(&mut self, head: &Head) -> Result<()> {
        let shape = |shape: &[u64]| shape.iter().map(|&len| len as usize).collect::<Vec<_>>();
        let blocks = head.blocks.iter().map(|it| (it.path.as_str(), shape(&it.shape)));
        let buffers = head.buffers.iter().map(|it| (it.path.as_str(), shape(&it.shape)));
        let of_run = blocks.clone().chain(buffers.clone()).map(|(path, _)| path);
        let recorded: HashMap<&str, Vec<usize>> = blocks.chain(buffers).collect();
        let found: HashMap<&str, &[usize]> = self.expected_tensors().collect();
        let differs =
            |path: &&str| found.get(*path).copied() != recorded.get(*path).map(Vec::as_slice);
        let of_model = self.expected_tensors().map(|(path, _)| path);
        if let Some(path) = of_run.chain(of_model).find(differs) {
            return Err(Error::OtherModel {
                found: shape_in_words(found.get(path).copied()),
                recorded: shape_in_words(recorded.get(path).map(Vec::as_slice)),
                path: path.to_string(),
            });
        }
        let was_frozen = |path: &str| head.blocks.iter().any(|it| it.path == path && it.frozen);
        let frozen: Vec<bool> =
            self.layout.blocks().iter().map(|block| was_frozen(&block.path)).collect();
        self.freeze(&frozen);
        Ok(())
    }

    /// Takes over which blocks are frozen.
    pub fn freeze(&mut self, frozen: &[bool]) {
        let mut blocks = self.layout.blocks().to_vec();
        blocks.iter_mut().zip(frozen).for_each(|(block, frozen)| block.frozen = *frozen);
        // Paths and shapes are as they were.
        if let Ok(layout) = Layout::new(blocks) {
            self.layout = layout;
        }
    }

    /// Per float of a model in visiting order, whether it was not left out.
    fn are_known(&self) -> impl Iterator<Item = bool> {
        let known = self.slots.iter().map(|slot| *slot != Slot::LeftOut);
        // A model that has more of them is another one.
        known.chain(std::iter::repeat(true))
    }

    /// The paths of all blocks.
    pub fn paths(&self) -> Vec<&str> {
        self.layout.blocks().iter().map(|block| block.path.as_str()).collect()
    }

    /// The parameters of a model as one vector in layout order.
    pub fn flatten(&self, tensors: &[NamedTensor]) -> Vec<f32> {
        let mut flat = vec![0.0; self.layout.len()];
        for tensor in tensors {
            if let Some(block) = self.layout.block(&tensor.path) {
                widen_data(&tensor.data, &mut flat[block.range()]);
            }
        }
        flat
    }

    /// Paths of blocks and buffers with their shapes, as snapshots hold them.
    pub fn expected_tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let blocks = self.layout.blocks().iter();
        let buffers = self.buffers.iter();
        blocks
            .map(|block| (block.path.as_str(), block.shape.as_slice()))
            .chain(buffers.map(|buffer| (buffer.path.as_str(), buffer.shape.as_slice())))
    }
}

/// Whether a device computes eagerly in host memory. burn's `Device` only tells by its name.
impl ModelMap {
    /// The same model on another device.
    pub fn on(&self, device: &Device) -> Self {
        Self { device: device.clone(), is_on_host: is_host(device), ..self.clone() }
    }
}

fn is_host(device: &Device) -> bool {
    let name = format!("{:?}", device.clone().inner());
    name.contains("Flex") || name.contains("NdArray")
}

/// The device as burn prints it, without the wrapper; one on another machine by its address.
pub(crate) fn device_name(device: &Device) -> String {
    let name = format!("{:?}", device.clone().inner());
    let name =
        name.strip_prefix("Device<").and_then(|rest| rest.strip_suffix('>')).unwrap_or(&name);
    address_in(name).map_or(name.to_string(), |address| format!("Remote {address}"))
}

/// `ws://host:port` of `… Address { scheme: "ws", host: "host", port: Some(port) } …`: all that burn says of it.
fn address_in(name: &str) -> Option<String> {
    let after = |text: &str| name.split_once(text).map(|(_, rest)| rest);
    let scheme = after("scheme: \"")?.split('"').next()?;
    let host = after("host: \"")?.split('"').next()?;
    let port = after("port: Some(").and_then(|rest| rest.split(')').next());
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    Some(format!("{scheme}://{host}{port}"))
}

/// One float as visited.
struct Float {
    path: Vec<String>,
    container: String,
    shape: Vec<usize>,
    id: ParamId,
    require_grad: bool,
    is_autodiff: bool,
    dtype: DType,
    device: Device,
}

impl Float {
    fn dotted(&self) -> String {
        self.path.join(".")
    }

    fn field(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    fn parent(&self) -> String {
        self.path[..self.path.len().saturating_sub(1)].join(".")
    }
}

#[derive(Default)]
struct FloatCollector {
    path: Vec<String>,
    containers: Vec<String>,
    floats: Vec<Float>,
}

impl ModuleVisitor for FloatCollector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(name.to_string());
        let container = container_type.rsplit(':').next().unwrap_or_default();
        self.containers.push(container.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.base();
        self.floats.push(Float {
            path: self.path.clone(),
            container: self.containers.last().cloned().unwrap_or_default(),
            shape: tensor.dims().to_vec(),
            id: param.id,
            require_grad: tensor.is_require_grad(),
            is_autodiff: tensor.is_autodiff(),
            dtype: tensor.dtype(),
            device: tensor.device(),
        });
    }
}

fn collect_floats<M: Module>(model: &M) -> Vec<Float> {
    let mut collector = FloatCollector::default();
    model.visit(&mut collector);
    collector.floats
}

/// Per float, whether it is a buffer. A frozen parameter and a buffer look alike to a visitor; asked to require
/// gradients, only the parameter obeys.
///
/// A clone shares its buffers with the model, and gets them back with the values that they had. A copy with buffers of
/// its own would merge into the model's what burn merges lazily; only where tensors know no gradients, and so nothing
/// waits to be merged, it is asked.
fn find_buffers<M: Module>(model: &M, floats: &[Float]) -> Vec<bool> {
    if floats.iter().all(|float| float.require_grad) {
        return vec![false; floats.len()];
    }
    let copy = match floats.iter().all(|float| float.is_autodiff) {
        true => model.clone(),
        false => model.valid().train(),
    };
    let copy = copy.set_require_grad(true);
    collect_floats(&copy).iter().map(|float| !float.require_grad).collect()
}

/// Lengths of the biases by the path of their module: they tell the groups of a transposed
/// convolution.
fn bias_lengths(floats: &[Float]) -> HashMap<String, usize> {
    floats
        .iter()
        .filter(|float| float.field() == "bias" && float.shape.len() == 1)
        .map(|float| (float.parent(), float.shape[0]))
        .collect()
}

#[derive(Default)]
struct Builder {
    blocks: Vec<Block>,
    buffers: Vec<Buffer>,
    slots: Vec<Slot>,
    aliases: Vec<(String, String)>,
    blocks_by_id: HashMap<ParamId, usize>,
    left_out: HashSet<ParamId>,
    chosen: Chosen,
    dtypes: Vec<DType>,
}

impl Builder {
    fn push(
        &mut self,
        float: &Float,
        is_buffer: bool,
        bias_lens: &HashMap<String, usize>,
        overrides: &[FilterOverride],
    ) {
        let slot = if is_buffer {
            self.add_buffer(float)
        } else if let Some(&block) = self.blocks_by_id.get(&float.id) {
            self.add_alias(block, float)
        } else if !self.chosen.holds(&float.dotted()) || self.left_out.contains(&float.id) {
            self.left_out.insert(float.id);
            Slot::LeftOut
        } else {
            self.add_block(float, bias_lens, overrides)
        };
        self.slots.push(slot);
    }

    fn add_alias(&mut self, block: usize, float: &Float) -> Slot {
        self.aliases.push((self.blocks[block].path.clone(), float.dotted()));
        self.add_buffer(float);
        Slot::Alias { block, buffer: self.buffers.len() - 1 }
    }

    fn add_buffer(&mut self, float: &Float) -> Slot {
        self.buffers.push(Buffer { path: float.dotted(), shape: float.shape.clone() });
        Slot::Buffer(self.buffers.len() - 1)
    }

    fn add_block(
        &mut self,
        float: &Float,
        bias_lens: &HashMap<String, usize>,
        overrides: &[FilterOverride],
    ) -> Slot {
        self.blocks_by_id.insert(float.id, self.blocks.len());
        self.dtypes.push(float.dtype);
        let bias_len = bias_lens.get(&float.parent()).copied();
        self.blocks.push(block(float, bias_len, overrides));
        Slot::Block(self.blocks.len() - 1)
    }

    fn nothing_chosen(&self, floats: &[Float]) -> Error {
        let left_out = floats.iter().zip(&self.slots).find(|(_, slot)| **slot == Slot::LeftOut);
        match left_out {
            Some((float, _)) => {
                Error::NothingChosen { patterns: self.chosen.0.clone(), example: float.dotted() }
            }
            None => Error::NoParameters,
        }
    }

    fn finish(self, floats: &[Float]) -> Result<ModelMap> {
        let first = floats.iter().zip(&self.slots);
        let first = first.clone().find(|(_, slot)| matches!(slot, Slot::Block(_)));
        let (first, _) = first.ok_or_else(|| self.nothing_chosen(floats))?;
        Ok(ModelMap {
            layout: Layout::new(self.blocks)?,
            buffers: self.buffers,
            slots: self.slots,
            aliases: self.aliases,
            device: first.device.clone(),
            is_on_host: is_host(&first.device),
            defers_reads: !is_host(&first.device),
            dtype: first.dtype,
            dtypes: self.dtypes,
            chosen: self.chosen,
        })
    }
}

fn block(float: &Float, bias_len: Option<usize>, overrides: &[FilterOverride]) -> Block {
    let path = float.dotted();
    let (role, filters, guessed) =
        layout::classify(&float.container, float.field(), &float.shape, bias_len);
    let fixed = overrides.iter().find(|fixed| fixed.path == path);
    let filters = fixed.map_or(filters, |fixed| fixed.filters);
    Block {
        path,
        shape: float.shape.clone(),
        role,
        container: float.container.clone(),
        filters,
        filter_guessed: guessed && fixed.is_none(),
        frozen: !float.require_grad,
        offset: 0,
    }
}

/// Which blocks are frozen now.
pub(crate) fn frozen<M: Module>(model: &M, map: &ModelMap) -> Vec<bool> {
    let mut collector =
        FrozenCollector { slots: map.slots.iter(), frozen: vec![false; map.layout.blocks().len()] };
    model.visit(&mut collector);
    collector.frozen
}

struct FrozenCollector<'a> {
    slots: std::slice::Iter<'a, Slot>,
    frozen: Vec<bool>,
}

impl ModuleVisitor for FrozenCollector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(Slot::Block(block)) = self.slots.next() {
            self.frozen[*block] = !param.base().is_require_grad();
        }
    }
}

/// Identifiers of all floats, in visiting order.
pub(crate) fn ids<M: Module>(model: &M) -> Vec<ParamId> {
    let mut collector = IdCollector(Vec::new());
    model.visit(&mut collector);
    collector.0
}

struct IdCollector(Vec<ParamId>);

impl ModuleVisitor for IdCollector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.id);
    }
}

/// Whether the floats of a model are just these, in this order; allocates nothing.
pub(crate) fn has_ids<M: Module>(model: &M, ids: &[ParamId]) -> bool {
    let mut checker = IdChecker { expected: ids.iter(), matches: true };
    model.visit(&mut checker);
    checker.matches && checker.expected.next().is_none()
}

struct IdChecker<'a> {
    expected: std::slice::Iter<'a, ParamId>,
    matches: bool,
}

impl ModuleVisitor for IdChecker<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.matches &= self.expected.next() == Some(&param.id);
    }
}

/// All parameters and buffers of a model, read to the host.
///
/// # Errors
///
/// [`Error::Device`] if a tensor cannot be read.
pub(crate) fn read_tensors<M: Module>(model: &M, map: &ModelMap) -> Result<Vec<NamedTensor>> {
    read_tensors_if(model, map, |_| true)
}

/// Of these only the ones that are wanted.
///
/// # Errors
///
/// As [`read_tensors`].
pub(crate) fn read_tensors_if<M: Module>(
    model: &M,
    map: &ModelMap,
    is_wanted: impl Fn(Slot) -> bool,
) -> Result<Vec<NamedTensor>> {
    let tensors = Vec::with_capacity(map.slots.len());
    let mut reader = TensorReader { map, is_wanted, next: 0, tensors, error: None };
    model.visit(&mut reader);
    match reader.error {
        Some(reason) => Err(Error::Device { reason }),
        None => Ok(reader.tensors),
    }
}

/// A checksum of every parameter and buffer, of which one at a time is read.
///
/// # Errors
///
/// As [`read_tensors`].
pub(crate) fn checksums<M: Module>(model: &M, map: &ModelMap) -> Result<Vec<u32>> {
    let mut summer = Summer { left: map.slots.len(), sums: Vec::new(), error: None };
    model.visit(&mut summer);
    match summer.error {
        Some(reason) => Err(Error::Device { reason }),
        None => Ok(summer.sums),
    }
}

struct Summer {
    left: usize,
    sums: Vec<u32>,
    error: Option<String>,
}

impl ModuleVisitor for Summer {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        match to_host(param.base()) {
            Ok(data) => self.sums.push(crc32fast::hash(data.as_bytes())),
            Err(reason) => self.error = Some(reason),
        }
    }
}

struct TensorReader<'a, F> {
    map: &'a ModelMap,
    is_wanted: F,
    next: usize,
    tensors: Vec<NamedTensor>,
    error: Option<String>,
}

impl<F: Fn(Slot) -> bool> ModuleVisitor for TensorReader<'_, F> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let slot = self.map.slots.get(self.next).copied().filter(|slot| (self.is_wanted)(*slot));
        self.next += 1;
        let path = match slot {
            Some(Slot::Block(block)) => &self.map.layout.blocks()[block].path,
            Some(Slot::Buffer(buffer) | Slot::Alias { buffer, .. }) => {
                &self.map.buffers[buffer].path
            }
            Some(Slot::LeftOut) | None => return,
        };
        match to_host(param.base()) {
            Ok(data) => self.tensors.push(NamedTensor { path: path.clone(), data }),
            Err(reason) => self.error = Some(format!("{path}: {reason}")),
        }
    }
}

/// The buffers of a model that is already initialised, as `(visiting index, value)`, without
/// touching anything lazy.
pub(crate) fn read_untracked<M: Module>(model: &M) -> Vec<(usize, TensorData)> {
    let mut reader = UntrackedReader::default();
    model.visit(&mut reader);
    reader.values
}

#[derive(Default)]
struct UntrackedReader {
    next: usize,
    values: Vec<(usize, TensorData)>,
}

impl ModuleVisitor for UntrackedReader {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let index = self.next;
        self.next += 1;
        if !param.is_initialized() {
            return;
        }
        let tensor = param.base();
        if tensor.is_require_grad() {
            return;
        }
        if let Ok(data) = to_host(tensor) {
            self.values.push((index, data));
        }
    }
}

/// Per buffer, whether it is the second name of a parameter and has its values.
pub(crate) fn tied_aliases(map: &ModelMap, tensors: &[NamedTensor]) -> Vec<bool> {
    let bytes = |path: &str| {
        let tensor = tensors.iter().find(|tensor| tensor.path == path);
        tensor.map(|tensor| tensor.data.as_bytes())
    };
    let first_name = |alias: &str| map.aliases.iter().find(|(_, it)| it == alias);
    let is_tied =
        |alias: &str| first_name(alias).is_some_and(|(first, _)| bytes(first) == bytes(alias));
    map.buffers.iter().map(|buffer| is_tied(&buffer.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As burn-remote 0.22.1 prints a device.
    #[test]
    fn a_remote_device_is_called_by_its_address() {
        let remote = r#"Remote(RemoteDevice { endpoint: WebSocket { address: Address { scheme: "ws", host: "10.0.0.7", port: Some(3003) }, .. }, device_index: 0, id: 1 })"#;
        assert_eq!(address_in(remote).as_deref(), Some("ws://10.0.0.7:3003"));
        let remote = r#"Address { scheme: "wss", host: "gpu.example", port: None }"#;
        assert_eq!(address_in(remote).as_deref(), Some("wss://gpu.example"));
        assert!(device_name(&Device::flex()).starts_with("Flex"));
    }
}
