//! What a picture of a slice does not show: caveats as data, and the one place that says them in sentences.

use std::fmt;

use burnscape_landscape::surface::{Counts, Surface};
use burnscape_landscape::words;
use burnscape_trace::{
    Axis, BatchNormMode, BiasMode, Check, ComparedRun, Head, Normalisation, Plan, Slice, Trajectory,
};

use super::run::RunState;

/// The principal components of a path that is told while training goes on.
pub const OF_LIVE_PATH: [usize; 2] = [1, 2];

/// How one goes on with a surface that was stopped, in the words of the program that recorded.
pub const RESUME_CALL: &str = "Run::open(folder)?.study(&model, &batches)?.resume()?";

/// What must be known to read a picture of a slice. [`Display`](fmt::Display) says it in a sentence or two, without a
/// line break; texts of the trace stand in it as they were recorded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Caveat {
    /// A self-check that does not hold.
    FailedCheck {
        /// What was checked.
        name: String,
        /// What was found.
        detail: String,
    },
    /// Measuring was stopped before all nodes had been measured.
    Stopped {
        /// How many are left.
        unmeasured: usize,
    },
    /// How much of the movement the components hold, counted from 1, beside what they would of a random walk.
    ExplainedVariance {
        /// Those along which the slice lies.
        components: Vec<usize>,
        /// Their share of the variance.
        share: f64,
        /// That of a random walk, where it was recorded.
        random_walk: Option<f64>,
        /// How many snapshots.
        snapshots: usize,
    },
    /// A component that is none: a random direction stands in for it.
    StandIn {
        /// Counted from 1.
        component: usize,
    },
    /// The plane of a path that goes on turns with every snapshot.
    TurningPlane,
    /// The snapshot that lies farthest out of the slice.
    OutOfSlice {
        /// Its number in the run.
        snapshot: u32,
        /// Share of its squared distance that the slice does not show.
        share: f64,
        /// Of a line, not of a plane.
        is_line: bool,
        /// The distance is from the mean of the snapshots, not from the centre.
        is_from_mean: bool,
    },
    /// The snapshot whose loss differs most from the loss where it is drawn.
    LossGap {
        /// Its number in the run.
        snapshot: u32,
        /// Its own loss.
        loss: f64,
        /// The loss of the slice where it is drawn.
        on_slice: f64,
        /// Of a line, not of a plane.
        is_line: bool,
    },
    /// How far rounding to the element type of their files may have moved the snapshots.
    Rounded {
        /// At most, in the units of the parameters.
        distance: f64,
        /// The same as a share of what the path covers along the first direction; `None` where it does not move.
        share: Option<f64>,
    },
    /// Over what every value is a mean.
    MeanOver {
        /// What is averaged, such as `loss`.
        quantity: String,
        /// How many.
        count: usize,
        /// Of what: `samples`, `tokens`, `positions` or `batches`.
        unit: String,
    },
    /// How sure the values are.
    StandardError {
        /// The largest standard error; `None`: unknown.
        largest: Option<f64>,
    },
    /// How many nodes were measured, and what is with the others.
    Nodes(Counts),
    /// Some nodes are not measured but filled in.
    Interpolated {
        /// To what share of the range of losses, where a check holds that.
        tolerance: Option<f64>,
    },
    /// What was left out from the start, for want of time, as the plan says it.
    Planned(String),
    /// To what random directions are scaled, as recorded.
    Scaled(Normalisation),
    /// Seeds of the random directions.
    Seeds(Vec<u64>),
    /// How far the slice reaches.
    Reach {
        /// Distance of the farthest corner from the centre.
        reach: f64,
        /// ‖θ‖ of the centre.
        centre_norm: f64,
    },
    /// What biases and norm parameters do along the directions, as recorded.
    Biases(BiasMode),
    /// What BatchNorm statistics are at a node, as recorded.
    BatchNorm(BatchNormMode),
    /// How few directions the slice has.
    FewDirections {
        /// Parameters of the model.
        parameters: usize,
        /// Directions of the slice.
        directions: usize,
    },
}

impl fmt::Display for Caveat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.sentence(numbered))
    }
}

impl Caveat {
    /// The sentence about a path of one of the runs that a comparison is about: its snapshots are called by that run.
    #[must_use]
    pub fn of_path_in_words(&self, path: &Trajectory, compared: &[ComparedRun]) -> String {
        self.sentence(|number| snapshot_of(number, path, compared))
    }

    fn sentence(&self, snapshot_name: impl Fn(u32) -> String) -> String {
        match self {
            Self::FailedCheck { name, detail } if detail.is_empty() => {
                format!("Check {name} does not hold.")
            }
            Self::FailedCheck { name, detail } => format!("Check {name} does not hold: {detail}"),
            Self::Stopped { unmeasured } => format!(
                "Measuring stopped before the last {unmeasured} nodes. Open the run again with the same model and \
                 batches, and {RESUME_CALL} measures them; what is there stays."
            ),
            Self::ExplainedVariance { components, share, random_walk, snapshots } => {
                words::explained_share(components, *share, *snapshots, *random_walk)
            }
            Self::StandIn { component } => words::degenerate_component(*component),
            Self::TurningPlane => {
                "The plane is that of the snapshots until now, about their mean: every new one turns it."
                    .to_owned()
            }
            Self::OutOfSlice { snapshot, share, is_line, is_from_mean } => format!(
                "Snapshots are drawn where they project to: {} lies farthest out of the {}, \
                 by {} of its squared distance from the {}.",
                snapshot_name(*snapshot),
                if *is_line { "line" } else { "plane" },
                words::percent(*share),
                if *is_from_mean { "mean" } else { "centre" },
            ),
            Self::LossGap { snapshot, loss, on_slice, .. } => {
                words::loss_beside_loss_on_plane(&snapshot_name(*snapshot), *loss, *on_slice)
            }
            Self::Rounded { distance, share } => {
                let share = share.map_or(String::new(), |it| format!(", {} of the path", words::percent(it)));
                format!(
                    "Snapshots are rounded: each lies up to {}{share} from where training was.",
                    words::number(*distance)
                )
            }
            Self::MeanOver { quantity, count, unit } => words::mean_over(quantity, *count, unit),
            Self::StandardError { largest } => words::standard_error(largest.as_slice()),
            Self::Nodes(counts) => words::nodes(*counts),
            Self::Interpolated { tolerance: Some(share) } => format!(
                "Dotted nodes are interpolated: left out where their neighbours are told to within {} of the range.",
                words::percent(*share)
            ),
            Self::Interpolated { tolerance: None } => {
                "Dotted nodes are interpolated, not measured.".to_owned()
            }
            Self::Planned(text) => text.clone(),
            Self::Scaled(to) => format!("Directions scaled by {to}."),
            Self::Seeds(seeds) => words::seeds(seeds),
            Self::Reach { reach, centre_norm } => words::range(*reach, *centre_norm),
            Self::Biases(mode) => biases(mode),
            Self::BatchNorm(mode) => batchnorm(mode),
            Self::FewDirections { parameters, directions } => words::slice(*parameters, *directions),
        }
    }
}

fn numbered(snapshot: u32) -> String {
    format!("snapshot {snapshot}")
}

/// As in `snapshot 3 of adam` where a path is that of several runs.
#[must_use]
pub fn snapshot_of(number: u32, path: &Trajectory, compared: &[ComparedRun]) -> String {
    let runs = path.runs();
    let place = path.snapshots.iter().position(|&it| it == number);
    let owner = place.and_then(|place| runs.iter().position(|run| run.contains(&place)));
    match owner
        .filter(|_| runs.len() > 1)
        .and_then(|owner| compared.get(owner).zip(runs.get(owner)))
    {
        Some((run, entries)) => {
            format!("snapshot {} of {}", place.unwrap_or(entries.start) - entries.start, run.name)
        }
        None => numbered(number),
    }
}

fn biases(mode: &BiasMode) -> String {
    match mode {
        BiasMode::Ignored => {
            "Biases and norm parameters stay as they are in these directions.".to_owned()
        }
        BiasMode::Kept => "Biases and norm parameters move along themselves.".to_owned(),
        BiasMode::Filter => {
            "Biases and norm parameters move, each scaled as one filter.".to_owned()
        }
        BiasMode::Moved => "Biases and norm parameters move as all others do.".to_owned(),
        BiasMode::Mixed => {
            "Biases and norm parameters move along the direction that is not random.".to_owned()
        }
        other => format!("Biases and norm parameters: {other}."),
    }
}

fn batchnorm(mode: &BatchNormMode) -> String {
    match mode {
        BatchNormMode::Recalibrate => {
            "BatchNorm statistics are recalibrated at every node.".to_owned()
        }
        BatchNormMode::Centre => {
            "BatchNorm statistics are those of the centre at every node.".to_owned()
        }
        BatchNormMode::Interpolated => {
            "BatchNorm statistics are interpolated between those of the two ends.".to_owned()
        }
        other => format!("BatchNorm statistics: {other}."),
    }
}

/// Those that do not hold.
pub fn caveats_of_checks<'a>(
    checks: impl IntoIterator<Item = &'a Check>,
) -> impl Iterator<Item = Caveat> {
    let failed = checks.into_iter().filter(|check| !check.passed);
    failed.map(|Check { name, detail, .. }| Caveat::FailedCheck {
        name: name.clone(),
        detail: detail.clone(),
    })
}

/// That measuring was stopped, where a run that is over has nodes left.
#[must_use]
pub fn caveat_of_stop(surface: &Surface, state: RunState) -> Option<Caveat> {
    let unmeasured = surface.counts().unmeasured;
    (unmeasured > 0 && state.is_over()).then_some(Caveat::Stopped { unmeasured })
}

/// What the path of training through a slice does not show there.
#[must_use]
pub fn caveats_of_path(slice: &Slice, path: &Trajectory) -> Vec<Caveat> {
    let components = components(slice);
    let mut caveats: Vec<Caveat> = explained_variance(path, &components).into_iter().collect();
    // A component that stands in for one explains nothing at all.
    let along = components.iter().zip(axes(slice));
    let stand_ins = along.filter(|(_, axis)| path.degenerate && axis.explained == Some(0.0));
    caveats.extend(stand_ins.map(|(&component, _)| Caveat::StandIn { component }));
    let is_line = slice.y.is_none();
    caveats.extend(out_of_slice(path, is_line, false));
    caveats.extend(loss_gap(path, is_line));
    caveats.extend(path.rounding.map(|distance| rounded(slice, path, distance)));
    caveats
}

fn rounded(slice: &Slice, path: &Trajectory, distance: f64) -> Caveat {
    let ends = path
        .x
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(*it), high.max(*it)));
    let extent = (ends.1 - ends.0) * slice.x.direction_norm;
    Caveat::Rounded { distance, share: (extent > 0.0).then(|| distance / extent) }
}

/// What the path of training does not show while it goes on.
#[must_use]
pub fn caveats_of_live_path(path: &Trajectory) -> Vec<Caveat> {
    let mut caveats: Vec<Caveat> = explained_variance(path, &OF_LIVE_PATH).into_iter().collect();
    caveats.extend(path.degenerate.then_some(Caveat::StandIn { component: 2 }));
    caveats.push(Caveat::TurningPlane);
    caveats.extend(out_of_slice(path, false, true));
    caveats
}

/// What the values of a quantity at the nodes of a slice are, and how many were measured; `unit` as in a trace, where
/// samples are left out.
#[must_use]
pub fn caveats_of_values(quantity: &str, count: u64, unit: &str, surface: &Surface) -> Vec<Caveat> {
    let mean = (count > 0).then(|| Caveat::MeanOver {
        quantity: quantity.to_owned(),
        count: usize::try_from(count).unwrap_or(usize::MAX),
        unit: words::unit(unit).to_owned(),
    });
    let known = surface.stderrs().iter().copied().filter(|stderr| !stderr.is_nan());
    let largest = known.max_by(f64::total_cmp);
    let rest = [Caveat::StandardError { largest }, Caveat::Nodes(surface.counts())];
    mean.into_iter().chain(rest).collect()
}

/// That less was going to be measured than everything.
#[must_use]
pub fn caveat_of_plan(plan: &Plan) -> Option<Caveat> {
    let is_told = !plan.is_exact() && !plan.text.is_empty();
    is_told.then(|| Caveat::Planned(plan.text.clone()))
}

/// How a slice was made, of a model with a head.
#[must_use]
pub fn caveats_of_slice(slice: &Slice, head: Option<&Head>) -> Vec<Caveat> {
    let seeds: Vec<u64> = axes(slice).filter_map(|axis| axis.seed).collect();
    let mut caveats = Vec::new();
    caveats.extend((!seeds.is_empty()).then_some(Caveat::Seeds(seeds)));
    caveats.push(Caveat::Reach { reach: reach(slice), centre_norm: slice.centre_norm });
    let biases = &slice.biases;
    caveats.extend((!biases.is_empty()).then(|| Caveat::Biases(biases.clone())));
    let batchnorm = &slice.batchnorm;
    let has_buffers = !batchnorm.is_empty() && *batchnorm != BatchNormMode::None;
    caveats.extend(has_buffers.then(|| Caveat::BatchNorm(batchnorm.clone())));
    let directions = axes(slice).count();
    caveats.extend(head.map(|head| {
        let parameters = usize::try_from(parameters(head)).unwrap_or(usize::MAX);
        Caveat::FewDirections { parameters, directions }
    }));
    caveats
}

/// How much of the movement some components hold; `None` where that was not recorded of all of them.
#[must_use]
pub fn explained_variance(path: &Trajectory, components: &[usize]) -> Option<Caveat> {
    let sum = |shares: &[f64]| -> Option<f64> {
        let share = |k: &usize| k.checked_sub(1).and_then(|k| shares.get(k));
        components.iter().map(|k| share(k).copied()).sum()
    };
    let share = sum(&path.explained).filter(|_| !components.is_empty())?;
    Some(Caveat::ExplainedVariance {
        components: components.to_vec(),
        share,
        random_walk: sum(&path.random_walk),
        snapshots: path.snapshots.len(),
    })
}

/// The snapshot with the largest share of its squared distance out of the slice.
#[must_use]
pub fn out_of_slice(path: &Trajectory, is_line: bool, is_from_mean: bool) -> Option<Caveat> {
    let shares = path.snapshots.iter().copied().zip(path.out_of_plane_share.iter().copied());
    let known = shares.filter(|(_, share)| share.is_finite());
    let (snapshot, share) = known.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Caveat::OutOfSlice { snapshot, share, is_line, is_from_mean })
}

/// The snapshot whose own loss differs most from the loss where it is drawn, of those of which both are finite.
#[must_use]
pub fn loss_gap(path: &Trajectory, is_line: bool) -> Option<Caveat> {
    let pairs = path.loss.iter().copied().zip(path.loss_on_plane.iter().copied());
    let numbered = path.snapshots.iter().copied().zip(pairs);
    let known = numbered.filter(|(_, (loss, on_slice))| loss.is_finite() && on_slice.is_finite());
    let gap = |(loss, on_slice): (f64, f64)| (loss - on_slice).abs();
    let (snapshot, (loss, on_slice)) = known.max_by(|a, b| gap(a.1).total_cmp(&gap(b.1)))?;
    Some(Caveat::LossGap { snapshot, loss, on_slice, is_line })
}

/// The principal components along which a slice lies, counted from 1; none if it has other directions.
#[must_use]
pub fn components(slice: &Slice) -> Vec<usize> {
    axes(slice).map(Axis::principal_component).collect::<Option<_>>().unwrap_or_default()
}

/// What an axis is called: its label, and beside it the number of its principal component where the label does not say it.
#[must_use]
pub fn axis_label(axis: &Axis) -> String {
    let component = axis.principal_component().map(|number| format!("PC {number}"));
    match component.filter(|name| !axis.label.contains(name)) {
        Some(name) if axis.label.is_empty() => name,
        Some(name) => format!("{}, {name}", axis.label),
        None => axis.label.clone(),
    }
}

/// The axes of a slice: one of a line, two of a plane.
pub fn axes(slice: &Slice) -> impl Iterator<Item = &Axis> {
    std::iter::once(&slice.x).chain(&slice.y)
}

/// Distance of the farthest corner of a slice from its centre, in the units of the parameters.
#[must_use]
pub fn reach(slice: &Slice) -> f64 {
    let (across, up) = (ends(&slice.x), slice.y.as_ref().map_or([0.0; 2], ends));
    let cosine = slice.cosine.unwrap_or(0.0);
    let corners = across.iter().flat_map(|&a| up.iter().map(move |&b| (a, b)));
    let squares = corners.map(|(a, b)| a * a + b * b + 2.0 * a * b * cosine);
    squares.fold(0.0, f64::max).sqrt()
}

/// Where an axis ends, in the units of the parameters.
#[must_use]
pub fn ends(axis: &Axis) -> [f64; 2] {
    let last = axis.first as f64 + axis.count.saturating_sub(1) as f64;
    [axis.first as f64, last].map(|index| index * axis.spacing * axis.direction_norm)
}

/// Parameters of the model that a head describes.
#[must_use]
pub fn parameters(head: &Head) -> u64 {
    let of_block = |shape: &[u64]| shape.iter().copied().fold(1, u64::saturating_mul);
    head.blocks.iter().map(|block| of_block(&block.shape)).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use burnscape_trace::{AxisKind, record};

    use super::*;

    fn component(k: usize) -> Axis {
        let (label, kind) = (format!("PC {k}"), AxisKind::Pca);
        record!(Axis { label, kind, explained: Some(0.1) })
    }

    #[test]
    fn the_number_of_a_component_is_a_field_and_in_old_traces_in_the_label() {
        let pca = |label: &str, component| {
            record!(Axis { label: label.into(), kind: AxisKind::Pca, component })
        };
        assert_eq!(pca("PC 3", None).principal_component(), Some(3));
        assert_eq!(pca("third", Some(3)).principal_component(), Some(3));
        assert_eq!(pca("PC 2", Some(3)).principal_component(), Some(3));
        assert_eq!(pca("third", None).principal_component(), None);
        assert_eq!(pca("PC 0", Some(0)).principal_component(), None);
        let random =
            record!(Axis { label: "PC 1".into(), kind: AxisKind::Random, component: Some(1) });
        assert_eq!(random.principal_component(), None);
    }

    #[test]
    fn an_axis_says_its_component_once() {
        let called = |label: &str, component| {
            axis_label(&record!(Axis { label: label.into(), kind: AxisKind::Pca, component }))
        };
        assert_eq!(called("PC 3", Some(3)), "PC 3");
        assert_eq!(called("the third", Some(3)), "the third, PC 3");
        assert_eq!(called("", Some(1)), "PC 1");
        assert_eq!(axis_label(&record!(Axis { label: "random 7".into() })), "random 7");
    }

    #[test]
    fn checks_that_fail_and_nodes_that_a_run_left_are_told() {
        let check = |name: &str, passed, detail: &str| {
            record!(Check { name: name.into(), passed, detail: detail.into() })
        };
        let checks = [check("a", true, ""), check("b", false, "1 is not 2"), check("c", false, "")];
        let told: Vec<String> = caveats_of_checks(&checks).map(|it| it.to_string()).collect();
        assert_eq!(told, ["Check b does not hold: 1 is not 2", "Check c does not hold."]);
        let axis = burnscape_landscape::grid::Axis::new(0, 3, 1.0).unwrap();
        let mut surface = Surface::new(burnscape_landscape::grid::Grid::line(axis));
        surface.set(1, burnscape_landscape::surface::NodeValue { mean: 1.0, stderr: 0.0 });
        assert_eq!(caveat_of_stop(&surface, RunState::Surface), None);
        let stopped = caveat_of_stop(&surface, RunState::Interrupted);
        assert_eq!(stopped, Some(Caveat::Stopped { unmeasured: 2 }));
    }

    fn path() -> Trajectory {
        record!(Trajectory {
            snapshots: vec![0, 4, 7].into(),
            explained: vec![0.5, 0.25, 0.125].into(),
            random_walk: vec![0.625, 0.25, 0.0625].into(),
            loss: vec![f64::NAN, 3.0, 1.0].into(),
            loss_on_plane: vec![1.0, 2.5, 0.25].into(),
            out_of_plane_share: vec![f64::NAN, 0.25, 0.125].into(),
        })
    }

    #[test]
    fn a_slice_along_other_components_than_the_first_two_tells_theirs() {
        let slice = record!(Slice { x: component(1), y: Some(component(3)) });
        let told: Vec<String> =
            caveats_of_path(&slice, &path()).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "PC 1+3 explain 62.5 % of 3 snapshots' variance; a random walk of 3 would give 68.8 %. 3 snapshots always give 100 %: the figure says nothing.",
                "Snapshots are drawn where they project to: snapshot 4 lies farthest out of the plane, by 25.0 % of its squared distance from the centre.",
                "Snapshot 7 has the loss 1.000; at the point where it is drawn the loss is 0.2500.",
            ]
        );
    }

    #[test]
    fn snapshots_of_several_runs_are_called_by_their_runs() {
        let compared = ["sgd", "adam"].map(|name| record!(ComparedRun { name: name.into() }));
        let x = vec![0.0; 3].into();
        let of_two = record!(Trajectory { x, starts: vec![0, 1].into(), ..path() });
        let told = |path: &Trajectory, compared: &[ComparedRun]| -> Vec<String> {
            let caveats = caveats_of_path(&Slice::default(), path).into_iter();
            caveats.map(|it| it.of_path_in_words(path, compared)).collect()
        };
        let words = told(&of_two, &compared).join(" ");
        assert!(words.contains(": snapshot 0 of adam lies farthest out"), "{words}");
        assert!(words.contains("Snapshot 1 of adam has the loss 1.000;"), "{words}");
        // Of one run, and of runs that are not told, the numbers stay.
        for words in [told(&path(), &compared), told(&of_two, &[])] {
            assert!(words.join(" ").contains("Snapshot 7 has the loss"), "{words:?}");
        }
    }

    #[test]
    fn what_is_nan_is_not_the_worst() {
        let gap = loss_gap(&path(), false);
        let expected = Caveat::LossGap { snapshot: 7, loss: 1.0, on_slice: 0.25, is_line: false };
        assert_eq!(gap, Some(expected));
        let nowhere = record!(Trajectory { loss: vec![f64::NAN; 3].into(), ..path() });
        assert_eq!(loss_gap(&nowhere, false), None);
    }

    #[test]
    fn other_directions_have_no_components_and_what_was_not_recorded_is_not_told() {
        let random = record!(Axis { label: "PC 1".into(), kind: "random".into() });
        let slice = record!(Slice { x: component(1), y: Some(random) });
        assert_eq!(components(&slice), [] as [usize; 0]);
        assert_eq!(explained_variance(&path(), &[1, 4]), None);
        let unknown = record!(Trajectory { random_walk: Vec::new().into(), ..path() });
        let sentence = explained_variance(&unknown, &[2]).unwrap().to_string();
        assert_eq!(sentence, "PC 2 explains 25.0 % of 3 snapshots' variance.");
    }

    /// The corner of a 3-4 triangle, and of one whose legs lie at 60°: |a + b|² = a² + b² + 2ab cos 60°.
    #[test]
    fn a_slice_reaches_to_its_farthest_corner() {
        let axis =
            |direction_norm| record!(Axis { first: -1, count: 3, spacing: 1.0, direction_norm });
        let square = record!(Slice { x: axis(3.0), y: Some(axis(4.0)) });
        assert_eq!(reach(&square), 5.0);
        let slanted = record!(Slice { cosine: Some(0.5), ..square });
        assert!((reach(&slanted) - 37.0_f64.sqrt()).abs() < 1e-12);
    }
}
