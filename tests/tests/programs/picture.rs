//! What a run holds of its two planes, read from the trace, and whether that is right.

use std::collections::BTreeMap;
use std::path::Path;

use burnscape::trace::{Nodes, Plan, Record, Slice, read_run};

use super::check::{Expected, Size};

/// Measured losses are the same up to this share of the range: kernels may add in another order on other threads.
const SAME: f64 = 1e-6;

/// A loss at a node, and whether it was interpolated.
#[derive(Debug, Clone, Copy)]
struct Told {
    loss: f64,
    interpolated: bool,
}

/// One of the planes.
struct Plane {
    slice: Slice,
    /// What was told of every node.
    nodes: Vec<Option<Told>>,
}

pub struct Picture {
    records: Vec<Record>,
    planes: Vec<Plane>,
    pub plan: Option<Plan>,
}

impl Picture {
    /// That of a run that is whole.
    pub fn of(run: &Path) -> Self {
        let trace = read_run(run).expect("a readable run");
        assert!(trace.lost.is_empty() && trace.torn.is_none(), "{:?}", trace.lost);
        let records = trace.records;
        let slices = records.iter().filter_map(|record| match record {
            Record::Slice(slice) if slice.study.is_none() => Some(slice.clone()),
            _ => None,
        });
        let planes = slices.map(|slice| Plane::of(slice, &records)).collect();
        let plan = records.iter().rev().find_map(|record| match record {
            Record::Plan(plan) => Some(plan.clone()),
            _ => None,
        });
        Self { records, planes, plan }
    }

    /// Every step and epoch with its loss, and nothing went wrong.
    pub fn assert_recorded(&self, expected: &Expected, size: &Size) {
        let (steps, epochs) = ((expected.steps)(size), (expected.epochs)(size));
        let mut found = BTreeMap::new();
        for record in &self.records {
            match record {
                Record::Step(step) => {
                    assert!(step.loss.is_some_and(f64::is_finite), "{step:?}");
                    *found.entry("steps").or_insert(0) += 1;
                }
                Record::Epoch(epoch) => {
                    assert!(epoch.train_loss.is_some_and(f64::is_finite), "{epoch:?}");
                    *found.entry("epochs").or_insert(0) += 1;
                }
                Record::Alert(alert) => panic!("a false alert: {alert:?}"),
                Record::Dropped(dropped) => panic!("{dropped:?}"),
                Record::Note(note) => assert_eq!(note.level, "info", "{note:?}"),
                Record::Check(check) => assert!(check.passed, "{check:?}"),
                _ => {}
            }
        }
        assert_eq!(found, BTreeMap::from([("steps", steps), ("epochs", epochs)]));
        for plane in &self.planes {
            assert_eq!(plane.slice.unit, expected.unit);
        }
        match self.records.last() {
            Some(Record::End(end)) => assert_eq!(end.reason, "finished"),
            other => panic!("the trace ends with {other:?}"),
        }
    }

    /// What was measured is what the exact grid has, and what was interpolated as close as it is said. Gives how much
    /// was measured, in words.
    pub fn assert_as_exact(&self, exact: &Self) -> String {
        let names = |it: &Self| -> Vec<String> {
            it.planes.iter().map(|plane| plane.slice.name.clone()).collect()
        };
        assert_eq!(names(self), ["pca", "random"]);
        assert_eq!(names(exact), names(self));
        let within = self.stated_share();
        let (mut counts, mut worst) = ([0; 3], 0.0_f64);
        for (plane, exact) in self.planes.iter().zip(&exact.planes) {
            worst = worst.max(plane.assert_as_exact(exact, within, &mut counts));
        }
        let [measured, interpolated, unmeasured] = counts;
        let all = measured + interpolated + unmeasured;
        assert_eq!(all, 2 * 49 * 49);
        let said = format!("Measured {} of {} nodes", grouped(measured), grouped(all));
        let outlook = self.outlook();
        let is_said = outlook
            .is_some_and(|text| text.contains(&said) || text.contains(&said.replace(',', "")));
        assert!(is_said || measured == all, "{said:?} is not in {outlook:?}");
        let plan = self.plan.as_ref().map_or(String::new(), |plan| plan.text.clone());
        format!(
            " {measured} measured, {interpolated} interpolated within {within:?} ({worst:.4}), {unmeasured} open: {plan}"
        )
    }

    /// The last line of `finish`.
    fn outlook(&self) -> Option<&str> {
        self.records.iter().find_map(|record| match record {
            Record::Note(note) if note.text.starts_with("Measured ") => Some(note.text.as_str()),
            _ => None,
        })
    }

    /// The share of the range of losses that interpolation is said to be within.
    fn stated_share(&self) -> Option<f64> {
        let (_, after) = self.outlook()?.split_once("interpolated within ")?;
        let (percent, _) = after.split_once('%')?;
        Some(percent.trim().parse::<f64>().expect("a number") / 100.0)
    }
}

fn grouped(count: usize) -> String {
    match count {
        0..1000 => count.to_string(),
        _ => format!("{},{:03}", count / 1000, count % 1000),
    }
}

impl Plane {
    fn of(slice: Slice, records: &[Record]) -> Self {
        let rows = slice.y.as_ref().map_or(1, |y| y.count);
        let mut nodes = vec![None; (slice.x.count * rows) as usize];
        for record in records {
            let Record::Nodes(Nodes { slice: of, index, loss, interpolated, .. }) = record else {
                continue;
            };
            for (node, &loss) in index.iter().zip(loss.iter()).filter(|_| *of == slice.slice) {
                nodes[*node as usize] = Some(Told { loss, interpolated: *interpolated });
            }
        }
        Self { slice, nodes }
    }

    /// The largest difference of interpolated nodes, as a share of the range.
    fn assert_as_exact(&self, exact: &Self, within: Option<f64>, counts: &mut [usize; 3]) -> f64 {
        assert_eq!((&self.slice.x, &self.slice.y), (&exact.slice.x, &exact.slice.y));
        assert_eq!(self.slice.samples, exact.slice.samples);
        assert_eq!(self.slice.centre_loss, exact.slice.centre_loss);
        let all: Vec<f64> =
            exact.nodes.iter().map(|told| told.expect("an exact grid").loss).collect();
        let lowest = all.iter().copied().fold(f64::INFINITY, f64::min);
        let range = all.iter().copied().fold(f64::NEG_INFINITY, f64::max) - lowest;
        assert!(range > 0.0 && range.is_finite(), "{range}");
        let (mut worst, name) = (0.0_f64, &self.slice.name);
        for (node, (told, exact)) in self.nodes.iter().zip(&exact.nodes).enumerate() {
            let exact = exact.expect("an exact grid");
            assert!(!exact.interpolated);
            let Some(told) = told else {
                counts[2] += 1;
                continue;
            };
            let off = (told.loss - exact.loss).abs() / range;
            counts[usize::from(told.interpolated)] += 1;
            match told.interpolated {
                false => assert!(off <= SAME, "{name}: node {node} is off by {off} of the range"),
                true => worst = worst.max(off),
            }
        }
        let within = within.unwrap_or(0.0);
        assert!(worst <= within, "{name}: off by {worst} where {within} is said");
        worst
    }
}
