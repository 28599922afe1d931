//! A share of slices that several processes measure: the plan that all of them follow, and the nodes of this one.

use burnscape_landscape::grid::Grid;
use burnscape_landscape::share::share;
use burnscape_landscape::surface::Surface;
use burnscape_run::{Gathered, Part, SharedSlice};
use burnscape_trace::{End, Head, RunFolder, Shards, Trajectory, Writer, record};

use super::known::has_losses;
use crate::config::shard::Shard;
use crate::{Error, Result};

/// The share of every slice that this process measures.
pub(crate) struct Share {
    pub shard: Shard,
    shards: Shards,
    /// What this process is, as a recorder of this run.
    pub head: Head,
    /// Names of slices that the run holds.
    taken_names: Vec<String>,
}

impl Share {
    pub fn new(run: &RunFolder, shard: Shard, head: Head) -> Self {
        Self { shard, shards: Shards::of(run), head, taken_names: Vec::new() }
    }

    /// The same in a run that holds slices of these names.
    pub fn beside(self, taken_names: Vec<String>) -> Self {
        Self { taken_names, ..self }
    }

    /// The number behind those of all slices that are planned in a run.
    pub fn slices_planned(run: &RunFolder) -> u32 {
        let plans = Shards::of(run).plans();
        let plans = plans.iter().filter_map(|folder| SharedSlice::read(folder).ok());
        plans.map(|plan| plan.slice.slice.saturating_add(1)).max().unwrap_or(0)
    }

    /// A trace of its own.
    pub fn writer(&self) -> Result<Writer> {
        Ok(self.shards.writer(self.shard.index(), self.shard.count(), &self.head)?)
    }

    /// The nodes that are measured, in their order.
    pub fn nodes(&self, grid: &Grid) -> Vec<usize> {
        share(grid, self.shard.index() as usize - 1, self.shard.count() as usize)
    }

    /// One of them measures the path of training.
    pub fn measures_path(&self) -> bool {
        self.shard.index() == 1
    }

    /// Whether nothing of a slice is left to be measured here.
    pub fn is_done(&self, loss: &Surface, path: Option<&Trajectory>) -> bool {
        let has_path = path.is_none_or(has_losses);
        let has_nodes = self.nodes(loss.grid()).iter().all(|&node| loss.is_measured(node));
        has_nodes && (has_path || !self.measures_path())
    }

    /// The plan of a slice, which is `own` unless somebody was first, with its folder.
    pub fn plan_of(
        &self,
        own: &SharedSlice,
        first_slice: u32,
        write_directions: impl FnOnce(&RunFolder, u32) -> Result<Option<String>>,
    ) -> Result<(RunFolder, SharedSlice)> {
        let name = &own.slice.name;
        let folder = match self.shards.plan(name) {
            Some(folder) => folder,
            None => self.shards.publish(name, |folder| {
                let plan = self.numbered(own.clone(), first_slice);
                self.write_plan(folder, plan, write_directions)
            })?,
        };
        let plan = SharedSlice::read(&folder).map_err(|reason| self.bad_plan(&folder, reason))?;
        self.check(&folder, &plan, own)?;
        Ok((folder, plan))
    }

    fn write_plan(
        &self,
        folder: &RunFolder,
        mut plan: SharedSlice,
        write_directions: impl FnOnce(&RunFolder, u32) -> Result<Option<String>>,
    ) -> Result<()> {
        plan.slice.directions = write_directions(folder, plan.slice.slice)?;
        let fingerprint = plan.fingerprint(folder);
        plan.shard.plan = fingerprint.map_err(|reason| self.bad_plan(folder, reason))?;
        let mut writer = Writer::create(folder)?;
        plan.records().iter().try_for_each(|record| writer.append(record))?;
        writer.finish(record!(End { reason: "finished".into() }))?;
        Ok(())
    }

    /// With a number and a name that no slice of the run has, planned ones included.
    fn numbered(&self, mut plan: SharedSlice, first_slice: u32) -> SharedSlice {
        let plans = self.shards.plans();
        let plans: Vec<SharedSlice> =
            plans.iter().filter_map(|folder| SharedSlice::read(folder).ok()).collect();
        let behind = plans.iter().map(|it| it.slice.slice.saturating_add(1)).max().unwrap_or(0);
        let number = first_slice.max(behind);
        let is_taken = |name: &String| {
            self.taken_names.contains(name) || plans.iter().any(|it| it.slice.name == *name)
        };
        let wanted = plan.slice.name.clone();
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        let mut names = std::iter::once(wanted.clone()).chain(numbered);
        plan.slice.name = names.find(|name| !is_taken(name)).unwrap_or(wanted.clone());
        (plan.slice.slice, plan.shard.slice) = (number, number);
        plan.trajectory.iter_mut().for_each(|path| path.slice = Some(number));
        plan
    }

    fn bad_plan(&self, folder: &RunFolder, reason: String) -> Error {
        Error::BadPlan { plan: folder.path().to_path_buf(), reason }
    }

    fn check(&self, folder: &RunFolder, plan: &SharedSlice, own: &SharedSlice) -> Result<()> {
        let Some(it) = plan.difference(own) else { return Ok(()) };
        let (slice, plan) = (own.slice.name.clone(), folder.path().to_path_buf());
        Err(Error::OtherPlan { slice, plan, what: it.what, planned: it.planned, found: it.found })
    }

    /// What this share has of a slice already, from the traces of earlier processes.
    pub fn measured(&self, plan: &SharedSlice) -> Result<Gathered> {
        let no_grid = || Error::BadPlan {
            plan: self.shards.path().to_path_buf(),
            reason: format!("the axes of `{}` are no grid", plan.slice.name),
        };
        let mut gathered = Gathered::of(plan).ok_or_else(no_grid)?;
        let own = Some((self.shard.index(), self.shard.count()));
        for folder in self.shards.traces() {
            let part = Part::read(&folder).ok().filter(|part| part.shard() == own);
            let Some(part) = part else { continue };
            match part.plan_of(plan.slice.slice) {
                Some(other) if other != plan.shard.plan => {
                    return Err(Error::OtherPlan {
                        slice: plan.slice.name.clone(),
                        plan: folder.path().to_path_buf(),
                        what: "the fingerprint of the plan",
                        planned: other.to_string(),
                        found: plan.shard.plan.clone(),
                    });
                }
                _ => gathered.add(&part, plan.slice.slice),
            }
        }
        Ok(gathered)
    }
}
