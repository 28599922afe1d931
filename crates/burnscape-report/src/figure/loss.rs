//! Loss over steps and epochs.

use burnscape_trace::Epoch;

use super::chart::{self, Line, Names};
use super::options::FigureOptions;
use super::svg::Svg;
use crate::curves::Curves;
use crate::run::Run;

/// `None` where no loss was recorded.
pub(super) fn draw(run: &Run, curves: &Curves, options: &FigureOptions) -> Option<Svg> {
    let by = run.history.epochs.last().and_then(Epoch::weighting);
    let by = by.map_or(String::new(), |by| format!(", {by}"));
    let epochs = |name: &str, of: fn(&Epoch) -> Option<f64>| {
        let told = run.history.epochs.iter();
        let points = told.filter_map(|epoch| Some((epoch.steps as f64, of(epoch)?)));
        Line { name: name.to_owned() + &by, points: points.collect(), has_marks: true }
    };
    let steps = Line { name: "step".to_owned(), points: curves.loss.clone(), has_marks: false };
    let lines = [
        steps,
        epochs("epoch, training", |epoch| epoch.train_loss),
        epochs("epoch, validation", |epoch| epoch.valid_loss),
    ];
    let recorded: Vec<Line> = lines.into_iter().filter(|line| !line.points.is_empty()).collect();
    let title = format!("Loss of {}", run.name());
    let names = Names { title: &title, x: "optimizer steps", y: "loss" };
    chart::draw(&recorded, &names, options)
}
