//! NumPy itself reads the export, and computes the surface again from it.

use burnscape_landscape::direction::{self, DirectionOptions};
use burnscape_trace::{Layer, LayerNodes, Nodes, Slice, Trajectory, record};

use super::python::Python;
use super::support::{TestRun, WITH_DIRECTIONS, layout, nodes, parameters, plane};

/// Exports with directions, and lets Python check the file.
fn check(run: &mut TestRun, script: &str) {
    let Some(python) = Python::with("numpy") else { return };
    run.export(WITH_DIRECTIONS).unwrap();
    let prelude = "import json, math, sys\nimport numpy as np\nf = np.load(sys.argv[1])";
    python.check(&format!("{prelude}\n{script}"), &run.out());
}

#[test]
fn numpy_loads_every_array_with_its_type_shape_and_values() {
    let mut run = TestRun::with_snapshots();
    let layers = vec![record!(Layer { name: "Güte (%)".into() })];
    let value = record!(LayerNodes { value: vec![0.5; 4].into(), stderr: vec![].into() });
    run.add(record!(Slice { name: "Fläche 𝕏".into(), layers, ..plane(0) }))
        .add(record!(Nodes {
            layers: vec![value],
            ..nodes(0, vec![0, 1, 3, 5], vec![1.5, f64::NAN, f64::INFINITY, -2.0])
        }))
        .add(record!(Nodes { interpolated: true, ..nodes(0, vec![4], vec![3.0]) }))
        .add(record!(Slice {
            y: None,
            centre: "initial".into(),
            centre_snapshot: Some(0),
            ..plane(7)
        }))
        .add(record!(Trajectory {
            slice: Some(0),
            x: vec![1.0, 2.0].into(),
            y: vec![3.0, 4.0].into(),
        }));
    check(
        &mut run,
        r#"
nan, inf = math.nan, math.inf
def same(key, dtype, expected):
    expected = np.array(expected, dtype)
    assert f[key].dtype == dtype and f[key].shape == expected.shape, (key, f[key])
    np.testing.assert_array_equal(f[key], expected)
same("slice0_x", "f8", [-0.5, 0, 0.5])
same("slice0_y", "f8", [-0.5, 0])
same("slice0_loss", "f8", [[1.5, nan, nan], [inf, 3, -2]])
same("slice0_stderr", "f8", [[.125, .125, nan], [.125, nan, .125]])
same("slice0_state", "u1", [[1, 1, 0], [1, 2, 1]])
same("slice0_güte", "f8", [[.5, .5, nan], [.5, nan, .5]])
same("trajectory_xy", "f8", [[1, 3], [2, 4]])
same("slice0_trajectory_loss", "f8", [nan, nan])
same("slice7_loss", "f8", [nan, nan, nan])
same("centre", "f4", [i - 4.25 for i in range(15)])
same("slice7_centre", "f4", [(i - 4.25) / 2 for i in range(15)])
same("buffers", "f4", [-4.25, -3.25])
same("slice7_buffers", "f4", [-4.25 / 2, -3.25 / 2])
assert f["slice0_info"].shape == () and f["slice0_info"].dtype.kind == "U"
info = json.loads(str(f["slice0_info"]))
assert info["name"] == "Fläche 𝕏" and info["layers"][0]["key"] == "slice0_güte"
assert "slice7_y" not in f and "slice7_d2" not in f and "slice0_centre" not in f
np.load(sys.argv[1], allow_pickle=False)
"#,
    );
}

/// Any function of the parameters that tells them apart.
fn loss(weights: impl Iterator<Item = f64>) -> f64 {
    weights.zip(1_u8..).map(|(weight, place)| (weight - 1.0).powi(2) * f64::from(place)).sum()
}

#[test]
fn the_surface_can_be_computed_again_from_centre_directions_and_layout() {
    let mut run = TestRun::with_snapshots();
    let centre = parameters(1.0);
    let draw = |seed| direction::random(&layout(), &centre, seed, &DirectionOptions::default());
    let (d1, d2) = (draw(2).unwrap(), draw(3).unwrap());
    let at = |alpha: f64, beta: f64| {
        let weight = |index: usize| {
            f64::from(centre[index]) + alpha * f64::from(d1[index]) + beta * f64::from(d2[index])
        };
        loss((0..centre.len()).map(weight))
    };
    let losses = [-0.5, 0.0].iter().flat_map(|beta| [-0.5, 0.0, 0.5].map(|alpha| at(alpha, *beta)));
    run.add(plane(0)).add(nodes(0, (0..6).collect(), losses.collect()));
    check(
        &mut run,
        r#"
centre, d1, d2 = (f[key].astype("f8") for key in ("centre", "slice0_d1", "slice0_d2"))
layout = json.loads(str(f["layout"]))
def loss(alpha, beta):
    at = centre + alpha * d1 + beta * d2
    blocks = {b["path"]: at[b["offset"]:b["offset"] + math.prod(b["shape"])].reshape(b["shape"])
              for b in layout}
    assert blocks["fc.weight"].shape == (2, 3) and blocks["out.weight"].shape == (3, 2)
    weights = np.concatenate([blocks[name].ravel() for name in ("fc.weight", "fc.bias", "out.weight")])
    return ((weights - 1) ** 2 * np.arange(1, 16)).sum()
again = [[loss(alpha, beta) for alpha in f["slice0_x"]] for beta in f["slice0_y"]]
np.testing.assert_allclose(f["slice0_loss"], again, rtol=1e-12)
"#,
    );
}
