//! What records say, by the rules that the README of the format gives and by nothing else.

use std::collections::BTreeMap;

use burnscape_trace::{Activation, Epoch, Metric, Nodes, Record, Resume, Slice, Step, Trajectory};

/// What everybody has to tell.
#[derive(Debug, Default)]
pub struct Expected {
    pub blocks: Vec<String>,
    pub started_unix_secs: f64,
    pub resumes: Vec<Resume>,
    pub steps: Vec<Step>,
    pub epochs: Vec<Epoch>,
    pub metrics: Vec<Metric>,
    pub activations: Vec<Activation>,
    pub slices: Vec<Surface>,
}

/// A slice: node by node what is known of the loss and of each layer.
#[derive(Debug)]
pub struct Surface {
    pub slice: Slice,
    pub trajectory: Option<Trajectory>,
    pub loss: Vec<Node>,
    pub layers: Vec<Vec<Node>>,
    /// All different.
    pub layer_names: Vec<String>,
}

/// What is known of a node.
#[derive(Debug, Clone, Copy, Default)]
pub enum Node {
    #[default]
    Unmeasured,
    Measured {
        value: f64,
        stderr: f64,
    },
    Interpolated {
        value: f64,
    },
}

impl Node {
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Unmeasured => None,
            Self::Measured { value, .. } | Self::Interpolated { value } => Some(value),
        }
    }

    pub fn stderr(self) -> f64 {
        if let Self::Measured { stderr, .. } = self { stderr } else { f64::NAN }
    }

    pub fn state(self) -> u8 {
        match self {
            Self::Unmeasured => 0,
            Self::Measured { .. } => 1,
            Self::Interpolated { .. } => 2,
        }
    }
}

impl Expected {
    pub fn of(records: &[Record]) -> Self {
        let mut told = Self::default();
        records.iter().for_each(|record| told.take(record));
        told
    }

    /// Nothing that could be exported.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.epochs.is_empty() && self.slices.is_empty()
    }

    fn take(&mut self, record: &Record) {
        match record {
            Record::Head(head) => {
                let paths: Vec<String> = head.blocks.iter().map(|it| it.path.clone()).collect();
                self.blocks = told_apart(&paths, &[]);
                self.started_unix_secs = head.started_unix_secs;
            }
            Record::Step(step) => self.steps.push(step.clone()),
            Record::Epoch(epoch) => self.epochs.push(epoch.clone()),
            Record::Metric(metric) => self.metrics.push(metric.clone()),
            Record::Activation(activation) => self.activations.push(activation.clone()),
            Record::Resume(resume) => self.go_back(resume),
            Record::Slice(slice) => self.slices.push(Surface::of(slice.clone())),
            Record::Nodes(nodes) => self.slices[nodes.slice as usize].enter(nodes),
            Record::Trajectory(path) => {
                self.slices[path.slice.unwrap() as usize].trajectory = Some(path.clone());
            }
            _ => {}
        }
    }

    fn go_back(&mut self, resume: &Resume) {
        self.steps.retain(|it| it.step < resume.steps);
        self.activations.retain(|it| it.step < resume.steps);
        self.epochs.retain(|it| it.steps <= resume.steps);
        self.metrics.retain(|it| it.step <= resume.steps);
        self.resumes.push(resume.clone());
    }

    /// When a step was taken: in the process that went on at or before it last.
    pub fn wall_secs(&self, step: u64, elapsed_secs: f64) -> f64 {
        let last = self.resumes.iter().rfind(|it| it.steps <= step);
        last.map_or(self.started_unix_secs, |it| it.resumed_unix_secs) + elapsed_secs
    }

    /// Names of the columns of steps that were measured at all.
    pub fn columns(&self) -> Vec<&String> {
        let names: BTreeMap<&String, ()> =
            self.steps.iter().flat_map(|step| step.columns.keys()).map(|name| (name, ())).collect();
        names.into_keys().collect()
    }
}

impl Surface {
    fn of(slice: Slice) -> Self {
        let count = (slice.x.count * slice.y.as_ref().map_or(1, |y| y.count)) as usize;
        let empty = vec![Node::default(); count];
        let names = (1..).zip(&slice.layers).map(|(number, layer)| match layer.name.is_empty() {
            true => format!("layer {number}"),
            false => layer.name.clone(),
        });
        Self {
            layer_names: told_apart(&names.collect::<Vec<_>>(), &["loss"]),
            layers: vec![empty.clone(); slice.layers.len()],
            loss: empty,
            trajectory: None,
            slice,
        }
    }

    fn enter(&mut self, nodes: &Nodes) {
        for (place, &index) in nodes.index.iter().enumerate() {
            let told = |value: f64, stderr: f64| match nodes.interpolated {
                true => Node::Interpolated { value },
                false => Node::Measured { value, stderr },
            };
            let replace = |node: &mut Node, by: Node| {
                if !(nodes.interpolated && matches!(node, Node::Measured { .. })) {
                    *node = by;
                }
            };
            let index = index as usize;
            replace(&mut self.loss[index], told(nodes.loss[place], nodes.stderr[place]));
            for (layer, values) in self.layers.iter_mut().zip(&nodes.layers) {
                replace(&mut layer[index], told(values.value[place], values.stderr[place]));
            }
        }
    }
}

/// Who comes first keeps a name; who comes later has the lowest number from 2 on that makes it another.
pub fn told_apart(names: &[String], reserved: &[&str]) -> Vec<String> {
    let mut told: Vec<String> = reserved.iter().map(|name| (*name).to_owned()).collect();
    for name in names {
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|it| !told.contains(it));
        told.extend(free);
    }
    told.split_off(reserved.len())
}
