//! One quantity of one slice as it is to be drawn: its values, and the range of its scale.

use std::ops::RangeInclusive;

use burnscape_landscape::surface::{NodeState, Surface};
use burnscape_landscape::topology::MergeTree;

use crate::model::{Landscape, Quantity, Run};
use crate::widgets::colours::Colours;
use crate::widgets::scale::{ColourScale, Scale, ScaleChoice};
use crate::widgets::text;

/// What is drawn.
pub(super) struct Picture<'a> {
    pub(super) landscape: &'a Landscape,
    pub(super) quantity: Quantity<'a>,
    /// The range that the scale shares with the other slices of a study.
    pub(super) common: Option<(f64, f64)>,
    pub(super) choice: ScaleChoice,
}

impl<'a> Picture<'a> {
    /// The loss of a slice (0) or a further layer; a sentence where the slice cannot be drawn.
    pub(super) fn new(
        run: &Run,
        landscape: &'a Landscape,
        number: usize,
        choice: ScaleChoice,
    ) -> Result<Self, &'a str> {
        let quantity = landscape.quantity(number)?;
        // Ranks are those of one picture alone.
        let is_ranked = choice == ScaleChoice::Rank && !quantity.surface.grid().is_line();
        let common = run.landscapes().common_range_of(landscape.slice(), &quantity);
        let common = common.filter(|_| !is_ranked);
        Ok(Self { landscape, quantity, common, choice })
    }

    pub(super) fn surface(&self) -> &'a Surface {
        self.quantity.surface
    }

    /// What is drawn, in a word from the run.
    pub(super) fn name(&self) -> String {
        text::printable(&self.quantity.name)
    }

    /// The colours of the values; `None` while there is nothing to colour.
    pub(super) fn colours(&self) -> Option<Colours> {
        let own = self.settled(Colours::fit(self.values(), self.choice)?);
        let common = self.common.map(|range| ColourScale::over(range, self.values(), self.choice));
        Some(common.map_or(own, Colours::Values))
    }

    /// The colours of the values at some nodes: what is in sight.
    pub(super) fn colours_within(
        &self,
        columns: RangeInclusive<usize>,
        rows: RangeInclusive<usize>,
    ) -> Option<Colours> {
        let surface = self.surface();
        let nodes = rows
            .flat_map(|row| columns.clone().map(move |column| surface.grid().node(column, row)));
        let values = nodes.filter_map(|node| surface.loss(node));
        Colours::fit(values, self.choice).or_else(|| self.colours())
    }

    /// While values still come, a scale with round ends: not every new lowest or highest value moves all colours.
    fn settled(&self, own: Colours) -> Colours {
        match own {
            Colours::Values(colours) if self.is_filling() => {
                let ends = colours.scale.rounded();
                let range = (ends.low, ends.high);
                Colours::Values(ColourScale::over(range, self.values(), self.choice))
            }
            other => other,
        }
    }

    fn is_filling(&self) -> bool {
        self.surface().states().contains(&NodeState::Unmeasured)
    }

    /// The heights of the values: those of the colours, but ranks are no heights.
    pub(super) fn heights(&self, colours: &Colours) -> Scale {
        match colours {
            Colours::Values(colours) => colours.scale,
            Colours::Ranks(_) => {
                let (low, high) = self.range().unwrap_or((0.0, 1.0));
                Scale::new(low, high, ScaleChoice::Auto)
            }
        }
    }

    /// Lowest and highest of the finite values, or those of the whole study.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let finite = || self.values().filter(|value| value.is_finite());
        let own = finite().reduce(f64::min).zip(finite().reduce(f64::max));
        self.common.or(own)
    }

    /// The basins of the loss, where there are several to be told apart.
    pub(super) fn basins(&self) -> Option<&'a MergeTree> {
        let tree = self.landscape.basins().filter(|_| self.quantity.number == 0);
        tree.filter(|tree| tree.minima() > 1)
    }

    pub(super) fn is_interpolated(&self, node: usize) -> bool {
        self.surface().states()[node] == NodeState::Interpolated
    }

    /// Values at the nodes of which anything is known.
    fn values(&self) -> impl Iterator<Item = f64> + Clone {
        let nodes = self.surface().states().iter().zip(self.surface().losses());
        nodes.filter(|(state, _)| **state != NodeState::Unmeasured).map(|(_, &value)| value)
    }
}
