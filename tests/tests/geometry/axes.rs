//! Axes: not swapped, not mirrored, not square, and the centre a node of its own.

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape::Probe;
use burnscape::geometry::surface::NodeState;

use super::models::{Mlp, height, walk};
use super::support::{Run, assert_close, batch, bits, epoch, training_batch, wave_rows};

/// Corners of a rectangle, 8 wide and 2 high: x and y do not vary together, so the components are
/// the axes themselves, x first. They point to where training went: to the right and upwards.
const RECTANGLE: [[f32; 2]; 4] = [[-4.0, -1.0], [-4.0, 1.0], [4.0, -1.0], [4.0, 1.0]];

fn linear(point: &[f32]) -> f32 {
    3.0 * point[0] + 10.0 * point[1]
}

/// Walks the rectangle and measures `of` with half the extent as a margin: the nodes are
/// x = −8, −4 … 8 and y = −2, 1, 4.
fn measured(run: &Run, of: impl Fn(&[f32]) -> f32 + Sync) -> burnscape::Landscape {
    let probe = run.builder().margin(0.5).start().expect("a probe");
    let walker = walk(&probe, &RECTANGLE);
    let landscape = probe.finish_with(&walker, &[batch(&[[0.0, 0.0]])], height(of));
    landscape.expect("a landscape")
}

#[test]
fn a_linear_loss_lands_on_its_own_nodes_with_the_axes_not_swapped() {
    let run = Run::new();
    measured(&run, linear);
    // 3x + 10y for x = −8, −4, 0, 4, 8, at y = −2, then 1, then 4.
    #[rustfmt::skip]
    let expected = [
        -44.0, -32.0, -20.0, -8.0,  4.0,
        -14.0,  -2.0,  10.0, 22.0, 34.0,
         16.0,  28.0,  40.0, 52.0, 64.0,
    ];
    let found = run.losses("pca");
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_close(*found, expected, 64.0, "a node");
    }
}

#[test]
fn the_axes_say_where_their_nodes_lie() {
    let run = Run::new();
    measured(&run, linear);
    let slice = run.slice("pca");
    let y = slice.y.expect("a plane");
    // Seen from the last point (4, 1), where α = β = 0: α from −12 to 4, β from −3 to 3.
    assert_eq!((slice.x.first, slice.x.count), (-3, 5));
    assert_eq!((y.first, y.count), (-1, 3));
    assert_close(slice.x.spacing, 4.0, 4.0, "the spacing of x");
    assert_close(y.spacing, 3.0, 3.0, "the spacing of y");
    assert_eq!((slice.x.label.as_str(), y.label.as_str()), ("PC 1", "PC 2"));
    assert_eq!(slice.loss, "closure");
    assert_eq!(slice.centre, "final");
}

/// The end of training is the corner of the rectangle: what lies beyond it is rounding.
#[test]
fn without_a_margin_no_node_is_spent_on_rounding() {
    let run = Run::new();
    let probe = run.builder().margin(0.0).start().expect("a probe");
    let walker = walk(&probe, &RECTANGLE);
    let batches = [batch(&[[0.0, 0.0]])];
    probe.finish_with(&walker, &batches, height(linear)).expect("a landscape");
    let slice = run.slice("pca");
    let y = slice.y.expect("a plane");
    // α from −8 to 0 and β from −2 to 0.
    assert_eq!((slice.x.first, y.first), (-4, -2));
    assert_close(slice.x.spacing, 2.0, 2.0, "the spacing of x");
    assert_close(y.spacing, 1.0, 1.0, "the spacing of y");
}

#[test]
fn the_margin_is_a_share_of_the_trajectorys_extent() {
    let run = Run::new();
    let probe = run.builder().margin(0.25).resolution(49, 49).start().expect("a probe");
    let walker = walk(&probe, &RECTANGLE);
    let batches = [batch(&[[0.0, 0.0]])];
    probe.finish_with(&walker, &batches, height(linear)).expect("a landscape");
    let slice = run.slice("pca");
    // −8 … 0 with a quarter of 8 at each end: −10 … 2, widened by less than one spacing.
    let (first, spacing) = (slice.x.first as f64, slice.x.spacing);
    let last = first + slice.x.count as f64 - 1.0;
    assert!(first * spacing <= -10.0 + 1e-9 && first * spacing > -10.0 - spacing);
    assert!(last * spacing >= 2.0 - 1e-9 && last * spacing < 2.0 + spacing);
}

#[test]
fn the_random_plane_reaches_as_far_as_asked() {
    let run = Run::new();
    let probe = run.builder().random_range(0.5).start().expect("a probe");
    let walker = walk(&probe, &RECTANGLE);
    let batches = [batch(&[[0.0, 0.0]])];
    probe.finish_with(&walker, &batches, height(linear)).expect("a landscape");
    let nodes = run.nodes("random");
    let ends = |of: fn(&super::support::Node) -> f64| {
        let values: Vec<f64> = nodes.iter().map(of).collect();
        (values[0], values[values.len() - 1])
    };
    assert_eq!(ends(|node| node.alpha), (-0.5, 0.5));
    assert_eq!(ends(|node| node.beta), (-0.5, 0.5));
    // One filter of the length of the final point (4, 1).
    assert_close(run.slice("random").x.direction_norm, 17_f64.sqrt(), 4.0, "‖d₁‖");
}

#[test]
fn what_finish_gives_back_is_what_the_trace_holds() {
    let run = Run::new();
    let landscape = measured(&run, linear);
    for name in ["pca", "random"] {
        let slice = landscape.slice(name).expect("a plane");
        assert_eq!(bits(slice.surface.losses()), bits(&run.losses(name)));
        // As text, in which NaN equals NaN.
        let told = format!("{:?}", run.trajectory(name));
        assert_eq!(format!("{:?}", slice.trajectory), told);
        assert_eq!(slice.slice, run.slice(name));
    }
    let order: Vec<&str> = landscape.slices().iter().map(|it| it.slice.name.as_str()).collect();
    assert_eq!(order, ["pca", "random"]);
}

#[test]
fn the_node_at_the_centre_has_the_loss_of_the_model_bit_for_bit() {
    let run = Run::new();
    let rows: Vec<[f32; 5]> = wave_rows(6, 0.2);
    let probe = run.probe();
    let mut model = probe.watch(Mlp::new());
    for _ in 0..3 {
        model = epoch(model, 0.05, 2, &training_batch(&rows));
    }
    let model = model.valid();
    probe.finish(&model, &[batch(&rows)]).expect("a landscape");
    let own = InferenceStep::step(model.inner(), batch(&rows));
    let own = f64::from(own.loss.into_scalar::<f32>());
    for name in ["pca", "random"] {
        let nodes = run.nodes(name);
        let mut centre = nodes.iter().filter(|node| node.alpha == 0.0 && node.beta == 0.0);
        assert_eq!(centre.next().expect("a centre").loss.to_bits(), own.to_bits());
        assert!(centre.next().is_none(), "there is one centre");
        assert_eq!(run.slice(name).centre_loss.to_bits(), own.to_bits());
        assert_eq!(run.trajectory(name).loss.last(), Some(&own));
    }
    assert_eq!(run.slice("pca").loss, "output");
}

#[test]
fn every_check_of_a_sound_run_has_passed() {
    let run = Run::new();
    measured(&run, linear);
    let checks = run.checks();
    let told: Vec<_> = checks.iter().map(|it| (it.name.as_str(), it.slice, it.passed)).collect();
    // Both planes, and the four coarse ones that the random plane is compared with.
    let centres = (0..6).map(|slice| ("centre-on-grid", Some(slice), true));
    let mut expected = vec![("centre-twice", None, true)];
    expected.extend(centres);
    expected.push(("model-unchanged", None, true));
    assert_eq!(told, expected);
    assert_eq!(run.end(), "finished");
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let surface = |threads: usize| {
        let run = Run::new();
        let rows: Vec<[f32; 5]> = wave_rows(4, 0.2);
        let probe = run.builder().threads(threads).start().expect("a probe");
        let model = epoch(probe.watch(Mlp::new()), 0.05, 2, &training_batch(&rows));
        probe.finish(&model.valid(), &[batch(&rows)]).expect("a landscape");
        [bits(&run.losses("pca")), bits(&run.losses("random"))]
    };
    assert_eq!(surface(1), surface(4));
}

#[test]
fn a_budget_of_nothing_gives_the_centre_and_says_so() {
    let run = Run::new();
    let nothing = std::time::Duration::ZERO;
    let probe = run.builder().budget(nothing).clock(move || nothing);
    let probe: Probe = probe.start().expect("a probe");
    let walker = walk(&probe, &RECTANGLE);
    let batches = [batch(&[[0.0, 0.0]])];
    let landscape = probe.finish_with(&walker, &batches, height(linear)).expect("a landscape");
    for slice in landscape.slices() {
        let centre = slice.surface.grid().centre();
        for (node, state) in slice.surface.states().iter().enumerate() {
            assert_eq!(*state == NodeState::Measured, node == centre);
        }
        assert_eq!(slice.surface.centre_loss(), Some(slice.slice.centre_loss));
    }
    let last = landscape.summary().pop().expect("a last line");
    assert!(last.starts_with("Measured 2 of 30 nodes, 28 not measured"), "{last}");
    assert!(run.notes().contains(&last) && last.contains("resume()"), "{last}");
    assert_eq!(run.end(), "finished");
}
