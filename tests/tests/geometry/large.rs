//! Models too large for vectors of their length to be held: drawn and read block by block, everything is to the bit as
//! when they are.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::train::{InferenceStep, RegressionOutput, TrainStep};
use burnscape::trace::Record;
use burnscape::{
    Biases, Direction, Normalisation, Point, ProbeBuilder, Run as Recorded, SliceSpec,
};

use super::models::{ConvNorm, Mlp};
use super::support::{Run, batch, epoch, training_batch, wave_rows};

/// Slices of every kind: along components, drawn, made orthogonal, along given vectors, around other points.
fn specs() -> Vec<SliceSpec> {
    let component = || Direction::Component(1);
    vec![
        SliceSpec::pca(),
        SliceSpec::random(),
        SliceSpec::random().orthogonal().biases(Biases::Kept).name("right angle"),
        SliceSpec::plane(component(), Direction::random()).orthogonal().name("mixed"),
        SliceSpec::random().normalisation(Normalisation::Weight).biases(Biases::Filter).name("w"),
        SliceSpec::line(Direction::seeded(4)).normalisation(Normalisation::Layer).name("layer"),
        SliceSpec::random().centre(Point::Snapshot(1)).name("earlier"),
        SliceSpec::between(Point::Initial, Point::Final),
        SliceSpec::plane(Direction::LastUpdate, component()).name("update"),
    ]
}

/// Everything that a run tells of its slices, node by node, as text, and the bytes of their files.
fn told(run: &Run) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut told: Vec<String> = run.records().iter().flat_map(in_words).collect();
    told.sort();
    let folder = std::fs::read_dir(run.path().join("directions")).expect("directions");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    (told, files.iter().map(|file| std::fs::read(file).expect("a file")).collect())
}

fn in_words(record: &Record) -> Vec<String> {
    match record {
        Record::Nodes(tile) => {
            let nodes = tile.index.iter().enumerate();
            let node = |(place, node): (usize, &u32)| {
                let (loss, stderr) = (tile.loss[place], tile.stderr[place]);
                format!("{} {node}: {:x} {:x}", tile.slice, loss.to_bits(), stderr.to_bits())
            };
            nodes.map(node).collect()
        }
        Record::Slice(_) | Record::Trajectory(_) | Record::Check(_) => vec![format!("{record:?}")],
        _ => Vec::new(),
    }
}

fn studied<M>(
    model: M,
    input: &Tensor<2>,
    batches: &[Tensor<2>],
    settings: impl Fn(ProbeBuilder) -> ProbeBuilder,
) -> Run
where
    M: TrainStep<Input = Tensor<2>>
        + InferenceStep<Input = Tensor<2>, Output = RegressionOutput>
        + Module,
{
    let run = Run::new();
    let builder = run.builder().threads(1).snapshot_every_steps(1).keep_last_update();
    let probe = settings(builder).start().expect("a probe");
    let mut model = probe.watch(model);
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, input);
    }
    let mut study = probe.study(&model.valid(), batches).expect("a study");
    for spec in specs() {
        study.slice(&spec).expect("a slice");
    }
    let landscape = study.finish().expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
    run
}

fn assert_the_same<M>(model: impl Fn() -> M, input: &Tensor<2>, batches: &[Tensor<2>])
where
    M: TrainStep<Input = Tensor<2>>
        + InferenceStep<Input = Tensor<2>, Output = RegressionOutput>
        + Module,
{
    let held = told(&studied(model(), input, batches, |it| it));
    let pieces = told(&studied(model(), input, batches, |it| it.hold_vectors_of(0)));
    for (held, pieces) in held.0.iter().zip(&pieces.0) {
        assert_eq!(held, pieces);
    }
    assert_eq!(held.0.len(), pieces.0.len());
    assert!(held.1 == pieces.1, "files of directions differ");
}

#[test]
fn a_perceptron_has_the_same_slices_whether_vectors_are_held_or_not() {
    let rows = wave_rows::<5>(6, 0.4);
    assert_the_same(Mlp::new, &training_batch(&rows), &[batch(&rows[..4]), batch(&rows[4..])]);
}

#[test]
fn so_has_a_convolution_with_statistics() {
    let rows = wave_rows::<17>(5, 1.4);
    assert_the_same(|| ConvNorm::with_dropout(0.0), &training_batch(&rows), &[batch(&rows)]);
}

#[test]
fn a_recorded_run_is_gone_on_with_in_the_other_way() {
    let rows = wave_rows::<5>(6, 0.4);
    let batches = [batch(&rows)];
    let measured = |hold: usize, go_on: usize| {
        let run =
            studied(Mlp::new(), &training_batch(&rows), &batches, |it| it.hold_vectors_of(hold));
        cut_before_the_last_nodes(&run);
        let opened = Recorded::open(run.path()).expect("a run").quiet().threads(1).exact();
        let model = Mlp::new().valid();
        let mut study = opened.hold_vectors_of(go_on).study(&model, &batches).expect("a study");
        let resumed = study.resume().expect("a slice that is gone on with");
        assert_eq!(resumed.len(), 1);
        study.finish().expect("a landscape");
        resumed[0].surface.losses().iter().map(|loss| loss.to_bits()).collect::<Vec<_>>()
    };
    let expected = measured(usize::MAX, usize::MAX);
    assert_eq!(measured(0, usize::MAX), expected);
    assert_eq!(measured(usize::MAX, 0), expected);
}

/// A run that was killed before its last slice was whole.
fn cut_before_the_last_nodes(run: &Run) {
    let records = run.records();
    let last = records.iter().rposition(|it| matches!(it, Record::Nodes(_))).expect("nodes");
    let mut writer = burnscape::trace::MemoryTrace::new();
    records[..last].iter().for_each(|record| writer.append(record).expect("a record"));
    std::fs::write(run.path().join("trace.cbor"), writer.bytes()).expect("a trace");
}

#[test]
fn no_file_is_left_that_nobody_needs() {
    let rows = wave_rows::<5>(6, 0.4);
    let input = training_batch(&rows);
    let run = studied(Mlp::new(), &input, &[batch(&rows)], |it| it.hold_vectors_of(0));
    let folder = std::fs::read_dir(run.path().join("directions")).expect("directions");
    let names = folder.map(|it| it.expect("an entry").file_name().into_string().expect("text"));
    assert!(names.into_iter().all(|name| name.ends_with(".safetensors")));
}
