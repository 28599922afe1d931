//! What slices hold beside the loss, and barriers that runs tell.

use burnscape_trace::{Layer, LayerNodes, Study};

use super::*;

/// Three times the loss, or 1 less a hundredth of it.
fn value_of(layer: &str, loss: f64) -> f64 {
    if layer.ends_with("loss") { 3.0 * loss } else { 1.0 - loss / 100.0 }
}

pub(super) fn nodes_of(layer: &str, loss: &[f64]) -> LayerNodes {
    let value: Vec<f64> = loss.iter().map(|&loss| value_of(layer, loss)).collect();
    record!(LayerNodes { stderr: vec![1e-3; value.len()].into(), value: value.into() })
}

fn with_layers(name: &'static str, floor: f64, layers: &[(&str, u64)]) -> Made {
    let layer =
        |&(name, samples): &(&str, u64)| record!(Layer { name: name.into(), samples, batches: 2 });
    let layers = layers.iter().map(layer).collect();
    Made { floor, slices: vec![record!(Slice { layers, ..slice() })], ..Made::new(name) }
}

#[test]
fn further_layers_are_compared_by_name_where_they_are_of_the_same_samples() {
    let (root, beside) = compared(&[
        with_layers("a", 1.0, &[("valid loss", 64), ("accuracy", 256)]),
        with_layers("b", 2.0, &[("accuracy", 256), ("valid loss", 64)]),
        with_layers("c", 4.0, &[("valid loss", 32)]),
        with_layers("d", 5.0, &[("own", 1)]),
    ]);
    let [picture] = beside.pictures() else { panic!("{:?}", beside.pictures()) };
    let told: Vec<_> = picture.layers.iter().map(|it| (it.name.as_str(), it.scale)).collect();
    // The loss reaches from its floor to 4 above it.
    assert_eq!(told, [("valid loss", Some((3.0, 18.0))), ("accuracy", Some((0.94, 0.99)))]);
    let rows = beside.rows(Some(picture));
    let known = |name: &str| -> Vec<f64> {
        let all = row(&rows, name).runs.iter().copied();
        all.filter(|it| !it.is_nan()).collect()
    };
    assert_eq!(known("valid loss: centre"), [3.0, 6.0]);
    assert_eq!(known("accuracy: centre"), [0.99, 0.98]);
    assert_eq!(known("valid loss: convexity"), [1.0, 1.0]);
    // Three times a loss doubles where the loss does.
    assert_eq!(known("valid loss: doubling_radius"), known("doubling_radius")[..2]);
    // That an accuracy is curved says nothing.
    assert!(rows.iter().all(|it| it.name != "accuracy: convexity"));
    let remarks = beside.remarks().join(" ");
    let words = "`valid loss` of c is not compared: others have 64 samples in 2 batches of it.";
    assert!(remarks.contains(words), "{remarks}");
    // The comparison holds the values and the numbers, and its readers find one scale for each.
    let folder = beside.write(root.path().join("all")).unwrap();
    let (run, _) = read(folder.path());
    let landscapes = run.landscapes();
    let study = &landscapes.studies()[&0];
    assert_eq!(study.measures["accuracy: centre"][..2], [0.99, 0.98]);
    let b = landscapes.get(1).unwrap();
    let accuracy = b.quantity_named("accuracy").unwrap();
    assert_eq!(accuracy.surface.losses()[0], value_of("accuracy", 2.0 + 4.0));
    assert_eq!(landscapes.common_range_of(b.slice(), &accuracy), Some((0.94, 0.99)));
    let loss = b.quantity(0).unwrap();
    assert_eq!(landscapes.common_range_of(b.slice(), &loss), Some((1.0, 9.0)));
}

/// Writes a run that tells of lines between models, each measured in one way or two.
fn with_barriers(root: &TempDir, name: &str, lines: &[&[f64]]) -> PathBuf {
    let path = root.path().join(name);
    let mut writer = Writer::create(&RunFolder::create(&path).unwrap()).unwrap();
    writer.append(&record!(Head { format: FORMAT, run_id: name.into() }).into()).unwrap();
    for (number, heights) in (0..).zip(lines) {
        let measures = [("barrier".to_owned(), F64s(heights.to_vec()))].into();
        let study = record!(Study { study: number, kind: StudyKind::Barrier, measures });
        writer.append(&study.into()).unwrap();
    }
    writer.finish(record!(End { reason: "finished".into() })).unwrap();
    path
}

#[test]
fn of_runs_that_tell_of_several_lines_the_highest_barrier_stands_in_the_table() {
    let root = tempfile::tempdir().unwrap();
    let lines: [(&str, &[&[f64]]); 4] = [
        // Two seeds, the same aligned, two children: the order in which they were measured tells nothing.
        ("several", &[&[1.25], &[0.125], &[0.0]]),
        // With BatchNorm a line is measured twice, and the way that keeps it low is no artefact.
        ("ways", &[&[2.0, 0.5], &[0.25, 0.75]]),
        ("stopped", &[&[f64::NAN]]),
        ("none", &[]),
    ];
    let paths = lines.map(|(name, lines)| with_barriers(&root, name, lines));
    let beside = SideBySide::of(&paths, &Sides::Each).unwrap();
    let rows = beside.rows(None);
    let barriers = row(&rows, "barrier");
    assert_eq!(barriers.runs[..2], [1.25, 0.5]);
    assert!(barriers.runs[2..].iter().all(|it| it.is_nan()), "{barriers:?}");
    assert_eq!(barriers.sides[3].in_words(), "–");
}

#[test]
fn of_runs_without_lines_there_is_no_row_of_barriers() {
    let (_root, beside) = compared(&[Made::new("a"), Made::new("b")]);
    assert!(beside.rows(None).iter().all(|row| row.name != "barrier"));
}

/// What a reader of the written comparison tells of its sides is what the comparison itself told.
#[test]
fn the_table_of_a_written_comparison_is_the_one_that_was_concluded() {
    let (root, beside) = compared(&two_sides());
    let folder = beside.write(root.path().join("all")).unwrap();
    let (run, _) = read(folder.path());
    let study = &run.landscapes().studies()[&0];
    let names: Vec<&str> =
        run.landscapes().slices_of(study).map(|it| it.slice().name.as_str()).collect();
    let table = table_of(study, &names, run.compared()).unwrap();
    let sides: Vec<_> = table.sides.iter().map(|it| (it.name.as_str(), it.runs.len())).collect();
    assert_eq!(sides, [("plain", 3), ("skips", 3)]);
    let rows = beside.rows(beside.pictures().first());
    assert_eq!(table.rows.len(), rows.len());
    for told in &table.rows {
        let own = row(&rows, &told.name);
        let words = |row: &Row| row.sides.iter().map(SideValue::in_words).collect::<Vec<_>>();
        assert_eq!((&told.label, words(told)), (&own.label, words(own)), "{}", told.name);
    }
    // Of a study of one run there is none.
    let other = record!(Study { kind: StudyKind::InitialAndTrained, ..study.clone() });
    assert_eq!(table_of(&other, &names, run.compared()), None);
}

#[test]
fn runs_whose_names_begin_alike_are_told_apart_in_the_table() {
    let (root, beside) = compared(&[Made::new("a"), Made::new("a b")]);
    let folder = beside.write(root.path().join("all")).unwrap();
    let (run, _) = read(folder.path());
    let study = &run.landscapes().studies()[&0];
    let table = table_of(study, &["a random", "a b random"], run.compared()).unwrap();
    let sides: Vec<_> = table.sides.iter().map(|it| (it.name.as_str(), &it.runs[..])).collect();
    assert_eq!(sides, [("a", &[0][..]), ("a b", &[1][..])]);
}
