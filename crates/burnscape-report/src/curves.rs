//! The steps of a run as curves that can be drawn, thinned where there are many.

use std::collections::BTreeMap;

use burnscape_run::Steps;
use burnscape_trace::Step;
use burnscape_trace::columns::{Combine, Quotient, UPDATE_NORM, WEIGHT_NORM, is_of_gradient};

use crate::Error;
use crate::run::Run;
use crate::thin::Thinner;

/// Points kept over all curves, whatever is wanted of each.
const MAX_POINTS: usize = 4_000_000;

/// ‖u‖ / ‖θ‖, formed of two columns.
pub(crate) const UPDATE_RATIO: &str = Quotient::UpdateRatio.name();

/// Points (step, value) in order.
pub(crate) type Curve = Vec<(f64, f64)>;

/// Curves over steps. Where nothing was measured, they are empty.
#[derive(Debug, Default)]
pub(crate) struct Curves {
    pub(crate) loss: Curve,
    pub(crate) lr: Curve,
    /// By quantity; one per parameter block.
    pub(crate) blocks: BTreeMap<String, Vec<Curve>>,
    /// By quantity: all blocks together, where that means something.
    pub(crate) all: BTreeMap<String, Curve>,
}

impl Curves {
    /// With at most `wanted` points per curve.
    pub(crate) fn of(run: &Run, wanted: usize) -> Result<Self, Error> {
        let steps = &run.history.steps;
        let mut maker = Maker::new(steps, wanted);
        steps.for_each(|step| {
            maker.take(step, steps);
            Ok::<_, Error>(())
        })?;
        Ok(maker.finish(steps))
    }
}

struct Maker {
    loss: Thinner,
    lr: Thinner,
    /// Per column and block; the last are quotients.
    blocks: Vec<Vec<Thinner>>,
    all: Vec<Thinner>,
    rules: Vec<Combine>,
    of_gradient: Vec<bool>,
    missing: Vec<bool>,
}

impl Maker {
    fn new(steps: &Steps, wanted: usize) -> Self {
        let (columns, width) = (steps.names().len(), steps.widest());
        let curves = (columns + 1) * (width + 1);
        let thinner = Thinner::new(wanted.min(MAX_POINTS / curves.max(1)));
        Self {
            loss: Thinner::new(wanted),
            lr: Thinner::new(wanted),
            blocks: vec![vec![thinner.clone(); width]; columns + 1],
            all: vec![thinner; columns],
            rules: steps.names().iter().map(|name| Combine::of(name)).collect(),
            of_gradient: steps.names().iter().map(|name| is_of_gradient(name)).collect(),
            missing: vec![false; width],
        }
    }

    fn take(&mut self, step: &Step, steps: &Steps) {
        let x = step.step as f64;
        self.lr.push(x, step.lr);
        if let Some(loss) = step.loss {
            self.loss.push(x, loss);
        }
        self.mark_missing(step);
        for (name, values) in &step.columns {
            if let Some(column) = steps.column(name) {
                self.take_column(x, column, values);
            }
        }
        self.take_quotient(x, step);
    }

    fn mark_missing(&mut self, step: &Step) {
        self.missing.fill(false);
        for &block in step.missing.iter() {
            if let Some(missing) = self.missing.get_mut(block as usize) {
                *missing = true;
            }
        }
    }

    fn take_column(&mut self, x: f64, column: usize, values: &[f32]) {
        let is_left_out = |block: usize| self.of_gradient[column] && self.missing[block];
        let values = values.iter().map(|&value| f64::from(value)).enumerate();
        let counted = values.filter(|(block, _)| !is_left_out(*block));
        for (block, value) in counted.clone() {
            self.blocks[column][block].push(x, value);
        }
        if let Some(value) = self.rules[column].fold(counted.map(|(_, value)| value)) {
            self.all[column].push(x, value);
        }
    }

    fn take_quotient(&mut self, x: f64, step: &Step) {
        let measured = |name| step.columns.get(name);
        let Some((update, weight)) = measured(UPDATE_NORM).zip(measured(WEIGHT_NORM)) else {
            return;
        };
        let quotients = self.blocks.last_mut().expect("the quotients");
        let pairs = update.iter().zip(weight.iter());
        for (quotient, (update, weight)) in quotients.iter_mut().zip(pairs) {
            let of_block = [f64::from(*update), f64::from(*weight), 1.0];
            if let Some(value) = Quotient::UpdateRatio.formed_of(of_block) {
                quotient.push(x, value);
            }
        }
    }

    fn finish(mut self, steps: &Steps) -> Curves {
        let quotients = finished(&self.blocks.pop().expect("the quotients"));
        let names = steps.names();
        let named = names.iter().cloned().zip(self.blocks.iter().map(|it| finished(it)));
        let mut blocks: BTreeMap<String, Vec<Curve>> = named.collect();
        if steps.column(UPDATE_NORM).and(steps.column(WEIGHT_NORM)).is_some() {
            blocks.insert(UPDATE_RATIO.to_owned(), quotients);
        }
        let all = names.iter().cloned().zip(self.all.iter().map(Thinner::finish));
        Curves {
            loss: self.loss.finish(),
            lr: self.lr.finish(),
            blocks,
            all: all.filter(|(_, curve)| !curve.is_empty()).collect(),
        }
    }
}

fn finished(thinners: &[Thinner]) -> Vec<Curve> {
    thinners.iter().map(Thinner::finish).collect()
}
