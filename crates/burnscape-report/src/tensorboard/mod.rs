//! TensorBoard: an event file with curves per block, metrics, histograms and the loss surface as an image.

mod events;
mod times;

use burnscape_run::Distinct;
use burnscape_trace::{Activation, Histogram};

use self::events::{Bins, Events, Value};
use self::times::{Moment, Times};
use crate::Error;
use crate::curves::{Curve, Curves};
use crate::figure::{self, FigureOptions, Png};
use crate::output_folder::OutputFolder;
use crate::run::Run;

const LEAFLET: &str = "\
A run of burnscape for TensorBoard: tensorboard --logdir FOLDER

Times are those at which a step was taken. Scalars: loss/step, lr, QUANTITY/BLOCK for each quantity and parameter block, QUANTITY/all for the whole
model, loss/train_epoch and loss/valid_epoch, SPLIT/METRIC, sharpness/largest_eigenvalue, activation/TAP/QUANTITY. Histograms:
histogram/gradient/BLOCK and so on, in octaves. Images: the loss surfaces. TensorBoard holds scalars in
single precision. Of a curve with more than 20 000 points its ends, peaks and holes are kept, and other
formats have the rest.
";

/// Points kept of a curve; TensorBoard itself shows about 1000.
const POINTS: usize = 20_000;

/// Dots per inch of pictures for a screen.
const DPI: f64 = 150.0;

/// Writes the event file.
pub(crate) fn write(run: &Run, out: &OutputFolder) -> Result<(), Error> {
    run.require_anything()?;
    let mut times = Times::of(run);
    let curves = Curves::of(run, POINTS, |step| times.take(step))?;
    let name = format!("events.out.tfevents.{:010}.burnscape", times.started() as u64);
    out.file(&name, |file| {
        let mut events = Events { out: file, times };
        let written = events.version().and_then(|()| {
            steps(run, &curves, &mut events)?;
            course(run, &mut events)?;
            activations(run, &mut events)?;
            histograms(run, &mut events)?;
            surfaces(run, &mut events)
        });
        written.map_err(|source| out.error(source))
    })?;
    out.leaflet(LEAFLET)
}

type Written = std::io::Result<()>;

fn curve(tag: &str, curve: &Curve, events: &mut Events<'_>) -> Written {
    curve
        .iter()
        .try_for_each(|&(step, value)| scalar(tag, Moment::During(step as u64), value, events))
}

fn scalar(tag: &str, moment: Moment, value: f64, events: &mut Events<'_>) -> Written {
    events.event(moment, tag, &Value::Scalar(value as f32))
}

fn steps(run: &Run, curves: &Curves, events: &mut Events<'_>) -> Written {
    curve("loss/step", &curves.loss, events)?;
    curve("lr", &curves.lr, events)?;
    for (quantity, of_blocks) in &curves.blocks {
        let mut distinct = Distinct::default().reserve(["all"]);
        for (block, of_block) in of_blocks.iter().enumerate() {
            let block = distinct.name(&run.block_name(block));
            curve(&format!("{quantity}/{block}"), of_block, events)?;
        }
    }
    for (quantity, of_all) in &curves.all {
        curve(&format!("{quantity}/all"), of_all, events)?;
    }
    Ok(())
}

fn course(run: &Run, events: &mut Events<'_>) -> Written {
    for epoch in &run.history.epochs {
        let losses =
            [("loss/train_epoch", epoch.train_loss), ("loss/valid_epoch", epoch.valid_loss)];
        for (tag, loss) in losses {
            let moment = Moment::After(epoch.steps, Some(epoch.elapsed_secs));
            loss.map_or(Ok(()), |loss| scalar(tag, moment, loss, events))?;
        }
    }
    for metric in run.history.metrics.iter() {
        let tag = format!("{}/{}", metric.split, metric.name);
        scalar(&tag, Moment::After(metric.step, None), metric.value, events)?;
    }
    for curvature in &run.history.curvature {
        if let Some(&largest) = curvature.largest.first() {
            let elapsed_secs = curvature.is_live().then_some(curvature.elapsed_secs);
            let moment = Moment::After(curvature.step, elapsed_secs);
            scalar("sharpness/largest_eigenvalue", moment, largest, events)?;
        }
    }
    Ok(())
}

/// What is told of an activation: its name, and the number.
type NamedValue = (&'static str, fn(&Activation) -> f64);

const OF_ACTIVATIONS: [NamedValue; 10] = [
    ("mean", |it| it.mean),
    ("std", |it| it.std),
    ("rms", |it| it.rms),
    ("min", |it| it.min),
    ("max", |it| it.max),
    ("zero_share", |it| it.zero_share),
    ("saturated_share", |it| it.saturated_share),
    ("drift", |it| it.drift),
    ("dead_units", |it| it.dead_units as f64),
    ("non_finite", |it| it.non_finite as f64),
];

fn activations(run: &Run, events: &mut Events<'_>) -> Written {
    for activation in &run.history.activations {
        for (name, of) in OF_ACTIVATIONS {
            let tag = format!("activation/{}/{name}", activation.tap);
            scalar(&tag, Moment::During(activation.step), of(activation), events)?;
        }
    }
    Ok(())
}

fn histograms(run: &Run, events: &mut Events<'_>) -> Written {
    for histogram in &run.history.histograms {
        let place = match (histogram.block, &histogram.tap) {
            (Some(block), _) => run.block_name(block as usize),
            (None, Some(tap)) => tap.clone(),
            (None, None) => "all".to_owned(),
        };
        let tag = format!("histogram/{}/{place}", histogram.of);
        events.event(Moment::During(histogram.step), &tag, &Value::Histogram(bins(histogram)))?;
    }
    Ok(())
}

/// Surfaces that no training moves on lie at step 0 of the slider.
fn surfaces(run: &Run, events: &mut Events<'_>) -> Written {
    let options = FigureOptions::DEFAULT;
    for slice in run.slices.values().filter(|slice| !run.only_compares(slice)) {
        let Some(drawing) = figure::contour(slice, &options) else { continue };
        let Png { width, height, bytes } = drawing.png(DPI).map_err(std::io::Error::other)?;
        let tag = format!("landscape/slice{}", slice.record.slice);
        let image = Value::Image { width: width.into(), height: height.into(), png: bytes };
        events.event(Moment::After(0, None), &tag, &image)?;
    }
    Ok(())
}

/// Octaves as TensorBoard's bins, each with its upper limit: negative values, zeros, positive values.
fn bins(histogram: &Histogram) -> Bins {
    let edge = |bin: usize| 2.0_f64.powi(i32::from(histogram.first_exponent) + bin as i32);
    let mut bins = Bins::default();
    for (bin, &count) in histogram.negative.iter().enumerate().rev() {
        bins.push(-edge(bin), f64::from(count), -1.5 * edge(bin));
    }
    bins.push(edge(0) / 2.0, histogram.zeros as f64, 0.0);
    for (bin, &count) in histogram.positive.iter().enumerate() {
        bins.push(edge(bin + 1), f64::from(count), 1.5 * edge(bin));
    }
    bins.bounds(-edge(histogram.negative.len()), edge(histogram.positive.len()));
    bins
}
