//! The steps of a run as curves that can be drawn, thinned where there are many.

use std::collections::BTreeMap;

use burnscape_run::Steps;
use burnscape_trace::Step;
use burnscape_trace::columns::{Combine, Quotient, is_of_gradient};

use crate::Error;
use crate::run::Run;
use crate::thin::Thinner;

/// Points kept over all curves, whatever is wanted of each.
const MAX_POINTS: usize = 4_000_000;
/// Points kept of a curve of the whole run at least.
const RUN_POINTS: usize = 2000;

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
    /// With at most `wanted` points per curve; `beside` is given each step as well, since reading them takes longest.
    pub(crate) fn of(
        run: &Run,
        wanted: usize,
        mut beside: impl FnMut(&Step),
    ) -> Result<Self, Error> {
        let steps = &run.history.steps;
        let mut maker = Maker::new(steps, wanted);
        steps.for_each(|step| {
            maker.take(step, steps);
            beside(step);
            Ok::<_, Error>(())
        })?;
        Ok(maker.finish(steps))
    }
}

struct Maker {
    loss: Thinner,
    lr: Thinner,
    /// Per quantity, columns first; and there per block.
    blocks: Vec<Vec<Thinner>>,
    all: Vec<Thinner>,
    rules: Vec<Combine>,
    of_gradient: Vec<bool>,
    /// Those whose columns are recorded, with where these lie.
    quotients: Vec<(Quotient, Vec<usize>)>,
    missing: Vec<bool>,
    /// All blocks together in this step, per column.
    together: Vec<Option<f64>>,
}

impl Maker {
    fn new(steps: &Steps, wanted: usize) -> Self {
        let (columns, width) = (steps.names().len(), steps.widest());
        let place = |quotient: Quotient| {
            let places = quotient.columns().iter().map(|column| steps.column(column.name()));
            Some((quotient, places.collect::<Option<Vec<_>>>()?))
        };
        let quotients: Vec<_> = Quotient::ALL.into_iter().filter_map(place).collect();
        let quantities = columns + quotients.len();
        let curves = (quantities * (width + 1)).max(1);
        let thinner = Thinner::new(wanted.min(MAX_POINTS / curves));
        Self {
            loss: Thinner::new(RUN_POINTS.max(wanted)),
            lr: Thinner::new(RUN_POINTS.max(wanted)),
            blocks: vec![vec![thinner.clone(); width]; quantities],
            all: vec![thinner; quantities],
            rules: steps.names().iter().map(|name| Combine::of(name)).collect(),
            of_gradient: steps.names().iter().map(|name| is_of_gradient(name)).collect(),
            quotients,
            missing: vec![false; width],
            together: vec![None; columns],
        }
    }

    fn take(&mut self, step: &Step, steps: &Steps) {
        let x = step.step as f64;
        self.lr.push(x, step.lr);
        if let Some(loss) = step.loss {
            self.loss.push(x, loss);
        }
        self.mark_missing(step);
        self.together.fill(None);
        for (column, values) in steps.columns_of(step) {
            self.take_column(x, column, values);
        }
        for number in 0..self.quotients.len() {
            self.take_quotient(x, number, step);
        }
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
        self.together[column] = self.rules[column].fold(counted.map(|(_, value)| value));
        if let Some(value) = self.together[column] {
            self.all[column].push(x, value);
        }
    }

    fn take_quotient(&mut self, x: f64, number: usize, step: &Step) {
        let (quotient, columns) = &self.quotients[number];
        let quantity = self.rules.len() + number;
        let may_miss = quotient.is_of_gradient();
        let mut measured: [&[f32]; 3] = [&[]; 3];
        for (values, column) in measured.iter_mut().zip(quotient.columns()) {
            let Some(found) = step.columns.get(column.name()) else { return };
            *values = found;
        }
        for (block, curve) in self.blocks[quantity].iter_mut().enumerate() {
            if may_miss && self.missing[block] {
                continue;
            }
            let mut values = measured.iter();
            let value = quotient.of(|_| values.next()?.get(block).copied().map(f64::from));
            value.into_iter().for_each(|value| curve.push(x, value));
        }
        let mut columns = columns.iter();
        let value = quotient.of(|_| columns.next().and_then(|&column| self.together[column]));
        value.into_iter().for_each(|value| self.all[quantity].push(x, value));
    }

    fn finish(self, steps: &Steps) -> Curves {
        let names = steps.names().iter().cloned();
        let names =
            names.chain(self.quotients.iter().map(|(quotient, _)| quotient.name().to_owned()));
        let names: Vec<String> = names.collect();
        let blocks = names.iter().cloned().zip(self.blocks.iter().map(|it| finished(it)));
        let all = names.iter().cloned().zip(self.all.iter().map(Thinner::finish));
        Curves {
            loss: self.loss.finish(),
            lr: self.lr.finish(),
            blocks: blocks.collect(),
            all: all.filter(|(_, curve)| !curve.is_empty()).collect(),
        }
    }
}

fn finished(thinners: &[Thinner]) -> Vec<Curve> {
    thinners.iter().map(Thinner::finish).collect()
}
