//! A short training with a record of every kind, and the bytes of records.

use std::ops::Range;

use burnscape_trace::{
    Activation, Alert, Axis, Blackbox, Block, Buffer, Check, ComparedRun, Curvature, Density,
    Dropped, End, Epoch, F32s, F64s, FORMAT, Frozen, Head, Histogram, Hyperparameters, Layer,
    LayerNodes, Measure, Metric, Nodes, Note, Plan, Progress, Record, Resume, Runs, Shard, Slice,
    Snapshot, Step, Study, Trajectory, U32s, columns, frame, record,
};

pub fn head() -> Head {
    record!(Head {
        format: FORMAT,
        run_id: "0123456789abcdef0123456789abcdef".into(),
        started_unix_secs: 1.75e9,
        burnscape_version: "0.1.0".into(),
        burn_version: "0.22.1".into(),
        device: "Cpu".into(),
        dtype: "f32".into(),
        seed: u64::MAX,
        epochs_planned: Some(2),
        first_epoch: None,
        blocks: vec![weight(), bias()],
        buffers: vec![record!(Buffer { path: "norm.running_mean".into(), shape: vec![10] })],
    })
}

fn weight() -> Block {
    record!(Block {
        path: "fc.weight".into(),
        shape: vec![784, 10],
        role: "weight".into(),
        container: "Linear".into(),
        filter_axis: Some(1),
        groups: 1,
        filter_guessed: false,
        frozen: false,
        offset: 0,
    })
}

fn bias() -> Block {
    record!(Block {
        path: "fc.bias".into(),
        shape: vec![10],
        role: "bias".into(),
        container: "Linear".into(),
        filter_axis: None,
        groups: 1,
        filter_guessed: true,
        frozen: true,
        offset: 7840,
    })
}

pub fn step(step: u64) -> Record {
    Record::from(measured(step))
}

fn measured(step: u64) -> Step {
    let columns = [
        (columns::GRAD_NORM, vec![0.5 / (step + 1) as f32, f32::NAN]),
        (columns::WEIGHT_NORM, vec![1.0, f32::INFINITY]),
    ];
    let columns = columns.map(|(name, values)| (name.to_owned(), F32s(values)));
    record!(Step {
        step,
        batches: step + 1,
        epoch: Some(1),
        iteration: None,
        accumulated: 1,
        elapsed_secs: 0.25 * step as f64,
        lr: 1e-3,
        loss: Some(std::f64::consts::LN_10),
        missing: U32s(vec![1]),
        columns: columns.into(),
    })
}

pub fn note(text: &str) -> Record {
    Record::from(record!(Note { level: "info".into(), text: text.into() }))
}

pub fn end() -> End {
    record!(End { reason: "finished".into(), steps: 8, dropped: 3, elapsed_secs: 12.0 })
}

fn axis() -> Axis {
    record!(Axis {
        label: "PC 1".into(),
        kind: "pca".into(),
        first: -12,
        count: 25,
        spacing: 0.125,
        direction_norm: 3.5,
        seed: None,
        explained: Some(0.75),
    })
}

fn slice() -> Slice {
    record!(Slice {
        slice: 0,
        name: "pca".into(),
        centre: "final".into(),
        centre_snapshot: Some(20),
        x: axis(),
        y: Some(axis()),
        normalisation: "filter".into(),
        biases: "ignored".into(),
        moves_frozen: false,
        orthogonalised: true,
        cosine: Some(0.0),
        centre_norm: 10.0,
        centre_loss: 0.25,
        shares: vec![F64s(vec![0.75, 0.25]), F64s(vec![1.0, 0.0])],
        samples: 1024,
        unit: "".into(),
        batches: 8,
        batchnorm: "none".into(),
        dtype: "f32".into(),
        device: "Cpu".into(),
        loss: "output".into(),
        layers: vec![record!(Layer {
            name: "accuracy".into(),
            centre: 0.75,
            samples: 1024,
            batches: 8,
        })],
        tolerance: Some(0.01),
        study: Some(0),
        directions: None,
    })
}

fn trajectory() -> Trajectory {
    let two = || F64s(vec![0.5, f64::NAN]);
    record!(Trajectory {
        slice: Some(0),
        snapshots: U32s(vec![0, 1]),
        starts: U32s::default(),
        epochs: two(),
        x: two(),
        y: two(),
        out_of_plane: two(),
        out_of_plane_share: two(),
        loss: two(),
        loss_on_plane: F64s(vec![f64::NEG_INFINITY, 0.0]),
        loss_at: U32s::default(),
        explained: two(),
        random_walk: two(),
        random_walk_measured: two(),
        degenerate: false,
    })
}

fn snapshot() -> Snapshot {
    record!(Snapshot {
        index: 0,
        reason: "initial".into(),
        epoch: Some(0),
        step: 0,
        file: "snapshots/000000.safetensors".into(),
        bytes: 31_400,
        crc32: u32::MAX,
        same_as: None,
        given_up: Vec::new(),
        stride: None,
        run: None,
    })
}

fn progress() -> Progress {
    record!(Progress {
        split: "train".into(),
        epoch: 1,
        done: 512,
        total: 1024,
        eta_secs: Some(3.5)
    })
}

fn epoch() -> Epoch {
    record!(Epoch {
        epoch: 1,
        steps: 8,
        batches: 8,
        elapsed_secs: 2.0,
        train_loss: Some(1.5),
        valid_loss: None,
        weighted_by: "".into(),
    })
}

fn metric() -> Metric {
    let (split, name) = ("valid".into(), "accuracy".into());
    record!(Metric { split, name, epoch: 1, step: 8, value: f64::NAN })
}

fn activation() -> Activation {
    record!(Activation {
        tap: "fc.relu".into(),
        step: 7,
        batches: 8,
        calls: 1,
        values: 1280,
        non_finite: 2,
        mean: 0.25,
        std: 0.5,
        rms: 0.75,
        min: 0.0,
        max: f64::MAX,
        zero_share: 0.5,
        saturated_share: f64::NAN,
        units: 10,
        dead_units: 1,
        window: 100,
        drift: f64::NAN,
    })
}

fn histogram() -> Histogram {
    record!(Histogram {
        of: "gradient".into(),
        block: Some(0),
        tap: None,
        step: 7,
        first_exponent: -40,
        positive: U32s(vec![1, 0, u32::MAX]),
        negative: U32s(vec![0, 2, 0]),
        zeros: 7,
        non_finite: 1,
    })
}

fn alert() -> Alert {
    record!(Alert {
        rule: "non-finite-gradient".into(),
        level: "error".into(),
        step: 7,
        epoch: Some(1),
        iteration: None,
        block: Some(1),
        tap: None,
        places: 1,
        value: f64::NAN,
        threshold: 0.0,
        text: "The gradient of fc.bias is NaN.".into(),
        advice: "Lower the learning rate.".into(),
    })
}

fn blackbox() -> Blackbox {
    record!(Blackbox {
        step: 7,
        rule: "non-finite-gradient".into(),
        steps: vec![measured(6), measured(7)],
        previous: None,
        before: Some("blackbox/before.safetensors".into()),
        after: Some("blackbox/after.safetensors".into()),
        gradient: Some("blackbox/gradient.safetensors".into()),
    })
}

fn curvature() -> Curvature {
    let density = record!(Density {
        eigenvalue: F64s(vec![-1.0, 0.0, 4.0]),
        density: F64s(vec![0.1, 0.8, 0.05]),
        stderr: F64s(vec![0.01, f64::NAN, 0.0]),
        width: 0.125,
        probes: 2,
        lanczos_steps: 20,
    });
    let sam = record!(Measure {
        name: "sam".into(),
        value: f64::NAN,
        error: None,
        radius: Some(0.05),
        meaning: "The gradient is 0: not defined.".into(),
    });
    record!(Curvature {
        reason: "live".into(),
        step: 8,
        epoch: Some(1),
        snapshot: Some(1),
        samples: 256,
        unit: "".into(),
        batches: 2,
        dtype: "f32".into(),
        blocks: U32s(vec![0]),
        largest: F64s(vec![4.0, 1.0]),
        largest_error: F64s(vec![0.01, 0.02]),
        smallest: F64s(vec![-1.0]),
        smallest_error: F64s(vec![0.01]),
        trace: Some(12.5),
        trace_stderr: Some(0.5),
        trace_probes: 8,
        density: Some(density),
        block_largest: F64s(vec![4.0, f64::NAN]),
        block_largest_error: F64s(vec![0.01, f64::NAN]),
        lr: 0.5,
        optimizer: "sgd".into(),
        stability_limit: Some(2.0),
        measures: vec![sam],
        gradients: 40,
        sentences: vec!["The step fits.".into()],
    })
}

fn nodes() -> Nodes {
    let accuracy = record!(LayerNodes {
        value: F64s(vec![0.5, f64::NAN]),
        stderr: F64s(vec![0.25, f64::NAN])
    });
    record!(Nodes {
        slice: 0,
        index: U32s(vec![0, 624]),
        loss: F64s(vec![0.25, f64::INFINITY]),
        stderr: F64s(vec![f64::NAN, 0.0]),
        layers: vec![accuracy],
        interpolated: false,
    })
}

fn study() -> Study {
    record!(Study {
        study: 0,
        kind: "agreement".into(),
        slices: vec![0, 2],
        lowest: Some(0.25),
        highest: None,
        measures: [("convexity".to_owned(), F64s(vec![1.0, f64::NAN]))].into(),
        sentences: vec!["Two planes agree.".into()],
    })
}

fn plan() -> Plan {
    record!(Plan {
        slices: vec![0, 2],
        budget_secs: Some(20.0),
        batches: U32s(vec![1, 5, 9]),
        of_batches: 12,
        snapshots: U32s::default(),
        tolerance: Some(0.01),
        most_nodes: Some(120),
        agreement: 1,
        agreement_nodes: None,
        true_losses: true,
        exact_secs: Some(1560.0),
        text: "A quarter of the samples.".into(),
    })
}

fn check() -> Check {
    record!(Check {
        slice: Some(0),
        name: "centre-twice".into(),
        passed: true,
        detail: "the centre is the centre".into(),
    })
}

fn hyperparameters() -> Hyperparameters {
    let values = [("optimizer.name", "\"adam\""), ("lr", "0.001"), ("widths", "[64,10]")];
    record!(Hyperparameters {
        values: values.map(|(name, value)| (name.into(), value.into())).into()
    })
}

/// Twenty-odd records, every kind among them.
pub fn records() -> Vec<Record> {
    let mut records =
        vec![Record::from(head()), Record::from(hyperparameters()), Record::from(snapshot())];
    records.extend((0..8).map(step));
    records.extend(told_in_training());
    records.extend(observed_in_the_last_step());
    records.extend(surface());
    records.extend(last_words());
    records
}

/// Those of them that format 1.0 knows, with its head.
pub fn records_of_1_0() -> Vec<Record> {
    let mut records = records();
    records.retain(|record| {
        !matches!(
            record,
            Record::Plan(_)
                | Record::Hyperparameters(_)
                | Record::Frozen(_)
                | Record::Runs(_)
                | Record::Shard(_)
        )
    });
    records[0] = Record::from(record!(Head { format: [1, 0], ..head() }));
    records
}

fn told_in_training() -> [Record; 5] {
    let dropped = record!(Dropped { records: 3, after_step: 7 });
    let frozen = record!(Frozen { step: 5, blocks: U32s(vec![0, 2]) });
    [progress().into(), dropped.into(), frozen.into(), epoch().into(), metric().into()]
}

fn observed_in_the_last_step() -> [Record; 5] {
    let blackbox = blackbox().into();
    [activation().into(), histogram().into(), alert().into(), blackbox, curvature().into()]
}

fn compared() -> Runs {
    let run = record!(ComparedRun {
        name: "sgd".into(),
        path: "../sgd".into(),
        run_id: "0123456789abcdef".into(),
        remarks: vec!["It still trains.".into()],
        side: "slow".into(),
        numbers: [("valid_loss".to_string(), 0.5)].into(),
    });
    record!(Runs { runs: vec![run] })
}

fn shard() -> Shard {
    record!(Shard {
        slice: 2,
        index: 3,
        count: 16,
        plan: "6c62272e07bb014262b821756295c58d".into(),
        weights: "d228cb696f1a8caf78912b704e4a8964".into(),
        batches: F64s(vec![0.5, f64::NAN]),
    })
}

fn surface() -> [Record; 8] {
    let (nodes, study, runs) = (nodes().into(), study().into(), compared().into());
    let (slice, plan, shard) = (slice().into(), plan().into(), shard().into());
    [slice, plan, shard, nodes, study, runs, trajectory().into(), check().into()]
}

fn last_words() -> [Record; 3] {
    let resume =
        record!(Resume { resumed_unix_secs: 1.76e9, steps: 8, batches: 8, truncated_bytes: 5 });
    [note("Größe ≠ 0"), resume.into(), end().into()]
}

/// The frames of some records and where each lies.
pub fn framed(records: &[Record]) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut bytes = Vec::new();
    let ranges = records
        .iter()
        .map(|record| {
            let start = bytes.len();
            frame::encode(record, &mut bytes).unwrap();
            start..bytes.len()
        })
        .collect();
    (bytes, ranges)
}

/// A frame around any payload, by the drawing of the format and not by the crate.
pub fn frame_by_hand(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xD9, 0xD9, 0xF7, 0x82, 0x1A];
    bytes.extend(crc32_by_definition(payload).to_be_bytes());
    bytes.extend([0xD8, 0x18, 0x5A]);
    bytes.extend((payload.len() as u32).to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// CRC-32 bit by bit, as IEEE 802.3 defines it.
pub fn crc32_by_definition(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    })
}

/// Records as they were given to a writer, which counts those before an end.
pub fn uncounted(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        if let Record::End(end) = record {
            end.tally = None;
        }
    }
    records
}

/// Equality in which NaN equals NaN.
pub fn text(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{record:?}")).collect()
}
