//! Runs of the examples in NumPy: surfaces computed again from nothing but the exported file and the digits.

use std::path::{Path, PathBuf};
use std::process::Command;

use burnscape_report::{ExportOptions, Format, export};
use burnscape_workbench::python;
use tempfile::tempdir;

use super::example::run_example;

/// Trains an example and exports its run with everything that it takes to compute a surface again.
fn exported(example: &str, folder: &Path) -> PathBuf {
    let (run, file) = (folder.join(example), folder.join("exported.npz"));
    run_example(example, &run, 2, &["--exact"]);
    let options = ExportOptions { with_directions: true, ..ExportOptions::default() };
    let exported = export(&run, Format::Npz, &options, &file).expect("an export");
    assert_eq!(exported.lost, [] as [String; 0]);
    file
}

/// The digits that a surface is measured on, in their batches; a model from its tensors by path; and three
/// nodes of both planes, away from the centre and from each other.
const PRELUDE: &str = r#"
import json, math, sys
import numpy as np

run = np.load(sys.argv[1])
digits = np.loadtxt(sys.argv[2], delimiter=",")
is_valid = np.arange(len(digits)) % 5 == 0
digits = digits[is_valid if sys.argv[3] == "valid" else ~is_valid]
pixels, labels = digits[:, :64] / 16, digits[:, 64].astype(int)
batch_size = int(sys.argv[4])
batches = [slice(first, first + batch_size) for first in range(0, len(digits), batch_size)]

def tensors(flat, layout):
    return {it["path"]: flat[it["offset"]:][:math.prod(it["shape"])].reshape(it["shape"])
            for it in json.loads(str(run[layout]))}

def cross_entropy(logits, labels):
    top = logits.max(1, keepdims=True)
    normaliser = np.log(np.exp(logits - top).sum(1)) + top[:, 0]
    return (normaliser - logits[np.arange(len(labels)), labels]).mean()

def linear(x, model, layer):
    return x @ model[layer + ".weight"] + model[layer + ".bias"]

def relu(x):
    return np.maximum(x, 0)

def key_of(name):
    infos = [key for key in run if key.endswith("_info")]
    named = [key for key in infos if json.loads(str(run[key]))["name"] == name]
    assert len(named) == 1, (name, infos)
    return named[0].removesuffix("_info")

def check(logits):
    for name in ("random", "pca"):
        key = key_of(name)
        assert key + "_centre" not in run
        info, rows = json.loads(str(run[key + "_info"])), len(run[key + "_y"])
        assert (info["samples"], info["batches"]) == (len(digits), len(batches))
        assert run[key + "_loss"].shape == (rows, len(run[key + "_x"]))
        for j, i in ((1, 2), (rows // 2, -1), (-1, 0)):
            check_node(key, j, i, logits)

def check_node(key, j, i, logits):
    alpha, beta = run[key + "_x"][i], run[key + "_y"][j]
    assert alpha != 0 and run[key + "_state"][j, i] == 1
    d1, d2 = (run[f"{key}_{d}"].astype("f8") for d in ("d1", "d2"))
    model = tensors(run["centre"] + alpha * d1 + beta * d2, "layout")
    model |= tensors(run["buffers"].astype("f8"), "buffer_layout")
    losses = [cross_entropy(logits(model, pixels[batch]), labels[batch]) for batch in batches]
    sizes = [len(labels[batch]) for batch in batches]
    found, expected = run[key + "_loss"][j, i], np.average(losses, weights=sizes)
    assert abs(found - expected) <= 1e-5 * abs(expected), (key, alpha, beta, found, expected)
    print(key, alpha, beta, found, expected)
"#;

/// An example program and its model in NumPy.
struct Example {
    name: &'static str,
    /// Which digits the surface is measured on, and in batches of which size.
    digits: [&'static str; 2],
    parameters: usize,
    buffers: usize,
    /// Defines `logits(model, images)`.
    script: &'static str,
}

impl Example {
    fn assert_recomputed(&self) {
        let Some(program) = python("numpy") else { return };
        let folder = tempdir().expect("a folder");
        let Self { parameters, buffers, script, .. } = self;
        let sizes =
            format!("(len(run['centre']), len(run['buffers'])) == ({parameters}, {buffers})");
        let output = Command::new(program)
            .args(["-c", &format!("{PRELUDE}\n{script}\nassert {sizes}\ncheck(logits)")])
            .arg(exported(self.name, folder.path()))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/digits.csv"))
            .args(self.digits)
            .output()
            .expect("Python starts");
        let [told, errors] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        assert!(output.status.success(), "{errors}");
        assert_eq!(told.lines().count(), 6, "three nodes of two planes: {told}");
    }
}

#[test]
fn numpy_computes_the_surfaces_of_the_digits_example_again() {
    let digits = Example {
        name: "digits",
        digits: ["train", "256"],
        // 64 → 64 → 32 → 10.
        parameters: 64 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10,
        buffers: 0,
        script: r#"
def logits(model, images):
    hidden = relu(linear(images, model, "hidden.0"))
    return linear(relu(linear(hidden, model, "hidden.1")), model, "output")
"#,
    };
    digits.assert_recomputed();
}

#[test]
fn numpy_computes_the_surfaces_of_the_convnet_example_again_with_its_batch_norm_statistics() {
    let norms = 2 * (8 + 16);
    let convnet = Example {
        name: "convnet",
        digits: ["valid", "120"],
        parameters: (8 * 9 + 8) + (16 * 8 * 9 + 16) + norms + 64 * 10 + 10,
        buffers: norms,
        script: r#"
def convolution(x, model, layer):
    kernel = model[layer + ".weight"]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    bias = model[layer + ".bias"][:, None, None]
    return np.einsum("nchwkl,ockl->nohw", windows, kernel, optimize=True) + bias

def batch_norm(x, model, layer):
    gamma, beta, mean, var = (model[f"{layer}.{name}"][:, None, None]
                              for name in ("gamma", "beta", "running_mean", "running_var"))
    return (x - mean) / np.sqrt(var + 1e-5) * gamma + beta

def logits(model, images):
    features = images.reshape(-1, 1, 8, 8)
    for block in ("blocks.0", "blocks.1"):
        features = convolution(features, model, block + ".conv")
        features = relu(batch_norm(features, model, block + ".norm"))
    pooled = features.reshape(-1, 16, 2, 4, 2, 4).mean((3, 5))
    return linear(pooled.reshape(-1, 64), model, "output")
"#,
    };
    convnet.assert_recomputed();
}
