//! A quantity of the selected block over steps.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::{BlockQuantity, Blocks};
use crate::palette::{ENVELOPE, TRAIN};
use crate::widgets::chart::{Curve, Reading};
use crate::widgets::plot::Plot;
use crate::widgets::text;

/// What of the selected block the reader wants to see over steps.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    pub(super) quantity: BlockQuantity,
    pub(super) reading: Reading,
}

impl Course {
    /// Draws the quantity of a block, and tells where its steps lie; what was not recorded, with what turns it on.
    pub(super) fn draw(
        self,
        blocks: &Blocks,
        block: usize,
        growing: bool,
        area: Rect,
        buffer: &mut Buffer,
    ) -> Option<Plot> {
        let series = blocks.series(self.quantity).of_block(block);
        // The end of a path tells more than its beginning.
        let words = self.quantity.words();
        let room = usize::from(area.width / 2).saturating_sub(text::width(words));
        let path = text::cut_start(&text::printable(blocks.path(block)), room.max(8));
        let title = format!("{words} of {path}");
        let curve = Curve { label: "", series: &series, line: TRAIN, envelope: Some(ENVELOPE) };
        let chart = self.reading.chart(&title, vec![curve], growing);
        chart.absent(how_to_record(self.quantity)).draw(area, buffer)
    }
}

/// What turns a quantity on.
fn how_to_record(quantity: BlockQuantity) -> &'static str {
    match quantity {
        BlockQuantity::GradNorm => "not recorded: turn it on with `probe.grad_norms_every(1)`",
        BlockQuantity::WeightNorm | BlockQuantity::UpdateNorm | BlockQuantity::UpdateRatio => {
            "not recorded: turn it on with `probe.weight_norms_every(20)`"
        }
        BlockQuantity::SignalToNoise | BlockQuantity::UpdateCosine => {
            "not recorded: turn it on with `probe.level(Level::Standard)`"
        }
    }
}
