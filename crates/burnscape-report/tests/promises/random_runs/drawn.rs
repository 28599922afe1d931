//! Records of a run that are drawn from a seed: gaps, NaN, resumes, slices, layers, names in any script.

use std::collections::BTreeMap;

use burnscape_trace::{
    Activation, Axis, Block, Epoch, F32s, FORMAT, Head, Layer, LayerNodes, Metric, Nodes, Record,
    Resume, Slice, Step, Trajectory, record,
};

/// The most of each.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub blocks: u64,
    pub steps: u64,
    /// Nodes along an axis.
    pub side: u64,
}

const WORDS: [&str; 12] = [
    "fc1.weight",
    "слой.вес",
    "層 重み",
    "طبقة.وزن",
    "परत",
    "🔬 a/b",
    "=1+1",
    "a,\"b\"\n",
    "%20",
    "x",
    "loss",
    "",
];
const COLUMNS: [&str; 4] = ["grad_norm", "weight_norm", "update_norm", "grad_max"];

/// Pseudo-random numbers.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1CE)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// Mostly ordinary, of any size, now and then none.
    fn float(&mut self) -> f64 {
        match self.below(24) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => -0.0,
            4 => 1e300,
            5 => 1e-300,
            _ => (self.below(1 << 30) as f64 / f64::from(1 << 20) - 512.0) / 7.0,
        }
    }

    fn single(&mut self) -> f32 {
        self.float() as f32
    }

    fn floats(&mut self, count: u64) -> Vec<f64> {
        (0..count).map(|_| self.float()).collect()
    }

    fn name(&mut self) -> String {
        let word = WORDS[self.below(WORDS.len() as u64) as usize];
        format!("{word}{}", self.below(1000))
    }

    /// Often one that another layer has, or none.
    fn name_of_layer(&mut self) -> String {
        const SHARED: [&str; 6] = ["accuracy", "accuracy", "accuracy (2)", "loss", "", "layer 2"];
        let word = SHARED.get(self.below(9) as usize);
        word.map_or_else(|| self.name(), |word| (*word).to_owned())
    }

    pub fn records(&mut self, size: Size) -> Vec<Record> {
        let blocks = 1 + self.below(size.blocks);
        // Now and then blocks of one name, and one that is called as all of them together are.
        let paths = (0..blocks).map(|number| match self.below(12) {
            0 => "same".to_owned(),
            1 => "all".to_owned(),
            _ => format!("{}#{number}", self.name()),
        });
        let paths: Vec<String> = paths.collect();
        let block = |path: String| record!(Block { path, shape: vec![1] });
        let mut records = vec![Record::from(record!(Head {
            format: FORMAT,
            started_unix_secs: 1_000_000.5,
            blocks: paths.into_iter().map(block).collect(),
        }))];
        self.course(size, blocks, &mut records);
        for slice in 0..self.below(10) as u32 {
            self.slice(slice, size, &mut records);
        }
        records
    }

    fn course(&mut self, size: Size, blocks: u64, records: &mut Vec<Record>) {
        let (mut step, mut epoch, mut elapsed_secs) = (0, 0, 0.0);
        for _ in 0..self.below(size.steps + 1) {
            // A gap, as a full queue leaves it.
            step += if self.one_in(30) { self.below(9) } else { 0 };
            elapsed_secs += 0.125;
            records.push(self.step(step, elapsed_secs, blocks).into());
            step += 1;
            if self.one_in(10) {
                records.push(self.activation(step - 1).into());
            }
            if self.one_in(20) {
                epoch += 1;
                let losses = [self.float(), self.float()];
                let valid_loss = (!self.one_in(3)).then_some(losses[1]);
                records.push(
                    record!(Epoch {
                        epoch,
                        steps: step,
                        elapsed_secs,
                        train_loss: Some(losses[0]),
                        valid_loss
                    })
                    .into(),
                );
                let name = self.name();
                let value = self.float();
                records.push(
                    record!(Metric { split: "valid".into(), name, epoch, step, value }).into(),
                );
            }
            if self.one_in(60) {
                step = self.below(step + 1);
                elapsed_secs = 0.0;
                let resumed_unix_secs = 2_000_000.0 + records.len() as f64;
                records
                    .push(record!(Resume { steps: step, batches: step, resumed_unix_secs }).into());
            }
        }
    }

    fn step(&mut self, step: u64, elapsed_secs: f64, blocks: u64) -> Step {
        let mut columns = BTreeMap::new();
        for (number, name) in COLUMNS.into_iter().enumerate() {
            if self.one_in(1 + number as u64) {
                let values: Vec<f32> = (0..blocks).map(|_| self.single()).collect();
                columns.insert(name.to_owned(), F32s(values));
            }
        }
        let missing: Vec<u32> = (0..blocks as u32).filter(|_| self.one_in(20)).collect();
        let loss = (!self.one_in(9)).then(|| self.float());
        let lr = self.float();
        record!(Step {
            step,
            batches: step + 1,
            elapsed_secs,
            lr,
            loss,
            missing: missing.into(),
            columns
        })
    }

    fn activation(&mut self, step: u64) -> Activation {
        record!(Activation {
            tap: self.name(),
            step,
            mean: self.float(),
            std: self.float(),
            rms: self.float(),
            zero_share: self.float(),
            saturated_share: self.float(),
            drift: self.float(),
            dead_units: self.below(9)
        })
    }

    fn axis(&mut self, size: Size) -> Axis {
        let count = 2 + self.below(size.side);
        let first = -(self.below(count) as i64);
        record!(Axis { first, count, spacing: 0.1, label: self.name() })
    }

    fn slice(&mut self, slice: u32, size: Size, records: &mut Vec<Record>) {
        let x = self.axis(size);
        let y = (!self.one_in(3)).then(|| self.axis(size));
        let nodes = x.count * y.as_ref().map_or(1, |y| y.count);
        let layers = (0..self.below(5)).map(|_| record!(Layer { name: self.name_of_layer() }));
        let layers: Vec<Layer> = layers.collect();
        let kinds = layers.len() as u64;
        let is_line = y.is_none();
        let name = if self.one_in(3) { "pca".into() } else { self.name() };
        records.push(record!(Slice { slice, name, x, y, layers }).into());
        for _ in 0..self.below(6) {
            records.push(self.nodes(slice, nodes, kinds).into());
        }
        if self.one_in(2) {
            let count = self.below(9);
            let y = if is_line { vec![] } else { self.floats(count) };
            records.push(
                record!(Trajectory {
                    slice: Some(slice),
                    snapshots: (0..count as u32).collect::<Vec<_>>().into(),
                    epochs: self.floats(count).into(),
                    x: self.floats(count).into(),
                    y: y.into(),
                    loss: self.floats(count).into(),
                })
                .into(),
            );
        }
    }

    fn nodes(&mut self, slice: u32, nodes: u64, layers: u64) -> Nodes {
        let index: Vec<u32> = (0..nodes as u32).filter(|_| self.one_in(3)).collect();
        let count = index.len() as u64;
        let layers = (0..layers).map(|_| {
            record!(LayerNodes {
                value: self.floats(count).into(),
                stderr: self.floats(count).into()
            })
        });
        record!(Nodes {
            slice,
            index: index.into(),
            layers: layers.collect(),
            loss: self.floats(count).into(),
            stderr: self.floats(count).into(),
            interpolated: self.one_in(3),
        })
    }
}
