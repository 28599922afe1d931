//! Any record at all, drawn from a list of random numbers.

use burnscape_trace::{
    Activation, Alert, Axis, Blackbox, Block, Buffer, Check, ComparedRun, Curvature, Density,
    Dropped, End, Epoch, F32s, F64s, FORMAT, Frozen, Head, Histogram, Hyperparameters, Layer,
    LayerNodes, Measure, Metric, Nodes, Note, Plan, Progress, Record, Resume, Runs, Shard, Slice,
    Snapshot, Step, Study, Tally, Trajectory, U32s, record,
};

/// Gives values by consuming numbers, round and round.
pub struct Draw {
    numbers: Vec<u64>,
    next: usize,
}

impl Draw {
    pub fn new(numbers: Vec<u64>) -> Self {
        Self { numbers, next: 0 }
    }

    fn u64(&mut self) -> u64 {
        let number = self.numbers[self.next % self.numbers.len()];
        self.next += 1;
        number.rotate_left(self.next as u32)
    }

    fn u32(&mut self) -> u32 {
        self.u64() as u32
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.u64() % limit
    }

    fn bool(&mut self) -> bool {
        self.below(2) == 1
    }

    fn f64(&mut self) -> f64 {
        match self.below(8) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => -0.0,
            4 => self.below(10) as f64,
            _ => f64::from_bits(self.u64()),
        }
    }

    fn option<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.bool().then(|| value(self))
    }

    fn list<T>(&mut self, longest: u64, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(longest + 1)).map(|_| value(self)).collect()
    }

    pub fn string(&mut self) -> String {
        let letters = ['a', '.', '0', ' ', 'ß', '≠', '🏔', '\0', '"', '\u{D7FF}'];
        self.list(6, |draw| letters[draw.below(10) as usize]).into_iter().collect()
    }

    /// One of these words, parted by blanks, or one that no version knows.
    fn word<T: From<String>>(&mut self, known: &str) -> T {
        let known = known.split(' ').nth(self.below(4) as usize);
        T::from(known.map_or_else(|| self.string(), str::to_owned))
    }

    fn f32s(&mut self) -> F32s {
        F32s(self.list(9, |draw| f32::from_bits(draw.u32())))
    }

    fn f64s(&mut self) -> F64s {
        F64s(self.list(9, Self::f64))
    }

    fn u32s(&mut self) -> U32s {
        U32s(self.list(9, Self::u32))
    }

    pub fn record(&mut self) -> Record {
        match self.below(25) {
            0 => Record::from(self.head()),
            1 => Record::from(self.step()),
            2 => Record::from(self.epoch()),
            3 => Record::from(self.progress()),
            4 => Record::from(self.metric()),
            5 => Record::from(self.dropped()),
            6 => Record::from(self.snapshot()),
            7 => Record::from(self.slice()),
            8 => Record::from(self.trajectory()),
            9 => Record::from(self.nodes()),
            10 => Record::from(self.check()),
            11 => Record::from(self.note()),
            12 => Record::from(self.resume()),
            13 => Record::from(self.study()),
            14 => Record::from(self.activation()),
            15 => Record::from(self.histogram()),
            16 => Record::from(self.alert()),
            17 => Record::from(self.blackbox()),
            18 => Record::from(self.curvature()),
            19 => Record::from(self.hyperparameters()),
            20 => Record::from(self.plan()),
            21 => Record::from(record!(Frozen { step: self.u64(), blocks: self.u32s() })),
            22 => Record::from(self.runs()),
            23 => Record::from(self.shard()),
            _ => Record::from(self.end()),
        }
    }

    pub fn head(&mut self) -> Head {
        record!(Head {
            format: FORMAT,
            run_id: self.string(),
            started_unix_secs: self.f64(),
            burnscape_version: self.string(),
            burn_version: self.string(),
            device: self.string(),
            dtype: self.string(),
            seed: self.u64(),
            epochs_planned: self.option(Self::u64),
            first_epoch: self.option(Self::u64),
            blocks: self.list(3, Self::block),
            buffers: self.list(3, Self::buffer),
            patterns: vec![self.string()],
        })
    }

    fn hyperparameters(&mut self) -> Hyperparameters {
        let values = self.list(3, |draw| (draw.string(), draw.string()));
        record!(Hyperparameters { values: values.into_iter().collect() })
    }

    fn block(&mut self) -> Block {
        record!(Block {
            path: self.string(),
            shape: self.list(4, Self::u64),
            role: self.word("weight bias norm"),
            container: self.string(),
            filter_axis: self.option(|draw| draw.u64() as u8),
            groups: self.u32(),
            filter_guessed: self.bool(),
            frozen: self.bool(),
            offset: self.u64(),
        })
    }

    fn buffer(&mut self) -> Buffer {
        record!(Buffer { path: self.string(), shape: self.list(4, Self::u64) })
    }

    pub fn step(&mut self) -> Step {
        let columns = self.list(3, |draw| (draw.string(), draw.f32s()));
        record!(Step {
            step: self.u64(),
            batches: self.u64(),
            epoch: self.option(Self::u64),
            iteration: self.option(Self::u64),
            accumulated: self.u32(),
            elapsed_secs: self.f64(),
            lr: self.f64(),
            loss: self.option(Self::f64),
            missing: self.u32s(),
            columns: columns.into_iter().collect(),
        })
    }

    fn epoch(&mut self) -> Epoch {
        record!(Epoch {
            epoch: self.u64(),
            steps: self.u64(),
            batches: self.u64(),
            elapsed_secs: self.f64(),
            train_loss: self.option(Self::f64),
            valid_loss: self.option(Self::f64),
            weighted_by: self.word("samples batches"),
        })
    }

    fn progress(&mut self) -> Progress {
        record!(Progress {
            split: self.word("train own"),
            epoch: self.u64(),
            done: self.u64(),
            total: self.u64(),
            eta_secs: self.option(Self::f64),
        })
    }

    fn metric(&mut self) -> Metric {
        record!(Metric {
            split: self.word("train own"),
            name: self.string(),
            epoch: self.u64(),
            step: self.u64(),
            value: self.f64(),
        })
    }

    fn activation(&mut self) -> Activation {
        record!(Activation {
            tap: self.string(),
            step: self.u64(),
            batches: self.u64(),
            calls: self.u32(),
            values: self.u64(),
            non_finite: self.u64(),
            mean: self.f64(),
            std: self.f64(),
            rms: self.f64(),
            min: self.f64(),
            max: self.f64(),
            zero_share: self.f64(),
            saturated_share: self.f64(),
            units: self.u64(),
            dead_units: self.u64(),
            window: self.u32(),
            drift: self.f64(),
        })
    }

    fn histogram(&mut self) -> Histogram {
        record!(Histogram {
            of: self.word("gradient activation"),
            block: self.option(Self::u32),
            tap: self.option(Self::string),
            step: self.u64(),
            first_exponent: self.u64() as i16,
            positive: self.u32s(),
            negative: self.u32s(),
            zeros: self.u64(),
            non_finite: self.u64(),
        })
    }

    fn alert(&mut self) -> Alert {
        record!(Alert {
            rule: self.word("plateau loss-spike"),
            level: self.word("info error"),
            step: self.u64(),
            epoch: self.option(Self::u64),
            iteration: self.option(Self::u64),
            block: self.option(Self::u32),
            tap: self.option(Self::string),
            places: self.u32(),
            value: self.f64(),
            threshold: self.f64(),
            text: self.string(),
            advice: self.string(),
        })
    }

    fn curvature(&mut self) -> Curvature {
        record!(Curvature {
            reason: self.word("live final finished"),
            step: self.u64(),
            epoch: self.option(Self::u64),
            snapshot: self.option(Self::u64),
            elapsed_secs: self.f64(),
            samples: self.u64(),
            unit: self.word("tokens"),
            batches: self.u64(),
            dtype: self.string(),
            blocks: self.u32s(),
            loss: self.f64(),
            grad_norm: self.f64(),
            largest: self.f64s(),
            largest_error: self.f64s(),
            smallest: self.f64s(),
            smallest_error: self.f64s(),
            trace: self.option(Self::f64),
            trace_stderr: self.option(Self::f64),
            trace_probes: self.u64(),
            density: self.option(Self::density),
            block_largest: self.f64s(),
            block_largest_error: self.f64s(),
            lr: self.f64(),
            optimizer: self.string(),
            preconditioned: self.bool(),
            stability_limit: self.option(Self::f64),
            measures: self.list(3, Self::sharpness),
            product_error: self.f64(),
            product_step: self.f64(),
            gradients: self.u64(),
            took_secs: self.f64(),
            sentences: self.list(2, Self::string),
        })
    }

    fn density(&mut self) -> Density {
        record!(Density {
            eigenvalue: self.f64s(),
            density: self.f64s(),
            stderr: self.f64s(),
            width: self.f64(),
            probes: self.u64(),
            lanczos_steps: self.u64(),
        })
    }

    fn sharpness(&mut self) -> Measure {
        record!(Measure {
            name: self.string(),
            value: self.f64(),
            error: self.option(Self::f64),
            radius: self.option(Self::f64),
            meaning: self.string(),
        })
    }

    fn blackbox(&mut self) -> Blackbox {
        record!(Blackbox {
            step: self.u64(),
            rule: self.word("plateau loss-spike"),
            steps: self.list(2, Self::step),
            previous: self.option(Self::string),
            before: self.option(Self::string),
            after: self.option(Self::string),
            gradient: self.option(Self::string),
        })
    }

    fn dropped(&mut self) -> Dropped {
        record!(Dropped { records: self.u64(), after_step: self.u64() })
    }

    fn snapshot(&mut self) -> Snapshot {
        record!(Snapshot {
            index: self.u64(),
            reason: self.word("live final finished"),
            epoch: self.option(Self::u64),
            step: self.u64(),
            file: self.string(),
            bytes: self.u64(),
            crc32: self.u32(),
            same_as: self.option(Self::u64),
            given_up: vec![self.u64(), self.u64()],
            stride: self.option(Self::u64),
            run: self.option(Self::u32),
            dtype: self.option(Self::string),
        })
    }

    fn axis(&mut self) -> Axis {
        record!(Axis {
            label: self.string(),
            kind: self.word("pca agreement"),
            first: self.u64().cast_signed(),
            count: self.u64(),
            spacing: self.f64(),
            direction_norm: self.f64(),
            seed: self.option(Self::u64),
            explained: self.option(Self::f64),
        })
    }

    fn slice(&mut self) -> Slice {
        record!(Slice {
            slice: self.u32(),
            name: self.string(),
            centre: self.string(),
            centre_snapshot: self.option(Self::u64),
            x: self.axis(),
            y: self.option(Self::axis),
            normalisation: self.word("filter none"),
            biases: self.word("kept moved"),
            moves_frozen: self.bool(),
            orthogonalised: self.bool(),
            cosine: self.option(Self::f64),
            centre_norm: self.f64(),
            centre_loss: self.f64(),
            shares: self.list(2, Self::f64s),
            samples: self.u64(),
            unit: self.word("tokens"),
            batches: self.u64(),
            fingerprint: self.string(),
            batchnorm: self.word("centre"),
            dtype: self.string(),
            device: self.string(),
            loss: self.word("output"),
            layers: self.list(2, Self::layer),
            tolerance: self.option(Self::f64),
            study: self.option(Self::u32),
            directions: self.option(Self::string),
            patterns: vec![self.string()],
        })
    }

    fn layer(&mut self) -> Layer {
        record!(Layer {
            name: self.string(),
            centre: self.f64(),
            samples: self.u64(),
            unit: self.word("tokens"),
            batches: self.u64(),
        })
    }

    fn trajectory(&mut self) -> Trajectory {
        record!(Trajectory {
            slice: self.option(Self::u32),
            snapshots: self.u32s(),
            starts: self.u32s(),
            epochs: self.f64s(),
            x: self.f64s(),
            y: self.f64s(),
            out_of_plane: self.f64s(),
            out_of_plane_share: self.f64s(),
            loss: self.f64s(),
            loss_on_plane: self.f64s(),
            loss_at: self.u32s(),
            explained: self.f64s(),
            random_walk: self.f64s(),
            random_walk_measured: self.f64s(),
            degenerate: self.bool(),
            rounding: self.option(Self::f64),
        })
    }

    fn nodes(&mut self) -> Nodes {
        record!(Nodes {
            slice: self.u32(),
            index: self.u32s(),
            loss: self.f64s(),
            stderr: self.f64s(),
            layers: self.list(2, Self::layer_nodes),
            interpolated: self.bool(),
        })
    }

    fn layer_nodes(&mut self) -> LayerNodes {
        record!(LayerNodes { value: self.f64s(), stderr: self.f64s() })
    }

    fn study(&mut self) -> Study {
        record!(Study {
            study: self.u32(),
            kind: self.word("pca agreement"),
            slices: self.list(3, Self::u32),
            lowest: self.option(Self::f64),
            highest: self.option(Self::f64),
            measures: self.list(2, Self::measure).into_iter().collect(),
            sentences: self.list(2, Self::string),
        })
    }

    fn runs(&mut self) -> Runs {
        record!(Runs { runs: self.list(3, Self::compared_run) })
    }

    fn shard(&mut self) -> Shard {
        record!(Shard {
            slice: self.u32(),
            index: self.u32(),
            count: self.u32(),
            plan: self.string(),
            weights: self.string(),
            batches: self.f64s(),
        })
    }

    fn compared_run(&mut self) -> ComparedRun {
        record!(ComparedRun {
            name: self.string(),
            path: self.string(),
            run_id: self.string(),
            remarks: self.list(2, Self::string),
            side: self.string(),
            numbers: self.list(2, |it| (it.string(), it.f64())).into_iter().collect(),
        })
    }

    fn plan(&mut self) -> Plan {
        record!(Plan {
            slices: self.list(3, Self::u32),
            budget_secs: self.option(Self::f64),
            batches: self.u32s(),
            of_batches: self.u64(),
            snapshots: self.u32s(),
            tolerance: self.option(Self::f64),
            most_nodes: self.option(Self::u64),
            agreement: self.u64(),
            agreement_nodes: self.option(Self::u64),
            true_losses: self.bool(),
            exact_secs: self.option(Self::f64),
            text: self.string(),
        })
    }

    fn measure(&mut self) -> (String, F64s) {
        (self.string(), self.f64s())
    }

    fn check(&mut self) -> Check {
        record!(Check {
            slice: self.option(Self::u32),
            name: self.string(),
            passed: self.bool(),
            detail: self.string(),
        })
    }

    fn note(&mut self) -> Note {
        record!(Note { level: self.word("info error"), text: self.string() })
    }

    fn resume(&mut self) -> Resume {
        record!(Resume {
            resumed_unix_secs: self.f64(),
            steps: self.u64(),
            batches: self.u64(),
            truncated_bytes: self.u64(),
        })
    }

    fn end(&mut self) -> End {
        record!(End {
            reason: self.word("live final finished"),
            steps: self.u64(),
            dropped: self.u64(),
            elapsed_secs: self.f64(),
            tally: self.option(|it| Tally { records: it.u64(), crc32: it.u32() }),
        })
    }
}
