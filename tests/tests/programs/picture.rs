//! What a run holds of its two planes, read from the trace, and whether that is right.

use std::collections::BTreeMap;
use std::path::Path;

use burnscape::trace::{Nodes, Plan, Record, Slice, read_run};

use super::check::{Expected, Size};

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

#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub measured: usize,
    pub interpolated: usize,
    pub unmeasured: usize,
}

/// The planes of a run, and everything else that it holds.
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
                    assert_eq!(epoch.valid_loss.is_some(), expected.is_validated, "{epoch:?}");
                    *found.entry("epochs").or_insert(0) += 1;
                }
                Record::Metric(metric) if metric.name == "Loss" => {
                    assert!(metric.value.is_finite(), "{metric:?}");
                    *found.entry("losses of burn's").or_insert(0) += 1;
                }
                Record::Alert(alert) => panic!("a false alert: {alert:?}"),
                Record::Dropped(dropped) => panic!("{dropped:?}"),
                Record::Note(note) => assert_eq!(note.level, "info", "{note:?}"),
                Record::Check(check) => assert!(check.passed, "{check:?}"),
                _ => {}
            }
        }
        let mut wanted = BTreeMap::from([("steps", steps), ("epochs", epochs)]);
        if expected.is_validated {
            wanted.insert("losses of burn's", 2 * epochs);
        }
        assert_eq!(found, wanted);
        for plane in &self.planes {
            assert_eq!(plane.slice.unit, expected.unit);
        }
        match self.records.last() {
            Some(Record::End(end)) => assert_eq!(end.reason, "finished"),
            other => panic!("the trace ends with {other:?}"),
        }
    }

    /// Nodes of both planes by what is known of them.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for told in self.planes.iter().flat_map(|plane| &plane.nodes) {
            match told {
                None => counts.unmeasured += 1,
                Some(told) if told.interpolated => counts.interpolated += 1,
                Some(_) => counts.measured += 1,
            }
        }
        counts
    }

    /// The last line tells how many nodes were measured, if not all were, and that some were not.
    pub fn assert_says_what_is_measured(&self) {
        let Counts { measured, interpolated, unmeasured } = self.counts();
        let nodes = measured + interpolated + unmeasured;
        let said = self.outlook().unwrap_or_default();
        let of_all = format!("Measured {measured} of {nodes} nodes");
        assert!(said.starts_with(&of_all) || measured == nodes, "{of_all:?} is not in {said:?}");
        assert_eq!(said.contains("interpolated within"), interpolated > 0, "{said}");
        let open = format!("{unmeasured} not measured");
        assert_eq!(said.contains(&open), unmeasured > 0, "{open:?}, {said:?}");
    }

    /// What was measured is what the exact grid has, and what was interpolated is as close as the last line says. On
    /// other batches it is another surface.
    pub fn assert_as(&self, exact: &Self) {
        let names = |it: &Self| -> Vec<String> {
            it.planes.iter().map(|plane| plane.slice.name.clone()).collect()
        };
        assert_eq!(names(self), ["pca", "random"]);
        assert_eq!(names(exact), names(self));
        let within = self.stated_share().unwrap_or(0.0);
        for (plane, exact) in self.planes.iter().zip(&exact.planes) {
            if plane.slice.batches == exact.slice.batches {
                plane.assert_as(exact, within);
            }
        }
    }

    /// How long it took after the last step, and what came of it.
    pub fn in_words(&self) -> String {
        let elapsed = |record: &Record| match record {
            Record::Step(step) => Some(step.elapsed_secs),
            Record::Epoch(epoch) => Some(epoch.elapsed_secs),
            _ => None,
        };
        let trained = self.records.iter().filter_map(elapsed).fold(0.0, f64::max);
        let Some(Record::End(end)) = self.records.last() else { return String::new() };
        let budget = self.plan.as_ref().and_then(|plan| plan.budget_secs).unwrap_or(f64::NAN);
        let said = self.outlook().unwrap_or("every node was measured");
        let took = end.elapsed_secs - trained;
        let is_alert = |record: &&Record| matches!(record, Record::Alert(_));
        let alerts = self.records.iter().filter(is_alert).count();
        let steps = end.steps;
        format!(
            "{steps} steps in {trained:.1} s, {alerts} alerts, picture in {took:.1} s of {budget:.1} s: {said}"
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

impl Counts {
    pub fn is_exact(self) -> bool {
        self.interpolated + self.unmeasured == 0
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

    fn assert_as(&self, exact: &Self, within: f64) {
        assert_eq!((&self.slice.x, &self.slice.y), (&exact.slice.x, &exact.slice.y));
        assert_eq!(self.slice.samples, exact.slice.samples);
        assert_eq!(self.slice.centre_loss, exact.slice.centre_loss);
        let all: Vec<f64> =
            exact.nodes.iter().map(|told| told.expect("an exact grid").loss).collect();
        let lowest = all.iter().copied().fold(f64::INFINITY, f64::min);
        let range = all.iter().copied().fold(f64::NEG_INFINITY, f64::max) - lowest;
        assert!(range > 0.0 && range.is_finite(), "{range}");
        let name = &self.slice.name;
        for (node, (told, exact)) in self.nodes.iter().zip(&exact.nodes).enumerate() {
            let exact = exact.expect("an exact grid");
            let Some(told) = told else { continue };
            if !told.interpolated {
                assert_eq!(told.loss.to_bits(), exact.loss.to_bits(), "{name}: node {node}");
            }
            let off = (told.loss - exact.loss).abs() / range;
            assert!(off <= within, "{name}: {told:?} at node {node} is off by {off} of the range");
        }
    }
}
