//! The path of training: where it begins and ends, its coordinates, its losses, and how much of it
//! the plane shows.

use burn::tensor::{Device, Tensor, TensorData};

use super::models::{ConvNorm, Walker, height, walk};
use super::plain::{conv_loss, weights};
use super::support::{
    Run, assert_close, assert_names, batch, device, epoch, sgd, step, training_batch, wave_rows,
    waves,
};
use burn::module::Module;

/// Corners of a box, 8 × 4 × 2: coordinates do not vary together, so that the components are the
/// axes, longest first; the last corner is (4, 2, 1).
const BOX: [[f32; 3]; 8] = [
    [-4.0, -2.0, -1.0],
    [-4.0, 2.0, -1.0],
    [-4.0, -2.0, 1.0],
    [-4.0, 2.0, 1.0],
    [4.0, -2.0, -1.0],
    [4.0, 2.0, -1.0],
    [4.0, -2.0, 1.0],
    [4.0, 2.0, 1.0],
];

fn walked<const D: usize>(path: &[[f32; D]]) -> Run {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, path);
    let origin = [batch(&[[0.0; D]]), batch(&[[1.0; D]])];
    probe.finish(&walker, &origin).expect("a landscape");
    run
}

#[test]
fn snapshot_0_is_the_model_before_its_first_update_and_its_buffers_before_the_first_batch() {
    let run = Run::new();
    let probe = run.probe();
    let rows: Vec<[f32; 17]> = wave_rows(5, 1.4);
    let model = probe.watch(ConvNorm::new());
    let model = epoch(epoch(model, 0.1, 3, &training_batch(&rows)), 0.1, 3, &training_batch(&rows));
    probe.finish(&model.valid(), &[batch(&rows)]).expect("a landscape");
    let first = run.snapshot(0);
    assert_eq!(first["conv.weight"], (vec![2, 1, 3, 3], waves(18, 0.7)));
    assert_eq!(first["output.bias"], (vec![1], waves(1, 0.9)));
    assert_eq!(first["norm.running_mean"].1, [0.0, 0.0]);
    assert_eq!(first["norm.running_var"].1, [1.0, 1.0]);
    let last = run.snapshot(2);
    for path in ["conv.weight", "norm.gamma", "norm.running_mean", "norm.running_var"] {
        assert_ne!(last[path], first[path], "{path} has moved");
    }
    let snapshots = run.snapshots();
    assert_eq!((snapshots[0].index, snapshots[0].reason.as_str()), (0, "initial"));
    assert_eq!(snapshots[0].step, 0);
}

#[test]
fn every_snapshot_holds_the_point_where_training_was() {
    let run = walked(&BOX);
    for (index, point) in BOX.iter().enumerate() {
        assert_eq!(run.snapshot(index)["point"], (vec![1, 3], point.to_vec()));
    }
    let files = run.snapshots();
    for snapshot in files {
        let bytes = std::fs::read(run.path().join(&snapshot.file)).expect("a file");
        assert_eq!(snapshot.bytes, bytes.len() as u64);
        assert_eq!(snapshot.crc32, crc32fast::hash(&bytes));
    }
}

#[test]
fn the_returned_model_is_the_last_point_and_lies_at_the_centre_of_both_planes() {
    let run = walked(&BOX);
    for name in ["pca", "random"] {
        let trajectory = run.trajectory(name);
        let last = trajectory.x.len() - 1;
        assert_eq!((trajectory.x[last], trajectory.y[last]), (0.0, 0.0), "{name}");
        assert_eq!(trajectory.out_of_plane[last], 0.0, "{name}");
    }
}

#[test]
fn a_returned_model_that_equals_the_last_epoch_counts_once() {
    let run = walked(&BOX);
    let snapshots = run.snapshots();
    let last = snapshots.last().expect("snapshots");
    assert_eq!((snapshots.len(), last.reason.as_str()), (9, "final"));
    assert_eq!(last.same_as, Some(7));
    assert_eq!(last.file, snapshots[7].file);
    assert_eq!(run.trajectory("pca").snapshots.0, [0, 1, 2, 3, 4, 5, 6, 7]);
    let files = std::fs::read_dir(run.path().join("snapshots")).expect("a folder");
    assert_eq!(files.count(), 8);
}

#[test]
fn coordinates_are_distances_along_the_components_seen_from_the_end() {
    let run = walked(&BOX);
    let trajectory = run.trajectory("pca");
    for (place, [x, y, z]) in BOX.into_iter().enumerate() {
        assert_close(trajectory.x[place], f64::from(x) - 4.0, 8.0, "x");
        assert_close(trajectory.y[place], f64::from(y) - 2.0, 8.0, "y");
        // The plane is z = 1.
        assert_close(trajectory.out_of_plane[place], 1.0 - f64::from(z), 8.0, "the distance");
    }
    assert!(!trajectory.degenerate);
}

#[test]
fn the_share_out_of_the_plane_is_a_share_of_the_squared_distance_from_the_centre() {
    let run = walked(&BOX);
    let trajectory = run.trajectory("pca");
    for (place, [x, y, z]) in BOX.into_iter().enumerate().take(7) {
        let squared = [x - 4.0, y - 2.0, z - 1.0].map(|it| it * it);
        let share = f64::from(squared[2] / squared.iter().sum::<f32>());
        let found = trajectory.out_of_plane_share[place];
        assert_close(found, share, 1.0, &format!("snapshot {place}"));
    }
}

#[test]
fn losses_are_those_at_the_snapshot_and_below_it_on_the_plane() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &BOX);
    let loss = height(|point| point[0] * point[0] + 10.0 * point[1] + 100.0 * point[2]);
    probe.finish_with(&walker, &[batch(&[[0.0; 3]])], loss).expect("a landscape");
    let trajectory = run.trajectory("pca");
    for (place, [x, y, z]) in BOX.into_iter().enumerate() {
        let own = f64::from(x * x + 10.0 * y + 100.0 * z);
        assert_close(trajectory.loss[place], own, 136.0, "the true loss");
        // The projection has z = 1.
        let on_plane = f64::from(x * x + 10.0 * y + 100.0);
        assert_close(trajectory.loss_on_plane[place], on_plane, 136.0, "the loss on the plane");
    }
}

#[test]
fn coordinates_in_a_skew_plane_are_coefficients_of_least_squares() {
    let run = walked(&BOX);
    let slice = run.slice("random");
    let trajectory = run.trajectory("random");
    let y = slice.y.expect("a plane");
    // The lengths and the angle that the trace tells give the squared distance within the plane:
    // with the distance from it they have to make up the whole.
    let lengths = [slice.x.direction_norm, y.direction_norm];
    let cosine = slice.cosine.expect("a cosine");
    for (place, [px, py, pz]) in BOX.into_iter().enumerate() {
        let (a, b) = (trajectory.x[place] * lengths[0], trajectory.y[place] * lengths[1]);
        let within = a * a + b * b + 2.0 * a * b * cosine;
        let outside = trajectory.out_of_plane[place].powi(2);
        let whole = f64::from((px - 4.0).powi(2) + (py - 2.0).powi(2) + (pz - 1.0).powi(2));
        assert_close(within + outside, whole, 84.0, "the squared distance");
    }
}

/// Descends along a straight line to the origin, on ½‖θ‖².
fn straight() -> (Run, burnscape::Landscape) {
    let run = Run::new();
    let probe = run.probe();
    let mut walker = probe.watch(Walker::at(&[3.0, 4.0, -1.0, 0.7]));
    for _ in 0..6 {
        walker = epoch(walker, 0.3, 1, &training_batch(&[[0.0; 4]]));
    }
    let batches = [batch(&[[0.0; 4]]), batch(&[[1.0; 4]])];
    let landscape = probe.finish(&walker.valid(), &batches).expect("a landscape");
    (run, landscape)
}

#[test]
fn a_straight_line_has_a_degenerate_second_component_and_nothing_is_nan() {
    let (run, landscape) = straight();
    let trajectory = run.trajectory("pca");
    assert!(trajectory.degenerate);
    assert_close(trajectory.explained[0], 1.0, 1.0, "the first component");
    for name in ["pca", "random"] {
        let it = run.trajectory(name);
        let columns = [&it.x, &it.y, &it.out_of_plane, &it.loss, &it.loss_on_plane];
        assert!(columns.iter().all(|column| column.len() == 7));
        let figures = [&it.explained, &it.random_walk, &it.random_walk_measured];
        let mut all = columns.into_iter().chain(figures).flat_map(|column| column.iter());
        assert!(all.all(|value| value.is_finite()), "{it:?}");
        assert!(run.nodes(name).iter().all(|node| node.loss.is_finite()));
        assert!(run.nodes(name).iter().all(|node| node.stderr.is_finite()));
        let slice = run.slice(name);
        let y = slice.y.expect("a plane");
        assert!(slice.x.spacing > 0.0 && y.spacing > 0.0);
        assert!(slice.cosine.expect("a cosine").is_finite());
        assert!(slice.x.direction_norm > 0.0 && y.direction_norm > 0.0);
    }
    let words = landscape.summary().join("\n");
    assert!(!words.contains("NaN"), "{words}");
}

#[test]
fn a_straight_line_has_coordinates_that_shrink_with_the_weights() {
    let (run, _) = straight();
    let trajectory = run.trajectory("pca");
    // θ shrinks by 1 − 0.3 at every step; ‖θ₀‖² = 9 + 16 + 1 + 0.49. Training runs to the right.
    let length = 26.49_f64.sqrt();
    for (place, x) in trajectory.x.iter().enumerate() {
        let expected = -length * (0.7_f64.powi(place as i32) - 0.7_f64.powi(6));
        assert_close(*x, expected, length, "x");
        assert_close(trajectory.y[place], 0.0, length, "y");
    }
}

#[test]
fn two_snapshots_make_a_trajectory_with_one_component() {
    let run = walked(&[[0.0, 0.0], [3.0, 4.0]]);
    let trajectory = run.trajectory("pca");
    assert_close(trajectory.x[0], -5.0, 5.0, "x");
    assert!(trajectory.degenerate);
    assert_eq!(trajectory.explained.0, [1.0]);
    assert_eq!(trajectory.random_walk.0, [1.0]);
}

#[test]
fn explained_variances_are_the_variances_of_the_box() {
    let run = walked(&BOX);
    let trajectory = run.trajectory("pca");
    // Half widths 4, 2, 1: variances 16 : 4 : 1.
    let expected = [16.0 / 21.0, 4.0 / 21.0, 1.0 / 21.0];
    assert_eq!(trajectory.explained.len(), 7);
    for (found, expected) in trajectory.explained.iter().zip(expected) {
        assert_close(*found, expected, 1.0, "a share");
    }
    let slice = run.slice("pca");
    assert_close(slice.x.explained.expect("a share"), expected[0], 1.0, "PC 1");
    assert_close(slice.y.expect("a plane").explained.expect("a share"), expected[1], 1.0, "PC 2");
}

#[test]
fn beside_them_stands_what_a_random_walk_of_as_many_snapshots_would_explain() {
    // Antognini & Sohl-Dickstein 2018: shares of 1/(4 sin²(πk/2T)).
    for (count, first, second) in
        [(3, 0.750, 0.250), (5, 0.6545, 0.1809), (10, 0.6191, 0.1587), (20, 0.6107, 0.1536)]
    {
        let path: Vec<[f32; 2]> = (0..count).map(|t| [t as f32, (t * t % 7) as f32]).collect();
        let trajectory = walked(&path).trajectory("pca");
        assert_eq!(trajectory.random_walk.len(), count - 1);
        assert!((trajectory.random_walk[0] - first).abs() < 6e-5, "{count}");
        assert!((trajectory.random_walk[1] - second).abs() < 6e-5, "{count}");
    }
}

#[test]
fn a_path_with_a_right_angle_explains_what_a_random_walk_with_its_step_lengths_does() {
    // Steps 1 and 2 at a right angle: the scatter [[2, 2], [2, 8]]/3 has eigenvalues (5 ± √13)/3.
    let trajectory = walked(&[[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]).trajectory("pca");
    let expected = [(5.0 + 13_f64.sqrt()) / 10.0, (5.0 - 13_f64.sqrt()) / 10.0];
    for (place, expected) in expected.into_iter().enumerate() {
        assert_close(trajectory.random_walk_measured[place], expected, 1.0, "the walk");
        assert_close(trajectory.explained[place], expected, 1.0, "the path");
    }
}

#[test]
fn three_snapshots_explain_everything_and_the_words_say_that_this_says_nothing() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &[[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]);
    let landscape = probe.finish(&walker, &[batch(&[[0.0; 2]])]).expect("a landscape");
    let trajectory = run.trajectory("pca");
    assert_close(trajectory.explained.iter().sum(), 1.0, 1.0, "both components");
    let words = landscape.summary().join("\n");
    assert!(words.contains("says nothing"), "{words}");
}

#[test]
fn a_frozen_parameter_takes_no_part_in_the_path() {
    let run = Run::new();
    let probe = run.probe();
    let mut walker = probe.watch(Walker::at(&[1.0, 5.0]));
    for x in [2.0, 4.0, 3.0] {
        // The second coordinate is already where the sample is: no gradient.
        walker = step(walker, &mut sgd(), 1.0, training_batch(&[[x, 5.0]]));
        let _ = walker.valid();
    }
    let landscape = probe.finish(&walker.valid(), &[batch(&[[0.0; 2]])]).expect("a landscape");
    let words = landscape.summary().join("\n");
    assert_names(&words, &["PC 1 explains 100.0 % of 4 snapshots'", "Line `pca`"]);
    // One parameter moved: that is a line, not a plane.
    assert_eq!(run.slice("pca").y, None);
    let directions = run.tensors("directions/0000.safetensors");
    assert!(!directions.contains_key("d2"));
    assert_eq!(directions["d1"].1[1], 0.0);
    assert_close(f64::from(directions["d1"].1[0]).abs(), 1.0, 1.0, "the only direction");
}

/// A learning rate of 0: nothing but the statistics of BatchNorm moves.
#[test]
fn statistics_in_snapshots_are_those_after_the_last_batch_even_if_nothing_else_moves() {
    let run = Run::new();
    let probe = run.builder().snapshot_every_steps(1).start().expect("a probe");
    let rows: Vec<[f32; 17]> = wave_rows(5, 1.4);
    let model = epoch(probe.watch(ConvNorm::new()), 0.0, 4, &training_batch(&rows));
    probe.finish(&model.valid(), &[batch(&rows)]).expect("a landscape");
    let mean = |step: usize| f64::from(run.snapshot(step)["norm.running_mean"].1[0]);
    for step in 1..=4 {
        // m ← 0.9 m + 0.1 μ, from 0: m = (1 − 0.9ᵏ) μ.
        let expected = mean(1) / 0.1 * (1.0 - 0.9_f64.powi(step as i32));
        assert_close(mean(step), expected, expected.abs(), "the running mean");
    }
    // No weight moved, so there is no principal component, and that is said.
    assert!(run.notes().join("\n").contains("`pca`"), "{:?}", run.notes());
    let trajectory = run.trajectory("random");
    assert_eq!(trajectory.snapshots.0, [0, 1, 2, 3, 4]);
    assert_eq!((&trajectory.x.0[..], &trajectory.y.0[..]), (&[0.0; 5][..], &[0.0; 5][..]));
    for (place, loss) in trajectory.loss.iter().enumerate() {
        let own = conv_loss(&weights(&run.snapshot(place)), &rows);
        assert_close(*loss, own, own, "the true loss");
    }
}

/// Snapshots are read in pieces; the last number of this model is far from the first.
#[test]
fn every_number_of_a_long_model_takes_part_in_its_coordinates() {
    const LONG: usize = 1_100_000;
    let row = |first: f32, last: f32| {
        let mut row = vec![0.0; LONG];
        (row[0], row[LONG - 1]) = (first, last);
        row
    };
    let on = |row: Vec<f32>, device: &Device| {
        Tensor::<2>::from_data(TensorData::new(row, [1, LONG]), device)
    };
    let run = Run::new();
    let probe = run.builder().resolution(3, 3).start().expect("a probe");
    let mut walker = probe.watch(Walker::at(&row(0.0, 0.0)));
    for (first, last) in [(3.0, 0.0), (3.0, 4.0)] {
        walker = step(walker, &mut sgd(), 1.0, on(row(first, last), &device()));
        let _ = walker.valid();
    }
    let batches = [on(row(0.0, 0.0), &Device::flex())];
    probe.finish(&walker.valid(), &batches).expect("a landscape");
    let trajectory = run.trajectory("pca");
    // Steps of 3 and 4 at a right angle: seen from the end the points lie at 5, 4 and 0.
    for (place, expected) in [5.0, 4.0, 0.0].into_iter().enumerate() {
        let distance = trajectory.x[place].hypot(trajectory.y[place]);
        assert_close(distance, expected, 5.0, "the distance");
        assert_close(trajectory.out_of_plane[place], 0.0, 5.0, "the distance from the plane");
    }
    assert_eq!(trajectory.loss.0, [0.0, 4.5, 12.5]);
}
