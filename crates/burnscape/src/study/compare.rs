//! Slices beside each other: initial and trained, several seeds, several ranges.

use burnscape_landscape::agreement::{self, Measures};
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::surface::{NodeState, Surface};
use burnscape_landscape::words;
use burnscape_trace::{F64s, Record, Study, record};

use super::comparing::Findings;
use super::known::KnownSlice;
use super::open_study::AnyStudy;
use super::planes::Plan;
use super::resume::{batchnorm, biases, normalisation};
use super::slice_spec::{Reach, SliceSpec};
use crate::config::chosen::Chosen;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::Point;
use crate::{Error, Result};

/// Nodes on the shorter side of the centre that a coarse grid keeps at least.
pub(super) const COARSE_SIDE: usize = 4;

/// The same where time is short.
pub(super) const FEW_SIDE: usize = 2;

/// The same random slice around the initial and around the trained model.
#[derive(Debug, Clone)]
pub struct InitialAndTrained {
    /// Around the model before the first update.
    pub initial: SliceSurface,
    /// Around the model that training returned.
    pub trained: SliceSurface,
    /// Lowest and highest finite loss of both: their common scale.
    pub scale: Option<(f64, f64)>,
}

/// One random slice among others.
#[derive(Debug, Clone, Default)]
pub struct Agreement {
    /// The slices on a coarse grid, the one shown first.
    pub planes: Vec<SliceSurface>,
    /// How far they agree.
    pub measures: agreement::Agreement,
    /// As the trace has it.
    pub study: Study,
}

/// One slice at several ranges.
#[derive(Debug, Clone, Default)]
pub struct ScaleSweep {
    /// The slices in the order of the factors.
    pub slices: Vec<SliceSurface>,
    /// As the trace has it.
    pub study: Study,
}

impl InitialAndTrained {
    pub(super) fn new(initial: SliceSurface, trained: SliceSurface) -> Self {
        let scale = scale(&[&initial, &trained]);
        Self { initial, trained, scale }
    }
}

impl AnyStudy<'_> {
    pub(super) fn initial_and_trained(&mut self, spec: &SliceSpec) -> Result<InitialAndTrained> {
        let name = spec.name.clone().unwrap_or_else(|| "random".to_string());
        let around = |centre: Point, which: &str| {
            spec.clone().centre(centre).name(format!("{name} {which}"))
        };
        let trained = self.plan(&around(Point::Final, "trained"))?;
        let initial = self.plan(&around(Point::Initial, "initial"))?;
        let study = study_of("initial-and-trained", Vec::new());
        let (study, mut slices) = self.measure_study(study, vec![trained, initial])?;
        slices.iter().for_each(|slice| self.results.keep(slice));
        self.tell(concluded(study, &slices));
        Ok(InitialAndTrained::new(slices.remove(1), slices.remove(0)))
    }

    /// Measured on the batches that the slice shown was measured on.
    pub(super) fn agreement(&mut self, shown: &SliceSurface, planes: usize) -> Result<Agreement> {
        let known = self.held.slice(shown.slice.slice);
        let batches = known.map_or_else(|| self.batches_in_use(), |it| it.planned.batches.clone());
        self.on_batches(&batches, |open| open.agreement_of(shown, planes, COARSE_SIDE))
    }

    pub(super) fn agreement_of(
        &mut self,
        shown: &SliceSurface,
        planes: usize,
        side: usize,
    ) -> Result<Agreement> {
        let spec = self.coarse_spec(shown, side)?;
        let mut plans = Vec::new();
        for plane in 1..=planes as u64 {
            let name = format!("{} {}", shown.slice.name, plane + 1);
            let seed = self.seed_of(shown).wrapping_add(plane);
            plans.push(self.plan_with(&spec.clone().seed(seed).name(name), false)?);
        }
        let study = study_of("agreement", vec![shown.slice.slice]);
        let (study, slices) = self.measure_study(study, plans)?;
        let slices: Vec<SliceSurface> = std::iter::once(shown.clone()).chain(slices).collect();
        let study = concluded(study, &slices);
        self.tell(study.clone());
        let planes = on_one_grid(&slices);
        let measures = agreement::Agreement::of(&measured(&planes));
        Ok(Agreement { planes, measures, study })
    }

    pub(super) fn scale_sweep(&mut self, spec: &SliceSpec, factors: &[f64]) -> Result<ScaleSweep> {
        let whole = self.plan(spec)?;
        let mut plans = Vec::new();
        for &factor in factors {
            let range = |axis: &Axis| Reach::Given(axis.min() * factor..=axis.max() * factor);
            let y = whole.grid.y().map_or_else(|| range(whole.grid.x()), range);
            let reach = [range(whole.grid.x()), y];
            let name = format!("{} × {}", whole.slice.name, words::number(factor));
            plans.push(self.plan(&SliceSpec { reach, ..spec.clone().name(name) })?);
        }
        let mut study = study_of("scale-sweep", Vec::new());
        study.measures = [("factor".to_string(), F64s(factors.to_vec()))].into();
        let (study, slices) = self.measure_study(study, plans)?;
        slices.iter().for_each(|slice| self.results.keep(slice));
        let study = concluded(study, &slices);
        self.tell(study.clone());
        Ok(ScaleSweep { slices, study })
    }

    /// Tells slices and the study that they belong to, then measures them; the study as it was told.
    pub(super) fn measure_study(
        &mut self,
        mut study: Study,
        mut plans: Vec<Plan>,
    ) -> Result<(Study, Vec<SliceSurface>)> {
        self.refuse_in_shards("a study of several slices")?;
        study.study = self.held.next_study;
        self.held.next_study += 1;
        plans.iter_mut().for_each(|plan| plan.slice.study = Some(study.study));
        let started = self.start_all(plans)?;
        study.slices.extend(started.iter().map(|it| it.plan.slice.slice));
        self.record(Record::Study(study.clone()));
        self.held.know_study(study.clone());
        let slices = self.go_on(started)?;
        Ok((study, slices))
    }

    /// Tells what a study has found and makes it part of the landscape.
    pub(super) fn tell(&mut self, study: Study) {
        self.record(Record::Study(study.clone()));
        self.held.know_study(study.clone());
        self.results.keep_study(study);
    }

    /// Tells studies again of whose slices more is known now.
    pub(super) fn tell_again(&mut self, slices: &[SliceSurface]) -> Result<()> {
        let is_concerned =
            |study: &&Study| slices.iter().any(|slice| study.slices.contains(&slice.slice.slice));
        let studies: Vec<Study> = self.held.studies.iter().filter(is_concerned).cloned().collect();
        studies.into_iter().try_for_each(|study| self.conclude_again(study))
    }

    /// Nothing if one of its slices is not in the trace.
    pub(super) fn conclude_again(&mut self, study: Study) -> Result<()> {
        let find = |number: &u32| self.held.slice(*number);
        let known: Option<Vec<_>> = study.slices.iter().map(find).collect();
        let Some(known) = known else { return Ok(()) };
        let slices: Vec<SliceSurface> = known.into_iter().map(KnownSlice::surface).collect();
        let study = match study.kind.as_str() {
            "offending-update" => self.offending_concluded(study, &slices)?,
            _ => concluded(study, &slices),
        };
        self.tell(study);
        Ok(())
    }

    /// The seed of the slice that a random slice was asked for with.
    fn seed_of(&self, shown: &SliceSurface) -> u64 {
        shown.slice.x.seed.unwrap_or(self.active.config.study.seed) / 2
    }

    /// The request that a random slice came from, on a grid that leaves nodes out.
    fn coarse_spec(&self, shown: &SliceSurface, side: usize) -> Result<SliceSpec> {
        let slice = &shown.slice;
        let mut axes = std::iter::once(&slice.x).chain(&slice.y);
        if !axes.all(|axis| axis.kind == "random") {
            return Err(Error::NotRandom { slice: slice.name.clone() });
        }
        let centre = self.recorded_point(slice)?;
        let grid = shown.surface.grid();
        let spec = match grid.is_line() {
            true => SliceSpec::line(crate::study::slice_spec::Direction::random()),
            false => SliceSpec::random(),
        };
        let grid = coarse_grid(grid, side);
        let (x, y) = (*grid.x(), grid.y().copied().unwrap_or(*grid.x()));
        let spec = SliceSpec {
            reach: [Reach::Given(x.min()..=x.max()), Reach::Given(y.min()..=y.max())],
            resolution: Some([x.count(), y.count()]),
            move_frozen: slice.moves_frozen,
            orthogonal: slice.orthogonalised,
            batchnorm: batchnorm(&slice.batchnorm),
            blocks: Chosen(slice.patterns.clone()),
            ..spec
        };
        let spec = spec.normalisation(normalisation(&slice.normalisation));
        Ok(spec.biases(biases(&slice.biases)).centre(centre).exact())
    }
}

/// A study of which nothing but its kind and some of its slices is known.
pub(super) fn study_of(kind: &str, slices: Vec<u32>) -> Study {
    record!(Study { kind: kind.into(), slices })
}

/// A study with what its slices say about each other, as far as they are measured.
pub(super) fn concluded(study: Study, slices: &[SliceSurface]) -> Study {
    let planes = match study.kind.as_str() {
        "agreement" => on_one_grid(slices),
        _ => slices.to_vec(),
    };
    let scale = scale(&planes.iter().collect::<Vec<_>>());
    let (lowest, highest) = (scale.map(|scale| scale.0), scale.map(|scale| scale.1));
    let study = record!(Study { lowest, highest, ..study });
    match study.kind.as_str() {
        "agreement" => agreed(study, &planes),
        "scale-sweep" => swept(study, &planes),
        "joint-plane" | "through-three" if !planes.is_empty() => {
            Findings::basins_again(study, &planes[0])
        }
        _ => study,
    }
}

fn agreed(study: Study, planes: &[SliceSurface]) -> Study {
    let measured = measured(planes);
    let measures = [
        ("convexity", column(&measured, |it| it.convexity)),
        ("doubling_radius", column(&measured, |it| it.doubling_radius)),
        ("largest_curvature", column(&measured, |it| it.largest_curvature)),
        ("smallest_curvature", column(&measured, |it| it.smallest_curvature)),
        ("curvature_error", column(&measured, |it| it.curvature_error)),
    ];
    let measures = measures.map(|(name, values)| (name.to_string(), values)).into();
    let sentences = words::agreement(&agreement::Agreement::of(&measured));
    record!(Study { measures, sentences, ..study })
}

fn swept(study: Study, slices: &[SliceSurface]) -> Study {
    let measured = measured(slices);
    let extreme = |it: &SliceSurface, highest: bool| {
        let found = if highest { it.surface.highest() } else { it.surface.lowest() };
        found.map_or(f64::NAN, |found| found.loss)
    };
    let lowest: Vec<f64> = slices.iter().map(|it| extreme(it, false)).collect();
    let highest: Vec<f64> = slices.iter().map(|it| extreme(it, true)).collect();
    let convexity: Vec<Option<f64>> = measured.iter().map(|it| it.convexity).collect();
    let factors = study.measures.get("factor").cloned().unwrap_or_default();
    let sentences = words::scale_sweep(&factors, &lowest, &highest, &convexity);
    let measures = [
        ("factor", factors),
        ("lowest", F64s(lowest)),
        ("highest", F64s(highest)),
        ("convexity", column(&measured, |it| it.convexity)),
    ];
    let measures = measures.map(|(name, values)| (name.to_string(), values)).into();
    record!(Study { measures, sentences, ..study })
}

fn measured(slices: &[SliceSurface]) -> Vec<Measures> {
    slices.iter().map(|it| Measures::of(&it.surface, &it.gram)).collect()
}

/// The first slice on the grid of the others.
fn on_one_grid(slices: &[SliceSurface]) -> Vec<SliceSurface> {
    let mut slices = slices.to_vec();
    if let [shown, other, ..] = &mut slices[..] {
        shown.surface = on_grid(&shown.surface, *other.surface.grid());
    }
    slices
}

fn column(measured: &[Measures], read: impl Fn(&Measures) -> Option<f64>) -> F64s {
    F64s(measured.iter().map(|it| read(it).unwrap_or(f64::NAN)).collect())
}

fn scale(slices: &[&SliceSurface]) -> Option<(f64, f64)> {
    let lowest = slices.iter().filter_map(|it| it.surface.lowest()).map(|it| it.loss);
    let highest = slices.iter().filter_map(|it| it.surface.highest()).map(|it| it.loss);
    Some((lowest.min_by(f64::total_cmp)?, highest.max_by(f64::total_cmp)?))
}

/// A grid that leaves out nodes of another, with the same ends and centre.
pub(super) fn coarse_grid(grid: &Grid, side: usize) -> Grid {
    let x = coarse(grid.x(), side);
    grid.y().map_or_else(|| Grid::line(x), |y| Grid::plane(x, coarse(y, side)))
}

/// Every so many nodes of an axis, so that the ends and the centre stay.
fn coarse(axis: &Axis, least_side: usize) -> Axis {
    let (before, after) = (axis.centre(), axis.count() - 1 - axis.centre());
    let keeps = |stride: usize| {
        let sides = [before, after].into_iter().filter(|&side| side > 0);
        sides.clone().all(|side| side.is_multiple_of(stride) && side / stride >= least_side)
    };
    let stride = (1..=before.max(after)).rev().find(|&stride| keeps(stride)).unwrap_or(1);
    let count = before / stride + after / stride + 1;
    let spacing = axis.spacing() * stride as f64;
    Axis::new(-((before / stride) as i64), count, spacing).unwrap_or(*axis)
}

/// The nodes of a surface that lie on a coarser grid.
fn on_grid(surface: &Surface, coarse: Grid) -> Surface {
    let fine = surface.grid();
    let stride = |coarse: &Axis, fine: &Axis| (coarse.spacing() / fine.spacing()).round() as usize;
    let place = |index: usize, coarse: &Axis, fine: &Axis| {
        (fine.centre() + index * stride(coarse, fine))
            .checked_sub(coarse.centre() * stride(coarse, fine))
    };
    let node = |node: usize| {
        let (ix, iy) = coarse.column_row(node);
        let x = place(ix, coarse.x(), fine.x())?;
        let y = match (coarse.y(), fine.y()) {
            (Some(coarse), Some(fine)) => place(iy, coarse, fine)?,
            _ => 0,
        };
        (x < fine.columns() && y < fine.rows()).then(|| fine.node(x, y))
    };
    let mut taken = Surface::new(coarse);
    taken.set_resolution(surface.resolution());
    for target in 0..coarse.len() {
        let Some(source) = node(target) else { continue };
        let (mean, stderr) = (surface.losses()[source], surface.stderrs()[source]);
        match surface.states()[source] {
            NodeState::Measured => {
                taken.set(target, burnscape_landscape::surface::NodeValue { mean, stderr });
            }
            NodeState::Interpolated => taken.set_interpolated(target, mean),
            NodeState::Unmeasured => {}
        }
    }
    taken
}
