//! Slices of every kind, each against the closed form of a quadratic or plain arithmetic on files.

use burn::module::Module;
use burn::tensor::Tensor;
use burnscape::geometry::direction::{DirectionOptions, random};
use burnscape::geometry::layout::{Block, Layout};
use burnscape::{Biases, Direction, Normalisation, Point, Probe, SliceSpec, SliceSurface, Watched};

use super::models::{Mlp, QUADRATIC_DIMS, Quadratic};
use super::plain::{
    MLP_BLOCKS, bilinear, hessian_times, mlp_loss, moved, quadratic_loss, quadratic_slope, weights,
};
use super::support::{
    Run, assert_close, assert_names, batch, epoch, largest, training_batch, wave_rows,
};

fn samples() -> Vec<[f32; QUADRATIC_DIMS]> {
    wave_rows(3, 0.8)
}

fn batches() -> [Tensor<2>; 1] {
    [batch(&samples())]
}

/// Three epochs of two steps, a snapshot after every step, so that steps can be recomputed: 0 … 6.
fn trained(run: &Run) -> (Probe, Watched<Quadratic>) {
    let builder = run.builder().resolution(7, 5).snapshot_every_steps(1).keep_last_update();
    let probe = builder.start().expect("a probe");
    let mut model = probe.watch(Quadratic::new());
    for _ in 0..3 {
        model = epoch(model, 0.1, 2, &training_batch(&samples()));
    }
    (probe, model.valid())
}

/// Measures slices of a trained quadratic; the run is closed afterwards.
fn measured<const N: usize>(run: &Run, specs: [SliceSpec; N]) -> [SliceSurface; N] {
    let (probe, model) = trained(run);
    let mut study = probe.study(&model, &batches()).expect("a study");
    let slices = specs.map(|spec| study.slice(&spec).expect("a slice"));
    let landscape = study.finish().expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    let names = |slices: &[SliceSurface]| -> Vec<String> {
        slices.iter().map(|it| it.slice.name.clone()).collect()
    };
    assert_eq!(names(landscape.slices()), names(&slices));
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
    slices
}

/// Parameters of a snapshot in layout order.
fn flat(run: &Run, snapshot: usize) -> Vec<f32> {
    let tensors = run.snapshot(snapshot);
    [&tensors["weight"].1[..], &tensors["bias"].1[..]].concat()
}

fn minus(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// Every node, in memory and in the trace, has the closed form around this centre.
fn assert_closed_form(run: &Run, slice: &SliceSurface, centre: &[f32], directions: &[&[f32]]) {
    let centre = wide(centre);
    let directions: Vec<Vec<f64>> = directions.iter().map(|it| wide(it)).collect();
    let zero = vec![0.0; QUADRATIC_DIMS];
    let (d1, d2) = (&directions[0], directions.get(1).unwrap_or(&zero));
    let value = quadratic_loss(&centre, &samples());
    let slopes = [d1, d2].map(|d| quadratic_slope(&centre, &samples(), d));
    let grid = slice.surface.grid();
    let told = run.told_losses(&slice.slice.name);
    let scale = largest(slice.surface.losses());
    assert_eq!(told.len(), grid.len());
    for (node, told) in told.into_iter().enumerate() {
        let (a, b) = grid.coordinates(node);
        let straight = value + a * slopes[0] + b * slopes[1];
        let bent = a * a * bilinear(d1, d1) + 2.0 * a * b * bilinear(d1, d2);
        let expected = straight + 0.5 * (bent + b * b * bilinear(d2, d2));
        let what = format!("{} at ({a}, {b})", slice.slice.name);
        assert_close(slice.surface.losses()[node], expected, scale, &what);
        assert_eq!(told.to_bits(), slice.surface.losses()[node].to_bits(), "{what} in the trace");
    }
}

/// The directions that the file of a slice holds, and its centre first.
fn kept(run: &Run, slice: &SliceSurface) -> Vec<Vec<f32>> {
    let file = slice.slice.directions.as_ref().expect("a file of directions");
    let mut tensors = run.tensors(file);
    let names = ["centre", "d1", "d2"];
    names.iter().filter_map(|name| tensors.remove(*name)).map(|(_, values)| values).collect()
}

fn layout() -> Layout {
    let weight = Block::new("weight", "Quadratic", &[2, 3], Some(2));
    Layout::new(vec![weight, Block::new("bias", "Quadratic", &[2], None)]).expect("a layout")
}

#[test]
fn a_line_between_two_snapshots_has_the_closed_form_and_both_ends() {
    let run = Run::new();
    let spec = SliceSpec::between(Point::Initial, Point::Final).resolution(9, 1);
    let [line] = measured(&run, [spec]);
    let (first, last) = (flat(&run, 0), flat(&run, 6));
    let direction = minus(&last, &first);
    assert_closed_form(&run, &line, &first, &[&direction]);
    assert_eq!(kept(&run, &line), [first.clone(), direction]);
    assert_eq!((line.slice.centre.as_str(), line.slice.centre_snapshot), ("initial", Some(0)));
    assert_eq!(line.slice.x.kind, "points");
    assert_eq!(line.slice.y, None);
    // The margin is a fifth of the way; nodes are multiples of a spacing and 0 is one.
    let axis = line.surface.grid().x();
    assert!(axis.min() <= -0.2 && axis.max() >= 1.2, "{} to {}", axis.min(), axis.max());
    // Along the line, snapshots 0 and 6 lie at 0 and 1, on it; the others beside it.
    let path = run.trajectory(&line.slice.name);
    assert!(path.y.is_empty());
    assert_close(path.x[0], 0.0, 1.0, "the first snapshot");
    assert_close(path.x[6], 1.0, 1.0, "the last snapshot");
    assert_close(path.out_of_plane[0], 0.0, 1.0, "it lies on the line");
    assert_close(path.out_of_plane[6], 0.0, 1.0, "so does the last");
}

#[test]
fn a_plane_through_three_snapshots_has_the_closed_form() {
    let run = Run::new();
    let spec = SliceSpec::through(Point::Snapshot(2), Point::Snapshot(0), Point::Snapshot(5));
    let [plane] = measured(&run, [spec]);
    let origin = flat(&run, 2);
    let [d1, d2] = [0, 5].map(|index| minus(&flat(&run, index), &origin));
    assert_closed_form(&run, &plane, &origin, &[&d1, &d2]);
    let path = run.trajectory("through");
    for (index, [x, y]) in [(2, [0.0, 0.0]), (0, [1.0, 0.0]), (5, [0.0, 1.0])] {
        assert_close(path.x[index], x, 1.0, "x of a corner");
        assert_close(path.y[index], y, 1.0, "y of a corner");
        assert_close(path.out_of_plane[index], 0.0, 1.0, "a corner lies in the plane");
        assert_close(path.loss_on_plane[index], path.loss[index], path.loss[0], "and has its loss");
    }
}

#[test]
fn differences_of_snapshots_and_the_last_update_are_what_the_snapshots_say() {
    let run = Run::new();
    let between = Direction::Difference(Point::Snapshot(1), Point::Snapshot(2));
    let spec = SliceSpec::plane(between, Direction::LastUpdate).name("moves");
    let [plane] = measured(&run, [spec]);
    let momentum = minus(&flat(&run, 2), &flat(&run, 1));
    let update = minus(&flat(&run, 6), &flat(&run, 5));
    assert_closed_form(&run, &plane, &flat(&run, 6), &[&momentum, &update]);
    assert_eq!(kept(&run, &plane)[1..], [momentum, update]);
    let y = plane.slice.y.expect("a plane");
    assert_eq!((plane.slice.x.kind.as_str(), y.kind.as_str()), ("points", "update"));
}

#[test]
fn every_pair_of_components_spans_a_plane_of_eigenvectors_of_the_covariance() {
    let run = Run::new();
    let pair = |x, y| SliceSpec::plane(Direction::Component(x), Direction::Component(y));
    let slices = measured(&run, [pair(1, 3), pair(2, 1).centre(Point::Initial)]);
    let snapshots: Vec<Vec<f64>> = (0..7).map(|index| wide(&flat(&run, index))).collect();
    let mean = |place: usize| snapshots.iter().map(|it| it[place]).sum::<f64>() / 7.0;
    let means: Vec<f64> = (0..QUADRATIC_DIMS).map(mean).collect();
    // Σₜ (θₜ − mean)·d (θₜ − mean) / (T − 1)
    let covariance_times = |d: &[f64]| -> Vec<f64> {
        let mut product = vec![0.0; QUADRATIC_DIMS];
        for snapshot in &snapshots {
            let away: Vec<f64> = snapshot.iter().zip(&means).map(|(a, m)| a - m).collect();
            let along: f64 = away.iter().zip(d).map(|(a, d)| a * d).sum();
            product.iter_mut().zip(&away).for_each(|(sum, a)| *sum += along * a / 6.0);
        }
        product
    };
    let total: f64 = (0..QUADRATIC_DIMS)
        .map(|k| {
            let unit: Vec<f64> = (0..QUADRATIC_DIMS).map(|i| f64::from(u8::from(i == k))).collect();
            covariance_times(&unit)[k]
        })
        .sum();
    let mut seen = Vec::new();
    for (slice, centre) in slices.iter().zip([6, 0]) {
        let vectors = kept(&run, slice);
        assert_closed_form(&run, slice, &flat(&run, centre), &[&vectors[1], &vectors[2]]);
        let y = slice.slice.y.as_ref().expect("a plane");
        for (axis, direction) in [(&slice.slice.x, &vectors[1]), (y, &vectors[2])] {
            let variance = axis.explained.expect("a share") * total;
            let product = covariance_times(&wide(direction));
            for (found, entry) in product.iter().zip(wide(direction)) {
                assert_close(*found, variance * entry, variance, &axis.label);
            }
            seen.push((axis.label.clone(), variance));
        }
    }
    let variance = |label: &str| {
        let found = seen.iter().find(|(it, _)| it == label);
        found.expect("a component").1
    };
    assert!(variance("PC 1") > variance("PC 2") && variance("PC 2") > variance("PC 3"));
}

#[test]
fn the_gradient_of_a_quadratic_is_its_hessian_times_the_way_from_the_mean() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let mut study = probe.study(&model, &batches()).expect("a study");
    let unequal = [training_batch(&samples()[..1]), training_batch(&samples()[1..])];
    let gradient = study.gradient(&unequal).expect("a gradient");
    let line = study.slice(&SliceSpec::line(gradient)).expect("a line");
    study.finish().expect("a landscape");
    let centre = flat(&run, 6);
    let direction = &kept(&run, &line)[1];
    let mean = |place: usize| samples().iter().map(|it| f64::from(it[place])).sum::<f64>() / 3.0;
    let away: Vec<f64> =
        centre.iter().enumerate().map(|(place, it)| f64::from(*it) - mean(place)).collect();
    let expected = hessian_times(&away);
    for (found, expected) in wide(direction).iter().zip(&expected) {
        assert_close(*found, *expected, largest(&away), "the gradient");
    }
    assert_closed_form(&run, &line, &centre, &[direction]);
    assert_eq!(line.slice.x.kind, "gradient");
}

#[test]
fn a_given_vector_is_followed_as_it_is() {
    let run = Run::new();
    let given = [1.0, 0.0, -2.0, 0.0, 0.5, 0.0, 0.0, 3.0];
    let spec = SliceSpec::line(Direction::given("mine", given.to_vec())).range(-0.5..=0.25);
    let [line] = measured(&run, [spec]);
    assert_closed_form(&run, &line, &flat(&run, 6), &[&given]);
    assert_eq!(line.slice.name, "mine");
    let axis = line.surface.grid().x();
    assert!(axis.min() <= -0.5 && axis.max() >= 0.25 && axis.max() - axis.min() < 1.0);
}

#[test]
fn axes_may_have_different_counts_and_ranges() {
    let run = Run::new();
    let spec = SliceSpec::random().ranges(-2.0..=1.0, -0.1..=0.1).resolution(4, 9);
    let [plane] = measured(&run, [spec]);
    let grid = plane.surface.grid();
    assert_eq!((grid.columns(), grid.rows()), (4, 9));
    assert_eq!((grid.x().min(), grid.x().max()), (-2.0, 1.0));
    let y = grid.y().expect("a plane");
    assert_eq!((y.min(), y.max()), (-0.1, 0.1));
}

#[test]
fn a_range_may_be_taken_from_the_trajectory() {
    let run = Run::new();
    let [plane] = measured(&run, [SliceSpec::random().around_trajectory().resolution(11, 11)]);
    let path = run.trajectory("random");
    let grid = plane.surface.grid();
    let inside = |values: &[f64], axis: &burnscape::geometry::grid::Axis| {
        values.iter().all(|&value| value >= axis.min() && value <= axis.max())
    };
    assert!(inside(&path.x, grid.x()));
    assert!(inside(&path.y, grid.y().expect("a plane")));
}

#[test]
fn the_best_snapshot_is_the_one_with_the_lowest_true_loss() {
    let run = Run::new();
    let [line] = measured(&run, [SliceSpec::line(Direction::random()).centre(Point::Best)]);
    let losses: Vec<f64> =
        (0..7).map(|index| quadratic_loss(&wide(&flat(&run, index)), &samples())).collect();
    let best = (0..7).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).expect("snapshots");
    assert_eq!(line.slice.centre_snapshot, Some(best as u64));
    assert_close(line.slice.centre_loss, losses[best], losses[0], "its loss");
    assert!(line.slice.centre.contains("best"), "{}", line.slice.centre);
}

#[test]
fn a_model_from_elsewhere_may_be_a_centre_or_a_corner() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let mut study = probe.study(&model, &batches()).expect("a study");
    let other = study.point("other", &Quadratic::new()).expect("a point");
    let from = study.slice(&SliceSpec::between(other.clone(), Point::Final)).expect("a line");
    let to = study.slice(&SliceSpec::between(Point::Final, other).name("back")).expect("a line");
    study.finish().expect("a landscape");
    // The other model has the values with which training began.
    let (first, last) = (flat(&run, 0), flat(&run, 6));
    assert_closed_form(&run, &from, &first, &[&minus(&last, &first)]);
    assert_closed_form(&run, &to, &last, &[&minus(&first, &last)]);
    assert_eq!((from.slice.centre.as_str(), from.slice.centre_snapshot), ("other", None));
    assert_eq!(kept(&run, &from)[0], first);
}

#[test]
fn an_orthogonal_pair_is_at_a_right_angle_and_keeps_its_lengths() {
    let run = Run::new();
    let through = || SliceSpec::through(Point::Final, Point::Snapshot(0), Point::Snapshot(1));
    let [plain, square] = measured(&run, [through(), through().orthogonal().name("square")]);
    let [plain_d, square_d] = [&plain, &square].map(|it| kept(&run, it));
    assert_eq!(plain_d[1], square_d[1]);
    assert!(plain.slice.cosine.expect("a cosine") > 0.5);
    assert_close(square.slice.cosine.expect("a cosine"), 0.0, 1.0, "the angle");
    let length = |it: &SliceSurface| it.slice.y.as_ref().expect("a plane").direction_norm;
    assert_close(length(&square), length(&plain), length(&plain), "the length");
    assert_closed_form(&run, &square, &flat(&run, 6), &[&square_d[1], &square_d[2]]);
    assert!(square.slice.orthogonalised && !plain.slice.orthogonalised);
}

#[test]
fn a_random_slice_is_given_back_by_its_seeds() {
    let run = Run::new();
    let seeded = SliceSpec::plane(Direction::seeded(5), Direction::seeded(9)).name("seeded");
    let slices = measured(&run, [SliceSpec::random().seed(4), seeded.centre(Point::Snapshot(1))]);
    for (slice, (centre, seeds)) in slices.iter().zip([(6, [8, 9]), (1, [5, 9])]) {
        let centre = flat(&run, centre);
        let options = DirectionOptions::default();
        let [d1, d2] =
            seeds.map(|seed| random(&layout(), &centre, seed, &options).expect("a direction"));
        let y = slice.slice.y.as_ref().expect("a plane");
        assert_eq!([slice.slice.x.seed, y.seed], seeds.map(Some));
        assert_eq!(slice.slice.directions, None);
        assert_closed_form(&run, slice, &centre, &[&d1, &d2]);
    }
}

/// Squared norm of each group of entries, in f64.
fn squares(values: &[f32], groups: &[Vec<usize>]) -> Vec<f64> {
    let of = |group: &Vec<usize>| group.iter().map(|&i| f64::from(values[i]).powi(2)).sum::<f64>();
    groups.iter().map(of).collect()
}

/// Entries of the perceptron's vector: the columns of both weights, and both biases.
fn columns() -> [Vec<Vec<usize>>; 2] {
    let column = |start: usize, rows: usize, columns: usize| {
        (0..columns).map(move |c| (0..rows).map(|r| start + r * columns + c).collect::<Vec<_>>())
    };
    let filters = column(0, 3, 4).chain(column(16, 4, 2)).collect();
    [filters, vec![(12..16).collect(), (24..26).collect()]]
}

#[test]
fn random_directions_are_normalised_as_asked_and_biases_do_as_asked() {
    let run = Run::new();
    let rows: Vec<[f32; 5]> = wave_rows(6, 0.2);
    let probe = run.probe();
    let mut model = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&rows));
    }
    let mut study = probe.study(&model.valid(), &[batch(&rows)]).expect("a study");
    let [filters, biases] = columns();
    let weights_of = |range: std::ops::Range<usize>| -> Vec<usize> { range.collect() };
    let layers = vec![weights_of(0..12), weights_of(16..24)];
    let entries: Vec<Vec<usize>> = layers.iter().flatten().map(|&i| vec![i]).collect();
    let bias_entries: Vec<Vec<usize>> = biases.iter().flatten().map(|&i| vec![i]).collect();
    let nothing = Vec::new();
    let cases = [
        (Normalisation::Filter, Biases::Ignored, &filters, &nothing, "filter", "ignored"),
        (Normalisation::Layer, Biases::Filter, &layers, &biases, "layer", "filter"),
        (Normalisation::Weight, Biases::Kept, &entries, &bias_entries, "weight", "kept"),
        (Normalisation::None, Biases::Ignored, &nothing, &nothing, "none", "ignored"),
    ];
    let snapshots = 4;
    for (normalisation, bias, weight_groups, bias_groups, told, told_biases) in cases {
        let spec = SliceSpec::random().normalisation(normalisation).biases(bias);
        let slice = study.slice(&spec).expect("a slice");
        assert_eq!(slice.slice.normalisation, told);
        assert_eq!(slice.slice.biases, told_biases);
        let map = study.layout().expect("a layout").clone();
        let last = weights(&run.snapshot(snapshots - 1));
        let centre: Vec<f32> = MLP_BLOCKS
            .iter()
            .flat_map(|(path, _)| last[*path].clone())
            .map(|it| it as f32)
            .collect();
        let options = DirectionOptions { normalisation, biases: bias, move_frozen: false };
        let seeds = [&slice.slice.x, slice.slice.y.as_ref().expect("a plane")];
        let directions =
            seeds.map(|axis| random(&map, &centre, axis.seed.expect("a seed"), &options));
        let directions = directions.map(|it| it.expect("a direction"));
        for direction in &directions {
            for groups in [weight_groups, bias_groups] {
                let pairs = squares(direction, groups).into_iter().zip(squares(&centre, groups));
                for (found, expected) in pairs {
                    assert_close(found, expected, expected.max(1e-9), told);
                }
            }
            if bias_groups.is_empty() {
                assert!(squares(direction, &biases).iter().all(|&it| it == 0.0), "{told}");
            }
        }
        let losses = slice.surface.losses();
        let scale = largest(losses);
        for (node, &loss) in losses.iter().enumerate() {
            let (a, b) = slice.surface.grid().coordinates(node);
            let there = moved(&last, &MLP_BLOCKS, [&directions[0], &directions[1]], [a, b]);
            assert_close(loss, mlp_loss(&there, &rows), scale, &format!("{told} at ({a}, {b})"));
        }
    }
    study.finish().expect("a landscape");
}

#[test]
fn names_are_given_once() {
    let run = Run::new();
    let line = || SliceSpec::line(Direction::random());
    let slices = measured(&run, [SliceSpec::random(), SliceSpec::random(), line(), line()]);
    let names = slices.each_ref().map(|it| it.slice.name.as_str());
    assert_eq!(names, ["random", "random 2", "random 1", "random 1 2"]);
}

#[test]
fn the_provenance_of_a_slice_is_whole() {
    let run = Run::new();
    let [plane] = measured(&run, [SliceSpec::random()]);
    let slice = run.slice("random");
    assert_eq!(slice, plane.slice);
    let centre = wide(&flat(&run, 6));
    let norm = centre.iter().map(|it| it * it).sum::<f64>().sqrt();
    assert_close(slice.centre_norm, norm, norm, "‖θ‖");
    assert_eq!((slice.samples, slice.batches), (3, 1));
    assert_eq!((slice.dtype.as_str(), slice.batchnorm.as_str()), ("f32", "none"));
    assert_eq!(slice.loss, "output");
    assert!(slice.device.to_lowercase().contains("flex"), "{}", slice.device);
    for shares in &slice.shares {
        assert_close(shares.iter().sum::<f64>(), 1.0, 1.0, "shares of the blocks");
    }
    let names: Vec<_> = run.checks().into_iter().map(|it| it.name).collect();
    assert_names(&names.join(" "), &["centre-twice", "centre-on-grid", "model-unchanged"]);
}
