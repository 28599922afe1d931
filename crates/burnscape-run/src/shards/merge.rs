//! Putting shards together: their nodes go to the trace of the run, where whoever reads it finds them.

use burnscape_trace::{
    Check, Curvature, End, EndReason, Error, Item, Reader, Record, RunFolder, Shards, Slice,
    Trajectory, Writer, record,
};

use super::gathered::{Gap, Gathered};
use super::part::Part;
use super::plan::{SharedSlice, are_same};
use crate::{Landscape, Recorded, counted, node_record};

/// Nodes of a record.
const NODES_PER_RECORD: usize = 256;

/// What came of merging.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Merged {
    /// By the number of the slice.
    pub slices: Vec<MergedSlice>,
    /// Plans and traces that were left out.
    pub refused: Vec<Refused>,
    /// What is to be known of traces that were taken, as sentences.
    pub remarks: Vec<String>,
}

/// A slice that was shared out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MergedSlice {
    /// Its number in the run.
    pub slice: u32,
    /// Its name.
    pub name: String,
    /// Its nodes.
    pub nodes: usize,
    /// Those that are measured.
    pub measured: usize,
    /// Those of them that were not in the run before.
    pub added: usize,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Whether all shards measured the same, in a sentence.
    pub agreement: String,
    /// They did, or differ as little as unlike hardware makes them.
    pub agrees: bool,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The plan, or the trace of a shard, by its folder.
    pub name: String,
    /// Why.
    pub why: String,
}

/// Appends to a run whatever its shards have measured and it does not hold yet. Shards may go on meanwhile, and merging may
/// be repeated.
///
/// # Errors
///
/// [`Error::Locked`] while the run is being recorded, and whatever reading and writing it fails with. What is wrong with a
/// plan or with the trace of a shard is no error: it is [refused](Merged::refused).
pub fn merge(run: &RunFolder) -> Result<Merged, Error> {
    let recorded = Recorded::read(run)?;
    let shards = Shards::of(run);
    let mut merged = Merged::default();
    let plans = merged.plans(&shards);
    let parts = merged.parts(&shards, &plans);
    let mut journal = Vec::new();
    for (folder, plan) in &plans {
        match merged.slice(plan, &parts, recorded.landscapes.get(plan.slice.slice)) {
            Ok(records) if records.is_empty() => {}
            Ok(records) => journal.push((folder, plan, records)),
            Err(why) => merged.refuse(folder, why),
        }
    }
    let sharpness = merged.sharpness(run, &parts)?;
    if !journal.is_empty() || !sharpness.is_empty() {
        let reason = recorded.standing.end().map_or(EndReason::Finished, |end| end.reason.clone());
        append(run, &journal, sharpness, reason)?;
    }
    Ok(merged)
}

/// What is appended for a plan in a folder.
type Entry<'a> = (&'a RunFolder, &'a SharedSlice, Vec<Record>);

fn append(
    run: &RunFolder,
    journal: &[Entry<'_>],
    sharpness: Vec<Curvature>,
    reason: EndReason,
) -> Result<(), Error> {
    let (mut writer, resumed) = Writer::resume(run)?;
    for (folder, plan, records) in journal {
        if let Some(file) = &plan.slice.directions {
            Shards::hand_over(file, folder, run)?;
        }
        records.iter().try_for_each(|record| writer.append(record))?;
    }
    sharpness.into_iter().try_for_each(|found| writer.append(&found.into()))?;
    writer.finish(record!(End { reason, steps: resumed.steps }))
}

/// What a measurement of sharpness is about: every process of a program asks the same questions.
fn question(found: &Curvature) -> impl PartialEq + use<> {
    let Curvature { reason, snapshot, step, blocks, preconditioned, largest, smallest, .. } = found;
    let measures: Vec<String> = found.measures.iter().map(|it| it.name.clone()).collect();
    let about = (reason.clone(), *snapshot, *step, blocks.clone(), *preconditioned);
    (about, largest.len(), smallest.len(), found.density.is_some(), measures)
}

impl Merged {
    /// Nothing is missing, refused, or at odds.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.refused.is_empty() && self.slices.iter().all(|it| it.gaps.is_empty() && it.agrees)
    }

    fn refuse(&mut self, folder: &RunFolder, why: String) {
        let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.refused.push(Refused { name, why });
    }

    fn plans(&mut self, shards: &Shards) -> Vec<(RunFolder, SharedSlice)> {
        let mut plans: Vec<(RunFolder, SharedSlice)> = Vec::new();
        for folder in shards.plans() {
            match SharedSlice::read(&folder) {
                Ok(plan) if plans.iter().any(|(_, it)| it.slice.slice == plan.slice.slice) => {
                    self.refuse(&folder, same_number(&plan));
                }
                Ok(plan) => plans.push((folder, plan)),
                Err(why) => self.refuse(&folder, format!("the plan cannot be used: {why}")),
            }
        }
        plans.sort_by_key(|(_, plan)| plan.slice.slice);
        plans
    }

    /// The traces that hold parts of these plans, in the order of their names.
    fn parts(&mut self, shards: &Shards, plans: &[(RunFolder, SharedSlice)]) -> Vec<Part> {
        let mut parts = Vec::new();
        for folder in shards.traces() {
            let part = Part::read(&folder).and_then(|part| {
                let refused =
                    part.slices().into_iter().find_map(|slice| refusal(&part, slice, plans));
                refused.map_or(Ok(part), Err)
            });
            match part {
                Ok(part) => parts.push(part),
                Err(why) => self.refuse(&folder, why),
            }
        }
        for part in parts.iter().filter(|part| part.torn.is_some()) {
            let name = &part.name;
            self.remarks.push(format!(
                "{name}: the last record is not whole, as of a shard that is measuring or was killed; what stands \
                 before it is taken"
            ));
        }
        parts
    }

    /// Sharpness, which every process measures alike: as one of them found it, where the run does not hold it yet.
    fn sharpness(&mut self, run: &RunFolder, parts: &[Part]) -> Result<Vec<Curvature>, Error> {
        let most = parts.iter().map(|part| part.curvatures.len()).max().unwrap_or(0);
        let whole = |part: &&Part| most > 0 && part.curvatures.len() == most;
        let Some(part) = parts.iter().find(whole) else { return Ok(Vec::new()) };
        let mut held = Vec::new();
        for item in Reader::open(run.trace_path())? {
            if let Item::Record { record: Record::Curvature(found), .. } = item? {
                held.push(question(&found));
            }
        }
        let is_new = |found: &&Curvature| !held.contains(&question(found));
        let new: Vec<Curvature> = part.curvatures.iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            let (count, name) = (counted(new.len() as u64, "measurement"), &part.name);
            self.remarks.push(format!("{count} of sharpness from {name}: every shard measures it"));
        }
        Ok(new)
    }

    /// What the run does not hold of a slice yet, as records.
    fn slice(
        &mut self,
        plan: &SharedSlice,
        parts: &[Part],
        known: Option<&Landscape>,
    ) -> Result<Vec<Record>, String> {
        let number = plan.slice.slice;
        if known.is_some_and(|known| !is_same(known.slice(), &plan.slice)) {
            return Err(same_number(plan));
        }
        let mut gathered = Gathered::of(plan).ok_or("its axes are no grid")?;
        parts.iter().for_each(|part| gathered.add(part, number));
        let mut held = Gathered::of(plan).ok_or("its axes are no grid")?;
        known.iter().for_each(|known| held.add_surfaces(known));
        // What the run holds stays as it is, and is held against the shards.
        known.iter().for_each(|known| gathered.add_surfaces(known));
        let missing = |node: &usize| {
            gathered.layers[0].is_measured(*node) && !held.layers[0].is_measured(*node)
        };
        let levels = gathered.layers[0].grid().coarse_to_fine();
        let nodes = levels.into_iter().flat_map(|level| level.nodes);
        let new: Vec<usize> = nodes.filter(missing).collect();
        self.slices.push(MergedSlice {
            slice: number,
            name: plan.slice.name.clone(),
            nodes: gathered.layers[0].losses().len(),
            measured: gathered.layers[0].counts().measured,
            added: new.len(),
            gaps: gathered.gaps(),
            agreement: gathered.agreement_in_words(),
            agrees: gathered.agrees(),
        });
        Ok(records(plan, &gathered, known, &new))
    }
}

/// Slice and path where they are new, nodes, and how shards agree; nothing if no node and no loss on the path is new.
fn records(
    plan: &SharedSlice,
    gathered: &Gathered,
    known: Option<&Landscape>,
    new: &[usize],
) -> Vec<Record> {
    let slice = plan.slice.slice;
    let path = gathered.trajectory.clone().filter(|path| known.is_none_or(|it| is_news(path, it)));
    if new.is_empty() && (known.is_none() || path.is_none()) {
        return Vec::new();
    }
    let told = known.is_none().then(|| Record::from(plan.slice.clone()));
    let check = record!(Check {
        slice: Some(slice),
        name: "shards-agree".into(),
        passed: gathered.agrees(),
        detail: gathered.agreement_in_words(),
    });
    let tiles = new.chunks(NODES_PER_RECORD);
    let tiles = tiles.map(|nodes| Record::from(node_record(slice, &gathered.layers, nodes, false)));
    let first = told.into_iter().chain(path.map(Record::from));
    first.chain(tiles).chain([Record::from(check)]).collect()
}

/// The losses of a path that the run has without them.
fn is_news(path: &Trajectory, known: &Landscape) -> bool {
    let held = known.trajectory().map_or(0, |held| held.loss.len());
    path.loss.len() > held
}

/// Why the trace of a shard is not to be used for a slice.
fn refusal(part: &Part, slice: u32, plans: &[(RunFolder, SharedSlice)]) -> Option<String> {
    let Some((_, plan)) = plans.iter().find(|(_, plan)| plan.slice.slice == slice) else {
        return Some(format!("there is no plan of slice {slice}, which it measures"));
    };
    let found = part.found(slice)?;
    let by_other_plan = found.shard.plan != plan.shard.plan;
    let name = &plan.slice.name;
    if let Some(it) = plan.difference(&found) {
        let (what, planned, found) = (it.what, it.planned, it.found);
        return Some(format!(
            "it measured `{name}` otherwise: {what} is {found}, planned was {planned}"
        ));
    }
    by_other_plan.then(|| {
        let (found, planned) = (&found.shard.plan, &plan.shard.plan);
        format!("it measured `{name}` by another plan: the fingerprint is {found}, that of the plan {planned}")
    })
}

fn same_number(plan: &SharedSlice) -> String {
    let (name, number) = (&plan.slice.name, plan.slice.slice);
    format!(
        "another slice has the number {number} of `{name}` by now: remove the plan and its shards, and measure again"
    )
}

/// Compared as text, since in text NaN equals NaN.
fn is_same(a: &Slice, b: &Slice) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

impl SharedSlice {
    /// Batches have bit for bit the losses that were planned: as on equal hardware.
    #[must_use]
    pub fn has_same_losses(&self, found: &Self) -> bool {
        are_same(&self.shard.batches, &found.shard.batches)
    }
}
