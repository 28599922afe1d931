//! The slices that `finish` measures without being asked, and how much of them a budget allows.

use burnscape_landscape::budget::{Choice, Comparison, Costs, evenly};
use burnscape_landscape::words::percent;
use burnscape_run::counted;
use burnscape_trace::{Plan as TracePlan, Record, U32s, record};

use super::compare::{COARSE_SIDE, FEW_SIDE, coarse_grid};
use super::known::Planned;
use super::open_study::AnyStudy;
use super::planes::{Measuring, Plan};
use super::progress::{duration, say};
use super::rounds::first_nodes;
use super::slice_spec::SliceSpec;
use crate::config::check::check;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::loss::Unit;
use crate::model::point::Point;
use crate::{Error, Result};

/// Where nodes are left out for want of time, interpolation may be off by this share of the range of losses.
const TOLERANCE: f64 = 0.01;

/// Share of the time left that is planned with: nodes may turn out slower than the first ones.
const PLANNED: f64 = 0.85;

/// Losses over a quarter of the samples have twice the standard error: before there are fewer, nodes are left out.
const FAIR_SHARE: usize = 4;

/// Samples that losses are means over at least. All nodes have the same, so that the shape is surer than the height.
const LEAST_SAMPLES: usize = 256;

/// The same for what is counted in another way, as a share of the batches.
const LEAST_SHARE: usize = 8;

/// What is said of a path of two points.
const MORE_POINTS: &str = "The path of training has two snapshots, the weights before and after it: more are taken by \
    `.snapshot_every_steps(n)`, or where a loop of one's own calls `epoch_done(&model)` after each epoch.";

/// The planes that are measured, and what it took to draw a random one.
struct Planes {
    planes: Vec<Plan>,
    has_random: bool,
    drawing_secs: f64,
}

impl AnyStudy<'_> {
    pub(super) fn default_slices(&mut self) -> Result<()> {
        if self.path.snapshots.len() < 2 {
            return Err(self.too_few(self.path.snapshots.len()));
        }
        let before = self.batches_in_use();
        let outcome = self.planned_slices();
        (self.planned.plan, self.time.reserve) = (None, std::time::Duration::ZERO);
        self.use_batches(&before);
        outcome
    }

    fn planned_slices(&mut self) -> Result<()> {
        let Planes { planes, has_random, drawing_secs } = self.default_planes()?;
        self.decide(&planes, drawing_secs)?;
        let first = self.held.next_slice;
        let planes = planes.into_iter().map(|plan| self.as_planned(plan));
        let planes: Vec<_> = planes.collect();
        let started = planes.into_iter().map(|plan| self.start_once(plan));
        let started = started.collect::<Result<Vec<_>>>()?;
        self.tell_plan((first..self.held.next_slice).collect());
        let slices = self.go_on(started)?;
        slices.iter().for_each(|slice| self.results.keep(slice));
        self.say_how_a_path_gets_more_points();
        if self.active.config.black_box.weights && !self.stopper.is_asked() {
            self.offending_updates()?;
        }
        self.time.reserve = std::time::Duration::ZERO;
        // Whether a plane is typical is told once the shares of it are together.
        let is_whole = self.share.is_none() && !self.stopper.is_asked();
        if let Some(shown) = slices.last().filter(|_| has_random && is_whole) {
            self.default_agreement(shown)?;
        }
        if self.share.is_none() {
            self.look_ahead(&slices);
        }
        Ok(())
    }

    /// Two points make a line, whatever training did between them.
    fn say_how_a_path_gets_more_points(&mut self) {
        let is_short = self.path.snapshots.len() == 2 && self.active.hook.steps() > 1;
        if is_short && !self.active.is_reopened {
            self.note("info", MORE_POINTS.to_string());
            self.results.remarks.push(MORE_POINTS.to_string());
        }
    }

    /// The plane of the first two principal components and a random one, as far as there are any.
    fn default_planes(&mut self) -> Result<Planes> {
        let clock = self.active.config.clock.clone();
        let centre = self.default_centre()?;
        let pca = self.plan_or_line(&SliceSpec::pca().centre(centre.clone()));
        let pca = self.unless_zero("pca", pca)?;
        let begun = clock.now();
        let random = self.plan_or_line(&SliceSpec::random().centre(centre));
        let drawing_secs = clock.now().saturating_sub(begun).as_secs_f64();
        let random = self.unless_zero("random", random)?;
        if pca.is_none() && random.is_none() {
            let run = self.active.recorder.folder.path().to_path_buf();
            return Err(Error::NothingMoves { run });
        }
        let has_random = random.is_some();
        let planes = pca.into_iter().chain(random).collect();
        Ok(Planes { planes, has_random, drawing_secs })
    }

    /// What is measured: as it was given, as there is time for, or everything. From then on the batches for it are used.
    fn decide(&mut self, planes: &[Plan], drawing_secs: f64) -> Result<()> {
        let available = self.quantities.sets[0].available as u64;
        self.planned.plan = match self.active.config.plan.clone() {
            Some(given) => {
                let fits = given.of_batches == 0 || given.of_batches == available;
                let found = format!("one for {} batches", given.of_batches);
                check(
                    "plan",
                    fits,
                    &found,
                    "a plan that was made for as many batches as there are",
                )?;
                Some(given)
            }
            None if self.time.deadline.left().is_some() => {
                Some(self.affordable(planes, drawing_secs)?)
            }
            None => None,
        };
        let Some(plan) = self.planned.plan.clone() else { return Ok(()) };
        self.use_batches(&plan.batches);
        if !plan.is_exact() {
            log::info!("burnscape: {}", plan.text);
            say(&self.active.config, &self.active.recorder.handle, &plan.text);
        }
        Ok(())
    }

    /// What there is time for, going by how long some nodes take.
    fn affordable(&mut self, planes: &[Plan], drawing_secs: f64) -> Result<TracePlan> {
        let usual = self.quantities.sets[0].selected.places.clone();
        let looked_at = self.pacing.looked_at.as_ref().map_or(&[][..], |looked| &looked.places);
        let looked_at: Vec<u32> = looked_at.iter().map(|&place| place as u32).collect();
        let pace = self.on_batches(&looked_at, |open| open.pace(&planes[0]))?;
        let left = self.time.deadline.left().unwrap_or_default().saturating_sub(self.time.closing);
        let (fair_batches, least_batches) = self.fewer_batches(usual.len());
        let costs = Costs {
            secs: PLANNED * left.as_secs_f64(),
            fixed_secs: pace.fixed_secs / pace.at_once,
            batch_secs: pace.batch_secs / pace.at_once,
            batches: usual.len(),
            fair_batches,
            least_batches,
            nodes: planes.iter().map(|plan| plan.grid.len()).collect(),
            first_nodes: planes.iter().map(|plan| first_nodes(&plan.grid)).max().unwrap_or(0),
            // Of which only one is measured at once.
            path: (self.path_evaluations(planes) as f64 * pace.at_once).ceil() as usize,
            agreement: self.comparison(planes, drawing_secs),
            tolerance: self.tolerance().unwrap_or(TOLERANCE),
            is_adaptive: self.tolerance().is_some(),
        };
        let choice = costs.choose();
        self.time.reserve = std::time::Duration::from_secs_f64(reserve_secs(&costs, &choice));
        let exact_secs = costs.secs_of(&Choice { tolerance: None, ..costs.everything() });
        Ok(self.told(&costs, &choice, &usual, exact_secs))
    }

    /// Batches that are enough for every node, and the least that there may be; with samples as the user wants them,
    /// those.
    fn fewer_batches(&self, usual: usize) -> (usize, usize) {
        let looked =
            self.pacing.looked_at.as_ref().filter(|_| self.active.config.study.samples.is_none());
        let Some(looked) = looked else { return (usual, usual) };
        let size = looked.found.sizes.first().copied().unwrap_or_default();
        let each = (size.count as f64 / looked.places.len() as f64).max(1.0);
        let least = match size.unit {
            Unit::Samples => (LEAST_SAMPLES as f64 / each).ceil() as usize,
            Unit::Tokens | Unit::Positions | Unit::Batches => usual.div_ceil(LEAST_SHARE),
        };
        // With one batch the standard error is unknown.
        let least = least.max(2).min(usual);
        (usual.div_ceil(FAIR_SHARE).max(least), least)
    }

    /// True losses, each once, and losses where snapshots are drawn.
    fn path_evaluations(&self, planes: &[Plan]) -> usize {
        let paths = planes.iter().filter_map(|plan| plan.trajectory.as_ref());
        let on_planes: usize = paths.map(|path| path.snapshots.len()).sum();
        on_planes + self.path.used().len()
    }

    /// The planes that the last one is compared with, if it is random.
    fn comparison(&self, planes: &[Plan], drawing_secs: f64) -> Comparison {
        let random = planes.last().filter(|plan| plan.slice.x.kind == "random");
        let wanted = self.active.config.study.agreement;
        let size = |side| random.map_or(0, |plan| coarse_grid(&plan.grid, side).len());
        Comparison {
            planes: if random.is_some() { wanted } else { 0 },
            nodes: size(COARSE_SIDE),
            few_nodes: size(FEW_SIDE),
            secs: drawing_secs,
        }
    }

    fn tolerance(&self) -> Option<f64> {
        self.active.config.study.tolerance.filter(|&tolerance| tolerance > 0.0)
    }

    fn told(&self, costs: &Costs, choice: &Choice, usual: &[usize], exact_secs: f64) -> TracePlan {
        let available = self.quantities.sets[0].available;
        let places =
            evenly(choice.batches, usual.len()).into_iter().map(|place| usual[place] as u32);
        let is_all = choice.batches == available;
        let batches = if is_all { U32s::default() } else { places.collect() };
        let limit = self.active.config.study.limit();
        let is_usual = choice.agreement_nodes == costs.agreement.nodes;
        let plan = record!(TracePlan {
            budget_secs: limit.map(|limit| limit.as_secs_f64()),
            batches,
            of_batches: available as u64,
            snapshots: U32s(self.path.read.clone().unwrap_or_default()),
            tolerance: choice.tolerance,
            most_nodes: choice.most_nodes.map(|most| most as u64),
            agreement: choice.agreement as u64,
            agreement_nodes: (!is_usual).then_some(choice.agreement_nodes as u64),
            true_losses: choice.path,
            exact_secs: Some(exact_secs),
        });
        let text = in_words(&plan, costs);
        record!(TracePlan { text, ..plan })
    }

    /// A plane of which as much is measured as was decided.
    fn as_planned(&self, mut plan: Plan) -> Plan {
        let Some(told) = &self.planned.plan else { return plan };
        plan.slice.tolerance = told.tolerance;
        let most_nodes = told.most_nodes.map(|most| most as usize);
        plan.extent = Measuring { most_nodes, true_losses: told.true_losses };
        plan.planned = Planned { most_nodes: told.most_nodes, ..plan.planned };
        plan
    }

    /// Tells of slices that were just started what is going to be measured of them, unless it is everything.
    pub(super) fn tell_plan(&mut self, slices: Vec<u32>) {
        let batches = self.batches_in_use();
        let of_batches = self.quantities.sets[0].available as u64;
        let of_batches_alone = || {
            let text = format!("Planned: {} of {of_batches} batches.", batches.len());
            let batches = U32s(batches.clone());
            record!(TracePlan { batches, of_batches, true_losses: true, text })
        };
        let plan = self.planned.plan.clone();
        let plan = plan.or_else(|| (!batches.is_empty()).then(of_batches_alone));
        let Some(plan) = plan.filter(|_| !slices.is_empty()) else { return };
        self.record(Record::Plan(record!(TracePlan { slices: slices.clone(), ..plan.clone() })));
        let before = self.planned.told.take().map_or_else(Vec::new, |told| told.slices);
        self.planned.told = Some(record!(TracePlan { slices: [before, slices].concat(), ..plan }));
    }

    /// How typical the random slice is: as the run tells already, or measured now.
    fn default_agreement(&mut self, shown: &SliceSurface) -> Result<()> {
        let shown_number = shown.slice.slice;
        let is_own = |study: &&burnscape_trace::Study| {
            study.kind == "agreement" && study.slices.first() == Some(&shown_number)
        };
        let Some(study) = self.held.studies.iter().find(is_own).cloned() else {
            let wanted = self.active.config.study.agreement;
            let planes = self.planned.plan.as_ref().map_or(wanted, |plan| plan.agreement as usize);
            let most = self.planned.plan.as_ref().and_then(|plan| plan.agreement_nodes);
            let usual = coarse_grid(shown.surface.grid(), COARSE_SIDE).len() as u64;
            let side = if most.is_none_or(|most| usual <= most) { COARSE_SIDE } else { FEW_SIDE };
            return match planes {
                0 => Ok(()),
                planes => self.agreement_of(shown, planes, side).map(|_| ()),
            };
        };
        let missing = self.held.unfinished(|slice| study.slices.contains(&slice.slice));
        let missing = missing.into_iter().filter(|known| known.slice.slice != shown_number);
        let missing = missing.collect::<Vec<_>>().into_iter().map(|known| self.start_again(known));
        let started = missing.collect::<Result<_>>()?;
        self.go_on(started)?;
        self.conclude_again(study)
    }

    /// The final model, or the last one before its weights were NaN or infinite.
    fn default_centre(&mut self) -> Result<Point> {
        let Err(error) = self.centre(&Point::Final) else {
            return Ok(Point::Final);
        };
        let Error::NonFiniteCentre { finite: Some(index), .. } = &error else {
            return Err(error);
        };
        let sentence = format!("{error}; the surfaces lie around snapshot {index} instead");
        log::warn!("burnscape: {sentence}");
        self.note("warning", sentence);
        Ok(Point::Snapshot(*index))
    }

    /// The plane, or a line where fewer parameters move than a plane has directions.
    fn plan_or_line(&mut self, spec: &SliceSpec) -> Result<Plan> {
        let error = match self.plan(spec) {
            Err(error) if error.spans_no_plane() => error,
            plan => return plan,
        };
        let plan = self.plan(&SliceSpec { y: None, ..spec.clone() })?;
        let name = &plan.slice.name;
        self.note("info", format!("the slice `{name}` is a line instead of a plane: {error}"));
        Ok(plan)
    }

    /// A plan, or a note that there is none because nothing moves along its directions.
    fn unless_zero(&self, slice: &str, plan: Result<Plan>) -> Result<Option<Plan>> {
        match plan {
            Ok(plan) => Ok(Some(plan)),
            Err(error @ Error::ZeroDirection { .. }) => {
                self.note("warning", format!("the slice `{slice}` was not drawn: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Seconds of what comes after the planes and their paths.
fn reserve_secs(costs: &Costs, choice: &Choice) -> f64 {
    costs.secs_of(choice) - costs.secs_of(&Choice { agreement: 0, ..*choice })
}

/// What is going to be measured, as a sentence.
fn in_words(plan: &TracePlan, costs: &Costs) -> String {
    let budget = plan.budget_secs.map_or(String::new(), |secs| format!(" for {}", duration(secs)));
    let batches = match plan.batches.len() {
        0 => "all batches".to_string(),
        some => format!("{some} of {} batches", plan.of_batches),
    };
    let nodes = match (plan.tolerance, plan.most_nodes) {
        (None, None) => "every node".to_string(),
        (None, Some(most)) => {
            format!("a coarse grid of at most {} of each plane", counted(most, "node"))
        }
        (Some(tolerance), most) => {
            let most = most.map_or(String::new(), |most| format!(", at most {most} of each plane"));
            let share = percent(tolerance);
            format!("nodes that interpolation does not give within {share} of the range{most}")
        }
    };
    let path = match plan.true_losses {
        true => "",
        false => "; no losses on the path of training",
    };
    let planes = match plan.agreement as usize {
        planes if planes < costs.agreement.planes => "; no further random planes",
        _ => "",
    };
    format!("Planned{budget}: {nodes}, on {batches}{path}{planes}.")
}
