//! One slice: its grid, what was measured at the nodes, and the path through it.

use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::surface::{NodeState, NodeValue, Surface};
use burnscape_trace::{LayerNodes, Nodes, Trajectory};

/// Values that a slice may claim, over all layers: more is a damaged record, not a surface.
const MAX_VALUES: u64 = 16_000_000;
const MAX_LAYERS: usize = 1000;

/// A slice with its nodes and trajectory.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) record: burnscape_trace::Slice,
    pub(crate) surface: Surface,
    /// In the order of the record's layers.
    pub(crate) layers: Vec<LayerValues>,
    pub(crate) trajectory: Option<Trajectory>,
    misplaced: usize,
}

/// A further quantity at every node; NaN where it was not measured.
#[derive(Debug, Clone)]
pub(crate) struct LayerValues {
    pub(crate) value: Vec<f64>,
    pub(crate) stderr: Vec<f64>,
}

impl LayerValues {
    fn unmeasured(nodes: usize) -> Self {
        Self { value: vec![f64::NAN; nodes], stderr: vec![f64::NAN; nodes] }
    }

    fn set(&mut self, node: usize, tile: &LayerNodes, entry: usize) {
        self.value[node] = entry_or_nan(&tile.value, entry);
        self.stderr[node] = entry_or_nan(&tile.stderr, entry);
    }
}

impl Slice {
    /// A slice of which nothing is measured yet, or a sentence that says why its axes are no grid.
    pub(crate) fn new(record: burnscape_trace::Slice) -> Result<Self, String> {
        check_size(&record)?;
        let surface = Surface::new(grid(&record)?);
        let layers = vec![LayerValues::unmeasured(surface.grid().len()); record.layers.len()];
        Ok(Self { record, surface, layers, trajectory: None, misplaced: 0 })
    }

    /// Whether `record` describes this slice. Compared as text, in which NaN equals NaN.
    pub(crate) fn has_record(&self, record: &burnscape_trace::Slice) -> bool {
        format!("{:?}", self.record) == format!("{record:?}")
    }

    /// Recorded nodes without a place in the grid, or without a loss.
    pub(crate) fn misplaced(&self) -> usize {
        self.misplaced
    }

    /// `[ny, nx]`, or `[nx]` for a line.
    pub(crate) fn shape(&self) -> Vec<usize> {
        let grid = self.surface.grid();
        grid.y().into_iter().chain([grid.x()]).map(Axis::count).collect()
    }

    /// Losses of the nodes that have one, measured or interpolated.
    pub(crate) fn known_losses(&self) -> impl Iterator<Item = f64> {
        (0..self.surface.grid().len()).filter_map(|node| self.surface.loss(node))
    }

    pub(crate) fn apply_nodes(&mut self, tile: &Nodes) {
        for (entry, &node) in tile.index.iter().enumerate() {
            let node = node as usize;
            match tile.loss.get(entry) {
                Some(&loss) if node < self.surface.grid().len() => {
                    self.apply_node(node, loss, tile, entry);
                }
                _ => self.misplaced += 1,
            }
        }
    }

    fn apply_node(&mut self, node: usize, loss: f64, tile: &Nodes, entry: usize) {
        match (tile.interpolated, self.surface.states()[node]) {
            (true, NodeState::Measured) => return,
            (true, _) => self.surface.set_interpolated(node, loss),
            (false, _) => {
                let stderr = entry_or_nan(&tile.stderr, entry);
                self.surface.set(node, NodeValue { mean: loss, stderr });
            }
        }
        for (layer, tile) in self.layers.iter_mut().zip(&tile.layers) {
            layer.set(node, tile, entry);
        }
    }

    /// Takes a trajectory; a later one replaces it. One that is not whole is refused with a sentence.
    pub(crate) fn apply_trajectory(&mut self, mut path: Trajectory) -> Result<(), String> {
        let snapshots = path.x.len();
        if path.loss.is_empty() {
            path.loss = vec![f64::NAN; snapshots].into();
        }
        let on_a_line = self.record.y.is_none();
        if (on_a_line || path.y.len() == snapshots) && path.loss.len() == snapshots {
            self.trajectory = Some(path);
            return Ok(());
        }
        Err(format!(
            "the trajectory of slice {}: its lists have {snapshots}, {} and {} entries",
            self.record.slice,
            path.y.len(),
            path.loss.len()
        ))
    }
}

fn entry_or_nan(values: &[f64], entry: usize) -> f64 {
    values.get(entry).copied().unwrap_or(f64::NAN)
}

fn check_size(record: &burnscape_trace::Slice) -> Result<(), String> {
    let layers = record.layers.len();
    if layers > MAX_LAYERS {
        return Err(format!("it claims {layers} layers, more than {MAX_LAYERS}"));
    }
    let nodes = record.x.count.saturating_mul(record.y.as_ref().map_or(1, |y| y.count));
    let values = nodes.saturating_mul(1 + layers as u64);
    if values > MAX_VALUES {
        return Err(format!("it claims {values} values, more than {MAX_VALUES}"));
    }
    Ok(())
}

fn grid(record: &burnscape_trace::Slice) -> Result<Grid, String> {
    let x = axis(&record.x)?;
    match &record.y {
        Some(y) => Ok(Grid::plane(x, axis(y)?)),
        None => Ok(Grid::line(x)),
    }
}

fn axis(recorded: &burnscape_trace::Axis) -> Result<Axis, String> {
    let count = usize::try_from(recorded.count).map_err(|error| error.to_string())?;
    Axis::new(recorded.first, count, recorded.spacing)
        .map_err(|error| format!("axis {:?}: {error}", recorded.label))
}

/// What is known about a node, in a word.
pub(crate) fn state_name(state: NodeState) -> &'static str {
    match state {
        NodeState::Unmeasured => "unmeasured",
        NodeState::Measured => "measured",
        NodeState::Interpolated => "interpolated",
    }
}
