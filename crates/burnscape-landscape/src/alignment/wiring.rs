//! Which units feed which layer, told layer by layer or read off the order of the blocks.

use super::{AxisUse, UnitGroup};
use crate::error::Error;
use crate::layout::{Block, Layout, Role};

/// How the layers of a network are connected, as far as swapping units needs it: by which group of units each layer is fed,
/// and into which it writes. Layers that write into one group are added up, as in a residual network.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::alignment::Wiring;
/// use burnscape_landscape::layout::{Block, Layout};
///
/// let layout = Layout::new(vec![
///     Block::new("stem.weight", "Linear", &[4, 8], None),
///     Block::new("block.fc1.weight", "Linear", &[8, 16], None),
///     Block::new("block.fc2.weight", "Linear", &[16, 8], None),
///     Block::new("head.weight", "Linear", &[8, 3], None),
/// ])?;
/// // x = stem(input); x = x + fc2(relu(fc1(x))); head(x)
/// let groups = Wiring::new(&layout)
///     .layer("stem", "", "stream")
///     .layer("block.fc1", "stream", "hidden")
///     .layer("block.fc2", "hidden", "stream")
///     .layer("head", "stream", "")
///     .groups()?;
/// assert_eq!(groups.iter().map(|it| it.size).collect::<Vec<_>>(), [8, 16]);
/// # Ok::<(), burnscape_landscape::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Wiring<'a> {
    layout: &'a Layout,
    layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
struct Layer {
    path: String,
    from: String,
    to: String,
}

impl<'a> Wiring<'a> {
    /// Of a network of which no layer is known yet.
    #[must_use]
    pub fn new(layout: &'a Layout) -> Self {
        Self { layout, layers: Vec::new() }
    }

    /// The layer whose parameters lie at `path.…` is fed by the units `from` and writes into the units `to`; an empty name
    /// stands for the inputs and outputs of the network, which stay where they are. A normalisation layer does both to the
    /// same units.
    #[must_use]
    pub fn layer(mut self, path: &str, from: &str, to: &str) -> Self {
        let [path, from, to] = [path, from, to].map(str::to_owned);
        self.layers.push(Layer { path, from, to });
        self
    }

    /// Every layer feeds the next one of the layout: right for perceptrons and for convolutional networks without
    /// branches whose fields stand in the order in which `forward` calls them.
    #[must_use]
    pub fn chain(layout: &'a Layout) -> Self {
        let mut wiring = Self::new(layout);
        let paths = layers_of(layout);
        let last = paths.iter().rposition(|(_, has_weight)| *has_weight);
        let mut from = String::new();
        for (place, (path, has_weight)) in paths.iter().enumerate() {
            let to = match (has_weight, Some(place) == last) {
                (true, true) => String::new(),
                (true, false) => path.clone(),
                (false, _) => from.clone(),
            };
            wiring = wiring.layer(path, &from, &to);
            from = to;
        }
        wiring
    }

    /// The groups of units, in the order in which they are first written into.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLayer`] if the layout has no block at the path of a layer, or one of which is not known along which
    /// axes its units lie; [`Error::UnitsDoNotFit`] if layers that share units do not have the same number of them.
    pub fn groups(&self) -> Result<Vec<UnitGroup>, Error> {
        let mut groups = Vec::new();
        for layer in &self.layers {
            for block in self.blocks_of(layer)? {
                let axes = Axes::of(block);
                let axes = axes.ok_or_else(|| Error::UnknownLayer { path: block.path.clone() })?;
                add(&mut groups, &layer.to, block, axes.output, true)?;
                if let Some(input) = axes.input {
                    add(&mut groups, &layer.from, block, input, false)?;
                }
            }
        }
        groups.retain(|group: &UnitGroup| group.size > 1);
        Ok(groups)
    }

    fn blocks_of(&self, layer: &Layer) -> Result<Vec<&'a Block>, Error> {
        let blocks = self.layout.blocks().iter();
        let blocks: Vec<&Block> = blocks.filter(|it| parent(&it.path) == layer.path).collect();
        match blocks.is_empty() {
            true => Err(Error::UnknownLayer { path: layer.path.clone() }),
            false => Ok(blocks),
        }
    }
}

/// Along which axes of a block its inputs and outputs lie.
struct Axes {
    output: usize,
    input: Option<usize>,
}

impl Axes {
    fn of(block: &Block) -> Option<Self> {
        let (output, input) = match (block.container.as_str(), block.shape.len()) {
            (_, 1) => (0, None),
            ("Linear", 2) | ("ConvTranspose1d", 3) | ("ConvTranspose2d", 4) => (1, Some(0)),
            ("ConvTranspose3d", 5) => (1, Some(0)),
            ("Conv1d", 3) | ("Conv2d", 4) | ("Conv3d", 5) => (0, Some(1)),
            ("Embedding", 2) => (1, None),
            _ => return None,
        };
        Some(Self { output, input })
    }
}

fn add(
    groups: &mut Vec<UnitGroup>,
    name: &str,
    block: &Block,
    axis: usize,
    is_output: bool,
) -> Result<(), Error> {
    if name.is_empty() {
        return Ok(());
    }
    let len = block.shape[axis];
    let known = groups.iter().position(|group| group.name == name);
    let place = known.unwrap_or_else(|| {
        groups.push(UnitGroup { name: name.to_owned(), size: len, uses: Vec::new() });
        groups.len() - 1
    });
    let group = &mut groups[place];
    let inner = if is_output { 1 } else { len / group.size };
    if inner == 0 || inner * group.size != len {
        let (path, shape) = (block.path.clone(), block.shape.clone());
        return Err(Error::UnitsDoNotFit {
            path,
            shape,
            axis,
            group: name.to_owned(),
            units: group.size,
        });
    }
    group.uses.push(AxisUse { path: block.path.clone(), axis, inner });
    Ok(())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// The layers in order, and whether each has a weight of two axes or more.
fn layers_of(layout: &Layout) -> Vec<(String, bool)> {
    let mut layers: Vec<(String, bool)> = Vec::new();
    for block in layout.blocks() {
        let path = parent(&block.path);
        let has_weight = block.role == Role::Weight;
        match layers.last_mut().filter(|(last, _)| last == path) {
            Some((_, known)) => *known |= has_weight,
            None => layers.push((path.to_owned(), has_weight)),
        }
    }
    layers
}
