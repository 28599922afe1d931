//! Which arrays an export holds, and that their numbers are those of the trace.

use std::fs;

use burnscape_trace::{F64s, Layer, LayerNodes, Nodes, Slice, Trajectory, record};

use super::support::{TestRun, WITHOUT, axis, nodes, plane};

const NAN: f64 = f64::NAN;

fn trajectory(slice: u32, x: &[f64], y: &[f64]) -> Trajectory {
    record!(Trajectory {
        slice: Some(slice),
        snapshots: (0..x.len() as u32).collect(),
        x: F64s(x.to_vec()),
        y: F64s(y.to_vec()),
        loss: x.iter().map(|x| x * x).collect(),
    })
}

fn layered(names: &[&str]) -> Slice {
    let layer = |name: &&str| record!(Layer { name: (*name).into(), centre: 0.5 });
    record!(Slice { layers: names.iter().map(layer).collect(), ..plane(0) })
}

#[test]
fn a_plane_has_a_row_per_beta_and_an_entry_per_alpha() {
    let mut run = TestRun::new();
    run.add(plane(4)).add(nodes(4, vec![3, 0], vec![7.5, 0.25])).add(nodes(4, vec![2], vec![1.0]));
    let npz = run.npz(WITHOUT);
    assert_eq!(
        npz.keys(),
        ["slice4_info", "slice4_loss", "slice4_state", "slice4_stderr", "slice4_x", "slice4_y"]
    );
    assert_eq!(npz.f64s("slice4_x"), [-0.5, 0.0, 0.5]);
    assert_eq!(npz.f64s("slice4_y"), [-0.5, 0.0]);
    for key in ["slice4_loss", "slice4_stderr", "slice4_state"] {
        assert_eq!(npz.shape(key), [2, 3], "{key}");
    }
    assert_eq!(npz.words("slice4_loss"), ["0.25", "NaN", "1", "7.5", "NaN", "NaN"]);
    assert_eq!(npz.words("slice4_stderr"), ["0.125", "NaN", "0.125", "0.125", "NaN", "NaN"]);
    assert_eq!(npz.u8s("slice4_state"), [1, 0, 1, 1, 0, 0]);
}

#[test]
fn a_line_has_one_axis() {
    let mut run = TestRun::new();
    run.add(record!(Slice { y: None, ..plane(0) }))
        .add(nodes(0, vec![0, 1, 2], vec![3.0, 1.0, 2.0]))
        .add(trajectory(0, &[-0.5, 0.25], &[]));
    let npz = run.npz(WITHOUT);
    assert!(!npz.has("slice0_y"));
    assert_eq!(npz.shape("slice0_loss"), [3]);
    assert_eq!(npz.f64s("slice0_loss"), [3.0, 1.0, 2.0]);
    for key in ["trajectory_xy", "slice0_trajectory_xy"] {
        assert_eq!(npz.shape(key), [2, 1]);
        assert_eq!(npz.f64s(key), [-0.5, 0.25]);
    }
}

#[test]
fn what_was_measured_as_nan_or_infinite_is_told_from_what_was_not_measured() {
    let mut run = TestRun::new();
    let losses = vec![NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0];
    run.add(plane(0)).add(nodes(0, vec![0, 1, 2, 3], losses));
    let npz = run.npz(WITHOUT);
    assert_eq!(npz.words("slice0_loss"), ["NaN", "inf", "-inf", "-0", "NaN", "NaN"]);
    assert_eq!(npz.u8s("slice0_state"), [1, 1, 1, 1, 0, 0]);
}

#[test]
fn interpolated_nodes_are_marked_and_never_replace_measured_ones() {
    let mut run = TestRun::new();
    let interpolated = |index, loss| record!(Nodes { interpolated: true, ..nodes(0, index, loss) });
    run.add(plane(0))
        .add(nodes(0, vec![0], vec![1.0]))
        .add(interpolated(vec![0, 1, 2], vec![9.0, 8.0, 7.0]))
        .add(nodes(0, vec![2], vec![2.0]));
    let npz = run.npz(WITHOUT);
    assert_eq!(npz.u8s("slice0_state"), [1, 2, 1, 0, 0, 0]);
    assert_eq!(npz.words("slice0_loss")[..3], ["1", "8", "2"]);
    assert_eq!(npz.words("slice0_stderr")[..3], ["0.125", "NaN", "0.125"]);
}

#[test]
fn further_layers_have_keys_of_their_own_that_the_provenance_lists() {
    let mut run = TestRun::new();
    let values = |value: &[f64]| {
        record!(LayerNodes { value: F64s(value.to_vec()), stderr: F64s(vec![0.5]) })
    };
    let tile = record!(Nodes {
        layers: vec![values(&[0.75, NAN]), values(&[4.0, 5.0])],
        ..nodes(0, vec![1, 5], vec![1.0, 2.0])
    });
    run.add(layered(&["Accuracy", "valid loss"])).add(tile);
    let npz = run.npz(WITHOUT);
    assert_eq!(npz.shape("slice0_accuracy"), [2, 3]);
    assert_eq!(npz.words("slice0_accuracy"), ["NaN", "0.75", "NaN", "NaN", "NaN", "NaN"]);
    assert_eq!(npz.words("slice0_valid_loss"), ["NaN", "4", "NaN", "NaN", "NaN", "5"]);
    assert_eq!(npz.words("slice0_accuracy_stderr")[1], "0.5");
    assert_eq!(npz.words("slice0_valid_loss_stderr")[5], "NaN");
    let layers = &npz.json("slice0_info")["layers"];
    assert_eq!(layers[1]["key"], "slice0_valid_loss");
    assert_eq!(layers[1]["name"], "valid loss");
}

#[test]
fn hostile_layer_names_hide_nothing_and_leave_no_folder() {
    let mut run = TestRun::new();
    let hostile = ["../../../etc/passwd", "loss", "", "", "/abs", "a\0b", "🔥", "LOSS", "x stderr"];
    run.add(layered(&hostile)).add(nodes(0, vec![0], vec![0.25]));
    let npz = run.npz(WITHOUT);
    assert_eq!(npz.f64s("slice0_loss")[0], 0.25);
    // The loss with stderr, state, info, x, y, and two arrays per layer.
    assert_eq!(npz.keys().len(), 6 + 2 * hostile.len());
    assert!(npz.keys().iter().all(|key| !key.contains(['/', '\\', '.', '\0'])), "{:?}", npz.keys());
    let layers = npz.json("slice0_info")["layers"].clone();
    for (layer, name) in layers.as_array().unwrap().iter().zip(hostile) {
        assert_eq!(layer["name"], name);
        assert!(npz.has(layer["key"].as_str().unwrap()));
    }
}

#[test]
fn the_provenance_is_json_with_words_where_json_lacks_numbers() {
    let mut run = TestRun::new();
    run.add(record!(Slice {
        name: "Fläche \"β\" 𝕏".into(),
        centre_loss: f64::INFINITY,
        cosine: Some(NAN),
        centre_norm: 0.1,
        shares: vec![F64s(vec![0.25, 0.75])],
        study: Some(3),
        ..plane(0)
    }));
    let info = run.npz(WITHOUT).json("slice0_info");
    assert_eq!(info["name"], "Fläche \"β\" 𝕏");
    assert_eq!(info["centre_loss"], "Infinity");
    assert_eq!(info["cosine"], "NaN");
    assert_eq!(info["centre_norm"], 0.1);
    assert_eq!(info["shares"], serde_json::json!([[0.25, 0.75]]));
    assert_eq!(info["x"]["seed"], 2);
    assert_eq!((&info["study"], &info["tolerance"]), (&3.into(), &serde_json::Value::Null));
    assert_eq!(info["run"]["run_id"], "ab");
}

#[test]
fn every_trajectory_is_there_and_the_first_has_a_short_name() {
    let mut run = TestRun::new();
    let live = record!(Trajectory { slice: None, ..trajectory(0, &[9.0], &[9.0]) });
    run.add(plane(0)).add(plane(1)).add(plane(2)).add(live);
    run.add(trajectory(2, &[5.0], &[6.0]));
    run.add(trajectory(1, &[0.0], &[0.0])).add(trajectory(1, &[1.0, 3.0], &[2.0, 4.0]));
    let npz = run.npz(WITHOUT);
    assert_eq!(npz.f64s("trajectory_xy"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(npz.shape("slice1_trajectory_xy"), [2, 2]);
    assert_eq!(npz.f64s("slice1_trajectory_loss"), [1.0, 9.0]);
    assert_eq!(npz.f64s("slice2_trajectory_xy"), [5.0, 6.0]);
    assert!(!npz.has("slice0_trajectory_xy"));
}

#[test]
fn without_the_flag_no_parameters_are_needed_or_written() {
    let mut run = TestRun::with_snapshots();
    fs::remove_dir_all(run.folder.snapshots_dir()).unwrap();
    run.add(plane(0));
    let npz = run.npz(WITHOUT);
    for key in ["centre", "layout", "buffers", "buffer_layout", "slice0_d1", "slice0_d2"] {
        assert!(!npz.has(key), "{key}");
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let mut run = TestRun::with_snapshots();
    run.add(plane(0)).add(nodes(0, vec![0], vec![1.0]));
    let mut bytes = || {
        run.export(super::support::WITH_DIRECTIONS).unwrap();
        fs::read(run.out()).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_slice_that_is_repeated_keeps_its_nodes_also_around_a_diverged_model() {
    let mut run = TestRun::new();
    let slice = record!(Slice { centre_loss: NAN, ..plane(0) });
    run.add(slice.clone()).add(nodes(0, vec![0], vec![1.0])).add(slice);
    assert_eq!(run.npz(WITHOUT).u8s("slice0_state")[0], 1);
    // Another slice of the same number is another surface.
    run.add(record!(Slice { x: axis(2), ..plane(0) }));
    assert_eq!(run.npz(WITHOUT).u8s("slice0_state"), [0; 4]);
}
