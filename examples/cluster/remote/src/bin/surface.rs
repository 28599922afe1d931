//! Measures a surface of a recorded run on servers, on servers and this machine together, and here alone, and holds the three
//! against each other.
//!
//! `surface --server ws://192.168.1.7:3000 --server ws://192.168.1.8:3000`. Without a run it trains one first: any run and model
//! of yours do, since a remote device is a device like others.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::SgdConfig;
use burn::remote::RemoteHost;
use burn::tensor::{Device, Tensor, TensorData};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{Probe, Run, SliceSpec, SliceSurface};
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// Where a server listens; may be said several times.
    #[arg(long, default_value = "ws://127.0.0.1:3000")]
    server: Vec<String>,
    /// What it wants to be sent.
    #[arg(long, env = "BURNSCAPE_REMOTE_TOKEN", hide_env_values = true)]
    token: String,
    /// The run; it is recorded first if there is none.
    #[arg(long, default_value = "runs/remote")]
    run: PathBuf,
    /// Nodes along each axis.
    #[arg(long, default_value_t = 25)]
    side: usize,
}

fn main() -> Result<()> {
    let Arguments { server, token, run, side } = Arguments::parse();
    if !run.exists() {
        record(&run)?;
    }
    // A server that is not there, or refuses, is told here.
    let connect = |url: &String| {
        let host = RemoteHost::websocket(url).with_credential(token.as_str());
        Device::remote_options(&host).init().with_context(|| url.clone())
    };
    let servers = server.iter().map(connect).collect::<Result<Vec<_>>>()?;
    let here = vec![Device::flex()];
    let local = surface(&run, &here, "here alone", side)?;
    let together = [here, servers.clone()].concat();
    for (devices, name) in [(together, "here and on servers"), (servers, "on servers alone")] {
        match surface(&run, &devices, name, side) {
            Ok(found) => compare(&found, &local),
            Err(error) => println!("{name}: {error:#}"),
        }
    }
    Ok(())
}

fn compare(found: &SliceSurface, local: &SliceSurface) {
    let pairs = || found.surface.losses().iter().zip(local.surface.losses());
    let differ = pairs().filter(|(a, b)| a.to_bits() != b.to_bits()).count();
    let largest = pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!(
        "  {differ} of {} nodes differ from those here, by up to {largest:e}",
        pairs().count()
    );
}

/// The surface on all of these devices; the model is on the first one.
fn surface(run: &Path, devices: &[Device], name: &str, side: usize) -> Result<SliceSurface> {
    let [first, further @ ..] = devices else { bail!("no device") };
    let opened = Run::open(run)?.quiet().exact();
    let begun = Instant::now();
    let mut study = opened.study(&Net::new(first), &[inputs(first)])?;
    study.devices(further.iter().map(|device| (device.clone(), vec![inputs(device)])))?;
    let measured = study.slice(&SliceSpec::random().resolution(side, side).name(name));
    // What was measured before a server died is kept: `study.resume()` goes on from there.
    let landscape = study.finish()?;
    let surface = measured?;
    println!("{name}: {:.2} s", begun.elapsed().as_secs_f64());
    landscape.problems().iter().for_each(|problem| println!("  {problem}"));
    Ok(surface)
}

/// A short training on this machine.
fn record(run: &Path) -> Result<()> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let probe = Probe::builder(run).quiet().snapshot_every_steps(10).start()?;
    let (mut model, mut optim) = (probe.watch(Net::new(&device)), SgdConfig::new().init());
    for _ in 0..100 {
        let output = TrainStep::step(&model, inputs(&device));
        model = model.optimize(&mut optim, 0.1.into(), output.grads);
    }
    probe.close()?;
    Ok(())
}

/// The same numbers on every device.
fn inputs(device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..256 * 64).map(|it| (it as f32 * 0.37).sin()).collect();
    Tensor::from_data(TensorData::new(values, [256, 64]), device)
}

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    output: Linear,
}

impl Net {
    fn new(device: &Device) -> Self {
        let hidden = LinearConfig::new(64, 128).init(device);
        Self { hidden, output: LinearConfig::new(128, 8).init(device) }
    }

    fn regress(&self, inputs: Tensor<2>) -> RegressionOutput {
        let output = self.output.forward(self.hidden.forward(inputs).tanh());
        let targets = Tensor::ones(output.shape(), &output.device());
        let loss = (output.clone() - targets.clone()).square().mean();
        RegressionOutput::new(loss, output, targets)
    }
}

impl TrainStep for Net {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, inputs: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.regress(inputs);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Net {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, inputs: Tensor<2>) -> RegressionOutput {
        self.regress(inputs)
    }
}
