//! Slices beside each other: initial and trained, other seeds, other ranges.

use std::collections::BTreeMap;

use burn::module::Module;
use burnscape::geometry::direction::{DirectionOptions, random};
use burnscape::trace::{Record, Study};
use burnscape::{BatchLoss, BatchNormMode, Direction, Landscape, Point, Probe, SliceSpec, Watched};

use super::models::{ConvNorm, Mlp, QUADRATIC_DIMS, Quadratic, Walker, walk};
use super::plain::{MLP_BLOCKS, bilinear, mlp_loss, moved, weights};
use super::support::{
    Run, assert_close, assert_names, batch, bits, epoch, largest, training_batch, wave_rows,
};

fn rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.2)
}

fn trained(run: &Run) -> (Probe, Watched<Mlp>) {
    let probe = run.builder().resolution(17, 17).start().expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    (probe, model.valid())
}

/// The last record of each study.
fn studies(run: &Run) -> Vec<Study> {
    let mut studies = BTreeMap::new();
    for record in run.records() {
        if let Record::Study(study) = record {
            studies.insert(study.study, study);
        }
    }
    studies.into_values().collect()
}

fn words(landscape: &Landscape) -> String {
    landscape.summary().join("\n")
}

#[test]
fn initial_and_trained_are_drawn_with_the_same_seeds_each_around_its_own_weights() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let mut study = probe.study(&model, &[batch(&rows())]).expect("a study");
    let both = study.initial_and_trained(&SliceSpec::random().seed(3).resolution(5, 5));
    let both = both.expect("two slices");
    let layout = study.layout().expect("a layout").clone();
    study.finish().expect("a landscape");
    let last = run.snapshots().len() - 1;
    for (slice, snapshot, centre) in [(&both.initial, 0, "initial"), (&both.trained, last, "final")]
    {
        assert_eq!(slice.slice.centre, centre);
        let y = slice.slice.y.as_ref().expect("a plane");
        assert_eq!([slice.slice.x.seed, y.seed], [Some(6), Some(7)]);
        let tensors = weights(&run.snapshot(snapshot));
        let flat: Vec<f32> = MLP_BLOCKS
            .iter()
            .flat_map(|(path, _)| tensors[*path].clone())
            .map(|it| it as f32)
            .collect();
        let draw = |seed| random(&layout, &flat, seed, &DirectionOptions::default());
        let directions = [6, 7].map(|seed| draw(seed).expect("a direction"));
        let scale = largest(slice.surface.losses());
        for (node, &loss) in slice.surface.losses().iter().enumerate() {
            let (a, b) = slice.surface.grid().coordinates(node);
            let there = moved(&tensors, &MLP_BLOCKS, [&directions[0], &directions[1]], [a, b]);
            assert_close(loss, mlp_loss(&there, &rows()), scale, centre);
        }
    }
    // One scale for both: the lowest and highest of all nodes.
    let losses = [both.initial.surface.losses(), both.trained.surface.losses()].concat();
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(both.scale, Some((lowest, highest)));
    let [study] = &studies(&run)[..] else { panic!("one study") };
    assert_eq!(study.kind, "initial-and-trained");
    assert_eq!((study.lowest, study.highest), (Some(lowest), Some(highest)));
    let numbers = [both.trained.slice.slice, both.initial.slice.slice];
    assert_eq!(study.slices, numbers);
    assert_eq!(both.initial.slice.study, Some(study.study));
}

#[test]
fn agreement_of_a_round_bowl_finds_every_plane_the_same() {
    // ½‖θ − s‖² has the curvature 1 everywhere, and is convex.
    let run = Run::new();
    let probe = run.builder().resolution(17, 17).start().expect("a probe");
    let walker = walk(&probe, &[[3.0, 2.0], [-1.0, 2.0], [1.0, -1.0]]);
    let mut study = probe.study(&walker, &[batch(&[[0.5, 0.5]])]).expect("a study");
    let shown = study.slice(&SliceSpec::random().seed(1)).expect("a slice");
    let agreement = study.agreement(&shown, 5).expect("an agreement");
    let landscape = study.finish().expect("a landscape");
    assert_eq!(agreement.planes.len(), 6);
    let [study] = &studies(&run)[..] else { panic!("one study") };
    assert_eq!(study.kind, "agreement");
    assert_eq!(study.slices.len(), 6);
    for name in ["largest_curvature", "smallest_curvature", "convexity"] {
        let values = &study.measures[name];
        assert_eq!(values.len(), 6, "{name}");
        for value in values.iter() {
            assert_close(*value, 1.0, 100.0, name);
        }
    }
    // Seeds 1 (shown), then 2 … 6; two streams each.
    let seeds: Vec<_> = agreement.planes.iter().map(|it| it.slice.x.seed).collect();
    assert_eq!(seeds, [2, 4, 6, 8, 10, 12].map(Some));
    // Only the slice that was shown is one of the landscape; the others are in the trace.
    assert_eq!(landscape.slices().len(), 1);
    assert!(!study.sentences.is_empty());
    assert_names(&words(&landscape), &[study.sentences[0].as_str()]);
}

/// Where weights are small and the loss is not, losses of neighbours differ by less than f32 can tell.
#[test]
fn at_a_tiny_scale_rounding_is_the_error_of_a_curvature_and_covers_it() {
    for length in [1e-7_f32, 1e-5, 1e-3, 1e-1] {
        let run = Run::new();
        let probe = run.builder().resolution(17, 17).start().expect("a probe");
        let path = [[3.0, 2.0], [-1.0, 2.0], [0.6, -0.8]].map(|point| point.map(|it| it * length));
        let walker = walk(&probe, &path);
        let mut study = probe.study(&walker, &[batch(&[[1.0, 0.5]])]).expect("a study");
        let shown = study.slice(&SliceSpec::random().seed(1)).expect("a slice");
        study.agreement(&shown, 3).expect("an agreement");
        study.finish().expect("a landscape");
        let curvature = shown.curvature().expect("a plane");
        for found in [curvature.largest, curvature.smallest] {
            let off = (found.curvature - 1.0).abs();
            assert!(off <= found.error, "{length}: {} ± {}", found.curvature, found.error);
        }
        assert!(length > 1e-4 || curvature.largest.error > 1.0, "{length}: {curvature:?}");
        let told = &studies(&run)[0].measures;
        for name in ["largest_curvature", "smallest_curvature"] {
            let both = told[name].iter().zip(told["curvature_error"].iter());
            for (found, error) in both {
                assert!((found - 1.0).abs() <= *error, "{length}: {name} {found} ± {error}");
            }
        }
    }
}

#[test]
fn agreement_reads_curvatures_that_the_hessian_gives() {
    let run = Run::new();
    let samples: Vec<[f32; QUADRATIC_DIMS]> = wave_rows(3, 0.8);
    let probe = run.builder().resolution(9, 9).start().expect("a probe");
    let mut model = probe.watch(Quadratic::new());
    for _ in 0..3 {
        model = epoch(model, 0.1, 2, &training_batch(&samples));
    }
    let mut study = probe.study(&model.valid(), &[batch(&samples)]).expect("a study");
    let shown = study.slice(&SliceSpec::random()).expect("a slice");
    let agreement = study.agreement(&shown, 3).expect("an agreement");
    let layout = study.layout().expect("a layout").clone();
    study.finish().expect("a landscape");
    let last = run.snapshot(run.snapshots().len() - 1);
    let centre = [&last["weight"].1[..], &last["bias"].1[..]].concat();
    let told = &studies(&run)[0].measures;
    for (plane, slice) in agreement.planes.iter().enumerate() {
        let y = slice.slice.y.as_ref().expect("a plane");
        let seeds = [slice.slice.x.seed, y.seed].map(|seed| seed.expect("a seed"));
        let draw = |seed| random(&layout, &centre, seed, &DirectionOptions::default());
        let wide = |it: Vec<f32>| it.into_iter().map(f64::from).collect::<Vec<_>>();
        let [d1, d2] = seeds.map(|seed| wide(draw(seed).expect("a direction")));
        // Gram–Schmidt, then the eigenvalues of [[aᵀHa, aᵀHb], [aᵀHb, bᵀHb]].
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let unit = |v: Vec<f64>| {
            let norm = dot(&v, &v).sqrt();
            v.into_iter().map(|it| it / norm).collect::<Vec<_>>()
        };
        let a = unit(d1);
        let along = dot(&a, &d2);
        let b = unit(d2.iter().zip(&a).map(|(d, a)| d - along * a).collect());
        let (p, q, r) = (bilinear(&a, &a), bilinear(&a, &b), bilinear(&b, &b));
        let (middle, half) = (0.5 * (p + r), (0.25 * (p - r).powi(2) + q * q).sqrt());
        // f32 losses, and differences of them over a spacing of 1/4: rounding is larger here.
        let close = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 2e-3 * half.max(1.0), "{found} for {expected}");
        };
        close(told["largest_curvature"][plane], middle + half);
        close(told["smallest_curvature"][plane], middle - half);
    }
}

#[test]
fn other_planes_lie_around_the_centre_of_the_one_shown_also_if_no_snapshot_is_there() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &[[3.0, 2.0], [-1.0, 2.0], [1.0, -1.0]]);
    let mut study = probe.study(&walker, &[batch(&[[0.5, 0.5]])]).expect("a study");
    let elsewhere = study.point("elsewhere", &Walker::at(&[7.0, -3.0])).expect("a point");
    let shown = study.slice(&SliceSpec::random().centre(elsewhere)).expect("a slice");
    let agreement = study.agreement(&shown, 2).expect("an agreement");
    study.finish().expect("a landscape");
    for plane in &agreement.planes {
        assert_eq!(plane.slice.centre, "elsewhere");
        // ½((7 − ½)² + (−3 − ½)²)
        assert_eq!(plane.slice.centre_loss, 27.25);
        assert_eq!(plane.surface.centre_loss(), Some(27.25));
    }
}

#[test]
fn other_planes_have_the_statistics_of_the_one_shown() {
    let run = Run::new();
    let rows: Vec<[f32; 17]> = wave_rows(5, 1.4);
    let probe = run.probe();
    let model = epoch(probe.watch(ConvNorm::new()), 0.05, 2, &training_batch(&rows)).valid();
    let mut study = probe.study(&model, &[batch(&rows)]).expect("a study");
    let spec = SliceSpec::random().batchnorm(BatchNormMode::Recalibrate);
    let shown = study.slice(&spec).expect("a slice");
    let agreement = study.agreement(&shown, 2).expect("an agreement");
    study.finish().expect("a landscape");
    let centre = |at: usize| agreement.planes[at].surface.centre_loss().expect("a centre");
    // Recalibrated, the centre has another loss than the model; the same one in every plane.
    assert_ne!(centre(0), shown.slice.centre_loss);
    assert_eq!([centre(1), centre(2)].map(f64::to_bits), [centre(0).to_bits(); 2]);
    assert!(agreement.planes.iter().all(|plane| plane.slice.batchnorm == "recalibrate"));
}

#[test]
fn only_random_slices_have_others_to_agree_with() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let mut study = probe.study(&model, &[batch(&rows())]).expect("a study");
    let pca = study.slice(&SliceSpec::pca().resolution(3, 3)).expect("a slice");
    let error = study.agreement(&pca, 3).expect_err("no agreement");
    assert_names(&error.to_string(), &["`pca`", "random"]);
    study.finish().expect("a landscape");
}

#[test]
fn finish_compares_its_random_plane_with_four_others() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let landscape = probe.finish(&model, &[batch(&rows())]).expect("a landscape");
    let names: Vec<_> = landscape.slices().iter().map(|it| it.slice.name.as_str()).collect();
    assert_eq!(names, ["pca", "random"]);
    let [study] = &studies(&run)[..] else { panic!("one study") };
    assert_eq!((study.kind.as_str(), study.slices.len()), ("agreement", 5));
    // On a coarse grid: a small part of the nodes of the plane itself.
    let coarse = run.slice("random 2");
    let nodes = coarse.x.count * coarse.y.expect("a plane").count;
    assert!(nodes * 3 <= 17 * 17, "{nodes}");
    // As text, since NaN is not equal to itself.
    assert_eq!(format!("{:?}", landscape.studies()), format!("{:?}", [study]));
}

#[test]
fn a_sweep_measures_one_plane_at_several_ranges() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let mut study = probe.study(&model, &[batch(&rows())]).expect("a study");
    let spec = SliceSpec::random().seed(5).resolution(5, 5);
    let sweep = study.scale_sweep(&spec, &[0.1, 1.0, 10.0]).expect("a sweep");
    let landscape = study.finish().expect("a landscape");
    assert_eq!(landscape.slices().len(), 3);
    for (slice, factor) in sweep.slices.iter().zip([0.1, 1.0, 10.0]) {
        assert_close(slice.surface.grid().x().max(), factor, factor, "the range");
        assert_eq!(slice.slice.x.seed, Some(10));
    }
    // The same point of all three: 1 of the first is a tenth of 1 of the second.
    let centre = |at: usize| sweep.slices[at].surface.centre_loss().expect("a centre").to_bits();
    assert_eq!(centre(0), centre(1));
    assert_eq!(centre(1), centre(2));
    let [study] = &studies(&run)[..] else { panic!("one study") };
    assert_eq!(study.kind, "scale-sweep");
    assert_eq!(study.measures["factor"].0, [0.1, 1.0, 10.0]);
    // Told before its slices are measured, too.
    let is_study = |record: &&Record| matches!(record, Record::Study(_));
    assert_eq!(run.records().iter().filter(is_study).count(), 2);
    for (place, slice) in sweep.slices.iter().enumerate() {
        let losses = slice.surface.losses();
        let highest = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(study.measures["highest"][place], highest);
    }
    assert!(!study.sentences.is_empty());
}

#[test]
fn comparisons_of_a_disabled_probe_do_nothing() {
    let probe = Probe::disabled();
    let model = probe.watch(Mlp::new()).valid();
    let mut study = probe.study(&model, &[batch(&rows())]).expect("a study");
    study.measure("nothing", |_| -> BatchLoss { unreachable!("nothing is measured") });
    let line = SliceSpec::between(Point::Initial, Point::Final);
    assert_eq!(study.slice(&line).expect("a slice").surface.counts().measured, 0);
    let random = study.slice(&SliceSpec::random()).expect("a slice");
    assert_eq!(study.agreement(&random, 3).expect("nothing").planes.len(), 0);
    let both = study.initial_and_trained(&SliceSpec::line(Direction::random())).expect("nothing");
    assert_eq!(both.scale, None);
    assert!(study.scale_sweep(&SliceSpec::random(), &[1.0]).expect("nothing").slices.is_empty());
    assert!(study.resume().expect("nothing").is_empty());
    let landscape = study.finish().expect("a landscape");
    assert_eq!(landscape.slices().len(), 0);
    assert_eq!(bits(random.surface.losses()).len(), 49 * 49);
}
