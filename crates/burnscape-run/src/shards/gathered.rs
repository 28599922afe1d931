//! The parts of one slice put together: what is measured, what is missing, and whether all measured the same.

use burnscape_landscape::share::share;
use burnscape_landscape::surface::{NodeValue, Surface};
use burnscape_landscape::words::number;
use burnscape_trace::Trajectory;

use super::part::Part;
use super::plan::{SharedSlice, UNLIKE_HARDWARE};
use crate::{Landscape, counted};

/// What is known of a slice from several parts.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The loss, then the further layers.
    pub layers: Vec<Surface>,
    /// The path of training, with its losses once a part has them.
    pub trajectory: Option<Trajectory>,
    /// How many parts measured something.
    pub parts: usize,
    /// Nodes that more than one part measured.
    pub compared: usize,
    /// The node at which parts differ most, and by how much.
    pub differs: Option<(usize, f64)>,
    devices: Vec<String>,
    counts: Vec<u32>,
}

/// What of a slice is still to be measured, and by which shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The shard, counted from 1.
    pub index: u32,
    /// Of how many.
    pub count: u32,
    /// Nodes that are missing.
    pub nodes: usize,
    /// The losses on the path of training are missing.
    pub path: bool,
}

impl Gathered {
    /// Nothing of a slice yet; `None` if its axes are no grid.
    #[must_use]
    pub fn of(plan: &SharedSlice) -> Option<Self> {
        let (_, layers, _) = Landscape::new(plan.slice.clone()).into_parts();
        Some(Self {
            layers: layers.ok()?,
            trajectory: plan.trajectory.clone(),
            parts: 0,
            compared: 0,
            differs: None,
            devices: Vec::new(),
            counts: Vec::new(),
        })
    }

    /// Takes in what a part holds of the slice with this number; it was held against the plan before. Of a node that two
    /// parts measured, the first holds.
    pub fn add(&mut self, part: &Part, slice: u32) {
        let Some((shard, landscape)) = part.of(slice) else { return };
        self.add_surfaces(landscape);
        self.parts += 1;
        self.counts.push(shard.count);
        if !self.devices.iter().any(|known| known == part.device()) {
            self.devices.push(part.device().to_owned());
        }
    }

    /// The same from the run itself, or from any trace.
    pub(super) fn add_surfaces(&mut self, landscape: &Landscape) {
        for number in 0..self.layers.len() {
            let Ok(quantity) = landscape.quantity(number) else { return };
            if quantity.number == number {
                self.take_layer(number, quantity.surface);
            }
        }
        let path = landscape.trajectory().filter(|path| has_losses(path));
        if let Some(path) = path.filter(|_| !self.has_path()) {
            self.trajectory = Some(path.clone());
        }
    }

    fn take_layer(&mut self, layer: usize, found: &Surface) {
        let is_measured = |node: &usize| found.is_measured(*node);
        for node in (0..found.losses().len()).filter(is_measured) {
            let (mean, stderr) = (found.losses()[node], found.stderrs()[node]);
            let known = &mut self.layers[layer];
            if !known.is_measured(node) {
                known.set(node, NodeValue { mean, stderr });
            } else {
                let by = difference(known.losses()[node], mean);
                self.compare(layer, node, by);
            }
        }
    }

    /// Only of the loss it is said how far parts differ.
    fn compare(&mut self, layer: usize, node: usize, by: f64) {
        self.compared += usize::from(layer == 0);
        let is_more = by > self.differs.map_or(0.0, |(_, largest)| largest);
        if is_more && layer == 0 {
            self.differs = Some((node, by));
        }
    }

    /// All nodes are measured, and the path of training.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.layers[0].is_complete() && self.has_path()
    }

    fn has_path(&self) -> bool {
        self.trajectory.as_ref().is_none_or(has_losses)
    }

    /// How far parts differ at most, as a share of the range of losses; 0 where they are bit for bit the same.
    #[must_use]
    pub fn disagreement(&self) -> f64 {
        let Some((_, by)) = self.differs else { return 0.0 };
        let range = self.layers[0].range().unwrap_or(0.0);
        if range > 0.0 { by / range } else { f64::INFINITY }
    }

    /// They differ by no more than unlike hardware makes them differ.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.disagreement() <= UNLIKE_HARDWARE
    }

    /// Whether all measured the same, in a sentence.
    #[must_use]
    pub fn agreement_in_words(&self) -> String {
        let parts = counted(self.parts as u64, "shard trace");
        let nodes = counted(self.compared as u64, "value");
        let on = self.devices.join(", ");
        let Some((node, by)) = self.differs else {
            return format!(
                "{parts}, measured on {on}: {nodes} that more than one has are bit for bit the same"
            );
        };
        let (alpha, beta) = self.layers[0].grid().coordinates(node);
        // Without rounding: `percent` of that many digits would be 0.0.
        let (share, most) = (100.0 * self.disagreement(), 100.0 * UNLIKE_HARDWARE);
        let verdict = match self.agrees() {
            true => format!("no more than {most} %, which unlike hardware explains"),
            false => format!("more than the {most} % that unlike hardware explains"),
        };
        format!(
            "{parts}, measured on {on}: of {nodes} that more than one has, that at ({}, {}) differs most, by {}, \
             {} % of the range: {verdict}",
            number(alpha),
            number(beta),
            number(by),
            number(share),
        )
    }

    /// What is missing, by the shards that would measure it, of as many as most parts were of.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let loss = &self.layers[0];
        let count = self.usual_count().max(1);
        let path = |index| index == 1 && !self.has_path();
        let missing = |index: u32| {
            let own = share(loss.grid(), index as usize - 1, count as usize);
            own.iter().filter(|&&node| !loss.is_measured(node)).count()
        };
        let gaps =
            (1..=count).map(|index| Gap { index, count, nodes: missing(index), path: path(index) });
        gaps.filter(|gap| gap.nodes > 0 || gap.path).collect()
    }

    /// That of the most parts; of two the larger one.
    fn usual_count(&self) -> u32 {
        let times = |count: &u32| self.counts.iter().filter(|it| *it == count).count();
        self.counts.iter().copied().max_by_key(|count| (times(count), *count)).unwrap_or(1)
    }
}

fn has_losses(path: &Trajectory) -> bool {
    let count = path.snapshots.len();
    path.loss.len() == count && path.loss_on_plane.len() == count
}

/// By how much values differ: not at all where they have the same bits or both are NaN, without measure where only one is
/// finite.
fn difference(a: f64, b: f64) -> f64 {
    if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let by = (a - b).abs();
    if by.is_finite() { by } else { f64::INFINITY }
}
