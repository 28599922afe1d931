//! A perceptron so wide that the backend splits its kernels between cores: a surface has the same bits however
//! many of them work, on one node together or on several beside each other.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, activation};
use burn::train::{ClassificationOutput, InferenceStep};

use super::layers::{cross_entropy, linear, steps, tensor, whole};
use super::support::{Run, bits, device, sgd, step, waves};

const INPUTS: usize = 784;
const WIDTH: usize = 512;
const CLASSES: usize = 10;
const SAMPLES: usize = 24;

/// Multiplications of a matrix product from which on flex 0.22 uses several cores.
const SPLIT: usize = 192 * 192 * 192;
const _: () = assert!(SAMPLES * INPUTS * WIDTH > SPLIT);

/// Pictures of 28 × 28 pixels with one of ten labels.
#[derive(Debug, Clone)]
struct Pictures {
    pixels: Tensor<2>,
    labels: Tensor<1, Int>,
}

/// linear → relu → linear.
#[derive(Module, Debug)]
struct Wide {
    hidden: Linear,
    output: Linear,
}

impl Wide {
    fn new(device: &Device) -> Self {
        let hidden = linear(INPUTS, WIDTH, 0.1, device);
        Self { hidden, output: linear(WIDTH, CLASSES, 1.1, device) }
    }

    fn output(&self, pictures: Pictures) -> ClassificationOutput {
        // Waves are large beside the weights that a layer of this width begins with.
        let hidden = activation::relu(self.hidden.forward(pictures.pixels * 0.05));
        cross_entropy(self.output.forward(hidden) * 0.5, pictures.labels)
    }
}

steps!(Wide, Pictures, ClassificationOutput);

/// One batch.
fn batches(device: &Device) -> Vec<Pictures> {
    let pixels = waves(SAMPLES * INPUTS, 0.4);
    let labels = (0..SAMPLES).map(|sample| sample % CLASSES);
    vec![Pictures {
        pixels: tensor(pixels, [SAMPLES, INPUTS], device),
        labels: whole(labels, [SAMPLES], device),
    }]
}

/// Trains two epochs and evaluates both planes with so many threads.
fn measured(threads: usize) -> Run {
    let (run, device) = (Run::new(), device());
    let probe = run.builder().threads(threads).agreement(0).start().expect("a probe");
    let mut model = probe.watch(Wide::new(&device));
    for _epoch in 0..2 {
        for batch in batches(&device) {
            model = step(model, &mut sgd(), 0.05, batch);
        }
        let _ = model.valid();
    }
    let fixed = batches(&device.inner());
    probe.finish(&model.valid(), &fixed).expect("a landscape");
    run
}

#[test]
fn the_number_of_threads_does_not_change_a_bit_where_kernels_are_split() {
    let [one, two] = [1, 2].map(measured);
    assert_eq!(one.snapshot(2), two.snapshot(2), "training came to the same weights");
    for slice in ["pca", "random"] {
        let losses = one.losses(slice);
        assert_eq!(bits(&losses), bits(&two.losses(slice)), "{slice}");
        let differs = losses.iter().any(|loss| (loss - losses[0]).abs() > 1e-3);
        assert!(differs && losses.iter().all(|loss| loss.is_finite()), "{slice}: {losses:?}");
    }
}

/// Which of both ways a probe takes depends on the machine: here each is taken for certain.
#[test]
fn a_kernel_that_is_split_gives_the_bits_of_one_that_is_not() {
    let device = device().inner();
    let model = Wide::new(&device);
    let loss = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let step = || InferenceStep::step(&model, batches(&device).remove(0)).loss;
        f64::from(pool.install(step).into_scalar::<f32>())
    };
    let [one, two, three] = [1, 2, 3].map(loss);
    assert_eq!(bits(&[two, three]), bits(&[one, one]));
}
