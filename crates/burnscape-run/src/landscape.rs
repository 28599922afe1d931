//! One slice of the loss landscape: where it lies, what was measured, and the path through it.

use std::sync::{Arc, OnceLock};

use burnscape_landscape::agreement::Measures;
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::plane::PlaneGram;
use burnscape_landscape::surface::{NodeValue, Surface};
use burnscape_landscape::topology::{Doubts, MergeTree};
use burnscape_landscape::words;
use burnscape_trace::{Check, Nodes, Slice, Trajectory};

use super::checks::take_check;
use super::distinct::layer_names;

/// Nodes that a slice may claim: more than 2000 × 2000 is a damaged record, not a surface.
pub const MAX_NODES: u64 = 4_000_000;

/// Values that a slice may claim in all its layers together: further layers are left out.
const MAX_VALUES: u64 = 4 * MAX_NODES;

/// Layers that are kept of a slice: further ones are left out.
const MAX_LAYERS: u64 = 1000;

/// A slice with its nodes and trajectory.
#[derive(Debug, Clone)]
pub struct Landscape {
    slice: Slice,
    layer_names: Vec<String>,
    /// The loss, then the further layers in the order of the slice.
    surfaces: Result<Vec<Surface>, String>,
    trajectory: Option<Trajectory>,
    checks: Vec<Check>,
    misplaced: usize,
    /// What was told while there was no room for the surfaces.
    waiting: Vec<Nodes>,
    is_waiting: bool,
    /// Of the loss as it is known.
    basins: OnceLock<Arc<MergeTree>>,
}

/// What can be drawn of a slice: the loss, or one of its further layers.
#[derive(Debug, Clone)]
pub struct Quantity<'a> {
    /// 0 for the loss, else the layer counted from 1.
    pub number: usize,
    /// How many there are, the loss included.
    pub count: usize,
    /// What it is, as recorded.
    pub name: String,
    /// How many samples, or what [`unit`](Self::unit) says, every value is averaged over.
    pub samples: u64,
    /// What is counted: `samples`, `tokens`, `positions` or `batches`.
    pub unit: String,
    /// The values at the nodes.
    pub surface: &'a Surface,
}

impl Quantity<'_> {
    /// Lowest and highest finite value; `None` where none is.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        Some((self.surface.lowest()?.loss, self.surface.highest()?.loss))
    }
}

impl Landscape {
    /// A slice of which nothing is measured yet.
    #[must_use]
    pub fn new(slice: Slice) -> Self {
        let mut landscape = Self::waiting(slice);
        landscape.make_room();
        landscape
    }

    /// A slice for whose surfaces there is no room before more is told.
    pub(crate) fn waiting(slice: Slice) -> Self {
        let claimed = claimed_values(&slice);
        let surfaces =
            Err(format!("it claims {claimed} values, too many for the few that were told yet"));
        Self {
            layer_names: layer_names(&slice),
            slice,
            surfaces,
            trajectory: None,
            checks: Vec::new(),
            misplaced: 0,
            waiting: Vec::new(),
            is_waiting: true,
            basins: OnceLock::new(),
        }
    }

    /// There is room now: enters what was told until here.
    pub(crate) fn make_room(&mut self) {
        self.surfaces = grid(&self.slice).map(|grid| {
            let kept = kept_layers(&self.slice, grid.len() as u64);
            vec![Surface::new(grid); kept as usize]
        });
        self.is_waiting = false;
        for nodes in std::mem::take(&mut self.waiting) {
            self.apply_nodes(&nodes);
        }
    }

    /// Values that its surfaces take room for; 0 where there is no usable grid.
    pub(crate) fn claimed_values(&self) -> u64 {
        claimed_values(&self.slice)
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// The provenance.
    #[must_use]
    pub fn slice(&self) -> &Slice {
        &self.slice
    }

    /// Nodes that the slice claims; of those of an absurd claim there is no [surface](Self::surface).
    #[must_use]
    pub fn claimed_nodes(&self) -> u64 {
        claimed_nodes(&self.slice)
    }

    /// The measured losses.
    ///
    /// # Errors
    ///
    /// A sentence that says why the recorded axes are no grid.
    pub fn surface(&self) -> Result<&Surface, &str> {
        self.quantity(0).map(|quantity| quantity.surface)
    }

    /// The loss (0), or a further layer counted from 1; the loss where there is no such layer.
    ///
    /// # Errors
    ///
    /// A sentence that says why the recorded axes are no grid.
    pub fn quantity(&self, number: usize) -> Result<Quantity<'_>, &str> {
        let surfaces = self.surfaces.as_ref().map_err(String::as_str)?;
        let number = if number < surfaces.len() { number } else { 0 };
        let index = number.checked_sub(1);
        let layer = index.and_then(|index| self.slice.layers.get(index));
        let name = index.and_then(|index| self.layer_names.get(index));
        Ok(Quantity {
            number,
            count: surfaces.len(),
            name: name.map_or("loss", String::as_str).to_owned(),
            samples: layer.map_or(self.slice.samples, |layer| layer.samples),
            unit: words::unit(layer.map_or(&self.slice.unit, |layer| &layer.unit)).to_owned(),
            surface: &surfaces[number],
        })
    }

    /// The quantity with a name, such as `valid loss`, where the slice has it.
    #[must_use]
    pub fn quantity_named(&self, name: &str) -> Option<Quantity<'_>> {
        let count = self.surfaces.as_ref().map_or(0, Vec::len);
        let mut quantities = (0..count).filter_map(|number| self.quantity(number).ok());
        quantities.find(|quantity| quantity.name == name)
    }

    /// The basins of the loss; `None` while nodes are missing, whose neighbours would look like minima. They are found once,
    /// when they are first asked for.
    #[must_use]
    pub fn basins(&self) -> Option<&MergeTree> {
        let surface = self.surface().ok().filter(|surface| surface.is_complete())?;
        Some(self.basins.get_or_init(|| Arc::new(basins(&self.slice, surface))))
    }

    /// Convexity, doubling radius and curvatures of the loss.
    ///
    /// # Errors
    ///
    /// As [`surface`](Self::surface).
    pub fn measures(&self) -> Result<Measures, &str> {
        Ok(self.measures_of(&self.quantity(0)?))
    }

    /// The same of one of its quantities.
    #[must_use]
    pub fn measures_of(&self, quantity: &Quantity<'_>) -> Measures {
        let (x, y) = (&self.slice.x, self.slice.y.as_ref());
        let cosine = self.slice.cosine.unwrap_or(0.0);
        let second = y.map_or(0.0, |y| y.direction_norm);
        let gram = PlaneGram::of_lengths(x.direction_norm, second, cosine);
        Measures::of(quantity.surface, &gram)
    }

    /// Recorded layers that are too many to be kept.
    #[must_use]
    pub fn layers_left_out(&self) -> usize {
        let kept = self.surfaces.as_ref().map_or(1, Vec::len);
        (self.slice.layers.len() + 1).saturating_sub(kept)
    }

    /// The snapshots in the plane's coordinates.
    #[must_use]
    pub fn trajectory(&self) -> Option<&Trajectory> {
        self.trajectory.as_ref()
    }

    /// Self-checks of this slice.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Recorded nodes that lie outside the grid or have no loss, and are not drawn.
    #[must_use]
    pub fn misplaced(&self) -> usize {
        self.misplaced
    }

    /// Its provenance, its surfaces (the loss, then the layers that are kept) or why there are none, and its trajectory.
    pub fn into_parts(self) -> (Slice, Result<Vec<Surface>, String>, Option<Trajectory>) {
        (self.slice, self.surfaces, self.trajectory)
    }

    /// Takes nodes: measured ones replace whatever was known, interpolated ones no measurement.
    pub fn apply_nodes(&mut self, nodes: &Nodes) {
        if self.is_waiting {
            self.waiting.push(nodes.clone());
        }
        let Ok(surfaces) = &mut self.surfaces else {
            return;
        };
        self.basins = OnceLock::new();
        let layers = nodes.layers.iter().map(|layer| (&layer.value, &layer.stderr));
        let values = std::iter::once((&nodes.loss, &nodes.stderr)).chain(layers);
        for (surface, (values, stderrs)) in surfaces.iter_mut().zip(values) {
            enter(surface, nodes, values, stderrs);
        }
        let nodes_in_grid = surfaces[0].grid().len();
        let given = nodes.index.iter().take(nodes.loss.len());
        let placed = given.filter(|&&node| (node as usize) < nodes_in_grid).count();
        self.misplaced += nodes.index.len() - placed;
    }

    /// Takes the trajectory; a later one replaces it.
    pub fn apply_trajectory(&mut self, trajectory: &Trajectory) {
        self.trajectory = Some(trajectory.clone());
    }

    /// Takes a self-check; a later one of the same name replaces it.
    pub fn apply_check(&mut self, check: &Check) {
        take_check(&mut self.checks, check);
    }
}

/// The basins of a loss over a slice: the one rule for what of it counts. Interpolated losses are known to the tolerance of
/// the slice, which is a share of the range of losses; standard errors are taken as those of independent means, which is
/// too large for nodes that share their samples, so that nothing counts that is noise.
#[must_use]
pub fn basins(slice: &Slice, loss: &Surface) -> MergeTree {
    let tolerance = slice.tolerance.zip(loss.range());
    let interpolation_tolerance = tolerance.map(|(share, range)| share * range);
    MergeTree::of(loss, Doubts { interpolation_tolerance, ..Doubts::default() })
}

/// Enters the values of one layer; lists of unlike lengths end with the shortest, missing standard
/// errors are unknown.
fn enter(surface: &mut Surface, nodes: &Nodes, values: &[f64], stderrs: &[f64]) {
    let stderrs = stderrs.iter().copied().chain(std::iter::repeat(f64::NAN));
    for ((&node, &mean), stderr) in nodes.index.iter().zip(values).zip(stderrs) {
        let node = node as usize;
        if node >= surface.grid().len() {
            continue;
        }
        if !nodes.interpolated {
            surface.set(node, NodeValue { mean, stderr });
        } else if !surface.is_measured(node) {
            surface.set_interpolated(node, mean);
        }
    }
}

fn claimed_nodes(slice: &Slice) -> u64 {
    slice.x.count.saturating_mul(slice.y.as_ref().map_or(1, |y| y.count))
}

/// The loss, and as many further layers as are kept of so many nodes.
fn kept_layers(slice: &Slice, nodes: u64) -> u64 {
    let layers = MAX_LAYERS.min(slice.layers.len() as u64);
    (MAX_VALUES / nodes.max(1)).min(1 + layers)
}

fn claimed_values(slice: &Slice) -> u64 {
    match claimed_nodes(slice) {
        nodes if nodes <= MAX_NODES => nodes * kept_layers(slice, nodes),
        _ => 0,
    }
}

fn grid(slice: &Slice) -> Result<Grid, String> {
    let nodes = claimed_nodes(slice);
    if nodes > MAX_NODES {
        return Err(format!("the slice claims {nodes} nodes, more than {MAX_NODES}"));
    }
    let x = axis(&slice.x)?;
    match &slice.y {
        Some(y) => Ok(Grid::plane(x, axis(y)?)),
        None => Ok(Grid::line(x)),
    }
}

fn axis(recorded: &burnscape_trace::Axis) -> Result<Axis, String> {
    let count = usize::try_from(recorded.count).map_err(|error| error.to_string())?;
    Axis::new(recorded.first, count, recorded.spacing)
        .map_err(|error| format!("axis {:?}: {error}", recorded.label))
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;
    use burnscape_trace::{Layer, LayerNodes};

    use super::*;

    fn slice(count: u64) -> Slice {
        let axis = record!(burnscape_trace::Axis { first: -1, count, spacing: 0.5 });
        record!(Slice { x: axis.clone(), y: Some(axis) })
    }

    #[test]
    fn nodes_land_where_their_numbers_say_and_others_are_counted() {
        let mut landscape = Landscape::new(slice(3));
        landscape.apply_nodes(&record!(Nodes {
            slice: 0,
            index: vec![5, 9, 0].into(),
            loss: vec![2.0, 7.0, f64::NAN].into(),
        }));
        let surface = landscape.surface().unwrap();
        assert_eq!(surface.loss(5), Some(2.0));
        assert!(surface.loss(0).is_some_and(f64::is_nan));
        assert_eq!((surface.counts().measured, landscape.misplaced()), (2, 1));
    }

    fn nodes(index: &[u32], losses: &[f64], interpolated: bool) -> Nodes {
        record!(Nodes { index: index.to_vec().into(), loss: losses.to_vec().into(), interpolated })
    }

    #[test]
    fn a_measurement_replaces_an_interpolation_and_never_the_other_way_round() {
        let mut landscape = Landscape::new(slice(3));
        landscape.apply_nodes(&nodes(&[0, 1, 99], &[1.0, 1.5, 7.0], true));
        landscape.apply_nodes(&nodes(&[1, 2], &[2.0, 3.0], false));
        landscape.apply_nodes(&nodes(&[1, 2, 3], &[9.0, 9.0, 4.0], true));
        let surface = landscape.surface().unwrap();
        assert_eq!(surface.losses()[..4], [1.0, 2.0, 3.0, 4.0]);
        let counts = surface.counts();
        assert_eq!((counts.measured, counts.interpolated, counts.unmeasured), (2, 2, 5));
        assert_eq!(landscape.misplaced(), 1);
    }

    #[test]
    fn layers_are_surfaces_of_the_same_grid_and_what_has_no_name_or_no_place_does_no_harm() {
        let layer = |name: &str| record!(Layer { name: name.into(), samples: 7 });
        let mut landscape = Landscape::new(record!(Slice {
            layers: vec![layer("accuracy"), layer(" ")],
            ..slice(3)
        }));
        let values = |values: &[f64]| record!(LayerNodes { value: values.to_vec().into() });
        let layers = vec![values(&[0.5]), values(&[0.25, 0.75, 0.1]), values(&[9.0, 9.0])];
        landscape.apply_nodes(&record!(Nodes { layers, ..nodes(&[0, 1], &[1.0, 2.0], false) }));
        let quantity = |number| landscape.quantity(number).unwrap();
        assert_eq!((quantity(0).name.as_str(), quantity(0).count), ("loss", 3));
        assert_eq!((quantity(1).name.as_str(), quantity(1).samples), ("accuracy", 7));
        assert_eq!((quantity(1).surface.loss(0), quantity(1).surface.loss(1)), (Some(0.5), None));
        assert_eq!(
            (quantity(2).name.as_str(), quantity(2).surface.loss(1)),
            ("layer 2", Some(0.75))
        );
        assert_eq!(quantity(3).number, 0, "there is no such layer");
    }

    #[test]
    fn more_layers_than_there_is_memory_for_are_left_out_and_counted() {
        let mut large = slice(3);
        large.x.count = 2000;
        large.y.as_mut().unwrap().count = 2000;
        large.layers = vec![Layer::default(); 9];
        let landscape = Landscape::new(large);
        assert_eq!((landscape.quantity(0).unwrap().count, landscape.layers_left_out()), (4, 6));
    }

    #[test]
    fn an_absurd_claim_is_a_sentence_not_an_allocation() {
        let landscape = Landscape::new(slice(u64::MAX / 2));
        assert!(landscape.surface().unwrap_err().contains("claims"));
        let landscape = Landscape::new(slice(0));
        assert!(landscape.surface().is_err());
    }
}
