//! The steps of a run as curves that can be drawn, thinned where there are many.

use std::collections::BTreeMap;

use burnscape_run::Steps;
use burnscape_trace::Step;
use burnscape_trace::columns::{
    Combine, GRAD_POWER, GRAD_SIGNAL, PREVIOUS_UPDATE_NORM, UPDATE_DOT, UPDATE_NORM, WEIGHT_NORM,
    is_of_gradient,
};

use crate::Error;
use crate::run::Run;
use crate::thin::Thinner;

/// Points kept over all curves, whatever is wanted of each.
const MAX_POINTS: usize = 4_000_000;
/// Points kept of a curve of the whole run at least.
const RUN_POINTS: usize = 2000;

/// ‖u‖ / ‖θ‖.
pub(crate) const UPDATE_RATIO: &str = "update_ratio";
/// ‖E g‖² / (E‖g‖² − ‖E g‖²), as [`burnscape_trace::Step::signal_to_noise`] has it.
pub(crate) const SIGNAL_TO_NOISE: &str = "signal_to_noise";
/// Cosine of the angle between an update and the one before.
pub(crate) const UPDATE_COSINE: &str = "update_cosine";

/// A quantity that is formed of columns, block by block and of all together; `None` where it is not defined.
struct Derived {
    name: &'static str,
    columns: &'static [&'static str],
    of: fn(&[f64]) -> Option<f64>,
}

const DERIVED: [Derived; 3] = [
    Derived { name: UPDATE_RATIO, columns: &[UPDATE_NORM, WEIGHT_NORM], of: ratio },
    Derived { name: SIGNAL_TO_NOISE, columns: &[GRAD_SIGNAL, GRAD_POWER], of: signal_to_noise },
    Derived {
        name: UPDATE_COSINE,
        columns: &[UPDATE_DOT, UPDATE_NORM, PREVIOUS_UPDATE_NORM],
        of: cosine,
    },
];

fn ratio(of: &[f64]) -> Option<f64> {
    (of[1] != 0.0).then_some(of[0] / of[1])
}

fn signal_to_noise(of: &[f64]) -> Option<f64> {
    let noise = of[1] - of[0];
    ((of[0], noise) != (0.0, 0.0)).then_some(of[0] / noise.max(0.0))
}

fn cosine(of: &[f64]) -> Option<f64> {
    let lengths = of[1] * of[2];
    (lengths != 0.0).then_some(of[0] / lengths)
}

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
    /// Per quantity, columns first; and there per block.
    blocks: Vec<Vec<Thinner>>,
    all: Vec<Thinner>,
    rules: Vec<Combine>,
    of_gradient: Vec<bool>,
    /// Where the columns of each quantity that is formed of some lie.
    derived: Vec<(&'static Derived, Vec<usize>)>,
    missing: Vec<bool>,
    /// All blocks together in this step, per column.
    together: Vec<Option<f64>>,
}

impl Maker {
    fn new(steps: &Steps, wanted: usize) -> Self {
        let (columns, width) = (steps.names().len(), steps.widest());
        let place = |derived: &'static Derived| {
            let places = derived.columns.iter().map(|name| steps.column(name));
            Some((derived, places.collect::<Option<Vec<_>>>()?))
        };
        let derived: Vec<_> = DERIVED.iter().filter_map(place).collect();
        let quantities = columns + derived.len();
        let curves = (quantities * (width + 1)).max(1);
        let thinner = Thinner::new(wanted.min(MAX_POINTS / curves));
        Self {
            loss: Thinner::new(RUN_POINTS.max(wanted)),
            lr: Thinner::new(RUN_POINTS.max(wanted)),
            blocks: vec![vec![thinner.clone(); width]; quantities],
            all: vec![thinner; quantities],
            rules: steps.names().iter().map(|name| Combine::of(name)).collect(),
            of_gradient: steps.names().iter().map(|name| is_of_gradient(name)).collect(),
            derived,
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
        for (name, values) in &step.columns {
            if let Some(column) = steps.column(name) {
                self.take_column(x, column, values);
            }
        }
        for number in 0..self.derived.len() {
            self.take_derived(x, number, step);
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

    fn take_derived(&mut self, x: f64, number: usize, step: &Step) {
        let (derived, columns) = &self.derived[number];
        let quantity = self.rules.len() + number;
        let measured = derived.columns.iter().map(|name| step.columns.get(*name));
        let Some(measured) = measured.collect::<Option<Vec<_>>>() else { return };
        let of_gradient = columns.iter().any(|&column| self.of_gradient[column]);
        let mut parts = Vec::with_capacity(measured.len());
        for (block, curve) in self.blocks[quantity].iter_mut().enumerate() {
            if of_gradient && self.missing[block] {
                continue;
            }
            parts.clear();
            parts.extend(
                measured.iter().map_while(|values| values.get(block).copied()).map(f64::from),
            );
            let is_whole = parts.len() == measured.len();
            if let Some(value) = is_whole.then(|| (derived.of)(&parts)).flatten() {
                curve.push(x, value);
            }
        }
        let together: Option<Vec<f64>> =
            columns.iter().map(|&column| self.together[column]).collect();
        if let Some(value) = together.and_then(|parts| (derived.of)(&parts)) {
            self.all[quantity].push(x, value);
        }
    }

    fn finish(self, steps: &Steps) -> Curves {
        let names = steps.names().iter().cloned();
        let names = names.chain(self.derived.iter().map(|(derived, _)| derived.name.to_owned()));
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
