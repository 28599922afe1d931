//! Comparisons of runs that are written here: paraboloids, whose measures are known.

mod further;

use std::fs;
use std::path::{Path, PathBuf};

use burnscape_trace::{
    Axis, Block, Curvature, End, Epoch, F64s, FORMAT, Head, Hyperparameters, Nodes, Record,
    RunFolder, Slice, Step, StudyKind, U32s, Writer, read_run, record,
};
use tempfile::TempDir;

use super::*;
use crate::Run;

/// Nodes of an axis, from −1 to 1.
const SIDE: u64 = 9;
/// ‖d‖ of both directions.
const LENGTH: f64 = 2.0;

/// A run whose random slice is `floor + steep·(x² + y²)`.
#[derive(Clone)]
struct Made {
    name: &'static str,
    floor: f64,
    steep: f64,
    lambda: f64,
    valid_loss: f64,
    slices: Vec<Slice>,
    dtype: &'static str,
    width: u64,
    last_loss: f64,
    end: Option<&'static str>,
    /// Hyperparameters, as JSON.
    settings: Vec<(&'static str, &'static str)>,
}

fn axis() -> Axis {
    let first = -(SIDE as i64 / 2);
    let (count, spacing) = (SIDE, 2.0 / (SIDE - 1) as f64);
    record!(Axis { kind: "random".into(), first, count, spacing, direction_norm: LENGTH })
}

fn slice() -> Slice {
    record!(Slice {
        name: "random".into(),
        centre: "final".into(),
        x: axis(),
        y: Some(axis()),
        normalisation: "filter".into(),
        biases: "ignored".into(),
        cosine: Some(0.0),
        samples: 256,
        batches: 4,
        fingerprint: "targets 0123456789abcdef".into(),
        batchnorm: "centre".into(),
        loss: "output".into(),
    })
}

impl Made {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            floor: 1.0,
            steep: 2.0,
            lambda: 4.0,
            valid_loss: 0.5,
            slices: vec![slice()],
            dtype: "f32",
            width: 3,
            last_loss: 0.25,
            end: Some("finished"),
            settings: Vec::new(),
        }
    }

    fn write(&self, root: &TempDir) -> PathBuf {
        let path = root.path().join(self.name);
        let folder = RunFolder::create(&path).unwrap();
        let mut writer = Writer::create(&folder).unwrap();
        for record in self.records() {
            writer.append(&record).unwrap();
        }
        match self.end {
            Some(reason) => {
                writer.finish(record!(End { reason: reason.into(), steps: 1 })).unwrap();
            }
            None => writer.flush().unwrap(),
        }
        path
    }

    fn records(&self) -> Vec<Record> {
        let block = record!(Block { path: "fc.weight".into(), shape: vec![self.width, 2] });
        let head = record!(Head {
            format: FORMAT,
            run_id: format!("{:0>32}", self.name),
            dtype: self.dtype.into(),
            blocks: vec![block],
        });
        let valid_loss = Some(self.valid_loss);
        let curvature = record!(Curvature {
            reason: "study".into(),
            step: 1,
            samples: 256,
            batches: 4,
            largest: vec![self.lambda].into(),
            largest_error: vec![0.1].into(),
        });
        let values = self.settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let mut records = vec![
            head.into(),
            record!(Hyperparameters { values: values.collect() }).into(),
            record!(Step { loss: Some(self.last_loss) }).into(),
            record!(Epoch { epoch: 1, steps: 1, train_loss: Some(self.last_loss), valid_loss })
                .into(),
            curvature.into(),
        ];
        for (number, slice) in (0..).zip(&self.slices) {
            records.push(record!(Slice { slice: number, ..slice.clone() }).into());
            records.push(self.nodes(number, slice).into());
        }
        records
    }

    fn nodes(&self, number: u32, slice: &Slice) -> Nodes {
        let (x, y) = (&slice.x, slice.y.as_ref().unwrap_or(&slice.x));
        let rows = slice.y.as_ref().map_or(1, |y| y.count);
        let at = |axis: &Axis, i: u64| (axis.first + i as i64) as f64 * axis.spacing;
        let loss = |node: u64| {
            let (a, b) = (at(x, node % x.count), at(y, node / x.count));
            self.floor + self.steep * (a * a + if rows > 1 { b * b } else { 0.0 })
        };
        let nodes = x.count * rows;
        let index = (0..nodes as u32).collect();
        let loss: Vec<f64> = (0..nodes).map(loss).collect();
        let layers = slice.layers.iter().map(|layer| further::nodes_of(&layer.name, &loss));
        record!(Nodes {
            slice: number,
            index,
            layers: layers.collect(),
            stderr: vec![1e-3; loss.len()].into(),
            loss: loss.into()
        })
    }
}

fn write_all(made: &[Made]) -> (TempDir, Vec<PathBuf>) {
    let root = tempfile::tempdir().unwrap();
    let paths = made.iter().map(|made| made.write(&root)).collect();
    (root, paths)
}

fn compared(made: &[Made]) -> (TempDir, SideBySide) {
    let (root, paths) = write_all(made);
    (root, SideBySide::of(paths, &Sides::ByName).unwrap())
}

fn two_sides() -> Vec<Made> {
    let seed =
        |name, steep, lambda, valid_loss| Made { steep, lambda, valid_loss, ..Made::new(name) };
    vec![
        seed("plain-1", 2.0, 1.0, 0.30),
        seed("plain-2", 3.0, 2.0, 0.31),
        seed("plain-3", 4.0, 6.0, 0.32),
        seed("skips-1", 0.5, 0.25, 0.30),
        seed("skips-2", 0.5, 0.5, 0.32),
        seed("skips-3", 0.5, 0.75, 0.31),
    ]
}

fn row<'a>(rows: &'a [Row], name: &str) -> &'a Row {
    rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn runs_that_differ_in_their_seeds_stand_on_one_side_with_an_interval() {
    let (_root, beside) = compared(&two_sides());
    let sides: Vec<_> = beside.sides().iter().map(|it| (it.name.as_str(), it.runs.len())).collect();
    assert_eq!(sides, [("plain", 3), ("skips", 3)]);
    let [picture] = beside.pictures() else { panic!("{:?}", beside.pictures()) };
    assert_eq!(picture.slices, [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]);
    // Of 1 + 4 (x² + y²) on the corners, and of all at the centre.
    assert_eq!(picture.scale, Some((1.0, 9.0)));
    let rows = beside.rows(Some(picture));
    // The interval of 1, 2, 6 reaches from the lowest to the highest: 1/27 of all samples are all of one.
    let lambda = row(&rows, "lambda_max").sides[0].interval.unwrap();
    assert_eq!((lambda.value, lambda.low, lambda.high), (3.0, 1.0, 6.0));
    assert_eq!(row(&rows, "convexity").runs, [1.0; 6]);
    assert_eq!(row(&rows, "minima").runs, [1.0; 6]);
    // The second derivative of steep·x² is 2·steep, per squared length of the direction.
    let curvatures = [2.0, 3.0, 4.0, 0.5, 0.5, 0.5].map(|steep| 2.0 * steep / (LENGTH * LENGTH));
    for (found, expected) in row(&rows, "largest_curvature").runs.iter().zip(curvatures) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
}

#[test]
fn a_difference_inside_what_seeds_give_is_said_and_one_beyond_too() {
    let (_root, beside) = compared(&two_sides());
    let sentences = beside.sentences();
    let of = |start: &str| sentences.iter().find(|it| it.starts_with(start)).unwrap();
    assert!(of("largest eigenvalue").contains("lies beyond"), "{sentences:#?}");
    assert!(of("validation loss").contains("inside what seeds alone give"), "{sentences:#?}");
    assert!(of("minima").contains("no difference"), "{sentences:#?}");
    // τ of (λ, loss): 15 pairs, by hand.
    let tau = of("Kendall's τ of largest eigenvalue");
    assert!(tau.contains("over 6 runs") && tau.contains("0.2"), "{tau}");
    assert!(sentences.last().unwrap().contains("Andriushchenko"), "{sentences:#?}");
}

#[test]
fn one_run_on_a_side_has_no_interval() {
    let (_root, beside) = compared(&[Made::new("sgd"), Made::new("adam")]);
    assert!(beside.rows(None).iter().all(|row| row.sides.iter().all(|it| it.interval.is_none())));
    let sentences = beside.sentences();
    let words = "One run on a side (sgd, adam) tells nothing of seeds";
    assert!(sentences.len() == 1 && sentences[0].contains(words), "{sentences:?}");
}

/// What must be equal, each changed by itself.
fn otherwise() -> Vec<(&'static str, Slice)> {
    let wide = record!(Axis { spacing: 0.5, ..axis() });
    let coarse = record!(Axis { first: -2, count: 5, spacing: 0.5, ..axis() });
    vec![
        ("centre initial against final", record!(Slice { centre: "initial".into(), ..slice() })),
        ("grid 9 nodes from -2 to 2", record!(Slice { x: wide.clone(), y: Some(wide), ..slice() })),
        ("grid 5 nodes", record!(Slice { x: coarse.clone(), y: Some(coarse), ..slice() })),
        ("grid 9 nodes from -1 to 1 against", record!(Slice { y: None, ..slice() })),
        ("scaled by none", record!(Slice { normalisation: "none".into(), ..slice() })),
        ("biases filter", record!(Slice { biases: "filter".into(), ..slice() })),
        ("frozen parameters moved", record!(Slice { moves_frozen: true, ..slice() })),
        ("BatchNorm statistics", record!(Slice { batchnorm: "recalibrate".into(), ..slice() })),
        ("loss closure", record!(Slice { loss: "closure".into(), ..slice() })),
        ("mean over 64 samples", record!(Slice { samples: 64, ..slice() })),
        ("mean over 256 tokens", record!(Slice { unit: "tokens".into(), ..slice() })),
        ("in 2 batches", record!(Slice { batches: 2, ..slice() })),
        ("other samples", record!(Slice { fingerprint: "targets 0".into(), ..slice() })),
    ]
}

#[test]
fn what_was_measured_otherwise_is_named_and_not_compared() {
    for (words, other) in otherwise() {
        let odd = Made { slices: vec![other], ..Made::new("odd") };
        let (_root, beside) = compared(&[Made::new("a"), Made::new("b"), odd]);
        let [picture] = beside.pictures() else { panic!("{words}: {:?}", beside.pictures()) };
        assert_eq!(picture.slices, [(0, 0), (1, 0)], "{words}");
        let told: Vec<&String> =
            beside.remarks().iter().filter(|it| it.starts_with("odd: `random`")).collect();
        assert!(told.len() == 1 && told[0].contains(words), "{words}: {told:?}");
        // Its numbers are compared all the same.
        assert_eq!(row(&beside.rows(None), "lambda_max").runs, [4.0; 3], "{words}");
    }
}

#[test]
fn samples_that_are_not_known_are_compared_and_said_and_no_batchnorm_is_one_that_stays() {
    let unknown = record!(Slice { fingerprint: "".into(), batchnorm: "none".into(), ..slice() });
    let other = record!(Slice { fingerprint: "targets 0".into(), ..slice() });
    let with = |name, slice| Made { slices: vec![slice], ..Made::new(name) };
    let made = [with("old", unknown), Made::new("a"), Made::new("b"), with("c", other)];
    let (_root, beside) = compared(&made);
    let [picture] = beside.pictures() else { panic!("{:?}", beside.pictures()) };
    assert_eq!(picture.slices, [(0, 0), (1, 0), (2, 0)]);
    let remarks = beside.remarks().join(" ");
    assert!(remarks.contains("is not recorded of old:"), "{remarks}");
    assert!(remarks.contains("c: `random` is not compared"), "{remarks}");
}

#[test]
fn the_first_of_several_slices_is_compared_with_the_first_and_own_directions_with_none() {
    let pca = record!(Axis { kind: "pca".into(), ..axis() });
    let pca = record!(Slice { name: "pca".into(), x: pca.clone(), y: Some(pca), ..slice() });
    let second = record!(Slice { name: "random again".into(), ..slice() });
    let a = Made { slices: vec![pca.clone(), slice(), second.clone()], ..Made::new("a") };
    let b = Made { slices: vec![slice(), pca, second.clone()], ..Made::new("b") };
    let c = Made { slices: vec![slice()], ..Made::new("c") };
    let none = Made { slices: vec![], ..Made::new("d") };
    let (_root, beside) = compared(&[a, b, c, none]);
    let slices: Vec<_> = beside.pictures().iter().map(|it| it.slices.clone()).collect();
    assert_eq!(slices, [vec![(0, 1), (1, 0), (2, 0)], vec![(0, 2), (1, 2)]]);
    let remarks = beside.remarks().join(" ");
    assert!(remarks.contains("directions are those of each run: `pca` of a, b."), "{remarks}");
    assert!(remarks.contains("No random slice was measured of d:"), "{remarks}");
}

#[test]
fn runs_that_do_not_belong_together_get_an_answer_each() {
    let (root, mut paths) = write_all(&[
        Made::new("whole"),
        Made { end: None, ..Made::new("training") },
        Made { last_loss: f64::NAN, ..Made::new("diverged") },
        Made { end: Some("interrupted"), ..Made::new("interrupted") },
        Made { width: 5, dtype: "f64", ..Made::new("other") },
    ]);
    let damaged = Made::new("damaged").write(&root);
    let trace = damaged.join("trace.cbor");
    let mut bytes = fs::read(&trace).unwrap();
    let near_end = bytes.len() * 3 / 4;
    bytes[near_end] ^= 0xff;
    fs::write(&trace, bytes).unwrap();
    paths.extend([damaged, paths[0].clone(), root.path().join("missing")]);
    let beside = SideBySide::of(&paths, &Sides::Each).unwrap();
    let remark = |name: &str| {
        let run = beside.runs().iter().find(|run| run.name == name).unwrap();
        run.remarks.join(" ")
    };
    assert_eq!(remark("whole"), "");
    assert!(remark("training").contains("still goes on, or was killed"));
    assert!(remark("diverged").contains("its last loss is NaN"));
    assert!(remark("interrupted").contains("interrupted after 1 step"));
    assert!(remark("damaged").contains("of its trace cannot be read"));
    let left_out = beside.left_out().join("\n");
    assert!(left_out.contains("it is the same run as whole, given twice"), "{left_out}");
    assert!(left_out.contains("there is no run folder"), "{left_out}");
    let remarks = beside.remarks().join("\n");
    assert!(remarks.contains("whole 6 in 1 block") && remarks.contains("other 10 in 1 block"));
    assert!(remarks.contains("other in f64"), "{remarks}");
    assert!(beside.pictures()[0].slices.len() >= 5);
}

#[test]
fn curvatures_of_other_samples_are_not_compared() {
    let (root, paths) = write_all(&[Made::new("a"), Made::new("b")]);
    let mut writer = Writer::create(&RunFolder::create(root.path().join("c")).unwrap()).unwrap();
    for record in Made::new("c").records() {
        let record = match record {
            Record::Curvature(it) => record!(Curvature { samples: 8, ..it }).into(),
            other => other,
        };
        writer.append(&record).unwrap();
    }
    writer.finish(End::default()).unwrap();
    let all = paths.into_iter().chain([root.path().join("c")]);
    let beside = SideBySide::of(all, &Sides::Each).unwrap();
    let lambda = row(&beside.rows(None), "lambda_max").runs.clone();
    assert!(lambda[0] == 4.0 && lambda[1] == 4.0 && lambda[2].is_nan(), "{lambda:?}");
    assert!(beside.remarks().join(" ").contains("c: its curvature is not compared"));
}

#[test]
fn named_sides_take_runs_by_name_or_path_and_none_may_be_empty() {
    let (root, paths) = write_all(&[Made::new("a"), Made::new("b-1"), Made::new("b-2")]);
    let named = |pairs: &[(&str, &str)]| {
        Sides::Named(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    };
    let path = root.path().join("b*").display().to_string();
    let beside = SideBySide::of(&paths, &named(&[("bees", &path)])).unwrap();
    let names: Vec<&str> = beside.sides().iter().map(|side| side.name.as_str()).collect();
    assert_eq!(names, ["a", "bees"]);
    assert_eq!(beside.sides()[1].runs, [1, 2]);
    let error = SideBySide::of(&paths, &named(&[("none", "c*")])).unwrap_err();
    assert!(error.to_string().contains("the side `none` is empty"), "{error}");
    let error = SideBySide::of(&paths[..1], &Sides::Each).unwrap_err();
    assert!(error.to_string().contains("takes two runs or more, and 1 was given"), "{error}");
    // Seeds of one program alone are each a side by itself.
    let beside = SideBySide::of(&paths[1..], &Sides::ByName).unwrap();
    assert_eq!(beside.sides().len(), 2);
}

#[test]
fn runs_that_were_set_otherwise_are_no_seeds_of_one_side() {
    let set = |name, batch, seed| Made {
        settings: vec![("batch_size", batch), ("Seed", seed)],
        ..Made::new(name)
    };
    let made = [
        set("adam-16", "16", "1"),
        set("adam-512", "512", "1"),
        set("sgd-1", "16", "1"),
        set("sgd-2", "16", "2"),
    ];
    let (_root, beside) = compared(&made);
    let sides: Vec<&str> = beside.sides().iter().map(|side| side.name.as_str()).collect();
    assert_eq!(sides, ["adam-16", "adam-512", "sgd"]);
}

fn read(path: &Path) -> (Run, Vec<Record>) {
    let mut run = Run::default();
    let records = read_run(path).unwrap().records;
    records.iter().for_each(|record| run.apply(record));
    (run, records)
}

#[test]
fn a_comparison_is_a_run_that_holds_the_very_values_and_leads_back() {
    let (root, paths) = write_all(&two_sides());
    let beside = SideBySide::of(&paths, &Sides::ByName).unwrap();
    let folder = beside.write(root.path().join("deep/compared")).unwrap();
    let (run, records) = read(folder.path());
    assert!(run.state().is_over());
    let Some(Record::Runs(told)) = records.iter().find(|it| it.kind() == "runs") else { panic!() };
    for (told, path) in told.runs.iter().zip(&paths) {
        let there = folder.path().join(&told.path).canonicalize().unwrap();
        assert_eq!(there, path.canonicalize().unwrap());
        assert_eq!(told.run_id, format!("{:0>32}", told.name));
        assert!(told.name.starts_with(&told.side) && told.numbers["lambda_max"] > 0.0);
    }
    let study = run.landscapes().studies()[&0].clone();
    assert_eq!((study.kind, study.slices.len()), (StudyKind::SideBySide, 6));
    assert_eq!(study.measures["minima"], F64s(vec![1.0; 6]));
    assert_eq!(study.measures["lambda_max"][2], 6.0);
    for (landscape, made) in run.landscapes().iter().zip(two_sides()) {
        let own = made.nodes(0, &slice());
        assert_eq!(landscape.surface().unwrap().losses(), &own.loss[..]);
        assert_eq!(landscape.surface().unwrap().stderrs(), &own.stderr[..]);
        assert_eq!(landscape.slice().name, format!("{} random", made.name));
        assert_eq!(run.landscapes().common_range(landscape.slice()), Some((1.0, 9.0)));
    }
    // Nothing is written over.
    let error = beside.write(folder.path()).unwrap_err();
    assert!(error.to_string().contains("nothing was overwritten"), "{error}");
    let full = root.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("notes.txt"), "mine").unwrap();
    assert!(beside.write(&full).is_err() && !full.join("trace.cbor").exists());
}

#[test]
fn nan_stays_nan_and_interpolated_nodes_stay_interpolated() {
    let root = tempfile::tempdir().unwrap();
    for made in [Made::new("a"), Made::new("b")] {
        let folder = RunFolder::create(root.path().join(made.name)).unwrap();
        let mut writer = Writer::create(&folder).unwrap();
        for record in made.records() {
            writer.append(&record).unwrap();
        }
        let filled = record!(Slice { slice: 1, ..slice() });
        writer.append(&filled.into()).unwrap();
        let nodes = |index: Vec<u32>, loss: Vec<f64>, interpolated| {
            record!(Nodes { slice: 1, index: U32s(index), loss: F64s(loss), interpolated }).into()
        };
        writer.append(&nodes(vec![0, 7], vec![f64::NAN, 3.0], false)).unwrap();
        writer.append(&nodes(vec![2], vec![2.5], true)).unwrap();
        writer.finish(End::default()).unwrap();
    }
    let paths = ["a", "b"].map(|name| root.path().join(name));
    let beside = SideBySide::of(paths, &Sides::Each).unwrap();
    assert_eq!(beside.pictures().len(), 2);
    let folder = beside.write(root.path().join("c")).unwrap();
    let (run, _) = read(folder.path());
    let surface = run.landscapes().get(2).unwrap().surface().unwrap();
    assert!(surface.is_measured(0) && surface.losses()[0].is_nan());
    assert_eq!((surface.loss(7), surface.loss(2), surface.loss(1)), (Some(3.0), Some(2.5), None));
    assert!(!surface.is_measured(2));
}
