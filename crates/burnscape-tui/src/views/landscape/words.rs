//! What a picture of a plane does not show, in words: short ones to flow below it, and sentences.

use burnscape_landscape::surface::{Extreme, Surface};
use burnscape_landscape::words as honest;
use burnscape_trace::{Axis, Slice, Trajectory};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::Cursor;
use super::map::colour_scale;
use crate::model::{Landscape, Run};
use crate::numbers::{loss, percent, short};
use crate::palette::MUTED;
use crate::widgets::facts::{self, Fact, Tone};
use crate::widgets::scale::ScaleChoice;
use crate::widgets::text;

/// The training loss of the last step.
pub(crate) fn last_loss(run: &Run) -> Fact {
    match run.last_loss() {
        Some(value) => Fact::new("last loss", loss(value)).toned(tone_of(value)),
        None => Fact::new("last loss", "none"),
    }
}

/// How many snapshots there are.
pub(crate) fn snapshots(run: &Run) -> Fact {
    Fact::new("snapshots", run.snapshots().to_string())
}

/// Lowest and highest measured node, where there are any.
pub(crate) fn extremes(landscape: &Landscape) -> Vec<Fact> {
    let Ok(surface) = landscape.surface() else {
        return Vec::new();
    };
    let is_line = surface.grid().is_line();
    let fact = |label, extreme: Extreme| {
        let at = coordinates((extreme.alpha, extreme.beta), is_line);
        Fact::new(label, format!("{} at {at}", loss(extreme.loss)))
    };
    let lowest = surface.lowest().map(|extreme| fact("lowest", extreme));
    let highest = surface.highest().map(|extreme| fact("highest", extreme));
    lowest.into_iter().chain(highest).collect()
}

/// What the words are about.
pub(super) struct Scene<'a> {
    pub(super) run: &'a Run,
    pub(super) landscape: &'a Landscape,
    /// Which slice, counted from 0.
    pub(super) number: usize,
    pub(super) cursor: Option<Cursor>,
}

impl Scene<'_> {
    /// Lines of short facts, the weightiest first.
    pub(super) fn compact(&self, width: usize) -> Vec<Line<'static>> {
        let mut facts = self.numbers();
        facts.extend(self.cursor_fact());
        facts.extend(self.honesty());
        facts.extend(self.provenance());
        facts::flowed(&facts, width)
    }

    /// A column: the numbers, the plane, and sentences on what the picture does not show.
    pub(super) fn sentences(&self, width: usize) -> Vec<Line<'static>> {
        let mut lines = facts::flowed(&self.numbers(), width);
        lines.extend(
            self.cursor_fact().map(|fact| facts::flowed(&[fact], width)).unwrap_or_default(),
        );
        lines.extend(self.warnings().into_iter().flat_map(|fact| wrapped(fact, width)));
        lines.push(Line::default());
        lines.extend(heading("The slice", width));
        lines.extend(self.provenance().into_iter().flat_map(|fact| wrapped(fact, width)));
        lines.push(Line::default());
        lines.extend(heading("What the picture does not show", width));
        lines.extend(self.caveats().iter().flat_map(|sentence| paragraph(sentence, width)));
        lines
    }

    fn numbers(&self) -> Vec<Fact> {
        let mut facts = vec![last_loss(self.run)];
        facts.extend(extremes(self.landscape));
        facts.push(snapshots(self.run));
        facts
    }

    fn cursor_fact(&self) -> Option<Fact> {
        let surface = self.landscape.surface().ok()?;
        let cursor = self.cursor?;
        let grid = surface.grid();
        let node =
            grid.node(cursor.column.min(grid.columns() - 1), cursor.row.min(grid.rows() - 1));
        let at = coordinates(grid.coordinates(node), grid.is_line());
        let value = surface.loss(node).map_or("not measured".to_owned(), loss);
        let stderr = surface.stderrs()[node];
        let error =
            if stderr.is_finite() { format!(" ± {}", short(stderr)) } else { String::new() };
        Some(Fact::new(format!("cursor {at}"), format!("loss {value}{error}")))
    }

    /// How far to trust the picture.
    fn honesty(&self) -> Vec<Fact> {
        let trajectory = self.landscape.trajectory();
        let mut facts = self.warnings();
        facts.extend(trajectory.and_then(explained));
        facts.extend(trajectory.and_then(out_of_plane));
        facts.extend(trajectory.and_then(plane_gap));
        facts.push(self.samples());
        facts.extend(self.landscape.surface().ok().map(stderr));
        facts
    }

    /// What is wrong with the picture, or not yet in it.
    fn warnings(&self) -> Vec<Fact> {
        let surface = self.landscape.surface().ok();
        let facts = [
            surface.and_then(filling),
            surface.and_then(non_finite),
            surface.and_then(clipped),
            self.failed_checks(),
            self.misplaced(),
        ];
        facts.into_iter().flatten().collect()
    }

    /// Which plane it is.
    fn provenance(&self) -> Vec<Fact> {
        let slice = self.landscape.slice();
        let slices = self.run.landscapes().len();
        let number = self.number.min(slices.saturating_sub(1)) + 1;
        let name = text::printable(&format!("{number}/{slices} {}", slice.name));
        let mut facts = vec![axis_fact("α", &slice.x, slice.centre_norm)];
        facts.extend(slice.y.as_ref().map(|y| axis_fact("β", y, slice.centre_norm)));
        facts.push(Fact::new("slice", name));
        if let Some(cosine) = slice.cosine.filter(|cosine| cosine.abs() > 0.005) {
            facts.push(Fact::new("cos α β", short(cosine)).toned(Tone::Warning));
        }
        facts.push(Fact::new("centre", text::printable(&slice.centre)));
        facts.push(Fact::new("scaled by", text::printable(&slice.normalisation)));
        facts
    }

    fn samples(&self) -> Fact {
        Fact::new("samples", self.landscape.slice().samples.to_string())
    }

    fn failed_checks(&self) -> Option<Fact> {
        let failed = self.landscape.checks().iter().filter(|check| !check.passed);
        let names: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
        let fact = Fact::new("checks failed", text::printable(&names.join(", ")));
        (!names.is_empty()).then(|| fact.toned(Tone::Bad))
    }

    fn misplaced(&self) -> Option<Fact> {
        let count = self.landscape.misplaced();
        let fact = Fact::new("outside the grid", format!("{count} nodes"));
        (count > 0).then(|| fact.toned(Tone::Bad))
    }

    /// Sentences that numbers alone do not say.
    fn caveats(&self) -> Vec<String> {
        let slice = self.landscape.slice();
        let mut caveats = Vec::new();
        if let Some(trajectory) = self.landscape.trajectory() {
            caveats.extend(trajectory_caveats(trajectory));
        }
        caveats.push(honest::samples(slice.samples as usize, None));
        if let Ok(surface) = self.landscape.surface() {
            caveats.push(honest::standard_error(surface.stderrs()));
            caveats.push(honest::nodes(surface.counts()));
        }
        caveats.extend(slice_caveats(slice));
        caveats.extend(self.parameters().map(|count| honest::slice(count, directions(slice))));
        caveats.into_iter().map(|caveat| text::printable(&caveat)).collect()
    }

    /// Parameters of the run; `None` before the head.
    fn parameters(&self) -> Option<usize> {
        let blocks = &self.run.head.as_ref()?.blocks;
        let sizes =
            blocks.iter().map(|block| block.shape.iter().map(|&n| n as usize).product::<usize>());
        Some(sizes.sum())
    }
}

fn directions(slice: &Slice) -> usize {
    1 + usize::from(slice.y.is_some())
}

fn slice_caveats(slice: &Slice) -> Vec<String> {
    let mut caveats = Vec::new();
    let axes = || std::iter::once(&slice.x).chain(&slice.y);
    let seeds: Vec<u64> = axes().filter_map(|axis| axis.seed).collect();
    if !seeds.is_empty() {
        caveats.push(honest::seeds(&seeds));
    }
    caveats.push(honest::range(reach(slice), slice.centre_norm));
    if !slice.batchnorm.is_empty() && slice.batchnorm != "none" {
        caveats.push(format!("BatchNorm statistics: {}.", slice.batchnorm));
    }
    if !slice.biases {
        caveats.push("Biases and norm parameters stand still in these directions.".to_owned());
    }
    caveats
}

/// Distance of the farthest corner from the centre, in the units of the parameters.
fn reach(slice: &Slice) -> f64 {
    let ends = |axis: &Axis| {
        let last = axis.first as f64 + axis.count.saturating_sub(1) as f64;
        [axis.first as f64, last].map(|index| index * axis.spacing * axis.direction_norm)
    };
    let across = ends(&slice.x);
    let up = slice.y.as_ref().map_or([0.0; 2], ends);
    let cosine = slice.cosine.unwrap_or(0.0);
    let corners = across.iter().flat_map(|&a| up.iter().map(move |&b| (a, b)));
    let squares = corners.map(|(a, b)| a * a + b * b + 2.0 * a * b * cosine);
    squares.fold(0.0, f64::max).sqrt()
}

fn trajectory_caveats(trajectory: &Trajectory) -> Vec<String> {
    let mut caveats = Vec::new();
    if !trajectory.explained.is_empty() {
        let two = &trajectory.explained[..trajectory.explained.len().min(2)];
        let snapshots = trajectory.snapshots.len();
        caveats.push(honest::explained_variance(two, snapshots, &trajectory.random_walk));
    }
    if trajectory.degenerate {
        caveats.push(honest::degenerate_component(2));
    }
    caveats.extend(worst_out_of_plane(trajectory).map(|(snapshot, share)| {
        format!(
            "Snapshots are drawn where they project to: snapshot {snapshot} lies farthest out of the \
             plane, by {} of its squared distance from the centre.",
            percent(share),
        )
    }));
    caveats.extend(worst_plane_gap(trajectory).map(|(snapshot, own, on_plane)| {
        honest::loss_and_loss_on_plane(snapshot as usize, own, on_plane)
    }));
    caveats
}

fn tone_of(value: f64) -> Tone {
    if value.is_finite() { Tone::Plain } else { Tone::Bad }
}

fn coordinates((alpha, beta): (f64, f64), is_line: bool) -> String {
    if is_line {
        format!("({})", short(alpha))
    } else {
        format!("({}, {})", short(alpha), short(beta))
    }
}

fn axis_fact(symbol: &str, axis: &Axis, centre_norm: f64) -> Fact {
    let length = format!(" ‖d‖ {}", short(axis.direction_norm));
    let explained = axis.explained.map(|share| format!(" {}", percent(share)));
    let seed = axis.seed.map(|seed| format!(" seed {seed}"));
    let range = range_of_weights(axis, centre_norm);
    let parts: String = [Some(length), explained, seed, range].into_iter().flatten().collect();
    let name = text::cut_end(&text::printable(&axis.label), 40);
    Fact::new(symbol, format!("{name}{parts}"))
}

/// How far the axis reaches, in percent of the length of the centre.
fn range_of_weights(axis: &Axis, centre_norm: f64) -> Option<String> {
    let last = axis.first as f64 + axis.count.saturating_sub(1) as f64;
    let share = |index: f64| index * axis.spacing * axis.direction_norm / centre_norm;
    let (low, high) = (share(axis.first as f64), share(last));
    (low.is_finite() && high.is_finite())
        .then(|| format!(" {}…{} of ‖θ‖", short(low * 100.0), percent(high)))
}

fn filling(surface: &Surface) -> Option<Fact> {
    let counts = surface.counts();
    let all = surface.grid().len();
    let value = format!("{} of {all}", all - counts.unmeasured);
    (counts.unmeasured > 0).then(|| Fact::new("nodes measured", value).toned(Tone::Warning))
}

fn non_finite(surface: &Surface) -> Option<Fact> {
    let count = surface.counts().non_finite;
    let fact = Fact::new("× ∞ non-finite", format!("{count} nodes"));
    (count > 0).then(|| fact.toned(Tone::Bad))
}

/// The standard error of the lowest node: where the picture is read most closely.
fn stderr(surface: &Surface) -> Fact {
    let at_lowest = surface.lowest().map(|lowest| surface.stderrs()[lowest.node]);
    let known = at_lowest.filter(|stderr| stderr.is_finite());
    Fact::new("stderr", known.map_or("unknown".to_owned(), short))
}

fn clipped(surface: &Surface) -> Option<Fact> {
    let clipping = colour_scale(surface, ScaleChoice::Auto)?.clipping()?;
    Some(Fact::new("colours clip", clipping).toned(Tone::Warning))
}

/// The share of the movement in the plane, beside that of a random walk.
fn explained(trajectory: &Trajectory) -> Option<Fact> {
    let both = |shares: &[f64]| shares.iter().take(2).sum::<f64>();
    let measured = (!trajectory.explained.is_empty()).then(|| both(&trajectory.explained))?;
    let walk = (!trajectory.random_walk.is_empty()).then(|| percent(both(&trajectory.random_walk)));
    let walk = walk.unwrap_or("unknown".to_owned());
    Some(Fact::new("explained", format!("{} (random walk {walk})", percent(measured))))
}

fn out_of_plane(trajectory: &Trajectory) -> Option<Fact> {
    let (_, share) = worst_out_of_plane(trajectory)?;
    Some(Fact::new("out of plane", format!("up to {}", percent(share))))
}

/// The snapshot with the largest share of its squared distance from the centre out of the plane.
fn worst_out_of_plane(trajectory: &Trajectory) -> Option<(u32, f64)> {
    let shares = trajectory.out_of_plane_share.iter().copied();
    let numbered = trajectory.snapshots.iter().copied().zip(shares);
    numbered.filter(|(_, share)| share.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1))
}

fn plane_gap(trajectory: &Trajectory) -> Option<Fact> {
    let (snapshot, own, on_plane) = worst_plane_gap(trajectory)?;
    let value = format!("{}, on plane {} (snapshot {snapshot})", short(own), short(on_plane));
    Some(Fact::new("true loss", value))
}

/// The snapshot whose own loss differs most from the loss below it on the plane, and both losses.
fn worst_plane_gap(trajectory: &Trajectory) -> Option<(u32, f64, f64)> {
    let pairs = trajectory.loss.iter().copied().zip(trajectory.loss_on_plane.iter().copied());
    let numbered = trajectory.snapshots.iter().copied().zip(pairs);
    let known = numbered.filter(|(_, (own, on_plane))| own.is_finite() && on_plane.is_finite());
    let gap = |(own, on_plane): (f64, f64)| (own - on_plane).abs();
    let (snapshot, (own, on_plane)) = known.max_by(|a, b| gap(a.1).total_cmp(&gap(b.1)))?;
    Some((snapshot, own, on_plane))
}

fn heading(title: &str, width: usize) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    text::wrapped(title, width).into_iter().map(|line| Line::styled(line, bold)).collect()
}

/// A sentence with a mark at its beginning and the other lines in line with it.
fn paragraph(sentence: &str, width: usize) -> Vec<Line<'static>> {
    let lines = text::wrapped(sentence, width.saturating_sub(2));
    let marks = std::iter::once("· ").chain(std::iter::repeat("  "));
    let line = |(mark, line)| {
        Line::from(vec![Span::styled(mark, Style::new().fg(MUTED)), Span::raw(line)])
    };
    marks.zip(lines).map(line).collect()
}

/// A fact on a line of its own, on several where it is too long.
fn wrapped(fact: Fact, width: usize) -> Vec<Line<'static>> {
    let lines = facts::flowed(&[fact], width);
    if lines.iter().all(|line| line.width() <= width) {
        return lines;
    }
    lines.iter().flat_map(|line| text::wrapped(&line.to_string(), width)).map(Line::raw).collect()
}
