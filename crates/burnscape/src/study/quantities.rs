//! What is measured at a point: the loss and further quantities, each on one or more sets of batches.

use burnscape_landscape::budget::evenly;
use burnscape_landscape::surface::NodeValue;

use crate::model::loss::Unit;

/// The model's loss on some batches of the first set.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    pub places: Vec<usize>,
    pub found: Measured,
    /// Seconds that a batch took; `None` where there was no time to find out.
    pub batch_secs: Option<f64>,
}

/// The name of the first quantity.
pub(super) const LOSS: &str = "loss";

/// Some batches of a set, by their places in it, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    /// Number of the set.
    pub set: usize,
    pub places: Vec<usize>,
}

/// A fixed set of batches.
#[derive(Debug, Clone)]
pub(crate) struct BatchSet {
    /// Stands before the names of its layers; the first set has none.
    pub name: Option<String>,
    /// Those that are used.
    pub selected: Selected,
    /// Batches that there are.
    pub available: usize,
    /// What burn's standard outputs count as samples are not its items: they are rows of something else.
    pub counts_rows: bool,
}

impl BatchSet {
    /// A set that is used whole.
    pub fn new(name: Option<String>, set: usize, available: usize) -> Self {
        let selected = Selected { set, places: (0..available).collect() };
        Self { name, selected, available, counts_rows: false }
    }

    /// How many are used.
    pub fn len(&self) -> usize {
        self.selected.places.len()
    }
}

/// Over how many of what a mean is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    pub count: usize,
    pub unit: Unit,
}

impl Size {
    /// The unit of rows that are not samples is not known better.
    pub fn of_rows(self) -> Self {
        match self.unit {
            Unit::Samples => Self { unit: Unit::Positions, ..self },
            _ => self,
        }
    }
}

/// What a point was found to have: every layer, and over how many of what each is a mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub values: Vec<NodeValue>,
    pub sizes: Vec<Size>,
    /// Which samples the batches of the first set hold, as a trace has it, where that was asked for and is known.
    pub fingerprint: Option<String>,
}

/// Name of a layer, and the batches that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerName {
    pub name: String,
    pub batches: usize,
}

/// All that is measured at every node, by name.
#[derive(Debug)]
pub(crate) struct Quantities {
    pub sets: Vec<BatchSet>,
    /// The loss first.
    pub names: Vec<String>,
    /// Where the loss comes from, as a trace names it.
    pub loss_name: &'static str,
}

impl Quantities {
    /// The loss alone, on no batches yet.
    pub fn of_loss(loss_name: &'static str) -> Self {
        Self { sets: Vec::new(), names: vec![LOSS.to_string()], loss_name }
    }

    /// The batches of all sets that are used.
    pub fn selected(&self) -> Vec<Selected> {
        self.sets.iter().map(|set| set.selected.clone()).collect()
    }

    /// Those of the first set.
    pub fn selected_first(&self) -> &[Selected] {
        self.sets.first().map_or(&[], |set| std::slice::from_ref(&set.selected))
    }

    /// Places of the batches that losses are means over, among all of the first set; empty: all.
    pub fn batches_in_use(&self) -> Vec<u32> {
        let set = &self.sets[0];
        match set.len() < set.available {
            true => set.selected.places.iter().map(|&place| place as u32).collect(),
            false => Vec::new(),
        }
    }

    /// Uses these batches from now on, and as large a share of every further set.
    pub fn use_batches(&mut self, places: &[u32]) {
        let [first, further @ ..] = &mut self.sets[..] else { return };
        let available = first.available;
        let wanted = places.iter().map(|&place| place as usize).filter(|place| *place < available);
        let wanted: Vec<usize> = wanted.collect();
        let count = if wanted.is_empty() { available } else { wanted.len() };
        first.selected.places = if wanted.is_empty() { (0..available).collect() } else { wanted };
        for set in further {
            let own = set.available;
            set.selected.places = evenly((own * count).div_ceil(available), own);
        }
    }

    /// The layers in the order of their values.
    pub fn layers(&self) -> Vec<LayerName> {
        let of_set = |set: &BatchSet| {
            let name = |quantity: &String| match &set.name {
                Some(set) => format!("{set} {quantity}"),
                None => quantity.clone(),
            };
            let batches = set.len();
            let layer = |quantity| LayerName { name: name(quantity), batches };
            self.names.iter().map(layer).collect::<Vec<_>>()
        };
        self.sets.iter().flat_map(of_set).collect()
    }

    /// What the sizes of all layers count, where that is known better from their batches than from their loss.
    pub fn named(&self, sizes: Vec<Size>) -> Vec<Size> {
        let of_rows = self.sets.iter().flat_map(|set| vec![set.counts_rows; self.names.len()]);
        let named = sizes.into_iter().zip(of_rows);
        named.map(|(size, of_rows)| if of_rows { size.of_rows() } else { size }).collect()
    }
}
