//! One slice: its grid, what was measured at the nodes, and the path through it.

use burnscape_landscape::grid::Axis;
use burnscape_landscape::surface::{NodeState, Surface};
use burnscape_landscape::topology::MergeTree;
use burnscape_run::Landscape;
use burnscape_trace::Trajectory;

/// A slice with its nodes and trajectory.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) record: burnscape_trace::Slice,
    pub(crate) surface: Surface,
    /// Further quantities at every node, in the order of the record's layers; NaN where one was not measured.
    pub(crate) layers: Vec<Surface>,
    pub(crate) trajectory: Option<Trajectory>,
}

impl Slice {
    /// A slice as it was read, and in sentences what of it is not there; `None` where its axes are no grid.
    pub(crate) fn of(landscape: Landscape) -> (Option<Self>, Vec<String>) {
        let mut lost = Vec::new();
        let (misplaced, left_out) = (landscape.misplaced(), landscape.layers_left_out());
        let (record, surfaces, trajectory) = landscape.into_parts();
        let number = record.slice;
        let mut layers = match surfaces {
            Ok(surfaces) => surfaces.into_iter(),
            Err(reason) => {
                return (None, vec![format!("slice {number} has no usable grid: {reason}")]);
            }
        };
        let Some(surface) = layers.next() else { return (None, lost) };
        if misplaced > 0 {
            lost.push(format!("{misplaced} nodes outside the grid of slice {number}"));
        }
        if left_out > 0 {
            lost.push(format!("{left_out} of the layers of slice {number}: there are too many"));
        }
        let trajectory = trajectory.and_then(|path| match whole(path, record.y.is_none()) {
            Ok(path) => Some(path),
            Err(sentence) => {
                lost.push(sentence);
                None
            }
        });
        (Some(Self { record, surface, layers: layers.collect(), trajectory }), lost)
    }

    /// The basins of the loss; `None` while nodes are missing.
    pub(crate) fn basins(&self) -> Option<MergeTree> {
        self.surface.is_complete().then(|| burnscape_run::basins(&self.record, &self.surface))
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
}

/// A trajectory whose lists are as long as each other, or a sentence.
fn whole(mut path: Trajectory, on_a_line: bool) -> Result<Trajectory, String> {
    let snapshots = path.x.len();
    if path.loss.is_empty() {
        path.loss = vec![f64::NAN; snapshots].into();
    }
    if (on_a_line || path.y.len() == snapshots) && path.loss.len() == snapshots {
        return Ok(path);
    }
    Err(format!(
        "the trajectory of slice {}: its lists have {snapshots}, {} and {} entries",
        path.slice.unwrap_or_default(),
        path.y.len(),
        path.loss.len()
    ))
}

/// What is known about a node, in a word.
pub(crate) fn state_name(state: NodeState) -> &'static str {
    match state {
        NodeState::Unmeasured => "unmeasured",
        NodeState::Measured => "measured",
        NodeState::Interpolated => "interpolated",
    }
}
